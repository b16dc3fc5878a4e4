"""Random members of sets: SPOP and SRANDMEMBER.

A few members of a big set are drawn one by one, many of them in one walk over the set; of a small one always so.
"""
cdef enum:
    DRAW_ONE_IN = 3             # SRANDMEMBER walks over the set when it asks for more than one member in so many
    POP_REST_FACTOR = 5         # SPOP makes a new set of the rest when it pops so many times more, as Redis does

cdef struct SetChoice:          # a walk that replies with `needed` of `left` members, any of them equally likely
    Call* call
    uint64_t needed
    uint64_t left
    SetBuilder* rest            # where the others go, or NULL


cdef bint choose_member(void* arg, const Element* member, const Element* value, double score) noexcept nogil:
    cdef SetChoice* choice = <SetChoice*>arg
    cdef bint chosen = random_below(choice.call.store, choice.left) < choice.needed
    choice.left -= 1
    if chosen:
        choice.needed -= 1
        reply_element(choice.call, member)
        if choice.rest is not NULL:
            effect_member(choice.call, b"SREM", &choice.call.key, member)
    elif choice.rest is not NULL:
        set_build_add(choice.rest, member)
    return choice.needed > 0 or choice.rest is not NULL


cdef void choose(Call* c, const Entry* e, uint64_t count, SetBuilder* rest) noexcept nogil:
    """Reply with `count` different members; the others go into `rest`, unless that is NULL."""
    cdef SetChoice choice
    memset(&choice, 0, sizeof(choice))
    choice.call = c
    choice.needed = count
    choice.left = set_count(e)
    choice.rest = rest
    set_each(c.store, e, choose_member, &choice)


# -- SRANDMEMBER -------------------------------------------------------------------------------------------
cdef void draw_any(Call* c, const Entry* e, uint64_t count) noexcept nogil:
    """Reply with `count` members that may repeat."""
    cdef Element member
    while count > 0:
        set_random(c.store, e, &member)
        reply_element(c, &member)
        count -= 1


cdef void draw_different(Call* c, const Entry* e, uint64_t count) noexcept nogil:
    """Reply with `count` different members, few of a big set: drawn until there are enough that are new."""
    cdef SetBuilder seen
    cdef Element member
    set_build_begin(c.store, &seen)
    while count > 0:
        set_random(c.store, e, &member)
        if set_build_add(&seen, &member):
            reply_element(c, &member)
            count -= 1
    set_build_drop(&seen)


cdef void draw_members(Call* c, const Entry* e, int64_t count) noexcept nogil:
    cdef uint64_t size = set_count(e)
    if count < 0:
        reply_array(c, -count)
        draw_any(c, e, <uint64_t>-count)
        return
    reply_array(c, min(<uint64_t>count, size))
    if <uint64_t>count >= size:
        set_each(c.store, e, reply_member, c)
    elif e.enc == ENC_PTR and <uint64_t>count * DRAW_ONE_IN < size:
        draw_different(c, e, <uint64_t>count)
    else:
        choose(c, e, <uint64_t>count, NULL)


cdef void cmd_srandmember(Call* c) noexcept nogil:
    cdef Entry e
    cdef Element member
    cdef int64_t count = 1
    if c.argc > 3:
        reply_syntax_error(c)
        return
    if c.argc == 3:
        if not arg_i64(c, 2, &count):
            return
        if count == INT64_MIN_VALUE:
            reply_error(c, b"ERR value is out of range, value must between "
                        b"-9223372036854775807 and 9223372036854775807")
            return
    if not find_set(c, &e):
        return
    if c.argc == 3:
        if e.rec is NULL or count == 0:
            reply_array(c, 0)
        else:
            draw_members(c, &e, count)
    elif e.rec is NULL:
        reply_null(c)
    else:
        set_random(c.store, &e, &member)
        reply_element(c, &member)


# -- SPOP --------------------------------------------------------------------------------------------------
cdef void pop_one(Call* c, SetBuilder* b, const Entry* e) noexcept nogil:
    """Take one member out and reply with it. e must show what b holds."""
    cdef Element member
    set_random(c.store, e, &member)
    reply_element(c, &member)
    effect_member(c, b"SREM", &c.key, &member)
    set_build_remove(b, &member)


cdef void pop_some(Call* c, SetBuilder* b, const Entry* e, uint64_t count) noexcept nogil:
    """Take `count` members out, not all, and reply with them."""
    cdef uint64_t rest = set_count(e) - count
    if e.enc == ENC_PTR and rest * POP_REST_FACTOR > count:
        set_edit(c.store, b, e)
        while count > 0:
            pop_one(c, b, e)
            count -= 1
        return
    set_build_begin(c.store, b)
    choose(c, e, count, b)
    if rest * POP_REST_FACTOR > count and set_is_named(e):
        b.named = True


cdef void pop_members(Call* c, Entry* e, uint64_t count) noexcept nogil:
    cdef SetBuilder b
    cdef uint64_t size = set_count(e)
    count = min(count, size)
    reply_set(c, <int64_t>count)
    if count == size:
        set_each(c.store, e, reply_member, c)
        c.api.remove(c.store, c.db, &c.key, e)
        effect_key(c, b"DEL", &c.key)
    else:
        pop_some(c, &b, e, count)
        set_store(&b, c.db, &c.key, e, KEEP_TTL)
    note_set_change(c, &c.key, b"spop", count == size)
    c.store.dirty += count


cdef bint pop_count(Call* c, int64_t* count) noexcept nogil:
    """argv[2] of SPOP; replies with the error itself and returns 0."""
    if c.argc > 3:
        reply_syntax_error(c)
        return False
    if ws_str_to_i64(c.argv[2].ptr, c.argv[2].len, count) and count[0] >= 0:
        return True
    reply_error(c, b"ERR value is out of range, must be positive")
    return False


cdef void pop_single(Call* c, Entry* e) noexcept nogil:
    cdef SetBuilder b
    set_edit(c.store, &b, e)
    pop_one(c, &b, e)
    note_set_change(c, &c.key, b"spop", not set_store(&b, c.db, &c.key, e, KEEP_TTL))
    c.store.dirty += 1


cdef void cmd_spop(Call* c) noexcept nogil:
    cdef Entry e
    cdef int64_t count = 1
    if c.argc > 2 and not pop_count(c, &count):
        return
    if not find_set_to_change(c, &c.key, &e):
        return
    if c.argc == 2:
        if e.rec is NULL:
            reply_null(c)
        else:
            pop_single(c, &e)
    elif e.rec is NULL or count == 0:
        reply_set(c, 0)
    else:
        pop_members(c, &e, <uint64_t>count)


cdef CommandSpec[2] SET_RANDOM_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"spop", -2, CMD_WRITE | CMD_FAST, 1, 1, 1, cmd_spop, NULL, NULL],
    [b"srandmember", -2, CMD_READONLY, 1, 1, 1, cmd_srandmember, NULL, NULL],
]
