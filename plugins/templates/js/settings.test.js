import assert from 'node:assert/strict';
import test from 'node:test';
import { complaints } from '../src/settings.js';

test('a contact is a mail address', () => {
  assert.deepEqual(complaints({ contact: 'ada@example.com' }), []);
  assert.equal(complaints({ contact: 'ada' }).length, 1);
});
