# Taking a snapshot: encoding segments, who does it, and what is kept for it meanwhile.  snapshot.pxd has the design.
#
# "The thread" is the snapshot's own; "the loop" is whatever thread runs commands, which holds the store's lock.

cdef extern from "<string.h>" nogil:
    char* strrchr(const char* s, int c)

cdef extern from "threads.h" nogil:
    int ws_thread_start(pthread_t* thread, void (*fn)(void*) noexcept nogil, void* arg)
    int64_t ws_thread_cpu_us(pthread_t thread)
    void ws_cond_wait_us(pthread_cond_t* changed, pthread_mutex_t* mutex, long us)

cdef extern from "pthread.h" nogil:
    int pthread_join(pthread_t thread, void** result)
    int pthread_cond_init(pthread_cond_t*, const void*)
    int pthread_cond_destroy(pthread_cond_t*)
    int pthread_cond_wait(pthread_cond_t*, pthread_mutex_t*)
    int pthread_cond_broadcast(pthread_cond_t*)

cdef extern from * nogil:
    """
    #define snap_load(p) __atomic_load_n(p, __ATOMIC_SEQ_CST)
    #define snap_store(p, v) __atomic_store_n(p, v, __ATOMIC_SEQ_CST)
    #define snap_add(p, v) __atomic_add_fetch(p, v, __ATOMIC_SEQ_CST)
    #define snap_swap(p, expected, v) \\
        __atomic_compare_exchange_n(p, expected, v, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
    """
    uint64_t load_epoch "snap_load"(const uint64_t*)
    void store_epoch "snap_store"(uint64_t*, uint64_t)
    bint swap_epoch "snap_swap"(uint64_t*, uint64_t* expected, uint64_t)
    int load_flag "snap_load"(const int*)
    void store_flag "snap_store"(int*, int)
    int64_t load_count "snap_load"(const int64_t*)
    void add_count "snap_add"(int64_t*, int64_t)

cdef enum:
    STARVED_LOOK_US = 20000         # how often the loop looks whether the thread gets processor time
    STARVED_CPU_US = 500            # in that time: with less it is starved
    STARVED_WAIT_US = 3000          # that the loop then rests
    STARVED_PAUSE_US = 500000       # until the next look, if that was no help: it waits for the disk
    QUEUED_BYTES_MAX = 1 << 20      # of chunks that commands left; then they wait for the thread, in a turn up to
    QUEUE_WAIT_US = 2000
    INLINE_BLOB_BYTES = 64 * 1024   # long strings in a chunk; those behind are held
    HELD_BUCKETS_MIN = 64
    SHORT_MAX = 63                  # a length up to here is one byte in RDB
    SHORT_ROOM = 9 + 2 + SHORT_MAX + 1 + SHORT_MAX
    COMPRESS_MIN = 20               # longer strings are tried

cdef uint64_t EPOCH_CLAIMED = <uint64_t>1 << 63


# -- encoding ------------------------------------------------------------------------------------------------------

cdef inline bint slot_wanted(const Snapshot* snap, int slot) noexcept nogil:
    cdef size_t i
    for i in range(snap.range_count):
        if snap.ranges[i].first <= slot <= snap.ranges[i].last:
            return True
    return snap.ranges == NULL


cdef inline void chunk_range(const Segment* s, Chunk* chunk) noexcept nogil:
    """The slots that a segment's keys may be of."""
    chunk.first_slot = <uint16_t>(s.prefix >> 50)
    chunk.last_slot = <uint16_t>((s.prefix + ((<uint64_t>1 << (64 - s.depth)) - 1 if s.depth else <uint64_t>-1)) >> 50)


cdef bint range_wanted(const Snapshot* snap, const Segment* s) noexcept nogil:
    cdef Chunk chunk
    cdef size_t i
    chunk_range(s, &chunk)
    for i in range(snap.range_count):
        if snap.ranges[i].first <= chunk.last_slot and chunk.first_slot <= snap.ranges[i].last:
            return True
    return snap.ranges == NULL


