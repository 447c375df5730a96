from wit_world.imports.oauth_types import ClientAuth, Endpoints, ExternalIdentity
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
