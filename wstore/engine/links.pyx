# Links between names and clients; the structure and its invariants: links.pxd.
#
# Names are found by the placement of the name as a key, links by a mix of their name's and their client's address.

cdef enum:
    LINK_BUCKETS_MIN = 16


# -- chains ------------------------------------------------------------------------------------------------

cdef inline size_t chain_of(const LinkChains* t, uint64_t hash) noexcept nogil:
    """Number of the bucket; t.buckets > 0."""
    cdef size_t high = <size_t>1 << (63 - count_leading_zeros(t.buckets))
    cdef size_t i = hash & (2 * high - 1)
    return i if i < t.buckets else i - high


cdef void chain_grow(LinkChains* t) noexcept nogil:
    """One more bucket, which takes its share from the bucket that it splits."""
    cdef size_t added = t.buckets
    cdef size_t from_bucket
    cdef LinkChained** at
    cdef LinkChained* item
    if t.buckets == t.cap:
        t.cap = max(t.cap * 2, <size_t>LINK_BUCKETS_MIN)
        t.slots = <LinkChained**>ws_realloc(t.slots, t.cap * sizeof(LinkChained*))
    t.slots[added] = NULL
    t.buckets += 1
    if added == 0:
        return
    from_bucket = added ^ (<size_t>1 << (63 - count_leading_zeros(added)))
    at = &t.slots[from_bucket]
    while at[0] != NULL:
        item = at[0]
        if chain_of(t, item.hash) == added:
            at[0] = item.next
            item.next = t.slots[added]
            t.slots[added] = item
        else:
            at = &item.next


cdef void chain_shrink(LinkChains* t) noexcept nogil:
    """One bucket less: its items go back to the one that it was split from."""
    cdef size_t gone = t.buckets - 1
    cdef size_t to_bucket
    cdef LinkChained** at
    if t.count == 0:
        ws_free(t.slots)
        memset(t, 0, sizeof(LinkChains))
        return
    to_bucket = gone ^ (<size_t>1 << (63 - count_leading_zeros(gone)))
    at = &t.slots[to_bucket]
    while at[0] != NULL:
        at = &at[0].next
    at[0] = t.slots[gone]
    t.buckets = gone
    if t.cap > LINK_BUCKETS_MIN and t.buckets < t.cap // 4:
        t.cap //= 2
        t.slots = <LinkChained**>ws_realloc(t.slots, t.cap * sizeof(LinkChained*))


cdef void chain_add(LinkChains* t, LinkChained* item) noexcept nogil:
    cdef size_t i
    if t.count >= t.buckets:
        chain_grow(t)
    i = chain_of(t, item.hash)
    item.next = t.slots[i]
    t.slots[i] = item
    t.count += 1


cdef void chain_remove(LinkChains* t, LinkChained* item) noexcept nogil:
    cdef LinkChained** at = &t.slots[chain_of(t, item.hash)]
    while at[0] != item:
        WS_ASSERT(at[0] != NULL)
        at = &at[0].next
    at[0] = item.next
    t.count -= 1
    if t.count < t.buckets // 2 or t.count == 0:
        chain_shrink(t)


# -- names -------------------------------------------------------------------------------------------------

cdef LinkName* links_find(Server* s, int kind, int db, const Key* name) noexcept nogil:
    """The name, if anybody is linked to it, else NULL."""
    cdef LinkChains* t = &s.links[kind].names
    cdef LinkName* n
    if t.count == 0:
        return NULL
    n = <LinkName*>t.slots[chain_of(t, name.placement)]
    while n != NULL:
        if n.placement == name.placement and n.db == db and n.len == name.len and memcmp(
                n.bytes, name.ptr, name.len) == 0:
            return n
        n = <LinkName*>n.chained.next
    return NULL


cdef void links_key(LinkName* n, Key* out) noexcept nogil:
    """The name as a key; it holds as long as the name."""
    out.ptr = n.bytes
    out.len = n.len
    out.placement = n.placement


