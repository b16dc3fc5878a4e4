# Accepting connections: which become clients, which are turned away, and with what words.

cdef extern from "net.h" nogil:
    int ws_accept(int listener, ws_addr* peer)
    void ws_tcp_options(int fd, int nodelay, int keepalive_seconds)

cdef extern from "poll.h" nogil:
    enum:
        WS_POLL_IN
        WS_POLL_OUT
    int ws_poll_add(int poll_fd, int fd, int interest, void* data)
    int ws_poll_mod(int poll_fd, int fd, int interest, void* data)

cdef extern from "errno.h" nogil:
    enum:
        EMFILE
        ENFILE

cdef enum:
    ACCEPTS_A_TURN = 1000
    TAG_LISTENER = 5            # what a listener is polled with: from here on every second number

cdef const char* DENIED = (
    b"-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the "
    b"default user. In this mode connections are only accepted from the loopback interface. If you want to connect "
    b"from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode "
    b"sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the "
    b"same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do "
    b"so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode "
    b"by editing the Redis configuration file, and setting the protected mode option to 'no', and then restarting "
    b"the server. 3) If you started the server manually just for testing, restart it with the '--protected-mode no' "
    b"option. 4) Setup a an authentication password for the default user. NOTE: You only need to do one of the above "
    b"things in order for the server to start accepting connections from the outside.\r\n")
cdef const char* TOO_MANY = b"-ERR max number of clients reached\r\n"


cdef void turn_away(Server* s, int fd, const char* why) noexcept nogil:
    s.store.stats.rejected_connections += 1
    ws_send(fd, why, strlen(why))
    close(fd)


cdef void welcome(Server* s, int fd, const ws_addr* peer, bint is_unix) noexcept nogil:
    """A new connection: a client, or turned away."""
    cdef Config* config = &s.store.config
    cdef Client* c
    if <int64_t>s.client_count >= config.maxclients:
        turn_away(s, fd, TOO_MANY)
        return
    if config.protected_mode and not config.requires_auth and not ws_addr_is_loopback(peer):
        turn_away(s, fd, DENIED)
        return
    if not is_unix:
        ws_tcp_options(fd, <int>config.tcp_nodelay, <int>config.tcp_keepalive)
    c = client_new(s, fd, 2)
    c.peer = peer[0]
    if is_unix:
        c.flags |= CLIENT_UNIX
    s.store.stats.connections_received += 1
    if ws_poll_add(s.poll_fd, fd, WS_POLL_IN, c) != 0:
        client_close(s, c)


cdef void rest_listeners(Server* s, bint rest) noexcept nogil:
    """Without descriptors left a listener would be ready for ever: leave it alone for a while."""
    cdef int i
    if rest == s.listeners_resting:
        return
    s.listeners_resting = rest
    for i in range(s.listener_count):
        ws_poll_mod(s.poll_fd, s.listeners[i], 0 if rest else WS_POLL_IN, <void*><size_t>(TAG_LISTENER + 2 * i))


cdef void accept_clients(Server* s, int listener) noexcept nogil:
    cdef ws_addr peer
    cdef int _i, fd
    for _i in range(ACCEPTS_A_TURN if listener < s.listener_count else 0):
        fd = ws_accept(s.listeners[listener], &peer)
        if fd < 0:
            if errno == EMFILE or errno == ENFILE:
                s.store.api.log(s.store, LOG_WARNING, b"Accepting client connection: no descriptors left")
                rest_listeners(s, 1)
            return
        welcome(s, fd, &peer, s.listener_is_unix[listener])
