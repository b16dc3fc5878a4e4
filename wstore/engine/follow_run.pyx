# Running the commands of a master's stream, in batches as those of clients are (dispatch.pyx), by a client that nobody
# hears of and that may do anything. What they do is heard of: WATCH, clients that wait for keys, events, MONITOR.
#
# Nothing expires for them, nothing is refused, and their replies go nowhere. A command that replies with an error is
# counted and the log is told of it: it worked on the master, so the data may be others here.

cdef enum:
    FOLLOW_TELL_MS = 1000       # between two lines about commands that fail
    FOLLOW_WORD_MAX = 64        # bytes of a command's name in such a line, and
    FOLLOW_TEXT_MAX = 160       # of what it said


cdef void follow_failed(Server* s, const Call* call, const char* text, size_t n) noexcept nogil:
    """A command has replied with an error, or cannot run."""
    cdef Follow* f = &s.repl.follow
    cdef char line[512]
    f.errors += 1
    f.errors_untold += 1
    count_error(s, text, n)
    if s.store.now_ms - f.told_ms < FOLLOW_TELL_MS:
        return
    snprintf(line, sizeof(line), b"== CRITICAL == The master's command '%.*s' fails here: '%.*s'. The data may differ "
             b"from the master's. Errors since this was said last: %llu",
             <int>min(call.argv[0].len, <size_t>FOLLOW_WORD_MAX), call.argv[0].ptr,
             <int>min(n, <size_t>FOLLOW_TEXT_MAX), text, <unsigned long long>f.errors_untold)
    f.told_ms = s.store.now_ms
    f.errors_untold = 0
    s.store.api.log(s.store, LOG_WARNING, line)


cdef void follow_serve_ready(Server* s) noexcept nogil:
    """Clients that wait for keys which the stream has filled: they run commands of their own."""
    cdef bint outer = s.store.obeying
    s.repl.follow.client.flags &= ~<uint32_t>CLIENT_MADE_READY
    s.store.obeying = False
    serve_ready_names(s)
    s.store.obeying = outer


cdef inline void follow_run(Server* s, Client* c, Call* call) noexcept nogil:
    cdef const CommandSpec* spec = call.spec
    cdef CommandStats* stats = <CommandStats*>spec.stats
    cdef uint64_t flags = spec.flags
    call.out = &c.out
    call.resp = 2
    call.now_ms = s.store.now_ms
    call.db = s.store.dbs[c.db]
    c.last_stats = stats
    if WS_LIKELY(spec.fn != NULL):
        spec.fn(call)
    else:
        call_python(s, c, call)     # which may free spec
    count_call(s, c, call, stats, flags | CMD_SKIP_SLOWLOG)
    if WS_UNLIKELY(s.monitor_count > 0 and not flags & (CMD_SKIP_MONITOR | CMD_ADMIN)):
        feed_monitors(s, c, call)
    if WS_UNLIKELY(c.out.len > 3 and c.out.data[0] == c"-"):
        stats.failed += 1
        follow_failed(s, call, c.out.data + 1, c.out.len - 3)
    c.out.len = 0


cdef void follow_run_batch(Server* s) noexcept nogil:
    cdef Follow* f = &s.repl.follow
    cdef Batch* b = &s.batch
    cdef Client* c = f.client
    cdef int i
    if b.count > 1:
        prefetch_batch(s)
    s.store.no_touch = False
    s.store.obeying = True
    s.tick = ws_ticks()
    for i in range(b.count):
        b.running = i
        follow_run(s, c, &b.calls[i])
        if WS_UNLIKELY(c.flags & CLIENT_MADE_READY) and not f.inside >> i & 1:
            follow_serve_ready(s)
    s.store.obeying = False
    b.running = -1
    b.count = 0
    b.arg_count = 0
    f.inside = 0


# -- taking commands -----------------------------------------------------------------------------------------------

