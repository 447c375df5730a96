/// <reference path="./interfaces/palisade-plugin-config.d.ts" />
/// <reference path="./interfaces/palisade-plugin-events.d.ts" />
/// <reference path="./interfaces/palisade-plugin-http-client.d.ts" />
/// <reference path="./interfaces/palisade-plugin-kv.d.ts" />
/// <reference path="./interfaces/palisade-plugin-lifecycle.d.ts" />
/// <reference path="./interfaces/palisade-plugin-log.d.ts" />
/// <reference path="./interfaces/palisade-plugin-types.d.ts" />
declare module 'palisade:plugin/event-sink@0.2.0' {
  export type * as PalisadePluginConfig020 from 'palisade:plugin/config@0.2.0'; // import palisade:plugin/config@0.2.0
  export type * as PalisadePluginHttpClient020 from 'palisade:plugin/http-client@0.2.0'; // import palisade:plugin/http-client@0.2.0
  export type * as PalisadePluginKv020 from 'palisade:plugin/kv@0.2.0'; // import palisade:plugin/kv@0.2.0
  export type * as PalisadePluginLog020 from 'palisade:plugin/log@0.2.0'; // import palisade:plugin/log@0.2.0
  export type * as PalisadePluginTypes020 from 'palisade:plugin/types@0.2.0'; // import palisade:plugin/types@0.2.0
  export * as events from 'palisade:plugin/events@0.2.0'; // export palisade:plugin/events@0.2.0
  export * as lifecycle from 'palisade:plugin/lifecycle@0.2.0'; // export palisade:plugin/lifecycle@0.2.0
}
