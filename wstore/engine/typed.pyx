# The embedded store's hottest commands as methods, straight to the keyspace: no RESP, no command table.
#
# Invariant: without a loop (store.served is 0) the GIL alone guards the store, and these methods keep it; with one,
# they take the store's lock first, for which a thread that holds the GIL waits without it.
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from cpython.object cimport PyObject_Hash
from cpython.unicode cimport PyUnicode_AsUTF8AndSize

cdef str WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
cdef str TOO_LONG = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"


cdef inline int take_str(object o, Str* out) except -1:
    """The bytes of a key or value: bytes, or str as UTF-8. They are valid as long as the object."""
    cdef Py_ssize_t n
    if PyBytes_CheckExact(o):
        out.ptr = PyBytes_AS_STRING(o)
        out.len = PyBytes_GET_SIZE(o)
    elif isinstance(o, str):
        out.ptr = PyUnicode_AsUTF8AndSize(o, &n)
        out.len = n
    elif isinstance(o, bytes):
        out.ptr = PyBytes_AS_STRING(o)
        out.len = PyBytes_GET_SIZE(o)
    else:
        raise TypeError(f"an argument must be bytes or str, not {type(o).__name__}")
    return 0


cdef struct KeyBuffer:          # keys that a scan met, one after another, each behind its length
    Reply bytes
    size_t count


cdef void collect_key(void* arg, const Key* key, Entry* e) noexcept nogil:
    cdef KeyBuffer* keys = <KeyBuffer*>arg
    cdef size_t need = sizeof(size_t) + key.len
    if keys.bytes.len + need > keys.bytes.cap:
        keys.bytes.cap = max(keys.bytes.cap * 2, keys.bytes.len + need)
        keys.bytes.data = <char*>ws_realloc(keys.bytes.data, keys.bytes.cap)
    memcpy(keys.bytes.data + keys.bytes.len, &key.len, sizeof(size_t))
    memcpy(keys.bytes.data + keys.bytes.len + sizeof(size_t), key.ptr, key.len)
    keys.bytes.len += need
    keys.count += 1


cdef list take_keys(KeyBuffer* keys):
    """The collected keys as a list of bytes; frees the buffer."""
    cdef list out = []
    cdef size_t at = 0
    cdef size_t n, _
    for _ in range(keys.count):
        memcpy(&n, keys.bytes.data + at, sizeof(size_t))
        out.append(PyBytes_FromStringAndSize(keys.bytes.data + at + sizeof(size_t), n))
        at += sizeof(size_t) + n
    ws_free(keys.bytes.data)
    return out


# Inline functions, not methods: a call through the table of methods would cost a tenth of a get().

cdef inline int enter(TypedStore self) except -1:
    """Begin to use the store; hand the result to leave(). ValueError: it is closed."""
    return self.wait_for_lock() if self.store.served else 0


cdef inline int enter_to_write(TypedStore self) except -1:
    """The same for a change. ReplyError: the log fails, or this is a replica, or has too few."""
    return self.wait_to_write() if self.store.served else 0


cdef inline int leave(TypedStore self, int locked) except -1:
    """ReplyError: the change is not safe in the log."""
    return self.unlock() if locked else 0


cdef inline int check_length(TypedStore self, const Str* text) except -1:
    if text.len > <size_t>self.store.config.proto_max_bulk_len:
        raise ReplyError(TOO_LONG)
    return 0


cdef inline bint find_live(TypedStore self, const Key* key, Entry* e) noexcept:
    """Look a key up for reading; the clock is read only if the key has a TTL."""
    cdef Db* db = st_db(self.store, self.db_index)
    if ks_find(db, key, e):
        if e.expire_ms == NO_EXPIRE:
            self.store.stats.keyspace_hits += 1
            touch_entry(e)
            return True
        self.store.now_ms = ws_unix_ms()
    return ks_lookup(self.store, db, key, e, LOOKUP_READ)