cdef void follow_mark(Server* s, const Call* call) noexcept nogil:
    """MULTI or EXEC: whether the commands in between are done is what clients that wait for keys have to know."""
    cdef Follow* f = &s.repl.follow
    f.in_unit = aof_is(call.argv[0], b"multi", 5)
    if f.in_unit:
        return
    if s.batch.count > 0:
        f.inside &= ~(<uint64_t>1 << (s.batch.count - 1))
    elif f.client.flags & CLIENT_MADE_READY:
        follow_serve_ready(s)


cdef bint follow_is_for_link(Server* s, const Call* call) noexcept nogil:
    """Whether a command is no more than a sign of the master to its replica, and dealt with."""
    if aof_is(call.argv[0], b"ping", 4):
        return True
    if not aof_is(call.argv[0], b"replconf", 8):
        return False
    if call.argc > 1 and aof_is(call.argv[1], b"getack", 6):
        s.repl.follow.ack_due = True
    return True


cdef inline void follow_take(Server* s, Call* call) noexcept nogil:
    """The command parsed into the next place of the batch: it is in the batch, or was dealt with."""
    cdef Follow* f = &s.repl.follow
    cdef Batch* b = &s.batch
    cdef const CommandSpec* spec
    if WS_UNLIKELY(is_unit_mark(call)):
        follow_mark(s, call)
        return
    call.client = f.client
    spec = call.spec = find_spec_again(s, f.client, call.argv, call.argc)
    if call.argc <= 3 and follow_is_for_link(s, call):
        return
    if WS_UNLIKELY(spec == NULL or call.argc != spec.arity and (spec.arity > 0 or call.argc < -spec.arity)):
        follow_failed(s, call, b"ERR unknown command" if spec == NULL else b"ERR wrong number of arguments",
                      19 if spec == NULL else 29)
        return
    call.key.ptr = NULL
    if 0 < spec.first_key < call.argc:
        take_key(s, &call.argv[spec.first_key], call)
    if f.in_unit:
        f.inside |= <uint64_t>1 << b.count
    b.arg_count += <size_t>call.argc
    b.count += 1


cdef int follow_take_long(Server* s, AofRead* read, uint64_t argc) noexcept nogil:
    """A command of more arguments than a batch has room for, into the empty batch; one of AofKind."""
    cdef Follow* f = &s.repl.follow
    cdef Call* call = &s.batch.calls[0]
    cdef int said
    if argc > f.arg_cap:
        f.args = <Str*>ws_realloc(f.args, argc * sizeof(Str))
        f.arg_cap = argc
    said = aof_next(read, f.args, argc, &argc)
    if said == AOF_COMMAND:
        call.argv = f.args
        call.argc = <int>argc
        follow_take(s, call)
        s.batch.arg_count = 0
    return said


cdef int follow_gather(Server* s, AofRead* read) noexcept nogil:
    """Read commands until the batch is full or all are read; AOF_COMMAND: there are more, AOF_END, or AOF_BAD."""
    cdef Batch* b = &s.batch
    cdef Call* call
    cdef uint64_t argc = 0
    cdef int said = AOF_COMMAND
    while said == AOF_COMMAND and b.count < BATCH_MAX:
        call = &b.calls[b.count]
        call.argv = b.args + b.arg_count
        said = aof_next(read, call.argv, b.arg_cap - b.arg_count, &argc)
        if WS_LIKELY(said == AOF_COMMAND):
            call.argc = <int>argc
            follow_take(s, call)
        elif said == AOF_LONG:
            return AOF_COMMAND if b.count > 0 else follow_take_long(s, read, argc)
    return said if said == AOF_COMMAND or said == AOF_END else AOF_BAD


cdef int follow_run_some(Server* s, AofRead* read, int64_t until_us) noexcept nogil:
    """Run whole units for about that long; what follow_gather said last."""
    cdef int said = AOF_COMMAND
    s.store.now_ms = ws_unix_ms()
    while said == AOF_COMMAND:
        said = follow_gather(s, read)
        if s.batch.count > 0:
            follow_run_batch(s)
        if not s.repl.follow.in_unit and ws_mono_us() >= until_us:
            break
    return said
