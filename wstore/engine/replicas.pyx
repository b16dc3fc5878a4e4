# Replicas of this server: what each is sent, and when; commands that wait for them or need them.

cdef void replica_forget(Server* s, Client* c) noexcept nogil:
    """The connection of a replica is being closed."""
    pass


cdef void replicas_turn(Server* s) noexcept nogil:
    """At the end of a turn, once the stream was handed over: send replicas what there is."""
    pass


cdef bint replication_guards(const Server* s) noexcept nogil:
    """Whether commands may have to be refused: replication_refuses is to look at each."""
    return role_guards(s)


cdef bint replication_refuses(Server* s, Client* c, Call* call) noexcept nogil:
    """Whether a command may not run because of the server's role or its replicas; then it has its reply."""
    return role_refuses_write(s, c, call)


cdef void replication_free(Server* s) noexcept nogil:
    """With the server: its tail."""
    pass
