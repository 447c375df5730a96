declare module 'palisade:plugin/types@0.2.0' {
  /**
   * Who is asking and through what. Holds no secret and no token.
   */
  export interface RequestContext {
    requestId: string,
    /**
     * the name of the hook, such as `registration.validate`
     */
    hook: string,
    /**
     * what is left of this call's time, in milliseconds
     */
    budgetMs: number,
    /**
     * the host's time in seconds since 1970: a plugin has no clock of its own, so that a call can be played again
     */
    now: number,
    clientIp: string | null | undefined,
    userAgent: string | null | undefined,
    /**
     * a language such as `de`, if the person has said one
     */
    locale: string | null | undefined,
    /**
     * the organization this is about, if it is about one
     */
    orgId: string | null | undefined,
    /**
     * the binding is in monitor mode: the answer is recorded and has no effect
     */
    dryRun: boolean,
  }
  /**
   * # Variants
   *
   * ## `"password"`
   *
   * ## `"oauth"`
   *
   * ## `"passkey"`
   *
   * ## `"magic-link"`
   *
   * ## `"api-key"`
   */
  export type AuthMethod = 'password' | 'oauth' | 'passkey' | 'magic-link' | 'api-key';
  /**
   * # Variants
   *
   * ## `"human"`
   *
   * ## `"agent"`
   *
   * ## `"service"`
   */
  export type ActorKind = 'human' | 'agent' | 'service';
  /**
   * A person who has an account.
   */
  export interface UserView {
    id: string,
    /**
     * in its canonical spelling: ASCII, lower case
     */
    email: string,
    emailVerified: boolean,
    fullName: string | null | undefined,
    department: string | null | undefined,
    /**
     * JSON object of what administrators noted about the person
     */
    attributes: string,
  }
  /**
   * A refusal that the person concerned will read.
   */
  export interface Denial {
    /**
     * a stable kebab-case word for programs; the host puts `plugin:<plugin id>/` before it
     */
    code: string,
    /**
     * one plain sentence, at most 300 characters; markup means nothing
     */
    message: string,
    /**
     * the field of the form this is about
     */
    field: string | null | undefined,
  }
  /**
   * Fields of the profile to fill in, by name. The host takes `full-name` and `department`, at most
   * 200 characters each, and drops every other name: a plugin cannot verify an address or give a role.
   */
  export interface AttributePatch {
    set: Array<[string, string]>,
  }
  /**
   * The plugin could not answer. The binding's failure policy decides what follows.
   */
  export type PluginError = PluginErrorInvalidInput | PluginErrorUpstream | PluginErrorTimeout | PluginErrorConfig | PluginErrorInternal;
  export interface PluginErrorInvalidInput {
    tag: 'invalid-input',
    val: string,
  }
  /**
   * somebody the plugin asked over HTTP did not answer, or answered nonsense
   */
  export interface PluginErrorUpstream {
    tag: 'upstream',
    val: string,
  }
  export interface PluginErrorTimeout {
    tag: 'timeout',
  }
  export interface PluginErrorConfig {
    tag: 'config',
    val: string,
  }
  export interface PluginErrorInternal {
    tag: 'internal',
    val: string,
  }
}
