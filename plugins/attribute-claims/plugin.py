"""The component: what the host calls, and what is handed to the rule."""

import json

from componentize_py_types import Err
from wit_world.exports import Lifecycle as LifecycleExports
from wit_world.exports import TokenClaims as TokenClaimsExports
from wit_world.exports.lifecycle import PluginInfo
from wit_world.exports.token_claims import Mint
from wit_world.imports import config
from wit_world.imports.types import ActorKind, PluginError_InvalidInput, RequestContext

from claims import claims, complaints


class Lifecycle(LifecycleExports):
    def describe(self) -> PluginInfo:
        return PluginInfo(id="attribute-claims", version="0.1.0", hooks=["token.claims"])

    def validate_config(self, config_json: str) -> None:
        wrong = complaints(json.loads(config_json))
        if wrong:
            raise Err(wrong)


class TokenClaims(TokenClaimsExports):
    def customize(self, ctx: RequestContext, mint: Mint) -> str:
        try:
            attributes = json.loads(mint.user.attributes)
        except ValueError:
            raise Err(PluginError_InvalidInput("the attributes are not JSON")) from None
        is_agent = mint.actor != ActorKind.HUMAN
        return json.dumps(claims(json.loads(config.get()), is_agent, attributes))
