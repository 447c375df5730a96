import { send } from 'palisade:plugin/http-client@0.2.0';
---
export const mailer = {
  send(_context, { idempotencyKey, to, subject, text, html }) {
    const status = post({ key: idempotencyKey, to, subject, text, html });
    if (status >= 300) throw { tag: 'upstream', val: 'the letter was not taken' };
    return null;
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
