// The rule itself, which knows nothing of components and is tested without one.

import { DISPOSABLE } from './disposable.js';

const LISTS = ['allowed_domains', 'blocked_domains', 'disposable_domains'];
const OUTCOMES = ['reject', 'waitlist', 'accept'];
const DOMAIN = /^[a-z0-9-]+(\.[a-z0-9-]+)+$/;

/** What is wrong with a configuration, one thing each. */
export function complaints(config) {
  const wrong = [];
  for (const key of Object.keys(config)) {
    if (!LISTS.includes(key) && key !== 'disposable') wrong.push(`${key}: is not known`);
  }
  for (const list of LISTS) {
    const domains = config[list];
    if (!Array.isArray(domains)) {
      wrong.push(`${list}: must be a list`);
      continue;
    }
    for (const domain of domains) {
      if (typeof domain !== 'string' || !DOMAIN.test(domain)) {
        wrong.push(`${list}: \`${domain}\` is not a domain such as \`example.com\``);
      }
    }
  }
  if (!OUTCOMES.includes(config.disposable)) wrong.push(`disposable: must be one of ${OUTCOMES.join(', ')}`);
  return wrong;
}

/** The verdict about an address, and a line for the log that holds nothing of the person. */
export function judge(config, email) {
  const names = withParents(email.slice(email.lastIndexOf('@') + 1));
  const among = (domains) => names.some((name) => domains.includes(name));
  if (among(config.blocked_domains)) return rejected('domain-blocked', 'Addresses of this domain cannot be used here.');
  if (config.allowed_domains.length > 0 && !among(config.allowed_domains)) {
    return rejected('domain-not-allowed', 'Only addresses of certain domains can be used here.');
  }
  if (names.some((name) => DISPOSABLE.has(name)) || among(config.disposable_domains)) {
    if (config.disposable === 'waitlist') {
      return { verdict: { tag: 'waitlist', val: 'an address at a service for throw-away mail' } };
    }
    if (config.disposable === 'reject') {
      const refusal = rejected('disposable-address', 'Please use an address that you will keep.');
      return { ...refusal, note: 'refused an address at a service for throw-away mail' };
    }
  }
  return { verdict: { tag: 'accept', val: { set: [] } } };
}

/** `a.b.example.com`, then `b.example.com`, `example.com`, `com`. */
function withParents(domain) {
  const labels = domain.split('.');
  return labels.map((_, at) => labels.slice(at).join('.'));
}

function rejected(code, message) {
  return { verdict: { tag: 'reject', val: { code, message, field: 'email' } } };
}
