# Parsing requests in place: RESP multibulk and inline commands, resumable at every byte.
#
# `parse_request` takes the next request of a client's input.  Arguments are slices of the input.  While a request is
# incomplete, its arguments so far are kept as offsets in the client, and parsing goes on behind them, so that a
# request costs time in proportion to its size however many pieces it comes in.
#
# Clients mostly repeat themselves: a request that begins with the same bytes as the one before it (RequestHead) has the
# same number of arguments and the same command, and is parsed from its second argument on.
#
# Formats: the RESP specification; limits and error texts: those of Redis 7.0.

cdef extern from "numbers.h" nogil:
    bint resp_str_to_i64 "ws_str_to_i64" (const char* p, size_t n, int64_t* out)

cdef enum Parsed:
    PARSED_READY = 0        # a request
    PARSED_ALONE = 1        # a request that no other may follow in its batch
    PARSED_NOTHING = 2      # an empty one: go on
    PARSED_PART = 3         # more input is needed
    PARSED_NO_ROOM = 4      # not with what is in the batch already; nothing was taken
    PARSED_ERROR = 5        # Server.parse_error

cdef enum:
    LINE_MAX = 64 * 1024            # of an inline request, and of a header without its end
    FREE_ARGS_MAX = 10              # arguments, and bytes of one, for clients not yet authenticated
    FREE_BULK_MAX = 16384
    NUMBER_DIGITS_FAST = 18
    ARGS_MAX = 0x7fffffff

cdef enum LineResult:
    LINE_OK = 1
    LINE_PART = 0
    LINE_BAD = -1
    LINE_TOO_LONG = -2


cdef int parse_failed(Server* s, const char* text) noexcept nogil:
    snprintf(s.parse_error, sizeof(s.parse_error), b"ERR Protocol error: %s", text)
    return PARSED_ERROR


cdef int number_line_slow(const char* p, const char* end, int64_t* out, const char** behind) noexcept nogil:
    cdef const char* cr = <const char*>memchr(p, b"\r", <size_t>(end - p))
    if cr == NULL:
        return LINE_TOO_LONG if end - p >= LINE_MAX else LINE_PART
    if cr + 1 == end:
        return LINE_PART
    behind[0] = cr + 2
    return LINE_OK if resp_str_to_i64(p, <size_t>(cr - p), out) else LINE_BAD


cdef inline const char* short_number(const char* p, const char* end, int64_t* out) noexcept nogil:
    """A number of one or two digits, as most are, and CRLF; what follows them, or NULL: no such number is there."""
    cdef uint8_t digit, more
    if WS_UNLIKELY(end - p < 4):
        return NULL
    digit = <uint8_t>(p[0] - c"0")
    out[0] = digit
    if p[1] == c"\r":
        return p + 3 if digit <= 9 else NULL
    more = <uint8_t>(p[1] - c"0")
    out[0] = digit * 10 + more
    return p + 4 if p[2] == c"\r" and more <= 9 and <uint8_t>(digit - 1) <= 8 else NULL


cdef inline int number_line(const char* p, const char* end, int64_t* out, const char** behind) noexcept nogil:
    """A decimal number and CRLF from p on, the mark before it taken already; `behind` stays as it is with LINE_PART."""
    cdef const char* q = short_number(p, end, out)
    cdef uint64_t n = 0
    cdef uint8_t digit
    if WS_LIKELY(q != NULL):
        behind[0] = q
        return LINE_OK
    q = p
    while q < end:
        digit = <uint8_t>(q[0] - c"0")
        if digit > 9:
            break
        n = n * 10 + digit
        q += 1
    if WS_LIKELY(end - q >= 2 and q[0] == c"\r" and 0 < q - p <= NUMBER_DIGITS_FAST
                 and (p[0] != c"0" or q - p == 1)):
        out[0] = <int64_t>n
        behind[0] = q + 2
        return LINE_OK
    return number_line_slow(p, end, out, behind)


cdef inline const char* short_bulk(const char* p, const char* end, Str* out) noexcept nogil:
    """The argument at p if it is all there and has less than 100 bytes, as most are; what follows it, or NULL."""
    cdef int64_t n
    if p[0] != c"$":                            # readable, as INPUT_SLACK bytes are behind all input
        return NULL
    p = short_number(p + 1, end, &n)
    if p == NULL or end - p < n + 2:
        return NULL
    out.ptr = p
    out.len = <size_t>n
    return p + n + 2


cdef inline bint head_is_known(const Client* c) noexcept nogil:
    """Whether the request at in_pos begins as the one before it."""
    return c.in_len - c.in_pos >= c.head.len > 0 and ws_same_bytes(c.in_buf + c.in_pos, c.head.text, c.head.len)


