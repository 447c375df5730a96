from wit_world.exports.invitations import Verdict_Keep
from wit_world.imports import log
---
class Invitations(InvitationsExports):
    def review(self, ctx, invitation):
        log.write(log.Level.INFO, f"somebody is invited as {invitation.role}")
        return Verdict_Keep()
