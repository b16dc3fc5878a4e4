"""The interface between the engine and a command module: plain C structs, no code.

Both extensions compile these definitions; `ABI_VERSION` is raised whenever a layout here changes, and a
command module built against another number is refused.  The engine calls a command module through the two
tables `CommandSpec` and `TypeOps` only; a command module calls the engine through `EngineApi` only.

Invariants
* A handler runs on the one thread that runs commands, with the store locked.
* `Entry` and every `Str` taken from it hold until the next call that may change the keyspace
  (`put`, `remove`, `set_expire`, and `lookup`, `random_key` and `drop_scanned`, which may drop expired keys).
* `Call.argv` slices point into the client's query buffer: valid until the handler returns.
* Nothing in a command module outlives a reload: all state hangs off `Store`.
"""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef struct Call
cdef struct CommandSpec
cdef struct EngineApi
cdef struct Store
cdef struct TypeOps

cdef enum:
    ABI_VERSION = 12
    SLOT_COUNT = 16384
    BATCH_KEYS = 16         # keys to look up together: as many cache lines as a core fetches at a time
    APPROACH_STEPS = 5      # lines of memory between a record and a member of its value, at most
    NO_EXPIRE = -1          # Entry.expire_ms / put(): the key has no TTL
    KEEP_TTL = -2           # put(): keep the TTL that the key has

cdef enum ValueType:        # 3 bits in a record; the numbers are Redis's object types
    TYPE_STRING = 0
    TYPE_LIST = 1
    TYPE_SET = 2
    TYPE_ZSET = 3
    TYPE_HASH = 4
    TYPE_LIMIT = 8

cdef enum Encoding:         # 3 bits in a record: how its value area is to be read
    ENC_BYTES = 0           # length, then the bytes
    ENC_RAW = 1             # the same; the string was edited in place (OBJECT ENCODING: raw)
    ENC_INT8 = 2            # little-endian signed integer in 1, 2, 4, 8 bytes
    ENC_INT16 = 3
    ENC_INT32 = 4
    ENC_INT64 = 5
    ENC_BLOB = 6            # 8-byte pointer to a Blob (long strings)
    ENC_PTR = 7             # 8-byte pointer that the type's TypeOps own

cdef enum LookupFlag:
    LOOKUP_READ = 0         # counts keyspace_hits/misses, refreshes the access bits
    LOOKUP_WRITE = 1        # announces a change to come: must be used before any put/remove/edit in place
    LOOKUP_NOTOUCH = 2      # neither counts nor touches (OBJECT, TYPE, TTL, SCAN ...)
    LOOKUP_HELD = 3         # the same, and finds what has expired but is still held (DEBUG, MEMORY USAGE)
    LOOKUP_DELETE = 4       # LOOKUP_WRITE, and on a replica it finds what has expired (DEL)

cdef enum EventClass:       # classes of keyspace events, as letters of notify-keyspace-events
    EVENT_KEYSPACE = 1 << 0     # K
    EVENT_KEYEVENT = 1 << 1     # E
    EVENT_GENERIC = 1 << 2      # g
    EVENT_STRING = 1 << 3       # $
    EVENT_LIST = 1 << 4         # l
    EVENT_SET = 1 << 5          # s
    EVENT_HASH = 1 << 6         # h
    EVENT_ZSET = 1 << 7         # z
    EVENT_EXPIRED = 1 << 8      # x
    EVENT_EVICTED = 1 << 9      # e
    EVENT_STREAM = 1 << 10      # t
    EVENT_KEY_MISS = 1 << 11    # m, not in A
    EVENT_MODULE = 1 << 13      # d
    EVENT_NEW = 1 << 14         # n, not in A

cdef enum Observer:         # Store.observers: who is to hear of changes
    OBSERVE_EVENTS = 1 << 0     # notify-keyspace-events is set
    OBSERVE_WATCH = 1 << 1      # a client watches a key
    OBSERVE_BLOCKED = 1 << 2    # a client waits for a key
    OBSERVE_LOG = 1 << 3        # writes go to the stream: effects are wanted
    OBSERVE_SNAPSHOT = 1 << 4   # a snapshot is being taken: segments are saved before they change
    OBSERVE_CHANGES = OBSERVE_EVENTS | OBSERVE_WATCH | OBSERVE_BLOCKED      # those that are told of each key

cdef enum ChannelKind:      # what clients listen to
    CHANNEL_PLAIN = 0
    CHANNEL_PATTERN = 1     # channels whose names match
    CHANNEL_SHARD = 2

