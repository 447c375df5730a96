---
class TokenClaims(TokenClaimsExports):
    def customize(self, ctx, mint):
        return json.dumps({"department": mint.user.department})
