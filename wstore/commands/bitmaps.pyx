"""Bitmaps: strings as arrays of bits, bit 0 being the highest of byte 0 (the kernels are in csrc/bits.h)."""
cdef extern from "bits.h" nogil:
    uint64_t ws_popcount_range(const uint8_t* p, uint64_t first, uint64_t end)
    int64_t ws_find_bit(const uint8_t* p, uint64_t first, uint64_t end, int bit)
    void ws_bits_and(uint8_t* out, const uint8_t* data, size_t n)
    void ws_bits_or(uint8_t* out, const uint8_t* data, size_t n)
    void ws_bits_xor(uint8_t* out, const uint8_t* data, size_t n)
    void ws_bits_not(uint8_t* p, size_t n)

cdef enum BitOperation:
    BITOP_AND
    BITOP_OR
    BITOP_XOR
    BITOP_NOT
    BITOP_UNKNOWN

cdef struct BitRange:       # positions as given, made absolute by bitmap_clip: bits [start, end] inclusive
    int64_t start
    int64_t end
    bint in_bits


# -- arguments -----------------------------------------------------------------------------------------
cdef bint arg_bit_offset(Call* c, int i, int width, uint64_t* out) noexcept nogil:
    """argv[i] as a bit number; where width is not 0, "#n" stands for the n-th field of that many bits."""
    cdef Str s = c.argv[i]
    cdef int64_t n
    cdef bint by_field = width > 0 and s.len > 0 and s.ptr[0] == b"#"
    if by_field:
        s.ptr += 1
        s.len -= 1
    if ws_str_to_i64(s.ptr, s.len, &n):
        if by_field:
            n = <int64_t>(<uint64_t>n * <uint64_t>width)
        if n >= 0 and n >> 3 < string_limit(c):
            out[0] = <uint64_t>n
            return True
    reply_error(c, b"ERR bit offset is not an integer or out of range")
    return False


cdef bint arg_bit_unit(Call* c, int i, bint* in_bits) noexcept nogil:
    """The optional BYTE or BIT at argv[i]."""
    in_bits[0] = False
    if i < c.argc:
        in_bits[0] = arg_is(c, i, b"BIT")
        if not in_bits[0] and not arg_is(c, i, b"BYTE"):
            reply_syntax_error(c)
            return False
    return True


cdef bint bitmap_clip(BitRange* r, size_t len_bytes) noexcept nogil:
    """Make a range absolute, in bits, within the string; 0 if nothing is left of it."""
    cdef int64_t total = <int64_t>len_bytes * (8 if r.in_bits else 1)
    if r.start < 0:
        r.start = max(r.start + total, 0)
    if r.end < 0:
        r.end = max(r.end + total, 0)
    r.end = min(r.end, total - 1)
    if r.start > r.end:
        return False
    if not r.in_bits:
        r.start *= 8
        r.end = r.end * 8 + 7
    return True


# -- single bits ---------------------------------------------------------------------------------------
cdef inline uint8_t bitmap_byte(Str s, uint64_t offset) noexcept nogil:
    """The byte that holds bit `offset`: zero past the end."""
    return <uint8_t>s.ptr[offset >> 3] if s.len > offset >> 3 else 0


cdef void cmd_getbit(Call* c) noexcept nogil:
    cdef Entry e
    cdef uint64_t offset
    cdef char scratch[24]
    if not arg_bit_offset(c, 2, 0, &offset):
        return
    if not c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_READ):
        reply_int(c, 0)
    elif require_type(c, &e, TYPE_STRING):
        reply_int(c, bitmap_byte(view_string(&e, scratch), offset) >> (7 - (offset & 7)) & 1)


cdef void setbit_at(Call* c, Entry* e, uint64_t offset, bint bit) noexcept nogil:
    """Set a bit and reply with what it was; `dirty` counts changes of the bit or of the length."""
    cdef char scratch[24]
    cdef uint8_t mask = <uint8_t>(0x80 >> (offset & 7))
    cdef uint8_t old, new
    cdef Str s, piece
    cdef bint changed
    s.len = 0
    if e.rec is not NULL:
        s = view_string(e, scratch)
    old = bitmap_byte(s, offset)
    new = old | mask if bit else old & ~mask
    changed = new != old or s.len <= offset >> 3
    piece.ptr = <char*>&new
    piece.len = 1
    string_patch(c, &c.key, e, offset >> 3, piece)
    if changed:
        note_change(c, c.db, &c.key, EVENT_STRING, b"setbit")
        c.store.dirty += 1
    reply_int(c, old & mask != 0)


