# Commands written in Python, and Python calling commands.
#
# A handler gets the Session of its client, which is made at the client's first Python command and kept; when the
# client has gone the Session stays valid but says so (RuntimeError).

from cpython.ref cimport Py_DECREF

cdef extern from "net.h" nogil:
    void ws_local_addr(int fd, ws_addr* out)
    int ws_addr_is_loopback(const ws_addr* addr)
    void ws_wake(int fd)

cdef enum:
    STACK_ARGS = 16
    KEEP_OUTPUT_MAX = 64 * 1024     # of an internal client, between two calls


cdef class Session:
    """The connection that a Python handler answers: its state, and what a handler may do with it."""

    cdef Client* client
    cdef Server* server
    cdef Call* call             # that is being handled; NULL between two
    cdef public object peer     # wstore.replication.peer.Peer of a server that may become a replica, or None

    def __init__(self):
        raise TypeError("sessions are made by the engine")

    cdef Client* alive(self) except NULL:
        if self.client == NULL:
            raise RuntimeError("the connection is closed")
        return self.client

    @property
    def engine(self):
        """The Engine that it is connected to."""
        self.alive()
        return <object>self.server.store.engine

    @property
    def id(self):
        return self.alive().id

    @property
    def resp(self):
        """Protocol version, 2 or 3."""
        return self.alive().resp

    @resp.setter
    def resp(self, int version):
        self.alive().resp = version
        if self.call != NULL:
            self.call.resp = version

    @property
    def db(self):
        """Index of the selected database."""
        return self.alive().db

    def select(self, int64_t index):
        """Select a database; False: there is no such index."""
        if not 0 <= index < self.server.store.db_count:
            return False
        st_db(self.server.store, <int>index)
        self.alive().db = <int>index
        return True

    @property
    def name(self):
        """The name given by CLIENT SETNAME, as bytes; b"" for none."""
        return text_or_empty(self.alive().name)

    @name.setter
    def name(self, bytes name):
        set_text(&self.alive().name, PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name))

    def set_library(self, str field, bytes text):
        """What CLIENT SETINFO tells: field "name" or "ver"."""
        cdef char** to = &self.alive().lib_name if field == "name" else &self.alive().lib_ver
        set_text(to, PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))

    @property
    def authenticated(self):
        """Whether it may run commands: it gave the password, or none is needed."""
        return not must_authenticate(self.server, self.alive())

    @authenticated.setter
    def authenticated(self, bint yes):
        self.set_flag(CLIENT_AUTHENTICATED, yes)

    cdef int set_flag(self, uint32_t flag, bint on) except -1:
        if on:
            self.alive().flags |= flag
        else:
            self.alive().flags &= ~flag
        return 0

    @property
    def is_local(self):
        """Whether it comes from this machine: loopback, a Unix socket or the process itself."""
        return ws_addr_is_loopback(&self.alive().peer) != 0

    @property
    def is_internal(self):
        """Whether there is no connection: a call of Engine.execute."""
        return (self.alive().flags & CLIENT_INTERNAL) != 0

    @property
    def in_transaction(self):
        """Whether EXEC runs the command that is being handled: what begins between two commands has to wait."""
        return (self.alive().flags & CLIENT_EXECUTING) != 0

    def set_no_evict(self, bint on):
        self.set_flag(CLIENT_NO_EVICT, on)

    def set_no_touch(self, bint on):
        self.set_flag(CLIENT_NO_TOUCH, on)
        self.server.store.no_touch = on

    def set_reply_mode(self, str mode):
        """CLIENT REPLY: "on", "off" (no more replies, this one included), "skip" (none to the next command)."""
        if mode == "skip":
            if not self.alive().flags & CLIENT_REPLY_OFF:
                self.set_flag(CLIENT_REPLY_SKIP_NEXT, True)
            return
        self.set_flag(CLIENT_REPLY_OFF, mode == "off")
        self.set_flag(CLIENT_REPLY_SKIP_NEXT | CLIENT_REPLY_SKIP, False)

    def close_after_reply(self):
        if self.alive().fd >= 0:
            self.client.flags |= CLIENT_CLOSE_AFTER_REPLY

    def set_monitor(self, bint on):
        """Whether it is shown every command that others run."""
        cdef bint was = (self.alive().flags & CLIENT_MONITOR) != 0
        if on != was:
            self.set_flag(CLIENT_MONITOR, on)
            self.server.monitor_count += 1 if on else -1

    def reset(self):
        """RESET: the state of a new connection, which must authenticate again if a password is set."""
        self.set_monitor(False)
        self.set_flag(CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP_NEXT, False)
        self.set_no_touch(False)
        multi_end(self.alive())
        watch_end(self.server, self.client)
        unsubscribe_all(self.server, self.client)
        self.authenticated = not self.server.store.config.requires_auth
        self.resp = 2
        self.select(0)
        self.name = b""

    def info(self):
        """This connection as a ClientInfo."""
        return info_of_client(self.server, self.alive())

    def redact(self, int first, int end):
        """Keep arguments number `first` to `end` - 1 out of MONITOR and the slow log."""
        cdef int i
        for i in range(first, min(end, self.call.argc) if self.call != NULL else 0):
            self.call.argv[i].ptr = REDACTED
            self.call.argv[i].len = strlen(REDACTED)