cdef inline bint find_by_hash(TypedStore self, Py_hash_t hash, const Str* name, Entry* e) noexcept:
    """find_live for a key whose Python hash is at hand: at its remembered place, if it has one."""
    cdef Key key
    cdef bint remembers = recent_serves(self.store, self.db_index)
    if remembers and recent_find(self.recent, hash, self.store.places_stamp, name, e):
        self.store.stats.keyspace_hits += 1
        return True
    ks_key(self.store, name[0], &key)
    if not find_live(self, &key, e):
        return False
    if remembers and e.expire_ms == NO_EXPIRE:
        recent_note(self.recent, hash, self.store.places_stamp, e)
    return True


cdef inline object read_string(TypedStore self, Py_hash_t hash, const Str* name, bint* wrong_type):
    cdef Entry e
    cdef Str s
    cdef char digits[24]
    if not find_by_hash(self, hash, name, &e):
        return None
    if e.type != TYPE_STRING:
        wrong_type[0] = True
        return None
    s = view_string(&e, digits)
    return PyBytes_FromStringAndSize(s.ptr, s.len)


cdef inline void write_string(TypedStore self, Py_hash_t hash, const Str* name, Str text) noexcept:
    """Store a string without a TTL."""
    cdef Entry e
    cdef Value v
    cdef Key key
    cdef int64_t room
    cdef Db* db
    cdef bint remembers = recent_serves(self.store, self.db_index)
    value_of_string(self.store.api, text, &room, &v)
    self.store.dirty += 1
    if remembers and not self.store.observers and recent_find(
            self.recent, hash, self.store.places_stamp, name, &e) and same_shape(&e, &v, NO_EXPIRE):
        memcpy(e.value, v.ptr, v.len)
        return
    db = st_db(self.store, self.db_index)
    ks_key(self.store, name[0], &key)
    if ks_find(db, &key, &e):
        if e.expire_ms != NO_EXPIRE:
            self.store.now_ms = ws_unix_ms()
            ks_lookup(self.store, db, &key, &e, LOOKUP_WRITE)
        elif remembers:
            recent_note(self.recent, hash, self.store.places_stamp, &e)
    before_change(self.store, db, &e)
    ks_put(self.store, db, &key, &e, &v, NO_EXPIRE)
    if self.store.observers:
        st_changed(self.store, db, &key, EVENT_STRING, b"set")
        stream_set(server_of(self.store), self.db_index, name, &text)


cdef object set_plainly(TypedStore self, object key, object value):
    """set() without options."""
    cdef Str name, text
    cdef Py_hash_t hash
    if not PyBytes_CheckExact(value) and not isinstance(value, (bytes, str)):
        value = bytes_of_arg(value)
    take_str(key, &name)
    take_str(value, &text)
    check_length(self, &text)
    hash = PyObject_Hash(key)
    locked = enter_to_write(self)
    write_string(self, hash, &name, text)
    leave(self, locked)
    return True


