# Effects: what write commands leave in the stream (stream.pxd), in a form that gives the same data whenever it is run.


cdef void api_effect(Call* call, int argc, const Str* argv) noexcept nogil:
    """Have argv stand in the stream for the command at hand."""
    server_of(call.store).stream.said = True
