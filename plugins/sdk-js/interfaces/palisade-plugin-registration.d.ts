/// <reference path="./palisade-plugin-types.d.ts" />
declare module 'palisade:plugin/registration@0.2.0' {
  export function validate(ctx: RequestContext, candidate: Candidate): Verdict;
  export type RequestContext = import('palisade:plugin/types@0.2.0').RequestContext;
  export type AuthMethod = import('palisade:plugin/types@0.2.0').AuthMethod;
  export type Denial = import('palisade:plugin/types@0.2.0').Denial;
  export type AttributePatch = import('palisade:plugin/types@0.2.0').AttributePatch;
  export type PluginError = import('palisade:plugin/types@0.2.0').PluginError;
  export interface Candidate {
    /**
     * in its canonical spelling: ASCII, lower case
     */
    email: string,
    emailVerified: boolean,
    fullName: string | null | undefined,
    department: string | null | undefined,
    referralSource: string | null | undefined,
    method: AuthMethod,
    /**
     * the identity provider, if the person comes from one
     */
    provider: string | null | undefined,
    /**
     * JSON object the client sent along, such as `{"invitation_code": "…"}`
     */
    payload: string | null | undefined,
  }
  /**
   * There is no way to overrule: of several plugins' verdicts the strictest holds.
   */
  export type Verdict = VerdictAccept | VerdictWaitlist | VerdictReject;
  export interface VerdictAccept {
    tag: 'accept',
    val: AttributePatch,
  }
  /**
   * the account is made but waits for an administrator; the string says why
   */
  export interface VerdictWaitlist {
    tag: 'waitlist',
    val: string,
  }
  export interface VerdictReject {
    tag: 'reject',
    val: Denial,
  }
}