cdef size_t put_head(Reply* out, const uint8_t* rec, int64_t expire_ms) noexcept nogil:
    """What stands in front of a record's object: expiry, a place for the type byte, key. Where that place is."""
    cdef size_t n, type_at
    cdef const uint8_t* key = record_key(rec, &n)
    if expire_ms != NO_EXPIRE:
        saved_put_byte(out, SAVED_EXPIRETIME_MS)
        memcpy(saved_room(out, 8), &expire_ms, 8)
        out.len += 8
    type_at = out.len
    saved_put_byte(out, 0)
    saved_put_string(out, key, n)
    return type_at


cdef inline uint8_t begin_object(Reply* out) noexcept nogil:
    """Encoders begin with the type byte, which belongs in front of the key: let it take the key's last byte's place."""
    out.len -= 1
    return <uint8_t>out.data[out.len]


cdef inline void end_object(Reply* out, size_t type_at, size_t object_at, uint8_t covered) noexcept nogil:
    out.data[type_at] = out.data[object_at]
    out.data[object_at] = <char>covered


cdef void chunk_add_big(Chunk* chunk, const Entry* e, size_t start, size_t type_at) noexcept nogil:
    """The record whose head ends the chunk's data so far is written behind it: take the head along."""
    cdef BigValue* big = <BigValue*>ws_alloc(sizeof(BigValue))
    memset(big, 0, sizeof(BigValue))
    saved_room(&big.head, chunk.data.len - start)
    memcpy(big.head.data, chunk.data.data + start, chunk.data.len - start)
    big.head.len = chunk.data.len - start
    big.type_at = type_at - start
    chunk.data.len = start
    if chunk.last_big != NULL:
        chunk.last_big.next = big
    else:
        chunk.first_big = big
    chunk.last_big = big


cdef inline bint put_short_string(const Store* reading, Reply* out, const Entry* e) noexcept nogil:
    """A short string stands in RDB as in its record, but for the first byte and a TTL; False: e is none."""
    cdef size_t key_len = e.rec[1]
    cdef uint8_t* p
    if e.type != TYPE_STRING or e.enc > ENC_INT32 or key_len > SHORT_MAX:
        return False
    if has_length(e.enc) and (e.len > SHORT_MAX or e.len > COMPRESS_MIN and reading.config.rdb_compression):
        return False
    p = saved_room(out, SHORT_ROOM)
    out.len += 2 + key_len + 1 + e.len
    if e.expire_ms != NO_EXPIRE:
        p[0] = SAVED_EXPIRETIME_MS
        memcpy(p + 1, &e.expire_ms, 8)
        p += 9
        out.len += 9
    p[0] = TYPE_STRING
    p[1] = <uint8_t>key_len
    memcpy(p + 2, e.rec + 2 + expire_size(e.rec[0] >> 6), key_len)
    p += 2 + key_len
    p[0] = <uint8_t>e.len if has_length(e.enc) else <uint8_t>(0xC0 | (e.enc - ENC_INT8))
    memcpy(p + 1, e.value, e.len)
    return True


cdef void encode_entry(Snapshot* snap, Store* reading, Chunk* chunk, const Entry* e) noexcept nogil:
    cdef const TypeOps* ops = reading.types[e.type]
    cdef size_t start = chunk.data.len
    cdef size_t type_at = put_head(&chunk.data, e.rec, e.expire_ms)
    cdef size_t object_at
    cdef uint8_t covered
    cdef void* frozen = NULL
    if e.enc == ENC_PTR and ops.freeze != NULL:
        frozen = ops.freeze(reading, e)
    if frozen != NULL:
        chunk_add_big(chunk, e, start, type_at)
        chunk.last_big.ops = ops
        chunk.last_big.frozen = frozen
        return
    if e.enc == ENC_BLOB:
        chunk.inline_bytes += e.len if chunk.inline_bytes > INLINE_BLOB_BYTES else load_blob(e).len
        if chunk.inline_bytes > INLINE_BLOB_BYTES:
            chunk_add_big(chunk, e, start, type_at)
            chunk.last_big.ops = ops
            chunk.last_big.held = hold_blob(snap, load_blob(e))
            return
    covered = begin_object(&chunk.data)
    object_at = chunk.data.len
    if ops.encode(reading, e, &chunk.data) != 0:
        chunk.failed = True
    end_object(&chunk.data, type_at, object_at, covered)


