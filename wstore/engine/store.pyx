# The engine's Python face: one Store* with typed methods for the hottest commands, everything else by execute().
#
# Invariant: without a loop (store.served is 0) the GIL alone guards the store, and these methods keep it; with one,
# they take the store's lock first, which a thread that holds the GIL only ever tries for.
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8AndSize


cdef inline int take_str(object o, Str* out) except -1:
    """The bytes of `o`: bytes, or str as UTF-8. Valid as long as the object."""
    cdef Py_ssize_t n
    if PyBytes_CheckExact(o):
        out.ptr = PyBytes_AS_STRING(o)
        out.len = PyBytes_GET_SIZE(o)
        return 0
    if isinstance(o, str):
        out.ptr = PyUnicode_AsUTF8AndSize(o, &n)
        out.len = n
        return 0
    raise TypeError(f"a key must be bytes or str, not {type(o).__name__}")


cdef bytes key_bytes(const Key* key):
    return PyBytes_FromStringAndSize(key.ptr, key.len)


cdef struct KeyBuffer:          # keys that a scan met, one after another, each behind its length
    Reply bytes
    size_t count


cdef void collect_key(void* arg, const Key* key, Entry* e) noexcept nogil:
    cdef KeyBuffer* keys = <KeyBuffer*>arg
    cdef size_t need = sizeof(size_t) + key.len
    if keys.bytes.len + need > keys.bytes.cap:
        reply_grow(&keys.bytes, need)
    memcpy(keys.bytes.data + keys.bytes.len, &key.len, sizeof(size_t))
    memcpy(keys.bytes.data + keys.bytes.len + sizeof(size_t), key.ptr, key.len)
    keys.bytes.len += need
    keys.count += 1


cdef list take_keys(KeyBuffer* keys):
    """The collected keys as a list of bytes; frees the buffer."""
    cdef list out = []
    cdef size_t at = 0, n, i
    for i in range(keys.count):
        memcpy(&n, keys.bytes.data + at, sizeof(size_t))
        out.append(PyBytes_FromStringAndSize(keys.bytes.data + at + sizeof(size_t), n))
        at += sizeof(size_t) + n
    ws_free(keys.bytes.data)
    return out


