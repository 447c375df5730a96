"""The rule itself, which knows nothing of components and is tested without one."""

# What stands in a token is sent with each request.
LONGEST = 200
KNOWN = {"agents", "claims"}


def complaints(config: dict) -> list[str]:
    """What is wrong with a configuration, one thing each."""
    wrong = [f"{key}: is not known" for key in config if key not in KNOWN]
    if not isinstance(config.get("agents"), bool):
        wrong.append("agents: must be true or false")
    claims = config.get("claims")
    if not isinstance(claims, dict):
        return wrong + ["claims: must be a table of attributes and the claims they become"]
    for attribute, claim in claims.items():
        if not isinstance(claim, str) or not claim.isidentifier():
            wrong.append(f"claims: `{attribute}` must become a name such as `favourite_team`")
    names = [claim for claim in claims.values() if isinstance(claim, str)]
    if len(set(names)) < len(names):
        wrong.append("claims: two attributes become one claim")
    return wrong


def claims(config: dict, is_agent: bool, attributes: dict) -> dict:
    """The claims of a token, of the attributes that are there and fit."""
    if is_agent and not config["agents"]:
        return {}
    return {
        claim: attributes[attribute]
        for attribute, claim in config["claims"].items()
        if fits(attributes.get(attribute))
    }


def fits(value: object) -> bool:
    if isinstance(value, list):
        return len(value) <= 10 and all(isinstance(one, str) and len(one) <= LONGEST for one in value)
    return isinstance(value, (bool, int, float)) or (isinstance(value, str) and len(value) <= LONGEST)
