import { write } from 'palisade:plugin/log@0.2.0';
---
export const invitations = {
  review(_context, invitation) {
    write('info', `somebody is invited as ${invitation.role}`);
    return { tag: 'keep' };
  },
};