cdef enum ClientPlace:      # where a client is
    PLACE_REMOTE = 0
    PLACE_MACHINE = 1       # on this machine: loopback or a Unix socket
    PLACE_PROCESS = 2       # in this process: Engine.execute

cdef enum CommandFlag:      # as in COMMAND INFO
    CMD_WRITE = 1 << 0
    CMD_READONLY = 1 << 1
    CMD_DENYOOM = 1 << 2
    CMD_ADMIN = 1 << 3
    CMD_PUBSUB = 1 << 4
    CMD_NOSCRIPT = 1 << 5
    CMD_BLOCKING = 1 << 6
    CMD_LOADING = 1 << 7
    CMD_STALE = 1 << 8
    CMD_SKIP_MONITOR = 1 << 9
    CMD_SKIP_SLOWLOG = 1 << 10
    CMD_ASKING = 1 << 11
    CMD_FAST = 1 << 12
    CMD_NO_AUTH = 1 << 13
    CMD_MAY_REPLICATE = 1 << 14
    CMD_NO_ASYNC_LOADING = 1 << 15
    CMD_NO_MULTI = 1 << 16
    CMD_MOVABLE_KEYS = 1 << 17
    CMD_ALLOW_BUSY = 1 << 18
    CMD_CONTAINER = 1 << 19     # has subcommands: the engine looks "name|sub" up
    CMD_PROTECTED = 1 << 20

cdef struct Str:            # a slice of bytes, not owned, not terminated
    const char* ptr
    size_t len

cdef struct Blob:           # a long string outside the arena
    size_t len
    size_t cap
    char data[1]            # cap bytes

cdef struct Key:
    const char* ptr
    size_t len
    uint64_t placement      # slot (14 bits) in front, 50 bits of keyed hash behind

cdef struct Value:          # what put() stores: type, encoding and the bytes of the value area
    const void* ptr         # ENC_BYTES/RAW: the bytes; ENC_INT*: the integer; ENC_BLOB/PTR: the 8-byte pointer
    size_t len              # ENC_BYTES/RAW: their number; else 1, 2, 4 or 8
    uint8_t type
    uint8_t enc

cdef struct Entry:          # a key found, decoded
    uint8_t* rec            # the record; NULL: no such key
    uint8_t* value          # first byte of the value area, behind its length
    size_t len              # bytes there
    int64_t expire_ms       # absolute Unix time, or NO_EXPIRE
    uint8_t type
    uint8_t enc
    uint8_t index           # of the entry in its bucket
    void* bucket
    void* segment

cdef struct Reply:          # an output buffer; reply.pxd writes to it
    char* data
    size_t len
    size_t cap

cdef struct Db:
    int index
    uint64_t keys
    uint64_t expires        # keys that have a TTL
    uint32_t* slot_counts   # uint32[16384], exact at all times
    void* keyspace          # engine's own

cdef struct Stats:          # counters of INFO; CONFIG RESETSTAT zeroes them
    uint64_t connections_received
    uint64_t commands_processed
    uint64_t net_input_bytes
    uint64_t net_output_bytes
    uint64_t rejected_connections
    uint64_t expired_keys
    uint64_t expired_stale_cycles
    uint64_t keyspace_hits
    uint64_t keyspace_misses
    uint64_t error_replies
    uint64_t reads_processed
    uint64_t writes_processed
    uint64_t loop_turns
    uint64_t query_buffer_limit_disconnections
    uint64_t output_buffer_limit_disconnections
    uint64_t moved_cells            # records that page evacuation moved
    uint64_t unauthenticated_denied
    uint64_t longest_turn_us        # longest turn of the loop since RESETSTAT
    uint64_t lazyfreed_objects      # keys and big values that were freed in the background; other threads add to it

