"""Commands on ranges of sorted sets, by rank, score or member: counting, listing, storing and removing them.

A range, however it is given, becomes a range of ranks: its ends are looked up in the tree, and what lies between them
is counted, gone through or removed.
"""
cdef enum ZRangeBy:
    ZRANGE_AUTO             # ZRANGE: the options say
    ZRANGE_RANK
    ZRANGE_SCORE
    ZRANGE_LEX

cdef enum ZRangeDirection:
    ZRANGE_DIRECTION_AUTO
    ZRANGE_FORWARD
    ZRANGE_REVERSE

cdef struct ZScoreBound:
    double score
    bint exclusive

cdef struct ZRange:         # what was asked for
    ZRangeBy by
    ZRangeDirection direction
    bint with_scores
    int64_t offset
    int64_t limit           # -1: none
    int64_t start           # by rank: as given, negative from the end
    int64_t stop
    ZScoreBound min_score
    ZScoreBound max_score
    ZLexBound min_lex
    ZLexBound max_lex


# -- ends of ranges ------------------------------------------------------------------------------------

cdef bint zrange_score_bound(Str s, ZScoreBound* out) noexcept nogil:
    """A score, with ( in front if it is not in the range itself."""
    s.len = len_up_to_nul(s)
    out.exclusive = s.len > 0 and s.ptr[0] == c'('
    if out.exclusive:
        s.ptr += 1
        s.len -= 1
    return ws_str_to_bound(s.ptr, s.len, &out.score)


cdef bint zrange_lex_bound(Str s, ZLexBound* out) noexcept nogil:
    """A member behind [ or (, or - or + for the ends of everything."""
    cdef char mark = s.ptr[0] if s.len else 0
    out.infinite = 0
    out.exclusive = mark != c'['
    if mark == c'+' or mark == c'-':
        out.infinite = 1 if mark == c'+' else -1
        return len_up_to_nul(s) == 1
    if mark != c'[' and mark != c'(':
        return False
    s.ptr += 1
    s.len -= 1
    element_of(s, &out.member)
    return True


cdef bint zrange_ends(Call* c, int first, ZRange* r) noexcept nogil:
    """Take the two ends from argv[first] and what follows; replies with the error itself and returns 0."""
    cdef int low = first
    cdef int high = first + 1
    if r.direction == ZRANGE_REVERSE and r.by != ZRANGE_RANK:
        low = first + 1
        high = first
    if r.by == ZRANGE_RANK:
        return arg_i64(c, first, &r.start) and arg_i64(c, first + 1, &r.stop)
    if r.by == ZRANGE_SCORE:
        if zrange_score_bound(c.argv[low], &r.min_score) and zrange_score_bound(c.argv[high], &r.max_score):
            return True
        reply_error(c, b"ERR min or max is not a float")
        return False
    if zrange_lex_bound(c.argv[low], &r.min_lex) and zrange_lex_bound(c.argv[high], &r.max_lex):
        return True
    reply_error(c, b"ERR min or max not valid string range item")
    return False


cdef inline void zrange_begin(ZRange* r, ZRangeBy by, ZRangeDirection direction) noexcept nogil:
    r.by = by
    r.direction = direction
    r.with_scores = False
    r.offset = 0
    r.limit = -1


cdef void zrange_ranks_given(uint64_t count, const ZRange* r, uint64_t* start, uint64_t* end) noexcept nogil:
    """Ranks as given, in the direction of the range, as ranks from the lowest item on."""
    cdef int64_t n = <int64_t>count
    cdef int64_t low = max(r.start + n if r.start < 0 else r.start, <int64_t>0)
    cdef int64_t high = min(r.stop + n if r.stop < 0 else r.stop, n - 1)
    if low > high:
        start[0] = 0
        end[0] = 0
    elif r.direction == ZRANGE_REVERSE:
        start[0] = n - 1 - high
        end[0] = n - low
    else:
        start[0] = low
        end[0] = high + 1


