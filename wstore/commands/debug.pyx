"""DEBUG: digests of the data for comparing servers, and switches and test replies for test suites.

It is refused unless the directive enable-debug-command allows it; a caller in this process may always use it.
"""
from libc.stdio cimport snprintf
from libc.stdlib cimport atoi, strtod
from posix.time cimport nanosleep

cdef enum:
    LOG_WARNING = 3
    DEBUG_TEXT_MAX = 1024       # bytes of an argument that DEBUG copies

cdef enum DebugRule:            # Config.enable_debug
    DEBUG_YES = 1
    DEBUG_LOCAL = 2


cdef void debug_copy(Str s, char* out) noexcept nogil:
    """s as a C string of at most DEBUG_TEXT_MAX - 1 bytes."""
    cdef size_t n = min(s.len, <size_t>DEBUG_TEXT_MAX - 1)
    memcpy(out, s.ptr, n)
    out[n] = 0


# -- digests -------------------------------------------------------------------------------------------

cdef struct DigestWalk:
    Store* store
    uint8_t total[DIGEST_SIZE]


cdef void reply_digest(Call* c, const uint8_t* digest) noexcept nogil:
    cdef const char* hex_digits = b"0123456789abcdef"
    cdef char text[2 * DIGEST_SIZE + 1]
    cdef int i
    for i in range(DIGEST_SIZE):
        text[2 * i] = hex_digits[digest[i] >> 4]
        text[2 * i + 1] = hex_digits[digest[i] & 15]
    text[2 * DIGEST_SIZE] = 0
    reply_simple(c, text)


cdef void digest_visit(void* arg, const Key* key, Entry* e) noexcept nogil:
    cdef DigestWalk* walk = <DigestWalk*>arg
    digest_key(walk.store, key, e, walk.total)


cdef void digest_database(DigestWalk* walk, Db* db) noexcept nogil:
    cdef EngineApi* api = walk.store.api
    cdef uint64_t cursor
    digest_mix_u32(walk.total, <uint32_t>db.index)
    cursor = api.scan(walk.store, db, 0, KEYS_STEP, digest_visit, walk)
    while cursor != 0:
        cursor = api.scan(walk.store, db, cursor, KEYS_STEP, digest_visit, walk)


cdef void debug_digest(Call* c) noexcept nogil:
    cdef DigestWalk walk
    cdef Db* db
    cdef int i
    walk.store = c.store
    memset(walk.total, 0, DIGEST_SIZE)
    for i in range(c.store.db_count):
        db = c.store.dbs[i]
        if db is not NULL and db.keys != 0:
            digest_database(&walk, db)
    reply_digest(c, walk.total)


cdef void debug_digest_value(Call* c) noexcept nogil:
    cdef uint8_t digest[DIGEST_SIZE]
    cdef Entry e
    cdef Key key
    cdef int i
    reply_array(c, c.argc - 2)
    for i in range(2, c.argc):
        memset(digest, 0, DIGEST_SIZE)
        c.api.key(c.store, c.argv[i], &key)
        if c.api.lookup(c.store, c.db, &key, &e, LOOKUP_HELD):
            digest_value(c.store, &e, digest)
        reply_digest(c, digest)


# -- single keys ---------------------------------------------------------------------------------------

cdef size_t serialized_size(Call* c, const Entry* e) noexcept nogil:
    """Bytes of the value in an RDB file, its type byte aside. Uses the end of the reply as room."""
    cdef size_t start = c.out.len
    cdef size_t size
    c.store.types[e.type].encode(c.store, e, c.out)
    size = c.out.len - start - 1
    c.out.len = start
    return size


