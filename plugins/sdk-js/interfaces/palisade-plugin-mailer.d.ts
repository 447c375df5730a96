/// <reference path="./palisade-plugin-types.d.ts" />
declare module 'palisade:plugin/mailer@0.2.0' {
  /**
   * The other side's id of the letter, for the log. An error means that the host tries again later.
   */
  export function send(ctx: RequestContext, message: Message): string | null;
  export type RequestContext = import('palisade:plugin/types@0.2.0').RequestContext;
  export type PluginError = import('palisade:plugin/types@0.2.0').PluginError;
  export interface Message {
    /**
     * the same for each try of one letter
     */
    idempotencyKey: string,
    /**
     * such as `verify-email`
     */
    template: string,
    sender: string,
    to: string,
    subject: string,
    text: string,
    html: string,
  }
}