cdef void encode_segment(Snapshot* snap, Store* reading, const SnapshotDb* db, Segment* s, Chunk* chunk) noexcept nogil:
    """All wanted records of a segment, which nobody changes meanwhile."""
    cdef Keyspace* ks = db.ks
    cdef uint32_t j, rows = row_count(s)
    cdef int i
    cdef ws_bucket* b
    cdef Entry e
    cdef size_t n
    cdef const uint8_t* key
    chunk.db = db.index
    chunk_range(s, chunk)
    prefetch_saved(ks, row_at(s, 0))
    for j in range(rows):
        b = row_at(s, j)
        if j + 1 < rows:
            prefetch_saved(ks, row_at(s, j + 1))
        for i in range(BUCKET_ENTRIES):
            if saved_ref(b, i) == 0:
                continue
            decode_record(<uint8_t*>ws_arena_at(&ks.arena, saved_ref(b, i)), &e)
            if snap.ranges != NULL:
                key = record_key(e.rec, &n)
                if not slot_wanted(snap, ws_key_slot(<const char*>key, n)):
                    continue
            chunk.keys += 1
            if not put_short_string(reading, &chunk.data, &e):
                encode_entry(snap, reading, chunk, &e)


cdef inline uint64_t saved_ref(const ws_bucket* b, int i) noexcept nogil:
    """The reference without the bytes behind it, which the loop may be writing (access bits)."""
    cdef uint64_t ref = 0
    memcpy(&ref, &b.ref[i * 5], 5)
    return ref


cdef inline void prefetch_saved(const Keyspace* ks, const ws_bucket* b) noexcept nogil:
    cdef int i
    for i in range(BUCKET_ENTRIES):
        if saved_ref(b, i):
            ws_prefetch(ws_arena_at(&ks.arena, saved_ref(b, i)))


# -- long strings that are kept for it -----------------------------------------------------------------------------

cdef inline size_t held_bucket(const Snapshot* snap, const Blob* blob) noexcept nogil:
    return (<uint64_t>blob * <uint64_t>0x9E3779B97F4A7C15 >> 20) & snap.held_mask


cdef void held_grow(Snapshot* snap) noexcept nogil:
    cdef size_t i, old_count = snap.held_mask + 1 if snap.held != NULL else 0
    cdef size_t count = max(<size_t>HELD_BUCKETS_MIN, old_count * 2)
    cdef HeldBlob** old = snap.held
    cdef HeldBlob* h
    cdef HeldBlob* following
    snap.held = <HeldBlob**>ws_alloc(count * sizeof(HeldBlob*))
    memset(snap.held, 0, count * sizeof(HeldBlob*))
    snap.held_mask = count - 1
    for i in range(old_count):
        h = old[i]
        while h != NULL:
            following = h.next
            h.next = snap.held[held_bucket(snap, h.blob)]
            snap.held[held_bucket(snap, h.blob)] = h
            h = following
    ws_free(old)


cdef HeldBlob* hold_blob(Snapshot* snap, Blob* blob) noexcept nogil:
    cdef HeldBlob* h = <HeldBlob*>ws_alloc(sizeof(HeldBlob))
    h.blob = blob
    h.dropped = False
    pthread_mutex_lock(&snap.mutex)
    if snap.held == NULL or snap.held_count > snap.held_mask:
        held_grow(snap)
    h.next = snap.held[held_bucket(snap, blob)]
    snap.held[held_bucket(snap, blob)] = h
    snap.held_count += 1
    pthread_mutex_unlock(&snap.mutex)
    return h


