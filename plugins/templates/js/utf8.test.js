import assert from 'node:assert/strict';
import test from 'node:test';
import { toBytes, toText } from '../src/utf8.js';

test('what becomes bytes becomes the same text', () => {
  for (const text of ['', '{"name":"Ada"}', 'Grüße, 你好 🦀 %41']) {
    assert.deepEqual(toBytes(text), new TextEncoder().encode(text));
    assert.equal(toText(toBytes(text)), text);
  }
  assert.throws(() => toText([0xff]), URIError);
});
