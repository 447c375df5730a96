/// <reference path="./interfaces/palisade-plugin-config.d.ts" />
/// <reference path="./interfaces/palisade-plugin-lifecycle.d.ts" />
/// <reference path="./interfaces/palisade-plugin-password.d.ts" />
/// <reference path="./interfaces/palisade-plugin-types.d.ts" />
declare module 'palisade:plugin/password-policy@0.2.0' {
  export type * as PalisadePluginConfig020 from 'palisade:plugin/config@0.2.0'; // import palisade:plugin/config@0.2.0
  export type * as PalisadePluginTypes020 from 'palisade:plugin/types@0.2.0'; // import palisade:plugin/types@0.2.0
  export * as lifecycle from 'palisade:plugin/lifecycle@0.2.0'; // export palisade:plugin/lifecycle@0.2.0
  export * as password from 'palisade:plugin/password@0.2.0'; // export palisade:plugin/password@0.2.0
}
