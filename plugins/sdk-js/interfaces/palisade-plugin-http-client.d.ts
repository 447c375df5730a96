declare module 'palisade:plugin/http-client@0.2.0' {
  export function send(request: Request): Response;
  /**
   * HMAC-SHA-256 under a secret over `prefix` and then the body, written as `lead` and then lower-case hexadecimal
   */
  export interface Signature {
    secret: string,
    lead: string,
    prefix: string,
  }
  export type HeaderValue = HeaderValueText | HeaderValueSecret | HeaderValueBearerSecret | HeaderValueBasicSecret | HeaderValueSigned;
  export interface HeaderValueText {
    tag: 'text',
    val: string,
  }
  /**
   * the secret of this name
   */
  export interface HeaderValueSecret {
    tag: 'secret',
    val: string,
  }
  /**
   * `Bearer ` and the secret of this name
   */
  export interface HeaderValueBearerSecret {
    tag: 'bearer-secret',
    val: string,
  }
  /**
   * HTTP Basic with this user name, and the secret of this name as its password
   */
  export interface HeaderValueBasicSecret {
    tag: 'basic-secret',
    val: [string, string],
  }
  export interface HeaderValueSigned {
    tag: 'signed',
    val: Signature,
  }
  export type FieldValue = FieldValueText | FieldValueSecret;
  export interface FieldValueText {
    tag: 'text',
    val: string,
  }
  /**
   * the secret of this name
   */
  export interface FieldValueSecret {
    tag: 'secret',
    val: string,
  }
  export type Body = BodyBytes | BodyForm;
  export interface BodyBytes {
    tag: 'bytes',
    val: Uint8Array,
  }
  /**
   * `application/x-www-form-urlencoded`; the host sets the content type
   */
  export interface BodyForm {
    tag: 'form',
    val: Array<[string, FieldValue]>,
  }
  export interface Request {
    /**
     * `GET`, `POST`, `PUT`, `PATCH`, `DELETE` or `HEAD`
     */
    method: string,
    /**
     * absolute, without user, password and fragment
     */
    url: string,
    headers: Array<[string, HeaderValue]>,
    body: Body | null | undefined,
    /**
     * at most what is left of the call's time; 0 means all of it
     */
    timeoutMs: number,
  }
  export interface Response {
    status: number,
    /**
     * names in lower case; a secret that the other side sends back is blanked, in the body too
     */
    headers: Array<[string, string]>,
    body: Uint8Array,
  }
  export type HttpError = HttpErrorDenied | HttpErrorInvalid | HttpErrorUnreachable | HttpErrorTimeout | HttpErrorTooLarge | HttpErrorTooMany;
  /**
   * by the manifest, the grant, a policy or the address; the string says which, for the log
   */
  export interface HttpErrorDenied {
    tag: 'denied',
    val: string,
  }
  /**
   * not something that can be sent
   */
  export interface HttpErrorInvalid {
    tag: 'invalid',
    val: string,
  }
  export interface HttpErrorUnreachable {
    tag: 'unreachable',
    val: string,
  }
  export interface HttpErrorTimeout {
    tag: 'timeout',
  }
  /**
   * the answer, or what was to be sent, is larger than allowed
   */
  export interface HttpErrorTooLarge {
    tag: 'too-large',
  }
  /**
   * no more requests in this call
   */
  export interface HttpErrorTooMany {
    tag: 'too-many',
  }
}
