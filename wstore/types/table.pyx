"""Tables: the big form of hashes and sets. A directory leads, by the leading bits of a keyed hash, to nodes.

    directory, 2^depth pointers            nodes (table_node.pyx)
    +-----+-----+-----+-----+
    | 00  | 01  | 10  | 11  |        10 and 11 may share a node: its depth is then 1
    +--|--+--|--+--|--+--|--+
       v     v     +--v--+

A node that is full is copied to a piece a step larger, past NODE_SIZE_MAX it is split by the next bit of the hash; the
directory doubles when the node was of its own depth. A node that is half empty is copied to a smaller piece, or joined
with the other half of its range. Each step touches one node or two, and a directory of eight bytes a node or so.

Invariants
* Each node stands in all 2^(t.depth - n.depth) places of its range and nowhere else.
* What is put into a table does not lie in it: nodes move.
* An Element found points into its node: it holds until the next change of the table.
"""
cdef enum:
    TABLE_DEPTH_MAX = 44        # of 64 hash bits; the tag follows
    CACHE_LINE = 64
    HAND_STEP = 8               # removals for each node that the hand passes


cdef inline uint64_t slot_of_hash(const Table* t, uint64_t hash) noexcept nogil:
    return hash >> 1 >> (63 - t.depth)


cdef inline TableNode* node_of_hash(const Table* t, uint64_t hash) noexcept nogil:
    return t.dir[slot_of_hash(t, hash)]


cdef inline TableNode* approach_node(const Table* t, uint64_t hash) noexcept nogil:
    """The node of a hash, its header and the likely part of its index on their way into the cache.

    Slots hold about the same number of entries, so that header and index need not be read one after the other.
    """
    cdef uint64_t slot = slot_of_hash(t, hash)
    cdef TableNode* n = t.dir[slot]
    cdef uint64_t per_slot = t.count >> t.depth
    cdef uint64_t i = (hash << t.depth >> 32) * per_slot >> 32
    cdef const char* line
    if t.depth > 0 and slot & 1 and t.dir[slot - 1] == n:
        i += per_slot
    line = <const char*>n + NODE_HEADER + i * sizeof(uint32_t)
    ws_prefetch(n)
    ws_prefetch(line)
    ws_prefetch(line + CACHE_LINE)
    ws_prefetch(line - CACHE_LINE)
    return n


cdef inline uint64_t slots_of_node(const Table* t, const TableNode* n) noexcept nogil:
    return <uint64_t>1 << (t.depth - n.depth)


cdef inline uint64_t range_start(uint64_t hash, int depth) noexcept nogil:
    """The first hash that shares `depth` leading bits with this one."""
    return hash >> 1 >> (63 - depth) << 1 << (63 - depth)


cdef Table* table_new(Store* store) noexcept nogil:
    cdef Table* t = <Table*>store.api.alloc(sizeof(Table))
    memset(t, 0, sizeof(Table))
    t.store = store.home
    t.bytes = malloc_bytes(sizeof(Table))
    t.only = node_new(t, NODE_SIZE_MIN, 0)
    t.dir = &t.only
    return t


cdef inline uint64_t table_count(const Table* t) noexcept nogil:
    return t.count


cdef inline size_t table_bytes(const Table* t) noexcept nogil:
    return t.bytes


cdef inline bint table_find(const Table* t, const Element* name, TableItem* out) noexcept nogil:
    """Whether name is there; out, unless NULL, is the entry."""
    cdef uint64_t hash = table_hash(t, name)
    cdef const TableNode* n = approach_node(t, hash)
    cdef uint32_t at
    if not find_in_node(n, tag_of(hash, n.depth), name, &at):
        return False
    if out is not NULL:
        read_item(t, n, at, out)
    return True


# -- the directory -----------------------------------------------------------------------------------------
cdef inline void set_node(Table* t, uint64_t hash, TableNode* n) noexcept nogil:
    """Enter n in the directory: `hash` is any position of its range."""
    cdef uint64_t first = slot_of_hash(t, range_start(hash, n.depth))
    cdef uint64_t i
    for i in range(first, first + slots_of_node(t, n)):
        t.dir[i] = n


cdef void set_directory(Table* t, TableNode** dir, int depth) noexcept nogil:
    """Take a new directory, which is filled, and free the old one."""
    if t.depth > 0:
        t.bytes -= malloc_bytes(sizeof(TableNode*) << t.depth)
        t.store.api.free(t.dir)
    if depth > 0:
        t.bytes += malloc_bytes(sizeof(TableNode*) << depth)
    t.dir = dir
    t.depth = <uint8_t>depth


cdef void double_directory(Table* t) noexcept nogil:
    cdef uint64_t slots = <uint64_t>1 << t.depth
    cdef TableNode** dir = <TableNode**>t.store.api.alloc(2 * slots * sizeof(TableNode*))
    cdef uint64_t i
    for i in range(slots):
        dir[2 * i] = t.dir[i]
        dir[2 * i + 1] = t.dir[i]
    set_directory(t, dir, t.depth + 1)


