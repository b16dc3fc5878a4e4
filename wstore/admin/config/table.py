"""All directives of redis.conf 7.0, and wstore's own, as data.

`TABLE` maps every name and alias, in lower case, to its `Directive`.  A directive that wstore has no use for is
here all the same (`used` is false): configuration files that name it keep working, and CONFIG GET shows what
was set.
"""
from wstore.admin.config.kinds import Bool, Enum, EnumSet, Int, Memory, MemoryOrPercent, Octal, Text
from wstore.admin.config.specials import (
    Addresses,
    BufferLimits,
    Directory,
    Events,
    Keep,
    OomScores,
    Percentiles,
    Primary,
    Save,
    file_name_check,
    host_name_check,
    no_tls_check,
    shutdown_check,
    title_check,
)
from wstore.admin.config.units import I64_MAX, U64_MAX

I32_MIN, I32_MAX = -(1 << 31), (1 << 31) - 1
U32_MAX = (1 << 32) - 1

# How a directive may be set; added up in the column behind the default
STARTUP = 1         # immutable: only in the file or on the command line
PROTECTED = 2       # CONFIG SET needs enable-protected-configs
HIDDEN = 4          # CONFIG GET shows it by its exact name only
SENSITIVE = 8       # a password: not to be shown in SLOWLOG or MONITOR
UNUSED = 16         # accepted, without effect

YES_NO = Bool()
TEXT = Text()
COUNT = Int(0, I32_MAX)
POSITIVE = Int(1, I32_MAX)
LONG = Int(0, I64_MAX)
PORT = Int(0, 65535)
SIZE = Memory()
PERCENT_OF_TIME = Int(1, 99)
ACCESS = Enum("no", "yes", "local")
SHUTDOWN = EnumSet("default", "save", "nosave", "now", "force", check=shutdown_check)
TLS_TEXT_NAMES = (
    "tls-cert-file", "tls-key-file", "tls-client-cert-file", "tls-client-key-file", "tls-dh-params-file",
    "tls-ca-cert-file", "tls-ca-cert-dir", "tls-protocols", "tls-ciphers", "tls-ciphersuites")
GIGABYTE = 1 << 30
MEGABYTE = 1 << 20

