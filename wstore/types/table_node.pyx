"""Nodes of a table: a few hundred entries of a big hash or set in one piece of memory, sorted by hash.

    +--------+-----------------------------+------+-----------------------------------------+
    | header | index: count x u32          | free | entries, newest first: packed name      |
    | 16 B   | hash tag << 16 | offset     |      | and, in hashes, packed value behind it  |
    +--------+-----------------------------+------+-----------------------------------------+
                                                   <------------- used bytes ------------->

An offset counts from the end of the node back to the entry, so that it stays when a node moves to a larger piece.
An element of more than TABLE_INSIDE_MAX bytes lies in a TableText outside, with TABLE_OUTSIDE | 8-byte pointer here.

The tag is 16 bits of the element's hash, from bit `depth` rounded down to a multiple of TAG_STEP on: 13 of them or
more tell entries of the node apart, and only every TAG_STEP-th split has to hash the elements again.

Invariants
* The index is sorted by tag. Among equal tags any order will do.
* Every element is in its canonical form (packed.pyx), so that equal elements have equal bytes.
* `garbage` is what removed entries take of `used`; the memory of texts outside is freed with their entry.
* While the table is frozen (table_frozen.pyx), a node that is_captured is not changed: own_node comes first. What is
  captured is kept instead of freed.
"""
cdef extern from "siphash.h" nogil:
    uint64_t ws_siphash13(const void* p, size_t len, const uint64_t key[2])

cdef enum:
    TABLE_INSIDE_MAX = 512      # longest text kept in a node
    TABLE_OUTSIDE = 0xC8        # tag of an element outside, beside those of packed.pyx
    TABLE_POINTER_SIZE = 9      # bytes of such an element
    FREE_NOW_BYTES = 1 << 18    # what is larger is freed in the background
    TAG_STEP = 4
    NODE_HEADER = 16            # bytes in front of the index
    NODE_SIZE_MIN = 248         # bytes of the smallest node; all sizes are 8 more than a multiple of 16, as malloc's
    NODE_SIZE_MAX = 4088        # a larger node is split ...
    NODE_SPLIT_COUNT = 16       # ... if it has so many entries
    NODE_STEP = 256             # nodes with malloc's header are multiples of this, small ones of a quarter of it
    TEXT_LEN_BITS = 40
    TEXT_EPOCH_MASK = (1 << 24) - 1

cdef struct TableText:          # a long element
    uint64_t head               # length, 40 bits, and on top of it 24 bits of the epoch at which it was written
    char data[1]

cdef struct TableNode:
    uint32_t epoch              # the table's when the node was made, or when a snapshot was done with it
    uint16_t count
    uint16_t size               # bytes of the whole node
    uint16_t used
    uint16_t garbage
    uint8_t depth               # leading hash bits that its elements share
    uint8_t spare[3]
    uint32_t index[1]

cdef struct Table:
    Store* store                # for which it was made: Store.home
    TableNode** dir             # 1 << depth of them, by the leading bits of the hash
    TableNode* only             # dir, as long as depth is 0
    uint64_t count
    size_t bytes                # of all memory, malloc's headers included
    uint64_t outside            # elements outside of nodes
    double most                 # no node has more than most / 2^depth entries: see table_random
    double most_seen            # the same of the part of the table that the hand has passed
    uint64_t hand               # hash position at which the search for a lower `most` goes on
    uint32_t removals
    uint32_t nodes
    uint32_t epoch              # raised by each freeze
    uint8_t depth               # of the deepest node at least
    bint pairs                  # entries have values
    bint named                  # the owner's: OBJECT ENCODING answers the big name, whatever is left in it
    void* frozen                # TableFrozen* while a snapshot reads it, or FROZEN_LEFT: see kept.pyx

cdef struct TableItem:
    Element name
    Element value               # in hashes


# -- elements in a node ----------------------------------------------------------------------------------
cdef inline size_t malloc_bytes(size_t size) noexcept nogil:
    """What an allocation of `size` takes, with malloc's header."""
    return (size + 8 + 15) & ~<size_t>15


