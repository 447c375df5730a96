from wit_world.exports.login import Verdict_Proceed
from wit_world.imports import log
---
class Login(LoginExports):
    def authenticated(self, ctx, attempt):
        if attempt.new_network:
            log.write(log.Level.INFO, "somebody comes from a new network")
        return Verdict_Proceed()
