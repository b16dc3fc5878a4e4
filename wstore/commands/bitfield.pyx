"""BITFIELD and BITFIELD_RO: integers of 1 to 64 bits at any bit of a string.

The arguments are read twice by the same code: once to check them all, before anything is done, once to execute.
"""
cdef extern from "bits.h" nogil:
    uint64_t ws_field_load(const uint8_t* p, size_t n, uint64_t first, unsigned int width)
    void ws_field_store(uint8_t* p, uint64_t first, unsigned int width, uint64_t value)

cdef enum FieldAction:
    FIELD_GET
    FIELD_SET
    FIELD_INCRBY

cdef enum FieldOverflow:
    OVERFLOW_WRAP
    OVERFLOW_SAT
    OVERFLOW_FAIL

cdef struct FieldOp:
    int action
    bint is_signed
    int width               # bits
    uint64_t offset         # of its first bit
    int64_t operand         # of SET and INCRBY

cdef struct FieldReader:    # walks the arguments
    int i                   # next argument
    int overflow            # in force
    FieldOp op              # the one read last

cdef struct FieldPlan:      # what checking the arguments found
    int count
    bint writes
    size_t reach_bytes      # length that the writes need


# -- arguments -----------------------------------------------------------------------------------------
cdef bint arg_field_type(Call* c, int i, FieldOp* op) noexcept nogil:
    """argv[i] as i1 to i64 or u1 to u63."""
    cdef Str s = c.argv[i]
    cdef int64_t width
    if s.len > 1 and s.ptr[0] in (b"i", b"u") and ws_str_to_i64(s.ptr + 1, s.len - 1, &width):
        op.is_signed = s.ptr[0] == b"i"
        if 1 <= width <= (64 if op.is_signed else 63):
            op.width = <int>width
            return True
    reply_error(c, b"ERR Invalid bitfield type. Use something like i16 u8. "
                   b"Note that u64 is not supported but i64 is.")
    return False


cdef bint arg_field_overflow(Call* c, int i, int* overflow) noexcept nogil:
    if arg_is(c, i, b"WRAP"):
        overflow[0] = OVERFLOW_WRAP
    elif arg_is(c, i, b"SAT"):
        overflow[0] = OVERFLOW_SAT
    elif arg_is(c, i, b"FAIL"):
        overflow[0] = OVERFLOW_FAIL
    else:
        reply_error(c, b"ERR Invalid OVERFLOW type specified")
        return False
    return True


cdef int field_action(Call* c, int i) noexcept nogil:
    """The action at argv[i] if it has all its arguments, else -1."""
    cdef int more = c.argc - 1 - i
    if more >= 2 and arg_is(c, i, b"GET"):
        return FIELD_GET
    if more >= 3 and arg_is(c, i, b"SET"):
        return FIELD_SET
    if more >= 3 and arg_is(c, i, b"INCRBY"):
        return FIELD_INCRBY
    return -1


cdef int field_next(Call* c, FieldReader* r) noexcept nogil:
    """Read the next action into r.op: 1, 0 at the end, -1 after replying with an error."""
    while r.i + 1 < c.argc and arg_is(c, r.i, b"OVERFLOW"):
        if not arg_field_overflow(c, r.i + 1, &r.overflow):
            return -1
        r.i += 2
    if r.i >= c.argc:
        return 0
    r.op.action = field_action(c, r.i)
    if r.op.action < 0:
        reply_syntax_error(c)
        return -1
    if not arg_field_type(c, r.i + 1, &r.op) or not arg_bit_offset(c, r.i + 2, r.op.width, &r.op.offset):
        return -1
    if r.op.action != FIELD_GET and not arg_i64(c, r.i + 3, &r.op.operand):
        return -1
    r.i += 3 if r.op.action == FIELD_GET else 4
    return 1


cdef bint field_plan(Call* c, FieldPlan* plan) noexcept nogil:
    """Check all arguments; 0 after replying with an error."""
    cdef FieldReader r
    cdef int more
    memset(plan, 0, sizeof(plan[0]))
    r.i = 2
    r.overflow = OVERFLOW_WRAP
    while True:
        more = field_next(c, &r)
        if more <= 0:
            return more == 0
        plan.count += 1
        if r.op.action != FIELD_GET:
            plan.writes = True
            plan.reach_bytes = max(plan.reach_bytes, ((r.op.offset + r.op.width - 1) >> 3) + 1)


# -- arithmetic ----------------------------------------------------------------------------------------
cdef inline int64_t field_extend(const FieldOp* op, uint64_t bits) noexcept nogil:
    """The low bits as the number that a field of this type holds."""
    if op.is_signed:
        return <int64_t>(bits << (64 - op.width)) >> (64 - op.width)
    return <int64_t>(bits & ((<uint64_t>1 << op.width) - 1))


cdef int field_signed_overflow(int width, int64_t old, int64_t by, int64_t* limit) noexcept nogil:
    """Where old + by lies: 0 within the type, else *limit is the nearest value that is."""
    cdef int64_t most = INT64_MAX_VALUE >> (64 - width)
    cdef int64_t least = -most - 1
    # SET of a number near INT64_MIN (by is 0): the room above it wraps around, and Redis takes it for too large
    cdef int64_t room = <int64_t>(<uint64_t>most - <uint64_t>old)
    if old > most or ((width < 64 or (old >= 0 and by > 0)) and by > room):
        limit[0] = most
        return 1
    if old < least or (by < 0 and old < least - by):
        limit[0] = least
        return -1
    return 0