cdef class TypedStore(Engine):
    """An Engine with typed methods for strings. Keys and values are bytes, or str as UTF-8; replies are bytes."""

    cdef RecentLine* recent                 # on a cache line
    cdef void* recent_memory

    def __cinit__(self):
        self.recent_memory = PyMem_Calloc(RECENT_LINES + 1, sizeof(RecentLine))
        if self.recent_memory == NULL:
            raise MemoryError("no memory for a store")
        self.recent = <RecentLine*>(<size_t>self.recent_memory + sizeof(RecentLine) & ~(sizeof(RecentLine) - 1))

    def __dealloc__(self):
        PyMem_Free(self.recent_memory)

    cdef int wait_for_lock(self) except -1:
        """Lock a store that a loop runs commands on. ValueError: it is closed."""
        self.check_open()
        server_enter(server_of(self.store))
        return 1

    cdef int wait_to_write(self) except -1:
        cdef Server* s = server_of(self.store)
        self.wait_for_lock()
        if log_error(s) or refuses_writes(s) or lacks_replicas(s):
            error = write_refusal(s)
            server_unlock(s)
            raise error
        return 1

    cdef int unlock(self) except -1:
        cdef Server* s = server_of(self.store)
        error = log_not_safe(s) if log_leave(s) else None
        wake_loop(s)
        server_unlock(s)
        if error is not None:
            raise error
        return 0

    cdef inline Db* current_db(self) noexcept:
        return st_db(self.store, self.db_index)

    def get(self, key):
        """The string at `key` (bytes), or None. Raises ReplyError if the key holds another type."""
        cdef Str name
        cdef bint wrong_type = False
        cdef Py_hash_t hash
        take_str(key, &name)
        hash = PyObject_Hash(key)
        locked = enter(self)
        try:
            out = read_string(self, hash, &name, &wrong_type)
        finally:
            leave(self, locked)
        if wrong_type:
            raise ReplyError(WRONG_TYPE)
        return out

    def set(self, key, value, *, ex=None, px=None, exat=None, pxat=None, bint nx=False, bint xx=False,
            bint keepttl=False, bint get=False):
        """SET: True, or None if nx or xx kept it from being stored; with get, the old value (bytes or None).

        value: bytes, str, int or float. ex, px: TTL in seconds, milliseconds; exat, pxat: Unix time of expiry in
        the same units. Raises ReplyError as SET does.
        """
        if not (nx or xx or keepttl or get or ex is not None or px is not None or exat is not None
                or pxat is not None):
            return set_plainly(self, key, value)
        args = ["SET", key, value]
        for word, amount in (("EX", ex), ("PX", px), ("EXAT", exat), ("PXAT", pxat)):
            if amount is not None:
                args += [word, amount]
        args += [word for word, wanted in (("NX", nx), ("XX", xx), ("KEEPTTL", keepttl), ("GET", get)) if wanted]
        reply = self.execute(*args)
        return reply if get or reply is None else True

    def delete(self, *keys):
        """Remove keys; how many there were (int)."""
        cdef Str name
        cdef Key k
        cdef Entry e
        cdef int64_t removed = 0
        for key in keys:
            take_str(key, &name)
            ks_key(self.store, name, &k)
            locked = enter_to_write(self)
            self.store.now_ms = ws_unix_ms()
            if ks_lookup(self.store, self.current_db(), &k, &e, LOOKUP_WRITE):
                ks_remove(self.store, self.current_db(), &k, &e)
                self.store.dirty += 1
                removed += 1
                if self.store.observers:
                    st_changed(self.store, self.current_db(), &k, EVENT_GENERIC, b"del")
                    stream_put_key(server_of(self.store), self.db_index, b"DEL", &k)
            leave(self, locked)
        return removed

    def mget(self, keys, *more):
        """The strings at these keys as a list, None where there is none or another type."""
        cdef Str name
        cdef Py_hash_t hash
        cdef bint wrong_type = False
        out = []
        for key in ((keys,) if isinstance(keys, (bytes, str)) else tuple(keys)) + more:
            take_str(key, &name)
            hash = PyObject_Hash(key)
            locked = enter(self)
            try:
                out.append(read_string(self, hash, &name, &wrong_type))
            finally:
                leave(self, locked)
        return out

    def __contains__(self, key):
        cdef Str name
        cdef Entry e
        cdef Py_hash_t hash
        take_str(key, &name)
        hash = PyObject_Hash(key)
        locked = enter(self)
        found = find_by_hash(self, hash, &name, &e)
        leave(self, locked)
        return bool(found)

    def __len__(self):
        self.check_open()
        return self.current_db().keys

    def select(self, int index):
        """Choose the database of all further calls. Raises ReplyError if there is no such database."""
        self.execute("SELECT", index)

    def scan(self, uint64_t cursor=0, size_t count=10):
        """(next cursor, keys): at least `count` keys from there on; the next cursor is 0 at the end."""
        cdef KeyBuffer keys
        cdef uint64_t following
        memset(&keys, 0, sizeof(keys))
        locked = enter(self)
        self.store.now_ms = ws_unix_ms()
        following = ks_scan(self.store, self.current_db(), cursor, count, collect_key, &keys)
        ks_drop_scanned(self.store, self.current_db(), cursor, following)
        leave(self, locked)
        return following, take_keys(&keys)

    def keys_in_slot(self, int slot, count=None):
        """Keys of one slot (0 .. 16383) as a list of bytes, `count` of them at the most."""
        cdef KeyBuffer keys
        cdef size_t most = <size_t>-1 if count is None else <size_t>count
        if not 0 <= slot < SLOT_COUNT:
            raise ValueError("a slot is 0 .. 16383")
        memset(&keys, 0, sizeof(keys))
        locked = enter(self)
        self.store.now_ms = ws_unix_ms()
        ks_scan_slot(self.store, self.current_db(), slot, most, collect_key, &keys)
        leave(self, locked)
        return take_keys(&keys)

    def random_key(self):
        """A key, each equally likely, or None if there is none."""
        cdef Key key
        cdef Entry e
        locked = enter(self)
        found = ks_random_key(self.store, self.current_db(), &key, &e)
        out = PyBytes_FromStringAndSize(key.ptr, key.len) if found else None
        leave(self, locked)
        return out

    def expire_at(self, key, int64_t expire_ms):
        """Let a key expire at a Unix time in ms (-1: never); False: no such key."""
        cdef Str name
        cdef Key k
        cdef Entry e
        take_str(key, &name)
        ks_key(self.store, name, &k)
        locked = enter_to_write(self)
        found = ks_lookup(self.store, self.current_db(), &k, &e, LOOKUP_WRITE)
        if found:
            had_ttl = e.expire_ms != NO_EXPIRE
            ks_set_expire(self.store, self.current_db(), &k, &e, expire_ms)
            if self.store.observers and (had_ttl or expire_ms != NO_EXPIRE):
                st_changed(self.store, self.current_db(), &k, EVENT_GENERIC,
                           b"persist" if expire_ms == NO_EXPIRE else b"expire")
                stream_expire_at(server_of(self.store), self.db_index, &k, expire_ms)
        leave(self, locked)
        return bool(found)

    def slot_counts_bytes(self):
        """Keys of each slot of the database: uint32[16384] in native byte order, as bytes."""
        locked = enter(self)
        out = PyBytes_FromStringAndSize(<char*>self.current_db().slot_counts, SLOT_COUNT * sizeof(uint32_t))
        leave(self, locked)
        return out