cdef inline uint64_t table_hash(const Table* t, const Element* e) noexcept nogil:
    """An element's position: the keyed hash of its text or, of an integer, of its eight bytes."""
    if e.is_int:
        return ws_siphash13(&e.n, sizeof(e.n), t.store.seed)
    return ws_siphash13(e.text.ptr, e.text.len, t.store.seed)


cdef inline bint is_outside(const Element* e) noexcept nogil:
    return not e.is_int and e.text.len > TABLE_INSIDE_MAX


cdef inline size_t inside_size(const Element* e) noexcept nogil:
    """Bytes that the element takes in a node."""
    return <size_t>TABLE_POINTER_SIZE if is_outside(e) else element_size(e)


cdef inline size_t text_len(const TableText* text) noexcept nogil:
    return text.head & ((<uint64_t>1 << TEXT_LEN_BITS) - 1)


cdef uint8_t* write_outside(Table* t, uint8_t* p, const Element* e) noexcept nogil:
    cdef TableText* text = <TableText*>t.store.api.alloc(sizeof(text.head) + e.text.len)
    text.head = <uint64_t>t.epoch << TEXT_LEN_BITS | e.text.len
    memcpy(text.data, e.text.ptr, e.text.len)
    p[0] = TABLE_OUTSIDE
    memcpy(p + 1, &text, sizeof(text))
    t.outside += 1
    t.bytes += malloc_bytes(sizeof(text.head) + e.text.len)
    return p + TABLE_POINTER_SIZE


cdef inline uint8_t* inside_write(Table* t, uint8_t* p, const Element* e) noexcept nogil:
    return write_outside(t, p, e) if is_outside(e) else element_write(p, e)


cdef inline TableText* load_outside(const uint8_t* p) noexcept nogil:
    cdef TableText* text
    memcpy(&text, p + 1, sizeof(text))
    return text


cdef inline const uint8_t* inside_read(const uint8_t* p, Element* out) noexcept nogil:
    """Read the element at p of a node; returns what follows it."""
    if p[0] != TABLE_OUTSIDE:
        return element_read(p, out)
    out.is_int = False
    out.n = 0
    out.text.ptr = load_outside(p).data
    out.text.len = text_len(load_outside(p))
    return p + TABLE_POINTER_SIZE


cdef inline const uint8_t* inside_skip(const uint8_t* p) noexcept nogil:
    return p + TABLE_POINTER_SIZE if p[0] == TABLE_OUTSIDE else element_skip(p)


cdef inline const uint8_t* inside_free(Table* t, const uint8_t* p) noexcept nogil:
    """Free what the element at p has outside; returns what follows it."""
    cdef TableText* text
    if p[0] != TABLE_OUTSIDE:
        return element_skip(p)
    text = load_outside(p)
    t.outside -= 1
    t.bytes -= malloc_bytes(sizeof(text.head) + text_len(text))
    if is_captured_text(t, text):
        keep_for_snapshot(t, text)
    elif text_len(text) > FREE_NOW_BYTES:
        t.store.api.free_later(t.store, t.store.api.free, text)
    else:
        t.store.api.free(text)
    return p + TABLE_POINTER_SIZE


# -- what a snapshot still reads ---------------------------------------------------------------------------
cdef inline bint is_captured(const Table* t, const TableNode* n) noexcept nogil:
    return t.frozen is not NULL and WS_EPOCH_GET(&n.epoch) != t.epoch


cdef inline bint is_captured_text(const Table* t, const TableText* text) noexcept nogil:
    return t.frozen is not NULL and text.head >> TEXT_LEN_BITS != (t.epoch & TEXT_EPOCH_MASK)


cdef void keep_for_snapshot(Table* t, void* piece) noexcept nogil:
    keep_piece(t.store.api, &(<TableFrozen*>t.frozen).kept, piece)


# -- looking at a node -------------------------------------------------------------------------------------
cdef inline const uint8_t* entry_at(const TableNode* n, uint32_t i) noexcept nogil:
    return <const uint8_t*>n + n.size - (n.index[i] & 0xFFFF)


cdef inline void read_item(const Table* t, const TableNode* n, uint32_t i, TableItem* out) noexcept nogil:
    cdef const uint8_t* p = inside_read(entry_at(n, i), &out.name)
    if t.pairs:
        inside_read(p, &out.value)