cdef bint find_held(Snapshot* snap, const Blob* blob, bint drop) noexcept nogil:
    """Whether the string is held. `drop`: the store does not need it any more, it is to be freed when it is written."""
    cdef HeldBlob* h = NULL
    pthread_mutex_lock(&snap.mutex)
    if snap.held_count > 0:
        h = snap.held[held_bucket(snap, blob)]
        while h != NULL and h.blob != blob:
            h = h.next
        if h != NULL and drop:
            h.dropped = True
    pthread_mutex_unlock(&snap.mutex)
    return h != NULL


cdef void release_held(Snapshot* snap, HeldBlob* held) noexcept nogil:
    cdef HeldBlob** link
    pthread_mutex_lock(&snap.mutex)
    link = &snap.held[held_bucket(snap, held.blob)]
    while link[0] != held:
        link = &link[0].next
    link[0] = held.next
    snap.held_count -= 1
    pthread_mutex_unlock(&snap.mutex)
    if held.dropped:
        ws_free(held.blob)
    ws_free(held)


cdef inline bint is_held(Store* store, const Blob* blob) noexcept nogil:
    """Whether a snapshot holds a long string, which may not change then."""
    return is_snapshotting(store) and find_held(snapshot_of(store), blob, False)


cdef void let_blob_go(Store* store, Blob* blob) noexcept nogil:
    """Free a long string of which the store has no more use, now or when a snapshot has written it."""
    if not is_snapshotting(store) or not find_held(snapshot_of(store), blob, True):
        ws_free(blob)


# -- writing chunks: on the thread -----------------------------------------------------------------------------

cdef void write_big(Snapshot* snap, BigValue* big) noexcept nogil:
    """A big value, node by node, each time as much as the encoder gives."""
    cdef Reply out
    cdef Entry e
    cdef bint more = True
    cdef size_t object_at
    cdef uint8_t covered
    out = big.head
    covered = begin_object(&out)
    object_at = out.len
    if big.frozen != NULL:
        more = big.ops.encode_frozen(&snap.reading, big.frozen, &out)
    else:
        memset(&e, 0, sizeof(e))
        e.type = TYPE_STRING
        e.enc = ENC_BLOB
        e.value = <uint8_t*>&big.held.blob
        e.len = sizeof(Blob*)
        big.ops.encode(&snap.reading, &e, &out)
        more = False
    end_object(&out, big.type_at, object_at, covered)
    file_put(&snap.file, out.data, out.len)
    while more and not load_flag(&snap.cancelled):
        out.len = 0
        more = big.ops.encode_frozen(&snap.reading, big.frozen, &out)
        file_put(&snap.file, out.data, out.len)
    ws_free(out.data)
    big.head.data = NULL
    if big.held != NULL:
        release_held(snap, big.held)
        big.held = NULL


cdef void write_chunk(Snapshot* snap, Chunk* chunk) noexcept nogil:
    """Put a chunk and the big values behind it into the file; the big ones are the loop's to thaw from then on."""
    cdef uint64_t offset
    cdef BigValue* big = chunk.first_big
    if chunk.keys > 0:
        put_select(snap, chunk.db)
        offset = snap.file.offset
        file_put(&snap.file, chunk.data.data, chunk.data.len)
        while big != NULL:
            write_big(snap, big)
            big = big.next
        note_entry(snap, chunk, offset)
    if chunk.failed and snap.file.error == 0:
        snap.file.error = EINVAL
    if chunk.first_big != NULL:
        pthread_mutex_lock(&snap.mutex)
        chunk.last_big.next = snap.done
        snap.done = chunk.first_big
        pthread_mutex_unlock(&snap.mutex)
    add_count(&snap.keys_done, chunk.keys)


cdef void signal_waiting(Snapshot* snap) noexcept nogil:
    if load_flag(&snap.waiting):
        pthread_mutex_lock(&snap.mutex)
        pthread_cond_broadcast(&snap.changed)
        pthread_mutex_unlock(&snap.mutex)


