# A twin: a second engine for the data that are to take the place of an engine's own. It is filled by a thread, without
# the GIL, while the engine serves what it has; then the two change databases between two commands.
#
# What makes the databases fit: the same number of them, the same seed of the keyed hash, the same types.


def twin(Engine engine not None):
    """An Engine that loads files as `engine` would: with its settings, commands and hash. It keeps expired keys."""
    cdef Engine out = Engine(engine.store.db_count)
    cdef Server* s = server_of(engine.store)
    cdef int i
    out.home = engine
    out.store.home = engine.store
    out.log = engine.log
    out.config = engine.config
    server_enter(s)
    try:
        memcpy(out.store.seed, engine.store.seed, sizeof(out.store.seed))
        out.store.config = engine.store.config
        out.store.is_replica = True
        out.renames = engine.renames.copy()
        for i in range(TYPE_LIMIT):
            out.store.types[i] = engine.store.types[i]
        table_copy(server_of(out.store), table_of(engine.store))
    finally:
        server_unlock(s)
    return out


cdef int check_adoption(Engine engine, Engine other) except -1:
    engine.check_open()
    other.check_open()
    if engine.store.db_count != other.store.db_count or memcmp(
            engine.store.seed, other.store.seed, sizeof(engine.store.seed)) != 0:
        raise ValueError("the engine is no twin")
    if server_of(engine.store).loader != NULL or server_of(other.store).loader != NULL:
        raise RuntimeError("a load is running")
    if server_of(engine.store).batch.running >= 0 or server_of(engine.store).depth > 0:
        raise RuntimeError("a command is running")
    return 0


cdef void end_snapshot(Server* s) noexcept:
    """Give up the snapshot that is being taken; whoever asked for it is told."""
    if s.snapshot == NULL:
        return
    cancel_snapshot(<Snapshot*>s.snapshot)
    with nogil:
        snapshot_join(<Snapshot*>s.snapshot)
    snapshot_ended(<Snapshot*>s.snapshot)
    with nogil:
        snapshot_stop(s.store)      # unless that has begun another one


cdef void adopt_database(Store* store, Store* other, int i) noexcept nogil:
    """Let database i of `other` be that of `store`, whose own is freed in the background."""
    cdef Db* old = store.dbs[i]
    cdef Db* new = other.dbs[i]
    if store.observers & OBSERVE_WATCH:
        watch_replaced(store, i, old, new)
    store.dbs[i] = new
    other.dbs[i] = NULL
    if old == NULL:
        return
    st_db(store, i)                 # whoever has selected it relies on it
    db_free_soon(store, old, True)


def adopt_data(Engine engine not None, Engine other not None):
    """Let `other`, a twin that is loaded, hand its databases to `engine`, between two commands; it is closed by that.

    Clients that watch a key that changes by that, or wait for one that is there now, hear of it. A snapshot that is
    being taken is cancelled. ValueError: no twin; RuntimeError: something is running.
    """
    cdef Server* s = server_of(engine.store)
    cdef int i
    server_enter(s)
    try:
        check_adoption(engine, other)
        end_snapshot(s)
        engine.store.now_ms = ws_unix_ms()
        for i in range(engine.store.db_count):
            adopt_database(engine.store, other.store, i)
        engine.store.places_stamp += 1
        other.closed = True
        other.store.served = True
        for i in range(engine.store.db_count):
            if engine.store.observers & OBSERVE_BLOCKED:
                blocked_db_changed(s, i)
        serve_ready_names(s)
        wake_loop(s)
    finally:
        server_unlock(s)
