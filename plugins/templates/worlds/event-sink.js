import { send } from 'palisade:plugin/http-client@0.2.0';
---
export const events = {
  deliver(_context, batch) {
    const status = post(batch.map(({ id, kind }) => ({ id, kind })));
    if (status >= 300) throw { tag: 'upstream', val: 'the events were not taken' };
    return batch.length;
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
