/// <reference path="./palisade-plugin-types.d.ts" />
declare module 'palisade:plugin/token-claims@0.2.0' {
  /**
   * A JSON object of at most 1 KiB. It stands in the token under `ext.<plugin id>` and nowhere else.
   */
  export function customize(ctx: RequestContext, mint: Mint): string;
  export type RequestContext = import('palisade:plugin/types@0.2.0').RequestContext;
  export type UserView = import('palisade:plugin/types@0.2.0').UserView;
  export type ActorKind = import('palisade:plugin/types@0.2.0').ActorKind;
  export type PluginError = import('palisade:plugin/types@0.2.0').PluginError;
  export interface Mint {
    user: UserView,
    actor: ActorKind,
    sessionId: string | null | undefined,
    scopes: Array<string>,
    audience: Array<string>,
  }
}
