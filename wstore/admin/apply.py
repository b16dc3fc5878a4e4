"""Carries the settings in force to the engine: at start all of them, later those that CONFIG SET changes.

The engine knows settings as numbers, by the field names of `Config` in engine/abi.pxd.
"""
from wstore.admin.serverlog import LEVELS

# Directives that an engine option of the same name (with "_" for "-") takes as a number
_NUMBERS = (
    "maxclients", "timeout", "tcp-keepalive", "proto-max-bulk-len", "client-query-buffer-limit",
    "slowlog-log-slower-than", "slowlog-max-len", "hz", "protected-mode", "latency-tracking",
    "lazyfree-lazy-user-flush", "lazyfree-lazy-user-del", "lazyfree-lazy-expire", "hash-max-listpack-entries",
    "hash-max-listpack-value", "set-max-intset-entries", "zset-max-listpack-entries", "zset-max-listpack-value",
    "list-max-listpack-size", "list-compress-depth", "rdbcompression", "rdbchecksum", "rdb-skip-unsupported",
    "aof-segment-size", "aof-retention-bytes", "aof-retention-time", "no-appendfsync-on-rewrite",
    "replica-read-only", "replica-serve-stale-data",
    "repl-backlog-size", "repl-timeout", "repl-ping-replica-period", "min-replicas-to-write", "min-replicas-max-lag")
# ... and the options that are not named like that
_RENAMED = {"rdbcompression": "rdb_compression", "rdbchecksum": "rdb_checksum"}
_FSYNC_RULES = ("no", "everysec", "always")     # by the numbers of option appendfsync
_EVENT_CLASSES = "KEg$lshzxetm\0dn"        # bits of option notify_events, from the lowest
_LIMITS = ("obuf_hard", "obuf_soft", "obuf_soft_seconds")
_I64_MAX = (1 << 63) - 1
_DEBUG_RULES = ("no", "yes", "local")       # by the numbers of option enable_debug


def _set_number(engine, name):
    engine.set_option(_RENAMED.get(name, name.replace("-", "_")), int(engine.config[name]))


def _set_buffer_limits(engine):
    for at, limits in enumerate(engine.config["client-output-buffer-limit"]):
        for option, limit in zip(_LIMITS, limits):
            engine.set_option(f"{option}.{at}", min(limit, _I64_MAX))


def _set_password(engine):
    engine.set_option("requires_auth", int(engine.config["requirepass"] != ""))


def _set_log_level(engine):
    engine.set_option("loglevel", LEVELS.index(engine.config["loglevel"]))


def _set_debug_rule(engine):
    engine.set_option("enable_debug", _DEBUG_RULES.index(engine.config["enable-debug-command"]))


def _set_fsync_rule(engine):
    engine.set_option("appendfsync", _FSYNC_RULES.index(engine.config["appendfsync"]))


def _set_events(engine):
    letters = engine.config["notify-keyspace-events"]
    engine.set_option("notify_events", sum(1 << _EVENT_CLASSES.index(letter) for letter in letters))


def attach(engine, config):
    """Make `config` the configuration of `engine`, now and whenever it changes."""
    engine.config = config
    hooks = {(name,): lambda name=name: _set_number(engine, name) for name in _NUMBERS}
    hooks["client-output-buffer-limit",] = lambda: _set_buffer_limits(engine)
    hooks["requirepass",] = lambda: _set_password(engine)
    hooks["loglevel",] = lambda: _set_log_level(engine)
    hooks["notify-keyspace-events",] = lambda: _set_events(engine)
    hooks["appendfsync",] = lambda: _set_fsync_rule(engine)
    hooks["enable-debug-command",] = lambda: _set_debug_rule(engine)
    for names, hook in hooks.items():
        hook()
        config.on_change(names, hook)