cdef Session session_of(Server* s, Client* c):
    cdef Session session
    if c.session == NULL:
        session = Session.__new__(Session)
        session.server = s
        session.client = c
        session.call = NULL
        Py_INCREF(session)
        c.session = <void*>session
    return <Session>c.session


# -- calling Python ------------------------------------------------------------------------------------------------

cdef list args_of_call(Call* call):
    cdef int i
    return [call.argv[i].ptr[:call.argv[i].len] for i in range(call.argc)]


cdef void call_python(Server* s, Client* c, Call* call) noexcept with gil:
    """Run a Python handler and reply with what it returns or raises."""
    cdef size_t start = call.out.len
    cdef Session session = session_of(s, c)
    cdef Call* outer = session.call
    session.call = call
    try:
        if call.spec.pyfn == NULL:
            raise ReplyError(f"ERR wrong number of arguments for '{call.spec.name.decode()}' command")
        handler = <object>call.spec.pyfn
        reply_value(call, handler(session, args_of_call(call)))
    except ReplyError as error:
        call.out.len = start
        reply_error_text(call, error)
    except BaseException as error:
        call.out.len = start
        reply_failure(s, call, error)
    finally:
        session.call = outer
        server_configure(s)


cdef int reply_failure(Server* s, Call* call, error) except -1:
    """An exception that no handler should let out: to the log and, in short, to the client."""
    if not isinstance(error, Exception):
        keep_raised(s, error)
    else:
        import traceback
        traceback.print_exception(error)
    reply_line(call, c"-", f"ERR internal error: {type(error).__name__}: {error}".encode("utf-8", "backslashreplace"))
    return 0


cdef void keep_raised(Server* s, error) noexcept:
    """KeyboardInterrupt and the like: the loop ends, or execute() does, and raises it."""
    if s.raised == NULL:
        Py_INCREF(error)
        s.raised = <void*>error
    s.stopping = 1


cdef int raise_kept(Server* s) except -1:
    cdef object error
    if s.raised == NULL:
        return 0
    error = <object>s.raised
    Py_DECREF(error)
    s.raised = NULL
    raise error


# -- called by Python ----------------------------------------------------------------------------------------------

cdef Client* internal_client(Server* s) noexcept nogil:
    """A client without a connection, free for use: calls may nest."""
    cdef Client* c = s.internal
    while c != NULL and c.flags & CLIENT_BUSY:
        c = c.next
    if c == NULL:
        c = client_new(s, -1, 3)
        client_unlink(s, c)
        c.prev = NULL
        c.next = s.internal
        s.internal = c
    c.flags = CLIENT_INTERNAL | CLIENT_BUSY | CLIENT_AUTHENTICATED
    c.resp = 3
    return c


cdef bytes bytes_of_arg(arg):
    """An argument of execute(): bytes as they are, str as UTF-8, numbers as Redis writes them."""
    if isinstance(arg, (bytearray, memoryview)):
        return bytes(arg)
    if isinstance(arg, bool) or not isinstance(arg, (int, float)):
        raise TypeError(f"an argument must be bytes, str, int or float, not {type(arg).__name__}")
    return repr(arg).encode()


