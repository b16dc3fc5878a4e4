# Watching commands: the slow log (a ring of copies) and the feed of MONITOR.

cdef extern from "sys/time.h" nogil:
    struct timeval:
        long tv_sec
        long tv_usec
    int gettimeofday(timeval* t, void* zone)

cdef extern from "net.h" nogil:
    size_t ws_addr_text(const ws_addr* addr, char* out)

cdef const char* REDACTED = b"(redacted)"


# -- slow log ------------------------------------------------------------------------------------------------------

cdef void slow_entry_free(SlowEntry* e) noexcept nogil:
    cdef int i
    for i in range(e.argc):
        ws_free(<void*>e.args[i].ptr)
    ws_free(e.addr)
    ws_free(e.name)
    ws_free(e)


cdef void slow_log_resize(Server* s, size_t cap) noexcept nogil:
    """Keep the newest `cap` entries at the most, in a ring of that size."""
    cdef SlowEntry** ring = <SlowEntry**>ws_alloc(max(cap, <size_t>1) * sizeof(SlowEntry*))
    cdef size_t i
    while s.slow_count > cap:
        slow_entry_free(s.slow_log[s.slow_first])
        s.slow_first = (s.slow_first + 1) % s.slow_cap
        s.slow_count -= 1
    for i in range(s.slow_count):
        ring[i] = s.slow_log[(s.slow_first + i) % s.slow_cap]
    ws_free(s.slow_log)
    s.slow_log = ring if cap > 0 else NULL
    if cap == 0:
        ws_free(ring)
    s.slow_first = 0
    s.slow_cap = cap


cdef Str copy_text(const char* p, size_t n) noexcept nogil:
    cdef Str copy
    cdef char* room = <char*>ws_alloc(n + 1)
    memcpy(room, p, n)
    room[n] = 0
    copy.ptr = room
    copy.len = n
    return copy


cdef Str slow_arg(Str arg) noexcept nogil:
    """A copy, cut at SLOW_ARG_BYTES_MAX with a note of how much is missing."""
    cdef char text[SLOW_ARG_BYTES_MAX + 48]
    cdef size_t n
    if arg.len <= SLOW_ARG_BYTES_MAX:
        return copy_text(arg.ptr, arg.len)
    memcpy(text, arg.ptr, SLOW_ARG_BYTES_MAX)
    n = SLOW_ARG_BYTES_MAX
    n += <size_t>snprintf(text + n, 48, b"... (%zu more bytes)", arg.len - SLOW_ARG_BYTES_MAX)
    return copy_text(text, n)


cdef void slow_entry_args(SlowEntry* e, Call* call) noexcept nogil:
    cdef char text[48]
    cdef int whole = call.argc
    cdef int i
    if call.argc > SLOW_ARGS_MAX:
        whole = SLOW_ARGS_MAX - 1
    for i in range(whole):
        e.args[i] = slow_arg(call.argv[i])
    e.argc = whole
    if whole < call.argc:
        snprintf(text, sizeof(text), b"... (%d more arguments)", call.argc - whole)
        e.args[whole] = copy_text(text, strlen(text))
        e.argc += 1


cdef void slow_log_add(Server* s, Client* c, Call* call, uint64_t ticks) noexcept nogil:
    cdef size_t cap = <size_t>max(s.store.config.slowlog_max_len, <int64_t>0)
    cdef SlowEntry* e
    cdef char addr[WS_ADDR_TEXT_MAX]
    if cap == 0:
        return
    if cap != s.slow_cap:
        slow_log_resize(s, cap)
    if s.slow_count == cap:
        slow_entry_free(s.slow_log[s.slow_first])
        s.slow_first = (s.slow_first + 1) % cap
        s.slow_count -= 1
    e = <SlowEntry*>ws_alloc(sizeof(SlowEntry))
    memset(e, 0, sizeof(SlowEntry))
    e.id = s.slow_next_id
    e.unix_s = ws_unix_ms() // 1000
    e.duration_us = <int64_t>(ticks / s.ticks_per_us)
    slow_entry_args(e, call)
    set_text(&e.addr, addr, client_addr_text(s, c, addr))
    if c.name != NULL:
        set_text(&e.name, c.name, strlen(c.name))
    s.slow_log[(s.slow_first + s.slow_count) % cap] = e
    s.slow_count += 1
    s.slow_next_id += 1


