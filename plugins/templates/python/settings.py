def complaints(config):
    """What is wrong with a configuration, one thing each."""
    wrong = [f"{key}: is not known" for key in config if key != "contact"]
    if "@" not in str(config.get("contact")):
        wrong.append("contact: must be a mail address")
    return wrong
