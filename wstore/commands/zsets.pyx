"""Commands on sorted sets, member by member: adding, removing, scores and ranks.  Ranges: zsets_range.pyx."""

cdef enum:
    ZADD_CH = 1 << 8            # options of ZADD beside the ZAddFlags
    ZADD_FEW = 16               # pairs whose scores fit on the stack
    ZADD_PLAIN_DIGITS = 15      # integers of so many characters are exact as doubles


# -- looking up ----------------------------------------------------------------------------------------

cdef inline bint zset_for_read(Call* c, Entry* e) noexcept nogil:
    """Whether the first key may be read as a sorted set, e.rec NULL: it is missing. Else WRONGTYPE is replied."""
    return not c.api.lookup(c.store, c.db, &c.key, e, LOOKUP_READ) or require_type(c, e, TYPE_ZSET)


cdef inline bint zset_for_write(Call* c, Entry* e) noexcept nogil:
    return not c.api.lookup(c.store, c.db, &c.key, e, LOOKUP_WRITE) or require_type(c, e, TYPE_ZSET)


cdef bint arg_score(Call* c, int i, double* out) noexcept nogil:
    """argv[i] as a score; replies with the error itself and returns 0 if it is none."""
    cdef int64_t n
    if c.argv[i].len <= ZADD_PLAIN_DIGITS and ws_str_to_i64(c.argv[i].ptr, c.argv[i].len, &n):
        out[0] = <double>n
        return True
    if ws_str_to_double(c.argv[i].ptr, c.argv[i].len, out):
        return True
    reply_error(c, b"ERR value is not a valid float")
    return False


cdef void zset_tell_removed(Call* c, const char* event, uint64_t removed, bint whole) noexcept nogil:
    """Count and announce removals, which may have taken the key with them."""
    note_change(c, c.db, &c.key, EVENT_ZSET, event)
    if whole:
        note_event(c, c.db, &c.key, EVENT_GENERIC, b"del")
    c.store.dirty += removed


# -- ZADD, ZINCRBY -------------------------------------------------------------------------------------