cdef class Engine:
    """A keyspace with its command tables, in this process.

    databases: how many can be selected (int >= 1).
    """
    cdef Store* store
    cdef int db_index
    cdef public object config   # wstore.admin.config.Config, or None

    def __cinit__(self, int databases=16):
        if databases < 1:
            raise ValueError("databases must be at least 1")
        self.store = store_new(databases)
        if self.store == NULL:
            raise MemoryError("no address space or no random numbers for a store")
        self.store.engine = <void*>self
        server_create(self.store)

    def __dealloc__(self):
        if self.store != NULL:
            if self.store.server != NULL:
                server_destroy(server_of(self.store))
            with nogil:
                store_free(self.store)

    cdef inline Db* current_db(self):
        return st_db(self.store, self.db_index)

    # -- typed methods -------------------------------------------------------------------------------------------

    def get(self, key):
        """The string at `key` as bytes, or None. Raises ReplyError (WRONGTYPE) for another type."""
        cdef Str name
        cdef Key k
        cdef Entry e
        cdef Str s
        cdef char digits[24]
        cdef object out = None
        take_str(key, &name)
        ks_key(self.store, name, &k)
        if ks_find(self.current_db(), &k, &e):
            if e.expire_ms != NO_EXPIRE:
                self.store.now_ms = ws_unix_ms()
                if is_expired(self.store, &e):
                    drop_expired(self.store, self.current_db(), &k, &e)
                    return None
            s = view_string(&e, digits)
            out = PyBytes_FromStringAndSize(s.ptr, s.len)
        return out

    def set(self, key, value):
        """Store a string value (bytes, or str as UTF-8, or int) under `key`."""
        cdef Str name, text
        cdef Key k
        cdef Entry e
        cdef Value v
        cdef int64_t room
        take_str(key, &name)
        take_str(value, &text)
        ks_key(self.store, name, &k)
        ks_lookup(self.store, self.current_db(), &k, &e, LOOKUP_WRITE)
        value_of_string(self.store.api, text, &room, &v)
        ks_put(self.store, self.current_db(), &k, &e, &v, NO_EXPIRE)
        return True

    def delete(self, key):
        cdef Str name
        cdef Key k
        cdef Entry e
        take_str(key, &name)
        ks_key(self.store, name, &k)
        if not ks_lookup(self.store, self.current_db(), &k, &e, LOOKUP_WRITE):
            return False
        ks_remove(self.store, self.current_db(), &k, &e)
        return True

    def __len__(self):
        return self.current_db().keys

    def expire_at(self, key, int64_t expire_ms):
        cdef Str name
        cdef Key k
        cdef Entry e
        take_str(key, &name)
        ks_key(self.store, name, &k)
        if not ks_lookup(self.store, self.current_db(), &k, &e, LOOKUP_WRITE):
            return False
        ks_set_expire(self.store, self.current_db(), &k, &e, expire_ms)
        return True

    def tick(self, int64_t now_ms, int64_t budget_us=1000000):
        self.store.now_ms = now_ms
        ks_cron(self.store, budget_us)
        return ks_turn(self.store, budget_us)

    def scan(self, uint64_t cursor=0, size_t count=10):
        """(next cursor, keys) as SCAN: at least `count` keys unless the scan is at its end (cursor 0)."""
        cdef KeyBuffer keys
        cdef uint64_t following
        memset(&keys, 0, sizeof(keys))
        following = ks_scan(self.store, self.current_db(), cursor, count, collect_key, &keys)
        return following, take_keys(&keys)

    def keys_in_slot(self, int slot, count=None):
        """The keys of one slot (0 .. 16383) as a list of bytes, `count` of them at the most."""
        cdef KeyBuffer keys
        cdef size_t most
        if not 0 <= slot < SLOT_COUNT:
            raise ValueError("Invalid slot")
        most = <size_t>-1 if count is None else count
        memset(&keys, 0, sizeof(keys))
        ks_scan_slot(self.store, self.current_db(), slot, most, collect_key, &keys)
        return take_keys(&keys)

    def slot_counts_bytes(self):
        """Keys of each slot of the selected database: uint32[16384], native byte order, as bytes."""
        return PyBytes_FromStringAndSize(<char*>self.current_db().slot_counts, SLOT_COUNT * sizeof(uint32_t))

    def random_key(self):
        cdef Key key
        cdef Entry e
        return key_bytes(&key) if ks_random_key(self.store, self.current_db(), &key, &e) else None

    def validate(self):
        """Walk every database and check all invariants of its structures. Raises AssertionError."""
        cdef int i
        cdef const char* wrong
        for i in range(self.store.db_count):
            if self.store.dbs[i] != NULL:
                wrong = db_validate(self.store, self.store.dbs[i])
                if wrong != NULL:
                    raise AssertionError(f"database {i}: {wrong.decode()}")

    def memory(self):
        """Bytes: of records, of the table, of values outside the arena, by malloc in all; segments."""
        cdef int i
        cdef Keyspace* ks
        out = {"arena": 0, "table": 0, "blobs": 0, "segments": 0, "malloc": ws_alloc_used()}
        for i in range(self.store.db_count):
            if self.store.dbs[i] != NULL:
                ks = keyspace_of(self.store.dbs[i])
                out["arena"] += ws_arena_bytes(&ks.arena)
                out["table"] += ws_region_bytes(&ks.region)
                out["blobs"] += ks.blob_bytes
                out["segments"] += ks.segments
        return out

    # -- commands ------------------------------------------------------------------------------------------------

    def execute(self, *args):
        """Run any command: execute("SET", "key", b"value"). Arguments: bytes, str (as UTF-8), int or float.

        The reply as a value: simple string str, bulk bytes, integer int, double float, null None, array list, map
        dict, set set, boolean bool. An error reply raises ReplyError.
        """
        return execute_args(self.store, args, &self.db_index)

    def adopt(self, capsule):
        """Take over a command module's tables. ValueError with the reason: the old ones stay in force."""
        server_enter(server_of(self.store))
        try:
            table_adopt(self.store, capsule)
        finally:
            server_unlock(server_of(self.store))

    def register(self, commands):
        """Add commands written in Python (an iterable of PyCommand). ValueError: a name is taken; none is added."""
        server_enter(server_of(self.store))
        try:
            table_register(self.store, commands)
        finally:
            server_unlock(server_of(self.store))

    def command_specs(self):
        """The commands in force: a dict each of name, arity, flags, first_key, last_key, key_step."""
        return table_specs(self.store)

    def command_stats(self):
        """name -> (calls, microseconds, rejected, failed) of commands that have been called or refused."""
        return table_stats(self.store)

    def latency_stats(self, percentiles=(50.0, 99.0, 99.9)):
        """name -> microseconds that these percentages of its calls took at the most (list of float)."""
        return table_latencies(self.store, percentiles)

    def error_stats(self):
        """First word of an error reply -> how many were sent."""
        cdef Server* s = server_of(self.store)
        cdef size_t i
        return {s.errors[i].code.decode("utf-8", "surrogateescape"): s.errors[i].count
                for i in range(s.error_count)}

    def stats(self):
        """The counters of abi.Stats by name (int)."""
        return stats_dict(self.store)

    def reset_stats(self):
        """CONFIG RESETSTAT: all counters from zero."""
        memset(&self.store.stats, 0, sizeof(self.store.stats))
        stats_reset(server_of(self.store))

    def set_option(self, name, int64_t value):
        """Set a field of abi.Config; those of arrays are named "obuf_hard.0". KeyError if there is none."""
        config_field(self.store, name)[0] = value

    def get_option(self, name):
        return config_field(self.store, name)[0]

    # -- clients -------------------------------------------------------------------------------------------------

    def clients(self):
        """All connections, oldest first, as ClientInfo."""
        return all_clients(server_of(self.store))

    def client_count(self):
        return server_of(self.store).client_count

    def kill_client(self, client_id):
        """Close a connection; the one that is asking still gets its reply. False: there is none of that id."""
        return kill_client(server_of(self.store), client_id)

    def pause(self, until_ms, everything):
        """Hold back all commands, or only writes, until a Unix time in ms; a longer or wider pause stays."""
        cdef Server* s = server_of(self.store)
        cdef int64_t until = until_ms
        s.pause_all = everything or (s.pause_all and s.pause_until_ms > ws_unix_ms())
        s.pause_until_ms = max(until, s.pause_until_ms)
        server_configure(s)

    def unpause(self):
        cdef Server* s = server_of(self.store)
        s.pause_until_ms = 0
        server_configure(s)

    def slow_log(self, count=-1):
        """The newest slow commands first: [id, Unix seconds, microseconds, [argument], address, name]."""
        return slow_log_entries(server_of(self.store), count if count >= 0 else 1 << 62)

    def slow_log_length(self):
        return server_of(self.store).slow_count

    def reset_slow_log(self):
        slow_log_resize(server_of(self.store), 0)

    def request_shutdown(self):
        """End the loop after the turn at hand, whose replies still go out; nothing if there is none."""
        cdef Server* s = server_of(self.store)
        s.stopping = 1
        if s.wake_fd >= 0:
            ws_wake(s.wake_fd)
