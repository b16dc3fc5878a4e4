"""What a command says of a change that it has made: clients that watch, wait or listen hear of it.

Each changed key is noted once it is as it will stay, by `note_change` for each event that Redis publishes for it.
`dirty` is counted apart, by the handler.  With nobody to hear, both cost one test.
"""
from libc.stdint cimport uint32_t
from wstore.engine.abi cimport Call, Db, Key


cdef inline void note_change(Call* c, Db* db, const Key* key, uint32_t event_class, const char* event) noexcept nogil:
    """The key was changed (created, edited, removed): WATCH, blocked clients, and the event; event NULL: no event."""
    if c.store.observers:
        c.api.changed(c.store, db, key, event_class, event)


cdef inline void note_event(Call* c, Db* db, const Key* key, uint32_t event_class, const char* event) noexcept nogil:
    """One more event of a change that note_change has told of, or of none at all (keymiss)."""
    if c.store.observers:
        c.api.event(c.store, db, key, event_class, event)
