# The link to a master, once the handshake is over: its stream is received, split into units (follow_split.pyx), its
# commands run (follow_run.pyx), and the very same bytes go into the stream of this server; acknowledgements go back.
#
# A turn receives once and runs for a few ms. What is received and waits is bounded by FOLLOW_INPUT, unless one unit is
# larger. A link that has ended is not told before all whole units that it brought have been run.
#
# Invariants
# * Server.stream.end is the offset behind what was applied, which is in the stream as well, between two units.
# * Follow.on: there is a link, or what it brought is not all applied. Follow.fd < 0: nothing more will come.
# * done <= split.whole <= split.at <= input.len; all memory of the input has INPUT_SLACK readable bytes behind it.

cdef extern from "net.h" nogil:
    void ws_peer_addr(int fd, ws_addr* out)

cdef extern from "poll.h" nogil:
    int ws_poll_del(int poll_fd, int fd)

cdef enum:
    FOLLOW_INPUT = 256 * 1024       # memory of the input: what one recv asks for, at most
    FOLLOW_ROOM_MIN = 64 * 1024     # free in it, else it is doubled
    FOLLOW_SLICE_US = 2000          # that commands of the stream run in a turn
    FOLLOW_ACK_MS = 1000


# -- receiving -----------------------------------------------------------------------------------------------------

cdef void follow_hang_up(Server* s, const char* why) noexcept nogil:
    """Nothing more is received; the reason that comes first is the one."""
    cdef Follow* f = &s.repl.follow
    if f.fd < 0:
        return
    snprintf(f.reason, sizeof(f.reason), b"%s", why)
    if s.poll_fd >= 0:
        ws_poll_del(s.poll_fd, f.fd)
    close(f.fd)
    f.fd = -1


cdef size_t follow_room(Follow* f) noexcept nogil:
    """How much to receive: nothing while enough waits to be run."""
    cdef Reply* input = &f.input
    if f.split.whole - f.done >= FOLLOW_INPUT // 2:
        return 0
    if input.cap - input.len < FOLLOW_ROOM_MIN:
        input.cap = max(input.cap * 2, <size_t>FOLLOW_INPUT)
        input.data = <char*>ws_realloc(input.data, input.cap + INPUT_SLACK)
    return input.cap - input.len


cdef void follow_receive(Server* s) noexcept nogil:
    """The link has something to read, or has ended."""
    cdef Follow* f = &s.repl.follow
    cdef size_t room
    cdef ssize_t n
    if f.fd < 0:
        return
    room = follow_room(f)
    if room == 0:
        return
    n = ws_receive(f.fd, f.input.data + f.input.len, room)
    if n == -1:
        return
    if n <= 0:
        follow_hang_up(s, b"the master has closed the connection" if n == 0 else b"the connection is broken")
        return
    f.input.len += <size_t>n
    f.received_ms = s.store.now_ms
    f.received_bytes += <uint64_t>n
    if split_more(&f.split, f.input.data, f.input.len) != 0:
        f.damaged = 1
        follow_hang_up(s, f.split.why)


# -- applying ------------------------------------------------------------------------------------------------------

cdef void follow_pass_on(Server* s, const char* p, size_t n) noexcept nogil:
    """These bytes have been applied: they are part of this server's stream."""
    cdef Stream* t = &s.stream
    if s.log != NULL or t.taken or t.pending.len > 0:
        stream_put_bytes(t, p, n)
    else:
        if s.repl.tail.on:
            tail_append(s, p, n)
        t.end += <int64_t>n
    t.db = s.repl.follow.client.db


cdef void follow_drop_input(Follow* f) noexcept nogil:
    """What is applied leaves the input, and memory that only a large unit needed."""
    cdef size_t left = f.input.len - f.done
    memmove(f.input.data, f.input.data + f.done, left)
    f.input.len = left
    split_drop(&f.split, f.done)
    f.done = 0
    if f.input.cap > FOLLOW_INPUT and left < FOLLOW_INPUT // 4:
        f.input.cap = FOLLOW_INPUT
        f.input.data = <char*>ws_realloc(f.input.data, FOLLOW_INPUT + INPUT_SLACK)
    if f.arg_cap > BATCH_ARGS:
        ws_free(f.args)
        f.args = NULL
        f.arg_cap = 0


