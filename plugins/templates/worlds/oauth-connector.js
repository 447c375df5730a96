---
export const oauthProvider = {
  describeEndpoints() {
    return {
      issuer: null,
      authorize: 'https://id.example.com/authorize',
      token: 'https://id.example.com/token',
      userinfo: 'https://id.example.com/me',
      jwks: null,
      scopes: ['profile'],
      clientAuth: 'basic',
      extraAuthorizeParams: [],
    };
  },

  mapProfile(_context, _tokens, userinfo) {
    const profile = JSON.parse(userinfo);
    return {
      subject: String(profile.id),
      email: null,
      emailVerified: null,
      fullName: profile.name ?? null,
      avatarUrl: null,
      raw: userinfo,
    };
  },
};
