# One big value as it stands now, encoded piece by piece while commands go on changing it: TypeOps.freeze for Python.
#
# Invariants
# * `value` is a frozen value of type `ops`, or NULL once it is thawed. Until then there is a reference to the engine,
#   not one that the collector of cycles may take away before __dealloc__.
# * A step takes neither the GIL nor the store's lock; one thread at a time may be in it.
from cpython.ref cimport Py_DECREF, Py_INCREF


cdef class Frozen:
    """What Engine.freeze returns. `done`: the object has been encoded to its end."""
    cdef void* engine           # PyObject*
    cdef Store* store
    cdef const TypeOps* ops
    cdef void* value
    cdef readonly bint done

    def step(self):
        """The next bytes of the RDB object, its type byte first; b"" once it is done."""
        cdef Reply out
        if self.value == NULL:
            raise ValueError("the value is thawed")
        if self.done:
            return b""
        memset(&out, 0, sizeof(out))
        with nogil:
            self.done = not self.ops.encode_frozen(self.store, self.value, &out)
        try:
            return out.data[:out.len]
        finally:
            ws_free(out.data)

    def thaw(self):
        """Let go of the value as it stood; once more is no error."""
        if self.value == NULL:
            return
        server_enter(server_of(self.store))
        with nogil:
            self.ops.thaw(self.store, self.value)
        self.value = NULL
        server_unlock(server_of(self.store))
        Py_DECREF(<object>self.engine)

    def __dealloc__(self):
        self.thaw()


cdef object freeze_value(Engine engine, bytes name):
    """Freeze the value of a key: a Frozen, or None for one that is small or not there."""
    cdef Server* s = server_of(engine.store)
    cdef Frozen frozen = Frozen()
    cdef Str text
    cdef Key key
    cdef Entry e
    text.ptr = PyBytes_AS_STRING(name)
    text.len = PyBytes_GET_SIZE(name)
    frozen.store = engine.store
    frozen.engine = <void*>engine
    server_enter(s)
    ks_key(engine.store, text, &key)
    if ks_find(st_db(engine.store, engine.db_index), &key, &e) and e.enc == ENC_PTR:
        frozen.ops = engine.store.types[e.type]
        if frozen.ops.freeze != NULL:
            frozen.value = frozen.ops.freeze(engine.store, &e)
    server_unlock(s)
    if frozen.value == NULL:
        return None
    Py_INCREF(engine)
    return frozen
