import assert from 'node:assert/strict';
import test from 'node:test';
import { complaints, judge } from '../src/policy.js';

const defaults = { allowed_domains: [], blocked_domains: [], disposable: 'reject', disposable_domains: [] };
const outcome = (config, email) => {
  const { verdict } = judge({ ...defaults, ...config }, email);
  return verdict.tag === 'reject' ? verdict.val.code : verdict.tag;
};

test('an ordinary address comes in', () => {
  assert.equal(outcome({}, 'ada@example.com'), 'accept');
});

test('a throw-away address is dealt with as configured, below its domain too', () => {
  assert.equal(outcome({}, 'ada@mailinator.com'), 'disposable-address');
  assert.equal(outcome({}, 'ada@eu.mailinator.com'), 'disposable-address');
  assert.equal(outcome({}, 'ada@notmailinator.com'), 'accept');
  assert.equal(outcome({ disposable: 'waitlist' }, 'ada@yopmail.com'), 'waitlist');
  assert.equal(outcome({ disposable: 'accept' }, 'ada@yopmail.com'), 'accept');
  assert.equal(outcome({ disposable_domains: ['burner.example'] }, 'ada@burner.example'), 'disposable-address');
});

test('where domains are allowed, nobody else comes in', () => {
  const config = { allowed_domains: ['example.com'] };
  assert.equal(outcome(config, 'ada@example.com'), 'accept');
  assert.equal(outcome(config, 'ada@mail.example.com'), 'accept');
  assert.equal(outcome(config, 'ada@example.com.evil.test'), 'domain-not-allowed');
  assert.equal(outcome(config, 'ada@badexample.com'), 'domain-not-allowed');
});

test('a blocked domain is out, whatever else is said', () => {
  const config = { allowed_domains: ['example.com'], blocked_domains: ['evil.example.com'] };
  assert.equal(outcome(config, 'ada@evil.example.com'), 'domain-blocked');
  assert.equal(outcome(config, 'ada@example.com'), 'accept');
});

test('the domain is what follows the last at', () => {
  assert.equal(outcome({ blocked_domains: ['evil.test'] }, '"a@example.com"@evil.test'), 'domain-blocked');
});

test('a configuration is held against what it may say', () => {
  assert.deepEqual(complaints(defaults), []);
  assert.equal(complaints({ ...defaults, allowed_domains: ['@example.com'] }).length, 1);
  assert.equal(complaints({ ...defaults, blocked_domains: 'example.com' }).length, 1);
  assert.equal(complaints({ ...defaults, disposable: 'maybe', blocekd: [] }).length, 2);
});
