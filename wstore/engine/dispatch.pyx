# Commands in batches: what ready clients sent is parsed into a batch, prefetch.pyx has the memory of its keys fetched,
# then its commands run in the order they came in.  `run_call` is what one command goes through, batched or not.
#
# Invariant: while a batch runs, no input of its clients is moved or received into.

cdef enum:
    SHOWN_NAME = 128            # bytes of a name, and of all arguments together, in an error about them


cdef void batch_init(Server* s) noexcept nogil:
    cdef Batch* b = &s.batch
    cdef int i
    b.running = -1
    b.arg_cap = BATCH_ARGS
    b.args = <Str*>ws_alloc(BATCH_ARGS * sizeof(Str))
    b.scratch_cap = INPUT_BLOCK
    b.scratch = <char*>ws_alloc(INPUT_BLOCK + INPUT_SLACK)
    for i in range(BATCH_MAX):
        b.calls[i].api = s.store.api
        b.calls[i].store = s.store


cdef void batch_destroy(Server* s) noexcept nogil:
    ws_free(s.batch.args)
    ws_free(s.batch.scratch)


# -- taking requests -----------------------------------------------------------------------------------------------

cdef inline void take_key(Server* s, const Str* name, Call* call) noexcept nogil:
    """Hash a call's key, unless it is that of the call in front of it, as of a client that works on one key."""
    cdef Batch* b = &s.batch
    cdef const Key* before = &b.calls[b.count - 1 if b.count > 0 else 0].key
    if b.count > 0 and before.ptr != NULL and before.len == name.len and ws_same_bytes(
            before.ptr, name.ptr, name.len):
        call.key.ptr = name.ptr
        call.key.len = name.len
        call.key.placement = before.placement
    else:
        ks_key(s.store, name[0], &call.key)


cdef inline void batch_take(Server* s, Client* c, size_t start) noexcept nogil:
    """The request that was parsed into the next place of the batch belongs to it now."""
    cdef Batch* b = &s.batch
    cdef Call* call = &b.calls[b.count]
    call.client = c
    if call.spec == NULL:
        call.spec = find_spec_again(s, c, call.argv, call.argc)
        head_note(c, start, call)
    call.key.ptr = NULL
    if call.spec != NULL and 0 < call.spec.first_key < call.argc:
        take_key(s, &call.argv[call.spec.first_key], call)
    b.starts[b.count] = start
    b.count += 1


cdef void batch_look_up_again(Server* s) noexcept nogil:
    """The command table has changed: what waits in the batch gets its specs from the new one."""
    cdef Batch* b = &s.batch
    cdef int i
    for i in range(b.running + 1 if b.running >= 0 else 0, b.count):
        b.calls[i].spec = find_spec(table_of(s.store), b.calls[i].argv, b.calls[i].argc)


cdef void serve_input(Server* s, Client* c) noexcept nogil:
    """Parse what c has sent into batches, running each that is full; the last one stays to be run."""
    cdef int said
    cdef size_t start
    while not c.flags & CLIENT_STOPPED:
        if s.batch.count == BATCH_MAX:
            run_batch(s)
            continue
        start = c.in_pos if c.args_left == 0 else c.cmd_start
        said = parse_request(s, c, &s.batch.calls[s.batch.count])
        if WS_LIKELY(said == PARSED_READY or said == PARSED_ALONE):
            batch_take(s, c, start)
            if said == PARSED_ALONE or must_authenticate(s, c):
                run_batch(s)
        elif said == PARSED_PART:
            return
        elif said == PARSED_NO_ROOM:
            run_batch(s)
        elif said == PARSED_ERROR:
            run_batch(s)
            refuse_input(s, c)