cdef size_t client_addr_text(Server* s, const Client* c, char* out) noexcept nogil:
    """The peer as CLIENT LIST shows it; a Unix socket has the path that it listens on."""
    if c.flags & CLIENT_UNIX:
        return <size_t>snprintf(out, WS_ADDR_TEXT_MAX, b"%.58s:0", <const char*>s.unix_path)
    return ws_addr_text(&c.peer, out)


cdef object text_or_empty(const char* z):
    return z if z != NULL else b""


cdef list slow_log_entries(Server* s, int64_t count):
    """The newest entries first, `count` at the most, as SLOWLOG GET shows them."""
    cdef SlowEntry* e
    cdef list out = []
    cdef size_t i = s.slow_count
    while i > 0 and <int64_t>len(out) < count:
        i -= 1
        e = s.slow_log[(s.slow_first + i) % s.slow_cap]
        out.append([e.id, e.unix_s, e.duration_us, [e.args[k].ptr[:e.args[k].len] for k in range(e.argc)],
                    text_or_empty(e.addr), text_or_empty(e.name)])
    return out


# -- MONITOR -------------------------------------------------------------------------------------------------------

cdef void add_quoted(Reply* line, Str arg) noexcept nogil:
    """An argument in double quotes, what is not printable escaped."""
    cdef char* out
    cdef size_t i
    cdef char ch
    if line.len + 4 * arg.len + 4 > line.cap:
        reply_grow(line, 4 * arg.len + 4)
    out = line.data + line.len
    out[0] = c" "
    out[1] = c'"'
    out += 2
    for i in range(arg.len):
        ch = arg.ptr[i]
        if escape_letter(ch):
            out[0] = c"\\"
            out[1] = escape_letter(ch)
            out += 2
        elif c" " <= ch <= c"~":
            out[0] = ch
            out += 1
        else:
            out += snprintf(out, 5, b"\\x%02x", <unsigned int><uint8_t>ch)
    out[0] = c'"'
    line.len = <size_t>(out + 1 - line.data)


cdef inline char escape_letter(char ch) noexcept nogil:
    if ch == c"\\" or ch == c'"':
        return ch
    if ch == c"\n":
        return c"n"
    if ch == c"\r":
        return c"r"
    if ch == c"\t":
        return c"t"
    if ch == c"\a":
        return c"a"
    if ch == c"\b":
        return c"b"
    return 0


cdef void monitor_line(Server* s, Client* c, Call* call, Reply* line) noexcept nogil:
    cdef timeval t
    cdef char addr[WS_ADDR_TEXT_MAX]
    cdef int i
    gettimeofday(&t, NULL)
    client_addr_text(s, c, addr)
    reply_grow(line, 128)
    if c.flags & CLIENT_UNIX:
        line.len = <size_t>snprintf(line.data, 128, b"+%ld.%06ld [%d unix:%.58s]", t.tv_sec, t.tv_usec, c.db,
                                    <const char*>s.unix_path)
    else:
        line.len = <size_t>snprintf(line.data, 128, b"+%ld.%06ld [%d %s]", t.tv_sec, t.tv_usec, c.db, addr)
    for i in range(call.argc):
        add_quoted(line, call.argv[i])
    if line.len + 2 > line.cap:
        reply_grow(line, 2)
    memcpy(line.data + line.len, b"\r\n", 2)
    line.len += 2


cdef void feed_monitors(Server* s, Client* c, Call* call) noexcept nogil:
    """Show a command that has run to all clients in MONITOR."""
    cdef Reply line
    cdef Client* to = s.first
    memset(&line, 0, sizeof(line))
    monitor_line(s, c, call, &line)
    while to != NULL:
        if to.flags & CLIENT_MONITOR and not to.flags & CLIENT_ENDING:
            client_append(s, to, line.data, line.len)
        to = to.next
    ws_free(line.data)
