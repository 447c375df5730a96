from wit_world.exports.api_keys import Narrowing, Verdict_Narrow
---
class ApiKeys(ApiKeysExports):
    def review(self, ctx, request):
        # The sooner end holds: a plugin cannot make a key live longer.
        return Verdict_Narrow(Narrowing(scopes=None, expires_in_seconds=30 * 24 * 60 * 60))