cdef void zrange_ranks(const Entry* e, const ZRange* r, uint64_t* start, uint64_t* end) noexcept nogil:
    """The range as ranks from the lowest item on, `end` not included."""
    cdef ZSpot spot
    if r.by == ZRANGE_RANK:
        zrange_ranks_given(zset_count(e), r, start, end)
        return
    if r.by == ZRANGE_SCORE:
        zspot_at_score(e, r.min_score.score, r.min_score.exclusive, &spot)
        start[0] = spot.rank
        zspot_at_score(e, r.max_score.score, not r.max_score.exclusive, &spot)
    else:
        zspot_at_lex(e, &r.min_lex, r.min_lex.exclusive, &spot)
        start[0] = spot.rank
        zspot_at_lex(e, &r.max_lex, not r.max_lex.exclusive, &spot)
    end[0] = max(spot.rank, start[0])


cdef void zrange_limit(const ZRange* r, uint64_t* start, uint64_t* end) noexcept nogil:
    """Cut a range of ranks down to LIMIT. A negative offset passes over everything, a negative count means all."""
    cdef uint64_t n = end[0] - start[0]
    cdef uint64_t skipped = n if r.offset < 0 else min(<uint64_t>r.offset, n)
    cdef uint64_t kept = n - skipped
    if r.limit >= 0:
        kept = min(kept, <uint64_t>r.limit)
    if r.direction == ZRANGE_REVERSE:
        end[0] -= skipped
        start[0] = end[0] - kept
    else:
        start[0] += skipped
        end[0] = start[0] + kept


# -- ZRANGE and its forms ------------------------------------------------------------------------------

cdef bint zrange_option(Call* c, int* i, bint store, ZRange* r) noexcept nogil:
    """Take the option at argv[*i]; replies with the error itself and returns 0."""
    if not store and arg_is(c, i[0], b"withscores"):
        r.with_scores = True
    elif arg_is(c, i[0], b"limit") and i[0] + 2 < c.argc:
        if not arg_i64(c, i[0] + 1, &r.offset) or not arg_i64(c, i[0] + 2, &r.limit):
            return False
        i[0] += 2
    elif r.direction == ZRANGE_DIRECTION_AUTO and arg_is(c, i[0], b"rev"):
        r.direction = ZRANGE_REVERSE
    elif r.by == ZRANGE_AUTO and arg_is(c, i[0], b"bylex"):
        r.by = ZRANGE_LEX
    elif r.by == ZRANGE_AUTO and arg_is(c, i[0], b"byscore"):
        r.by = ZRANGE_SCORE
    else:
        reply_syntax_error(c)
        return False
    return True


cdef bint zrange_arguments(Call* c, int first, bint store, ZRange* r) noexcept nogil:
    """Take the ends from argv[first] on and the options behind them."""
    cdef int i = first + 2
    while i < c.argc:
        if not zrange_option(c, &i, store, r):
            return False
        i += 1
    if r.direction == ZRANGE_DIRECTION_AUTO:
        r.direction = ZRANGE_FORWARD
    if r.by == ZRANGE_AUTO:
        r.by = ZRANGE_RANK
    if r.limit != -1 and r.by == ZRANGE_RANK:
        reply_error(c, b"ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX")
        return False
    if r.with_scores and r.by == ZRANGE_LEX:
        reply_error(c, b"ERR syntax error, WITHSCORES not supported in combination with BYLEX")
        return False
    return zrange_ends(c, first, r)


cdef uint64_t zrange_open(Call* c, const Entry* e, const ZRange* r, ZCursor* cur) noexcept nogil:
    """Set a cursor at the start of a range; the number of its items."""
    cdef uint64_t start, end
    cdef bint reverse = r.direction == ZRANGE_REVERSE
    zrange_ranks(e, r, &start, &end)
    if r.by != ZRANGE_RANK:
        zrange_limit(r, &start, &end)
    if start < end:
        zset_at_rank(c.store, e, zset_count(e) - end if reverse else start, reverse, cur)
    return end - start


