# The life of a snapshot: how it begins, what the loop does for it each turn, how it ends; its Python face.

cdef enum:
    SNAPSHOT_PATH_ROOM = 64         # behind the folder's name, for that of the temporary file


cdef char* copy_path(const char* path) noexcept nogil:
    cdef size_t n = strlen(path) + 1
    cdef char* copy = <char*>ws_alloc(n)
    memcpy(copy, path, n)
    return copy


cdef char* temp_path_of(const char* path) noexcept nogil:
    """temp-<pid>.rdb in the same folder, as Redis calls it."""
    cdef const char* slash = strrchr(path, c"/")
    cdef int folder = <int>(slash + 1 - path) if slash != NULL else 0
    cdef char* out = <char*>ws_alloc(folder + SNAPSHOT_PATH_ROOM)
    snprintf(out, folder + SNAPSHOT_PATH_ROOM, b"%.*stemp-%d.rdb", folder, path, <int>getpid())
    return out


cdef void list_segments(Snapshot* snap) noexcept nogil:
    """All segments of all databases, in placement order."""
    cdef Store* store = snap.store
    cdef SnapshotDb* db
    cdef Segment* s
    cdef size_t total = 0
    cdef int i
    for i in range(store.db_count):
        if store.dbs[i] != NULL and store.dbs[i].keys > 0:
            total += keyspace_of(store.dbs[i]).segments
    snap.segments = <Segment**>ws_alloc((total + 1) * sizeof(Segment*))
    for i in range(store.db_count):
        if store.dbs[i] == NULL or store.dbs[i].keys == 0:
            continue
        db = &snap.dbs[snap.db_count]
        snap.db_count += 1
        db.index = i
        db.ks = keyspace_of(store.dbs[i])
        db.keys = store.dbs[i].keys
        db.expires = store.dbs[i].expires
        db.first = snap.segment_count
        s = segment_after(db.ks, NULL)
        while s != NULL:
            snap.segments[snap.segment_count] = s
            snap.segment_count += 1
            s = segment_after(db.ks, s)
        db.end = snap.segment_count
        snap.keys_total += db.keys
    WS_ASSERT(snap.segment_count == total)


cdef Snapshot* snapshot_new(Store* store, const char* path) noexcept nogil:
    """A snapshot of the store as it is now; nothing is written yet."""
    cdef Snapshot* snap = <Snapshot*>ws_alloc(sizeof(Snapshot))
    memset(snap, 0, sizeof(Snapshot))
    store.epoch += 1
    snap.store = store
    snap.reading = store[0]
    snap.hasty = store[0]
    snap.hasty.config.rdb_compression = 0
    snap.epoch = store.epoch
    snap.stream_offset = server_of(store).stream.end
    if not store.is_replica:
        server_of(store).stream.db = -1     # who goes on with the stream behind it begins in whatever database
    snap.started_ms = ws_unix_ms()
    snap.wait_left_us = QUEUE_WAIT_US
    snap.began_us = ws_mono_us()
    snap.file.output = ws_output_new()
    snap.current_db = -1
    snap.path = copy_path(path)
    snap.temp_path = temp_path_of(path)
    snap.dbs = <SnapshotDb*>ws_alloc(store.db_count * sizeof(SnapshotDb))
    memset(snap.dbs, 0, store.db_count * sizeof(SnapshotDb))
    pthread_mutex_init(&snap.mutex, NULL)
    pthread_cond_init(&snap.changed, NULL)
    list_segments(snap)
    return snap


cdef void thaw_done(Snapshot* snap) noexcept nogil:
    """Big values that are written need not be kept any more."""
    cdef BigValue* big
    cdef BigValue* following
    pthread_mutex_lock(&snap.mutex)
    big = snap.done
    snap.done = NULL
    pthread_mutex_unlock(&snap.mutex)
    while big != NULL:
        following = big.next
        drop_big(snap, big)
        big = following


