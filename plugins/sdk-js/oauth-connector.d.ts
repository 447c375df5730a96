/// <reference path="./interfaces/palisade-plugin-config.d.ts" />
/// <reference path="./interfaces/palisade-plugin-lifecycle.d.ts" />
/// <reference path="./interfaces/palisade-plugin-log.d.ts" />
/// <reference path="./interfaces/palisade-plugin-oauth-provider.d.ts" />
/// <reference path="./interfaces/palisade-plugin-oauth-types.d.ts" />
/// <reference path="./interfaces/palisade-plugin-types.d.ts" />
declare module 'palisade:plugin/oauth-connector@0.2.0' {
  export type * as PalisadePluginConfig020 from 'palisade:plugin/config@0.2.0'; // import palisade:plugin/config@0.2.0
  export type * as PalisadePluginLog020 from 'palisade:plugin/log@0.2.0'; // import palisade:plugin/log@0.2.0
  export type * as PalisadePluginOauthTypes020 from 'palisade:plugin/oauth-types@0.2.0'; // import palisade:plugin/oauth-types@0.2.0
  export type * as PalisadePluginTypes020 from 'palisade:plugin/types@0.2.0'; // import palisade:plugin/types@0.2.0
  export * as oauthProvider from 'palisade:plugin/oauth-provider@0.2.0'; // export palisade:plugin/oauth-provider@0.2.0
  export * as lifecycle from 'palisade:plugin/lifecycle@0.2.0'; // export palisade:plugin/lifecycle@0.2.0
}
