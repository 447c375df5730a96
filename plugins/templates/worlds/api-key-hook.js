---
export const apiKeys = {
  review(_context, _request) {
    // The sooner end holds: a plugin cannot make a key live longer.
    return { tag: 'narrow', val: { scopes: null, expiresInSeconds: 30 * 24 * 60 * 60 } };
  },
};
