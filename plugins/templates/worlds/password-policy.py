from wit_world.exports.password import Verdict_Accept, Verdict_Reject
from wit_world.imports.types import Denial
---
class Password(PasswordExports):
    def check(self, candidate):
        if "{{name}}" in candidate.password:
            message = "A password does not hold the name of the product."
            return Verdict_Reject(Denial(code="too-obvious", message=message, field=None))
        return Verdict_Accept()
