# Loading an append only file: its commands run through their handlers in batches, as those of a client that nobody
# hears of and that has every right. What is between MULTI and EXEC runs only if the EXEC is there.
#
# Nothing is counted, logged or replied to; errors are counted, which a file that replays cleanly does not have.

cdef struct LoadAof:
    AofRead read
    const char* unit            # the MULTI of the unit at hand, or NULL
    Batch* batch                # takes the place of the server's own while a slice runs
    Client* client
    const char* begins          # where the file's commands do
    const char* command         # where the one that was read last begins
    const char* torn            # where the command or unit begins that is not all there, or NULL


cdef void load_aof_begin(Loading* ld) noexcept nogil:
    """Begin with the commands of the file at hand, behind its RDB part if it has one."""
    cdef LoadAof* aof = &ld.aof
    memset(&aof.read, 0, sizeof(aof.read))
    aof.read.start = <const char*>ld.map.data
    aof.begins = aof.read.at = aof.read.start + (ld.rdb.read.at - ld.rdb.read.start if ld.has_rdb else 0)
    aof.read.end = aof.read.start + ld.map.size
    aof.unit = aof.torn = NULL
    if aof.client == NULL:
        aof.client = client_new(ld.server, -1, 2)
        client_unlink(ld.server, aof.client)
        aof.client.flags = CLIENT_INTERNAL | CLIENT_AUTHENTICATED
        aof.batch = <Batch*>ws_alloc(sizeof(Batch))
        memset(aof.batch, 0, sizeof(Batch))
        load_swap_batch(ld)
        batch_init(ld.server)
        load_swap_batch(ld)
    aof.client.db = 0
    st_db(ld.server.store, 0)


cdef void load_aof_free(Loading* ld) noexcept:
    if ld.aof.client == NULL:
        return
    load_swap_batch(ld)
    batch_destroy(ld.server)
    load_swap_batch(ld)
    ws_free(ld.aof.batch)
    client_free(ld.aof.client)


cdef void load_swap_batch(Loading* ld) noexcept nogil:
    cdef Batch kept = ld.server.batch
    ld.server.batch = ld.aof.batch[0]
    ld.aof.batch[0] = kept


# -- running -------------------------------------------------------------------------------------------------------

cdef void load_note_reply(Loading* ld, Call* call) noexcept nogil:
    """A handler has replied: nobody reads it, but an error is counted and the first one told."""
    cdef Reply* out = call.out
    if out.len > 0 and out.data[0] == c"-":
        if ld.counts.errors == 0:
            snprintf(ld.first_error, LOAD_TEXT_MAX, b"byte %lld: %.*s",
                     <long long>(call.argv[0].ptr - <const char*>ld.map.data), <int>min(out.len - 3, <size_t>160),
                     out.data + 1)
        ld.counts.errors += 1
    out.len = 0


cdef void load_run_batch(Loading* ld) noexcept nogil:
    cdef Server* s = ld.server
    cdef Batch* b = &s.batch
    cdef Client* c = ld.aof.client
    cdef Call* call
    cdef int i
    if b.count > 1:
        prefetch_batch(s)
    for i in range(b.count):
        call = &b.calls[i]
        b.running = i
        call.out = &c.out
        call.resp = 2
        call.now_ms = s.store.now_ms
        call.db = s.store.dbs[c.db]
        if call.spec.fn != NULL:
            call.spec.fn(call)
        else:
            call_python(s, c, call)
        load_note_reply(ld, call)
    ld.counts.commands += <uint64_t>b.count
    b.count = 0
    b.running = -1
    b.arg_count = 0


# -- taking commands ---------------------------------------------------------------------------------------------

cdef int load_unknown(Loading* ld, Call* call, const char* what) noexcept nogil:
    """A command that cannot run: 0, it is left out, or -1: failed."""
    cdef char text[LOAD_TEXT_MAX]
    if call.spec == NULL and (ld.server.store.config.rdb_skip_unsupported or load_passes_over(ld, call.argv[0])):
        ld.counts.skipped += 1
        return 0
    snprintf(text, LOAD_TEXT_MAX, what, <int>min(call.argv[0].len, <size_t>64), call.argv[0].ptr)
    return load_fail(ld, <const uint8_t*>ld.aof.command, text)


cdef int load_unit(Loading* ld, Call* call) noexcept nogil:
    """MULTI or EXEC. 0, or -1: failed, or the unit is not all there (aof.torn)."""
    cdef LoadAof* aof = &ld.aof
    cdef int said
    if aof_is(call.argv[0], b"exec", 4):
        if aof.unit == NULL:
            return load_fail(ld, <const uint8_t*>aof.command, b"an EXEC stands without MULTI")
        aof.unit = NULL
        return 0
    if aof.unit != NULL:
        return load_fail(ld, <const uint8_t*>aof.command, b"a MULTI follows another one without EXEC")
    said = aof_unit(&aof.read)
    if said == AOF_BAD:
        return load_aof_bad(ld)
    if said == AOF_TORN:
        aof.torn = aof.command
        return -1
    aof.unit = aof.command
    return 0