cdef bint halve_directory(Table* t) noexcept nogil:
    """Halve the directory if no node is as deep as it; 0: one is."""
    cdef uint64_t slots = <uint64_t>1 << t.depth
    cdef TableNode** dir
    cdef uint64_t i
    for i in range(0, slots, 2):
        if t.dir[i] != t.dir[i + 1]:
            return False
    if t.depth == 1:
        t.only = t.dir[0]
        set_directory(t, &t.only, 0)
        return True
    dir = <TableNode**>t.store.api.alloc(slots // 2 * sizeof(TableNode*))
    for i in range(slots // 2):
        dir[i] = t.dir[2 * i]
    set_directory(t, dir, t.depth - 1)
    return True


# -- adding ------------------------------------------------------------------------------------------------
cdef inline double density_of(const TableNode* n) noexcept nogil:
    """Entries that the table would have if all nodes were like this one."""
    return n.count * <double>(<uint64_t>1 << n.depth)


cdef inline void note_density(Table* t, const TableNode* n) noexcept nogil:
    cdef double density = density_of(n)
    if density > t.most:
        t.most = density
    if density > t.most_seen:
        t.most_seen = density


cdef void split_node(Table* t, uint64_t hash, TableNode* n) noexcept nogil:
    """Split n, in whose range `hash` is, by the next bit."""
    cdef uint64_t start = range_start(hash, n.depth)
    cdef uint64_t middle = start | <uint64_t>1 << (63 - n.depth)
    cdef uint32_t cut = seek_tag(n, tag_of(middle, n.depth))
    cdef TableNode* low
    cdef TableNode* high
    if n.depth == t.depth:
        double_directory(t)
    low = node_part(t, n, 0, cut)
    high = node_part(t, n, cut, n.count)
    node_free(t, n)
    set_node(t, start, low)
    set_node(t, middle, high)
    note_density(t, low)
    note_density(t, high)


cdef TableNode* make_room(Table* t, uint64_t hash, TableNode* n, size_t need) noexcept nogil:
    """Give the node of `hash` room for `need` bytes more; returns that node, which may be another one now."""
    while room_of(n) < need:
        if live_bytes(n) + need > NODE_SIZE_MAX and n.count >= NODE_SPLIT_COUNT and n.depth < TABLE_DEPTH_MAX:
            split_node(t, hash, n)
            n = node_of_hash(t, hash)
        else:
            n = node_resized(t, n, need)
            set_node(t, hash, n)
    return n


cdef inline TableNode* own_node(Table* t, uint64_t hash, TableNode* n) noexcept nogil:
    """The node of `hash`, n, in which entries may be changed: itself, or a copy if a snapshot still reads it."""
    cdef TableNode* to
    if not is_captured(t, n):
        return n
    to = node_twin(t, n)
    node_free(t, n)
    set_node(t, hash, to)
    return to


cdef bint replace_in_place(Table* t, TableNode* n, uint32_t at, const Element* value) noexcept nogil:
    """Overwrite a value by one of the same size; 0: the sizes differ."""
    cdef uint8_t* p = <uint8_t*>inside_skip(entry_at(n, at))
    if <size_t>(inside_skip(p) - p) != inside_size(value):
        return False
    inside_free(t, p)
    inside_write(t, p, value)
    return True


cdef int table_put(Store* store, Table* t, const Element* name, const Element* value) noexcept nogil:
    """Add name, with its value in a hash, or replace the value: 1 added, 0 it was there."""
    cdef uint64_t hash = table_hash(t, name)
    cdef TableNode* n = approach_node(t, hash)
    cdef size_t size = inside_size(name) + (0 if value is NULL else inside_size(value))
    cdef uint32_t tag = tag_of(hash, n.depth)
    cdef uint32_t at
    cdef bint found = find_in_node(n, tag, name, &at)
    if found:
        if value is NULL:
            return 0
        n = own_node(t, hash, n)
        if replace_in_place(t, n, at, value):
            return 0
        remove_entry(t, n, at)
    else:
        n = own_node(t, hash, n)
    t.pairs = value is not NULL
    if room_of(n) < size + sizeof(uint32_t):
        n = make_room(t, hash, n, size + sizeof(uint32_t))
        tag = tag_of(hash, n.depth)
        at = seek_tag(n, tag)
    insert_entry(t, n, at, tag, name, value, size)
    note_density(t, n)
    t.count += not found
    return not found


# -- removing ----------------------------------------------------------------------------------------------
cdef bint join_halves(Table* t, uint64_t hash, TableNode* n) noexcept nogil:
    """Join n with the other half of its range if both together are small; 0: they are not."""
    cdef TableNode* other
    if n.depth == 0:
        return False
    other = node_of_hash(t, hash ^ <uint64_t>1 << (64 - n.depth))
    if other.depth != n.depth or live_bytes(n) + live_bytes(other) > NODE_SIZE_MAX // 2:
        return False
    if hash >> (64 - n.depth) & 1:
        n = node_joined(t, other, n)
    else:
        n = node_joined(t, n, other)
    set_node(t, hash, n)
    note_density(t, n)
    return True


cdef void shrink(Table* t, uint64_t hash) noexcept nogil:
    """Give back what the node of `hash` and the directory need no more."""
    cdef TableNode* n = node_of_hash(t, hash)
    while join_halves(t, hash, n):
        n = node_of_hash(t, hash)
        while t.depth > 0 and <uint64_t>t.nodes << 1 <= <uint64_t>1 << t.depth and halve_directory(t):
            pass
    if n.size > NODE_SIZE_MIN and node_size_for(live_bytes(n)) < n.size:
        set_node(t, hash, node_resized(t, n, 0))


cdef void move_hand(Table* t) noexcept nogil:
    """Look at one more node for the densest; after a round over all of them `most` is what was met."""
    cdef const TableNode* n = node_of_hash(t, t.hand)
    if density_of(n) > t.most_seen:
        t.most_seen = density_of(n)
    t.hand = range_start(t.hand, n.depth) + (<uint64_t>1 << 63 >> n.depth << 1)
    if n.depth == 0 or t.hand == 0:
        t.hand = 0
        t.most = t.most_seen
        t.most_seen = 0


cdef bint table_remove(Store* store, Table* t, const Element* name) noexcept nogil:
    """Whether name was there. It may lie in the table."""
    cdef uint64_t hash = table_hash(t, name)
    cdef TableNode* n = approach_node(t, hash)
    cdef uint32_t at
    if not find_in_node(n, tag_of(hash, n.depth), name, &at):
        return False
    n = own_node(t, hash, n)
    remove_entry(t, n, at)
    t.count -= 1
    if live_bytes(n) * 8 < <size_t>n.size * 5:
        shrink(t, hash)
    t.removals += 1
    if t.removals % HAND_STEP == 0:
        move_hand(t)
    return True


# -- whole tables ------------------------------------------------------------------------------------------
cdef void free_outside(Table* t, const TableNode* n) noexcept nogil:
    cdef const uint8_t* p
    cdef uint32_t i
    for i in range(n.count):
        p = inside_free(t, entry_at(n, i))
        if t.pairs:
            inside_free(t, p)


cdef void table_destroy(void* table) noexcept nogil:
    cdef Table* t = <Table*>table
    cdef uint64_t slots = <uint64_t>1 << t.depth
    cdef uint64_t slot = 0
    cdef uint64_t following
    cdef TableNode* n
    while slot < slots:
        n = t.dir[slot]
        following = slot + slots_of_node(t, n)
        if t.outside > 0:
            free_outside(t, n)
        node_free(t, n)
        slot = following
    if t.depth > 0:
        t.store.api.free(t.dir)
    t.store.api.free(t)


cdef void table_free(Store* store, Table* t) noexcept nogil:
    """Free everything; a big table, node by node, on the background thread. A frozen one is left to thaw."""
    if leave_to_thaw(&t.frozen):
        return
    t.frozen = NULL
    if t.bytes <= FREE_NOW_BYTES:
        table_destroy(t)
    else:
        store.api.free_later(store, table_destroy, t)


cdef void copy_outside(Table* t, TableNode* n) noexcept nogil:
    """Give the entries of a copied node texts of their own."""
    cdef uint8_t* p
    cdef Element e
    cdef uint32_t i
    cdef int _
    for i in range(n.count):
        p = <uint8_t*>entry_at(n, i)
        for _ in range(2 if t.pairs else 1):
            if p[0] == TABLE_OUTSIDE:
                inside_read(p, &e)
                write_outside(t, p, &e)
            p = <uint8_t*>inside_skip(p)


cdef TableNode* node_copied(Table* t, const TableNode* n) noexcept nogil:
    cdef TableNode* to = node_twin(t, n)
    copy_outside(t, to)
    return to


cdef Table* table_copy(Store* store, const Table* source) noexcept nogil:
    """A table of its own with the same entries."""
    cdef Table* t = <Table*>store.api.alloc(sizeof(Table))
    cdef uint64_t slots = <uint64_t>1 << source.depth
    cdef uint64_t slot = 0
    cdef TableNode* n
    memcpy(t, source, sizeof(Table))
    t.nodes = 0
    t.outside = 0
    t.frozen = NULL
    t.bytes = malloc_bytes(sizeof(Table))
    t.dir = &t.only
    if t.depth > 0:
        t.dir = <TableNode**>store.api.alloc(slots * sizeof(TableNode*))
        t.bytes += malloc_bytes(slots * sizeof(TableNode*))
    while slot < slots:
        n = node_copied(t, source.dir[slot])
        set_node(t, slot << 1 << (63 - t.depth), n)
        slot += slots_of_node(t, n)
    return t
