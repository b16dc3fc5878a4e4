# The tail of the stream in memory (replication.pxd): its last bytes, in blocks that begin at multiples of TAIL_BLOCK.
#
#     block number   start / TAIL_BLOCK                          (end - 1) / TAIL_BLOCK
#                   |      start.....|..............|..............|......end     |
#     blocks[]      | first          | first + 1    | ...          | first + count - 1      each modulo cap
#
# Whole blocks are dropped at the front; one of them is kept for the next at the end, so that in step with the stream no
# memory is asked for.
#
# Invariant: first_number * TAIL_BLOCK <= start <= end <= (first_number + count) * TAIL_BLOCK; the last block has bytes.

cdef enum:
    TAIL_BLOCK = 64 * 1024


cdef inline int64_t tail_room(const Tail* t) noexcept nogil:
    """Bytes that the last block can still take."""
    return (t.first_number + <int64_t>t.count) * TAIL_BLOCK - t.end


cdef void tail_add_block(Tail* t) noexcept nogil:
    cdef size_t cap = t.cap * 2 + 16
    cdef char** blocks
    cdef size_t i
    if t.count == t.cap:
        blocks = <char**>ws_alloc(cap * sizeof(char*))
        for i in range(t.count):
            blocks[i] = t.blocks[(t.first + i) % t.cap]
        ws_free(t.blocks)
        t.blocks = blocks
        t.first = 0
        t.cap = cap
    t.blocks[(t.first + t.count) % t.cap] = t.spare if t.spare != NULL else <char*>ws_alloc(TAIL_BLOCK)
    t.spare = NULL
    t.count += 1


cdef void tail_drop_block(Tail* t) noexcept nogil:
    """The first one."""
    ws_free(t.spare)
    t.spare = t.blocks[t.first]
    t.first = (t.first + 1) % t.cap
    t.first_number += 1
    t.count -= 1


cdef void tail_clear(Tail* t) noexcept nogil:
    while t.count > 0:
        tail_drop_block(t)
    ws_free(t.spare)
    ws_free(t.blocks)
    t.spare = NULL
    t.blocks = NULL
    t.first = t.cap = 0


cdef void tail_begin(Tail* t, int64_t offset) noexcept nogil:
    """Nothing is kept; the next byte has this offset."""
    tail_clear(t)
    t.start = t.end = offset
    t.first_number = offset // TAIL_BLOCK


cdef void tail_append(Server* s, const char* p, size_t n) noexcept nogil:
    """More of the stream, which was handed over: it ends at tail.end."""
    cdef Tail* t = &s.repl.tail
    cdef size_t part
    while n > 0:
        if tail_room(t) == 0 or t.count == 0:
            tail_add_block(t)
        part = min(n, <size_t>tail_room(t))
        memcpy(t.blocks[(t.first + t.count - 1) % t.cap] + t.end % TAIL_BLOCK, p, part)
        t.end += <int64_t>part
        p += part
        n -= part
    if s.repl.replica_count == 0:
        tail_trim(t, t.end - s.store.config.repl_backlog_size)


cdef void tail_trim(Tail* t, int64_t keep) noexcept nogil:
    """Drop whole blocks in front of that offset."""
    while t.count > 1 and (t.first_number + 1) * TAIL_BLOCK <= keep:
        tail_drop_block(t)
        t.start = t.first_number * TAIL_BLOCK


cdef const char* tail_at(const Tail* t, int64_t offset, size_t* n) noexcept nogil:
    """The bytes from there on, as far as they lie in one piece; offset < end."""
    cdef int64_t number = offset // TAIL_BLOCK
    WS_ASSERT(t.start <= offset and offset < t.end)
    n[0] = <size_t>(min(t.end, (number + 1) * TAIL_BLOCK) - offset)
    return t.blocks[(t.first + <size_t>(number - t.first_number)) % t.cap] + offset % TAIL_BLOCK


cdef size_t tail_bytes(const Tail* t) noexcept nogil:
    """What it takes in memory."""
    return (t.count + (t.spare != NULL)) * TAIL_BLOCK + t.cap * sizeof(char*)
