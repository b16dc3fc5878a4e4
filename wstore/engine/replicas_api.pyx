# Replicas as Python sees them: what the commands of replication ask of replicas.pyx. All of it is for the loop's thread
# or takes the lock; replicas are named by their client's id.


cdef Replica* replica_named(Server* s, uint64_t client_id) except NULL:
    """ValueError: no such client is a replica."""
    cdef Client* c = client_of_id(s, client_id)
    if c == NULL or c.replica == NULL:
        raise ValueError(f"client {client_id} is no replica")
    return replica_of(c)


def replication_on(Engine engine not None):
    """Have effects of writes go to the stream, and keep its tail, from where it stands."""
    cdef Server* s = server_of(engine.store)
    engine.check_open()
    server_enter(s)
    if not s.repl.tail.on:
        if s.log != NULL and not stream_in_unit(s):
            stream_hand_over(s)
        tail_begin(&s.repl.tail, s.stream.end - <int64_t>s.stream.pending.len)
        s.repl.fed_end = s.repl.tail.end
        s.repl.tail.on = 1
        s.store.served = 1
        if s.log == NULL and not s.store.is_replica:
            s.stream.db = -1
        stream_observe(s)
    server_unlock(s)


def replication_off(Engine engine not None):
    """Keep no tail; without a log, no effects of writes either. Replicas are closed."""
    cdef Server* s = server_of(engine.store)
    server_enter(s)
    if s.repl.tail.on:
        close_replicas(engine)
        if s.log == NULL:
            s.stream.pending.len = 0
        s.repl.tail.on = 0
        tail_clear(&s.repl.tail)
        stream_observe(s)
        s.store.served = s.poll_fd >= 0 or s.log != NULL or engine.closed
    server_unlock(s)


cdef int64_t stream_first(Server* s) noexcept nogil:
    cdef int64_t first = s.repl.tail.start if s.repl.tail.on else s.stream.end
    if s.log != NULL:
        first = min(first, ws_log_first(log_of(s).files))
    return first


def stream_bounds(Engine engine not None):
    """(first, end): the stream is kept from `first` on, in memory or on disk, and ends at `end`."""
    cdef Server* s = server_of(engine.store)
    server_enter(s)
    try:
        return stream_first(s), s.stream.end
    finally:
        server_unlock(s)


def replica_begin(Engine engine not None, uint64_t client_id, bint acks=True, bytes name=b""):
    """Have a connection be a replica, which waits; it gets no more replies from behind the one at hand on.

    acks: it is to tell how far it is (REPLCONF ACK), and is closed when it does not for repl-timeout.
    name: as the log is to call it; empty: by the address of its connection.
    """
    cdef Server* s = server_of(engine.store)
    cdef Client* c
    server_enter(s)
    try:
        c = client_of_id(s, client_id)
        if c == NULL or c.fd < 0 or not s.repl.tail.on:
            raise ValueError(f"client {client_id} cannot be a replica")
        if c.replica == NULL:
            replica_new(s, c, acks)
            snprintf(replica_of(c).name, sizeof(replica_of(c).name), b"%s", <const char*>name)
    finally:
        server_unlock(s)


def replica_attach(Engine engine not None, uint64_t client_id, int64_t offset):
    """Send a replica that waits the stream from there on, behind what its output has. ValueError: it is not kept."""
    cdef Server* s = server_of(engine.store)
    cdef Replica* r
    server_enter(s)
    try:
        r = replica_named(s, client_id)
        if r.state != REPLICA_WAITS:
            raise ValueError(f"replica {client_id} is being sent something")
        r.offset = offset
        if offset > s.stream.end or offset < s.repl.tail.start and not replica_pin(s, r):
            r.offset = NO_STREAM
            raise ValueError(f"the stream is not kept from {offset} on")
        r.acked = offset
        replica_go_on(s, r)
    finally:
        server_unlock(s)


def replica_transfer(Engine engine not None, uint64_t client_id, SnapshotOutput output not None, bytes head,
                     bytes end_mark not None, int64_t offset, bint wait_ack):
    """Send a replica that waits `head`, the file as it is written, `end_mark`, and then the stream from `offset` on.

    head None: "$", the file's length and CRLF, once that is known, and line breaks while it is not. offset -1: no
    stream, the connection is closed instead. wait_ack: the stream waits for the first ACK. A file that fails closes it.
    ValueError: the stream is not kept.
    """
    cdef Server* s = server_of(engine.store)
    cdef Replica* r
    server_enter(s)
    try:
        r = replica_named(s, client_id)
        if r.state != REPLICA_WAITS:
            raise ValueError(f"replica {client_id} is being sent something")
        r.offset = offset
        if offset != NO_STREAM and not replica_pin(s, r) and not s.repl.tail.start <= offset <= s.stream.end:
            r.offset = NO_STREAM
            raise ValueError(f"the stream is not kept from {offset} on")
        r.wait_ack = wait_ack
        r.wanted = s.stream.end if offset != NO_STREAM else 0
        r.file_feed = ws_feed_of_file(output.output, <const char*>NULL if head is None else <const char*>head,
                                      0 if head is None else len(head), end_mark, len(end_mark))
        replica_enter(r, REPLICA_FILE)
    finally:
        server_unlock(s)


