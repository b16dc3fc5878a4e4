"""What the log says, once for each, about directives that wstore accepts without effect."""
from wstore.admin.config.table import TABLE

# Directives that somebody may rely on, and what wstore does instead
_WARNINGS = {
    "cluster-enabled": "this server is no node of a cluster",
    "maxmemory": "memory is not limited",
    "maxmemory-clients": "memory is not limited",
    "aclfile": "there are no ACL users",
}


def notes(config, names):
    """(level, text) lines about those of the directives `names` (aliases work) that are set and have no effect.

    Each directive is in one line; `config.noted` remembers it, so that no later call names it again.
    """
    keys = {TABLE[name.lower()].key for name in names} - config.noted
    ignored = sorted(key for key in keys if not TABLE[key].used and config[key] not in ((), ""))
    warned = [key for key in ignored if key in _WARNINGS and config[key] != TABLE[key].default]
    others = [key for key in ignored if key not in _WARNINGS]
    config.noted.update(warned, others)
    lines = [(3, f"Directive '{key}' has no effect: {_WARNINGS[key]}") for key in warned]
    if others:
        lines.append((2, f"Accepted without effect: {', '.join(others)}"))
    return lines