cdef void drop_big(Snapshot* snap, BigValue* big) noexcept nogil:
    if big.frozen != NULL:
        big.ops.thaw(snap.store, big.frozen)
    if big.held != NULL:
        release_held(snap, big.held)
    ws_free(big.head.data)
    ws_free(big)


cdef void drop_queue(Snapshot* snap) noexcept nogil:
    """Chunks that a snapshot which failed has not written."""
    cdef Chunk* chunk = snap.queue
    cdef Chunk* next_chunk
    cdef BigValue* big
    cdef BigValue* following
    while chunk != NULL:
        next_chunk = chunk.next
        big = chunk.first_big
        while big != NULL:
            following = big.next
            drop_big(snap, big)
            big = following
        ws_free(chunk.data.data)
        ws_free(chunk)
        chunk = next_chunk
    snap.queue = NULL


cdef void snapshot_free(Snapshot* snap) noexcept nogil:
    """The thread has ended: give back all that was kept for it."""
    cdef size_t i
    thaw_done(snap)
    drop_queue(snap)
    server_of(snap.store).snapshot = NULL
    snap.store.observers &= ~<uint32_t>OBSERVE_SNAPSHOT
    for i in range(snap.orphan_count):
        db_free_soon(snap.store, snap.orphans[i], True)
    pthread_mutex_destroy(&snap.mutex)
    pthread_cond_destroy(&snap.changed)
    ws_output_free(snap.file.output)
    ws_free(snap.orphans)
    ws_free(snap.held)
    ws_free(snap.segments)
    ws_free(snap.dbs)
    ws_free(snap.ranges)
    ws_free(snap.entries)
    ws_free(snap.aux.data)
    ws_free(snap.path)
    ws_free(snap.temp_path)
    ws_free(snap)


cdef void snapshot_join(Snapshot* snap) noexcept nogil:
    if snap.has_thread:
        pthread_join(snap.thread, NULL)
        snap.has_thread = False


cdef void help_thread(Snapshot* snap) noexcept nogil:
    """The thread gets what processors have left: if that is nothing, the loop rests now and then.

    Not while the thread waits for the disk, which needs no processor.
    """
    cdef int64_t now_us = ws_mono_us()
    cdef int64_t used_us, used_then_us
    if load_flag(&snap.file.syncing):
        snap.look_due_us = now_us + STARVED_LOOK_US
    if now_us < snap.look_due_us:
        return
    used_us = ws_thread_cpu_us(snap.thread)
    snap.look_due_us = now_us + STARVED_LOOK_US
    if used_us - snap.thread_used_us < STARVED_CPU_US and now_us - snap.began_us > STARVED_LOOK_US:
        usleep(STARVED_WAIT_US)
        used_then_us = ws_thread_cpu_us(snap.thread)
        if used_then_us - used_us < STARVED_CPU_US:
            snap.look_due_us = now_us + STARVED_PAUSE_US
        used_us = used_then_us
    snap.thread_used_us = used_us


cdef void snapshot_turn(Server* s) noexcept nogil:
    """Each turn of the loop: thaw what is written, and end a snapshot whose thread has ended."""
    cdef Snapshot* snap = <Snapshot*>s.snapshot
    if WS_LIKELY(snap == NULL):
        return
    thaw_done(snap)
    snap.wait_left_us = QUEUE_WAIT_US
    if load_flag(&snap.finished):
        snapshot_join(snap)
        snapshot_ended(snap)
    else:
        help_thread(snap)


cdef void snapshot_ended(Snapshot* snap) noexcept with gil:
    """Free the snapshot and tell who asked for it."""
    cdef Server* s = server_of(snap.store)
    cdef int error = snap.file.error
    cdef object then = <object>snap.then
    import os
    Py_XDECREF(<PyObject*>snap.then)
    snap.then = NULL
    snapshot_free(snap)
    try:
        if then is not None:
            then(os.strerror(error) if error else None)
    except BaseException as problem:
        keep_raised(s, problem)


