# Effects: what write commands leave in the stream (stream.pxd), in a form that gives the same data whenever it is run.
#
# A command that raised `dirty` stands there as it came, unless its handler told its effects itself; a key that
# expired as DEL or UNLINK, in front of the command that met it. Forms and order are those of Redis 7.0's log:
#
#   SELECT db, where it is not the database of what came before | MULTI | effect ... | EXEC     (one effect: alone)
#
# With the log off a command pays one test for this. With it on, a command from a connection is copied as it was sent:
# what the parser lets through as RESP is what would be written here.

cdef enum:
    STREAM_ROOM_MIN = 16 * 1024
    STREAM_HEADER_MAX = 24          # a mark, the digits of a number, CRLF


cdef inline bint stream_open(const Store* store) noexcept nogil:
    return store.observers & OBSERVE_LOG and not store.loading


cdef inline void note_written(const Stream* t, Client* c) noexcept nogil:
    """The command at hand has left effects."""
    c.flags |= CLIENT_LOGGED
    c.written_end = t.end


cdef void stream_observe(Server* s) noexcept nogil:
    """Have effects be told as long as somebody wants them: the log or replicas of a master."""
    if (s.log != NULL or s.repl.tail.on or s.stream.taken) and not s.store.is_replica:
        s.store.observers |= OBSERVE_LOG
    else:
        s.store.observers &= ~<uint32_t>OBSERVE_LOG


cdef inline bint stream_in_unit(const Server* s) noexcept nogil:
    """Whether effects of one unit have come and others may: no offset stands for the data as they are."""
    return s.stream.unit_count > 0


# -- bytes ---------------------------------------------------------------------------------------------------------

cdef void stream_grow(Stream* t, size_t n) noexcept nogil:
    t.pending.cap = max(max(t.pending.cap * 2, t.pending.len + n), <size_t>STREAM_ROOM_MIN)
    t.pending.data = <char*>ws_realloc(t.pending.data, t.pending.cap)


cdef inline char* stream_room(Stream* t, size_t n) noexcept nogil:
    """Room for n more bytes behind the last one."""
    if WS_UNLIKELY(t.pending.len + n > t.pending.cap):
        stream_grow(t, n)
    return t.pending.data + t.pending.len


cdef inline void stream_add(Stream* t, size_t n) noexcept nogil:
    """n bytes have been written to the room."""
    t.pending.len += n
    t.end += <int64_t>n


cdef inline void stream_put_bytes(Stream* t, const char* p, size_t n) noexcept nogil:
    memcpy(stream_room(t, n), p, n)
    stream_add(t, n)


cdef inline size_t put_header(char* to, char mark, uint64_t n) noexcept nogil:
    cdef size_t used
    to[0] = mark
    used = 1 + ws_u64_to_str(to + 1, n)
    to[used] = c"\r"
    to[used + 1] = c"\n"
    return used + 2


cdef inline void stream_put_header(Stream* t, char mark, uint64_t n) noexcept nogil:
    stream_add(t, put_header(stream_room(t, STREAM_HEADER_MAX), mark, n))


cdef inline void stream_put_arg(Stream* t, const char* p, size_t n) noexcept nogil:
    cdef char* to = stream_room(t, n + STREAM_HEADER_MAX + 2)
    cdef size_t used = put_header(to, c"$", n)
    memcpy(to + used, p, n)
    to[used + n] = c"\r"
    to[used + n + 1] = c"\n"
    stream_add(t, used + n + 2)


cdef void stream_put_args(Stream* t, int argc, const Str* argv) noexcept nogil:
    cdef int i
    stream_put_header(t, c"*", <uint64_t>argc)
    for i in range(argc):
        stream_put_arg(t, argv[i].ptr, argv[i].len)


# -- units ---------------------------------------------------------------------------------------------------------

