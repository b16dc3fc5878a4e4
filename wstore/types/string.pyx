"""The string type.  Its bytes are in engine/value.pxd; here is what commands and the engine do with them."""


cdef size_t string_memory(Store* store, const Entry* e) noexcept nogil:
    """Bytes outside the record."""
    if e.enc != ENC_BLOB:
        return 0
    return sizeof(Blob) + load_blob(e).cap


cdef TypeOps STRING_OPS = [b"string", NULL, string_memory, NULL, NULL, NULL, NULL]