cdef void snapshot_stop(Store* store) noexcept nogil:
    """Give a running snapshot up, and wait for its end; nobody is told."""
    cdef Snapshot* snap = snapshot_of(store)
    if snap == NULL:
        return
    cancel_snapshot(snap)
    snapshot_join(snap)
    forget_then(snap)
    snapshot_free(snap)


cdef void forget_then(Snapshot* snap) noexcept with gil:
    Py_XDECREF(<PyObject*>snap.then)
    snap.then = NULL


cdef void cancel_snapshot(Snapshot* snap) noexcept nogil:
    pthread_mutex_lock(&snap.mutex)
    store_flag(&snap.cancelled, 1)
    pthread_cond_broadcast(&snap.changed)
    pthread_mutex_unlock(&snap.mutex)


# -- from Python ---------------------------------------------------------------------------------------------------

cdef void take_aux(Snapshot* snap, aux):
    for name, value in aux:
        saved_put_byte(&snap.aux, SAVED_AUX)
        saved_put_string(&snap.aux, <const char*><bytes>name, len(name))
        saved_put_string(&snap.aux, <const char*><bytes>value, len(value))


cdef void take_ranges(Snapshot* snap, slots):
    cdef list ranges = list(slots)
    cdef size_t i
    snap.ranges = <SlotRange*>ws_alloc((len(ranges) + 1) * sizeof(SlotRange))
    for i in range(<size_t>len(ranges)):
        snap.ranges[i].first, snap.ranges[i].last = ranges[i]
    snap.range_count = len(ranges)


cdef Snapshot* snapshot_prepare(Store* store, str path, aux, slots) except NULL:
    cdef Snapshot* snap
    import os
    cdef bytes name = os.fsencode(path)
    if server_of(store).snapshot != NULL:
        raise RuntimeError("a snapshot is being taken")
    snap = snapshot_new(store, name)
    try:
        take_aux(snap, aux)
        if slots is not None:
            take_ranges(snap, slots)
    except BaseException:
        snapshot_free(snap)
        raise
    return snap


cdef snapshot_in_foreground(Store* store, str path, aux, slots):
    """Write a snapshot here and now. OSError: it failed, and nothing is left of it."""
    cdef Snapshot* snap = snapshot_prepare(store, path, aux, slots)
    cdef int error
    with nogil:
        snapshot_run(snap)
    error = snap.file.error
    snapshot_free(snap)
    if error:
        import os
        raise OSError(error, os.strerror(error), path)


cdef int64_t snapshot_in_background(Store* store, str path, aux, slots, then, bint nameless) except -1:
    """Begin a snapshot; the stream's offset at which it stands."""
    cdef Snapshot* snap = snapshot_prepare(store, path, aux, slots)
    cdef int64_t offset = snap.stream_offset
    snap.nameless = nameless
    Py_INCREF(then)
    snap.then = <void*>then
    server_of(store).snapshot = snap
    store.observers |= OBSERVE_SNAPSHOT
    snap.has_thread = True
    failed = ws_thread_start(&snap.thread, snapshot_run, snap)
    if failed:
        snap.has_thread = False
        forget_then(snap)
        snapshot_free(snap)
        raise OSError(failed, "cannot start the thread of a snapshot")
    return offset


cdef dict snapshot_facts(Store* store):
    cdef Snapshot* snap = snapshot_of(store)
    if snap == NULL:
        return {"running": False, "keys_done": 0, "keys_total": 0, "started_ms": 0, "path": "", "hasty_chunks": 0,
                "peak_queued_bytes": 0}
    import os
    return {"running": True, "keys_done": load_count(&snap.keys_done), "keys_total": snap.keys_total,
            "started_ms": snap.started_ms, "path": os.fsdecode(snap.path), "hasty_chunks": snap.hasty_chunks,
            "peak_queued_bytes": snap.peak_queued_bytes}