def replica_ack(Engine engine not None, uint64_t client_id, int64_t offset):
    """A replica says that it has applied the stream up to there."""
    cdef Server* s = server_of(engine.store)
    cdef Replica* r
    server_enter(s)
    try:
        r = replica_named(s, client_id)
        r.acked = max(r.acked, offset)
        r.acked_ms = ws_unix_ms()
        s.repl.acks_moved = 1
        if r.state == REPLICA_LOADS:
            replica_go_on(s, r)
    finally:
        server_unlock(s)


cdef bint put_words_of(Server* s, int db, list words) except -1:
    cdef Str argv[STACK_ARGS]
    cdef bint told
    cdef int i
    if len(words) > STACK_ARGS:
        raise ValueError("too many words")
    for i in range(<int>len(words)):
        argv[i].ptr = PyBytes_AS_STRING(words[i])
        argv[i].len = PyBytes_GET_SIZE(words[i])
    if db < 0:
        return stream_put_as_is(s, <int>len(words), argv)
    told = stream_open(s.store)
    stream_put(s, db, <int>len(words), argv)
    return told


def put_in_stream(Engine engine not None, int db, args):
    """Have a command (bytes each) stand in the stream, to be run in that database; -1: in whatever one it stands.
    False: nothing of this server's own goes to the stream now."""
    cdef Server* s = server_of(engine.store)
    server_enter(s)
    try:
        return put_words_of(s, db, list(args))
    finally:
        wake_loop(s)
        server_unlock(s)


def ask_acks(Engine engine not None):
    """Have replicas tell how far they are (REPLCONF GETACK), at the end of this turn of the loop."""
    cdef Server* s = server_of(engine.store)
    server_enter(s)
    s.repl.ask = 1
    if s.wake_fd >= 0:
        ws_wake(s.wake_fd)
    server_unlock(s)


def hold_pings(Engine engine not None, bint on):
    """Put neither PING nor GETACK into the stream, so that it stands still while writes are paused; or again."""
    server_of(engine.store).repl.pings_held = on


cdef dict replica_facts(Server* s, const Replica* r):
    cdef char addr[WS_ADDR_TEXT_MAX]
    cdef size_t n = client_addr_text(s, r.client, addr)
    cdef int shown = REPLICA_FILE if is_sent_all(r) and not is_online(r) else r.state
    return {"client_id": r.client.id, "addr": addr[:n].decode(), "state": REPLICA_STATES[shown].decode(),
            "in_memory": r.state == REPLICA_TAIL, "offset": replica_place(r), "acked": r.acked, "acked_ms": r.acked_ms,
            "heard_ms": replica_heard_ms(r), "acks": r.acks}


def replicas(Engine engine not None):
    """A dict of each replica, in the order in which they came: client_id, addr, state (as INFO names it), offset (of
    what it is sent next; -1: nothing), acked (an offset), acked_ms (0: never), heard_ms: when it gave a sign of life,
    or came into its state; in_memory: it is in step with the tail."""
    cdef Server* s = server_of(engine.store)
    cdef size_t i
    server_enter(s)
    try:
        return [replica_facts(s, replica_of(s.repl.replicas[i])) for i in range(s.repl.replica_count)]
    finally:
        server_unlock(s)


def close_replicas(Engine engine not None):
    """Send replicas nothing more, and close their connections at the end of this turn of the loop."""
    cdef Server* s = server_of(engine.store)
    cdef size_t i
    server_enter(s)
    for i in range(s.repl.replica_count):
        replica_end_soon(s, s.repl.replicas[i])
    if s.wake_fd >= 0:
        ws_wake(s.wake_fd)
    server_unlock(s)


def replication_facts(Engine engine not None):
    """A dict of int: tail_on, tail_start, tail_end (offsets), tail_bytes (in memory), sent_bytes (to replicas),
    replicas, good_replicas (in step, and heard of within min-replicas-max-lag)."""
    cdef Server* s = server_of(engine.store)
    server_enter(s)
    try:
        return {"tail_on": s.repl.tail.on, "tail_start": s.repl.tail.start, "tail_end": s.repl.tail.end,
                "tail_bytes": tail_bytes(&s.repl.tail), "sent_bytes": s.repl.sent_bytes,
                "replicas": s.repl.replica_count, "good_replicas": good_replicas(s)}
    finally:
        server_unlock(s)