cdef void stream_select(Stream* t, int db) noexcept nogil:
    cdef char digits[24]
    stream_put_bytes(t, b"*2\r\n$6\r\nSELECT\r\n", 16)
    stream_put_arg(t, digits, ws_u64_to_str(digits, <uint64_t>db))
    t.db = db


cdef inline void stream_next(Stream* t, int db) noexcept nogil:
    """One more effect of the unit, in that database, is about to be put."""
    if WS_UNLIKELY(t.db != db):
        stream_select(t, db)
    if t.unit_count == 0:
        t.unit_start = t.pending.len
    t.unit_count += 1


cdef void stream_wrap(Stream* t) noexcept nogil:
    """MULTI in front of the unit's effects, EXEC behind."""
    cdef const char* multi = b"*1\r\n$5\r\nMULTI\r\n"
    cdef size_t n = strlen(multi)
    cdef char* at
    stream_room(t, n)
    at = t.pending.data + t.unit_start
    memmove(at + n, at, t.pending.len - t.unit_start)
    memcpy(at, multi, n)
    stream_add(t, n)
    stream_put_bytes(t, b"*1\r\n$4\r\nEXEC\r\n", 14)


cdef inline void stream_end_unit(Stream* t) noexcept nogil:
    """The unit is over, unless the command is one that another runs."""
    if t.depth > 0:
        return
    if WS_UNLIKELY(t.unit_count > 1):
        stream_wrap(t)
    t.unit_count = 0


cdef void stream_put(Server* s, int db, int argc, const Str* argv) noexcept nogil:
    """An effect; of a unit of its own, unless a command is running."""
    cdef Stream* t = &s.stream
    if not stream_open(s.store):
        return
    stream_next(t, db)
    stream_put_args(t, argc, argv)
    stream_end_unit(t)


cdef bint stream_put_as_is(Server* s, int argc, const Str* argv) noexcept nogil:
    """A command that does the same in every database: no SELECT comes first. 0: the stream is not open."""
    cdef Stream* t = &s.stream
    if not stream_open(s.store):
        return 0
    if t.unit_count == 0:
        t.unit_start = t.pending.len
    t.unit_count += 1
    stream_put_args(t, argc, argv)
    stream_end_unit(t)
    return 1


# -- of commands ---------------------------------------------------------------------------------------------------

cdef inline const char* request_bytes(Server* s, const Client* c, const Call* call) noexcept nogil:
    """Where a call's request lies in its client's input as RESP, or NULL: it does not."""
    cdef const Batch* b = &s.batch
    cdef const char* p
    if b.running < 0 or call != &b.calls[b.running]:
        return NULL
    p = c.in_buf + b.starts[b.running]
    return p if p[0] == c"*" else NULL


cdef void stream_put_call(Server* s, const Client* c, const Call* call) noexcept nogil:
    """A command as it came, wherever it came from."""
    if stream_open(s.store):
        stream_next(&s.stream, c.db)
        stream_put_args(&s.stream, call.argc, call.argv)


cdef inline bint stream_copy_call(Server* s, const Client* c, const Call* call) noexcept nogil:
    """A command from a connection, as all of a unit, if it needs no more than to be copied; else 0."""
    cdef Stream* t = &s.stream
    cdef const Str* last = &call.argv[call.argc - 1]
    cdef const char* p = request_bytes(s, c, call)
    cdef size_t n
    if WS_UNLIKELY(p == NULL or t.unit_count > 0 or t.db != c.db or s.store.loading):
        return 0
    n = <size_t>(last.ptr + last.len + 2 - p)
    if WS_UNLIKELY(t.pending.len + n > t.pending.cap):
        stream_grow(t, n)
    memcpy(t.pending.data + t.pending.len, p, n)
    stream_add(t, n)
    return 1


