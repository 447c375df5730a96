import { send } from 'palisade:plugin/http-client@0.2.0';
---
export const credentialMigration = {
  verifyLegacy(_context, email, password) {
    const outcome = { 200: 'correct', 401: 'wrong-password', 404: 'no-such-user' }[post({ email, password })];
    if (!outcome) throw { tag: 'upstream', val: 'neither yes nor no' };
    return { tag: outcome };
  },
};

function post(value) {
  const headers = [
    ['authorization', { tag: 'bearer-secret', val: 'token' }],
    ['content-type', { tag: 'text', val: 'application/json' }],
  ];
  const body = { tag: 'bytes', val: toBytes(JSON.stringify(value)) };
  try {
    return send({ method: 'POST', url: 'https://api.example.com/hook', headers, body, timeoutMs: 0 }).status;
  } catch (error) {
    throw { tag: 'upstream', val: `no answer: ${error.tag ?? error}` };
  }
}
