"""What is known about a single key beside its value: OBJECT, MEMORY USAGE; and MEMORY's allocator commands."""

cdef extern from *:
    """
    #include <malloc.h>
    #ifdef __GLIBC__
    static void ws_release_free_memory(void) { malloc_trim(0); }
    #else
    static void ws_release_free_memory(void) {}
    #endif
    """
    void ws_release_free_memory() noexcept nogil

cdef enum:
    SHARED_INT_LIMIT = 10000        # Redis shares the objects of integers below


# -- OBJECT --------------------------------------------------------------------------------------------

cdef int64_t reference_count(const Entry* e) noexcept nogil:
    """1; or what Redis answers for the integers it shares between keys."""
    if is_int(e) and 0 <= load_int(e.value, e.enc) < SHARED_INT_LIMIT:
        return INT_MAX
    return 1


cdef bint peek_or_null(Call* c, Entry* e) noexcept nogil:
    if peek_quietly(c, &c.key, e):
        return True
    reply_null(c)
    return False


cdef void cmd_object_encoding(Call* c) noexcept nogil:
    cdef Entry e
    if peek_or_null(c, &e):
        reply_bulk_z(c, c.store.types[e.type].encoding(c.store, &e))


cdef void cmd_object_refcount(Call* c) noexcept nogil:
    cdef Entry e
    if peek_or_null(c, &e):
        reply_int(c, reference_count(&e))


cdef void cmd_object_idletime(Call* c) noexcept nogil:
    cdef Entry e
    if peek_or_null(c, &e):
        reply_int(c, c.api.idle_seconds(c.store, &e))


cdef void cmd_object_freq(Call* c) noexcept nogil:
    cdef Entry e
    if peek_or_null(c, &e):
        reply_error(c, (
            b"ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when "
            b"switching between policies at runtime LRU and LFU data will take some time to adjust."))


cdef void cmd_object_help(Call* c) noexcept nogil:
    reply_help(c, b"OBJECT", (
        b"ENCODING <key>\n"
        b"    How the value of a key is stored, in Redis's names.\n"
        b"FREQ <key>\n"
        b"    How often a key is used, where that is counted.\n"
        b"IDLETIME <key>\n"
        b"    Seconds since a key was last used, roughly.\n"
        b"REFCOUNT <key>\n"
        b"    How many references its value has.\n"))


# -- MEMORY --------------------------------------------------------------------------------------------

cdef bint memory_samples(Call* c) noexcept nogil:
    """Check the options of MEMORY USAGE; replies with the error itself and returns 0. Sizes are never sampled."""
    cdef int64_t samples
    cdef int i
    for i in range(3, c.argc, 2):
        if not arg_is(c, i, b"samples") or i + 1 >= c.argc:
            reply_syntax_error(c)
            return False
        if not arg_i64(c, i + 1, &samples):
            return False
        if samples < 0:
            reply_syntax_error(c)
            return False
    return True


cdef void cmd_memory_usage(Call* c) noexcept nogil:
    """Bytes of the record, of its entry in the table, and of what the value holds outside."""
    cdef Entry e
    if not memory_samples(c):
        return
    if c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_HELD):
        reply_int(c, <int64_t>(
            c.api.record_size(c.store, c.db, &e) + c.store.types[e.type].memory(c.store, &e)))
    else:
        reply_null(c)


cdef void cmd_memory_purge(Call* c) noexcept nogil:
    ws_release_free_memory()
    reply_ok(c)


cdef void cmd_memory_help(Call* c) noexcept nogil:
    reply_help(c, b"MEMORY", (
        b"DOCTOR\n"
        b"    Advice on how memory is used.\n"
        b"MALLOC-STATS\n"
        b"    What the allocators hold.\n"
        b"PURGE\n"
        b"    Give free pages back to the system.\n"
        b"STATS\n"
        b"    Figures on the server's memory.\n"
        b"USAGE <key> [SAMPLES <count>]\n"
        b"    Bytes that a key takes with its value. Counted in full, whatever the samples.\n"))


cdef CommandSpec[10] OBJECT_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"object", -2, CMD_CONTAINER, 0, 0, 0, NULL, NULL, NULL],
    [b"object|encoding", 3, CMD_READONLY, 2, 2, 1, cmd_object_encoding, NULL, NULL],
    [b"object|freq", 3, CMD_READONLY, 2, 2, 1, cmd_object_freq, NULL, NULL],
    [b"object|help", 2, CMD_LOADING | CMD_STALE, 0, 0, 0, cmd_object_help, NULL, NULL],
    [b"object|idletime", 3, CMD_READONLY, 2, 2, 1, cmd_object_idletime, NULL, NULL],
    [b"object|refcount", 3, CMD_READONLY, 2, 2, 1, cmd_object_refcount, NULL, NULL],
    [b"memory", -2, CMD_CONTAINER, 0, 0, 0, NULL, NULL, NULL],
    [b"memory|help", 2, CMD_LOADING | CMD_STALE, 0, 0, 0, cmd_memory_help, NULL, NULL],
    [b"memory|purge", 2, 0, 0, 0, 0, cmd_memory_purge, NULL, NULL],
    [b"memory|usage", -3, CMD_READONLY, 2, 2, 1, cmd_memory_usage, NULL, NULL],
]