cdef void refuse_input(Server* s, Client* c) noexcept nogil:
    """A protocol error: say it, then close."""
    if c.flags & CLIENT_STOPPED:
        return
    output_begin(s, c)
    client_append(s, c, b"-", 1)
    client_append(s, c, s.parse_error, strlen(s.parse_error))
    client_append(s, c, b"\r\n", 2)
    count_error(s, s.parse_error, strlen(s.parse_error))
    c.flags |= CLIENT_CLOSE_AFTER_REPLY
    c.args_left = 0
    c.in_pos = c.cmd_start = c.in_len


cdef void serve_ready(Server* s) noexcept nogil:
    """Run what this turn has received; the shared input buffer is empty then."""
    cdef size_t i
    for i in range(s.ready_count):
        serve_input(s, s.ready[i])
    run_batch(s)
    for i in range(s.ready_count):
        input_settle(s.ready[i])
    s.ready_count = 0
    s.in_used = 0


# -- running -------------------------------------------------------------------------------------------------------

cdef void run_batch(Server* s) noexcept nogil:
    """Run the commands of the batch in order, but those of clients that stopped on the way."""
    cdef Batch* b = &s.batch
    cdef Call* call
    cdef Client* c
    cdef size_t start
    cdef int i
    if b.count == 0:
        return
    if b.count > 1:
        prefetch_batch(s)
    s.store.now_ms = ws_unix_ms()
    s.tick = ws_ticks()
    for i in range(b.count):
        call = &b.calls[i]
        c = <Client*>call.client
        if c.flags & CLIENT_STOPPED:
            continue
        b.running = i
        if s.out_client != c:
            output_begin(s, c)
            s.store.no_touch = c.flags & CLIENT_NO_TOUCH != 0
        start = c.out.len
        run_call(s, c, call)
        if WS_UNLIKELY(c.flags & CLIENT_AFTER_COMMAND):
            after_command(s, c, i, start)
        if WS_UNLIKELY(c.out.len > OUTPUT_EAGER):
            send_early(s, c)
    b.count = 0
    b.running = -1
    b.arg_count = 0
    b.scratch_len = 0


cdef void after_command(Server* s, Client* c, int i, size_t start) noexcept nogil:
    """Command i of the batch, whose reply begins at `start`, is to run later, has blocked, has made keys ready that
    others wait for, or its client has been pushed something."""
    cdef Batch* b = &s.batch
    cdef int later
    if c.flags & CLIENT_PUSHED:
        push_kept(s, c, start)
    if c.flags & CLIENT_POSTPONED:
        put_back(c, b.starts[i])
    if c.flags & CLIENT_BLOCKED:
        for later in range(i + 1, b.count):
            if b.calls[later].client == c:
                put_back(c, b.starts[later])
                break
    if c.flags & CLIENT_MADE_READY:
        serve_ready_names(s)
        c.flags &= ~<uint32_t>CLIENT_MADE_READY


cdef void put_back(Client* c, size_t start) noexcept nogil:
    """The request that begins at `start` has not run: it and those behind are parsed again when the client goes on."""
    c.args_left = 0
    c.bulk_len = NO_BULK
    c.arg_count = 0
    c.in_pos = c.cmd_start = start


cdef void send_early(Server* s, Client* c) noexcept nogil:
    """Much output already: to the socket with it now, and look at the limits."""
    if c.fd < 0 or c.flags & CLIENT_WRITE_BLOCKED or log_holds(s, c):
        return
    if not output_send(s, c):
        client_close(s, c)
        return
    check_output_limit(s, c)
    if c.out.data == NULL:
        s.out_client = NULL     # the next command begins a new buffer


cdef inline void count_call(Server* s, Client* c, Call* call, CommandStats* stats, uint64_t flags) noexcept nogil:
    """A command has run since s.tick: its counters, the slow log; the next one begins."""
    cdef uint64_t now = ws_ticks()
    cdef uint64_t ticks = now - s.tick
    s.tick = now
    stats.calls += 1
    stats.ticks += ticks
    s.store.stats.commands_processed += 1
    if s.store.config.latency_tracking:
        count_latency(stats, ticks)
    if WS_UNLIKELY(ticks >= s.slow_ticks and not flags & CMD_SKIP_SLOWLOG):
        slow_log_add(s, c, call, ticks)