cdef object execute_args(Store* store, tuple args, int* db):
    """Run one command in database *db, which SELECT changes. Its reply as a value; an error raises ReplyError."""
    cdef Str on_stack[STACK_ARGS]
    cdef Str* argv = on_stack
    cdef Py_ssize_t n = len(args)
    cdef Py_ssize_t i
    cdef list kept = []
    if n == 0:
        raise ValueError("no command")
    if n > STACK_ARGS:
        argv = <Str*>ws_alloc(n * sizeof(Str))
    try:
        for i in range(n):
            arg = args[i]
            if not isinstance(arg, (bytes, str)):
                arg = bytes_of_arg(arg)
                kept.append(arg)
            take_str(arg, &argv[i])
        return execute_argv(store, argv, <int>n, db)
    finally:
        if argv != on_stack:
            ws_free(argv)


cdef inline void wake_loop(Server* s) noexcept nogil:
    """Another thread than the loop's is done: connections may have got output or are to be closed, the
    log may have got effects."""
    if s.wake_fd >= 0 and (s.writer_count > 0 or s.closing_count > 0 or s.stream.pending.len > 0
                           or s.repl.replica_count > 0 and s.repl.fed_end != s.repl.tail.end):
        ws_wake(s.wake_fd)


cdef object execute_argv(Store* store, Str* argv, int argc, int* db):
    cdef Server* s = server_of(store)
    cdef Client* c
    cdef uint64_t outer_tick
    cdef bint outer_no_touch
    cdef object value
    server_enter(s)
    outer_tick = s.tick
    outer_no_touch = store.no_touch
    store.no_touch = 0
    c = internal_client(s)
    try:
        c.db = db[0]
        s.depth += 1
        run_internal(s, c, argv, argc)
        s.depth -= 1
        if s.ready_name_count > 0 and s.depth == 0 and s.batch.running < 0:
            serve_ready_names(s)
        db[0] = c.db
        value = take_reply(c)
        raise_kept(s)
    finally:
        if log_leave(s) != 0 and c.flags & CLIENT_LOGGED:
            value = log_not_safe(s)
        c.flags &= ~<uint32_t>(CLIENT_BUSY | CLIENT_LOGGED)
        s.tick = outer_tick
        store.no_touch = outer_no_touch
        wake_loop(s)
        server_unlock(s)
    if isinstance(value, ReplyError):
        raise value
    return value


cdef void run_internal(Server* s, Client* c, Str* argv, int argc) noexcept nogil:
    cdef Call call
    memset(&call, 0, sizeof(call))
    call.api = s.store.api
    call.store = s.store
    call.client = c
    call.argv = argv
    call.argc = argc
    call.spec = find_spec(table_of(s.store), argv, argc)
    s.store.now_ms = ws_unix_ms()
    if call.spec != NULL and 0 < call.spec.first_key < argc:
        ks_key(s.store, argv[call.spec.first_key], &call.key)
    st_db(s.store, c.db)
    s.tick = ws_ticks()
    run_call(s, c, &call)


cdef object take_reply(Client* c):
    """The value of the reply that c has got, whose buffer is kept if it is small; None if there is none."""
    cdef Reading reading
    cdef object value = None
    if c.out.len > 0:
        reading.p = c.out.data
        reading.end = c.out.data + c.out.len
        value = read_value(&reading)
    c.out.len = 0
    if c.out.cap > KEEP_OUTPUT_MAX:
        output_release(c)
    return value


# -- about all clients ---------------------------------------------------------------------------------------------

cdef str flags_of_client(const Client* c):
    """Letters as CLIENT LIST gives them."""
    cdef str out = ""
    if c.replica != NULL:
        out += "S"
    if c.flags & CLIENT_MONITOR:
        out += "O"
    if c.flags & CLIENT_PUBSUB:
        out += "P"
    if c.flags & (CLIENT_MULTI | CLIENT_EXECUTING):
        out += "x"
    if c.flags & (CLIENT_BLOCKED | CLIENT_POSTPONED):
        out += "b"
    if c.flags & CLIENT_DIRTY:
        out += "d"
    if c.flags & CLIENT_CLOSE_AFTER_REPLY:
        out += "c"
    if c.flags & CLIENT_RESUMING:
        out += "u"
    if c.flags & CLIENT_CLOSE_ASAP:
        out += "A"
    if c.flags & CLIENT_UNIX:
        out += "U"
    if c.flags & CLIENT_NO_EVICT:
        out += "e"
    if c.flags & CLIENT_NO_TOUCH:
        out += "T"
    return out or "N"