cdef void zrange_reply(Call* c, const Entry* e, const ZRange* r) noexcept nogil:
    cdef ZCursor cur
    cdef Element member
    cdef double score
    cdef uint64_t n = zrange_open(c, e, r, &cur)
    reply_array(c, <int64_t>(2 * n if r.with_scores and c.resp == 2 else n))
    while n > 0:
        zset_next(&cur, &member, &score)
        if r.with_scores and c.resp == 3:
            reply_array(c, 2)
        reply_element(c, &member)
        if r.with_scores:
            reply_double(c, score)
        n -= 1


cdef void zrange_generic(Call* c, ZRangeBy by, ZRangeDirection direction) noexcept nogil:
    cdef ZRange r
    cdef Entry e
    zrange_begin(&r, by, direction)
    if not zrange_arguments(c, 2, False, &r) or not zset_for_read(c, &e):
        return
    if e.rec is NULL:
        reply_array(c, 0)
    else:
        zrange_reply(c, &e, &r)


cdef void cmd_zrange(Call* c) noexcept nogil:
    zrange_generic(c, ZRANGE_AUTO, ZRANGE_DIRECTION_AUTO)


cdef void cmd_zrevrange(Call* c) noexcept nogil:
    zrange_generic(c, ZRANGE_RANK, ZRANGE_REVERSE)


cdef void cmd_zrangebyscore(Call* c) noexcept nogil:
    zrange_generic(c, ZRANGE_SCORE, ZRANGE_FORWARD)


cdef void cmd_zrevrangebyscore(Call* c) noexcept nogil:
    zrange_generic(c, ZRANGE_SCORE, ZRANGE_REVERSE)


cdef void cmd_zrangebylex(Call* c) noexcept nogil:
    zrange_generic(c, ZRANGE_LEX, ZRANGE_FORWARD)


cdef void cmd_zrevrangebylex(Call* c) noexcept nogil:
    zrange_generic(c, ZRANGE_LEX, ZRANGE_REVERSE)


# -- ZRANGESTORE ---------------------------------------------------------------------------------------

cdef uint64_t zrange_build(Call* c, const Entry* e, const ZRange* r, ZSetBuilder* b) noexcept nogil:
    """Add a range to a builder; the number of its items."""
    cdef ZCursor cur
    cdef Element member
    cdef double score
    cdef uint64_t n = zrange_open(c, e, r, &cur)
    cdef uint64_t left = n
    while left > 0:
        zset_next(&cur, &member, &score)
        zset_build_add(b, &member, score)
        left -= 1
    return n


cdef void zset_store_built(Call* c, const Key* to, ZSetBuilder* b, const char* event) noexcept nogil:
    """Store what was built under `to`, or remove that key if it is empty; tell of it."""
    cdef Entry old
    if zset_build_count(b):
        zset_build_finish(b, c.db, to, NO_EXPIRE)
        note_change(c, c.db, to, EVENT_ZSET, event)
        c.store.dirty += 1
    elif c.api.lookup(c.store, c.db, to, &old, LOOKUP_WRITE):
        c.api.remove(c.store, c.db, to, &old)
        note_change(c, c.db, to, EVENT_GENERIC, b"del")
        c.store.dirty += 1


cdef void cmd_zrangestore(Call* c) noexcept nogil:
    cdef ZRange r
    cdef ZSetBuilder b
    cdef Entry e
    cdef Key source
    cdef uint64_t n = 0
    zrange_begin(&r, ZRANGE_AUTO, ZRANGE_DIRECTION_AUTO)
    if not zrange_arguments(c, 3, True, &r):
        return
    c.api.key(c.store, c.argv[2], &source)
    if c.api.lookup(c.store, c.db, &source, &e, LOOKUP_READ) and not require_type(c, &e, TYPE_ZSET):
        return
    zset_build_begin(c.store, &b)
    if e.rec is not NULL:
        n = zrange_build(c, &e, &r, &b)
    zset_store_built(c, &c.key, &b, b"zrangestore")
    reply_int(c, <int64_t>n)


