"""SORT and SORT_RO: the elements of a list, set or sorted set in order, or what keys named after them hold.

The elements are first copied, as texts one behind the other, since looking up keys by pattern may drop expired ones
and so move records; then weighed (BY), ordered, and shown or stored (GET, LIMIT, STORE).  Texts are compared byte by
byte; elements of equal weight by their own text; elements that are still equal keep their order.
"""
cdef extern from *:
    """
    #include <errno.h>
    #include <math.h>
    #include <stdlib.h>
    /* The whole of z as strtod reads it: 0 if it is no number, NaN, or too large or too small for a double. */
    static int ws_read_weight(const char *z, double *out) {
        char *after;
        errno = 0;
        *out = strtod(z, &after);
        return *after == 0 && errno != ERANGE && !isnan(*out);
    }
    """
    bint ws_read_weight(const char* z, double* out) noexcept nogil

cdef extern from "<stdlib.h>" nogil:
    void qsort_r(void* base, size_t n, size_t size, int (*compare)(const void*, const void*, void*) noexcept nogil,
                 void* arg)

cdef enum:
    SORT_ITEMS_MIN = 16

cdef struct SortPattern:    # "prefix*suffix" or "prefix*suffix->field"
    bint itself             # "#": the element
    bint constant           # no "*": finds nothing
    bint of_hash
    Str prefix
    Str suffix
    Str field

cdef struct SortItem:       # places are offsets in SortPlan.texts
    size_t at
    size_t len
    size_t weight_at        # ALPHA: what the BY pattern found
    size_t weight_len
    bint weighed            # the BY pattern found something
    double score
    size_t place            # among the elements as they came

cdef struct SortPlan:
    Call* c
    bint readonly
    bint descending
    bint alpha
    bint unsorted           # BY without "*"
    bint has_by
    bint bad_score
    int store_arg           # argument index, 0: no STORE
    int get_count
    int64_t limit_start
    int64_t limit_count     # negative: no limit
    SortPattern by
    SortPattern* gets
    Reply texts
    Reply name              # of a key, being put together
    SortItem* items
    size_t count
    size_t cap
    size_t skip             # elements yet to pass over
    size_t most             # elements to take
    int64_t first           # of the items, those to show
    int64_t last


# -- options -------------------------------------------------------------------------------------------

cdef void sort_parse_pattern(Str text, SortPattern* out) noexcept nogil:
    """Patterns end at a NUL byte; an arrow with nothing behind it names no field."""
    cdef size_t n = len_up_to_nul(text)
    cdef size_t star = 0
    cdef size_t arrow
    memset(out, 0, sizeof(out[0]))
    out.itself = n == 1 and text.ptr[0] == c'#'
    while star < n and text.ptr[star] != c'*':
        star += 1
    out.constant = star == n
    if out.constant:
        return
    out.prefix.ptr = text.ptr
    out.prefix.len = star
    out.suffix.ptr = text.ptr + star + 1
    arrow = star + 1
    while arrow + 2 < n and not (text.ptr[arrow] == c'-' and text.ptr[arrow + 1] == c'>'):
        arrow += 1
    out.of_hash = arrow + 2 < n
    out.suffix.len = (arrow if out.of_hash else text.len) - star - 1
    if out.of_hash:
        out.field.ptr = text.ptr + arrow + 2
        out.field.len = text.len - arrow - 2


cdef void sort_option_by(SortPlan* plan, Str pattern) noexcept nogil:
    sort_parse_pattern(pattern, &plan.by)
    plan.has_by = True
    if plan.by.constant:
        plan.unsorted = True


cdef int sort_option(SortPlan* plan, int i) noexcept nogil:
    """The option at argv[i]: how many arguments it has, or -1 once an error is replied."""
    cdef Call* c = plan.c
    cdef int left = c.argc - i - 1
    if arg_is(c, i, b"asc") or arg_is(c, i, b"desc"):
        plan.descending = arg_is(c, i, b"desc")
        return 0
    if arg_is(c, i, b"alpha"):
        plan.alpha = True
        return 0
    if arg_is(c, i, b"limit") and left >= 2:
        return 2 if arg_i64(c, i + 1, &plan.limit_start) and arg_i64(c, i + 2, &plan.limit_count) else -1
    if arg_is(c, i, b"store") and left >= 1 and not plan.readonly:
        plan.store_arg = i + 1
        return 1
    if arg_is(c, i, b"by") and left >= 1:
        sort_option_by(plan, c.argv[i + 1])
        return 1
    if arg_is(c, i, b"get") and left >= 1:
        sort_parse_pattern(c.argv[i + 1], &plan.gets[plan.get_count])
        plan.get_count += 1
        return 1
    reply_syntax_error(c)
    return -1


