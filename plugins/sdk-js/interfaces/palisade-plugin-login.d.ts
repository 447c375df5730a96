/// <reference path="./palisade-plugin-types.d.ts" />
declare module 'palisade:plugin/login@0.2.0' {
  export function authenticated(ctx: RequestContext, attempt: Attempt): Verdict;
  export type RequestContext = import('palisade:plugin/types@0.2.0').RequestContext;
  export type UserView = import('palisade:plugin/types@0.2.0').UserView;
  export type AuthMethod = import('palisade:plugin/types@0.2.0').AuthMethod;
  export type Denial = import('palisade:plugin/types@0.2.0').Denial;
  export type PluginError = import('palisade:plugin/types@0.2.0').PluginError;
  export interface Attempt {
    user: UserView,
    method: AuthMethod,
    /**
     * the identity provider, if one was used
     */
    provider: string | null | undefined,
    /**
     * how the person proved who they are, in the words of RFC 8176, such as `pwd`
     */
    amr: Array<string>,
    /**
     * nobody has signed in to this account from this network lately
     */
    newNetwork: boolean,
  }
  /**
   * There is no "let in anyway": a plugin keeps the host's decision or tightens it.
   */
  export type Verdict = VerdictProceed | VerdictStepUp | VerdictDeny;
  export interface VerdictProceed {
    tag: 'proceed',
  }
  /**
   * wants a stronger proof; where the person has none to give, this refuses as `deny` does
   */
  export interface VerdictStepUp {
    tag: 'step-up',
    val: Denial,
  }
  export interface VerdictDeny {
    tag: 'deny',
    val: Denial,
  }
}
