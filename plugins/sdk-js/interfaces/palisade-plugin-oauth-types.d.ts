declare module 'palisade:plugin/oauth-types@0.2.0' {
  /**
   * # Variants
   *
   * ## `"none"`
   *
   * ## `"basic"`
   *
   * ## `"post"`
   */
  export type ClientAuth = 'none' | 'basic' | 'post';
  export interface Endpoints {
    /**
     * set for an OpenID provider: the host then verifies id tokens against `jwks`
     */
    issuer: string | null | undefined,
    authorize: string,
    token: string,
    userinfo: string | null | undefined,
    jwks: string | null | undefined,
    scopes: Array<string>,
    clientAuth: ClientAuth,
    /**
     * never one that the host sets itself, such as `state` or `redirect_uri`
     */
    extraAuthorizeParams: Array<[string, string]>,
  }
  export interface TokenSet {
    accessToken: string,
    /**
     * JSON object of an id token that the host has verified
     */
    idTokenClaims: string | null | undefined,
    /**
     * the token endpoint's whole answer, a JSON object
     */
    raw: string,
  }
  export interface ExternalIdentity {
    /**
     * the provider's own, for ever the same; never an e-mail address
     */
    subject: string,
    email: string | null | undefined,
    /**
     * honoured only where the operator trusts this provider with it
     */
    emailVerified: boolean | null | undefined,
    fullName: string | null | undefined,
    avatarUrl: string | null | undefined,
    /**
     * JSON object
     */
    raw: string,
  }
}
