"""Intersections, unions and differences of sets: SINTER, SUNION, SDIFF, their STORE forms, SINTERCARD.

The keys are looked up twice. The first look drops what has expired, counts hits and checks types; the second, in
which nothing changes any more, gives entries that hold together.
"""
from libc.stdlib cimport qsort

cdef enum SetOperation:
    SET_INTER
    SET_UNION
    SET_DIFF

cdef struct SetSources:         # the sets named by argv[first:]
    Entry* sets                 # n of them; rec NULL: no such key
    size_t n
    size_t missing

cdef struct SetWalk:            # one walk over a set, looking at others
    Call* call
    const Entry* others
    size_t n
    SetBuilder* into            # NULL: members are replied, or counted only
    bint reply
    int64_t found
    int64_t limit               # 0: none


# -- sources -----------------------------------------------------------------------------------------------
cdef inline bint look_up_source(Call* c, int i, Entry* e, int flags) noexcept nogil:
    cdef Key key
    c.api.key(c.store, c.argv[i], &key)
    if c.api.lookup(c.store, c.db, &key, e, flags):
        return True
    e.rec = NULL
    return False


cdef bint open_sources(Call* c, int first, int n, SetSources* out) noexcept nogil:
    """Look argv[first : first + n] up; 0: another type, and the error is replied. Ends in close_sources."""
    cdef Entry e
    cdef int i
    out.n = n
    out.missing = 0
    for i in range(first, first + n):
        if look_up_source(c, i, &e, LOOKUP_READ):
            if not require_type(c, &e, TYPE_SET):
                return False
        else:
            out.missing += 1
    out.sets = <Entry*>c.api.alloc(n * sizeof(Entry))
    for i in range(n):
        look_up_source(c, first + i, &out.sets[i], LOOKUP_NOTOUCH)
    return True


cdef inline void close_sources(Call* c, SetSources* s) noexcept nogil:
    c.api.free(s.sets)


cdef inline uint64_t count_of_source(const Entry* e) noexcept nogil:
    return 0 if e.rec is NULL else set_count(e)


cdef int fewer_members(const void* a, const void* b) noexcept nogil:
    cdef uint64_t left = count_of_source(<const Entry*>a)
    cdef uint64_t right = count_of_source(<const Entry*>b)
    return (left > right) - (left < right)


cdef int more_members(const void* a, const void* b) noexcept nogil:
    return fewer_members(b, a)


# -- walks -------------------------------------------------------------------------------------------------
cdef inline void take(SetWalk* walk, const Element* member) noexcept nogil:
    walk.found += 1
    if walk.into is not NULL:
        set_build_add(walk.into, member)
    elif walk.reply:
        reply_element(walk.call, member)


cdef bint take_common(void* arg, const Element* member, const Element* value, double score) noexcept nogil:
    """Take a member that all the others have."""
    cdef SetWalk* walk = <SetWalk*>arg
    cdef size_t i
    for i in range(walk.n):
        if not set_has(&walk.others[i], member):
            return True
    take(walk, member)
    return walk.found != walk.limit or walk.limit == 0


cdef bint take_own(void* arg, const Element* member, const Element* value, double score) noexcept nogil:
    """Take a member that none of the others has."""
    cdef SetWalk* walk = <SetWalk*>arg
    cdef size_t i
    for i in range(walk.n):
        if walk.others[i].rec is not NULL and set_has(&walk.others[i], member):
            return True
    take(walk, member)
    return True


cdef bint build_in(void* builder, const Element* member, const Element* value, double score) noexcept nogil:
    set_build_add(<SetBuilder*>builder, member)
    return True


cdef bint build_out(void* builder, const Element* member, const Element* value, double score) noexcept nogil:
    """Take a member out; 0, and no more of them, when nothing is left."""
    set_build_remove(<SetBuilder*>builder, member)
    return set_build_count(<SetBuilder*>builder) > 0


# -- operations --------------------------------------------------------------------------------------------
cdef void intersect(SetSources* s, SetWalk* walk) noexcept nogil:
    """Walk over the smallest set, and ask the others, small ones first."""
    if s.missing > 0:
        return
    qsort(s.sets, s.n, sizeof(Entry), fewer_members)
    walk.others = s.sets + 1
    walk.n = s.n - 1
    set_each(walk.call.store, s.sets, take_common, walk)


cdef void unite(Store* store, const SetSources* s, SetBuilder* b) noexcept nogil:
    cdef size_t i
    for i in range(s.n):
        if s.sets[i].rec is not NULL:
            set_each(store, &s.sets[i], build_in, b)


cdef bint asking_is_less_work(const SetSources* s) noexcept nogil:
    """Whether to ask all sets for each member of the first one, rather than to take each member of all the others
    out of a copy of it."""
    cdef uint64_t total = 0
    cdef size_t i
    for i in range(s.n):
        total += count_of_source(&s.sets[i])
    return count_of_source(s.sets) * s.n // 2 <= total


cdef void subtract(Store* store, SetSources* s, SetBuilder* b) noexcept nogil:
    cdef SetWalk walk
    cdef size_t i
    if s.sets[0].rec is NULL:
        return
    if asking_is_less_work(s):
        qsort(s.sets + 1, s.n - 1, sizeof(Entry), more_members)
        memset(&walk, 0, sizeof(walk))
        walk.others = s.sets + 1
        walk.n = s.n - 1
        walk.into = b
        set_each(store, s.sets, take_own, &walk)
        return
    set_each(store, s.sets, build_in, b)
    for i in range(1, s.n):
        if s.sets[i].rec is not NULL and set_build_count(b) > 0:
            set_each(store, &s.sets[i], build_out, b)