cdef inline void run_call(Server* s, Client* c, Call* call) noexcept nogil:
    """Check a command, run it, count it."""
    cdef const CommandSpec* spec = call.spec
    cdef size_t start = c.out.len
    cdef CommandStats* stats
    cdef uint64_t flags
    call.out = &c.out
    call.resp = c.resp
    call.now_ms = s.store.now_ms
    if WS_UNLIKELY(spec == NULL or (call.argc != spec.arity and (spec.arity > 0 or call.argc < -spec.arity))
                   or s.guarded or c.flags & (CLIENT_MULTI | CLIENT_PUBSUB) or must_authenticate(s, c)):
        if not admit(s, c, call):
            c.last_stats = <CommandStats*>spec.stats if spec != NULL else NULL
            if c.flags & CLIENT_POSTPONED == 0:
                after_reply(s, c, call, start, <CommandStats*>spec.stats if spec != NULL else NULL, 1)
            return
    call.db = s.store.dbs[c.db]
    flags = spec.flags
    stats = <CommandStats*>spec.stats
    c.last_stats = stats
    if WS_UNLIKELY(s.store.observers & OBSERVE_LOG):
        run_logged(s, c, call)
    elif WS_LIKELY(spec.fn != NULL):
        spec.fn(call)
    else:
        call_python(s, c, call)     # which may free spec
    if WS_UNLIKELY(c.flags & CLIENT_BLOCKED):
        count_parked(s, c, stats)
    else:
        count_call(s, c, call, stats, flags)
    if WS_UNLIKELY(s.monitor_count > 0 and not flags & (CMD_SKIP_MONITOR | CMD_ADMIN)):
        feed_monitors(s, c, call)
    if WS_UNLIKELY(c.out.len > start and c.out.data[start] == c"-" or c.flags & CLIENT_REPLY_DROPPED
                   or c.flags & CLIENT_REPLY_SKIP_NEXT) and not c.flags & CLIENT_BLOCKED:
        after_reply(s, c, call, start, stats, 0)


cdef void after_reply(Server* s, Client* c, Call* call, size_t start, CommandStats* stats, bint refused) noexcept nogil:
    """Count an error reply; keep back what CLIENT REPLY said to."""
    cdef const char* line = c.out.data + start
    if c.out.len > start and line[0] == c"-":
        count_error(s, line + 1, c.out.len - start - 1)
        if stats != NULL and refused:
            stats.rejected += 1
        elif stats != NULL:
            stats.failed += 1
    if c.flags & CLIENT_REPLY_DROPPED and not (call.spec != NULL and line[0] != c"-" and is_subscribing(call.spec)):
        if WS_UNLIKELY(c.flags & CLIENT_REPLICA) and c.out.len > start:
            refuse_rogue(s, c)
        c.out.len = start
    c.flags &= ~<uint32_t>CLIENT_REPLY_SKIP
    if c.flags & CLIENT_REPLY_SKIP_NEXT:
        c.flags ^= CLIENT_REPLY_SKIP_NEXT | CLIENT_REPLY_SKIP


cdef void count_error(Server* s, const char* line, size_t n) noexcept nogil:
    """INFO errorstats: by the first word of the error."""
    cdef size_t i
    cdef size_t code_len = 0
    cdef char code[ERROR_CODE_MAX]
    while code_len < n and code_len < ERROR_CODE_MAX - 1 and line[code_len] not in (c" ", c"\r"):
        code[code_len] = line[code_len]
        code_len += 1
    code[code_len] = 0
    s.store.stats.error_replies += 1
    for i in range(s.error_count):
        if strcmp(s.errors[i].code, code) == 0:
            s.errors[i].count += 1
            return
    if s.error_count == ERROR_CODES_MAX:
        return
    s.errors = <ErrorStats*>ws_realloc(s.errors, (s.error_count + 1) * sizeof(ErrorStats))
    memcpy(s.errors[s.error_count].code, code, ERROR_CODE_MAX)
    s.errors[s.error_count].count = 1
    s.error_count += 1


