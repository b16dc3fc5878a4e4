"""Hash slots: CLUSTER KEYSLOT, COUNTKEYSINSLOT, GETKEYSINSLOT, and SLOTSINFO; all work without cluster mode.

The table of keys is in the order of slots, so that a slot costs what it holds; the counts are always at hand.
The other subcommands of CLUSTER answer as a server does that is no cluster's node.
"""

cdef extern from "crc16.h" nogil:
    int ws_key_slot(const char* key, size_t n)


cdef void cmd_cluster_keyslot(Call* c) noexcept nogil:
    reply_int(c, ws_key_slot(c.argv[2].ptr, c.argv[2].len))


cdef void cmd_cluster_countkeysinslot(Call* c) noexcept nogil:
    cdef int64_t slot
    if not arg_i64(c, 2, &slot):
        return
    if 0 <= slot < SLOT_COUNT:
        reply_int(c, c.db.slot_counts[slot])
    else:
        reply_error(c, b"ERR Invalid slot")


cdef void slot_visit(void* arg, const Key* key, Entry* e) noexcept nogil:
    reply_bulk(<Call*>arg, key.ptr, key.len)


cdef void cmd_cluster_getkeysinslot(Call* c) noexcept nogil:
    cdef size_t start = c.out.len
    cdef size_t found
    cdef int64_t slot, count
    if not arg_i64(c, 2, &slot) or not arg_i64(c, 3, &count):
        return
    if not 0 <= slot < SLOT_COUNT or count < 0:
        reply_error(c, b"ERR Invalid slot or number of keys")
        return
    found = c.api.scan_slot(c.store, c.db, <int>slot, <size_t>count, slot_visit, c) if count > 0 else 0
    insert_header(c, start, b"*", <int64_t>found)


cdef void cmd_cluster_disabled(Call* c) noexcept nogil:
    reply_error(c, b"ERR This instance has cluster support disabled")


cdef bint slots_range(Call* c, int64_t* first, int64_t* end) noexcept nogil:
    """SLOTSINFO's range of slots; replies with the error itself and returns 0."""
    cdef int64_t count = SLOT_COUNT
    first[0] = 0
    if c.argc > 3:
        reply_syntax_error(c)
        return False
    if c.argc > 1 and not arg_i64(c, 1, first) or c.argc > 2 and not arg_i64(c, 2, &count):
        return False
    if not 0 <= first[0] < SLOT_COUNT or count < 0:
        reply_error(c, b"ERR Invalid slot or number of slots")
        return False
    end[0] = first[0] + min(count, <int64_t>SLOT_COUNT - first[0])
    return True


cdef void cmd_slotsinfo(Call* c) noexcept nogil:
    """SLOTSINFO [first slot [number of slots]]: pairs of slot and keys in it, of those slots that hold any."""
    cdef size_t start = c.out.len
    cdef int64_t slot, end
    cdef int64_t found = 0
    if not slots_range(c, &slot, &end):
        return
    while slot < end:
        if c.db.slot_counts[slot] != 0:
            reply_array(c, 2)
            reply_int(c, slot)
            reply_int(c, c.db.slot_counts[slot])
            found += 1
        slot += 1
    insert_header(c, start, b"*", found)


cdef enum:                  # flags that many subcommands share
    CLUSTER_ASK = CMD_STALE
    CLUSTER_ADMIN = CMD_ADMIN | CMD_STALE
    CLUSTER_CHANGE = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING

cdef CommandSpec[29] SLOT_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"slotsinfo", -1, CMD_READONLY, 0, 0, 0, cmd_slotsinfo, NULL, NULL],
    [b"cluster", -2, CMD_CONTAINER, 0, 0, 0, NULL, NULL, NULL],
    [b"cluster|keyslot", 3, CLUSTER_ASK, 0, 0, 0, cmd_cluster_keyslot, NULL, NULL],
    [b"cluster|countkeysinslot", 3, CLUSTER_ASK, 0, 0, 0, cmd_cluster_countkeysinslot, NULL, NULL],
    [b"cluster|getkeysinslot", 4, CLUSTER_ASK, 0, 0, 0, cmd_cluster_getkeysinslot, NULL, NULL],
    [b"cluster|addslots", -3, CLUSTER_CHANGE, 0, 0, 0, cmd_cluster_disabled, NULL, NULL],
    [b"cluster|addslotsrange", -4, CLUSTER_CHANGE, 0, 0, 0, cmd_cluster_disabled, NULL, NULL],
    [b"cluster|bumpepoch", 2, CLUSTER_CHANGE, 0, 0, 0, cmd_cluster_disabled, NULL, NULL],
    [b"cluster|count-failure-reports", 3, CLUSTER_ADMIN, 0, 0, 0, cmd_cluster_disabled, NULL, NULL],
    [b"cluster|delslots", -3, CLUSTER_CHANGE, 0, 0, 0, cmd_cluster_disabled, NULL, NULL],
    [b"cluster|delslotsrange", -4, CLUSTER_CHANGE, 0, 0, 0, cmd_cluster_disabled, NULL, NULL],
    [b"cluster|failover", -2, CLUSTER_CHANGE, 0, 0, 0, cmd_cluster_disabled, NULL, NULL],
    [b"cluster|flushslots", 2, CLUSTER_CHANGE, 0, 0, 0, cmd_cluster_disabled, NULL, NULL],
    [b"cluster|forget", 3, CLUSTER_CHANGE, 0, 0, 0, cmd_cluster_disabled, NULL, NULL],
    [b"cluster|help", 2, CMD_LOADING | CMD_STALE, 0, 0, 0, cmd_cluster_disabled, NULL, NULL],
    [b"cluster|info", 2, CLUSTER_ASK, 0, 0, 0, cmd_cluster_disabled, NULL, NULL],
    [b"cluster|links", 2, CLUSTER_ASK, 0, 0, 0, cmd_cluster_disabled, NULL, NULL],
    [b"cluster|meet", -4, CLUSTER_CHANGE, 0, 0, 0, cmd_cluster_disabled, NULL, NULL],
    [b"cluster|myid", 2, CLUSTER_ASK, 0, 0, 0, cmd_cluster_disabled, NULL, NULL],
    [b"cluster|nodes", 2, CLUSTER_ASK, 0, 0, 0, cmd_cluster_disabled, NULL, NULL],
    [b"cluster|replicas", 3, CLUSTER_ADMIN, 0, 0, 0, cmd_cluster_disabled, NULL, NULL],
    [b"cluster|replicate", 3, CLUSTER_CHANGE, 0, 0, 0, cmd_cluster_disabled, NULL, NULL],
    [b"cluster|reset", -2, CLUSTER_ADMIN | CMD_NOSCRIPT, 0, 0, 0, cmd_cluster_disabled, NULL, NULL],
    [b"cluster|saveconfig", 2, CLUSTER_CHANGE, 0, 0, 0, cmd_cluster_disabled, NULL, NULL],
    [b"cluster|set-config-epoch", 3, CLUSTER_CHANGE, 0, 0, 0, cmd_cluster_disabled, NULL, NULL],
    [b"cluster|setslot", -4, CLUSTER_CHANGE, 0, 0, 0, cmd_cluster_disabled, NULL, NULL],
    [b"cluster|shards", 2, CLUSTER_ASK, 0, 0, 0, cmd_cluster_disabled, NULL, NULL],
    [b"cluster|slaves", 3, CLUSTER_ADMIN, 0, 0, 0, cmd_cluster_disabled, NULL, NULL],
    [b"cluster|slots", 2, CLUSTER_ASK, 0, 0, 0, cmd_cluster_disabled, NULL, NULL],
]