cdef inline const char* head_take(const Client* c, const char* p, Str* name) noexcept nogil:
    """The name in the known head at p; returns what follows the head."""
    name.ptr = p + c.head.len - 2 - c.head.name_len
    name.len = c.head.name_len
    return p + c.head.len


cdef inline void head_note(Client* c, size_t start, const Call* call) noexcept nogil:
    """Remember the head of the request at `start`, if that is short, and find_spec_again remembers its spec."""
    cdef const char* begin = c.in_buf + start
    cdef size_t n = <size_t>(call.argv[0].ptr + call.argv[0].len + 2 - begin)
    c.head.len = 0
    if begin[0] != c"*" or n > HEAD_MAX or call.argc > FREE_ARGS_MAX or call.spec == NULL or call.spec != c.last_spec:
        return
    memcpy(c.head.text, begin, HEAD_MAX)        # INPUT_SLACK bytes are readable behind all input
    c.head.len = n
    c.head.name_len = call.argv[0].len
    c.head.argc = call.argc
    c.head.spec = call.spec


cdef inline bint parse_short(Server* s, Client* c, Call* call) noexcept nogil:
    """A request whose head is known, if all its arguments are there and short; else nothing is taken."""
    cdef const char* end = c.in_buf + c.in_len
    cdef Str* argv = s.batch.args + s.batch.arg_count
    cdef const char* p
    cdef int i
    if s.batch.arg_count + <size_t>c.head.argc > BATCH_ARGS:
        return 0
    p = head_take(c, c.in_buf + c.in_pos, argv)
    for i in range(1, c.head.argc):
        p = short_bulk(p, end, &argv[i])
        if WS_UNLIKELY(p == NULL):
            return 0
    c.in_pos = c.cmd_start = <size_t>(p - c.in_buf)
    call.argv = argv
    call.argc = c.head.argc
    s.batch.arg_count += <size_t>c.head.argc
    return 1


cdef int parse_request(Server* s, Client* c, Call* call) noexcept nogil:
    """The next request of c's input into call.argv and call.argc, call.spec if it is known; one of Parsed."""
    cdef int64_t count
    cdef const char* behind
    cdef int line
    call.spec = NULL
    if c.args_left > 0:
        return resume_args(s, c, call)
    if c.in_pos == c.in_len:
        return PARSED_PART
    c.cmd_start = c.in_pos
    if head_is_known(c):
        call.spec = c.head.spec
        if WS_LIKELY(parse_short(s, c, call)):
            return PARSED_READY
        return parse_args(s, c, call, c.head.argc, c.in_buf + c.in_pos)
    if c.in_buf[c.in_pos] != c"*":
        return parse_inline(s, c, call)
    line = number_line(c.in_buf + c.in_pos + 1, c.in_buf + c.in_len, &count, &behind)
    if WS_UNLIKELY(line != LINE_OK):
        if line == LINE_PART:
            return PARSED_PART
        return parse_failed(s, b"too big mbulk count string" if line == LINE_TOO_LONG
                            else b"invalid multibulk length")
    if WS_UNLIKELY(count > ARGS_MAX):
        return parse_failed(s, b"invalid multibulk length")
    if WS_UNLIKELY(count > FREE_ARGS_MAX and must_authenticate(s, c)):
        return parse_failed(s, b"unauthenticated multibulk length")
    if WS_UNLIKELY(count <= 0):
        c.in_pos = c.cmd_start = <size_t>(behind - c.in_buf)
        return PARSED_NOTHING
    return parse_args(s, c, call, count, behind)


cdef int bulk_line_failed(Server* s, int line, char mark) noexcept nogil:
    cdef char text[32]
    if line == LINE_TOO_LONG:
        return parse_failed(s, b"too big bulk count string")
    if mark != c"$":
        snprintf(text, sizeof(text), b"expected '$', got '%c'", c" " if mark == c"\n" or mark == c"\r" else mark)
        return parse_failed(s, text)
    return parse_failed(s, b"invalid bulk length")


cdef inline int bulk_line(Server* s, Client* c, const char* p, const char* end, int64_t* size,
                          const char** behind) noexcept nogil:
    """The header of an argument; PARSED_READY, PARSED_PART or PARSED_ERROR."""
    cdef int line
    if p == end:
        return PARSED_PART
    line = number_line(p + 1, end, size, behind)
    if WS_LIKELY(line == LINE_OK and p[0] == c"$" and 0 <= size[0] <= FREE_BULK_MAX):
        return PARSED_READY
    if p[0] == c"\r":               # an empty line: it ends here, not where the next one does
        return PARSED_PART if p + 1 == end else bulk_line_failed(s, LINE_BAD, p[0])
    if line == LINE_PART:
        return PARSED_PART
    if line != LINE_OK or p[0] != c"$" or size[0] < 0 or size[0] > s.store.config.proto_max_bulk_len:
        return bulk_line_failed(s, line, p[0])
    if must_authenticate(s, c):
        return parse_failed(s, b"unauthenticated bulk length")
    return PARSED_READY