# A call of set() with nothing but key and value does not pass through the reading of eight options, which would be
# a tenth of it: the method that Cython made, which has the signature, is called for all others.

cdef extern from *:
    ctypedef object (*KeywordCall "_PyCFunctionFastWithKeywords")(object, PyObject**, Py_ssize_t, PyObject*)
    ctypedef struct PyMethodDef:
        void* ml_meth
        int ml_flags
    ctypedef struct PyMethodDescrObject:
        PyMethodDef* d_method
    enum: METH_FASTCALL, METH_KEYWORDS

cdef KeywordCall set_with_options = NULL


cdef object set_quickly(object self, PyObject** args, Py_ssize_t count, PyObject* names):
    if count == 2 and names == NULL:
        return set_plainly(<TypedStore>self, <object>args[0], <object>args[1])
    return set_with_options(self, args, count, names)


cdef void install_set_quickly():
    """Put set_quickly in front of TypedStore.set. A module that is made anew has the same method: not twice."""
    global set_with_options
    cdef PyMethodDef* method = (<PyMethodDescrObject*>TypedStore.__dict__["set"]).d_method
    if method.ml_meth != <void*>set_quickly and method.ml_flags == METH_FASTCALL | METH_KEYWORDS:
        set_with_options = <KeywordCall>method.ml_meth
        method.ml_meth = <void*>set_quickly


install_set_quickly()
