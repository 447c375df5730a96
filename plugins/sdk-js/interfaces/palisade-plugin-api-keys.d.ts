/// <reference path="./palisade-plugin-types.d.ts" />
declare module 'palisade:plugin/api-keys@0.2.0' {
  export function review(ctx: RequestContext, request: Request): Verdict;
  export type RequestContext = import('palisade:plugin/types@0.2.0').RequestContext;
  export type UserView = import('palisade:plugin/types@0.2.0').UserView;
  export type ActorKind = import('palisade:plugin/types@0.2.0').ActorKind;
  export type Denial = import('palisade:plugin/types@0.2.0').Denial;
  export type PluginError = import('palisade:plugin/types@0.2.0').PluginError;
  export interface Request {
    /**
     * for whom the key acts
     */
    owner: ActorKind,
    /**
     * the person who makes it
     */
    issuer: UserView | null | undefined,
    name: string,
    scopes: Array<string>,
    /**
     * none: until it is revoked
     */
    expiresInSeconds: number | null | undefined,
  }
  /**
   * What is left of the wish: of `scopes` only those asked for count, and the sooner end holds.
   */
  export interface Narrowing {
    scopes: Array<string> | null | undefined,
    expiresInSeconds: number | null | undefined,
  }
  export type Verdict = VerdictKeep | VerdictNarrow | VerdictDeny;
  export interface VerdictKeep {
    tag: 'keep',
  }
  export interface VerdictNarrow {
    tag: 'narrow',
    val: Narrowing,
  }
  export interface VerdictDeny {
    tag: 'deny',
    val: Denial,
  }
}