cdef void combine(Call* c, SetOperation operation, SetSources* s, SetBuilder* b) noexcept nogil:
    cdef SetWalk walk
    if operation == SET_UNION:
        unite(c.store, s, b)
    elif operation == SET_DIFF:
        subtract(c.store, s, b)
    else:
        memset(&walk, 0, sizeof(walk))
        walk.call = c
        walk.into = b
        intersect(s, &walk)


# -- commands ----------------------------------------------------------------------------------------------
cdef void reply_combined(Call* c, SetOperation operation) noexcept nogil:
    cdef SetSources s
    cdef SetBuilder b
    if not open_sources(c, 1, c.argc - 1, &s):
        return
    set_build_begin(c.store, &b)
    combine(c, operation, &s, &b)
    reply_set(c, <int64_t>set_build_count(&b))
    set_build_each(&b, reply_member, c)
    set_build_drop(&b)
    close_sources(c, &s)


cdef void store_combined(Call* c, SetOperation operation, const char* event) noexcept nogil:
    cdef SetSources s
    cdef SetBuilder b
    cdef Entry old
    cdef int64_t count
    cdef bint existed
    if not open_sources(c, 2, c.argc - 2, &s):
        return
    set_build_begin(c.store, &b)
    combine(c, operation, &s, &b)
    close_sources(c, &s)
    count = <int64_t>set_build_count(&b)
    existed = c.api.lookup(c.store, c.db, &c.key, &old, LOOKUP_WRITE)
    if not existed:
        old.rec = NULL
    set_store(&b, c.db, &c.key, &old, NO_EXPIRE)
    if count > 0:
        note_change(c, c.db, &c.key, EVENT_SET, event)
    elif existed:
        note_change(c, c.db, &c.key, EVENT_GENERIC, b"del")
    c.store.dirty += count > 0 or existed
    reply_int(c, count)


cdef void cmd_sinter(Call* c) noexcept nogil:
    """Straight into the reply: members of an intersection come once."""
    cdef size_t start = c.out.len
    cdef SetSources s
    cdef SetWalk walk
    if not open_sources(c, 1, c.argc - 1, &s):
        return
    memset(&walk, 0, sizeof(walk))
    walk.call = c
    walk.reply = True
    intersect(&s, &walk)
    close_sources(c, &s)
    insert_header(c, start, b"~" if c.resp == 3 else b"*", walk.found)


cdef void cmd_sunion(Call* c) noexcept nogil:
    reply_combined(c, SET_UNION)


cdef void cmd_sdiff(Call* c) noexcept nogil:
    reply_combined(c, SET_DIFF)


cdef void cmd_sinterstore(Call* c) noexcept nogil:
    store_combined(c, SET_INTER, b"sinterstore")


cdef void cmd_sunionstore(Call* c) noexcept nogil:
    store_combined(c, SET_UNION, b"sunionstore")


cdef void cmd_sdiffstore(Call* c) noexcept nogil:
    store_combined(c, SET_DIFF, b"sdiffstore")


cdef bint sintercard_options(Call* c, int first, int64_t* limit) noexcept nogil:
    """argv[first:]; replies with the error itself and returns 0."""
    cdef int i
    for i in range(first, c.argc, 2):
        if not arg_is(c, i, b"limit") or i + 1 >= c.argc:
            reply_syntax_error(c)
            return False
        if not ws_str_to_i64(c.argv[i + 1].ptr, c.argv[i + 1].len, limit) or limit[0] < 0:
            reply_error(c, b"ERR LIMIT can't be negative")
            return False
    return True


cdef void cmd_sintercard(Call* c) noexcept nogil:
    cdef SetSources s
    cdef SetWalk walk
    cdef int64_t n
    memset(&walk, 0, sizeof(walk))
    walk.call = c
    if not ws_str_to_i64(c.argv[1].ptr, c.argv[1].len, &n) or n < 1:
        reply_error(c, b"ERR numkeys should be greater than 0")
        return
    if n > c.argc - 2:
        reply_error(c, b"ERR Number of keys can't be greater than number of args")
        return
    if not sintercard_options(c, 2 + <int>n, &walk.limit) or not open_sources(c, 2, <int>n, &s):
        return
    intersect(&s, &walk)
    close_sources(c, &s)
    reply_int(c, walk.found)


cdef CommandSpec[7] SET_ALGEBRA_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"sinter", -2, CMD_READONLY, 1, -1, 1, cmd_sinter, NULL, NULL],
    [b"sinterstore", -3, CMD_WRITE | CMD_DENYOOM, 1, -1, 1, cmd_sinterstore, NULL, NULL],
    [b"sintercard", -3, CMD_READONLY | CMD_MOVABLE_KEYS, 0, 0, 0, cmd_sintercard, NULL, NULL],
    [b"sunion", -2, CMD_READONLY, 1, -1, 1, cmd_sunion, NULL, NULL],
    [b"sunionstore", -3, CMD_WRITE | CMD_DENYOOM, 1, -1, 1, cmd_sunionstore, NULL, NULL],
    [b"sdiff", -2, CMD_READONLY, 1, -1, 1, cmd_sdiff, NULL, NULL],
    [b"sdiffstore", -3, CMD_WRITE | CMD_DENYOOM, 1, -1, 1, cmd_sdiffstore, NULL, NULL],
]