_ROWS = (
    # -- the server itself -------------------------------------------------------------------------
    ("port", PORT, 6379, 0),
    ("bind", Addresses(), ("*", "-::*"), 0),
    ("unixsocket", TEXT, "", STARTUP),
    ("unixsocketperm", Octal(), 0, STARTUP),
    ("tcp-backlog", COUNT, 511, STARTUP),
    ("tcp-keepalive", COUNT, 300, 0),
    ("timeout", COUNT, 0, 0),
    ("protected-mode", YES_NO, True, 0),
    ("maxclients", Int(1, U32_MAX), 10000, 0),
    ("databases", POSITIVE, 16, STARTUP),
    ("dir", Directory(), "", PROTECTED),
    ("daemonize", YES_NO, False, STARTUP),
    ("supervised", Enum("upstart", "systemd", "auto", "no"), "no", STARTUP),
    ("pidfile", TEXT, "", STARTUP),
    ("loglevel", Enum("debug", "verbose", "notice", "warning"), "notice", 0),
    ("logfile", TEXT, "", STARTUP),
    ("syslog-enabled", YES_NO, False, STARTUP),
    ("syslog-ident", TEXT, "wstore", STARTUP),
    ("syslog-facility", Enum("user", *(f"local{n}" for n in range(8))), "local0", STARTUP),
    ("hz", Int(0, I32_MAX, clamp=(1, 500)), 10, 0),
    ("dynamic-hz", YES_NO, True, UNUSED),
    ("shutdown-timeout", COUNT, 10, 0),
    ("shutdown-on-sigint", SHUTDOWN, (), 0),
    ("shutdown-on-sigterm", SHUTDOWN, (), 0),
    ("commands-path", TEXT, "", STARTUP),
    # -- who may do what -----------------------------------------------------------------------------
    ("requirepass", TEXT, "", SENSITIVE),
    ("enable-protected-configs", ACCESS, "no", STARTUP),
    ("enable-debug-command", ACCESS, "no", STARTUP),
    ("enable-module-command", ACCESS, "no", STARTUP | UNUSED),
    ("aclfile", TEXT, "", STARTUP | UNUSED),
    ("acllog-max-len", LONG, 128, UNUSED),
    ("acl-pubsub-default", Enum("allchannels", "resetchannels"), "resetchannels", UNUSED),
    # -- clients and the protocol --------------------------------------------------------------------
    ("proto-max-bulk-len", Memory(MEGABYTE), 512 * MEGABYTE, 0),
    ("client-query-buffer-limit", Memory(MEGABYTE), GIGABYTE, 0),
    ("client-output-buffer-limit", BufferLimits(),
        ((0, 0, 0), (256 * MEGABYTE, 64 * MEGABYTE, 60), (32 * MEGABYTE, 8 * MEGABYTE, 60)), 0),
    ("maxmemory-clients", MemoryOrPercent(), 0, UNUSED),
    ("tracking-table-max-keys", LONG, 1000000, UNUSED),
    ("notify-keyspace-events", Events(), frozenset(), 0),
    ("slowlog-log-slower-than", Int(-1, I64_MAX), 10000, 0),
    ("slowlog-max-len", LONG, 128, 0),
    ("latency-tracking", YES_NO, True, 0),
    ("latency-tracking-info-percentiles", Percentiles(), (50.0, 99.0, 99.9), 0),
    ("latency-monitor-threshold", LONG, 0, UNUSED),
    ("busy-reply-threshold", LONG, 5000, UNUSED),
    ("lua-enable-deprecated-api", YES_NO, False, STARTUP | HIDDEN | UNUSED),
    # -- memory and the keyspace ---------------------------------------------------------------------
    ("maxmemory", Memory(0, U64_MAX), 0, UNUSED),
    ("maxmemory-policy", Enum(
        "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl",
        "allkeys-lru", "allkeys-lfu", "allkeys-random", "noeviction"), "noeviction", UNUSED),
    ("maxmemory-samples", POSITIVE, 5, UNUSED),
    ("maxmemory-eviction-tenacity", Int(0, 100), 10, UNUSED),
    ("lfu-log-factor", COUNT, 10, UNUSED),
    ("lfu-decay-time", COUNT, 1, UNUSED),
    ("active-expire-effort", Int(1, 10), 1, UNUSED),
    ("lazyfree-lazy-eviction", YES_NO, False, UNUSED),
    ("lazyfree-lazy-expire", YES_NO, False, 0),
    ("lazyfree-lazy-server-del", YES_NO, False, UNUSED),
    ("lazyfree-lazy-user-del", YES_NO, False, 0),
    ("lazyfree-lazy-user-flush", YES_NO, False, 0),
    ("activerehashing", YES_NO, True, UNUSED),
    ("activedefrag", YES_NO, False, UNUSED),
    ("active-defrag-ignore-bytes", Memory(1), 100 * MEGABYTE, UNUSED),
    ("active-defrag-threshold-lower", Int(0, 1000), 10, UNUSED),
    ("active-defrag-threshold-upper", Int(0, 1000), 100, UNUSED),
    ("active-defrag-cycle-min", PERCENT_OF_TIME, 1, UNUSED),
    ("active-defrag-cycle-max", PERCENT_OF_TIME, 25, UNUSED),
    ("active-defrag-max-scan-fields", Int(1, I64_MAX), 1000, UNUSED),
    ("jemalloc-bg-thread", YES_NO, True, UNUSED),
    ("disable-thp", YES_NO, True, STARTUP | UNUSED),
    ("hash-max-listpack-entries", LONG, 512, 0),
    ("hash-max-listpack-value", SIZE, 64, 0),
    ("set-max-intset-entries", LONG, 512, 0),
    ("zset-max-listpack-entries", LONG, 128, 0),
    ("zset-max-listpack-value", SIZE, 64, 0),
    ("list-max-listpack-size", Int(I32_MIN, I32_MAX), -2, 0),
    ("list-compress-depth", COUNT, 0, 0),
    ("stream-node-max-bytes", SIZE, 4096, UNUSED),
    ("stream-node-max-entries", LONG, 100, UNUSED),
    ("hll-sparse-max-bytes", SIZE, 3000, UNUSED),
    ("sanitize-dump-payload", Enum("no", "yes", "clients"), "no", UNUSED),
    # -- files: snapshot and log ---------------------------------------------------------------------
    ("save", Save(), ((3600, 1), (300, 100), (60, 10000)), 0),
    ("dbfilename", Text(file_name_check("dbfilename")), "dump.rdb", PROTECTED),
    ("rdbcompression", YES_NO, True, 0),
    ("rdbchecksum", YES_NO, True, STARTUP),
    ("rdb-del-sync-files", YES_NO, False, UNUSED),
    ("rdb-save-incremental-fsync", YES_NO, True, UNUSED),
    ("stop-writes-on-bgsave-error", YES_NO, True, 0),
    ("appendonly", YES_NO, False, 0),
    ("appendfilename", Text(file_name_check("appendfilename")), "appendonly.aof", STARTUP),
    ("appenddirname", Text(file_name_check("appenddirname")), "appendonlydir", STARTUP),
    ("appendfsync", Enum("everysec", "always", "no"), "everysec", 0),
    ("no-appendfsync-on-rewrite", YES_NO, False, 0),
    ("auto-aof-rewrite-percentage", COUNT, 100, 0),
    ("auto-aof-rewrite-min-size", SIZE, 64 * MEGABYTE, 0),
    ("aof-load-truncated", YES_NO, True, 0),
    ("aof-use-rdb-preamble", YES_NO, True, UNUSED),
    ("aof-timestamp-enabled", YES_NO, False, UNUSED),
    ("aof-rewrite-incremental-fsync", YES_NO, True, UNUSED),
    ("aof-disable-auto-gc", YES_NO, False, UNUSED),
    ("aof-segment-size", SIZE, 256 * MEGABYTE, 0),
    ("aof-retention-bytes", SIZE, 0, 0),
    ("aof-retention-time", LONG, 0, 0),
    ("rdb-skip-unsupported", YES_NO, False, 0),
    ("backup-dir", TEXT, "", STARTUP),
    ("backup-keep", Keep(), (), 0),
    ("key-load-delay", Int(I32_MIN, I32_MAX), 0, HIDDEN | UNUSED),
    ("rdb-key-save-delay", Int(I32_MIN, I32_MAX), 0, HIDDEN | UNUSED),
    # -- replication ---------------------------------------------------------------------------------
    ("replicaof", Primary(), (), STARTUP),
    ("masterauth", TEXT, "", SENSITIVE),
    ("masteruser", TEXT, "", SENSITIVE),
    ("replica-serve-stale-data", YES_NO, True, 0),
    ("replica-read-only", YES_NO, True, 0),
    ("replica-lazy-flush", YES_NO, False, UNUSED),
    ("replica-ignore-maxmemory", YES_NO, True, UNUSED),
    ("replica-ignore-disk-write-errors", YES_NO, False, UNUSED),
    ("replica-priority", COUNT, 100, 0),
    ("replica-announced", YES_NO, True, 0),
    ("replica-announce-ip", TEXT, "", 0),
    ("replica-announce-port", PORT, 0, 0),
    ("min-replicas-to-write", COUNT, 0, 0),
    ("min-replicas-max-lag", COUNT, 10, 0),
    ("repl-ping-replica-period", POSITIVE, 10, 0),
    ("repl-timeout", POSITIVE, 60, 0),
    ("repl-disable-tcp-nodelay", YES_NO, False, UNUSED),
    ("repl-diskless-sync", YES_NO, True, UNUSED),
    ("repl-diskless-sync-delay", COUNT, 5, UNUSED),
    ("repl-diskless-sync-max-replicas", COUNT, 0, UNUSED),
    ("repl-diskless-load", Enum("disabled", "on-empty-db", "swapdb"), "swapdb", 0),
    ("repl-backlog-size", Memory(1, clamp=(16384, I64_MAX)), MEGABYTE, 0),
    ("repl-backlog-ttl", LONG, 3600, 0),
    ("propagation-error-behavior", Enum("ignore", "panic", "panic-on-replicas"), "ignore", UNUSED),
    # -- cluster -------------------------------------------------------------------------------------
    ("cluster-enabled", YES_NO, False, STARTUP | UNUSED),
    ("cluster-config-file", TEXT, "nodes.conf", STARTUP | UNUSED),
    ("cluster-port", PORT, 0, STARTUP | UNUSED),
    ("cluster-node-timeout", LONG, 15000, UNUSED),
    ("cluster-migration-barrier", COUNT, 1, UNUSED),
    ("cluster-replica-validity-factor", COUNT, 10, UNUSED),
    ("cluster-replica-no-failover", YES_NO, False, UNUSED),
    ("cluster-require-full-coverage", YES_NO, True, UNUSED),
    ("cluster-allow-reads-when-down", YES_NO, False, UNUSED),
    ("cluster-allow-pubsubshard-when-down", YES_NO, True, UNUSED),
    ("cluster-allow-replica-migration", YES_NO, True, UNUSED),
    ("cluster-link-sendbuf-limit", Memory(0, U64_MAX), 0, UNUSED),
    ("cluster-announce-ip", TEXT, "", UNUSED),
    ("cluster-announce-port", PORT, 0, UNUSED),
    ("cluster-announce-tls-port", PORT, 0, UNUSED),
    ("cluster-announce-bus-port", PORT, 0, UNUSED),
    ("cluster-announce-hostname", Text(host_name_check), "", UNUSED),
    ("cluster-preferred-endpoint-type", Enum("ip", "hostname", "unknown-endpoint"), "ip", UNUSED),
    # -- the process and the machine -----------------------------------------------------------------
    ("io-threads", Int(1, 128), 1, STARTUP | UNUSED),
    ("io-threads-do-reads", YES_NO, False, STARTUP | UNUSED),
    ("always-show-logo", YES_NO, False, STARTUP | UNUSED),
    ("set-proc-title", YES_NO, True, STARTUP | UNUSED),
    ("proc-title-template", Text(title_check), "{title} {listen-addr} {server-mode}", UNUSED),
    ("bind-source-addr", TEXT, "", 0),
    ("socket-mark-id", Int(0, U32_MAX), 0, STARTUP | UNUSED),
    ("ignore-warnings", TEXT, "", UNUSED),
    ("crash-log-enabled", YES_NO, True, UNUSED),
    ("crash-memcheck-enabled", YES_NO, True, UNUSED),
    ("use-exit-on-panic", YES_NO, False, HIDDEN | UNUSED),
    ("watchdog-period", COUNT, 0, HIDDEN | UNUSED),
    ("oom-score-adj", Enum("no", "yes", "relative", "absolute"), "no", UNUSED),
    ("oom-score-adj-values", OomScores(), (0, 200, 800), UNUSED),
    ("server_cpulist", TEXT, "", STARTUP | UNUSED),
    ("bio_cpulist", TEXT, "", STARTUP | UNUSED),
    ("aof_rewrite_cpulist", TEXT, "", STARTUP | UNUSED),
    ("bgsave_cpulist", TEXT, "", STARTUP | UNUSED),
    # -- TLS: wstore has none ------------------------------------------------------------------------
    ("tls-port", Int(0, 65535, check=no_tls_check), 0, UNUSED),
    ("tls-cluster", Bool(no_tls_check), False, UNUSED),
    ("tls-replication", Bool(no_tls_check), False, UNUSED),
    ("tls-auth-clients", Enum("no", "yes", "optional"), "yes", UNUSED),
    ("tls-prefer-server-ciphers", YES_NO, False, UNUSED),
    ("tls-session-caching", YES_NO, True, UNUSED),
    ("tls-session-cache-size", COUNT, 20480, UNUSED),
    ("tls-session-cache-timeout", COUNT, 300, UNUSED),
    ("tls-key-file-pass", TEXT, "", SENSITIVE | UNUSED),
    ("tls-client-key-file-pass", TEXT, "", SENSITIVE | UNUSED),
    *((name, TEXT, "", UNUSED) for name in TLS_TEXT_NAMES),
)

