// What Discord is, which knows nothing of components and is tested without one.

import type { Endpoints, ExternalIdentity } from 'palisade:plugin/oauth-types@0.2.0';
import type { PluginError } from 'palisade:plugin/types@0.2.0';

export interface Config {
  email: boolean;
  unverified: boolean;
}

/** The profile as Discord tells it, as far as we read it. */
interface User {
  id: string;
  username: string;
  global_name?: string | null;
  avatar?: string | null;
  email?: string | null;
  verified?: boolean;
}

/** What is wrong with a configuration, one thing each. */
export function complaints(config: Record<string, unknown>): string[] {
  return Object.entries(config).flatMap(([key, value]) => {
    if (key !== 'email' && key !== 'unverified') return [`${key}: is not known`];
    return typeof value === 'boolean' ? [] : [`${key}: must be true or false`];
  });
}

export function endpoints(config: Config): Endpoints {
  return {
    issuer: null,
    authorize: 'https://discord.com/oauth2/authorize',
    token: 'https://discord.com/api/oauth2/token',
    userinfo: 'https://discord.com/api/users/@me',
    jwks: null,
    scopes: config.email ? ['identify', 'email'] : ['identify'],
    clientAuth: 'basic',
    extraAuthorizeParams: [],
  };
}

export function identity(config: Config, userinfo: string | null | undefined): ExternalIdentity {
  const user = parsed(userinfo);
  if (!config.unverified && user.verified !== true) {
    throw refused({ tag: 'invalid-input', val: 'the address is not verified at Discord' });
  }
  return {
    subject: user.id,
    email: user.email ?? null,
    emailVerified: user.email ? user.verified === true : null,
    fullName: user.global_name || user.username,
    avatarUrl: user.avatar ? `https://cdn.discordapp.com/avatars/${user.id}/${user.avatar}.png` : null,
    raw: JSON.stringify(user),
  };
}

function parsed(userinfo: string | null | undefined): User {
  let user: Partial<User> | null = null;
  try {
    user = JSON.parse(userinfo ?? '');
  } catch {
    // Told below.
  }
  // An id is a number too large for JavaScript, and Discord writes it as a text.
  if (typeof user?.id !== 'string' || !/^[0-9]{1,20}$/.test(user.id) || typeof user.username !== 'string') {
    throw refused({ tag: 'upstream', val: 'this is not a profile of Discord' });
  }
  return user as User;
}

/** For the compiler: what the contract lets a hook throw. */
function refused(error: PluginError): PluginError {
  return error;
}