cdef bint zadd_options(Call* c, int* first, int* flags) noexcept nogil:
    """Take the options in front of the pairs, which begin at argv[*first]; replies with an error and returns 0."""
    cdef int i = 2
    while i < c.argc:
        if arg_is(c, i, b"nx"):
            flags[0] |= ZADD_NX
        elif arg_is(c, i, b"xx"):
            flags[0] |= ZADD_XX
        elif arg_is(c, i, b"ch"):
            flags[0] |= ZADD_CH
        elif arg_is(c, i, b"incr"):
            flags[0] |= ZADD_INCR
        elif arg_is(c, i, b"gt"):
            flags[0] |= ZADD_GT
        elif arg_is(c, i, b"lt"):
            flags[0] |= ZADD_LT
        else:
            break
        i += 1
    first[0] = i
    if (c.argc - i) % 2 != 0 or c.argc == i:
        reply_syntax_error(c)
        return False
    return zadd_flags_agree(c, flags[0], (c.argc - i) // 2)


cdef bint zadd_flags_agree(Call* c, int flags, int pairs) noexcept nogil:
    if flags & ZADD_NX and flags & ZADD_XX:
        reply_error(c, b"ERR XX and NX options at the same time are not compatible")
        return False
    if (flags & ZADD_NX and flags & (ZADD_GT | ZADD_LT)) or (flags & ZADD_GT and flags & ZADD_LT):
        reply_error(c, b"ERR GT, LT, and/or NX options at the same time are not compatible")
        return False
    if flags & ZADD_INCR and pairs > 1:
        reply_error(c, b"ERR INCR option supports a single increment-element pair")
        return False
    return True


cdef void zadd_reply(Call* c, ZAddOutcome last, int flags, int64_t changed, double result) noexcept nogil:
    if last == ZADD_NAN:
        reply_error(c, b"ERR resulting score is not a number (NaN)")
    elif not flags & ZADD_INCR:
        reply_int(c, changed)
    elif last == ZADD_NOP:
        reply_null(c)
    else:
        reply_double(c, result)


cdef void zadd_pairs(Call* c, int first, const double* scores, int flags) noexcept nogil:
    """Add the members of the pairs from argv[first] on, with these scores, and reply."""
    cdef ZSetBuilder b
    cdef Entry e
    cdef Element member
    cdef double result = 0
    cdef int64_t added = 0
    cdef int64_t updated = 0
    cdef ZAddOutcome outcome = ZADD_NOP
    cdef int i
    if not zset_for_write(c, &e):
        return
    zset_edit_begin(c.store, &b, &e)
    for i in range((c.argc - first) // 2):
        element_of(c.argv[first + 2 * i + 1], &member)
        outcome = zset_edit_put(&b, &member, True, scores[i], flags & ~ZADD_CH, &result)
        added += outcome == ZADD_ADDED
        updated += outcome == ZADD_UPDATED
    if added + updated:
        zset_edit_finish(&b, c.db, &c.key, &e)
        note_change(c, c.db, &c.key, EVENT_ZSET, b"zincr" if flags & ZADD_INCR else b"zadd")
        c.store.dirty += added + updated
    zadd_reply(c, outcome, flags, added + updated if flags & ZADD_CH else added, result)


cdef void zadd_generic(Call* c, int flags) noexcept nogil:
    cdef double few[ZADD_FEW]
    cdef double* scores = few
    cdef int first, pairs
    cdef int i = 0
    if not zadd_options(c, &first, &flags):
        return
    pairs = (c.argc - first) // 2
    if pairs > ZADD_FEW:
        scores = <double*>c.api.alloc(pairs * sizeof(double))
    while i < pairs and arg_score(c, first + 2 * i, &scores[i]):
        i += 1
    if i == pairs:
        zadd_pairs(c, first, scores, flags)
    if scores is not few:
        c.api.free(scores)


cdef void cmd_zadd(Call* c) noexcept nogil:
    zadd_generic(c, 0)


cdef void cmd_zincrby(Call* c) noexcept nogil:
    zadd_generic(c, ZADD_INCR)


# -- ZREM ----------------------------------------------------------------------------------------------

cdef void cmd_zrem(Call* c) noexcept nogil:
    cdef ZSetBuilder b
    cdef Entry e
    cdef Element member
    cdef uint64_t removed = 0
    cdef int i
    if not zset_for_write(c, &e):
        return
    zset_edit_begin(c.store, &b, &e)
    for i in range(2, c.argc):
        if zset_build_count(&b) == 0:
            break
        element_of(c.argv[i], &member)
        removed += zset_edit_remove(&b, &member)
    if removed:
        zset_tell_removed(c, b"zrem", removed, not zset_edit_finish(&b, c.db, &c.key, &e))
    reply_int(c, <int64_t>removed)


# -- scores and ranks ----------------------------------------------------------------------------------

cdef void cmd_zcard(Call* c) noexcept nogil:
    cdef Entry e
    if zset_for_read(c, &e):
        reply_int(c, <int64_t>zset_count(&e) if e.rec is not NULL else 0)


cdef void zscore_reply(Call* c, const Entry* e, int i) noexcept nogil:
    """Reply with the score of member argv[i], or null."""
    cdef Element member
    cdef double score
    element_of(c.argv[i], &member)
    if e.rec is not NULL and zset_score(c.store, e, &member, &score):
        reply_double(c, score)
    else:
        reply_null(c)


cdef void cmd_zscore(Call* c) noexcept nogil:
    cdef Entry e
    if zset_for_read(c, &e):
        zscore_reply(c, &e, 2)


cdef void cmd_zmscore(Call* c) noexcept nogil:
    cdef Entry e
    cdef int i
    if not zset_for_read(c, &e):
        return
    reply_array(c, c.argc - 2)
    for i in range(2, c.argc):
        zscore_reply(c, &e, i)


cdef void zrank_generic(Call* c, bint reverse) noexcept nogil:
    cdef Entry e
    cdef Element member
    cdef uint64_t rank
    cdef double score
    if not zset_for_read(c, &e):
        return
    element_of(c.argv[2], &member)
    if e.rec is not NULL and zset_rank(c.store, &e, &member, reverse, &rank, &score):
        reply_int(c, <int64_t>rank)
    else:
        reply_null(c)


cdef void cmd_zrank(Call* c) noexcept nogil:
    zrank_generic(c, False)


cdef void cmd_zrevrank(Call* c) noexcept nogil:
    zrank_generic(c, True)


cdef CommandSpec[8] ZSET_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"zadd", -4, CMD_WRITE | CMD_DENYOOM | CMD_FAST, 1, 1, 1, cmd_zadd, NULL, NULL],
    [b"zincrby", 4, CMD_WRITE | CMD_DENYOOM | CMD_FAST, 1, 1, 1, cmd_zincrby, NULL, NULL],
    [b"zrem", -3, CMD_WRITE | CMD_FAST, 1, 1, 1, cmd_zrem, NULL, NULL],
    [b"zcard", 2, CMD_READONLY | CMD_FAST, 1, 1, 1, cmd_zcard, NULL, NULL],
    [b"zscore", 3, CMD_READONLY | CMD_FAST, 1, 1, 1, cmd_zscore, NULL, NULL],
    [b"zmscore", -3, CMD_READONLY | CMD_FAST, 1, 1, 1, cmd_zmscore, NULL, NULL],
    [b"zrank", 3, CMD_READONLY | CMD_FAST, 1, 1, 1, cmd_zrank, NULL, NULL],
    [b"zrevrank", 3, CMD_READONLY | CMD_FAST, 1, 1, 1, cmd_zrevrank, NULL, NULL],
]
