"""LCS: the longest common subsequence of two strings, its length, or the ranges that match.

The textbook table, of which only what the way back needs is kept: one bit a cell, "the cell above is larger",
beside one row of lengths.  Ties go left, so that of several longest subsequences the one is found that Redis
finds.  Work is proportional to the product of both lengths, memory to an eighth of it in bytes.
"""
cdef struct LcsOptions:
    bint idx
    bint length
    bint with_match_len
    int64_t min_match_len

cdef struct LcsTable:
    Str a
    Str b
    uint64_t* up            # bit j - 1 of row i - 1: L[i-1, j] > L[i, j-1]
    size_t row_words
    uint32_t length         # of the whole LCS

cdef struct LcsWalk:        # on the way back from (a.len, b.len)
    size_t i
    size_t j
    size_t run              # length of the run of equal bytes that begins at a[i], b[j]


# -- the table -----------------------------------------------------------------------------------------
cdef inline bint lcs_is_up(const LcsTable* t, size_t i, size_t j) noexcept nogil:
    return t.up[(i - 1) * t.row_words + ((j - 1) >> 6)] >> ((j - 1) & 63) & 1


cdef void lcs_fill_row(LcsTable* t, size_t i, uint32_t* row) noexcept nogil:
    """Turn row, the lengths L[i-1, ...], into L[i, ...], and note the bits of row i."""
    cdef uint64_t* bits = t.up + (i - 1) * t.row_words
    cdef char byte = t.a.ptr[i - 1]
    cdef uint32_t diagonal = 0
    cdef uint32_t above
    cdef size_t j
    for j in range(1, t.b.len + 1):
        above = row[j]
        if byte == t.b.ptr[j - 1]:
            row[j] = diagonal + 1
        elif above > row[j - 1]:
            bits[(j - 1) >> 6] |= <uint64_t>1 << ((j - 1) & 63)
        else:
            row[j] = row[j - 1]
        diagonal = above


cdef void lcs_build(EngineApi* api, LcsTable* t) noexcept nogil:
    cdef uint32_t* row = <uint32_t*>api.alloc((t.b.len + 1) * sizeof(uint32_t))
    cdef size_t i
    t.row_words = (t.b.len + 63) >> 6
    t.up = <uint64_t*>api.alloc(t.a.len * t.row_words * sizeof(uint64_t) + 1)
    memset(t.up, 0, t.a.len * t.row_words * sizeof(uint64_t))
    memset(row, 0, (t.b.len + 1) * sizeof(uint32_t))
    for i in range(1, t.a.len + 1):
        lcs_fill_row(t, i, row)
    t.length = row[t.b.len]
    api.free(row)


cdef bint lcs_next_run(const LcsTable* t, LcsWalk* w) noexcept nogil:
    """Go back to the next run of equal bytes; 0 at the end."""
    w.run = 0
    while w.i > 0 and w.j > 0:
        if t.a.ptr[w.i - 1] == t.b.ptr[w.j - 1]:
            w.i -= 1
            w.j -= 1
            w.run += 1
        elif w.run > 0:
            break
        elif lcs_is_up(t, w.i, w.j):
            w.i -= 1
        else:
            w.j -= 1
    return w.run > 0


# -- replies -------------------------------------------------------------------------------------------
cdef inline LcsWalk lcs_walk(const LcsTable* t) noexcept nogil:
    cdef LcsWalk w
    w.i = t.a.len
    w.j = t.b.len
    w.run = 0
    return w


cdef void lcs_reply_string(Call* c, const LcsTable* t) noexcept nogil:
    cdef LcsWalk w = lcs_walk(t)
    cdef size_t left = t.length
    cdef char* p
    reply_header(c, b"$", t.length)
    p = reply_room(c, t.length + 2)
    while lcs_next_run(t, &w):
        left -= w.run
        memcpy(p + left, t.a.ptr + w.i, w.run)
    memcpy(p + t.length, b"\r\n", 2)
    c.out.len += t.length + 2


cdef inline void lcs_reply_range(Call* c, size_t start, size_t length) noexcept nogil:
    reply_array(c, 2)
    reply_int(c, <int64_t>start)
    reply_int(c, <int64_t>(start + length - 1))


cdef int64_t lcs_count_runs(const LcsTable* t, int64_t min_match_len) noexcept nogil:
    cdef LcsWalk w = lcs_walk(t)
    cdef int64_t n = 0
    while lcs_next_run(t, &w):
        n += <int64_t>w.run >= min_match_len
    return n


