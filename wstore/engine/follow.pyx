# The link to a master: its stream is received, its commands run, and its bytes go into the stream of this server.

cdef void follow_receive(Server* s) noexcept nogil:
    """The link has something to read, or has ended."""
    pass


cdef void follow_turn(Server* s) noexcept nogil:
    """In each turn, once clients were served: apply what was received."""
    pass
