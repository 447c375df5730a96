import assert from 'node:assert/strict';
import test from 'node:test';
import { complaints, endpoints, identity } from '../build/discord.js';

const config = { email: true, unverified: true };
const ada = { id: '80351110224678912', username: 'ada', global_name: 'Ada Lovelace', avatar: 'a1', email: 'ada@example.com', verified: true };

test('a profile becomes an identity', () => {
  assert.deepEqual(identity(config, JSON.stringify(ada)), {
    subject: '80351110224678912',
    email: 'ada@example.com',
    emailVerified: true,
    fullName: 'Ada Lovelace',
    avatarUrl: 'https://cdn.discordapp.com/avatars/80351110224678912/a1.png',
    raw: JSON.stringify(ada),
  });
});

test('what Discord does not say is not made up', () => {
  const bare = identity(config, JSON.stringify({ id: '7', username: 'bob', avatar: null, global_name: null }));
  assert.deepEqual(
    [bare.email, bare.emailVerified, bare.fullName, bare.avatarUrl],
    [null, null, 'bob', null],
  );
  assert.equal(identity(config, JSON.stringify({ ...ada, verified: undefined })).emailVerified, false);
});

test('people without a verified address stay out where the operator wants it', () => {
  const strict = { ...config, unverified: false };
  assert.equal(identity(strict, JSON.stringify(ada)).subject, ada.id);
  for (const verified of [false, undefined]) {
    assert.throws(() => identity(strict, JSON.stringify({ ...ada, verified })), { tag: 'invalid-input' });
  }
});

test('what is no profile is an error, and no identity', () => {
  for (const userinfo of [null, '', '[]', 'null', '{"id": 7, "username": "x"}', '{"id": "../7", "username": "x"}']) {
    assert.throws(() => identity(config, userinfo), { tag: 'upstream' }, String(userinfo));
  }
});

test('the address is asked for only if it is wanted', () => {
  assert.deepEqual(endpoints(config).scopes, ['identify', 'email']);
  assert.deepEqual(endpoints({ ...config, email: false }).scopes, ['identify']);
});

test('a configuration is held against what it may say', () => {
  assert.deepEqual(complaints(config), []);
  assert.equal(complaints({ ...config, email: 'yes', emial: true }).length, 2);
});
