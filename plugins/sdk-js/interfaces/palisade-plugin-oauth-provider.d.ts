/// <reference path="./palisade-plugin-oauth-types.d.ts" />
/// <reference path="./palisade-plugin-types.d.ts" />
declare module 'palisade:plugin/oauth-provider@0.2.0' {
  export function describeEndpoints(): Endpoints;
  /**
   * `userinfo` is the body that the host fetched
   */
  export function mapProfile(ctx: RequestContext, tokens: TokenSet, userinfo: string | null | undefined): ExternalIdentity;
  export type RequestContext = import('palisade:plugin/types@0.2.0').RequestContext;
  export type PluginError = import('palisade:plugin/types@0.2.0').PluginError;
  export type Endpoints = import('palisade:plugin/oauth-types@0.2.0').Endpoints;
  export type TokenSet = import('palisade:plugin/oauth-types@0.2.0').TokenSet;
  export type ExternalIdentity = import('palisade:plugin/oauth-types@0.2.0').ExternalIdentity;
}
