"""List commands that wait for elements: BLPOP, BRPOP, BLMPOP, BLMOVE, BRPOPLPUSH.

Each is its counterpart of lists.pyx as long as there is something to take. Else it asks `api.block` to park the
client; when a key becomes ready the same handler runs again and looks at that key alone (`Call.ready_arg`), where by
then another client, or another type, may have come first: it waits on.
"""

cdef bint list_ready(Call* c, int i, Key* key, Entry* e, bint* failed) noexcept nogil:
    """Whether argv[i] is a list. A key of another type: WRONGTYPE is replied, but not to a client that waits."""
    c.api.key(c.store, c.argv[i], key)
    failed[0] = False
    if not c.api.lookup(c.store, c.db, key, e, LOOKUP_WRITE):
        return False
    if e.type == TYPE_LIST:
        return True
    if c.ready_arg == 0:
        reply_wrong_type(c)
        failed[0] = True
    return False


cdef bint list_take_ready(Call* c, int first, int keys, const ListPopOptions* options) noexcept nogil:
    """Pop from the first key that is a list, and reply; with an error, too. 0: nothing to pop, no reply."""
    cdef Key key
    cdef Entry e
    cdef bint failed
    cdef int i
    for i in range(first, first + keys):
        if c.ready_arg and c.ready_arg != i:
            continue
        if list_ready(c, i, &key, &e, &failed):
            list_pop_from_key(c, &key, &e, options)
            return True
        if failed:
            return True
    return False


cdef inline void list_block(Call* c, int first, int keys, int64_t deadline_ms) noexcept nogil:
    if not c.api.block(c, first, keys, deadline_ms):
        reply_null_array(c)


cdef void list_pop_or_wait(Call* c, bint head) noexcept nogil:
    cdef ListPopOptions options
    cdef int64_t deadline_ms
    if not arg_timeout(c, c.argc - 1, &deadline_ms):
        return
    options.head = head
    options.count = 0
    if not list_take_ready(c, 1, c.argc - 2, &options):
        list_block(c, 1, c.argc - 2, deadline_ms)


cdef void cmd_blpop(Call* c) noexcept nogil:
    list_pop_or_wait(c, True)


cdef void cmd_brpop(Call* c) noexcept nogil:
    list_pop_or_wait(c, False)


cdef void cmd_blmpop(Call* c) noexcept nogil:
    cdef ListPopOptions options
    cdef int64_t deadline_ms
    if not list_pop_options(c, 2, &options) or not arg_timeout(c, 1, &deadline_ms):
        return
    if not list_take_ready(c, options.first, options.keys, &options):
        list_block(c, options.first, options.keys, deadline_ms)


cdef void list_effect_move(Call* c, bint with_sides) noexcept nogil:
    """In the log, the command that does not wait: LMOVE with the sides, or RPOPLPUSH."""
    cdef Str argv[5]
    memcpy(argv, c.argv, (5 if with_sides else 3) * sizeof(Str))
    argv[0] = str_of_z(b"LMOVE" if with_sides else b"RPOPLPUSH")
    effect(c, 5 if with_sides else 3, argv)


cdef void list_move_or_wait(Call* c, int timeout_arg, bint from_head, bint to_head) noexcept nogil:
    cdef Key key
    cdef Entry e
    cdef int64_t deadline_ms
    cdef bint failed
    if not arg_timeout(c, timeout_arg, &deadline_ms):
        return
    if list_ready(c, 1, &key, &e, &failed):
        if list_move(c, from_head, to_head):
            list_effect_move(c, timeout_arg == 5)
    elif not failed and not c.api.block(c, 1, 1, deadline_ms):
        reply_null(c)


cdef void cmd_blmove(Call* c) noexcept nogil:
    cdef bint from_head, to_head
    if arg_list_sides(c, &from_head, &to_head):
        list_move_or_wait(c, 5, from_head, to_head)


cdef void cmd_brpoplpush(Call* c) noexcept nogil:
    list_move_or_wait(c, 3, False, True)


cdef CommandSpec[5] BLOCKING_LIST_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"blpop", -3, CMD_WRITE | CMD_NOSCRIPT | CMD_BLOCKING, 1, -2, 1, cmd_blpop, NULL, NULL],
    [b"brpop", -3, CMD_WRITE | CMD_NOSCRIPT | CMD_BLOCKING, 1, -2, 1, cmd_brpop, NULL, NULL],
    [b"blmpop", -5, CMD_WRITE | CMD_BLOCKING | CMD_MOVABLE_KEYS, 0, 0, 0, cmd_blmpop, NULL, NULL],
    [b"blmove", 6, CMD_WRITE | CMD_DENYOOM | CMD_NOSCRIPT | CMD_BLOCKING, 1, 2, 1, cmd_blmove, NULL, NULL],
    [b"brpoplpush", 4, CMD_WRITE | CMD_DENYOOM | CMD_NOSCRIPT | CMD_BLOCKING, 1, 2, 1, cmd_brpoplpush, NULL, NULL],
]
