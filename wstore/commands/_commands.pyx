"""The command module: the command table and the types, one extension that the engine can swap while it runs.

Each file included below holds one type or one command family and ends in its tables, which are data:
`<FAMILY>_COMMANDS` (rows of CommandSpec) or `<TYPE>_OPS` (TypeOps).  To add a file: one `include` line in
its section, one `add_commands` line in `fill_tables`.

Invariants
* All files share one namespace: names local to a file carry its prefix.
* Nothing here is written after `module()` has returned: what must outlive a reload hangs off Store.
"""
from cpython.pycapsule cimport PyCapsule_New
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memmove, memset, strlen
from wstore.engine.abi cimport *
from wstore.engine.changes cimport *
from wstore.engine.rdb_format cimport *
from wstore.engine.reply cimport *
from wstore.engine.value cimport *

include "args.pyx"
include "answers.pyx"

# -- types ---------------------------------------------------------------------------------------------
include "../types/rdb.pyx"
include "../types/packed.pyx"
include "../types/random.pyx"
include "../types/legacy.pyx"
include "../types/digest.pyx"
include "../types/string.pyx"
include "../types/kept.pyx"
include "../types/table_node.pyx"
include "../types/table.pyx"
include "../types/table_walk.pyx"
include "../types/table_approach.pyx"
include "../types/table_frozen.pyx"
include "../types/set_small.pyx"
include "../types/set.pyx"
include "../types/set_ops.pyx"
include "../types/hash.pyx"
include "../types/hash_ops.pyx"
include "../types/zset_items.pyx"
include "../types/zset_index.pyx"
include "../types/zset_tree.pyx"
include "../types/zset_edit.pyx"
include "../types/zset.pyx"
include "../types/zset_walk.pyx"
include "../types/zset_frozen.pyx"
include "../types/zset_ops.pyx"
include "../types/list_node.pyx"
include "../types/list_ring.pyx"
include "../types/list_deque.pyx"
include "../types/list_cursor.pyx"
include "../types/list_frozen.pyx"
include "../types/list.pyx"
include "../types/list_rdb.pyx"

# -- command families ----------------------------------------------------------------------------------
include "effects.pyx"
include "strings.pyx"
include "counters.pyx"
include "lcs.pyx"
include "bitmaps.pyx"
include "bitfield.pyx"
include "zsets.pyx"
include "zsets_range.pyx"
include "generic.pyx"
include "expire.pyx"
include "databases.pyx"
include "scan.pyx"
include "sets.pyx"
include "set_algebra.pyx"
include "set_random.pyx"
include "dump.pyx"
include "slots.pyx"
include "hashes.pyx"
include "hashes_walk.pyx"
include "zset_algebra.pyx"
include "zset_pops.pyx"
include "zset_picks.pyx"
include "lists.pyx"
include "lists_inside.pyx"
include "blocking_lists.pyx"
include "sort.pyx"
include "object.pyx"
include "debug.pyx"
include "connection.pyx"
include "transactions.pyx"
include "replication.pyx"
include "pubsub.pyx"

cdef extern from *:
    const char* WSTORE_VERSION      # of wstore/versions.py, by setup.py

cdef enum:
    SPEC_LIMIT = 512

cdef CommandSpec SPECS[SPEC_LIMIT]
cdef Module MODULE


cdef int add_commands(const CommandSpec* table, size_t size_bytes) except -1:
    """Append a family's table to SPECS; every row must be filled."""
    cdef size_t rows = size_bytes // sizeof(CommandSpec)
    cdef size_t i
    if MODULE.spec_count + rows > SPEC_LIMIT:
        raise ValueError("more commands than SPEC_LIMIT")
    for i in range(rows):
        if table[i].name is NULL:
            raise ValueError(f"row {i} of {rows} in a command table is empty: its size is wrong")
        SPECS[MODULE.spec_count + i] = table[i]
    MODULE.spec_count += rows
    return 0


