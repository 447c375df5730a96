// The component: what the host calls. Rules that need no host stand in files of their own, and are tested there.

{{imports}}import { complaints } from './settings.js';
{{more}}
export const lifecycle = {
  describe() {
    return { id: '{{name}}', version: '0.1.0', hooks: ['{{hook}}'] };
  },

  validateConfig(json) {
    const wrong = complaints(JSON.parse(json));
    if (wrong.length > 0) throw wrong;
  },
};

{{exports}}