cdef void debug_object(Call* c) noexcept nogil:
    cdef char line[256]
    cdef int64_t idle
    cdef Entry e
    cdef Key key
    c.api.key(c.store, c.argv[2], &key)
    if not c.api.lookup(c.store, c.db, &key, &e, LOOKUP_HELD):
        reply_error(c, b"ERR no such key")
        return
    idle = c.api.idle_seconds(c.store, &e)
    snprintf(
        line, sizeof(line),
        b"Value at:%p refcount:%lld encoding:%s serializedlength:%zu lru:%lld lru_seconds_idle:%lld",
        <void*>e.value, <long long>reference_count(&e), c.store.types[e.type].encoding(c.store, &e),
        serialized_size(c, &e),
        <long long>((c.now_ms // 1000 - idle) & 0xFFFFFF), <long long>idle)
    reply_simple(c, line)


# -- replies of every type -----------------------------------------------------------------------------

cdef void protocol_array(Call* c, char mark) noexcept nogil:
    cdef int i
    reply_header(c, mark, 3)
    for i in range(3):
        reply_int(c, i)


cdef void protocol_map(Call* c) noexcept nogil:
    cdef int i
    reply_map(c, 3)
    for i in range(3):
        reply_int(c, i)
        reply_bool(c, i == 1)


cdef void protocol_attribute(Call* c) noexcept nogil:
    if c.resp == 3:
        reply_header(c, b"|", 1)
        reply_bulk_z(c, b"key-popularity")
        reply_array(c, 2)
        reply_bulk_z(c, b"key:123")
        reply_int(c, 90)
    reply_bulk_z(c, b"Some real reply following the attribute")


cdef void protocol_push(Call* c) noexcept nogil:
    if c.resp != 3:
        reply_error(c, b"ERR RESP2 is not supported by this command")
        return
    reply_header(c, b">", 2)
    reply_bulk_z(c, b"server-cpu-usage")
    reply_int(c, 42)
    reply_bulk_z(c, b"Some real reply following the push reply")


cdef void protocol_bignum(Call* c) noexcept nogil:
    if c.resp == 3:
        reply_text(c, b"(1234567999999999999999999999999999999\r\n")
    else:
        reply_bulk_z(c, b"1234567999999999999999999999999999999")


cdef bint protocol_scalar(Call* c, Str name) noexcept nogil:
    """Reply if `name` is that of a type without parts."""
    if str_is(name, b"string"):
        reply_bulk_z(c, b"Hello World")
    elif str_is(name, b"integer"):
        reply_int(c, 12345)
    elif str_is(name, b"double"):
        reply_double(c, 3.141)
    elif str_is(name, b"null"):
        reply_null(c)
    elif str_is(name, b"bignum"):
        protocol_bignum(c)
    elif str_is(name, b"verbatim"):
        reply_verbatim(c, b"txt", b"This is a verbatim\nstring", 25)
    elif str_is(name, b"true") or str_is(name, b"false"):
        reply_bool(c, str_is(name, b"true"))
    else:
        return False
    return True


cdef void debug_protocol(Call* c) noexcept nogil:
    cdef Str name = c.argv[2]
    if protocol_scalar(c, name):
        return
    if str_is(name, b"array"):
        protocol_array(c, b"*")
    elif str_is(name, b"set"):
        protocol_array(c, b"~" if c.resp == 3 else b"*")
    elif str_is(name, b"map"):
        protocol_map(c)
    elif str_is(name, b"attrib"):
        protocol_attribute(c)
    elif str_is(name, b"push"):
        protocol_push(c)
    else:
        reply_error(c, (
            b"ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|"
            b"array|set|map|attrib|push|verbatim|true|false"))


# -- the rest ------------------------------------------------------------------------------------------

cdef void debug_sleep(Call* c) noexcept nogil:
    cdef char text[DEBUG_TEXT_MAX]
    cdef timespec pause
    cdef int64_t us
    debug_copy(c.argv[2], text)
    us = <int64_t>(strtod(text, NULL) * 1000000)
    pause.tv_sec = us // 1000000
    pause.tv_nsec = us % 1000000 * 1000
    nanosleep(&pause, NULL)
    reply_ok(c)


cdef void debug_set_active_expire(Call* c) noexcept nogil:
    cdef char text[DEBUG_TEXT_MAX]
    debug_copy(c.argv[2], text)
    c.store.config.active_expire = atoi(text)
    reply_ok(c)


cdef void debug_fault(Call* c) noexcept nogil:
    """Let calls of one kind fail: DEBUG FAULT kind after times errno, as csrc/faults.h has it."""
    cdef int kind = c.api.fault_kind(c.argv[2].ptr, c.argv[2].len)
    cdef int64_t after, times, error
    if kind < 0:
        reply_error(c, b"ERR no such kind of fault")
        return
    if not (arg_i64(c, 3, &after) and arg_i64(c, 4, &times) and arg_i64(c, 5, &error)):
        return
    c.api.arm_fault(kind, after, times, <int>error)
    reply_ok(c)


cdef void debug_files(Call* c) noexcept nogil:
    """RELOAD and its like, which save and load: in Python."""
    c.api.administer(c)


cdef void debug_log(Call* c) noexcept nogil:
    cdef char text[DEBUG_TEXT_MAX]
    cdef char line[DEBUG_TEXT_MAX + 16]
    debug_copy(c.argv[2], text)
    snprintf(line, sizeof(line), b"DEBUG LOG: %s", <char*>text)
    c.api.log(c.store, LOG_WARNING, line)
    reply_ok(c)


cdef void debug_error(Call* c) noexcept nogil:
    reply_raw(c, b"-", 1)
    reply_one_line(c, c.argv[2].ptr, c.argv[2].len)
    reply_raw(c, b"\r\n", 2)


cdef void debug_stringmatch_len(Call* c) noexcept nogil:
    """Whether as many letters "a" as argv[2] says match the pattern argv[3]: shows what a pattern costs."""
    cdef int64_t n
    cdef char* text
    if not arg_i64(c, 2, &n):
        return
    if not 0 <= n <= c.store.config.proto_max_bulk_len:
        reply_not_integer(c)
        return
    text = <char*>c.api.alloc(n + 1)
    memset(text, c'a', n)
    reply_int(c, ws_glob_match(c.argv[3].ptr, c.argv[3].len, text, n, 0))
    c.api.free(text)


cdef void debug_help(Call* c) noexcept nogil:
    reply_help(c, b"DEBUG", (
        b"CHANGE-REPL-ID\n"
        b"    Give the stream of writes a new name: replicas begin anew.\n"
        b"DIGEST\n"
        b"    A SHA-1 over all keys of all databases: equal data, equal digest.\n"
        b"DIGEST-VALUE <key> [<key> ...]\n"
        b"    A SHA-1 of each key's value.\n"
        b"ERROR <string>\n"
        b"    Reply with this error.\n"
        b"FAULT <kind> <after> <times> <errno>\n"
        b"    Let so many calls of a kind fail, after so many more that do not: open, write, sync, rename, dir_sync,\n"
        b"    truncate, link, unlink. 0 times: none.\n"
        b"LOADAOF\n"
        b"    Load the append log, in place of the data.\n"
        b"LOG <message>\n"
        b"    Write a line to the log.\n"
        b"OBJECT <key>\n"
        b"    How a value is stored.\n"
        b"PROTOCOL <type>\n"
        b"    Reply with an example of a type: string, integer, double, bignum, null, array, set, map, attrib, push,\n"
        b"    verbatim, true, false.\n"
        b"RELOAD [NOSAVE] [NOFLUSH] [MERGE]\n"
        b"    Save, remove all keys and load them again, or only some of that. MERGE: keys of the file win.\n"
        b"SET-ACTIVE-EXPIRE <0|1>\n"
        b"    Switch off, or on, the deletion of expired keys that nobody asks for.\n"
        b"SLEEP <seconds>\n"
        b"    Stop serving for a while; fractions are allowed.\n"
        b"STRINGMATCH-LEN <length> <pattern>\n"
        b"    Whether a string of so many letters \"a\" matches the glob pattern.\n"))


# -- dispatch ------------------------------------------------------------------------------------------

cdef struct DebugRow:
    const char* name
    int argc                # arguments, the command's two words counted; negative: at least so many
    void (*fn)(Call*) noexcept nogil

cdef DebugRow[15] DEBUG_ROWS = [
    [b"change-repl-id", 2, debug_files],
    [b"digest", 2, debug_digest],
    [b"digest-value", -2, debug_digest_value],
    [b"error", 3, debug_error],
    [b"fault", 6, debug_fault],
    [b"help", 2, debug_help],
    [b"loadaof", 2, debug_files],
    [b"log", 3, debug_log],
    [b"object", 3, debug_object],
    [b"protocol", 3, debug_protocol],
    [b"reload", -2, debug_files],
    [b"set-active-expire", 3, debug_set_active_expire],
    [b"sleep", 3, debug_sleep],
    [b"stringmatch-len", 4, debug_stringmatch_len],
    [NULL, 0, NULL],
]


cdef inline bint debug_allowed(Call* c) noexcept nogil:
    cdef int64_t rule = c.store.config.enable_debug
    cdef int place = c.api.client_place(c)
    return rule == DEBUG_YES or place == PLACE_PROCESS or (rule == DEBUG_LOCAL and place == PLACE_MACHINE)


cdef void cmd_debug(Call* c) noexcept nogil:
    cdef const DebugRow* row = DEBUG_ROWS
    if not debug_allowed(c):
        reply_error(c, (
            b"ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it "
            b"from a local connection, otherwise you need to set this option in the configuration file, and then "
            b"restart the server."))
        return
    while row.name is not NULL:
        if arg_is(c, 1, row.name) and (c.argc == row.argc or (row.argc < 0 and c.argc >= -row.argc)):
            row.fn(c)
            return
        row += 1
    reply_error_quoting(
        c, b"ERR unknown subcommand or wrong number of arguments for '", c.argv[1], QUOTE_MAX, b"'. Try DEBUG HELP.")


cdef CommandSpec[1] DEBUG_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"debug", -2, CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_PROTECTED, 0, 0, 0, cmd_debug, NULL, NULL],
]