cdef void run_inside(Server* s, Client* c, Call* call) noexcept nogil:
    """run_logged for commands that another one runs, and for Python handlers: what these do, other commands tell."""
    cdef Stream* t = &s.stream
    cdef bint outer_said = t.said
    cdef int64_t dirty = s.store.dirty
    cdef int64_t end = t.end
    cdef bint writes = call.spec.flags & CMD_WRITE != 0
    t.said = call.spec.fn == NULL
    t.depth += 1
    if call.spec.fn != NULL:
        call.spec.fn(call)
    else:
        call_python(s, c, call)     # which may free spec
    if s.store.dirty != dirty and not t.said:
        stream_put_call(s, c, call)
    if writes and t.end != end:
        note_written(t, c)
    t.said = outer_said
    t.depth -= 1
    stream_end_unit(t)


cdef void end_logged(Server* s, Client* c, const Call* call, bint put) noexcept nogil:
    """The rest of a command's unit: itself, if `put`."""
    if put:
        stream_put_call(s, c, call)
    if call.spec.flags & CMD_WRITE:
        note_written(&s.stream, c)
    stream_end_unit(&s.stream)


cdef void run_logged(Server* s, Client* c, Call* call) noexcept nogil:
    """Run a command's handler; what it has done comes into the stream."""
    cdef Stream* t = &s.stream
    cdef int64_t dirty
    if WS_UNLIKELY(t.depth > 0 or call.spec.fn == NULL):
        run_inside(s, c, call)
        return
    dirty = s.store.dirty
    t.depth = 1
    t.said = 0
    call.spec.fn(call)
    t.depth = 0
    if s.store.dirty == dirty or t.said:
        if t.unit_count > 0:
            end_logged(s, c, call, 0)
    elif WS_LIKELY(stream_copy_call(s, c, call)):
        note_written(t, c)
    else:
        end_logged(s, c, call, 1)


cdef void api_effect(Call* call, int argc, const Str* argv) noexcept nogil:
    """Have argv stand in the stream for the command at hand."""
    cdef Server* s = server_of(call.store)
    s.stream.said = 1
    if argc > 0:
        stream_put(s, (<const Client*>call.client).db, argc, argv)


# -- of keys -------------------------------------------------------------------------------------------------------

cdef void stream_put_key(Server* s, int db, const char* name, const Key* key) noexcept nogil:
    """A command of a key alone."""
    cdef Str argv[2]
    argv[0].ptr = name
    argv[0].len = strlen(name)
    argv[1].ptr = key.ptr
    argv[1].len = key.len
    stream_put(s, db, 2, argv)


cdef void stream_expired(Store* store, int db, const Key* key) noexcept nogil:
    stream_put_key(server_of(store), db, b"UNLINK" if store.config.lazyfree_lazy_expire else b"DEL", key)


cdef void stream_set(Server* s, int db, const Str* name, const Str* text) noexcept nogil:
    """A string stored without a TTL, by an embedded call."""
    cdef Str argv[3]
    argv[0].ptr = b"SET"
    argv[0].len = 3
    argv[1] = name[0]
    argv[2] = text[0]
    stream_put(s, db, 3, argv)


cdef void stream_expire_at(Server* s, int db, const Key* key, int64_t expire_ms) noexcept nogil:
    """A TTL given or taken (NO_EXPIRE) by an embedded call."""
    cdef char digits[24]
    cdef Str argv[3]
    if expire_ms == NO_EXPIRE:
        stream_put_key(s, db, b"PERSIST", key)
        return
    argv[0].ptr = b"PEXPIREAT"
    argv[0].len = 9
    argv[1].ptr = key.ptr
    argv[1].len = key.len
    argv[2].ptr = digits
    argv[2].len = ws_i64_to_str(digits, expire_ms)
    stream_put(s, db, 3, argv)


cdef void stream_begin(Server* s, int64_t offset) noexcept nogil:
    """Effects are wanted from here on; the next byte has this offset."""
    cdef Stream* t = &s.stream
    t.end = offset
    t.db = -1
    t.pending.len = 0
    t.unit_count = 0
    if s.repl.tail.on and s.repl.tail.end != offset:
        tail_begin(&s.repl.tail, offset)
    stream_observe(s)
