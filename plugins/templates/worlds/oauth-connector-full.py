from wit_world.exports import OauthExchange as OauthExchangeExports
from wit_world.imports import http_client
from wit_world.imports.oauth_types import ClientAuth, Endpoints, ExternalIdentity, TokenSet
from wit_world.imports.types import PluginError_Upstream
---
class OauthProvider(OauthProviderExports):
    def describe_endpoints(self):
        return Endpoints(
            issuer=None,
            authorize="https://id.example.com/authorize",
            token="https://id.example.com/token",
            userinfo="https://id.example.com/me",
            jwks=None,
            scopes=["profile"],
            client_auth=ClientAuth.BASIC,
            extra_authorize_params=[],
        )

    def map_profile(self, ctx, tokens, userinfo):
        profile = json.loads(userinfo or "{}")
        return ExternalIdentity(
            subject=str(profile["id"]),
            email=None,
            email_verified=None,
            full_name=profile.get("name"),
            avatar_url=None,
            raw=userinfo,
        )


class OauthExchange(OauthExchangeExports):
    def exchange_code(self, ctx, code, redirect_uri, code_verifier):
        body = {"code": code, "redirect_uri": redirect_uri, "code_verifier": code_verifier}
        secret = http_client.HeaderValue_BearerSecret("client_secret")
        raw = request("POST", "https://id.example.com/token", secret, json.dumps(body))
        return TokenSet(access_token=json.loads(raw)["token"], id_token_claims=None, raw=raw)

    def fetch_profile(self, ctx, tokens):
        bearer = http_client.HeaderValue_Text(f"Bearer {tokens.access_token}")
        return request("GET", "https://id.example.com/me", bearer, None)


def request(method, url, authorization, body):
    headers = [("authorization", authorization)]
    if body is not None:
        headers.append(("content-type", http_client.HeaderValue_Text("application/json")))
        body = http_client.Body_Bytes(body.encode())
    try:
        answer = http_client.send(http_client.Request(method, url, headers, body, 0))
    except Err as error:
        raise Err(PluginError_Upstream(f"no answer: {error.value}")) from None
    if answer.status != 200:
        raise Err(PluginError_Upstream(f"the provider answers {answer.status}"))
    return answer.body.decode()
