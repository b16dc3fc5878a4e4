"""Members of a sorted set in no order of scores: ZRANDMEMBER picks some at random, ZSCAN walks through all.

So many different members are picked in one walk over all, in which each is taken by chance; or, if few of many are
wanted, one by one, with a table of those picked before.
"""
cdef enum:
    ZPICK_WALK_RATIO = 3            # a walk picks when a third of the members or more are wanted
    ZSCAN_INT_MAX = 0x4000000000000000LL    # integers up to here lie in Redis's listpacks as such

cdef struct ZPick:          # one ZRANDMEMBER
    Call* call
    bint with_scores
    uint64_t wanted         # members still to be picked
    uint64_t ahead          # members still to be seen

cdef struct ZScan:          # one ZSCAN
    Walk walk
    bint int_scores         # integers are told in digits, whatever their size


# -- ZRANDMEMBER ---------------------------------------------------------------------------------------
cdef inline void zpick_reply(ZPick* p, const Element* member, double score) noexcept nogil:
    """One member more."""
    cdef Call* c = p.call
    if p.with_scores and c.resp == 3:
        reply_array(c, 2)
    reply_element(c, member)
    if p.with_scores:
        reply_double(c, score)
    p.wanted -= 1


cdef bint zpick_visit(void* arg, const Element* member, const Element* value, double score) noexcept nogil:
    """Take each member with the chance that makes all choices equally likely."""
    cdef ZPick* p = <ZPick*>arg
    if random_below(p.call.store, p.ahead) < p.wanted:
        zpick_reply(p, member, score)
    p.ahead -= 1
    return p.wanted > 0


cdef void zpick_one_by_one(ZPick* p, const Entry* e) noexcept nogil:
    cdef Store* store = p.call.store
    cdef Table* seen = table_new(store)
    cdef Element member
    cdef double score
    while p.wanted > 0:
        zset_random(store, e, &member, &score)
        if table_put(store, seen, &member, NULL) == 1:
            zpick_reply(p, &member, score)
    table_free(store, seen)


cdef void zpick_any(ZPick* p, const Entry* e) noexcept nogil:
    """Members that may come again."""
    cdef Element member
    cdef double score
    while p.wanted > 0:
        zset_random(p.call.store, e, &member, &score)
        zpick_reply(p, &member, score)


cdef void zpick_answer(Call* c, const Entry* e, int64_t count, bint with_scores) noexcept nogil:
    cdef ZPick p = [c, with_scores, <uint64_t>(count if count >= 0 else -count), zset_count(e)]
    if count > 0:
        p.wanted = min(p.wanted, p.ahead)
    reply_array(c, <int64_t>(2 * p.wanted if with_scores and c.resp == 2 else p.wanted))
    if count < 0:
        zpick_any(&p, e)
    elif p.wanted * ZPICK_WALK_RATIO > p.ahead:
        zset_each(c.store, e, zpick_visit, &p)
    else:
        zpick_one_by_one(&p, e)


cdef bint zpick_arguments(Call* c, int64_t* count) noexcept nogil:
    if not arg_i64(c, 2, count):
        return False
    if count[0] == INT64_MIN_VALUE:
        reply_error(c, b"ERR value is out of range, "
                       b"value must between -9223372036854775807 and 9223372036854775807")
        return False
    if c.argc > 4 or (c.argc == 4 and not arg_is(c, 3, b"withscores")):
        reply_syntax_error(c)
        return False
    if c.argc == 4 and not -(INT64_MAX_VALUE // 2) <= count[0] <= INT64_MAX_VALUE // 2:
        reply_error(c, b"ERR value is out of range")
        return False
    return True


cdef void zpick_single(Call* c) noexcept nogil:
    """ZRANDMEMBER without a count."""
    cdef Element member
    cdef double score
    cdef Entry e
    if not c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_READ):
        reply_null(c)
    elif require_type(c, &e, TYPE_ZSET):
        zset_random(c.store, &e, &member, &score)
        reply_element(c, &member)


cdef void cmd_zrandmember(Call* c) noexcept nogil:
    cdef Entry e
    cdef int64_t count
    if c.argc == 2:
        zpick_single(c)
        return
    if not zpick_arguments(c, &count):
        return
    if not c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_READ):
        reply_array(c, 0)
    elif require_type(c, &e, TYPE_ZSET):
        zpick_answer(c, &e, count, c.argc == 4)


# -- ZSCAN ---------------------------------------------------------------------------------------------
cdef bint zscan_visit(void* arg, const Element* member, const Element* value, double score) noexcept nogil:
    cdef ZScan* scan = <ZScan*>arg
    cdef Call* c = scan.walk.call
    cdef char digits[48]
    if not walk_matches(&scan.walk, member):
        return True
    reply_element(c, member)
    if scan.int_scores and -<double>ZSCAN_INT_MAX <= score <= ZSCAN_INT_MAX and score == <int64_t>score:
        reply_bulk_int(c, <int64_t>score)
    else:
        reply_bulk(c, digits, ws_double_to_str(digits, score))
    scan.walk.found += 2
    return True


cdef void cmd_zscan(Call* c) noexcept nogil:
    cdef size_t start = c.out.len
    cdef uint64_t cursor
    cdef int64_t count
    cdef ZScan scan
    cdef Entry e
    if not member_scan_begin(c, TYPE_ZSET, &e, &scan.walk, &cursor, &count):
        return
    scan.int_scores = not zset_big_name(&e)
    cursor = zset_scan(c.store, &e, cursor, <size_t>count, zscan_visit, &scan)
    insert_cursor(c, start, cursor, scan.walk.found)


cdef CommandSpec[2] ZSET_PICK_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"zrandmember", -2, CMD_READONLY, 1, 1, 1, cmd_zrandmember, NULL, NULL],
    [b"zscan", -3, CMD_READONLY, 1, 1, 1, cmd_zscan, NULL, NULL],
]