cdef size_t write_queued(Snapshot* snap) noexcept nogil:
    """Write the chunks that commands have left; how many."""
    cdef Chunk* chunk
    cdef Chunk* following
    cdef size_t count = 0
    pthread_mutex_lock(&snap.mutex)
    chunk = snap.queue
    snap.queue = snap.queue_last = NULL
    pthread_mutex_unlock(&snap.mutex)
    while chunk != NULL:
        following = chunk.next
        write_chunk(snap, chunk)
        pthread_mutex_lock(&snap.mutex)
        snap.queued_bytes -= chunk.data.cap
        pthread_mutex_unlock(&snap.mutex)
        signal_waiting(snap)
        ws_free(chunk.data.data)
        ws_free(chunk)
        chunk = following
        count += 1
    return count


cdef inline bint claim(Snapshot* snap, Segment* s) noexcept nogil:
    cdef uint64_t epoch = load_epoch(&s.epoch)
    return epoch < snap.epoch and swap_epoch(&s.epoch, &epoch, EPOCH_CLAIMED)


cdef void thread_take(Snapshot* snap, const SnapshotDb* db, Segment* s, Chunk* chunk) noexcept nogil:
    """Encode a segment that the thread has claimed, and write it."""
    chunk.data.len = 0
    chunk.keys = 0
    chunk.inline_bytes = 0
    chunk.failed = False
    chunk.first_big = chunk.last_big = NULL
    if range_wanted(snap, s):
        encode_segment(snap, &snap.reading, db, s, chunk)
    store_epoch(&s.epoch, snap.epoch)
    signal_waiting(snap)
    write_chunk(snap, chunk)


cdef void take_all(Snapshot* snap) noexcept nogil:
    """Every segment, in order where no command was faster; returns when all are written, or it is cancelled."""
    cdef Chunk chunk
    cdef size_t i, j, taken = 0
    memset(&chunk, 0, sizeof(chunk))
    for i in range(snap.db_count):
        for j in range(snap.dbs[i].first, snap.dbs[i].end):
            if load_flag(&snap.cancelled) or snap.file.error:
                break
            taken += write_queued(snap)
            if claim(snap, snap.segments[j]):
                thread_take(snap, &snap.dbs[i], snap.segments[j], &chunk)
                taken += 1
    ws_free(chunk.data.data)
    pthread_mutex_lock(&snap.mutex)
    while taken < snap.segment_count and not load_flag(&snap.cancelled) and not snap.file.error:
        store_flag(&snap.waiting, 1)
        while snap.queue == NULL and not load_flag(&snap.cancelled):
            pthread_cond_wait(&snap.changed, &snap.mutex)
        pthread_mutex_unlock(&snap.mutex)
        taken += write_queued(snap)
        pthread_mutex_lock(&snap.mutex)
    pthread_mutex_unlock(&snap.mutex)


cdef void snapshot_run(void* arg) noexcept nogil:
    """The thread: from the file's first byte to its name."""
    cdef Snapshot* snap = <Snapshot*>arg
    snapshot_begin_file(snap)
    take_all(snap)
    if load_flag(&snap.cancelled) and snap.file.error == 0:
        snap.file.error = ECANCELED
    snapshot_end_file(snap)
    store_flag(&snap.finished, 1)
    signal_waiting(snap)
    if snap.has_thread:
        ws_wake(server_of(snap.store).wake_fd)


# -- what commands do for it -----------------------------------------------------------------------------------

