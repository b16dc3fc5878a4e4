"""Walks over a table: all of it, a scan in pieces, one entry at random, and validation.

A scan's cursor is a position in the hash, halved so that it is positive as a signed number too: all entries in front
of it have been visited. Entries keep their positions for ever, so that growth, splits and joins between two calls
never make a scan miss one; where tags have become coarser a few are visited again.

Random entries are drawn by rejection. A random position falls into a node of depth d with probability 2^-d; if one
takes there the i-th entry of k = most / 2^d, or tries again when there is none, each entry of the table has the same
chance 1 / most. `most` is kept as an upper bound: raised when a node fills, lowered by the hand (table.pyx).
"""


cdef inline uint64_t position_of(uint64_t hash, const TableNode* n, uint32_t i) noexcept nogil:
    """The first position of the tag of entry i; `hash` is any position in the node's range."""
    cdef int base = tag_base(n.depth)
    return range_start(hash, base) | <uint64_t>(n.index[i] >> 16) << (48 - base)


cdef inline uint64_t range_end(uint64_t hash, int depth) noexcept nogil:
    """The position behind the range of `depth` bits in which hash is; 0: the last one."""
    return range_start(hash, depth) + (<uint64_t>1 << 63 >> depth << 1)


cdef inline bint visit_entry(const Table* t, const TableNode* n, uint32_t i, EachFn fn, void* arg) noexcept nogil:
    cdef TableItem item
    read_item(t, n, i, &item)
    return fn(arg, &item.name, &item.value if t.pairs else NULL, 0)


cdef void table_each(const Table* t, EachFn fn, void* arg) noexcept nogil:
    """Visit all entries, until fn returns 0. It must not change the table."""
    cdef uint64_t slots = <uint64_t>1 << t.depth
    cdef uint64_t slot = 0
    cdef const TableNode* n
    cdef uint32_t i
    while slot < slots:
        n = t.dir[slot]
        for i in range(n.count):
            if not visit_entry(t, n, i, fn, arg):
                return
        slot += slots_of_node(t, n)


cdef uint64_t table_scan(const Table* t, uint64_t cursor, size_t count, EachFn fn, void* arg) noexcept nogil:
    """Visit `count` entries from `cursor` on, and those at the last one's position. The next cursor, 0: done."""
    cdef uint64_t at = cursor << 1
    cdef size_t visited = 0
    cdef const TableNode* n
    cdef uint32_t i
    while True:
        n = node_of_hash(t, at)
        i = seek_tag(n, tag_of(at, n.depth))
        while i < n.count:
            if visited >= count and (i == 0 or n.index[i - 1] >> 16 != n.index[i] >> 16):
                return position_of(at, n, i) >> 1
            visit_entry(t, n, i, fn, arg)
            visited += 1
            i += 1
        at = range_end(at, n.depth)
        if at == 0 or n.depth == 0:
            return 0


cdef bint table_random(Store* store, const Table* t, TableItem* out) noexcept nogil:
    """An entry, each equally likely; 0: the table is empty."""
    cdef const TableNode* n
    cdef double i
    if t.count == 0:
        return False
    while True:
        n = node_of_hash(t, random_u64(store))
        i = <double>(random_u64(store) >> 11) / (<uint64_t>1 << 53) * (t.most / <double>(<uint64_t>1 << n.depth))
        if i < n.count:
            read_item(t, n, <uint32_t>i, out)
            return True


# -- validation --------------------------------------------------------------------------------------------
cdef const char* check_entry(const Table* t, const TableNode* n, uint32_t i, uint64_t start) noexcept nogil:
    cdef Element name
    cdef Element other
    cdef uint64_t hash
    cdef uint32_t j = i
    if (n.index[i] & 0xFFFF) > n.used:
        return b"a table's entry lies outside of its node"
    if i > 0 and n.index[i - 1] >> 16 > n.index[i] >> 16:
        return b"a table's index is not sorted"
    inside_read(entry_at(n, i), &name)
    hash = table_hash(t, &name)
    if range_start(hash, n.depth) != start or tag_of(hash, n.depth) != n.index[i] >> 16:
        return b"a table's entry is in the wrong place"
    while j > 0 and n.index[j - 1] >> 16 == n.index[i] >> 16:
        j -= 1
        inside_read(entry_at(n, j), &other)
        if element_same(&name, &other):
            return b"a table has an element twice"
    return NULL


cdef const char* check_node(const Table* t, const TableNode* n, uint64_t start) noexcept nogil:
    cdef const char* wrong
    cdef uint64_t slot = slot_of_hash(t, start)
    cdef size_t total = 0
    cdef uint64_t i
    if n.depth > t.depth or range_start(start, n.depth) != start:
        return b"a table's node has the wrong depth"
    for i in range(slot, slot + slots_of_node(t, n)):
        if t.dir[i] != n:
            return b"a table's node does not fill its range"
    if NODE_HEADER + sizeof(uint32_t) * n.count + n.used > n.size or n.garbage > n.used:
        return b"a table's node is overfull"
    if density_of(n) > t.most:
        return b"a table's node is denser than its bound"
    for i in range(n.count):
        wrong = check_entry(t, n, <uint32_t>i, start)
        if wrong is not NULL:
            return wrong
        total += entry_size(t, entry_at(n, <uint32_t>i))
    if total != <size_t>(n.used - n.garbage):
        return b"a table's node counts its garbage wrongly"
    return NULL


cdef const char* table_validate(Store* store, const Table* t) noexcept nogil:
    """Walk the whole table: NULL, or what is wrong."""
    cdef uint64_t slots = <uint64_t>1 << t.depth
    cdef uint64_t slot = 0
    cdef uint64_t entries = 0
    cdef uint64_t nodes = 0
    cdef const TableNode* n
    cdef const char* wrong
    while slot < slots:
        n = t.dir[slot]
        wrong = check_node(t, n, slot << 1 << (63 - t.depth))
        if wrong is not NULL:
            return wrong
        entries += n.count
        nodes += 1
        slot += slots_of_node(t, n)
    if entries != t.count or nodes != t.nodes:
        return b"a table counts its entries or nodes wrongly"
    return NULL