cdef bint sort_options(SortPlan* plan) noexcept nogil:
    """The options argv[2:]; replies with the error itself and returns 0."""
    cdef int i = 2
    cdef int taken
    plan.limit_count = -1
    while i < plan.c.argc:
        taken = sort_option(plan, i)
        if taken < 0:
            return False
        i += 1 + taken
    return True


# -- taking the elements -------------------------------------------------------------------------------

cdef size_t sort_keep(SortPlan* plan, Str s) noexcept nogil:
    """Copy s; returns its place."""
    cdef size_t at = plan.texts.len
    rdb_put_bytes(plan.c.store, &plan.texts, s.ptr, s.len)
    return at


cdef inline Str sort_text(const SortPlan* plan, size_t at, size_t len) noexcept nogil:
    cdef Str s
    s.ptr = plan.texts.data + at
    s.len = len
    return s


cdef bint sort_take(void* arg, const Element* item, const Element* value, double score) noexcept nogil:
    """Take one element; 0 when those wanted are complete."""
    cdef SortPlan* plan = <SortPlan*>arg
    cdef SortItem* taken
    cdef char scratch[ELEMENT_TEXT_ROOM]
    cdef Str text
    if plan.count >= plan.most:
        return False
    if plan.skip > 0:
        plan.skip -= 1
        return True
    if plan.count == plan.cap:
        plan.cap = max(<size_t>SORT_ITEMS_MIN, 2 * plan.cap)
        plan.items = <SortItem*>plan.c.api.realloc(plan.items, plan.cap * sizeof(SortItem))
    text = element_text(item, scratch)
    taken = &plan.items[plan.count]
    memset(taken, 0, sizeof(taken[0]))
    taken.at = sort_keep(plan, text)
    taken.len = text.len
    taken.place = plan.count
    plan.count += 1
    return True