cdef void lcs_reply_runs(Call* c, const LcsTable* t, const LcsOptions* options) noexcept nogil:
    cdef LcsWalk w = lcs_walk(t)
    reply_map(c, 2)
    reply_bulk_z(c, b"matches")
    reply_array(c, lcs_count_runs(t, options.min_match_len))
    while lcs_next_run(t, &w):
        if <int64_t>w.run < options.min_match_len:
            continue
        reply_array(c, 3 if options.with_match_len else 2)
        lcs_reply_range(c, w.i, w.run)
        lcs_reply_range(c, w.j, w.run)
        if options.with_match_len:
            reply_int(c, <int64_t>w.run)
    reply_bulk_z(c, b"len")
    reply_int(c, t.length)


# -- the command ---------------------------------------------------------------------------------------
cdef bint lcs_option(Call* c, int* i, LcsOptions* out) noexcept nogil:
    """Read the option at argv[*i], which is moved to its last argument."""
    if arg_is(c, i[0], b"IDX"):
        out.idx = True
    elif arg_is(c, i[0], b"LEN"):
        out.length = True
    elif arg_is(c, i[0], b"WITHMATCHLEN"):
        out.with_match_len = True
    elif arg_is(c, i[0], b"MINMATCHLEN") and i[0] + 1 < c.argc:
        i[0] += 1
        return arg_i64(c, i[0], &out.min_match_len)
    else:
        reply_syntax_error(c)
        return False
    return True


cdef bint lcs_options(Call* c, LcsOptions* out) noexcept nogil:
    cdef int i = 3
    memset(out, 0, sizeof(out[0]))
    while i < c.argc:
        if not lcs_option(c, &i, out):
            return False
        i += 1
    if out.idx and out.length:
        reply_error(c, b"ERR If you want both the length and indexes, please just use IDX.")
        return False
    return True


cdef bint lcs_check_size(Call* c, const LcsTable* t) noexcept nogil:
    """Hold LCS to the strings that Redis takes: its table has four bytes a cell."""
    cdef uint64_t cells = <uint64_t>(t.a.len + 1) * (t.b.len + 1)
    if t.a.len >= 0xFFFFFFFEULL or t.b.len >= 0xFFFFFFFEULL:
        reply_error(c, b"ERR String too long for LCS")
    elif cells > <uint64_t>c.store.config.proto_max_bulk_len // 4:
        reply_error(c, b"ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")
    else:
        return True
    return False


cdef bint lcs_lookup(Call* c, int i, int flags, Entry* e) noexcept nogil:
    """Look argv[i] up; 0 if it is no string. e.rec is NULL for a missing key."""
    cdef Key key
    c.api.key(c.store, c.argv[i], &key)
    return not c.api.lookup(c.store, c.db, &key, e, flags) or e.type == TYPE_STRING


cdef Str lcs_view(const Entry* e, char* scratch) noexcept nogil:
    cdef Str empty
    if e.rec is not NULL:
        return view_string(e, scratch)
    empty.ptr = scratch
    empty.len = 0
    return empty


cdef void cmd_lcs(Call* c) noexcept nogil:
    cdef Entry a, b
    cdef char scratch[48]
    cdef LcsOptions options
    cdef LcsTable t
    # The first look-ups drop what has expired, so that the entries of the second ones hold.
    if not (lcs_lookup(c, 1, LOOKUP_READ, &a) & lcs_lookup(c, 2, LOOKUP_READ, &b)):
        reply_error(c, b"ERR The specified keys must contain string values")
        return
    if not lcs_options(c, &options):
        return
    lcs_lookup(c, 1, LOOKUP_NOTOUCH, &a)
    lcs_lookup(c, 2, LOOKUP_NOTOUCH, &b)
    t.a = lcs_view(&a, scratch)
    t.b = lcs_view(&b, scratch + 24)
    if not lcs_check_size(c, &t):
        return
    lcs_build(c.api, &t)
    if options.idx:
        lcs_reply_runs(c, &t, &options)
    elif options.length:
        reply_int(c, t.length)
    else:
        lcs_reply_string(c, &t)
    c.api.free(t.up)


cdef CommandSpec[1] LCS_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"lcs", -3, CMD_READONLY, 1, 2, 1, cmd_lcs, NULL, NULL],
]