cdef str kind_of_client(const Client* c):
    if c.replica != NULL:
        return "replica"
    return "pubsub" if c.flags & CLIENT_PUBSUB else "normal"


cdef object command_of_client(const Client* c):
    """The command that it sent last, or None: EXEC, while that runs what was queued."""
    if c.flags & CLIENT_EXECUTING:
        return "exec"
    return c.last_stats.name.decode() if c.last_stats != NULL else None


cdef object info_of_client(Server* s, Client* c):
    cdef char addr[WS_ADDR_TEXT_MAX]
    cdef ws_addr own
    cdef size_t n = client_addr_text(s, c, addr)
    cdef bytes peer = addr[:n]
    ws_local_addr(c.fd, &own)
    n = client_addr_text(s, c, addr) if c.flags & CLIENT_UNIX else ws_addr_text(&own, addr)
    return ClientInfo(
        id=c.id, fd=c.fd, addr=peer, laddr=addr[:n], name=text_or_empty(c.name), lib_name=text_or_empty(c.lib_name),
        lib_ver=text_or_empty(c.lib_ver), created_ms=c.created_ms, active_ms=c.active_ms, flags=flags_of_client(c),
        db=c.db, resp=c.resp, input_bytes=c.in_len - c.cmd_start, input_free=max(c.in_cap, c.in_len) - c.in_len,
        output_bytes=c.out.len - c.sent, output_cap=0 if c.out.cap & 1 else c.out.cap,
        memory_bytes=(sizeof(Client) + c.queued_bytes + c.in_cap + (0 if c.out.cap & 1 else c.out.cap)
                      + c.arg_cap * sizeof(Str)),
        command=command_of_client(c),
        channels=c.links[LINK_CHANNEL].count, patterns=c.links[LINK_PATTERN].count,
        shard_channels=c.links[LINK_SHARD].count, kind=kind_of_client(c),
        is_unix=(c.flags & CLIENT_UNIX) != 0, is_monitor=(c.flags & CLIENT_MONITOR) != 0,
        multi=c.queued_count if c.flags & (CLIENT_MULTI | CLIENT_EXECUTING) else -1, multi_bytes=queued_text_bytes(c),
        no_evict=(c.flags & CLIENT_NO_EVICT) != 0, writable=(c.flags & CLIENT_WRITE_BLOCKED) != 0)


cdef list all_clients(Server* s):
    """A ClientInfo of each connection, oldest first."""
    cdef list out = []
    cdef Client* c
    server_enter(s)
    try:
        c = s.first
        while c != NULL:
            out.append(info_of_client(s, c))
            c = c.next
    finally:
        server_unlock(s)
    return out


cdef Client* client_of_id(Server* s, uint64_t client_id) noexcept nogil:
    cdef Client* c = s.first
    while c != NULL and c.id != client_id:
        c = c.next
    return c


cdef bint kill_client(Server* s, uint64_t client_id) except -1:
    """Close a connection; the one whose command is being handled gets its reply first. False: there is none."""
    cdef Client* c
    cdef Session session
    server_enter(s)
    try:
        c = client_of_id(s, client_id)
        if c == NULL:
            return False
        session = <Session>c.session if c.session != NULL else None
        if session is not None and session.call != NULL:
            c.flags |= CLIENT_CLOSE_AFTER_REPLY
        else:
            client_close_asap(s, c)
            if s.wake_fd >= 0:
                ws_wake(s.wake_fd)
        return True
    finally:
        server_unlock(s)


cdef int tell_client(Server* s, uint64_t client_id, bytes reply) except -1:
    cdef Client* c
    server_enter(s)
    c = client_of_id(s, client_id)
    if c != NULL and not c.flags & CLIENT_ENDING:
        client_append(s, c, PyBytes_AS_STRING(reply), PyBytes_GET_SIZE(reply))
        if s.wake_fd >= 0:
            ws_wake(s.wake_fd)
    server_unlock(s)
    return 0