cdef inline bint is_unit_mark(const Call* call) noexcept nogil:
    return (call.argc == 1 and call.argv[0].len <= 5
            and (aof_is(call.argv[0], b"multi", 5) or aof_is(call.argv[0], b"exec", 4)))


cdef inline int load_admit(Loading* ld, Call* call) noexcept nogil:
    """The command parsed into the next place of the batch: 0, it is in the batch or was dealt with; -1: stop."""
    cdef Server* s = ld.server
    cdef const CommandSpec* spec
    if WS_UNLIKELY(is_unit_mark(call)):
        return load_unit(ld, call)
    call.client = ld.aof.client
    spec = call.spec = find_spec_again(s, ld.aof.client, call.argv, call.argc)
    if WS_UNLIKELY(spec == NULL):
        return load_unknown(ld, call, b"the command '%.*s' is unknown")
    if WS_UNLIKELY(call.argc != spec.arity and (spec.arity > 0 or call.argc < -spec.arity)):
        return load_unknown(ld, call, b"the command '%.*s' has the wrong number of arguments")
    call.key.ptr = NULL
    if 0 < spec.first_key < call.argc:
        take_key(s, &call.argv[spec.first_key], call)
    s.batch.arg_count += <size_t>call.argc
    s.batch.count += 1
    return 0


cdef int load_long_room(Loading* ld, uint64_t argc) noexcept nogil:
    """A command has more arguments than the batch has room for: 0, there is room now, or -1: it cannot be."""
    cdef Batch* b = &ld.server.batch
    if argc > <uint64_t>(ld.aof.read.end - ld.aof.read.at) // AOF_ARG_SIZE_MIN or argc > ARGS_MAX:
        return -1
    if argc > b.arg_cap:
        b.arg_cap = argc
        b.args = <Str*>ws_realloc(b.args, argc * sizeof(Str))
    return 0


cdef int load_torn(Loading* ld) noexcept nogil:
    """The command at hand is not all there: the file is torn, or damaged."""
    if not aof_is_torn(&ld.aof.read):
        load_aof_bad(ld)
        return LOAD_FAILED
    ld.aof.torn = ld.aof.command
    return LOAD_FILE_DONE


cdef int load_aof_bad(Loading* ld) noexcept nogil:
    return load_fail(ld, <const uint8_t*>ld.aof.read.where, ld.aof.read.why)


cdef int load_aof_gather(Loading* ld) noexcept nogil:
    """Read commands until the batch is full or the file ends; LOAD_MORE, LOAD_FILE_DONE or LOAD_FAILED."""
    cdef Batch* b = &ld.server.batch
    cdef AofRead* read = &ld.aof.read
    cdef Call* call
    cdef uint64_t argc = 0
    cdef int said
    while b.count < BATCH_MAX:
        ld.aof.command = read.at
        call = &b.calls[b.count]
        call.argv = b.args + b.arg_count
        said = aof_next(read, call.argv, b.arg_cap - b.arg_count, &argc)
        if WS_LIKELY(said == AOF_COMMAND):
            call.argc = <int>argc
            if load_admit(ld, call):
                return LOAD_FILE_DONE if ld.aof.torn != NULL else LOAD_FAILED
        elif said == AOF_END:
            return LOAD_FILE_DONE
        elif said == AOF_LONG and b.count > 0:
            return LOAD_MORE
        elif said == AOF_BAD:
            load_aof_bad(ld)
            return LOAD_FAILED
        elif said == AOF_TORN or load_long_room(ld, argc):
            return load_torn(ld)
    return LOAD_MORE


cdef int load_compare(Loading* ld, int64_t upto) noexcept nogil:
    """Compare blocks of the file with their sums, those that end in front of that. 0, or -1: failed."""
    cdef int64_t size = <int64_t>ld.map.size
    cdef int64_t end = size if upto == size else upto - upto % WS_LOG_BLOCK_BYTES
    cdef int64_t found
    if end <= ld.compared:
        return 0
    found = ws_log_sums_compare(&ld.sums, size, ld.compared, ld.map.data + ld.compared,
                                <size_t>(end - ld.compared), -1)
    ld.compared = end
    return 0 if found < 0 else load_fail(ld, ld.map.data + found, WS_LOG_BAD_BLOCK)


cdef int load_aof_slice(Loading* ld, int64_t until_us) noexcept nogil:
    """Load for about that long; one of LoadSaid."""
    cdef int said = LOAD_MORE
    load_swap_batch(ld)
    while said == LOAD_MORE:
        said = load_aof_gather(ld)
        if said != LOAD_FAILED:
            load_run_batch(ld)
        if load_compare(ld, <int64_t>(ld.map.size if said == LOAD_FILE_DONE else ld.aof.read.at - ld.aof.read.start)):
            said = LOAD_FAILED
        ws_map_drop(&ld.map, <size_t>(ld.aof.command - ld.aof.read.start))
        if ws_mono_us() >= until_us:
            break
    load_swap_batch(ld)
    return said
