# Settings and counters by name: the fields of abi.Config and abi.Stats, which are all 64-bit integers.
#
# Invariant: CONFIG_FIELDS and STATS_FIELDS name the fields of those structs in their order.

CONFIG_FIELDS = (
    "maxclients", "timeout", "tcp_keepalive", "proto_max_bulk_len", "client_query_buffer_limit",
    "slowlog_log_slower_than", "slowlog_max_len", "hz", "active_expire", "protected_mode",
    "obuf_hard.0", "obuf_hard.1", "obuf_hard.2", "obuf_soft.0", "obuf_soft.1", "obuf_soft.2",
    "obuf_soft_seconds.0", "obuf_soft_seconds.1", "obuf_soft_seconds.2", "requires_auth", "latency_tracking",
    "lazyfree_lazy_user_flush", "lazyfree_lazy_user_del", "loglevel", "tcp_nodelay", "enable_debug",
    "hash_max_listpack_entries", "hash_max_listpack_value", "set_max_intset_entries", "zset_max_listpack_entries",
    "zset_max_listpack_value", "list_max_listpack_size", "list_compress_depth", "notify_events",
    "rdb_compression", "rdb_checksum", "rdb_skip_unsupported", "appendfsync", "aof_segment_size",
    "lazyfree_lazy_expire", "no_appendfsync_on_rewrite", "aof_retention_bytes", "aof_retention_time",
    "replica_read_only", "replica_serve_stale_data",
    "repl_backlog_size", "repl_timeout", "repl_ping_replica_period", "min_replicas_to_write", "min_replicas_max_lag")

STATS_FIELDS = (
    "connections_received", "commands_processed", "net_input_bytes", "net_output_bytes", "rejected_connections",
    "expired_keys", "expired_stale_cycles", "keyspace_hits", "keyspace_misses", "error_replies", "reads_processed",
    "writes_processed", "loop_turns", "query_buffer_limit_disconnections", "output_buffer_limit_disconnections",
    "moved_cells", "unauthenticated_denied", "longest_turn_us", "lazyfreed_objects")


cdef int64_t* config_field(Store* store, str name) except NULL:
    """KeyError: there is no such field."""
    if name not in CONFIG_FIELDS:
        raise KeyError(name)
    return <int64_t*>&store.config + <size_t>CONFIG_FIELDS.index(name)


cdef dict stats_dict(Store* store):
    cdef const int64_t* values = <const int64_t*>&store.stats
    cdef Py_ssize_t i
    return {name: ws_counter_get(&values[i]) for i, name in enumerate(STATS_FIELDS)}


cdef void config_defaults(Config* config) noexcept nogil:
    """The values that redis.conf would leave in force."""
    memset(config, 0, sizeof(Config))
    config.maxclients = 10000
    config.tcp_keepalive = 300
    config.proto_max_bulk_len = 512 << 20
    config.client_query_buffer_limit = 1 << 30
    config.slowlog_log_slower_than = 10000
    config.slowlog_max_len = 128
    config.hz = 10
    config.active_expire = 1
    config.protected_mode = 1
    config.obuf_hard[1] = 256 << 20
    config.obuf_soft[1] = 64 << 20
    config.obuf_soft_seconds[1] = 60
    config.obuf_hard[2] = 32 << 20
    config.obuf_soft[2] = 8 << 20
    config.obuf_soft_seconds[2] = 60
    config.latency_tracking = 1
    config.loglevel = LOG_NOTICE
    config.hash_max_listpack_entries = 512
    config.hash_max_listpack_value = 64
    config.set_max_intset_entries = 512
    config.zset_max_listpack_entries = 128
    config.zset_max_listpack_value = 64
    config.list_max_listpack_size = -2
    config.tcp_nodelay = 1
    config.rdb_compression = 1
    config.rdb_checksum = 1
    config.appendfsync = 1
    config.replica_read_only = 1
    config.replica_serve_stale_data = 1
    config.repl_backlog_size = 1 << 20
    config.repl_timeout = 60
    config.repl_ping_replica_period = 10
    config.min_replicas_max_lag = 10