cdef LinkName* link_name_new(Server* s, int kind, int db, const Key* name) noexcept nogil:
    cdef LinkTable* t = &s.links[kind]
    cdef LinkName* n = <LinkName*>ws_alloc(sizeof(LinkName) + name.len)
    memset(n, 0, sizeof(LinkName))
    n.chained.hash = name.placement
    n.placement = name.placement
    n.kind = kind
    n.db = db
    n.len = name.len
    memcpy(n.bytes, name.ptr, name.len)
    n.prev = t.last
    if t.last == NULL:
        t.first = n
    else:
        t.last.next = n
    t.last = n
    chain_add(&t.names, &n.chained)
    return n


cdef void link_name_free(Server* s, LinkName* n) noexcept nogil:
    cdef LinkTable* t = &s.links[n.kind]
    if n.prev == NULL:
        t.first = n.next
    else:
        n.prev.next = n.next
    if n.next == NULL:
        t.last = n.prev
    else:
        n.next.prev = n.prev
    chain_remove(&t.names, &n.chained)
    ws_free(n)


# -- links -------------------------------------------------------------------------------------------------

cdef inline uint64_t link_hash(const LinkName* n, const Client* c) noexcept nogil:
    cdef uint64_t h = (<uint64_t>n >> 4) * <uint64_t>0x9E3779B97F4A7C15 ^ c.id
    h *= <uint64_t>0xD6E8FEB86659FD93
    return h ^ h >> 32


cdef Link* link_between(Server* s, const LinkName* n, const Client* c) noexcept nogil:
    cdef LinkChains* t = &s.links[n.kind].links
    cdef Link* link = <Link*>t.slots[chain_of(t, link_hash(n, c))]
    while link != NULL and (link.name != n or link.client != c):
        link = <Link*>link.chained.next
    return link


cdef Link* links_of(Server* s, int kind, int db, const Key* name, const Client* c) noexcept nogil:
    """The client's link to a name, or NULL."""
    cdef LinkName* n = links_find(s, kind, db, name)
    return link_between(s, n, c) if n != NULL else NULL


cdef Link* links_add(Server* s, int kind, int db, const Key* name, Client* c) noexcept nogil:
    """Link a client to a name, last in its queue; NULL: it is linked already."""
    cdef LinkName* n = links_find(s, kind, db, name)
    cdef LinkList* own = &c.links[kind]
    cdef Link* link
    if n != NULL and link_between(s, n, c) != NULL:
        return NULL
    if n == NULL:
        n = link_name_new(s, kind, db, name)
    link = <Link*>ws_alloc(sizeof(Link))
    memset(link, 0, sizeof(Link))
    link.name = n
    link.client = c
    link.chained.hash = link_hash(n, c)
    link.prev = n.last
    if n.last == NULL:
        n.first = link
    else:
        n.last.next = link
    n.last = link
    n.count += 1
    link.own_prev = own.last
    if own.last == NULL:
        own.first = link
    else:
        own.last.own_next = link
    own.last = link
    own.count += 1
    chain_add(&s.links[kind].links, &link.chained)
    links_observe(s)
    return link


cdef void link_leave_name(LinkName* n, Link* link) noexcept nogil:
    if link.prev == NULL:
        n.first = link.next
    else:
        link.prev.next = link.next
    if link.next == NULL:
        n.last = link.prev
    else:
        link.next.prev = link.prev
    n.count -= 1


cdef void link_leave_client(LinkList* own, Link* link) noexcept nogil:
    if link.own_prev == NULL:
        own.first = link.own_next
    else:
        link.own_prev.own_next = link.own_next
    if link.own_next == NULL:
        own.last = link.own_prev
    else:
        link.own_next.own_prev = link.own_prev
    own.count -= 1


cdef void links_remove(Server* s, Link* link) noexcept nogil:
    """Take a link away; its name goes with the last one."""
    cdef LinkName* n = link.name
    chain_remove(&s.links[n.kind].links, &link.chained)
    link_leave_name(n, link)
    link_leave_client(&(<Client*>link.client).links[n.kind], link)
    ws_free(link)
    if n.count == 0:
        link_name_free(s, n)
    links_observe(s)


