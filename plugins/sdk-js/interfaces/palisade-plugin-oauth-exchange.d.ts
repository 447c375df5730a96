/// <reference path="./palisade-plugin-oauth-types.d.ts" />
/// <reference path="./palisade-plugin-types.d.ts" />
declare module 'palisade:plugin/oauth-exchange@0.2.0' {
  export function exchangeCode(ctx: RequestContext, code: string, redirectUri: string, codeVerifier: string): TokenSet;
  /**
   * Instead of the host's own request for the profile; the answer goes to `map-profile` as `userinfo`.
   */
  export function fetchProfile(ctx: RequestContext, tokens: TokenSet): string | null;
  export type RequestContext = import('palisade:plugin/types@0.2.0').RequestContext;
  export type PluginError = import('palisade:plugin/types@0.2.0').PluginError;
  export type TokenSet = import('palisade:plugin/oauth-types@0.2.0').TokenSet;
}