# -- counting and removing -----------------------------------------------------------------------------

cdef void zcount_generic(Call* c, ZRangeBy by) noexcept nogil:
    cdef ZRange r
    cdef Entry e
    cdef uint64_t start = 0
    cdef uint64_t end = 0
    zrange_begin(&r, by, ZRANGE_FORWARD)
    if not zrange_ends(c, 2, &r) or not zset_for_read(c, &e):
        return
    if e.rec is not NULL:
        zrange_ranks(&e, &r, &start, &end)
    reply_int(c, <int64_t>(end - start))


cdef void cmd_zcount(Call* c) noexcept nogil:
    zcount_generic(c, ZRANGE_SCORE)


cdef void cmd_zlexcount(Call* c) noexcept nogil:
    zcount_generic(c, ZRANGE_LEX)


cdef void zremrange_generic(Call* c, ZRangeBy by, const char* event) noexcept nogil:
    cdef ZRange r
    cdef Entry e
    cdef uint64_t start = 0
    cdef uint64_t end = 0
    cdef bint whole = False
    zrange_begin(&r, by, ZRANGE_FORWARD)
    if not zrange_ends(c, 2, &r) or not zset_for_write(c, &e):
        return
    if e.rec is not NULL:
        zrange_ranks(&e, &r, &start, &end)
        whole = end - start == zset_count(&e)
    if start < end:
        zset_remove_rank_range(c, &c.key, &e, start, end - 1)
        zset_tell_removed(c, event, end - start, whole)
    reply_int(c, <int64_t>(end - start))


cdef void cmd_zremrangebyrank(Call* c) noexcept nogil:
    zremrange_generic(c, ZRANGE_RANK, b"zremrangebyrank")


cdef void cmd_zremrangebyscore(Call* c) noexcept nogil:
    zremrange_generic(c, ZRANGE_SCORE, b"zremrangebyscore")


cdef void cmd_zremrangebylex(Call* c) noexcept nogil:
    zremrange_generic(c, ZRANGE_LEX, b"zremrangebylex")


cdef CommandSpec[12] ZSET_RANGE_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"zrange", -4, CMD_READONLY, 1, 1, 1, cmd_zrange, NULL, NULL],
    [b"zrevrange", -4, CMD_READONLY, 1, 1, 1, cmd_zrevrange, NULL, NULL],
    [b"zrangebyscore", -4, CMD_READONLY, 1, 1, 1, cmd_zrangebyscore, NULL, NULL],
    [b"zrevrangebyscore", -4, CMD_READONLY, 1, 1, 1, cmd_zrevrangebyscore, NULL, NULL],
    [b"zrangebylex", -4, CMD_READONLY, 1, 1, 1, cmd_zrangebylex, NULL, NULL],
    [b"zrevrangebylex", -4, CMD_READONLY, 1, 1, 1, cmd_zrevrangebylex, NULL, NULL],
    [b"zrangestore", -5, CMD_WRITE | CMD_DENYOOM, 1, 2, 1, cmd_zrangestore, NULL, NULL],
    [b"zcount", 4, CMD_READONLY | CMD_FAST, 1, 1, 1, cmd_zcount, NULL, NULL],
    [b"zlexcount", 4, CMD_READONLY | CMD_FAST, 1, 1, 1, cmd_zlexcount, NULL, NULL],
    [b"zremrangebyrank", 4, CMD_WRITE, 1, 1, 1, cmd_zremrangebyrank, NULL, NULL],
    [b"zremrangebyscore", 4, CMD_WRITE, 1, 1, 1, cmd_zremrangebyscore, NULL, NULL],
    [b"zremrangebylex", 4, CMD_WRITE, 1, 1, 1, cmd_zremrangebylex, NULL, NULL],
]
