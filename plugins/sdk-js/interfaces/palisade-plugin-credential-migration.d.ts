/// <reference path="./palisade-plugin-types.d.ts" />
declare module 'palisade:plugin/credential-migration@0.2.0' {
  export function verifyLegacy(ctx: RequestContext, identifier: string, password: string): Outcome;
  export type RequestContext = import('palisade:plugin/types@0.2.0').RequestContext;
  export type PluginError = import('palisade:plugin/types@0.2.0').PluginError;
  export type Outcome = OutcomeNoSuchUser | OutcomeWrongPassword | OutcomeCorrect;
  export interface OutcomeNoSuchUser {
    tag: 'no-such-user',
  }
  export interface OutcomeWrongPassword {
    tag: 'wrong-password',
  }
  /**
   * the host keeps a hash of its own and does not ask again
   */
  export interface OutcomeCorrect {
    tag: 'correct',
  }
}
