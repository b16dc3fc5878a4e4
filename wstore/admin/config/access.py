"""Actions that a directive of values no, yes and local guards: `enable-debug-command` and the like."""


def is_allowed(session, name):
    """Whether directive `name` lets this session do what it guards ("local": from this machine only)."""
    value = session.engine.config[name]
    return value == "yes" or (value == "local" and session.is_local)
