"""Commands on whole lists: reading ranges, finding elements, editing anywhere."""

# -- reading -------------------------------------------------------------------------------------------
cdef void cmd_llen(Call* c) noexcept nogil:
    cdef Entry e
    if list_found(c, &e, LOOKUP_READ):
        reply_int(c, <int64_t>list_count(&e))
    elif e.rec is NULL:
        reply_int(c, 0)


cdef inline bint list_clip(int64_t start, int64_t end, uint64_t count, uint64_t* first, uint64_t* n) noexcept nogil:
    """The part of a list that start .. end means, negative ones counted from its end; 0: nothing."""
    cdef int64_t length = <int64_t>count
    if start < 0:
        start += length
    if end < 0:
        end += length
    start = max(start, <int64_t>0)
    end = min(end, length - 1)
    if start > end:
        return False
    first[0] = <uint64_t>start
    n[0] = <uint64_t>(end - start + 1)
    return True


cdef void cmd_lrange(Call* c) noexcept nogil:
    cdef Entry e
    cdef int64_t start, end
    cdef uint64_t first, n
    if not arg_i64(c, 2, &start) or not arg_i64(c, 3, &end):
        return
    if not list_found(c, &e, LOOKUP_READ):
        if e.rec is NULL:
            reply_array(c, 0)
    elif list_clip(start, end, list_count(&e), &first, &n):
        reply_array(c, <int64_t>n)
        list_reply_range(c, &e, first, n)
    else:
        reply_array(c, 0)


cdef inline bint list_index_of(int64_t index, uint64_t count, uint64_t* out) noexcept nogil:
    """The element that an index means, negative ones counted from the end; 0: none."""
    if index < 0:
        index += <int64_t>count
    out[0] = <uint64_t>index
    return 0 <= index < <int64_t>count


cdef void cmd_lindex(Call* c) noexcept nogil:
    cdef Entry e
    cdef int64_t index
    cdef uint64_t at
    if not list_found(c, &e, LOOKUP_READ):
        if e.rec is NULL:
            reply_null(c)
        return
    if not arg_i64(c, 2, &index):
        return
    if list_index_of(index, list_count(&e), &at):
        list_reply_range(c, &e, at, 1)
    else:
        reply_null(c)


cdef struct ListPosOptions:
    int64_t rank
    int64_t count                   # -1: not given
    int64_t most                    # elements to look at; 0: all


cdef bint list_pos_options(Call* c, ListPosOptions* out) noexcept nogil:
    """The options argv[3:]; replies with the error itself and returns 0."""
    cdef int i = 3
    out.rank = 1
    out.count = -1
    out.most = 0
    while i < c.argc:
        if i + 1 == c.argc:
            reply_syntax_error(c)
            return False
        if arg_is(c, i, b"rank"):
            if not arg_i64(c, i + 1, &out.rank):
                return False
            if out.rank == 0:
                reply_error(c, (
                    b"ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... "
                    b"or use negative to start from the end of the list"))
                return False
        elif arg_is(c, i, b"count"):
            if not arg_list_number(c, i + 1, 0, b"ERR COUNT can't be negative", &out.count):
                return False
        elif arg_is(c, i, b"maxlen"):
            if not arg_list_number(c, i + 1, 0, b"ERR MAXLEN can't be negative", &out.most):
                return False
        else:
            reply_syntax_error(c)
            return False
        i += 2
    return True


cdef int64_t list_reply_positions(Call* c, const Entry* e, const ListSame* same,
                                  const ListPosOptions* options) noexcept nogil:
    """Reply with an integer for each match asked for; returns how many."""
    cdef bint backward = options.rank < 0
    cdef int64_t rank = -options.rank if backward else options.rank     # the least integer stays negative: the first
    cdef int64_t wanted = 1 if options.count == -1 else options.count
    cdef int64_t length = <int64_t>list_count(e)
    cdef int64_t found = 0
    cdef int64_t seen = 0
    cdef ListCursor cur
    cdef const uint8_t* p
    list_cursor_open(c.store, e, length - 1 if backward else 0, backward, &cur)
    while (options.most == 0 or seen < options.most) and list_cursor_next(&cur, &p):
        if list_cursor_is(&cur, p, same):
            if rank > 1:
                rank -= 1
            else:
                reply_int(c, length - 1 - seen if backward else seen)
                found += 1
                if found == wanted:
                    break
        seen += 1
    list_cursor_close(&cur)
    return found


cdef void cmd_lpos(Call* c) noexcept nogil:
    cdef ListPosOptions options
    cdef ListSame same
    cdef Element item
    cdef Entry e
    cdef size_t start = c.out.len
    cdef int64_t found = 0
    if not list_pos_options(c, &options):
        return
    if list_found(c, &e, LOOKUP_READ):
        element_of(c.argv[2], &item)
        list_same_begin(c.store, &same, &item)
        found = list_reply_positions(c, &e, &same, &options)
        list_same_end(c.store, &same)
    elif e.rec is not NULL:
        return
    if options.count != -1:
        insert_header(c, start, b"*", found)
    elif found == 0:
        reply_null(c)


