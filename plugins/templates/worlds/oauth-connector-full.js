import { send } from 'palisade:plugin/http-client@0.2.0';
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

export const oauthExchange = {
  exchangeCode(_context, code, redirectUri, codeVerifier) {
    const body = JSON.stringify({ code, redirect_uri: redirectUri, code_verifier: codeVerifier });
    const raw = text(request('POST', 'https://id.example.com/token', { tag: 'bearer-secret', val: 'client_secret' }, body));
    return { accessToken: JSON.parse(raw).token, idTokenClaims: null, raw };
  },

  fetchProfile(_context, tokens) {
    const bearer = { tag: 'text', val: `Bearer ${tokens.accessToken}` };
    return text(request('GET', 'https://id.example.com/me', bearer, null));
  },
};

function request(method, url, authorization, json) {
  const headers = [['authorization', authorization]];
  if (json) headers.push(['content-type', { tag: 'text', val: 'application/json' }]);
  const body = json && { tag: 'bytes', val: toBytes(json) };
  try {
    return send({ method, url, headers, body, timeoutMs: 0 });
  } catch (error) {
    throw { tag: 'upstream', val: `no answer: ${error.tag ?? error}` };
  }
}

function text(response) {
  if (response.status !== 200) throw { tag: 'upstream', val: `the provider answers ${response.status}` };
  try {
    return toText(response.body);
  } catch {
    throw { tag: 'upstream', val: 'the answer is not UTF-8' };
  }
}
