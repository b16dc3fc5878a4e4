"""Fetching what leads to an element of a table ahead of its command: the table, the directory, the node, its index
and the entry.  A batch of commands on big tables then waits for memory once a step, not once a step and command.
"""
cdef extern from "probe.h" nogil:
    void ws_prefetch(const void* p)


cdef void approach_directory(const Table* t, Approach* a) noexcept nogil:
    cdef Element name
    element_of(a.args[0], &name)
    a.hash = table_hash(t, &name)
    a.at = &t.dir[slot_of_hash(t, a.hash)]


cdef void approach_entry(const TableNode* n, Approach* a) noexcept nogil:
    cdef uint32_t i = seek_tag(n, tag_of(a.hash, n.depth))
    if i < n.count:
        a.at = entry_at(n, i)


cdef void table_approach(Store* store, Approach* a, int step) noexcept nogil:
    """TypeOps.approach of values that are tables."""
    cdef const TableNode* n
    if step == 0:
        a.at = a.value
    elif step == 1:
        approach_directory(<const Table*>a.value, a)
    elif step == 2:
        a.at = (<TableNode**>a.at)[0]
    else:
        n = node_of_hash(<const Table*>a.value, a.hash)
        if step == 3:
            a.at = &n.index[guess_of_tag(n, tag_of(a.hash, n.depth))]
        else:
            approach_entry(n, a)
    ws_prefetch(a.at)
