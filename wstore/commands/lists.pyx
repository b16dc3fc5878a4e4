"""Commands on the ends of lists: pushing, popping, moving. Those that wait are in blocking_lists.pyx."""

cdef enum:
    LIST_ELEMENT_MAX = 0xFFFFFC00   # bytes: offsets in a node have 32 bits


# -- arguments and keys --------------------------------------------------------------------------------
cdef inline bint args_fit_lists(Call* c, int first) noexcept nogil:
    """Whether argv[first:] may be elements; replies with the error itself and returns 0 if one is too long."""
    cdef int i
    for i in range(first, c.argc):
        if c.argv[i].len > LIST_ELEMENT_MAX:
            reply_error(c, b"ERR Element too large")
            return False
    return True


cdef inline bint arg_list_element(Call* c, int i, Element* out) noexcept nogil:
    """The last argument argv[i] as an element; replies with the error itself and returns 0 if it is too long."""
    if not args_fit_lists(c, i):
        return False
    element_of(c.argv[i], out)
    return True


cdef inline bint arg_list_side(Call* c, int i, bint* head) noexcept nogil:
    """argv[i] as LEFT or RIGHT; replies with the error itself and returns 0."""
    head[0] = arg_is(c, i, b"left")
    if head[0] or arg_is(c, i, b"right"):
        return True
    reply_syntax_error(c)
    return False


cdef bint arg_list_number(Call* c, int i, int64_t least, const char* error, int64_t* out) noexcept nogil:
    """argv[i] as an integer of at least `least`; replies with `error` and returns 0 if it is none."""
    if ws_str_to_i64(c.argv[i].ptr, c.argv[i].len, out) and out[0] >= least:
        return True
    reply_error(c, error)
    return False


cdef inline bint list_found(Call* c, Entry* e, int flags) noexcept nogil:
    """Look c.key up; 0 with e.rec NULL: there is none; 0 with e.rec set: WRONGTYPE is replied."""
    return c.api.lookup(c.store, c.db, &c.key, e, flags) and require_type(c, e, TYPE_LIST)


# -- pushing -------------------------------------------------------------------------------------------
cdef inline const char* list_push_event(bint head) noexcept nogil:
    return b"lpush" if head else b"rpush"


cdef inline void list_push_args(Call* c, bint head, bint only_existing) noexcept nogil:
    cdef Entry e
    cdef uint64_t count
    if not list_found(c, &e, LOOKUP_WRITE) and (e.rec is not NULL or only_existing):
        if e.rec is NULL:
            reply_int(c, 0)
        return
    if not args_fit_lists(c, 2):
        return
    count = list_push_items(c.store, c.db, &c.key, &e, c.argv + 2, c.argc - 2, head)
    c.store.dirty += c.argc - 2
    note_change(c, c.db, &c.key, EVENT_LIST, list_push_event(head))
    reply_int(c, <int64_t>count)


cdef void cmd_lpush(Call* c) noexcept nogil:
    list_push_args(c, True, False)


cdef void cmd_rpush(Call* c) noexcept nogil:
    list_push_args(c, False, False)


cdef void cmd_lpushx(Call* c) noexcept nogil:
    list_push_args(c, True, True)


cdef void cmd_rpushx(Call* c) noexcept nogil:
    list_push_args(c, False, True)


# -- popping -------------------------------------------------------------------------------------------
cdef inline void list_note_taken(Call* c, const Key* key, const ListForm* form, const char* event) noexcept nogil:
    """Elements went; with the last one the key."""
    note_change(c, c.db, key, EVENT_LIST, event)
    if list_form_count(form) == 0:
        note_event(c, c.db, key, EVENT_GENERIC, b"del")


cdef void list_take(Call* c, const Key* key, Entry* e, bint head, uint64_t n) noexcept nogil:
    """Take n elements, not more than there are, off a list that LOOKUP_WRITE found."""
    cdef ListForm form
    list_form_load(c.store, e, &form)
    list_form_drop(&form, head, n)
    list_form_save(&form, c.db, key, e)
    c.store.dirty += <int64_t>n
    list_note_taken(c, key, &form, b"lpop" if head else b"rpop")


