declare module 'palisade:plugin/kv@0.2.0' {
  export function get(key: string): Uint8Array | null;
  /**
   * `ttl-seconds` is at most 400 days; 0 means that.
   */
  export function set(key: string, value: Uint8Array, ttlSeconds: number): void;
  export { _delete as delete };
  function _delete(key: string): void;
  /**
   * Adds to a number as one step and tells the sum. A fresh key begins at 0, and only then the time to live counts.
   */
  export function increment(key: string, by: number, ttlSeconds: number): number;
  export type KvError = KvErrorDenied | KvErrorInvalid | KvErrorQuota | KvErrorUnavailable;
  /**
   * by the manifest, the grant or a policy
   */
  export interface KvErrorDenied {
    tag: 'denied',
    val: string,
  }
  /**
   * a key has 1 to 200 characters, a value at most 16 KiB
   */
  export interface KvErrorInvalid {
    tag: 'invalid',
    val: string,
  }
  export interface KvErrorQuota {
    tag: 'quota',
  }
  export interface KvErrorUnavailable {
    tag: 'unavailable',
  }
}