cdef void links_drop(Server* s, Client* c, int kind) noexcept nogil:
    """All links of a client of this kind."""
    while c.links[kind].first != NULL:
        links_remove(s, c.links[kind].first)


cdef void links_drop_all(Server* s, Client* c) noexcept nogil:
    cdef int kind
    for kind in range(LINK_KINDS):
        links_drop(s, c, kind)


cdef inline void links_observe(Server* s) noexcept nogil:
    """Keep Store.observers true: who is to hear of changes."""
    cdef uint32_t observers = s.store.observers & (OBSERVE_LOG | OBSERVE_SNAPSHOT)     # others set and clear these
    if s.store.config.notify_events & (EVENT_KEYSPACE | EVENT_KEYEVENT):
        observers |= OBSERVE_EVENTS
    if s.links[LINK_WATCH].names.count > 0:
        observers |= OBSERVE_WATCH
    if s.links[LINK_BLOCKED].names.count > 0:
        observers |= OBSERVE_BLOCKED
    s.store.observers = observers


# -- validation --------------------------------------------------------------------------------------------

cdef const char* validate_chains(LinkChains* t) noexcept nogil:
    cdef size_t i
    cdef size_t seen = 0
    cdef LinkChained* item
    for i in range(t.buckets):
        item = t.slots[i]
        while item != NULL:
            if chain_of(t, item.hash) != i:
                return b"a link lies in the wrong chain"
            seen += 1
            item = item.next
    if not (seen == t.count):
        return b"a chain's count is wrong"
    return NULL


cdef const char* validate_name(Server* s, LinkName* n, uint64_t* links) noexcept nogil:
    cdef Link* link = n.first
    cdef Link* before = NULL
    cdef Key key
    cdef uint64_t seen = 0
    links_key(n, &key)
    if place_key(n.bytes, n.len, s.store.seed) != n.placement or links_find(s, n.kind, n.db, &key) != n:
        return b"a name with links is not found"
    while link != NULL:
        if link.name != n or link.prev != before or link_between(s, n, <Client*>link.client) != link:
            return b"a link is not where it should be"
        if (<Client*>link.client).flags & CLIENT_CLOSED:
            return b"a closed client has links"
        seen += 1
        before = link
        link = link.next
    links[0] += seen
    if not (seen == n.count and seen > 0 and n.last == before):
        return b"a name's count of links is wrong"
    return NULL


cdef const char* validate_client_links(Client* c, int kind, uint64_t* links) noexcept nogil:
    cdef Link* link = c.links[kind].first
    cdef uint64_t seen = 0
    while link != NULL:
        if link.client != c or link.name.kind != kind:
            return b"a client's link is another's"
        seen += 1
        link = link.own_next
    links[0] += seen
    if not (seen == c.links[kind].count):
        return b"a client's count of links is wrong"
    return NULL


cdef const char* validate_link_table(Server* s, int kind) noexcept nogil:
    cdef LinkTable* t = &s.links[kind]
    cdef LinkName* n = t.first
    cdef uint64_t by_name = 0
    cdef uint64_t by_client = 0
    cdef const char* wrong = validate_chains(&t.names)
    cdef Client* c = s.first
    if wrong == NULL:
        wrong = validate_chains(&t.links)
    while n != NULL and wrong == NULL:
        wrong = validate_name(s, n, &by_name)
        n = n.next
    while c != NULL and wrong == NULL:
        wrong = validate_client_links(c, kind, &by_client)
        c = c.next
    if wrong == NULL and (by_name != t.links.count or by_client != t.links.count):
        return b"links are not all counted"
    return wrong


cdef const char* links_validate(Server* s) noexcept nogil:
    """Walk all links: NULL, or what is wrong with them."""
    cdef int kind
    cdef const char* wrong = NULL
    for kind in range(LINK_KINDS):
        if wrong == NULL:
            wrong = validate_link_table(s, kind)
    return wrong