cdef void list_pop_many(Call* c, const Key* key, Entry* e, bint head, uint64_t n) noexcept nogil:
    """Reply with an array of up to n elements, the outermost first, and take them."""
    cdef uint64_t count = list_count(e)
    n = min(n, count)
    reply_array(c, <int64_t>n)
    if n == 0:
        return
    if head:
        list_reply_range(c, e, 0, n)
    else:
        list_reply_backward(c, e, count - 1, n)
    list_take(c, key, e, head, n)


cdef inline void list_pop_one(Call* c, const Key* key, Entry* e, bint head) noexcept nogil:
    """Reply with the outermost element, and take it."""
    list_reply_end(c, e, head)
    list_take(c, key, e, head, 1)


cdef inline void list_pop(Call* c, bint head) noexcept nogil:
    cdef Entry e
    cdef int64_t n
    if c.argc > 3:
        reply_wrong_arity(c)
        return
    if c.argc == 3 and not arg_list_number(c, 2, 0, b"ERR value is out of range, must be positive", &n):
        return
    if not list_found(c, &e, LOOKUP_WRITE):
        if e.rec is NULL and c.argc == 3:
            reply_null_array(c)
        elif e.rec is NULL:
            reply_null(c)
    elif c.argc == 3:
        list_pop_many(c, &c.key, &e, head, <uint64_t>n)
    else:
        list_pop_one(c, &c.key, &e, head)


cdef void cmd_lpop(Call* c) noexcept nogil:
    list_pop(c, True)


cdef void cmd_rpop(Call* c) noexcept nogil:
    list_pop(c, False)


cdef struct ListPopOptions:         # of LMPOP and the blocking pops
    int first                       # of the keys in argv
    int keys
    bint head
    uint64_t count                  # 0: one element, replied without an array around it (BLPOP)


cdef bint list_pop_options(Call* c, int i, ListPopOptions* out) noexcept nogil:
    """numkeys key... side [COUNT n] from argv[i] on; replies with the error itself and returns 0."""
    cdef int64_t n
    cdef bint counted = False
    if not arg_list_number(c, i, 1, b"ERR numkeys should be greater than 0", &n):
        return False
    if n >= c.argc - i - 1:
        reply_syntax_error(c)
        return False
    out.first = i + 1
    out.keys = <int>n
    out.count = 1
    i = out.first + out.keys
    if not arg_list_side(c, i, &out.head):
        return False
    while i + 1 < c.argc:
        if counted or i + 2 >= c.argc or not arg_is(c, i + 1, b"count"):
            reply_syntax_error(c)
            return False
        i += 2
        counted = True
        if not arg_list_number(c, i, 1, b"ERR count should be greater than 0", &n):
            return False
        out.count = <uint64_t>n
    return True


cdef void list_pop_from_key(Call* c, const Key* key, Entry* e, const ListPopOptions* options) noexcept nogil:
    """Reply with the key and what is popped from it."""
    cdef const char* name = b"LPOP" if options.head else b"RPOP"
    if options.count == 0:
        effect_key(c, name, key)
    else:
        effect_key_number(c, name, key, <int64_t>min(options.count, list_count(e)))
    reply_array(c, 2)
    reply_bulk(c, key.ptr, key.len)
    if options.count == 0:
        list_pop_one(c, key, e, options.head)
    else:
        list_pop_many(c, key, e, options.head, options.count)


cdef void cmd_lmpop(Call* c) noexcept nogil:
    cdef ListPopOptions options
    cdef Key key
    cdef Entry e
    cdef int i
    if not list_pop_options(c, 1, &options):
        return
    for i in range(options.first, options.first + options.keys):
        c.api.key(c.store, c.argv[i], &key)
        if c.api.lookup(c.store, c.db, &key, &e, LOOKUP_WRITE):
            if require_type(c, &e, TYPE_LIST):
                list_pop_from_key(c, &key, &e, &options)
            return
    reply_null_array(c)


# -- moving --------------------------------------------------------------------------------------------
cdef void list_move_within(Call* c, const Key* key, const Element* item, bint from_head, bint to_head) noexcept nogil:
    """Move an element from one end of a list to one of its ends."""
    cdef Entry e
    cdef ListForm form
    c.api.lookup(c.store, c.db, key, &e, LOOKUP_WRITE)
    list_form_load(c.store, &e, &form)
    list_form_drop(&form, from_head, 1)
    list_form_push(&form, item, to_head)
    list_form_save(&form, c.db, key, &e)
    c.store.dirty += 1
    note_change(c, c.db, key, EVENT_LIST, list_push_event(to_head))
    note_event(c, c.db, key, EVENT_LIST, b"lpop" if from_head else b"rpop")