cdef void cmd_setbit(Call* c) noexcept nogil:
    cdef Entry e
    cdef uint64_t offset
    cdef int64_t bit
    if not arg_bit_offset(c, 2, 0, &offset):
        return
    if not ws_str_to_i64(c.argv[3].ptr, c.argv[3].len, &bit) or bit & ~1:
        reply_error(c, b"ERR bit is not an integer or out of range")
        return
    c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_WRITE)
    if e.rec is NULL or require_type(c, &e, TYPE_STRING):
        setbit_at(c, &e, offset, bit)


# -- whole strings -------------------------------------------------------------------------------------
cdef bint bitcount_range(Call* c, BitRange* r) noexcept nogil:
    """The range of BITCOUNT's arguments; 0 if something has been replied."""
    r.start = 0
    r.end = -1
    r.in_bits = False
    if c.argc == 2:
        return True
    if c.argc not in (4, 5):
        reply_syntax_error(c)
        return False
    if not arg_i64(c, 2, &r.start) or not arg_i64(c, 3, &r.end):
        return False
    if r.start < 0 and r.end < 0 and r.start > r.end:
        reply_int(c, 0)
        return False
    return arg_bit_unit(c, 4, &r.in_bits)


cdef void cmd_bitcount(Call* c) noexcept nogil:
    cdef Entry e
    cdef BitRange r
    cdef Str s
    cdef char scratch[24]
    if not c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_READ):
        reply_int(c, 0)
        return
    if not require_type(c, &e, TYPE_STRING) or not bitcount_range(c, &r):
        return
    s = view_string(&e, scratch)
    if bitmap_clip(&r, s.len):
        reply_int(c, <int64_t>ws_popcount_range(<const uint8_t*>s.ptr, r.start, r.end + 1))
    else:
        reply_int(c, 0)


cdef bint bitpos_range(Call* c, BitRange* r) noexcept nogil:
    """The range of BITPOS's arguments; 0 if an error has been replied."""
    r.start = 0
    r.end = -1
    r.in_bits = False
    if c.argc > 6:
        reply_syntax_error(c)
        return False
    return ((c.argc < 4 or arg_i64(c, 3, &r.start))
            and arg_bit_unit(c, 5, &r.in_bits)
            and (c.argc < 5 or arg_i64(c, 4, &r.end)))


cdef void bitpos_reply(Call* c, Str s, int bit, BitRange* r) noexcept nogil:
    """A clear bit that is nowhere is found past the end, unless an end was given."""
    cdef int64_t position = -1
    if bitmap_clip(r, s.len):
        position = ws_find_bit(<const uint8_t*>s.ptr, r.start, r.end + 1, bit)
        if position < 0 and bit == 0 and c.argc < 5:
            position = r.end + 1
    reply_int(c, position)


cdef void cmd_bitpos(Call* c) noexcept nogil:
    cdef Entry e
    cdef BitRange r
    cdef int64_t bit
    cdef char scratch[24]
    if not arg_i64(c, 2, &bit):
        return
    if bit & ~1:
        reply_error(c, b"ERR The bit argument must be 1 or 0.")
        return
    if not c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_READ):
        reply_int(c, -bit)
    elif require_type(c, &e, TYPE_STRING) and bitpos_range(c, &r):
        bitpos_reply(c, view_string(&e, scratch), <int>bit, &r)


# -- BITOP ---------------------------------------------------------------------------------------------
cdef int bitop_operation(Str word) noexcept nogil:
    if str_is(word, b"AND"):
        return BITOP_AND
    if str_is(word, b"OR"):
        return BITOP_OR
    if str_is(word, b"XOR"):
        return BITOP_XOR
    return BITOP_NOT if str_is(word, b"NOT") else BITOP_UNKNOWN