cdef int fill_tables() except -1:
    add_commands(STRING_COMMANDS, sizeof(STRING_COMMANDS))
    add_commands(COUNTER_COMMANDS, sizeof(COUNTER_COMMANDS))
    add_commands(LCS_COMMANDS, sizeof(LCS_COMMANDS))
    add_commands(BITMAP_COMMANDS, sizeof(BITMAP_COMMANDS))
    add_commands(BITFIELD_COMMANDS, sizeof(BITFIELD_COMMANDS))
    add_commands(ZSET_COMMANDS, sizeof(ZSET_COMMANDS))
    add_commands(ZSET_RANGE_COMMANDS, sizeof(ZSET_RANGE_COMMANDS))
    add_commands(GENERIC_COMMANDS, sizeof(GENERIC_COMMANDS))
    add_commands(EXPIRE_COMMANDS, sizeof(EXPIRE_COMMANDS))
    add_commands(DATABASE_COMMANDS, sizeof(DATABASE_COMMANDS))
    add_commands(SCAN_COMMANDS, sizeof(SCAN_COMMANDS))
    add_commands(SET_COMMANDS, sizeof(SET_COMMANDS))
    add_commands(SET_ALGEBRA_COMMANDS, sizeof(SET_ALGEBRA_COMMANDS))
    add_commands(SET_RANDOM_COMMANDS, sizeof(SET_RANDOM_COMMANDS))
    add_commands(DUMP_COMMANDS, sizeof(DUMP_COMMANDS))
    add_commands(SLOT_COMMANDS, sizeof(SLOT_COMMANDS))
    add_commands(HASH_COMMANDS, sizeof(HASH_COMMANDS))
    add_commands(HASH_WALK_COMMANDS, sizeof(HASH_WALK_COMMANDS))
    add_commands(ZSET_ALGEBRA_COMMANDS, sizeof(ZSET_ALGEBRA_COMMANDS))
    add_commands(ZSET_POP_COMMANDS, sizeof(ZSET_POP_COMMANDS))
    add_commands(ZSET_PICK_COMMANDS, sizeof(ZSET_PICK_COMMANDS))
    add_commands(LIST_COMMANDS, sizeof(LIST_COMMANDS))
    add_commands(LIST_INSIDE_COMMANDS, sizeof(LIST_INSIDE_COMMANDS))
    add_commands(BLOCKING_LIST_COMMANDS, sizeof(BLOCKING_LIST_COMMANDS))
    add_commands(SORT_COMMANDS, sizeof(SORT_COMMANDS))
    add_commands(OBJECT_COMMANDS, sizeof(OBJECT_COMMANDS))
    add_commands(DEBUG_COMMANDS, sizeof(DEBUG_COMMANDS))
    add_commands(CONNECTION_COMMANDS, sizeof(CONNECTION_COMMANDS))
    add_commands(TRANSACTION_COMMANDS, sizeof(TRANSACTION_COMMANDS))
    add_commands(REPLICATION_COMMANDS, sizeof(REPLICATION_COMMANDS))
    add_commands(PUBSUB_COMMANDS, sizeof(PUBSUB_COMMANDS))
    MODULE.types[<int>TYPE_STRING] = &STRING_OPS
    MODULE.types[<int>TYPE_LIST] = &LIST_OPS
    MODULE.types[<int>TYPE_HASH] = &HASH_OPS
    MODULE.types[<int>TYPE_SET] = &SET_OPS
    MODULE.types[<int>TYPE_ZSET] = &ZSET_OPS
    return 0


def module():
    """The tables of this image: a PyCapsule "wstore.module" around an abi.Module, valid as long as the image."""
    if MODULE.spec_count == 0:
        fill_tables()
        MODULE.abi = ABI_VERSION
        MODULE.version = WSTORE_VERSION
        MODULE.specs = SPECS
    return PyCapsule_New(&MODULE, "wstore.module", NULL)