cdef int field_unsigned_overflow(int width, uint64_t old, int64_t by, int64_t* limit) noexcept nogil:
    cdef uint64_t most = (<uint64_t>1 << width) - 1
    if old > most or (by > 0 and <uint64_t>by > most - old):
        limit[0] = <int64_t>most
        return 1
    if by < 0 and 0 - <uint64_t>by > old:
        limit[0] = 0
        return -1
    return 0


cdef bint field_add(const FieldOp* op, int overflow, int64_t old, int64_t by, int64_t* out) noexcept nogil:
    """*out = old + by as the type and the overflow rule have it; 0 if the rule is to fail."""
    cdef int64_t limit = 0
    cdef int outside
    if op.is_signed:
        outside = field_signed_overflow(op.width, old, by, &limit)
    else:
        outside = field_unsigned_overflow(op.width, <uint64_t>old, by, &limit)
    if outside and overflow == OVERFLOW_FAIL:
        return False
    if outside and overflow == OVERFLOW_SAT:
        out[0] = limit
    else:
        out[0] = field_extend(op, <uint64_t>old + <uint64_t>by)
    return True


# -- execution -----------------------------------------------------------------------------------------
cdef bint field_write(Call* c, const FieldReader* r, Str s, bint grown) noexcept nogil:
    """SET or INCRBY, and its reply; returns whether that counts as a change: any does to a string just extended."""
    cdef const FieldOp* op = &r.op
    cdef uint8_t* p = <uint8_t*>s.ptr
    cdef int64_t old = field_extend(op, ws_field_load(p, s.len, op.offset, <unsigned int>op.width))
    cdef int64_t new = 0
    cdef bint fits
    if op.action == FIELD_SET:
        fits = field_add(op, r.overflow, op.operand, 0, &new)
    else:
        fits = field_add(op, r.overflow, old, op.operand, &new)
    if not fits:
        reply_null(c)
        return False
    reply_int(c, old if op.action == FIELD_SET else new)
    ws_field_store(p, op.offset, <unsigned int>op.width, <uint64_t>new)
    return grown or new != old


cdef int64_t field_execute(Call* c, Str s, bint grown) noexcept nogil:
    """Carry out all checked actions on the bytes s; returns the changes that `dirty` counts."""
    cdef FieldReader r
    cdef int64_t changes = 0
    cdef uint64_t bits
    r.i = 2
    r.overflow = OVERFLOW_WRAP
    while field_next(c, &r) > 0:
        if r.op.action == FIELD_GET:
            bits = ws_field_load(<const uint8_t*>s.ptr, s.len, r.op.offset, <unsigned int>r.op.width)
            reply_int(c, field_extend(&r.op, bits))
        elif field_write(c, &r, s, grown):
            changes += 1
    return changes


cdef void field_read_only(Call* c, const FieldPlan* plan) noexcept nogil:
    cdef Entry e
    cdef char scratch[24]
    cdef Str s
    s.ptr = scratch
    s.len = 0
    if c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_READ):
        if not require_type(c, &e, TYPE_STRING):
            return
        s = view_string(&e, scratch)
    reply_array(c, plan.count)
    field_execute(c, s, False)


cdef void field_read_write(Call* c, const FieldPlan* plan) noexcept nogil:
    """A string too short is extended with zeros first, whatever the actions then do."""
    cdef Entry e
    cdef Str s
    cdef size_t old_len = 0
    cdef int64_t changes
    if c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_WRITE):
        if not require_type(c, &e, TYPE_STRING):
            return
        old_len = string_len(&e)
    s.ptr = string_edit(c, &c.key, &e, plan.reach_bytes)
    s.len = max(old_len, plan.reach_bytes)
    reply_array(c, plan.count)
    changes = field_execute(c, s, s.len > old_len)
    if changes:
        note_change(c, c.db, &c.key, EVENT_STRING, b"setbit")
    elif s.len > old_len:
        effect(c, c.argc, c.argv)       # the string is longer, though nothing counts as changed
    c.store.dirty += changes


cdef void cmd_bitfield(Call* c) noexcept nogil:
    cdef FieldPlan plan
    if not field_plan(c, &plan):
        return
    if plan.writes:
        field_read_write(c, &plan)
    else:
        field_read_only(c, &plan)


cdef void cmd_bitfield_ro(Call* c) noexcept nogil:
    cdef FieldPlan plan
    if not field_plan(c, &plan):
        return
    if plan.writes:
        reply_error(c, b"ERR BITFIELD_RO only supports the GET subcommand")
    else:
        field_read_only(c, &plan)


cdef CommandSpec[2] BITFIELD_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"bitfield", -2, CMD_WRITE | CMD_DENYOOM, 1, 1, 1, cmd_bitfield, NULL, NULL],
    [b"bitfield_ro", -2, CMD_READONLY | CMD_FAST, 1, 1, 1, cmd_bitfield_ro, NULL, NULL],
]