# -- refusing ------------------------------------------------------------------------------------------------------

cdef bint admit(Server* s, Client* c, Call* call) noexcept nogil:
    """Whether a command is to run now; else it is refused, postponed or queued by its client's transaction."""
    if not may_run(s, c, call):
        if c.flags & CLIENT_MULTI and not c.flags & CLIENT_POSTPONED:
            c.flags |= CLIENT_MULTI_FAILED
        return 0
    if c.flags & CLIENT_MULTI and not runs_in_multi(call.spec):
        queue_call(c, call)
        return 0
    return 1


cdef bint may_run(Server* s, Client* c, Call* call) noexcept nogil:
    """Whether a command may run, checked as Redis does and in its order; else the error is in the reply, or the
    client is postponed."""
    cdef const CommandSpec* spec = call.spec
    if spec == NULL:
        refuse_unknown(s, c, call)
        return 0
    if call.argc != spec.arity and (spec.arity > 0 or call.argc < -spec.arity):
        refuse_arity(call)
        return 0
    if must_authenticate(s, c) and not spec.flags & CMD_NO_AUTH:
        s.store.stats.unauthenticated_denied += 1
        reply_error(call, b"NOAUTH Authentication required.")
        return 0
    if c.flags & CLIENT_MULTI and spec.flags & CMD_NO_MULTI:
        reply_error(call, b"ERR Command not allowed inside a transaction")
        return 0
    if log_refuses(s, c, spec):
        log_refuse(s, call)
        return 0
    if replication_refuses(s, c, call):
        return 0
    if c.flags & CLIENT_PUBSUB and c.resp == 2 and not (c.flags & CLIENT_EXECUTING or may_run_subscribed(spec)):
        refuse_subscribed(call)
        return 0
    if role_refuses_stale(s, c, call):
        return 0
    if s.store.loading and not spec.flags & CMD_LOADING:
        reply_error(call, b"LOADING Redis is loading the dataset in memory")
        return 0
    if is_paused(s, c, spec):
        c.flags |= CLIENT_POSTPONED
        s.have_postponed = 1
        return 0
    return 1


cdef bint is_paused(Server* s, Client* c, const CommandSpec* spec) noexcept nogil:
    """CLIENT PAUSE holds this command back; CLIENT itself always runs, so that a pause can be ended."""
    if s.pause_until_ms <= s.store.now_ms or c.flags & (CLIENT_INTERNAL | CLIENT_EXECUTING):
        return 0
    if spec.flags & CMD_ALLOW_BUSY or strncasecmp(spec.name, b"client|", 7) == 0:
        return 0
    if c.flags & CLIENT_MULTI_WRITES and strcmp(spec.name, b"exec") == 0:
        return 1
    return s.pause_all or spec.flags & (CMD_WRITE | CMD_MAY_REPLICATE)


cdef void reply_text(Call* call, const char* p, size_t n) noexcept nogil:
    """Bytes of a client inside an error line: line breaks become blanks, a NUL ends them."""
    cdef char* out = reply_room(call, n)
    cdef size_t i
    for i in range(n):
        if p[i] == 0:
            break
        out[i] = c" " if p[i] == c"\r" or p[i] == c"\n" else p[i]
        call.out.len += 1


cdef void reply_z(Call* call, const char* z) noexcept nogil:
    reply_raw(call, z, strlen(z))