cdef void queue_chunk(Snapshot* snap, Chunk* chunk) noexcept nogil:
    """Leave a chunk to the thread; wait a little if it has many already."""
    cdef int64_t begin_us
    pthread_mutex_lock(&snap.mutex)
    if snap.queue_last != NULL:
        snap.queue_last.next = chunk
    else:
        snap.queue = chunk
    snap.queue_last = chunk
    snap.queued_bytes += chunk.data.cap
    snap.peak_queued_bytes = max(snap.peak_queued_bytes, snap.queued_bytes)
    pthread_cond_broadcast(&snap.changed)
    while snap.queued_bytes > QUEUED_BYTES_MAX and snap.wait_left_us > 0 and not load_flag(&snap.finished):
        begin_us = ws_mono_us()
        store_flag(&snap.waiting, 1)
        ws_cond_wait_us(&snap.changed, &snap.mutex, snap.wait_left_us)
        snap.wait_left_us -= ws_mono_us() - begin_us
    pthread_mutex_unlock(&snap.mutex)


cdef void wait_until_taken(Snapshot* snap, Segment* s) noexcept nogil:
    """The thread is encoding the segment: wait for it."""
    pthread_mutex_lock(&snap.mutex)
    store_flag(&snap.waiting, 1)
    while load_epoch(&s.epoch) != snap.epoch:
        pthread_cond_wait(&snap.changed, &snap.mutex)
    store_flag(&snap.waiting, 0)
    pthread_mutex_unlock(&snap.mutex)


cdef void loop_take(Snapshot* snap, const SnapshotDb* db, Segment* s) noexcept nogil:
    """Encode a segment that a command has claimed."""
    cdef Chunk* chunk = <Chunk*>ws_alloc(sizeof(Chunk))
    memset(chunk, 0, sizeof(Chunk))
    if range_wanted(snap, s):
        encode_segment(snap, &snap.hasty, db, s, chunk)
    snap.hasty_chunks += 1
    queue_chunk(snap, chunk)
    store_epoch(&s.epoch, snap.epoch)


cdef const SnapshotDb* snapshot_db_of(const Snapshot* snap, const Keyspace* ks) noexcept nogil:
    cdef int i
    for i in range(snap.db_count):
        if snap.dbs[i].ks == ks:
            return &snap.dbs[i]
    return NULL


cdef void save_segment(Store* store, const Keyspace* ks, Segment* s) noexcept nogil:
    """Have a segment taken by the snapshot, if it is not yet, before it changes."""
    cdef Snapshot* snap = snapshot_of(store)
    cdef const SnapshotDb* db
    if load_epoch(&s.epoch) == snap.epoch:
        return
    db = snapshot_db_of(snap, ks)
    if db == NULL or load_flag(&snap.finished):
        store_epoch(&s.epoch, snap.epoch)       # a database that came after it began
    elif claim(snap, s):
        loop_take(snap, db, s)
    else:
        wait_until_taken(snap, s)


cdef inline void before_change(Store* store, Db* db, const Entry* e) noexcept nogil:
    """A command is about to change the entry, or to put it where its key belongs."""
    if WS_UNLIKELY(store.observers & OBSERVE_SNAPSHOT):
        save_segment(store, keyspace_of(db), <Segment*>e.segment)


cdef inline bint is_saved(Store* store, Segment* s) noexcept nogil:
    """Whether a segment may change, as far as a snapshot is concerned."""
    return not is_snapshotting(store) or load_epoch(&s.epoch) == snapshot_of(store).epoch


cdef inline bint is_snapshotting(const Store* store) noexcept nogil:
    return (store.observers & OBSERVE_SNAPSHOT) != 0


cdef inline Snapshot* snapshot_of(Store* store) noexcept nogil:
    return <Snapshot*>server_of(store).snapshot


cdef bint keep_database(Store* store, Db* db) noexcept nogil:
    """A database was emptied or dropped: whether the snapshot takes it over, to free it in the end."""
    cdef Snapshot* snap = snapshot_of(store)
    if snap == NULL or snapshot_db_of(snap, keyspace_of(db)) == NULL:
        return False
    snap.orphans = <Db**>ws_realloc(snap.orphans, (snap.orphan_count + 1) * sizeof(Db*))
    snap.orphans[snap.orphan_count] = db
    snap.orphan_count += 1
    return True
