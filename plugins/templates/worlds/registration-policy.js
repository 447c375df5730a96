import { write } from 'palisade:plugin/log@0.2.0';
---
export const registration = {
  validate(_context, _candidate) {
    write('info', 'asked about a registration');
    return { tag: 'accept', val: { set: [] } };
  },
};
