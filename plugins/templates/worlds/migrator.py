from wit_world.exports.credential_migration import Outcome_Correct, Outcome_NoSuchUser, Outcome_WrongPassword
from wit_world.imports import http_client
from wit_world.imports.types import PluginError_Upstream
---
OUTCOMES = {200: Outcome_Correct, 401: Outcome_WrongPassword, 404: Outcome_NoSuchUser}


class CredentialMigration(CredentialMigrationExports):
    def verify_legacy(self, ctx, identifier, password):
        outcome = OUTCOMES.get(post({"email": identifier, "password": password}))
        if outcome is None:
            raise Err(PluginError_Upstream("neither yes nor no"))
        return outcome()


def post(value):
    headers = [
        ("authorization", http_client.HeaderValue_BearerSecret("token")),
        ("content-type", http_client.HeaderValue_Text("application/json")),
    ]
    body = http_client.Body_Bytes(json.dumps(value).encode())
    try:
        return http_client.send(http_client.Request("POST", "https://api.example.com/hook", headers, body, 0)).status
    except Err as error:
        raise Err(PluginError_Upstream(f"no answer: {error.value}")) from None
