# What follows a change of a key: clients that watch it, clients that wait for it, and its keyspace event.
#
# Commands come here through note_change and note_event (changes.pxd); the keyspace itself for keys that expire, that
# are new, or that a command looked for in vain.
#
# A client that watches a key is marked CLIENT_DIRTY once the key has changed, and watches nothing any more. The mark
# of a WATCH link is 1 while the key is one that had expired when WATCH was called: that it is dropped is no change.


cdef inline bint hears_event(const Store* store, uint32_t event_class) noexcept nogil:
    return store.observers & OBSERVE_EVENTS and store.config.notify_events & event_class


cdef void st_event(Store* store, Db* db, const Key* key, uint32_t event_class, const char* event) noexcept nogil:
    """Publish a keyspace event, if its class is asked for."""
    if hears_event(store, event_class):
        publish_event(server_of(store), db.index, key, event)


cdef void st_changed(Store* store, Db* db, const Key* key, uint32_t event_class, const char* event) noexcept nogil:
    if store.observers & OBSERVE_WATCH:
        watch_touch(server_of(store), db, key)
    if store.observers & OBSERVE_BLOCKED:
        blocked_changed(server_of(store), db, key)
    if event != NULL:
        st_event(store, db, key, event_class, event)


# -- WATCH -------------------------------------------------------------------------------------------------

cdef bint has_expired(const Store* store, const Db* db, const Key* key) noexcept nogil:
    """Whether the key is there but past its time."""
    cdef Entry e
    return ks_find(db, key, &e) and is_expired(store, &e)


cdef void watch_end(Server* s, Client* c) noexcept nogil:
    """Watch nothing any more."""
    links_drop(s, c, LINK_WATCH)
    c.flags &= ~<uint32_t>CLIENT_DIRTY


cdef void watch_dirty(Server* s, Client* c) noexcept nogil:
    """A key that c watched has changed."""
    links_drop(s, c, LINK_WATCH)
    c.flags |= CLIENT_DIRTY


cdef void watch_touch(Server* s, const Db* db, const Key* key) noexcept nogil:
    cdef LinkName* name = links_find(s, LINK_WATCH, db.index, key)
    cdef Link* link = name.first if name != NULL else NULL
    cdef Link* following
    cdef Entry e
    while link != NULL:
        following = link.next       # another client's: it stays when this client's links go
        if link.mark and not ks_find(db, key, &e):
            link.mark = 0
        else:
            watch_dirty(s, <Client*>link.client)
        link = following


cdef bint replaced_unseen(Link* link, bint was_there, bint is_there, bint expired) noexcept nogil:
    """Whether a client cannot tell what a whole database's change did to a key; notes what it is now."""
    if link.mark:
        link.mark = expired
        return expired or not is_there
    link.mark = expired and not was_there
    return expired and not was_there


cdef void watch_replaced(Store* store, int index, const Db* before, const Db* after) noexcept nogil:
    """Database `index`, up to now `before`, is about to be empty (`after` NULL) or to become another."""
    cdef Server* s = server_of(store)
    cdef LinkName* name = s.links[LINK_WATCH].first
    cdef LinkName* next_name
    cdef Link* link
    cdef Link* following
    cdef Key key
    cdef Entry e
    cdef bint was_there, is_there, expired
    while name != NULL:
        next_name = name.next
        links_key(name, &key)
        was_there = name.db == index and before != NULL and ks_find(before, &key, &e)
        is_there = name.db == index and after != NULL and ks_find(after, &key, &e)
        expired = is_there and is_expired(store, &e)
        link = name.first if was_there or is_there else NULL
        while link != NULL:
            following = link.next
            if not replaced_unseen(link, was_there, is_there, expired):
                (<Client*>link.client).flags |= CLIENT_DIRTY
            link = following
        name = next_name


cdef bint watch_broken(Server* s, Client* c) noexcept nogil:
    """Whether a key that c watches has changed, or expired since and was not dropped yet."""
    cdef Link* link = c.links[LINK_WATCH].first
    cdef Key key
    if c.flags & CLIENT_DIRTY:
        return 1
    while link != NULL:
        links_key(link.name, &key)
        if not link.mark and has_expired(s.store, st_db(s.store, link.name.db), &key):
            return 1
        link = link.own_next
    return 0


cdef void api_watch(Call* call) noexcept nogil:
    cdef Client* c = <Client*>call.client
    cdef Server* s = server_of(call.store)
    cdef Link* link
    cdef Key key
    cdef int i
    if c.flags & (CLIENT_MULTI | CLIENT_INTERNAL):
        reply_error(call, b"ERR WATCH inside MULTI is not allowed" if c.flags & CLIENT_MULTI else
                    b"ERR WATCH needs a connection")
        return
    for i in range(1, call.argc):
        ks_key(call.store, call.argv[i], &key)
        link = links_add(s, LINK_WATCH, c.db, &key, c)
        if link != NULL:
            link.mark = has_expired(call.store, call.db, &key)
    reply_ok(call)


cdef void api_unwatch(Call* call) noexcept nogil:
    watch_end(server_of(call.store), <Client*>call.client)
    reply_ok(call)
