/// <reference path="./palisade-plugin-types.d.ts" />
declare module 'palisade:plugin/events@0.2.0' {
  /**
   * How many, counted from the first, need not come again. The others come again, later.
   */
  export function deliver(ctx: RequestContext, batch: Array<Event>): number;
  export type RequestContext = import('palisade:plugin/types@0.2.0').RequestContext;
  export type PluginError = import('palisade:plugin/types@0.2.0').PluginError;
  export interface Event {
    /**
     * the same each time it is delivered
     */
    id: string,
    /**
     * counts up; there may be gaps
     */
    sequence: number,
    /**
     * such as `Register`: the operation's name
     */
    kind: string,
    /**
     * milliseconds since 1970
     */
    occurredAt: number,
    /**
     * false: it was tried, and refused or failed
     */
    succeeded: boolean,
    orgId: string | null | undefined,
    /**
     * JSON object: who, as whom, on what, from where, and details; no secrets
     */
    payload: string,
  }
}
