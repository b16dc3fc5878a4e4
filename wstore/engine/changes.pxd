"""What a command says of a change that it has made: clients that watch, wait or listen hear of it, and the log.

Each changed key is noted once it is as it will stay, by `note_change` for each event that Redis publishes for it.
`dirty` is counted apart, by the handler.  With nobody to hear, both cost one test.
"""
from libc.stdint cimport uint32_t
from wstore.engine.abi cimport OBSERVE_CHANGES, OBSERVE_LOG, Call, Db, Key, Str


cdef inline void note_change(Call* c, Db* db, const Key* key, uint32_t event_class, const char* event) noexcept nogil:
    """The key was changed (created, edited, removed): WATCH, blocked clients, and the event; event NULL: no event."""
    if c.store.observers & OBSERVE_CHANGES:
        c.api.changed(c.store, db, key, event_class, event)


cdef inline void note_event(Call* c, Db* db, const Key* key, uint32_t event_class, const char* event) noexcept nogil:
    """One more event of a change that note_change has told of, or of none at all (keymiss)."""
    if c.store.observers & OBSERVE_CHANGES:
        c.api.event(c.store, db, key, event_class, event)


cdef inline bint is_logged(const Call* c) noexcept nogil:
    """Whether effects go anywhere: work that is done for them alone can be left out otherwise."""
    return (c.store.observers & OBSERVE_LOG) != 0


cdef inline void effect(Call* c, int argc, const Str* argv) noexcept nogil:
    """Have argv[0:argc] stand in the log for the command at hand, in place of its own words; argc 0: nothing does."""
    if is_logged(c):
        c.api.effect(c, argc, argv)
