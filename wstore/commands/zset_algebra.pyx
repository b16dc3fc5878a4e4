"""ZUNION, ZINTER, ZDIFF, their STORE forms and ZINTERCARD, over sorted sets and sets; a set's members score 1.

The result is collected as an array of members with scores, which is then sorted and replied or stored:

    union   every member of every source; a hash index over the array finds those met before
    inter   the members of the smallest source that all others have
    diff    the members of the first source that no other has

Scores meet in the order of the sources' sizes, as in Redis: the order of float additions shows in the sum.

Invariants
* All keys are looked up, and what has expired dropped, before the sources are taken; from then on until the result
  is replied or given to a builder nothing in the keyspace changes, so that members may point into the sources.
"""
from libc.stdlib cimport qsort

cdef enum AlgebraOp:
    ALGEBRA_UNION
    ALGEBRA_INTER
    ALGEBRA_DIFF

cdef enum AlgebraAggregate:
    ALGEBRA_SUM
    ALGEBRA_MIN
    ALGEBRA_MAX

cdef struct AlgebraSource:
    Entry e                 # rec NULL: no such key
    size_t count
    double weight
    int place               # among the keys of the command

cdef struct AlgebraItem:
    Element member
    double score

cdef struct Algebra:
    Call* call
    AlgebraOp op
    AlgebraAggregate aggregate
    bint stores             # to argv[1]
    bint counts             # ZINTERCARD: no more than the size of the result is asked for
    bint with_scores
    size_t limit            # ZINTERCARD: stop there; 0: no limit
    int first               # index in argv of the first key
    AlgebraSource* sources
    int source_count
    AlgebraSource* source   # that is being visited
    AlgebraItem* items      # the result; NULL if counts
    size_t count
    uint32_t* index         # open addressing: number of an item + 1, or 0
    size_t index_mask


# -- arguments -----------------------------------------------------------------------------------------
cdef bint algebra_key_count(Algebra* a) noexcept nogil:
    """The number of keys in front of them."""
    cdef Call* c = a.call
    cdef char line[128]
    cdef int64_t n
    if not arg_i64(c, a.first - 1, &n):
        return False
    if n < 1:
        snprintf(line, sizeof(line), b"ERR at least 1 input key is needed for '%s' command", c.spec.name)
        reply_error(c, line)
        return False
    if n > c.argc - a.first:
        reply_syntax_error(c)
        return False
    a.source_count = <int>n
    return True


cdef bint algebra_weights(Algebra* a, int at) noexcept nogil:
    cdef int i
    for i in range(a.source_count):
        if not ws_str_to_double(a.call.argv[at + i].ptr, a.call.argv[at + i].len, &a.sources[i].weight):
            reply_error(a.call, b"ERR weight value is not a float")
            return False
    return True


cdef bint algebra_aggregate(Algebra* a, int at) noexcept nogil:
    if arg_is(a.call, at, b"sum"):
        a.aggregate = ALGEBRA_SUM
    elif arg_is(a.call, at, b"min"):
        a.aggregate = ALGEBRA_MIN
    elif arg_is(a.call, at, b"max"):
        a.aggregate = ALGEBRA_MAX
    else:
        reply_syntax_error(a.call)
        return False
    return True


cdef bint algebra_limit(Algebra* a, int at) noexcept nogil:
    cdef int64_t n
    if not ws_str_to_i64(a.call.argv[at].ptr, a.call.argv[at].len, &n) or n < 0:
        reply_error(a.call, b"ERR LIMIT can't be negative")
        return False
    a.limit = <size_t>n
    return True


cdef bint algebra_option(Algebra* a, int* at) noexcept nogil:
    """Read the option at argv[*at], which is moved behind it."""
    cdef Call* c = a.call
    cdef int left = c.argc - at[0]
    cdef int i = at[0] + 1
    cdef bint has_scores = a.op != ALGEBRA_DIFF and not a.counts
    at[0] += 2
    if has_scores and left > a.source_count and arg_is(c, i - 1, b"weights"):
        at[0] += a.source_count - 1
        return algebra_weights(a, i)
    if has_scores and left > 1 and arg_is(c, i - 1, b"aggregate"):
        return algebra_aggregate(a, i)
    if a.counts and left > 1 and arg_is(c, i - 1, b"limit"):
        return algebra_limit(a, i)
    if not a.stores and not a.counts and arg_is(c, i - 1, b"withscores"):
        at[0] -= 1
        a.with_scores = True
        return True
    reply_syntax_error(c)
    return False


