# Input and output buffers of clients: shared ones for a turn, private ones for what stays (see client.pxd).

cdef extern from "net.h" nogil:
    ssize_t ws_receive(int fd, void* buf, size_t cap)
    ssize_t ws_send(int fd, const void* buf, size_t n)

cdef extern from "check.h" nogil:
    bint WS_LIKELY(bint condition)
    bint WS_UNLIKELY(bint condition)

cdef enum:
    OUTPUT_MIN = 4096           # smallest private output buffer, and least room worth lending
    OUTPUT_EAGER = 1 << 20      # output that is sent before the turn ends


# -- output ------------------------------------------------------------------------------------------------

cdef void reply_grow(Reply* r, size_t more) noexcept nogil:
    """Room for `more` bytes, in private memory: a borrowed buffer (odd cap) is left behind."""
    cdef size_t need = r.len + more
    cdef size_t cap = (need + (need >> 2) + OUTPUT_MIN - 1) & ~<size_t>(OUTPUT_MIN - 1)
    cdef char* data
    if r.cap & 1:
        data = <char*>ws_alloc(cap)
        memcpy(data, r.data, r.len)
    else:
        data = <char*>ws_realloc(r.data, cap)
    r.data = data
    r.cap = cap


cdef void output_release(Client* c) noexcept nogil:
    if c.out.cap & 1 == 0:
        ws_free(c.out.data)
    c.out.data = NULL
    c.out.len = 0
    c.out.cap = 0
    c.sent = 0


cdef void output_end(Server* s) noexcept nogil:
    """The client that writes into the shared buffer stops: the next one begins behind its replies."""
    cdef Client* c = s.out_client
    s.out_client = NULL
    if c == NULL or c.out.cap & 1 == 0:
        return
    if c.out.len == 0:
        output_release(c)
        return
    s.out_used = <size_t>(c.out.data - s.out_shared) + c.out.len
    c.out.cap = (c.out.len - 1) | 1     # odd, and no room: a later reply moves it to private memory
    if c.out.cap > c.out.len:
        c.out.cap -= 2


cdef void add_writer(Server* s, Client* c) noexcept nogil:
    if c.flags & CLIENT_WRITER:
        return
    c.flags |= CLIENT_WRITER
    if s.writer_count == s.writer_cap:
        s.writer_cap = s.writer_cap * 2 + 64
        s.writers = <Client**>ws_realloc(s.writers, s.writer_cap * sizeof(Client*))
    s.writers[s.writer_count] = c
    s.writer_count += 1


cdef void output_begin(Server* s, Client* c) noexcept nogil:
    """c is about to reply: lend it the rest of the shared buffer if it has no output yet."""
    cdef size_t room
    output_end(s)
    add_writer(s, c)
    s.out_client = c
    room = OUT_SHARED_SIZE - s.out_used
    if c.out.data == NULL and room >= OUTPUT_MIN:
        c.out.data = s.out_shared + s.out_used
        c.out.cap = (room - 1) | 1
        if c.out.cap > room:
            c.out.cap -= 2


cdef void client_append(Server* s, Client* c, const char* p, size_t n) noexcept nogil:
    """Output that is no reply to a command of c at hand (MONITOR, errors of the parser)."""
    add_writer(s, c)
    if c.out.len + n > c.out.cap:
        reply_grow(&c.out, n)
    memcpy(c.out.data + c.out.len, p, n)
    c.out.len += n


cdef void output_keep(Client* c) noexcept nogil:
    """What the socket did not take stays: in private memory, without the part that has gone if that is large."""
    cdef size_t left = c.out.len - c.sent
    cdef Reply kept
    if c.out.cap & 1:
        kept.data = NULL
        kept.len = 0
        kept.cap = 0
        reply_grow(&kept, left)
        memcpy(kept.data, c.out.data + c.sent, left)
        kept.len = left
        c.out = kept
        c.sent = 0
    elif c.sent > left and c.sent > OUTPUT_EAGER:
        memmove(c.out.data, c.out.data + c.sent, left)
        c.out.len = left
        c.sent = 0
        if c.out.cap > 4 * left + OUTPUT_EAGER:
            c.out.cap = (2 * left + OUTPUT_MIN) & ~<size_t>(OUTPUT_MIN - 1)
            c.out.data = <char*>ws_realloc(c.out.data, c.out.cap)


