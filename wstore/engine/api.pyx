# The function table that command modules call the engine through (abi.EngineApi), and making a Store.

cdef extern from "sys/random.h" nogil:
    ssize_t getrandom(void* p, size_t n, unsigned int flags)


cdef EngineApi ENGINE_API       # of all stores: values keep a pointer to it, and may change stores (twin.pyx)


cdef void api_fill(EngineApi* api) noexcept nogil:
    memset(api, 0, sizeof(EngineApi))
    api.abi = ABI_VERSION
    api.db = st_db
    api.key = ks_key
    api.keys = ks_keys
    api.lookup = ks_lookup
    api.put = ks_put
    api.remove = ks_remove
    api.detach = ks_detach
    api.set_expire = ks_set_expire
    api.edit_blob = ks_edit_blob
    api.scan = ks_scan
    api.drop_scanned = ks_drop_scanned
    api.scan_slot = ks_scan_slot
    api.random_key = ks_random_key
    api.flush = st_flush
    api.swap = st_swap
    api.record_size = ks_record_size
    api.idle_seconds = ks_idle_seconds
    api.alloc = ws_alloc
    api.realloc = ws_realloc
    api.free = ws_free
    api.reply_grow = reply_grow
    api.select_db = api_select_db
    api.close_after_reply = api_close_after_reply
    api.multi = api_multi
    api.execute_queued = api_exec
    api.discard = api_discard
    api.watch = api_watch
    api.unwatch = api_unwatch
    api.client_place = api_client_place
    api.may_subscribe = api_may_subscribe
    api.subscribed = api_subscribed
    api.subscribe = api_subscribe
    api.unsubscribe = api_unsubscribe
    api.subscriptions = api_subscriptions
    api.publish = api_publish
    api.subscribers = api_subscribers
    api.channels = api_channels
    api.changed = st_changed
    api.event = st_event
    api.block = api_block
    api.effect = api_effect
    api.free_later = api_free_later
    api.log = api_log
    api.fault_kind = ws_fault_kind
    api.arm_fault = ws_fault_arm
    api.wait_replicas = api_wait_replicas
    api.administer = api_administer


cdef void log_line(Store* store, int level, const char* line) noexcept with gil:
    cdef object log = (<Engine>store.engine).log if store.engine != NULL else None
    if log is None:
        fprintf(stderr, b"%s\n", line)
    else:
        log(level, line.decode("utf-8", "backslashreplace"))


cdef void api_log(Store* store, int level, const char* line) noexcept nogil:
    """One line to the log, if the level is logged."""
    if level >= store.config.loglevel:
        log_line(store, level, line)


cdef Store* store_new(int databases) noexcept nogil:
    """A store of empty databases; NULL: no random seed or no addresses to be had."""
    cdef Store* store = <Store*>ws_alloc(sizeof(Store))
    memset(store, 0, sizeof(Store))
    store.api = &ENGINE_API
    store.home = store
    store.dbs = <Db**>ws_alloc(databases * sizeof(Db*))
    memset(store.dbs, 0, databases * sizeof(Db*))
    store.db_count = databases
    store.places_stamp = 1              # none is remembered yet
    store.now_ms = ws_unix_ms()
    config_defaults(&store.config)
    if getrandom(store.seed, sizeof(store.seed), 0) == sizeof(store.seed) and getrandom(
            &store.random_state, sizeof(store.random_state), 0) == sizeof(store.random_state):
        store.dbs[0] = db_new(0)
    if store.dbs[0] == NULL:
        store_free(store)
        return NULL
    return store


cdef void store_free(Store* store) noexcept nogil:
    """Free a store that no loop and no thread uses; waits for databases being freed in the background."""
    cdef int i
    for i in range(store.db_count):
        if store.dbs[i] != NULL:
            db_free(store, store.dbs[i])
    wait_for_frees(store)
    ws_free(store.dbs)
    ws_free(store)


api_fill(&ENGINE_API)