cdef void sort_reverse(SortPlan* plan) noexcept nogil:
    cdef size_t i
    cdef SortItem held
    for i in range(plan.count // 2):
        held = plan.items[i]
        plan.items[i] = plan.items[plan.count - 1 - i]
        plan.items[plan.count - 1 - i] = held


cdef void sort_range(SortPlan* plan, int64_t length) noexcept nogil:
    """The part of `length` elements that LIMIT leaves: first .. last."""
    cdef int64_t count = min(max(plan.limit_count, <int64_t>-1), length)
    plan.first = min(max(plan.limit_start, <int64_t>0), length)
    plan.last = length - 1 if count < 0 else min(plan.first + count, length) - 1


cdef void sort_each(SortPlan* plan, const Entry* e) noexcept nogil:
    if e.type == TYPE_LIST:
        list_each(plan.c.store, e, sort_take, plan)
    elif e.type == TYPE_SET:
        set_each(plan.c.store, e, sort_take, plan)
    else:
        zset_each(plan.c.store, e, sort_take, plan)


cdef void sort_load(SortPlan* plan, const Entry* e) noexcept nogil:
    """Take the elements: all, or those wanted if their order is that of the list or sorted set already."""
    cdef int64_t length = <int64_t>plan.c.store.types[e.type].length(plan.c.store, e)
    cdef bint ordered = plan.unsorted and e.type != TYPE_SET
    sort_range(plan, length)
    plan.most = length
    if ordered:
        plan.most = plan.last - plan.first + 1
        plan.skip = length - 1 - plan.last if plan.descending else plan.first
        plan.first = 0
        plan.last = <int64_t>plan.most - 1
    sort_each(plan, e)
    if ordered and plan.descending:
        sort_reverse(plan)


# -- looking up by pattern -----------------------------------------------------------------------------

cdef void sort_key(SortPlan* plan, const SortPattern* pattern, Str element, Key* key) noexcept nogil:
    """The key that a pattern means for an element; its name is good until the next one."""
    cdef Store* store = plan.c.store
    cdef Str name
    plan.name.len = 0
    rdb_put_bytes(store, &plan.name, pattern.prefix.ptr, pattern.prefix.len)
    rdb_put_bytes(store, &plan.name, element.ptr, element.len)
    rdb_put_bytes(store, &plan.name, pattern.suffix.ptr, pattern.suffix.len)
    name.ptr = plan.name.data
    name.len = plan.name.len
    plan.c.api.key(store, name, key)


cdef bint sort_find_field(const Entry* e, const SortPattern* pattern, Str* out, char* scratch) noexcept nogil:
    cdef Element field, value
    if e.type != TYPE_HASH:
        return False
    element_of(pattern.field, &field)
    if not hash_get(e, &field, &value):
        return False
    out[0] = element_text(&value, scratch)
    return True


cdef bint sort_find(SortPlan* plan, const SortPattern* pattern, Str element, Str* out, char* scratch) noexcept nogil:
    """What a pattern finds for an element, good until the next look-up; 0: nothing."""
    cdef Entry e
    cdef Key key
    if pattern.itself:
        out[0] = element
        return True
    if pattern.constant:
        return False
    sort_key(plan, pattern, element, &key)
    if not plan.c.api.lookup(plan.c.store, plan.c.db, &key, &e, LOOKUP_READ):
        return False
    if pattern.of_hash:
        return sort_find_field(&e, pattern, out, scratch)
    if e.type != TYPE_STRING:
        return False
    out[0] = view_string(&e, scratch)
    return True


# -- order ---------------------------------------------------------------------------------------------

cdef bint sort_score(SortPlan* plan, Str s, double* out) noexcept nogil:
    """s as C reads a number, up to a NUL byte; an empty text is 0."""
    cdef char end = 0
    plan.name.len = 0
    rdb_put_bytes(plan.c.store, &plan.name, s.ptr, s.len)
    rdb_put_bytes(plan.c.store, &plan.name, &end, 1)
    return ws_read_weight(plan.name.data, out)


cdef void sort_weigh_item(SortPlan* plan, SortItem* item) noexcept nogil:
    cdef char scratch[ELEMENT_TEXT_ROOM]
    cdef Str weight = sort_text(plan, item.at, item.len)
    if plan.has_by and not sort_find(plan, &plan.by, weight, &weight, scratch):
        return
    item.weighed = True
    if not plan.alpha:
        plan.bad_score |= not sort_score(plan, weight, &item.score)
    elif plan.has_by:
        item.weight_at = sort_keep(plan, weight)
        item.weight_len = weight.len


cdef int sort_compare_weights(const SortPlan* plan, const SortItem* a, const SortItem* b) noexcept nogil:
    if not plan.alpha:
        if a.score != b.score:
            return 1 if a.score > b.score else -1
    elif plan.has_by:
        if a.weighed and b.weighed:
            return str_compare(
                sort_text(plan, a.weight_at, a.weight_len), sort_text(plan, b.weight_at, b.weight_len))
        return <int>a.weighed - <int>b.weighed
    return str_compare(sort_text(plan, a.at, a.len), sort_text(plan, b.at, b.len))


cdef int sort_compare(const void* a, const void* b, void* arg) noexcept nogil:
    cdef const SortPlan* plan = <const SortPlan*>arg
    cdef const SortItem* one = <const SortItem*>a
    cdef const SortItem* other = <const SortItem*>b
    cdef int order = sort_compare_weights(plan, one, other)
    if order != 0:
        return -order if plan.descending else order
    return -1 if one.place < other.place else 1


cdef void sort_order(SortPlan* plan) noexcept nogil:
    cdef size_t i
    for i in range(plan.count):
        sort_weigh_item(plan, &plan.items[i])
    if plan.count > 1 and not plan.bad_score:
        qsort_r(plan.items, plan.count, sizeof(SortItem), sort_compare, plan)


# -- the result ----------------------------------------------------------------------------------------

cdef int64_t sort_result_count(const SortPlan* plan) noexcept nogil:
    return (plan.last - plan.first + 1) * max(plan.get_count, 1)


cdef void sort_reply(SortPlan* plan) noexcept nogil:
    cdef char scratch[ELEMENT_TEXT_ROOM]
    cdef int64_t i
    cdef int get
    cdef Str element, found
    reply_array(plan.c, sort_result_count(plan))
    for i in range(plan.first, plan.last + 1):
        element = sort_text(plan, plan.items[i].at, plan.items[i].len)
        if plan.get_count == 0:
            reply_bulk_str(plan.c, element)
        for get in range(plan.get_count):
            if sort_find(plan, &plan.gets[get], element, &found, scratch):
                reply_bulk_str(plan.c, found)
            else:
                reply_null(plan.c)


cdef void sort_add(ListBuilder* list, Str s) noexcept nogil:
    cdef Element item
    element_of(s, &item)
    list_build_add(list, &item)


cdef void sort_build(SortPlan* plan, ListBuilder* list) noexcept nogil:
    """Add the result to a list; what a pattern does not find is an empty element."""
    cdef char scratch[ELEMENT_TEXT_ROOM]
    cdef int64_t i
    cdef int get
    cdef Str element, found
    for i in range(plan.first, plan.last + 1):
        element = sort_text(plan, plan.items[i].at, plan.items[i].len)
        if plan.get_count == 0:
            sort_add(list, element)
        for get in range(plan.get_count):
            if not sort_find(plan, &plan.gets[get], element, &found, scratch):
                found.ptr = b""
                found.len = 0
            sort_add(list, found)


cdef void sort_store(SortPlan* plan) noexcept nogil:
    """The result as a list under the key that STORE names; an empty one removes that key."""
    cdef Call* c = plan.c
    cdef int64_t total = sort_result_count(plan)
    cdef ListBuilder list
    cdef Entry e
    cdef Key to
    c.api.key(c.store, c.argv[plan.store_arg], &to)
    if total > 0:
        list_build_begin(c.store, &list)
        sort_build(plan, &list)
        list_build_finish(&list, c.db, &to, NO_EXPIRE)
        c.store.dirty += total
        note_change(c, c.db, &to, EVENT_LIST, b"sortstore")
    elif c.api.lookup(c.store, c.db, &to, &e, LOOKUP_WRITE):
        c.api.remove(c.store, c.db, &to, &e)
        c.store.dirty += 1
        note_change(c, c.db, &to, EVENT_GENERIC, b"del")
    reply_int(c, total)


# -- the commands --------------------------------------------------------------------------------------

cdef void sort_elements(SortPlan* plan, const Entry* e) noexcept nogil:
    """Take, order and answer; e.rec NULL: no key, no elements."""
    if e.rec is not NULL and e.type == TYPE_SET and plan.unsorted and plan.store_arg:
        plan.unsorted = False           # so that equal sets are stored as equal lists
        plan.alpha = True
        plan.has_by = False
    if e.rec is not NULL:
        sort_load(plan, e)
    else:
        plan.last = -1
    if not plan.unsorted:
        sort_order(plan)
    if plan.bad_score:
        reply_error(plan.c, b"ERR One or more scores can't be converted into double")
    elif plan.store_arg:
        sort_store(plan)
    else:
        sort_reply(plan)


cdef void sort_run(SortPlan* plan) noexcept nogil:
    cdef Call* c = plan.c
    cdef Entry e
    if not sort_options(plan):
        return
    if c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_READ):
        if e.type != TYPE_LIST and e.type != TYPE_SET and e.type != TYPE_ZSET:
            reply_wrong_type(c)
            return
    sort_elements(plan, &e)


cdef void sort_command(Call* c, bint readonly) noexcept nogil:
    cdef SortPlan plan
    memset(&plan, 0, sizeof(plan))
    plan.c = c
    plan.readonly = readonly
    plan.gets = <SortPattern*>c.api.alloc(<size_t>c.argc * sizeof(SortPattern))
    c.api.reply_grow(&plan.texts, 1)
    c.api.reply_grow(&plan.name, 1)
    sort_run(&plan)
    c.api.free(plan.gets)
    c.api.free(plan.items)
    c.api.free(plan.texts.data)
    c.api.free(plan.name.data)


cdef void cmd_sort(Call* c) noexcept nogil:
    sort_command(c, False)


cdef void cmd_sort_ro(Call* c) noexcept nogil:
    sort_command(c, True)


cdef CommandSpec[2] SORT_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"sort", -2, CMD_WRITE | CMD_DENYOOM | CMD_MOVABLE_KEYS, 1, 1, 1, cmd_sort, NULL, NULL],
    [b"sort_ro", -2, CMD_READONLY | CMD_MOVABLE_KEYS, 1, 1, 1, cmd_sort_ro, NULL, NULL],
]