cdef void follow_apply(Server* s, int64_t until_us) noexcept nogil:
    """Run units for about that long."""
    cdef Follow* f = &s.repl.follow
    cdef const char* start = f.input.data + f.done
    cdef AofRead read
    memset(&read, 0, sizeof(read))
    read.start = read.at = start
    read.end = f.input.data + f.split.whole
    if follow_run_some(s, &read, until_us) == AOF_BAD:
        f.damaged = 1
        follow_hang_up(s, read.why if read.why != NULL else <const char*>b"a command is damaged")
        f.split.whole = <size_t>(read.at - f.input.data)
    follow_pass_on(s, start, <size_t>(read.at - start))
    f.done = <size_t>(read.at - f.input.data)
    if f.client.out.cap > KEEP_OUTPUT_MAX:
        output_release(f.client)
    if f.done == f.split.whole or f.done >= f.input.cap // 2:
        follow_drop_input(f)


cdef void follow_free(Server* s) noexcept nogil:
    """The link is no more; counters stay."""
    cdef Follow* f = &s.repl.follow
    if not f.on:
        return
    follow_hang_up(s, b"ended here")
    client_free(f.client)
    f.client = NULL
    ws_free(f.input.data)
    ws_free(f.args)
    memset(&f.input, 0, sizeof(f.input))
    memset(&f.split, 0, sizeof(f.split))
    f.args = NULL
    f.arg_cap = 0
    f.done = 0
    f.inside = 0
    f.on = f.in_unit = f.ack_due = False


cdef void follow_tell(Server* s) noexcept with gil:
    """The link has ended by itself: whoever has begun it hears why."""
    cdef Follow* f = &s.repl.follow
    cdef str reason = f.reason.decode("utf-8", "backslashreplace")
    cdef object then = <object>f.then
    follow_free(s)
    Py_XDECREF(<PyObject*>f.then)
    f.then = NULL
    try:
        then(reason)
    except Exception as error:
        import traceback
        traceback.print_exception(error)
    except BaseException as error:
        keep_raised(s, error)


cdef bint follow_turn(Server* s) noexcept nogil:
    """In each turn, once clients were served: apply what was received. True: there is work left, do not wait."""
    cdef Follow* f = &s.repl.follow
    if WS_LIKELY(not f.on) or s.loader != NULL:
        return False
    if f.split.whole > f.done:
        follow_apply(s, ws_mono_us() + FOLLOW_SLICE_US)
    if f.fd < 0 and f.split.whole == f.done:
        follow_tell(s)
        return False
    return f.split.whole > f.done or s.unblocked_count > 0


# -- acknowledging -------------------------------------------------------------------------------------------------

cdef void follow_send_ack(Server* s) noexcept nogil:
    """What the socket does not take of it waits for the next turn; what is wrong with the socket, recv will tell."""
    cdef Follow* f = &s.repl.follow
    cdef ssize_t n = ws_send(f.fd, f.ack + f.ack_sent, <size_t>(f.ack_len - f.ack_sent))
    if n > 0:
        f.ack_sent += <int>n


cdef void follow_ack(Server* s) noexcept nogil:
    """At the end of a turn, once the stream was handed over: tell the master how far it was applied, and, with
    appendfsync always, is on disk."""
    cdef Follow* f = &s.repl.follow
    cdef char digits[24]
    if WS_LIKELY(f.fd < 0):
        return
    if f.ack_sent < f.ack_len:
        follow_send_ack(s)
    if f.ack_sent < f.ack_len or not f.ack_due and s.store.now_ms - f.acked_ms < FOLLOW_ACK_MS:
        return
    if s.log == NULL or not log_of(s).holding:
        f.acked = s.stream.end
    f.ack_due = False
    f.acked_ms = s.store.now_ms
    f.ack_sent = 0
    f.ack_len = snprintf(f.ack, sizeof(f.ack), b"*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$%d\r\n%lld\r\n",
                         <int>ws_i64_to_str(digits, f.acked), <long long>f.acked)
    follow_send_ack(s)