cdef inline size_t entry_size(const Table* t, const uint8_t* p) noexcept nogil:
    cdef const uint8_t* q = inside_skip(p)
    return (inside_skip(q) if t.pairs else q) - p


cdef inline size_t room_of(const TableNode* n) noexcept nogil:
    """Free bytes between index and entries."""
    return n.size - NODE_HEADER - sizeof(uint32_t) * n.count - n.used


cdef inline size_t live_bytes(const TableNode* n) noexcept nogil:
    """Bytes that the node needs without garbage and free room."""
    return NODE_HEADER + sizeof(uint32_t) * n.count + n.used - n.garbage


cdef inline int tag_base(int depth) noexcept nogil:
    """The hash bit at which tags begin in nodes of this depth."""
    return depth - depth % TAG_STEP


cdef inline uint32_t tag_of(uint64_t hash, int depth) noexcept nogil:
    return <uint32_t>(hash << tag_base(depth) >> 48)


cdef inline uint32_t guess_of_tag(const TableNode* n, uint32_t tag) noexcept nogil:
    """About where entries of this tag are: tags are spread evenly."""
    return ((tag << n.depth % TAG_STEP & 0xFFFF) * <uint32_t>n.count) >> 16


cdef inline uint32_t seek_tag(const TableNode* n, uint32_t tag) noexcept nogil:
    """Where the first entry of at least this tag is."""
    cdef uint32_t count = n.count
    cdef uint32_t i = guess_of_tag(n, tag)
    while i > 0 and n.index[i - 1] >> 16 >= tag:
        i -= 1
    while i < count and n.index[i] >> 16 < tag:
        i += 1
    return i


cdef inline bint find_in_node(const TableNode* n, uint32_t tag, const Element* name, uint32_t* at) noexcept nogil:
    """Whether name is there: *at is where it is, or where an entry of its tag may be inserted."""
    cdef uint32_t i = seek_tag(n, tag)
    cdef Element other
    while i < n.count and n.index[i] >> 16 == tag:
        inside_read(entry_at(n, i), &other)
        if element_same(&other, name):
            at[0] = i
            return True
        i += 1
    at[0] = i
    return False


# -- changing a node ---------------------------------------------------------------------------------------
cdef inline size_t node_size_for(size_t need) noexcept nogil:
    """The size of a node that needs so many bytes: one of few sizes, so that what one gives back serves another."""
    cdef size_t step = NODE_STEP if need > 4 * NODE_STEP else NODE_STEP // 4
    return ((max(need, <size_t>NODE_SIZE_MIN) + 8 + step - 1) & ~(step - 1)) - 8


cdef TableNode* node_new(Table* t, size_t size, int depth) noexcept nogil:
    cdef TableNode* n = <TableNode*>t.store.api.alloc(size)
    memset(n, 0, NODE_HEADER)
    n.epoch = t.epoch
    n.size = <uint16_t>size
    n.depth = <uint8_t>depth
    t.bytes += malloc_bytes(size)
    t.nodes += 1
    return n


cdef void node_free(Table* t, TableNode* n) noexcept nogil:
    """Free the node alone; what its entries have outside stays."""
    t.bytes -= malloc_bytes(n.size)
    t.nodes -= 1
    if is_captured(t, n):
        keep_for_snapshot(t, n)
    else:
        t.store.api.free(n)


cdef TableNode* node_twin(Table* t, const TableNode* n) noexcept nogil:
    """A new node with the same bytes, apart from its epoch: its entries share the texts outside."""
    cdef TableNode* to = node_new(t, n.size, n.depth)
    memcpy(&to.count, &n.count, n.size - sizeof(n.epoch))
    return to


cdef inline void insert_entry(Table* t, TableNode* n, uint32_t at, uint32_t tag, const Element* name,
                              const Element* value, size_t size) noexcept nogil:
    """Write an entry of `size` bytes; there must be room for it and four bytes of index."""
    cdef uint8_t* p
    n.used += <uint16_t>size
    p = inside_write(t, <uint8_t*>n + n.size - n.used, name)
    if t.pairs:
        inside_write(t, p, value)
    memmove(&n.index[at + 1], &n.index[at], (n.count - at) * sizeof(uint32_t))
    n.index[at] = tag << 16 | n.used
    n.count += 1


