// The component: what the host calls, and what is handed to the policy.

import { get } from 'palisade:plugin/config@0.2.0';
import { write } from 'palisade:plugin/log@0.2.0';
import { complaints, judge } from './policy.js';

export const lifecycle = {
  describe() {
    return { id: 'domain-policy', version: '0.1.0', hooks: ['registration.validate'] };
  },

  validateConfig(json) {
    const wrong = complaints(JSON.parse(json));
    if (wrong.length > 0) throw wrong;
  },
};

export const registration = {
  validate(_context, candidate) {
    const { verdict, note } = judge(JSON.parse(get()), candidate.email);
    if (note) write('info', note);
    return verdict;
  },
};