cdef bint algebra_options(Algebra* a) noexcept nogil:
    cdef int at = a.first + a.source_count
    while at < a.call.argc:
        if not algebra_option(a, &at):
            return False
    return True


# -- sources -------------------------------------------------------------------------------------------
cdef inline bint algebra_lookup(Algebra* a, int i, int flags) noexcept nogil:
    cdef Key key
    a.call.api.key(a.call.store, a.call.argv[a.first + i], &key)
    return a.call.api.lookup(a.call.store, a.call.db, &key, &a.sources[i].e, flags)


cdef bint algebra_check_types(Algebra* a) noexcept nogil:
    cdef int i
    for i in range(a.source_count):
        a.sources[i].weight = 1
        a.sources[i].place = i
        if algebra_lookup(a, i, LOOKUP_READ) and a.sources[i].e.type != TYPE_ZSET \
                and a.sources[i].e.type != TYPE_SET:
            reply_wrong_type(a.call)
            return False
    return True


cdef int algebra_by_count(const void* x, const void* y) noexcept nogil:
    """Smaller sources first; those of one size stay in the order of the command."""
    cdef const AlgebraSource* a = <const AlgebraSource*>x
    cdef const AlgebraSource* b = <const AlgebraSource*>y
    if a.count != b.count:
        return 1 if a.count > b.count else -1
    return a.place - b.place


cdef void algebra_take_sources(Algebra* a) noexcept nogil:
    """Look the keys up once more: the first look-ups may have moved records."""
    cdef AlgebraSource* s
    cdef int i
    for i in range(a.source_count):
        s = &a.sources[i]
        s.count = 0
        if algebra_lookup(a, i, LOOKUP_NOTOUCH):
            s.count = set_count(&s.e) if s.e.type == TYPE_SET else zset_count(&s.e)
    if a.op != ALGEBRA_DIFF:
        qsort(a.sources, a.source_count, sizeof(AlgebraSource), algebra_by_count)


cdef inline void algebra_visit(Algebra* a, AlgebraSource* s, EachFn visit) noexcept nogil:
    a.source = s
    if s.count == 0:
        return
    if s.e.type == TYPE_SET:
        set_each(a.call.store, &s.e, visit, a)
    else:
        zset_each(a.call.store, &s.e, visit, a)


cdef inline bint algebra_find(Algebra* a, const AlgebraSource* s, const Element* member, double* score) noexcept nogil:
    if s.count == 0:
        return False
    if s.e.type == TYPE_ZSET:
        return zset_score(a.call.store, &s.e, member, score)
    score[0] = 1
    return set_has(&s.e, member)


# -- the result ----------------------------------------------------------------------------------------
cdef inline double algebra_weighted(Algebra* a, double score) noexcept nogil:
    """The score of a member of the source being visited; infinity times zero is 0."""
    score = a.source.weight * (1 if a.source.e.type == TYPE_SET else score)
    return 0 if isnan(score) else score


cdef inline double algebra_merge(const Algebra* a, double score, double more) noexcept nogil:
    """Both scores of a member in one; infinity less infinity is 0."""
    if a.aggregate == ALGEBRA_MIN:
        return more if more < score else score
    if a.aggregate == ALGEBRA_MAX:
        return more if more > score else score
    score += more
    return 0 if isnan(score) else score


cdef inline void algebra_add(Algebra* a, const Element* member, double score) noexcept nogil:
    if a.items is not NULL:
        a.items[a.count].member = member[0]
        a.items[a.count].score = score
    a.count += 1


