"""Who watches, waits for or listens to which name: one structure for WATCH, blocked clients, channels and patterns.

A table for each kind. It maps a name (with the index of a database where the kind has one) to a list of links, first
come first served; each link is also in a list of its client, so that a client's links go at what they cost to make.

```
 LinkTable.names   --> LinkName "k" db 0 --> Link <-> Link <-> Link      (queue of the name: oldest first)
 LinkTable.links   --> Link of (name, client)   |
 LinkTable.first   --> all names, oldest first  +--> Client.links[kind]: Link <-> Link ...   (its own, oldest first)
```

Both tables are chains that grow and shrink by one bucket at a time (linear hashing): no change moves more than one
chain.

Invariants
* A name exists exactly while it has links; a client has at most one link to a name of a kind.
* Client.links[kind].count, LinkName.count and LinkTable.links.count count the same links.
"""
from libc.stdint cimport uint32_t, uint64_t

cdef enum:                  # kinds of links
    LINK_WATCH = 0          # WATCH: names are keys
    LINK_BLOCKED = 1        # clients that wait for a key
    LINK_CHANNEL = 2        # SUBSCRIBE
    LINK_PATTERN = 3        # PSUBSCRIBE
    LINK_SHARD = 4          # SSUBSCRIBE
    LINK_KINDS = 5

cdef struct Link
cdef struct LinkName

cdef struct LinkChained:    # what a chain holds: first in LinkName and in Link
    LinkChained* next
    uint64_t hash

cdef struct LinkName:
    LinkChained chained
    LinkName* prev          # all names of the kind, oldest first
    LinkName* next
    Link* first             # its links, oldest first
    Link* last
    uint64_t count
    uint64_t mark           # the owner's, 0 at first
    int kind
    int db                  # 0 for kinds that know no databases
    uint64_t placement      # of the name as a key
    size_t len
    char bytes[1]

cdef struct Link:
    LinkChained chained
    LinkName* name
    void* client            # Client*
    Link* prev              # links of the name, oldest first
    Link* next
    Link* own_prev          # links of the client, oldest first
    Link* own_next
    uint64_t mark           # the owner's, 0 at first

cdef struct LinkList:       # a client's links of one kind
    Link* first
    Link* last
    uint64_t count

cdef struct LinkChains:
    LinkChained** slots
    size_t buckets          # in use; 0: none yet
    size_t cap
    size_t count

cdef struct LinkTable:
    LinkChains names
    LinkChains links
    LinkName* first
    LinkName* last