cdef bint output_send(Server* s, Client* c) noexcept nogil:
    """Send what there is; 0: the connection is broken."""
    cdef ssize_t n
    if c.out.len == c.sent:
        output_release(c)
        return 1
    n = ws_send(c.fd, c.out.data + c.sent, c.out.len - c.sent)
    s.store.stats.writes_processed += 1
    if n == -2:
        return 0
    if n > 0:
        s.store.stats.net_output_bytes += <uint64_t>n
        c.sent += <size_t>n
    if c.sent == c.out.len:
        output_release(c)
    else:
        output_keep(c)
    return 1


# -- input -------------------------------------------------------------------------------------------------

cdef void input_release(Client* c) noexcept nogil:
    if c.in_cap > 0:
        ws_free(c.in_buf)
    c.in_buf = NULL
    c.in_cap = 0
    c.in_len = 0
    c.in_pos = 0
    c.cmd_start = 0


cdef void input_to_private(Client* c, size_t cap) noexcept nogil:
    """Move the bytes from cmd_start on to a private buffer of `cap` bytes."""
    cdef char* data = <char*>ws_alloc(cap + INPUT_SLACK)
    memcpy(data, c.in_buf + c.cmd_start, c.in_len - c.cmd_start)
    if c.in_cap > 0:
        ws_free(c.in_buf)
    c.in_buf = data
    c.in_cap = cap
    c.in_len -= c.cmd_start
    c.in_pos -= c.cmd_start
    c.cmd_start = 0


cdef void input_settle(Client* c) noexcept nogil:
    """The turn has run what was complete: keep the rest, give back what is no longer needed."""
    cdef size_t left = c.in_len - c.cmd_start
    WS_ASSERT(c.cmd_start <= c.in_pos and c.in_pos <= c.in_len)
    if c.args_left == 0 and c.arg_cap > 0:
        args_forget(c, left == 0)
    if left == 0:
        input_release(c)
    elif left <= INPUT_STASH_MAX:
        if c.in_cap != left:
            input_to_private(c, left)
    elif c.in_cap == 0 or c.in_cap > 8 * left + 8 * INPUT_BLOCK:
        input_to_private(c, 2 * left + INPUT_BLOCK)
    elif c.cmd_start > 0:
        memmove(c.in_buf, c.in_buf + c.cmd_start, left)
        c.in_len = left
        c.in_pos -= c.cmd_start
        c.cmd_start = 0


cdef size_t input_room(Server* s, Client* c) noexcept nogil:
    """Make room to receive into, in the shared buffer or the private one; how much there is."""
    cdef char* shared
    if c.in_len <= INPUT_STASH_MAX:
        WS_ASSERT(s.in_used + INPUT_STASH_MAX + INPUT_BLOCK + INPUT_SLACK <= IN_SHARED_SIZE)
        shared = s.in_shared + s.in_used
        if c.in_cap > 0:
            memcpy(shared, c.in_buf, c.in_len)
            ws_free(c.in_buf)
        c.in_buf = shared
        c.in_cap = 0
        return INPUT_BLOCK
    if c.in_cap - c.in_len < INPUT_BLOCK:
        c.in_cap = 2 * c.in_cap + INPUT_BLOCK
        c.in_buf = <char*>ws_realloc(c.in_buf, c.in_cap + INPUT_SLACK)
    return c.in_cap - c.in_len


cdef bint input_shared_full(Server* s) noexcept nogil:
    return s.in_used + INPUT_STASH_MAX + INPUT_BLOCK + INPUT_SLACK > IN_SHARED_SIZE


cdef ssize_t input_receive(Server* s, Client* c) noexcept nogil:
    """One recv into c's input; what ws_receive says."""
    cdef size_t room = input_room(s, c)
    cdef ssize_t n = ws_receive(c.fd, c.in_buf + c.in_len, room)
    s.store.stats.reads_processed += 1
    if n > 0:
        c.in_len += <size_t>n
        s.store.stats.net_input_bytes += <uint64_t>n
    if c.in_cap == 0:
        s.in_used += (c.in_len + INPUT_SLACK + 63) & ~<size_t>63
    return n