cdef int parse_args(Server* s, Client* c, Call* call, int64_t count, const char* p) noexcept nogil:
    """All arguments of a request, from p on, into the batch's array; what is incomplete into c.args. With call.spec
    the head is known, and lies at p."""
    cdef const char* end = c.in_buf + c.in_len
    cdef Str* argv = s.batch.args + s.batch.arg_count
    cdef int64_t size = NO_BULK
    cdef int64_t i = 0
    cdef int said = PARSED_READY
    if count > FRESH_ARGS_MAX:
        c.args_left = count
        c.in_pos = <size_t>(p - c.in_buf)
        return resume_args(s, c, call)
    if s.batch.arg_count + <size_t>count > BATCH_ARGS:
        c.in_pos = c.cmd_start
        return PARSED_NO_ROOM
    if call.spec != NULL:
        p = head_take(c, p, &argv[0])
        i = 1
    while i < count:
        said = bulk_line(s, c, p, end, &size, &p)
        if said != PARSED_READY:
            size = NO_BULK
            break
        if end - p < size + 2:
            said = PARSED_PART
            break
        argv[i].ptr = p
        argv[i].len = <size_t>size
        p += size + 2
        i += 1
    if WS_LIKELY(said == PARSED_READY):
        c.in_pos = c.cmd_start = <size_t>(p - c.in_buf)
        call.argv = argv
        call.argc = <int>count
        s.batch.arg_count += <size_t>count
        return PARSED_READY
    if said == PARSED_PART:
        keep_args(c, argv, <int>i)
        c.args_left = count - i
        c.bulk_len = size
        c.in_pos = <size_t>(p - c.in_buf)
    return said


cdef void keep_args(Client* c, const Str* argv, int count) noexcept nogil:
    """The arguments parsed so far, as offsets, into c.args."""
    cdef int i
    if c.arg_cap < count:
        c.arg_cap = count + 8
        c.args = <Str*>ws_realloc(c.args, c.arg_cap * sizeof(Str))
    for i in range(count):
        c.args[i].ptr = <const char*><size_t>(argv[i].ptr - (c.in_buf + c.cmd_start))
        c.args[i].len = argv[i].len
    c.arg_count = count


cdef void add_arg(Client* c, const char* p) noexcept nogil:
    if c.arg_count == c.arg_cap:
        c.arg_cap = c.arg_cap * 2 + 8
        c.args = <Str*>ws_realloc(c.args, c.arg_cap * sizeof(Str))
    c.args[c.arg_count].ptr = <const char*><size_t>(p - (c.in_buf + c.cmd_start))
    c.args[c.arg_count].len = <size_t>c.bulk_len
    c.arg_count += 1
    c.args_left -= 1
    c.bulk_len = NO_BULK


cdef int resume_args(Server* s, Client* c, Call* call) noexcept nogil:
    """Go on with the arguments of a request, in c.args; all of it there makes it the last of its batch."""
    cdef const char* end = c.in_buf + c.in_len
    cdef const char* p = c.in_buf + c.in_pos
    cdef int said
    while c.args_left > 0:
        if c.bulk_len == NO_BULK:
            said = bulk_line(s, c, p, end, &c.bulk_len, &p)
            if said != PARSED_READY:
                c.bulk_len = NO_BULK
                return said
        c.in_pos = <size_t>(p - c.in_buf)
        if end - p < c.bulk_len + 2:
            return PARSED_PART
        p += c.bulk_len + 2
        add_arg(c, c.in_buf + c.in_pos)
        c.in_pos = <size_t>(p - c.in_buf)
    args_complete(c, call)
    return PARSED_ALONE


cdef void args_complete(Client* c, Call* call) noexcept nogil:
    cdef const char* base = c.in_buf + c.cmd_start
    cdef int i
    for i in range(c.arg_count):
        c.args[i].ptr = base + <size_t>c.args[i].ptr
    call.argv = c.args
    call.argc = c.arg_count
    c.arg_count = 0
    c.cmd_start = c.in_pos


cdef void args_forget(Client* c, bint release) noexcept nogil:
    """No request is being parsed any more; a large array of arguments goes, a small one if it may."""
    c.args_left = 0
    c.bulk_len = NO_BULK
    c.arg_count = 0
    if release or c.arg_cap > FRESH_ARGS_MAX:
        ws_free(c.args)
        c.args = NULL
        c.arg_cap = 0


# -- inline ------------------------------------------------------------------------------------------------