cdef struct Config:         # directives that nogil code reads, set by name from Python
    int64_t maxclients
    int64_t timeout
    int64_t tcp_keepalive
    int64_t proto_max_bulk_len
    int64_t client_query_buffer_limit
    int64_t slowlog_log_slower_than
    int64_t slowlog_max_len
    int64_t hz
    int64_t active_expire           # DEBUG SET-ACTIVE-EXPIRE
    int64_t protected_mode
    int64_t obuf_hard[3]            # client-output-buffer-limit normal, replica, pubsub: bytes
    int64_t obuf_soft[3]
    int64_t obuf_soft_seconds[3]
    int64_t requires_auth           # 1: the default user has a password
    int64_t latency_tracking
    int64_t lazyfree_lazy_user_flush
    int64_t lazyfree_lazy_user_del
    int64_t loglevel                # 0 debug .. 3 warning
    int64_t tcp_nodelay
    int64_t enable_debug            # enable-debug-command: 0 no, 1 yes, 2 only from this machine
    int64_t hash_max_listpack_entries   # the thresholds of OBJECT ENCODING's names
    int64_t hash_max_listpack_value
    int64_t set_max_intset_entries
    int64_t zset_max_listpack_entries
    int64_t zset_max_listpack_value
    int64_t list_max_listpack_size      # positive: elements of a node; -1 .. -5: 4, 8, 16, 32, 64 KB
    int64_t list_compress_depth         # nodes at each end that are not compressed; 0: none are
    int64_t notify_events               # EventClass bits of notify-keyspace-events
    int64_t rdb_compression
    int64_t rdb_checksum
    int64_t rdb_skip_unsupported
    int64_t appendfsync                 # 0 no, 1 everysec, 2 always
    int64_t aof_segment_size            # bytes; 0: no roll-over by size
    int64_t lazyfree_lazy_expire
    int64_t no_appendfsync_on_rewrite
    int64_t aof_retention_bytes         # of history; 0: no limit; with the other 0 as well: none is kept
    int64_t aof_retention_time          # seconds
    int64_t replica_read_only
    int64_t replica_serve_stale_data
    int64_t repl_backlog_size
    int64_t repl_timeout                # seconds
    int64_t repl_ping_replica_period    # seconds
    int64_t min_replicas_to_write
    int64_t min_replicas_max_lag        # seconds
    int64_t spare[5]

ctypedef void (*ChannelFn)(void* arg, Str channel) noexcept nogil
ctypedef void (*ScanFn)(void* arg, const Key* key, Entry* entry) noexcept nogil

cdef struct Store:
    EngineApi* api
    void* table             # the engine's command table in force
    const TypeOps* types[8]
    Db** dbs                # dbs[i] is NULL until first used: call api.db
    int db_count
    bint is_replica         # expired keys are hidden, not deleted
    bint obeying            # commands of the master's stream run: nothing expires for them
    bint loading
    int64_t now_ms          # Unix time of this turn of the loop
    int64_t dirty           # changes; each write command adds what Redis would
    Stats stats
    Config config
    uint64_t seed[2]        # of the keyed hash
    uint64_t random_state   # of RANDOMKEY and the like
    uint64_t places_stamp   # raised when a record was freed or moved, and by flush, swap and ageing
    uint32_t epoch          # number of the last snapshot that has begun; frozen values have epochs of their own
    bint served             # a loop runs commands, or the store is closed: embedded calls look and lock first
    int64_t background_frees    # databases and big values being freed on other threads
    uint32_t observers      # Observer bits; 0: a change needs no more than to be made
    bint no_touch           # the client at hand leaves access bits alone (CLIENT NO-TOUCH)
    void* server            # engine's own: the loop, when it runs
    void* engine            # engine's own: PyObject* of the Engine
    Store* home             # whose the values are in the end, and may point to: itself, or that whose twin this is

cdef struct CommandSpec:
    const char* name        # lower case; "parent|sub" for a subcommand
    int arity               # as in COMMAND INFO: negative means at least
    uint64_t flags
    int first_key
    int last_key            # may be negative, counted from the end
    int key_step
    void (*fn)(Call*) noexcept nogil    # or NULL for a Python handler
    void* pyfn              # PyObject*: called as pyfn(session, args), see engine/pyhandler.pyx
    void* stats             # engine's own: counters that outlive a reload

cdef struct Call:           # one command on its way through
    EngineApi* api
    Store* store
    void* client            # engine's Client
    Db* db                  # the client's selected database
    const CommandSpec* spec
    Str* argv
    int argc
    int resp                # protocol: 2 or 3
    Reply* out
    Key key                 # of argv[spec.first_key], if the command has keys: hashed and prefetched
    int64_t now_ms
    int ready_arg           # the call was blocked and argv[ready_arg] has become ready: look at no other; else 0

cdef struct Approach:       # a member of a big value, on its way into the caches ahead of the command that wants it
    const TypeOps* ops
    const void* value       # the pointer of the ENC_PTR value
    const Str* args         # what stands behind the key in the command: the member is among it, as a rule
    int arg_count
    uint64_t hash           # the type's own, as is `at`: kept from step to step
    const void* at