# Older names, which files and clients still use
_ALIASES = {
    "slaveof": "replicaof",
    "slave-serve-stale-data": "replica-serve-stale-data",
    "slave-read-only": "replica-read-only",
    "slave-lazy-flush": "replica-lazy-flush",
    "slave-ignore-maxmemory": "replica-ignore-maxmemory",
    "slave-priority": "replica-priority",
    "slave-announce-ip": "replica-announce-ip",
    "slave-announce-port": "replica-announce-port",
    "min-slaves-to-write": "min-replicas-to-write",
    "min-slaves-max-lag": "min-replicas-max-lag",
    "repl-ping-slave-period": "repl-ping-replica-period",
    "cluster-slave-no-failover": "cluster-replica-no-failover",
    "cluster-slave-validity-factor": "cluster-replica-validity-factor",
    "hash-max-ziplist-entries": "hash-max-listpack-entries",
    "hash-max-ziplist-value": "hash-max-listpack-value",
    "zset-max-ziplist-entries": "zset-max-listpack-entries",
    "zset-max-ziplist-value": "zset-max-listpack-value",
    "list-max-ziplist-size": "list-max-listpack-size",
    "lua-time-limit": "busy-reply-threshold",
}

# Directives of older versions, without any effect since: name -> number of words behind it
RETIRED = {"list-max-ziplist-entries": 1, "list-max-ziplist-value": 1, "lua-replicate-commands": 1}


class Directive:
    """One name of a directive.  `key` is the name that its value is kept under: another one for an alias."""

    __slots__ = ("name", "key", "kind", "default", "flags")

    def __init__(self, name, key, kind, default, flags):
        self.name = name
        self.key = key
        self.kind = kind
        self.default = default
        self.flags = flags

    @property
    def used(self):
        """Whether setting it changes what wstore does."""
        return not self.flags & UNUSED


def _build():
    table = {name: Directive(name, name, kind, default, flags) for name, kind, default, flags in _ROWS}
    for alias, name in _ALIASES.items():
        target = table[name]
        table[alias] = Directive(alias, name, target.kind, target.default, target.flags)
    return table


TABLE = _build()