cdef inline size_t algebra_slot(const Algebra* a, const Element* member) noexcept nogil:
    """Where the index has this member, or would have it."""
    cdef size_t at = zmember_hash(a.call.store, member) & a.index_mask
    while a.index[at] != 0 and not element_same(&a.items[a.index[at] - 1].member, member):
        at = (at + 1) & a.index_mask
    return at


cdef bint algebra_union_visit(void* arg, const Element* member, const Element* value, double score) noexcept nogil:
    cdef Algebra* a = <Algebra*>arg
    cdef size_t at = algebra_slot(a, member)
    cdef AlgebraItem* item
    score = algebra_weighted(a, score)
    if a.index[at] == 0:
        algebra_add(a, member, score)
        a.index[at] = <uint32_t>a.count
        return True
    item = &a.items[a.index[at] - 1]
    item.score = algebra_merge(a, item.score, score)
    return True


cdef bint algebra_inter_visit(void* arg, const Element* member, const Element* value, double score) noexcept nogil:
    cdef Algebra* a = <Algebra*>arg
    cdef double more
    cdef int i
    score = algebra_weighted(a, score)
    for i in range(1, a.source_count):
        if not algebra_find(a, &a.sources[i], member, &more):
            return True
        score = algebra_merge(a, score, more * a.sources[i].weight)
    algebra_add(a, member, score)
    return a.limit == 0 or a.count < a.limit


cdef bint algebra_diff_visit(void* arg, const Element* member, const Element* value, double score) noexcept nogil:
    cdef Algebra* a = <Algebra*>arg
    cdef double more
    cdef int i
    for i in range(1, a.source_count):
        if algebra_find(a, &a.sources[i], member, &more):
            return True
    algebra_add(a, member, algebra_weighted(a, score))
    return True


cdef void algebra_unite(Algebra* a) noexcept nogil:
    cdef EngineApi* api = a.call.api
    cdef size_t most = 0
    cdef size_t slots = 2
    cdef int i
    for i in range(a.source_count):
        most += a.sources[i].count
    while slots < 2 * most:
        slots *= 2
    a.items = <AlgebraItem*>api.alloc(most * sizeof(AlgebraItem) + 1)
    a.index = <uint32_t*>api.alloc(slots * sizeof(uint32_t))
    a.index_mask = slots - 1
    memset(a.index, 0, slots * sizeof(uint32_t))
    for i in range(a.source_count):
        algebra_visit(a, &a.sources[i], algebra_union_visit)
    api.free(a.index)


cdef int algebra_by_score(const void* x, const void* y) noexcept nogil:
    """The order of sorted sets: by score, then by member."""
    cdef const AlgebraItem* a = <const AlgebraItem*>x
    cdef const AlgebraItem* b = <const AlgebraItem*>y
    if a.score != b.score:
        return 1 if a.score > b.score else -1
    return element_compare(&a.member, &b.member)


cdef void algebra_sort(Algebra* a) noexcept nogil:
    """Often the result is in order already."""
    cdef size_t i
    for i in range(1, a.count):
        if algebra_by_score(&a.items[i - 1], &a.items[i]) > 0:
            qsort(a.items, a.count, sizeof(AlgebraItem), algebra_by_score)
            return


cdef void algebra_collect(Algebra* a) noexcept nogil:
    if a.op == ALGEBRA_UNION:
        algebra_unite(a)
    else:
        if not a.counts:
            a.items = <AlgebraItem*>a.call.api.alloc(a.sources[0].count * sizeof(AlgebraItem) + 1)
        algebra_visit(a, &a.sources[0], algebra_inter_visit if a.op == ALGEBRA_INTER else algebra_diff_visit)
    if not a.counts:
        algebra_sort(a)


# -- what becomes of it --------------------------------------------------------------------------------
cdef void algebra_reply(Algebra* a) noexcept nogil:
    cdef Call* c = a.call
    cdef bint nested = a.with_scores and c.resp == 3
    cdef size_t i
    reply_array(c, <int64_t>(a.count * 2 if a.with_scores and not nested else a.count))
    for i in range(a.count):
        if nested:
            reply_array(c, 2)
        reply_element(c, &a.items[i].member)
        if a.with_scores:
            reply_double(c, a.items[i].score)