# -- editing -------------------------------------------------------------------------------------------
cdef void cmd_lset(Call* c) noexcept nogil:
    cdef Entry e
    cdef ListForm form
    cdef Element item
    cdef int64_t index
    cdef uint64_t at
    if not list_found(c, &e, LOOKUP_WRITE):
        if e.rec is NULL:
            reply_error(c, b"ERR no such key")
        return
    if not arg_i64(c, 2, &index) or not arg_list_element(c, 3, &item):
        return
    if not list_index_of(index, list_count(&e), &at):
        reply_error(c, b"ERR index out of range")
        return
    list_form_load(c.store, &e, &form)
    list_form_set(&form, at, &item)
    list_form_save(&form, c.db, &c.key, &e)
    c.store.dirty += 1
    note_change(c, c.db, &c.key, EVENT_LIST, b"lset")
    reply_ok(c)


cdef int64_t list_find(Store* store, const Entry* e, const Element* item) noexcept nogil:
    """Index of the first element that is the same as item, or -1."""
    cdef ListCursor cur
    cdef ListSame same
    cdef const uint8_t* p
    cdef int64_t index = 0
    cdef bint hit = False
    list_same_begin(store, &same, item)
    list_cursor_open(store, e, 0, False, &cur)
    while list_cursor_next(&cur, &p):
        hit = list_cursor_is(&cur, p, &same)
        if hit:
            break
        index += 1
    list_cursor_close(&cur)
    list_same_end(store, &same)
    return index if hit else -1


cdef void cmd_linsert(Call* c) noexcept nogil:
    cdef Entry e
    cdef ListForm form
    cdef Element pivot, item
    cdef int64_t at
    cdef bint before = arg_is(c, 2, b"before")
    if not before and not arg_is(c, 2, b"after"):
        reply_syntax_error(c)
        return
    if not list_found(c, &e, LOOKUP_WRITE):
        if e.rec is NULL:
            reply_int(c, 0)
        return
    if not arg_list_element(c, 4, &item):
        return
    element_of(c.argv[3], &pivot)
    at = list_find(c.store, &e, &pivot)
    if at < 0:
        reply_int(c, -1)
        return
    list_form_load(c.store, &e, &form)
    list_form_insert(&form, <uint64_t>(at + (not before)), &item)
    list_form_save(&form, c.db, &c.key, &e)
    c.store.dirty += 1
    note_change(c, c.db, &c.key, EVENT_LIST, b"linsert")
    reply_int(c, <int64_t>list_form_count(&form))


cdef inline uint64_t list_how_many(int64_t wanted) noexcept nogil:
    """What the count of LREM means, its sign aside."""
    if wanted == 0:
        return ~<uint64_t>0
    return <uint64_t>(-wanted if wanted < 0 else wanted)


cdef void cmd_lrem(Call* c) noexcept nogil:
    cdef Entry e
    cdef ListForm form
    cdef Element item
    cdef int64_t wanted
    cdef uint64_t gone
    if not arg_i64(c, 2, &wanted):
        return
    if not list_found(c, &e, LOOKUP_WRITE):
        if e.rec is NULL:
            reply_int(c, 0)
        return
    element_of(c.argv[3], &item)
    list_form_load(c.store, &e, &form)
    gone = list_form_remove(&form, &item, wanted < 0, list_how_many(wanted))
    if gone > 0:
        list_form_save(&form, c.db, &c.key, &e)
        c.store.dirty += <int64_t>gone
        list_note_taken(c, &c.key, &form, b"lrem")
    reply_int(c, <int64_t>gone)


cdef void cmd_ltrim(Call* c) noexcept nogil:
    cdef Entry e
    cdef ListForm form
    cdef int64_t start, end
    cdef uint64_t count
    cdef uint64_t first = 0
    cdef uint64_t n = 0
    if not arg_i64(c, 2, &start) or not arg_i64(c, 3, &end):
        return
    if not list_found(c, &e, LOOKUP_WRITE):
        if e.rec is NULL:
            reply_ok(c)
        return
    count = list_count(&e)
    if not list_clip(start, end, count, &first, &n):
        first = count
    list_form_load(c.store, &e, &form)
    list_form_drop(&form, False, count - first - n)
    list_form_drop(&form, True, first)
    list_form_save(&form, c.db, &c.key, &e)
    c.store.dirty += <int64_t>(count - n)
    list_note_taken(c, &c.key, &form, b"ltrim")
    reply_ok(c)


cdef CommandSpec[8] LIST_INSIDE_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"llen", 2, CMD_READONLY | CMD_FAST, 1, 1, 1, cmd_llen, NULL, NULL],
    [b"lrange", 4, CMD_READONLY, 1, 1, 1, cmd_lrange, NULL, NULL],
    [b"lindex", 3, CMD_READONLY, 1, 1, 1, cmd_lindex, NULL, NULL],
    [b"lpos", -3, CMD_READONLY, 1, 1, 1, cmd_lpos, NULL, NULL],
    [b"lset", 4, CMD_WRITE | CMD_DENYOOM, 1, 1, 1, cmd_lset, NULL, NULL],
    [b"linsert", 5, CMD_WRITE | CMD_DENYOOM, 1, 1, 1, cmd_linsert, NULL, NULL],
    [b"lrem", 4, CMD_WRITE, 1, 1, 1, cmd_lrem, NULL, NULL],
    [b"ltrim", 4, CMD_WRITE, 1, 1, 1, cmd_ltrim, NULL, NULL],
]
