# The tail of the stream in memory (replication.pxd).

cdef void tail_append(Server* s, const char* p, size_t n) noexcept nogil:
    """More of the stream, which was handed over: it ends at tail.end."""
    s.repl.tail.end += <int64_t>n
