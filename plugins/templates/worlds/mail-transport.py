from wit_world.imports import http_client
from wit_world.imports.types import PluginError_Upstream
---
class Mailer(MailerExports):
    def send(self, ctx, message):
        letter = {
            "key": message.idempotency_key,
            "to": message.to,
            "subject": message.subject,
            "text": message.text,
            "html": message.html,
        }
        if post(letter) >= 300:
            raise Err(PluginError_Upstream("the letter was not taken"))
        return None


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