cdef struct TypeOps:        # how the engine treats values of one type
    const char* name        # as TYPE answers
    # ENC_PTR only; the engine frees blobs. Many nodes go to api.free_later. May run on another thread (FLUSHALL ASYNC)
    void (*free)(Store*, const Entry*) noexcept nogil
    size_t (*memory)(Store*, const Entry*) noexcept nogil      # bytes outside the record
    int (*encode)(Store*, const Entry*, Reply* out) noexcept nogil     # append RDB type byte and object
    # Parse an RDB object of RDB type `rdb_type` from data[*pos:len]; stores it under key. 0, or -1: bad data
    int (*decode)(Store*, Db*, const Key*, int rdb_type, Str data, size_t* pos, int64_t expire_ms) noexcept nogil
    int (*copy)(Store*, Db*, const Key*, const Entry* source, int64_t expire_ms) noexcept nogil
    void (*digest)(Store*, const Entry*, uint8_t* sha1_xor) noexcept nogil
    const char* (*encoding)(Store*, const Entry*) noexcept nogil        # as OBJECT ENCODING answers
    size_t (*length)(Store*, const Entry*) noexcept nogil               # elements; of a string: bytes
    const char* (*validate)(Store*, const Entry*) noexcept nogil        # walk the value: NULL, or what is wrong
    # -- a big value (ENC_PTR) in a snapshot: a thread reads it as it stood while commands go on changing it
    # Take the value down as it stands. From here on no node that stands now is changed in place or freed, but replaced
    # by a copy, until thaw; a value freed or emptied in between is kept for the snapshot as well. Costs what the
    # directory of nodes costs, not the nodes. At most one at a time for a value. May run on the snapshot's thread,
    # while commands keep off the value. NULL: small, encode it at once
    void* (*freeze)(Store*, const Entry*) noexcept nogil
    # Append the next node or so (64 KB, about) of the RDB object, at first its type byte and count; 0: that was all.
    # On the snapshot's thread, without any lock
    bint (*encode_frozen)(Store*, void* frozen, Reply* out) noexcept nogil
    # The snapshot is done with it: frees what was kept for it only. On the thread that runs commands
    void (*thaw)(Store*, void* frozen) noexcept nogil
    # Have one more line of memory that leads to a member fetched: step 0 .. APPROACH_STEPS - 1; what one step asks for
    # is there in the next. Changes nothing; NULL: not worth it
    void (*approach)(Store*, Approach*, int step) noexcept nogil

