"""The command table in force, and the counters of each command.

A Table is built whole and then only read: `adopt` and `register` build another one and swap the pointer
(`Store.table`).  Slots are open addressing by hash of the lower-case name, at most half full.

Invariants
* CommandStats live as long as the server, found again by name: they outlive every table.
* specs[i].stats points to the CommandStats of specs[i].name; names of Python commands are the ones kept there.
* specs[i].pyfn is a reference that the table owns.
* A command that was renamed away has a spec but no slot; new names are kept in Engine.renames.
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t
from wstore.engine.abi cimport CommandSpec, Module

cdef enum:
    LATENCY_BUCKETS = 16 * 44   # log-linear: 16 to each power of two of ticks

cdef struct CommandStats:
    char* name
    uint64_t calls
    uint64_t ticks              # spent in calls
    uint64_t rejected           # refused before it ran
    uint64_t failed             # answered with an error
    uint64_t* latency           # LATENCY_BUCKETS counters of calls by ticks; NULL until the first call

cdef struct TableSlot:
    uint32_t hash
    uint32_t spec               # index + 1; 0: free
    const char* name            # that the command is called by: spec's, or the one that rename-command gave

cdef struct Table:
    const Module* module        # that it was built from, or NULL
    CommandSpec* specs
    size_t count
    TableSlot* slots
    uint64_t mask
