import { write } from 'palisade:plugin/log@0.2.0';
---
export const login = {
  authenticated(_context, attempt) {
    if (attempt.newNetwork) write('info', 'somebody comes from a new network');
    return { tag: 'proceed' };
  },
};