cdef void list_move_across(Call* c, const Key* to, const Element* item, bint from_head, bint to_head) noexcept nogil:
    """Push item onto `to` and take it off c.key."""
    cdef Entry e
    cdef ListForm form
    c.api.lookup(c.store, c.db, to, &e, LOOKUP_WRITE)
    list_form_load(c.store, &e, &form)
    list_form_push(&form, item, to_head)
    list_form_save(&form, c.db, to, &e)
    note_change(c, c.db, to, EVENT_LIST, list_push_event(to_head))
    c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_WRITE)
    list_take(c, &c.key, &e, from_head, 1)


cdef bint list_move(Call* c, bint from_head, bint to_head) noexcept nogil:
    """Move an element of c.key, which is a list, to argv[2], and reply with it; 0: WRONGTYPE is replied."""
    cdef Key to
    cdef Entry e
    cdef ListCursor cur
    cdef ListSame copied
    cdef Element item
    c.api.key(c.store, c.argv[2], &to)
    if c.api.lookup(c.store, c.db, &to, &e, LOOKUP_WRITE) and not require_type(c, &e, TYPE_LIST):
        return False
    c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_WRITE)
    list_cursor_open(c.store, &e, 0 if from_head else list_count(&e) - 1, False, &cur)
    list_cursor_read(&cur, &item)
    list_same_begin(c.store, &copied, &item)
    list_cursor_close(&cur)
    element_read(copied.bytes, &item)
    reply_element(c, &item)
    if same_name(&c.key, &to):
        list_move_within(c, &to, &item, from_head, to_head)
    else:
        list_move_across(c, &to, &item, from_head, to_head)
    list_same_end(c.store, &copied)
    return True


cdef inline bint arg_list_sides(Call* c, bint* from_head, bint* to_head) noexcept nogil:
    return arg_list_side(c, 3, from_head) and arg_list_side(c, 4, to_head)


cdef void cmd_lmove(Call* c) noexcept nogil:
    cdef Entry e
    cdef bint from_head, to_head
    if not arg_list_sides(c, &from_head, &to_head):
        return
    if list_found(c, &e, LOOKUP_WRITE):
        list_move(c, from_head, to_head)
    elif e.rec is NULL:
        reply_null(c)


cdef void cmd_rpoplpush(Call* c) noexcept nogil:
    cdef Entry e
    if list_found(c, &e, LOOKUP_WRITE):
        list_move(c, False, True)
    elif e.rec is NULL:
        reply_null(c)


cdef CommandSpec[9] LIST_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"lpush", -3, CMD_WRITE | CMD_DENYOOM | CMD_FAST, 1, 1, 1, cmd_lpush, NULL, NULL],
    [b"rpush", -3, CMD_WRITE | CMD_DENYOOM | CMD_FAST, 1, 1, 1, cmd_rpush, NULL, NULL],
    [b"lpushx", -3, CMD_WRITE | CMD_DENYOOM | CMD_FAST, 1, 1, 1, cmd_lpushx, NULL, NULL],
    [b"rpushx", -3, CMD_WRITE | CMD_DENYOOM | CMD_FAST, 1, 1, 1, cmd_rpushx, NULL, NULL],
    [b"lpop", -2, CMD_WRITE | CMD_FAST, 1, 1, 1, cmd_lpop, NULL, NULL],
    [b"rpop", -2, CMD_WRITE | CMD_FAST, 1, 1, 1, cmd_rpop, NULL, NULL],
    [b"lmpop", -4, CMD_WRITE | CMD_MOVABLE_KEYS, 0, 0, 0, cmd_lmpop, NULL, NULL],
    [b"lmove", 5, CMD_WRITE | CMD_DENYOOM, 1, 2, 1, cmd_lmove, NULL, NULL],
    [b"rpoplpush", 3, CMD_WRITE | CMD_DENYOOM, 1, 2, 1, cmd_rpoplpush, NULL, NULL],
]
