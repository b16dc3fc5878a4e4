"""Commands that walk through a hash: HSCAN, and HRANDFIELD with its ways of picking.

So many different pairs of a hash are picked in one walk over it, in which each is taken by chance; or, if only few of
many are wanted, one by one, with a table of those that were picked before.
"""

cdef enum:
    PICK_WALK_RATIO = 3         # a walk picks when a third of the pairs or more are wanted

cdef struct HashPick:
    Call* call
    bint values
    size_t wanted           # pairs still to be picked
    size_t ahead            # pairs still to be seen


# -- HSCAN ---------------------------------------------------------------------------------------------

cdef bint hash_scan_pair(void* arg, const Element* field, const Element* value, double score) noexcept nogil:
    cdef Walk* walk = <Walk*>arg
    if walk_matches(walk, field):
        reply_element(walk.call, field)
        reply_element(walk.call, value)
        walk.found += 2
    return True


cdef void cmd_hscan(Call* c) noexcept nogil:
    cdef size_t start = c.out.len
    cdef uint64_t cursor
    cdef int64_t count
    cdef Walk walk
    cdef Entry e
    if not member_scan_begin(c, TYPE_HASH, &e, &walk, &cursor, &count):
        return
    cursor = hash_scan(c.store, &e, cursor, <size_t>count, hash_scan_pair, &walk)
    insert_cursor(c, start, cursor, walk.found)


# -- HRANDFIELD ----------------------------------------------------------------------------------------

cdef inline void hash_reply_picked(HashPick* pick, const Element* field, const Element* value) noexcept nogil:
    if pick.values and pick.call.resp == 3:
        reply_array(pick.call, 2)
    reply_element(pick.call, field)
    if pick.values:
        reply_element(pick.call, value)


cdef bint hash_pick_pair(void* arg, const Element* field, const Element* value, double score) noexcept nogil:
    """Take each pair with the chance that leaves all choices equally likely."""
    cdef HashPick* pick = <HashPick*>arg
    if random_below(pick.call.store, pick.ahead) < pick.wanted:
        hash_reply_picked(pick, field, value)
        pick.wanted -= 1
    pick.ahead -= 1
    return pick.wanted > 0


cdef void hash_pick_one_by_one(HashPick* pick, const Entry* e) noexcept nogil:
    """Pick few different pairs of a big hash."""
    cdef Store* store = pick.call.store
    cdef Table* seen = table_new(store)
    cdef Element field, value
    while pick.wanted > 0:
        hash_random(store, e, &field, &value)
        if table_put(store, seen, &field, NULL) == 1:
            hash_reply_picked(pick, &field, &value)
            pick.wanted -= 1
    table_free(store, seen)


cdef void hash_pick_distinct(HashPick* pick, const Entry* e) noexcept nogil:
    """Pick pairs that all differ: as many as are wanted, or all that there are."""
    pick.ahead = hash_count(e)
    pick.wanted = min(pick.wanted, pick.ahead)
    reply_array(pick.call, pick.wanted * (2 if pick.values and pick.call.resp == 2 else 1))
    if hash_is_packed(e) or pick.wanted * PICK_WALK_RATIO > pick.ahead:
        hash_each(pick.call.store, e, hash_pick_pair, pick)
    else:
        hash_pick_one_by_one(pick, e)


cdef void hash_pick_any(HashPick* pick, const Entry* e) noexcept nogil:
    """Pick pairs that may come again."""
    cdef Element field, value
    reply_array(pick.call, pick.wanted * (2 if pick.values and pick.call.resp == 2 else 1))
    while pick.wanted > 0:
        hash_random(pick.call.store, e, &field, &value)
        hash_reply_picked(pick, &field, &value)
        pick.wanted -= 1


cdef bint hash_pick_count(Call* c, int64_t* count, bint* values) noexcept nogil:
    """The arguments from argv[2] on; replies with the error itself and returns 0."""
    if not arg_i64(c, 2, count):
        return False
    if count[0] == INT64_MIN_VALUE:
        reply_error(c, b"ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807")
        return False
    values[0] = c.argc == 4
    if c.argc > 4 or (values[0] and not arg_is(c, 3, b"withvalues")):
        reply_syntax_error(c)
        return False
    if values[0] and not -(INT64_MAX_VALUE // 2) <= count[0] <= INT64_MAX_VALUE // 2:
        reply_error(c, b"ERR value is out of range")
        return False
    return True


cdef void hash_reply_random(Call* c) noexcept nogil:
    """HRANDFIELD without a count."""
    cdef Element field, value
    cdef Entry e
    if not hash_for_read(c, &e):
        return
    if e.rec is NULL:
        reply_null(c)
        return
    hash_random(c.store, &e, &field, &value)
    reply_element(c, &field)


cdef void cmd_hrandfield(Call* c) noexcept nogil:
    cdef HashPick pick
    cdef int64_t count
    cdef Entry e
    if c.argc == 2:
        hash_reply_random(c)
        return
    if not hash_pick_count(c, &count, &pick.values) or not hash_for_read(c, &e):
        return
    pick.call = c
    pick.wanted = <size_t>(count if count >= 0 else -count)
    if count == 0 or e.rec is NULL:
        reply_array(c, 0)
    elif count > 0:
        hash_pick_distinct(&pick, &e)
    else:
        hash_pick_any(&pick, &e)


cdef CommandSpec[2] HASH_WALK_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"hscan", -3, CMD_READONLY, 1, 1, 1, cmd_hscan, NULL, NULL],
    [b"hrandfield", -2, CMD_READONLY, 1, 1, 1, cmd_hrandfield, NULL, NULL],
]
