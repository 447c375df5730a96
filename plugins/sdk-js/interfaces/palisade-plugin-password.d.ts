/// <reference path="./palisade-plugin-types.d.ts" />
declare module 'palisade:plugin/password@0.2.0' {
  export function check(candidate: Candidate): Verdict;
  export type Denial = import('palisade:plugin/types@0.2.0').Denial;
  export type PluginError = import('palisade:plugin/types@0.2.0').PluginError;
  /**
   * # Variants
   *
   * ## `"registration"`
   *
   * ## `"reset"`
   *
   * ## `"change"`
   */
  export type Occasion = 'registration' | 'reset' | 'change';
  export interface Candidate {
    occasion: Occasion,
    password: string,
    email: string,
    fullName: string | null | undefined,
  }
  export type Verdict = VerdictAccept | VerdictReject;
  export interface VerdictAccept {
    tag: 'accept',
  }
  export interface VerdictReject {
    tag: 'reject',
    val: Denial,
  }
}