cdef bint bitop_length(Call* c, size_t* longest) noexcept nogil:
    """The length of the longest source; drops expired ones. 0: one is no string, as has been replied."""
    cdef Key key
    cdef Entry e
    cdef int i
    longest[0] = 0
    for i in range(3, c.argc):
        c.api.key(c.store, c.argv[i], &key)
        if c.api.lookup(c.store, c.db, &key, &e, LOOKUP_READ):
            if not require_type(c, &e, TYPE_STRING):
                return False
            longest[0] = max(longest[0], string_len(&e))
    return True


cdef void bitop_fold(int operation, uint8_t* out, size_t n, Str s) noexcept nogil:
    """out = out OP s, which is taken as zero-padded to n bytes."""
    cdef const uint8_t* p = <const uint8_t*>s.ptr
    if operation == BITOP_AND:
        ws_bits_and(out, p, s.len)
        memset(out + s.len, 0, n - s.len)
    elif operation == BITOP_OR:
        ws_bits_or(out, p, s.len)
    else:
        ws_bits_xor(out, p, s.len)


cdef void bitop_compute(Call* c, int operation, uint8_t* out, size_t n) noexcept nogil:
    """Combine the sources into out[0:n]."""
    cdef Key key
    cdef Entry e
    cdef Str s
    cdef char scratch[24]
    cdef int i
    memset(out, 0, n)
    for i in range(3, c.argc):
        c.api.key(c.store, c.argv[i], &key)
        s.ptr = scratch
        s.len = 0
        if c.api.lookup(c.store, c.db, &key, &e, LOOKUP_NOTOUCH):
            s = view_string(&e, scratch)
        bitop_fold(BITOP_OR if i == 3 else operation, out, n, s)
    if operation == BITOP_NOT:
        ws_bits_not(out, n)


cdef void bitop_store(Call* c, int operation, size_t n) noexcept nogil:
    """Store the result, n > 0 bytes, under the first key."""
    cdef Entry e
    cdef uint8_t small[EMBED_MAX]
    cdef Blob* blob
    cdef Value value
    value.type = TYPE_STRING
    if n > EMBED_MAX:
        blob = blob_new(c.api, n)
        bitop_compute(c, operation, <uint8_t*>blob.data, n)
        value.ptr = &blob
        value.len = sizeof(blob)
        value.enc = ENC_BLOB
    else:
        bitop_compute(c, operation, small, n)
        value.ptr = small
        value.len = n
        value.enc = ENC_RAW
    c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_WRITE)
    c.api.put(c.store, c.db, &c.key, &e, &value, NO_EXPIRE)
    note_change(c, c.db, &c.key, EVENT_STRING, b"set")
    c.store.dirty += 1


cdef void bitop_delete(Call* c) noexcept nogil:
    """The result is empty: the first key goes, if it is there."""
    cdef Entry e
    if c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_WRITE):
        c.api.remove(c.store, c.db, &c.key, &e)
        note_change(c, c.db, &c.key, EVENT_GENERIC, b"del")
        c.store.dirty += 1


cdef void cmd_bitop(Call* c) noexcept nogil:
    cdef int operation = bitop_operation(c.argv[1])
    cdef size_t n
    if operation == BITOP_UNKNOWN:
        reply_syntax_error(c)
        return
    if operation == BITOP_NOT and c.argc != 4:
        reply_error(c, b"ERR BITOP NOT must be called with a single source key.")
        return
    if not bitop_length(c, &n):
        return
    if n > 0:
        bitop_store(c, operation, n)
    else:
        bitop_delete(c)
    reply_int(c, <int64_t>n)


cdef CommandSpec[5] BITMAP_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"setbit", 4, CMD_WRITE | CMD_DENYOOM, 1, 1, 1, cmd_setbit, NULL, NULL],
    [b"getbit", 3, CMD_READONLY | CMD_FAST, 1, 1, 1, cmd_getbit, NULL, NULL],
    [b"bitcount", -2, CMD_READONLY, 1, 1, 1, cmd_bitcount, NULL, NULL],
    [b"bitpos", -3, CMD_READONLY, 1, 1, 1, cmd_bitpos, NULL, NULL],
    [b"bitop", -4, CMD_WRITE | CMD_DENYOOM, 2, -1, 1, cmd_bitop, NULL, NULL],
]
