/// <reference path="./palisade-plugin-types.d.ts" />
declare module 'palisade:plugin/invitations@0.2.0' {
  export function review(ctx: RequestContext, invitation: Invitation): Verdict;
  export type RequestContext = import('palisade:plugin/types@0.2.0').RequestContext;
  export type UserView = import('palisade:plugin/types@0.2.0').UserView;
  export type Denial = import('palisade:plugin/types@0.2.0').Denial;
  export type PluginError = import('palisade:plugin/types@0.2.0').PluginError;
  export interface Invitation {
    orgId: string,
    email: string,
    role: string,
    /**
     * none if an organization's key or an agent invites
     */
    inviter: UserView | null | undefined,
  }
  export type Verdict = VerdictKeep | VerdictDeny;
  export interface VerdictKeep {
    tag: 'keep',
  }
  export interface VerdictDeny {
    tag: 'deny',
    val: Denial,
  }
}