# -- Python's side -------------------------------------------------------------------------------------------------

cdef int check_follow(Server* s, int64_t offset, int db) except -1:
    if s.poll_fd < 0 or s.repl.follow.on or s.loader != NULL or not s.store.is_replica:
        raise RuntimeError("there is no loop, a link already or a load, or this is no replica")
    if not -1 <= db < s.store.db_count:
        raise ValueError(f"there is no database {db}")
    if s.stream.end != offset and s.log != NULL:
        raise ValueError(f"the log stands at {s.stream.end}, not {offset}")
    return 0


def follow_begin(Engine engine not None, int fd, int64_t offset, int db, then):
    """Apply a master's stream, which comes over a connection, from that offset on and in that database (-1: a SELECT
    comes first). On the loop's thread, of a replica; without a log its own stream goes on at that offset.

    then: called with the reason (str) in a turn of the loop when the link has ended by itself; what was received of the
    unit at hand is dropped. The descriptor is the engine's from here on, whatever happens.
    """
    cdef Server* s = server_of(engine.store)
    cdef Follow* f = &s.repl.follow
    server_enter(s)
    try:
        check_follow(s, offset, db)
        if s.stream.end != offset:
            stream_restart(s, offset)
        f.client = client_new(s, -1, 2)
        client_unlink(s, f.client)
        f.client.flags = CLIENT_INTERNAL | CLIENT_AUTHENTICATED
        ws_peer_addr(fd, &f.client.peer)
        f.split.databases = s.store.db_count
        f.client.db = max(db, 0)
        st_db(s.store, f.client.db)
        s.stream.db = f.client.db
        f.fd = fd
        fd = -1
        Py_INCREF(then)
        f.then = <void*>then
        f.on = f.ack_due = True
        f.damaged = False
        f.received_ms = ws_unix_ms()
        f.acked = f.acked_ms = 0
        f.ack_len = f.ack_sent = 0
        ws_poll_add(s.poll_fd, f.fd, WS_POLL_IN, <void*><size_t>TAG_FOLLOW)
    finally:
        if fd >= 0:
            close(fd)
        server_unlock(s)


cdef void stream_restart(Server* s, int64_t offset) noexcept nogil:
    """The data are others: the stream, which no log keeps, goes on at another offset."""
    s.stream.pending.len = 0
    s.stream.end = offset
    if s.repl.tail.on:
        tail_begin(&s.repl.tail, offset)
        s.repl.fed_end = offset


cdef void follow_forget(Server* s) noexcept:
    """End the link; nobody is told."""
    follow_free(s)
    Py_XDECREF(<PyObject*>s.repl.follow.then)
    s.repl.follow.then = NULL


def follow_end(Engine engine not None):
    """Close the link, if there is one, with all whole units that it has brought applied; `then` is not called.

    On the loop's thread. Asked for by a command, what is not applied yet is dropped.
    """
    cdef Server* s = server_of(engine.store)
    cdef bint free
    server_enter(s)
    try:
        if s.store.obeying and s.repl.follow.on:
            raise RuntimeError("a command of the link is running")
        free = s.batch.running < 0 and s.depth == 0 and s.loader == NULL
        if free and s.repl.follow.split.whole > s.repl.follow.done:
            with nogil:
                follow_apply(s, INT64_MAX)
        follow_forget(s)
    finally:
        server_unlock(s)


def follow_facts(Engine engine not None):
    """The link: on (bool), offset (applied so far), db, received_ms, acked_ms (Unix time; 0: never), acked (offset),
    input_bytes, input_memory, damaged (the last link ended for that); since the last CONFIG RESETSTAT:
    received_bytes, errors (of commands of the stream)."""
    cdef Server* s = server_of(engine.store)
    cdef const Follow* f = &s.repl.follow
    return {
        "on": f.fd >= 0, "offset": s.stream.end, "db": f.client.db if f.on else max(s.stream.db, 0),
        "received_ms": f.received_ms, "acked": f.acked, "acked_ms": f.acked_ms, "input_bytes": f.input.len,
        "input_memory": f.input.cap, "damaged": f.damaged != 0, "received_bytes": f.received_bytes, "errors": f.errors}
