// The component: what the host calls. The types are the contract's; plugins/sdk-js has them.

import { get } from 'palisade:plugin/config@0.2.0';
import type * as Lifecycle from 'palisade:plugin/lifecycle@0.2.0';
import type * as OauthProvider from 'palisade:plugin/oauth-provider@0.2.0';
import { complaints, endpoints, identity } from './discord.js';

export const lifecycle: typeof Lifecycle = {
  describe() {
    return { id: 'discord', version: '0.1.0', hooks: ['oauth.provider'] };
  },

  validateConfig(json) {
    const wrong = complaints(JSON.parse(json));
    if (wrong.length > 0) throw wrong;
  },
};

export const oauthProvider: typeof OauthProvider = {
  describeEndpoints() {
    return endpoints(JSON.parse(get()));
  },

  mapProfile(_context, _tokens, userinfo) {
    return identity(JSON.parse(get()), userinfo);
  },
};
