declare module 'palisade:plugin/lifecycle@0.2.0' {
  export function describe(): PluginInfo;
  /**
   * Called with the configuration before it is used; each string tells one thing to mend.
   */
  export function validateConfig(configJson: string): void;
  export interface PluginInfo {
    /**
     * must equal the manifest's
     */
    id: string,
    version: string,
    hooks: Array<string>,
  }
}