cdef void algebra_remove_target(Call* c) noexcept nogil:
    cdef Entry e
    if not c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_WRITE):
        return
    c.api.remove(c.store, c.db, &c.key, &e)
    c.store.dirty += 1
    note_change(c, c.db, &c.key, EVENT_GENERIC, b"del")


cdef void algebra_store(Algebra* a) noexcept nogil:
    cdef Call* c = a.call
    cdef ZSetBuilder builder
    cdef size_t i
    if a.count == 0:
        algebra_remove_target(c)
    else:
        zset_build_begin(c.store, &builder)
        for i in range(a.count):
            zset_build_add(&builder, &a.items[i].member, a.items[i].score)
        zset_build_finish(&builder, c.db, &c.key, NO_EXPIRE)
        c.store.dirty += 1
        note_change(c, c.db, &c.key, EVENT_ZSET, c.spec.name)
    reply_int(c, <int64_t>a.count)


cdef void algebra_answer(Algebra* a) noexcept nogil:
    algebra_take_sources(a)
    algebra_collect(a)
    if a.counts:
        reply_int(a.call, <int64_t>a.count)
    elif a.stores:
        algebra_store(a)
    else:
        algebra_reply(a)
    if a.items is not NULL:
        a.call.api.free(a.items)


# -- the commands --------------------------------------------------------------------------------------
cdef void algebra_run(Call* c, AlgebraOp op, bint stores, bint counts) noexcept nogil:
    cdef Algebra a
    memset(&a, 0, sizeof(a))
    a.call = c
    a.op = op
    a.stores = stores
    a.counts = counts
    a.first = 3 if stores else 2
    if not algebra_key_count(&a):
        return
    a.sources = <AlgebraSource*>c.api.alloc(a.source_count * sizeof(AlgebraSource))
    if algebra_check_types(&a) and algebra_options(&a):
        algebra_answer(&a)
    c.api.free(a.sources)


cdef void cmd_zunion(Call* c) noexcept nogil:
    algebra_run(c, ALGEBRA_UNION, False, False)


cdef void cmd_zinter(Call* c) noexcept nogil:
    algebra_run(c, ALGEBRA_INTER, False, False)


cdef void cmd_zdiff(Call* c) noexcept nogil:
    algebra_run(c, ALGEBRA_DIFF, False, False)


cdef void cmd_zunionstore(Call* c) noexcept nogil:
    algebra_run(c, ALGEBRA_UNION, True, False)


cdef void cmd_zinterstore(Call* c) noexcept nogil:
    algebra_run(c, ALGEBRA_INTER, True, False)


cdef void cmd_zdiffstore(Call* c) noexcept nogil:
    algebra_run(c, ALGEBRA_DIFF, True, False)


cdef void cmd_zintercard(Call* c) noexcept nogil:
    algebra_run(c, ALGEBRA_INTER, False, True)


cdef CommandSpec[7] ZSET_ALGEBRA_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"zunion", -3, CMD_READONLY | CMD_MOVABLE_KEYS, 0, 0, 0, cmd_zunion, NULL, NULL],
    [b"zinter", -3, CMD_READONLY | CMD_MOVABLE_KEYS, 0, 0, 0, cmd_zinter, NULL, NULL],
    [b"zdiff", -3, CMD_READONLY | CMD_MOVABLE_KEYS, 0, 0, 0, cmd_zdiff, NULL, NULL],
    [b"zunionstore", -4, CMD_WRITE | CMD_DENYOOM | CMD_MOVABLE_KEYS, 1, 1, 1, cmd_zunionstore, NULL, NULL],
    [b"zinterstore", -4, CMD_WRITE | CMD_DENYOOM | CMD_MOVABLE_KEYS, 1, 1, 1, cmd_zinterstore, NULL, NULL],
    [b"zdiffstore", -4, CMD_WRITE | CMD_DENYOOM | CMD_MOVABLE_KEYS, 1, 1, 1, cmd_zdiffstore, NULL, NULL],
    [b"zintercard", -3, CMD_READONLY | CMD_MOVABLE_KEYS, 0, 0, 0, cmd_zintercard, NULL, NULL],
]