cdef struct EngineApi:
    uint32_t abi
    # -- keyspace ---------------------------------------------------------------------------------
    Db* (*db)(Store*, int index) noexcept nogil                 # creates it when first used
    void (*key)(Store*, Str name, Key* out) noexcept nogil
    # Hash names[0], names[step], ... and have the memory that their lookups read come near; n <= BATCH_KEYS
    void (*keys)(Store*, Db*, const Str* names, size_t step, size_t n, Key* out) noexcept nogil
    bint (*lookup)(Store*, Db*, const Key*, Entry* out, int flags) noexcept nogil   # 1 if found
    # Store `value` under key. `old` is what lookup(..LOOKUP_WRITE) gave just before (old.rec NULL if absent);
    # the old value is freed, unless value.ptr lies in it (allowed for ENC_BYTES/RAW) or it is the same
    # ENC_BLOB/ENC_PTR pointer. expire_ms: Unix ms, NO_EXPIRE or KEEP_TTL. Then `old` holds no more: look up again.
    void (*put)(Store*, Db*, const Key*, Entry* old, const Value* value, int64_t expire_ms) noexcept nogil
    void (*remove)(Store*, Db*, const Key*, Entry* entry) noexcept nogil
    # Take the key out without freeing its ENC_BLOB / ENC_PTR value (RENAME, MOVE): the caller owns that now
    void (*detach)(Store*, Db*, const Key*, Entry* entry) noexcept nogil
    void (*set_expire)(Store*, Db*, const Key*, Entry* entry, int64_t expire_ms) noexcept nogil
    # The blob of an ENC_BLOB entry (LOOKUP_WRITE), to be changed in place, with room for `size` bytes or more; without
    # this it may not change. The entry holds, the blob may move
    Blob* (*edit_blob)(Store*, Db*, Entry* entry, size_t size) noexcept nogil
    # Visit at least `count` live keys (fewer at the end) from `cursor`; returns the next cursor, 0: done
    uint64_t (*scan)(Store*, Db*, uint64_t cursor, size_t count, ScanFn fn, void* arg) noexcept nogil
    # Drop expired keys that a scan from `cursor` to `following` passed over: most of them
    void (*drop_scanned)(Store*, Db*, uint64_t cursor, uint64_t following) noexcept nogil
    # Visit at most `count` live keys of one slot; costs what the slot holds
    size_t (*scan_slot)(Store*, Db*, int slot, size_t count, ScanFn fn, void* arg) noexcept nogil
    bint (*random_key)(Store*, Db*, Key* out, Entry* entry) noexcept nogil  # out.ptr points into the record
    void (*flush)(Store*, int index, bint background) noexcept nogil        # index -1: all databases
    void (*swap)(Store*, int a, int b) noexcept nogil
    size_t (*record_size)(Store*, Db*, const Entry*) noexcept nogil     # bytes of its cell and table entry
    int64_t (*idle_seconds)(Store*, const Entry*) noexcept nogil        # coarse: see docs/differences.md
    # -- memory: never NULL, the process ends with a log line when there is none ---------------------
    void* (*alloc)(size_t size) noexcept nogil
    void* (*realloc)(void*, size_t size) noexcept nogil
    void (*free)(void*) noexcept nogil
    # -- replies and clients ----------------------------------------------------------------------------
    void (*reply_grow)(Reply*, size_t more) noexcept nogil      # make room for `more` bytes
    int (*select_db)(Call*, int64_t index) noexcept nogil       # 0, or -1: out of range
    void (*close_after_reply)(Call*) noexcept nogil
    void (*multi)(Call*) noexcept nogil                         # these three reply
    void (*execute_queued)(Call*) noexcept nogil
    void (*discard)(Call*) noexcept nogil
    void (*watch)(Call*) noexcept nogil                         # argv[1:]; these two reply as well
    void (*unwatch)(Call*) noexcept nogil
    int (*client_place)(Call*) noexcept nogil                   # a ClientPlace
    # -- publish and subscribe: kinds are ChannelKind -----------------------------------------------------
    bint (*may_subscribe)(Call*, int kind) noexcept nogil       # 0: it may not, and the reply says why
    bint (*subscribed)(Call*) noexcept nogil                    # the client has subscriptions of any kind
    bint (*subscribe)(Call*, int kind, Str channel) noexcept nogil      # 0: it had it already
    bint (*unsubscribe)(Call*, int kind, Str channel) noexcept nogil    # 0: it had none
    # How many the client has; *oldest, unless NULL: the channel of its oldest one, which holds until that is ended
    uint64_t (*subscriptions)(Call*, int kind, Str* oldest) noexcept nogil
    uint64_t (*publish)(Store*, int kind, Str channel, Str message) noexcept nogil  # how many clients received it
    uint64_t (*subscribers)(Store*, int kind, Str channel) noexcept nogil
    # Call fn, unless NULL, for each channel or pattern that somebody listens to; how many there are
    uint64_t (*channels)(Store*, int kind, ChannelFn fn, void* arg) noexcept nogil
    # -- changes: through note_change and note_event of changes.pxd only ----------------------------------
    void (*changed)(Store*, Db*, const Key*, uint32_t event_class, const char* event) noexcept nogil
    void (*event)(Store*, Db*, const Key*, uint32_t event_class, const char* event) noexcept nogil
    # Park the client until one of argv[first .. first + count - 1] has become ready for this command or deadline_ms
    # (Unix time; 0: none) has passed, which replies a null array. Then the command runs again with ready_arg set (it
    # may block again and keeps its place in the queue). 0: this client may not block (MULTI, embedded): reply now
    bint (*block)(Call*, int first, int count, int64_t deadline_ms) noexcept nogil
    # Have argv[0:argc] stand in the stream for the command at hand; may be called several times. argc 0: nothing does.
    # A handler that does not call it is logged as it came, if it raised `dirty`. Through effect() of changes.pxd only
    void (*effect)(Call*, int argc, const Str* argv) noexcept nogil
    # Have fn(p) run on the background thread; counted in background_frees until done
    void (*free_later)(Store*, void (*fn)(void*) noexcept nogil, void* p) noexcept nogil
    void (*log)(Store*, int level, const char* line) noexcept nogil
    int (*fault_kind)(const char* name, size_t n) noexcept nogil        # csrc/faults.h
    void (*arm_fault)(int kind, int64_t after, int64_t times, int error) noexcept nogil
    # Reply how many replicas have this client's writes, as soon as they are so many, or at deadline_ms (Unix time; 0:
    # never), or at once for a client that may not block
    void (*wait_replicas)(Call*, int64_t wanted, int64_t deadline_ms) noexcept nogil
    void (*administer)(Call*) noexcept nogil        # have Engine.persistence.answer(args) reply, in Python


cdef struct Module:         # what a command module hands over, in a PyCapsule named "wstore.module"
    uint32_t abi
    const char* version
    const CommandSpec* specs
    size_t spec_count
    const TypeOps* types[8]     # by ValueType; NULL: no such type here