cdef int parse_inline(Server* s, Client* c, Call* call) noexcept nogil:
    """A line of blank-separated words, quoted as in a shell, up to LF or CRLF."""
    cdef const char* p = c.in_buf + c.in_pos
    cdef size_t have = c.in_len - c.in_pos
    cdef const char* lf = <const char*>memchr(p, b"\n", have)
    cdef size_t n
    cdef int words
    if lf == NULL:
        return parse_failed(s, b"too big inline request") if have > LINE_MAX else PARSED_PART
    n = <size_t>(lf - p)
    if not inline_room(s, n):
        return PARSED_NO_ROOM
    words = split_words(s, p, n - 1 if n > 0 and p[n - 1] == c"\r" else n)
    if words < 0:
        return parse_failed(s, b"unbalanced quotes in request")
    c.in_pos = c.cmd_start = <size_t>(lf + 1 - c.in_buf)
    if words == 0:
        return PARSED_NOTHING
    call.argv = s.batch.args + s.batch.arg_count
    call.argc = words
    s.batch.arg_count += <size_t>words
    return PARSED_READY


cdef bint inline_room(Server* s, size_t n) noexcept nogil:
    """Room for the words of a line of n bytes, which may need to wait until the batch has run."""
    cdef Batch* b = &s.batch
    cdef size_t words = n // 2 + 1
    if b.scratch_len + n <= b.scratch_cap and b.arg_count + words <= b.arg_cap:
        return 1
    if b.count > 0:
        return 0
    if n > b.scratch_cap:
        b.scratch_cap = n
        b.scratch = <char*>ws_realloc(b.scratch, n + INPUT_SLACK)
    if words > b.arg_cap:
        b.arg_cap = words
        b.args = <Str*>ws_realloc(b.args, words * sizeof(Str))
    return 1


cdef inline bint is_blank(char ch) noexcept nogil:
    return ch == c" " or c"\t" <= ch <= c"\r"


cdef inline int hex_digit(char ch) noexcept nogil:
    if c"0" <= ch <= c"9":
        return ch - c"0"
    if c"a" <= (ch | 0x20) <= c"f":
        return (ch | 0x20) - c"a" + 10
    return -1


cdef int split_words(Server* s, const char* p, size_t n) noexcept nogil:
    """The words of a line, unquoted, into the batch's scratch and args; a NUL ends the line. Their number, or -1."""
    cdef Batch* b = &s.batch
    cdef const char* nul = <const char*>memchr(p, 0, n)
    cdef const char* end = p + n if nul == NULL else nul
    cdef char* out = b.scratch + b.scratch_len
    cdef Str* argv = b.args + b.arg_count
    cdef int words = 0
    while 1:
        while p < end and is_blank(p[0]):
            p += 1
        if p == end:
            b.scratch_len = <size_t>(out - b.scratch)
            return words
        WS_ASSERT(b.arg_count + <size_t>words < b.arg_cap)
        argv[words].ptr = out
        p = unquote_word(p, end, &out)
        if p == NULL:
            return -1
        argv[words].len = <size_t>(out - argv[words].ptr)
        words += 1


cdef const char* unquote_word(const char* p, const char* end, char** to) noexcept nogil:
    """One word to `to`, which moves on; the position behind it, or NULL: its quotes don't match."""
    cdef char* out = to[0]
    while p < end and not is_blank(p[0]):
        if p[0] == c'"' or p[0] == c"'":
            p = unquote_part(p + 1, end, p[0], &out)
            if p == NULL or (p < end and not is_blank(p[0])):
                return NULL
            break
        out[0] = p[0]
        out += 1
        p += 1
    to[0] = out
    return p


cdef const char* unquote_part(const char* p, const char* end, char quote, char** to) noexcept nogil:
    """Up to the closing quote, which is passed; NULL if there is none."""
    cdef char* out = to[0]
    while p < end and p[0] != quote:
        if p[0] == c"\\" and end - p > 1 and (quote == c'"' or p[1] == c"'"):
            if p[1] == c"x" and end - p > 3 and hex_digit(p[2]) >= 0 and hex_digit(p[3]) >= 0:
                out[0] = <char>(hex_digit(p[2]) * 16 + hex_digit(p[3]))
                p += 4
            else:
                out[0] = unescaped(p[1]) if quote == c'"' else p[1]
                p += 2
        else:
            out[0] = p[0]
            p += 1
        out += 1
    to[0] = out
    if p == end:
        return NULL
    return p + 1


cdef inline char unescaped(char ch) noexcept nogil:
    if ch == c"n":
        return c"\n"
    if ch == c"r":
        return c"\r"
    if ch == c"t":
        return c"\t"
    if ch == c"b":
        return c"\b"
    if ch == c"a":
        return c"\a"
    return ch
