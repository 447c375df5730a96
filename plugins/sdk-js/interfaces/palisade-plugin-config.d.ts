declare module 'palisade:plugin/config@0.2.0' {
  /**
   * a JSON object: the manifest's defaults with the operator's values laid over them
   */
  export function get(): string;
}