cdef void refuse_arity(Call* call) noexcept nogil:
    if strcmp(call.spec.name, b"exec") == 0:        # it ends the transaction whatever becomes of it
        multi_end(<Client*>call.client)
        watch_end(server_of(call.store), <Client*>call.client)
        reply_z(call, b"-EXECABORT Transaction discarded because of: ")
    else:
        reply_z(call, b"-ERR ")
    reply_z(call, b"wrong number of arguments for '")
    reply_z(call, call.spec.name)
    reply_z(call, b"' command\r\n")


cdef bint names_http(Str name) noexcept nogil:
    return (name.len == 4 and strncasecmp(name.ptr, b"post", 4) == 0
            or name.len == 5 and strncasecmp(name.ptr, b"host:", 5) == 0)


cdef void refuse_unknown(Server* s, Client* c, Call* call) noexcept nogil:
    """No such command or subcommand; an HTTP request is cut off without a word."""
    cdef const CommandSpec* parent = find_spec(table_of(s.store), call.argv, 1)
    if parent != NULL:
        refuse_subcommand(call, parent)
    elif names_http(call.argv[0]) and not c.flags & CLIENT_INTERNAL:
        s.store.api.log(s.store, LOG_WARNING, b"Possible cross protocol attack: a client sent an HTTP request, "
                        b"with POST or Host:. It is disconnected")
        client_close_asap(s, c)
    else:
        refuse_command(call)


cdef void refuse_subcommand(Call* call, const CommandSpec* parent) noexcept nogil:
    cdef char upper[NAME_MAX]
    cdef size_t n = 0
    while parent.name[n] != 0:
        upper[n] = parent.name[n] & ~0x20 if c"a" <= parent.name[n] <= c"z" else parent.name[n]
        n += 1
    reply_z(call, b"-ERR unknown subcommand '")
    reply_text(call, call.argv[1].ptr, min(call.argv[1].len, <size_t>SHOWN_NAME))
    reply_z(call, b"'. Try ")
    reply_raw(call, upper, n)
    reply_z(call, b" HELP.\r\n")


cdef void refuse_command(Call* call) noexcept nogil:
    """The name, and as much of the arguments as fits."""
    cdef size_t before
    cdef size_t shown
    cdef int i
    reply_z(call, b"-ERR unknown command '")
    reply_text(call, call.argv[0].ptr, min(call.argv[0].len, <size_t>SHOWN_NAME))
    reply_z(call, b"', with args beginning with: ")
    before = call.out.len
    for i in range(1, call.argc):
        shown = call.out.len - before
        if shown >= SHOWN_NAME:
            break
        reply_z(call, b"'")
        reply_text(call, call.argv[i].ptr, min(call.argv[i].len, SHOWN_NAME - shown))
        reply_z(call, b"' ")
    reply_z(call, b"\r\n")


cdef void refuse_rogue(Server* s, Client* c) noexcept nogil:
    """A replica has sent a command that replies: it is none."""
    cdef char line[128]
    snprintf(line, sizeof(line), b"Replica client id #%llu sent a command that has a reply. It is disconnected",
             <unsigned long long>c.id)
    s.store.api.log(s.store, LOG_WARNING, line)
    client_close_asap(s, c)


# -- what EngineApi offers -----------------------------------------------------------------------------------------

cdef int api_select_db(Call* call, int64_t index) noexcept nogil:
    if not 0 <= index < call.store.db_count:
        return -1
    call.db = st_db(call.store, <int>index)
    (<Client*>call.client).db = <int>index
    return 0


cdef void api_close_after_reply(Call* call) noexcept nogil:
    if (<Client*>call.client).fd >= 0:
        (<Client*>call.client).flags |= CLIENT_CLOSE_AFTER_REPLY


cdef int api_client_place(Call* call) noexcept nogil:
    cdef Client* c = <Client*>call.client
    if c.flags & CLIENT_INTERNAL:
        return PLACE_PROCESS
    return PLACE_MACHINE if ws_addr_is_loopback(&c.peer) else PLACE_REMOTE
