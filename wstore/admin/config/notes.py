"""What the log says at start about directives that wstore accepts without effect."""
from wstore.admin.config.table import TABLE

# Directives that somebody may rely on, and what wstore does instead
_WARNINGS = {
    "appendonly": "nothing is written to disk",
    "save": "nothing is written to disk",
    "replicaof": "this server is a primary",
    "cluster-enabled": "this server is no node of a cluster",
    "maxmemory": "memory is not limited",
    "maxmemory-clients": "memory is not limited",
    "aclfile": "there are no ACL users",
    "min-replicas-to-write": "writes do not wait for replicas",
    "notify-keyspace-events": "no events are published",
}


def notes(config):
    """(level, text) lines about directives that were given and have no effect; each directive in one of them."""
    ignored = sorted(name for name in config.given if not TABLE[name].used and config[name] not in ((), ""))
    lines = [
        (3, f"Directive '{name}' has no effect: {_WARNINGS[name]}")
        for name in ignored if name in _WARNINGS and config[name] != TABLE[name].default or name == "save"]
    others = [name for name in ignored if name not in _WARNINGS]
    if others:
        lines.append((2, f"Accepted without effect: {', '.join(others)}"))
    return lines