cdef void remove_entry(Table* t, TableNode* n, uint32_t at) noexcept nogil:
    """Take an entry out; it becomes garbage, unless it is the newest."""
    cdef uint32_t offset = n.index[at] & 0xFFFF
    cdef const uint8_t* p = entry_at(n, at)
    cdef const uint8_t* q = inside_free(t, p)
    cdef uint16_t size = <uint16_t>((inside_free(t, q) if t.pairs else q) - p)
    n.count -= 1
    memmove(&n.index[at], &n.index[at + 1], (n.count - at) * sizeof(uint32_t))
    if n.count == 0:
        n.used = 0
        n.garbage = 0
    elif offset == n.used:
        n.used -= size
    else:
        n.garbage += size


cdef void append_entries(const Table* t, TableNode* to, const TableNode* n, uint32_t first,
                         uint32_t end) noexcept nogil:
    """Copy entries [first, end) of n behind those of `to`, which has room, with their tags."""
    cdef const uint8_t* p
    cdef size_t size
    cdef uint32_t i
    for i in range(first, end):
        p = entry_at(n, i)
        size = entry_size(t, p)
        to.used += <uint16_t>size
        memcpy(<uint8_t*>to + to.size - to.used, p, size)
        to.index[to.count] = (n.index[i] & ~<uint32_t>0xFFFF) | to.used
        to.count += 1


cdef size_t bytes_of_entries(const Table* t, const TableNode* n, uint32_t first, uint32_t end) noexcept nogil:
    """What entries [first, end) take, their index included."""
    cdef size_t total = 0
    cdef uint32_t i
    for i in range(first, end):
        total += entry_size(t, entry_at(n, i)) + sizeof(uint32_t)
    return total


cdef void tag_again(const Table* t, TableNode* n) noexcept nogil:
    """Set the tags by the elements' hashes, and the order by the tags: where the old order was nearly right."""
    cdef uint32_t i, j, entry
    cdef Element name
    for i in range(n.count):
        inside_read(entry_at(n, i), &name)
        entry = tag_of(table_hash(t, &name), n.depth) << 16 | (n.index[i] & 0xFFFF)
        j = i
        while j > 0 and n.index[j - 1] > entry:
            n.index[j] = n.index[j - 1]
            j -= 1
        n.index[j] = entry


cdef TableNode* node_resized(Table* t, TableNode* n, size_t more) noexcept nogil:
    """The node without garbage and with room for `more` bytes, in new memory; n is freed."""
    cdef TableNode* to = node_new(t, node_size_for(live_bytes(n) + more), n.depth)
    if n.garbage == 0:
        to.count = n.count
        to.used = n.used
        memcpy(to.index, n.index, n.count * sizeof(uint32_t))
        memcpy(<uint8_t*>to + to.size - to.used, <uint8_t*>n + n.size - n.used, n.used)
    else:
        append_entries(t, to, n, 0, n.count)
    node_free(t, n)
    return to


cdef TableNode* node_part(Table* t, const TableNode* n, uint32_t first, uint32_t end) noexcept nogil:
    """A new node, one level deeper, with entries [first, end) of n."""
    cdef size_t need = NODE_HEADER + bytes_of_entries(t, n, first, end)
    cdef TableNode* to = node_new(t, node_size_for(need), n.depth + 1)
    append_entries(t, to, n, first, end)
    if to.depth % TAG_STEP == 0:
        tag_again(t, to)
    return to


cdef TableNode* node_joined(Table* t, TableNode* a, TableNode* b) noexcept nogil:
    """One node, one level up, with the entries of a and of b, which comes behind a; both are freed."""
    cdef TableNode* to = node_new(t, node_size_for(live_bytes(a) + live_bytes(b)), a.depth - 1)
    append_entries(t, to, a, 0, a.count)
    append_entries(t, to, b, 0, b.count)
    if a.depth % TAG_STEP == 0:
        tag_again(t, to)
    node_free(t, a)
    node_free(t, b)
    return to
