# The event loop: one thread that polls, accepts, receives, runs batches and writes replies, all without the GIL.
#
# A turn: wait; then, with the lock, accept; receive from all ready clients and run what they sent; cron; send all
# replies, one send a client; free what was closed.  Between two turns whoever waits for the lock gets it.
#
# Invariant: descriptors that are no clients are polled with a small odd number in place of the Client pointer.

cdef extern from "poll.h" nogil:
    enum:
        WS_POLL_BATCH
    ctypedef struct ws_event:
        void* data
        int ready
    int ws_poll_create()
    void ws_poll_destroy(int poll_fd)
    int ws_poll_wait(int poll_fd, ws_event* out, int timeout_ms)

cdef extern from "net.h" nogil:
    int ws_wake_pipe(int* fds)
    int ws_wake_drain(int fd)

cdef extern from "stop_signals.h" nogil:
    void ws_stop_signals_catch(int* stopping, int wake_fd)
    int ws_stop_signals_seen()
    void ws_stop_signals_release()

cdef enum:
    TAG_WAKE = 1
    TAG_FOLLOW = 3              # the link to the master
    SWEEP_MIN = 5               # clients that cron looks at, at least
    TURN_BUDGET_US = 200        # of ks_turn
    UPKEEP_TICK_US = 10000      # of ks_cron
    LISTEN_BACKLOG = 511


# -- writing -------------------------------------------------------------------------------------------------------

cdef void client_write(Server* s, Client* c) noexcept nogil:
    """Send c's output; wait for its socket if that is full, close it if that was the last."""
    cdef bint was_blocked = (c.flags & CLIENT_WRITE_BLOCKED) != 0
    cdef bint blocked
    if c.replica != NULL:
        replica_write(s, c)
        return
    if log_holds(s, c):
        log_hold(s, c)
        return
    if not output_send(s, c):
        client_close(s, c)
        return
    blocked = c.out.data != NULL
    if blocked:
        check_output_limit(s, c)
    elif c.flags & CLIENT_CLOSE_AFTER_REPLY:
        client_close(s, c)
        return
    if blocked != was_blocked:
        c.flags ^= CLIENT_WRITE_BLOCKED
        ws_poll_mod(s.poll_fd, c.fd, WS_POLL_IN | WS_POLL_OUT if blocked else WS_POLL_IN, c)


cdef void write_replies(Server* s) noexcept nogil:
    """Send what this turn has produced, a client at a time."""
    cdef Client* c
    cdef size_t i
    output_end(s)
    for i in range(s.writer_count):
        c = s.writers[i]
        c.flags &= ~<uint32_t>CLIENT_WRITER
        if c.flags & CLIENT_CLOSED:
            continue
        if c.flags & CLIENT_WRITE_BLOCKED:
            check_output_limit(s, c)
        else:
            client_write(s, c)
        if not log_holds(s, c):
            c.flags &= ~<uint32_t>CLIENT_LOGGED
    s.writer_count = 0
    s.out_used = 0


# -- cron ----------------------------------------------------------------------------------------------------------

cdef void sweep_client(Server* s, Client* c) noexcept nogil:
    cdef int64_t timeout_ms = s.store.config.timeout * 1000
    if c.out.len > c.sent:
        check_output_limit(s, c)
    if timeout_ms > 0 and s.store.now_ms - c.active_ms > timeout_ms and not c.flags & (
            CLIENT_MONITOR | CLIENT_POSTPONED | CLIENT_BLOCKED | CLIENT_PUBSUB | CLIENT_REPLICA):
        s.store.api.log(s.store, LOG_VERBOSE, b"Closing idle client")
        client_close(s, c)


cdef void sweep_clients(Server* s) noexcept nogil:
    """Look at some clients, going round the list about once a second."""
    cdef size_t n = min(s.client_count, max(s.client_count // <size_t>s.store.config.hz, <size_t>SWEEP_MIN))
    cdef size_t _i
    cdef Client* c
    for _i in range(n):
        c = s.sweep if s.sweep != NULL else s.first
        s.sweep = c.next
        sweep_client(s, c)


cdef void resume_postponed(Server* s) noexcept nogil:
    """A pause has ended: run what waits."""
    cdef Client* c = s.first
    s.pause_until_ms = 0
    s.have_postponed = 0
    server_configure(s)
    while c != NULL:
        if c.flags & CLIENT_POSTPONED:
            c.flags &= ~<uint32_t>CLIENT_POSTPONED
            add_ready(s, c)
        c = c.next
    serve_ready(s)


cdef void cron(Server* s, int64_t now_us) noexcept nogil:
    cdef int64_t period_us = 1000000 // max(s.store.config.hz, <int64_t>1)
    if now_us < s.cron_due_us:
        return
    s.cron_due_us = now_us + period_us
    sweep_clients(s)
    rest_listeners(s, 0)
    rates_sample(s)


cdef void upkeep(Server* s, int64_t now_us) noexcept nogil:
    """Expiry and ageing in short bits: with cron, and at each tick while keys that have expired are left over."""
    cdef uint64_t cut_short = s.store.stats.expired_stale_cycles
    cdef uint64_t expired = s.store.stats.expired_keys
    if now_us < (s.upkeep_due_us if s.upkeep_behind else s.cron_due_us) or s.pause_until_ms > 0:
        return
    s.upkeep_due_us = now_us + UPKEEP_TICK_US
    ks_cron(s.store, UPKEEP_TICK_US)
    s.upkeep_behind = s.store.stats.expired_stale_cycles != cut_short and s.store.stats.expired_keys != expired
    s.rates.upkeep_us += <uint64_t>(ws_mono_us() - now_us)


# -- the loop ------------------------------------------------------------------------------------------------------

cdef void handle_tagged(Server* s, size_t tag) noexcept nogil:
    if tag == TAG_WAKE:
        ws_wake_drain(s.wake_read_fd)
    elif tag == TAG_FOLLOW:
        follow_receive(s)
    else:
        accept_clients(s, <int>((tag - TAG_LISTENER) // 2))


cdef void handle_event(Server* s, const ws_event* event) noexcept nogil:
    cdef Client* c = <Client*>event.data
    if <size_t>event.data & 1:
        handle_tagged(s, <size_t>event.data)
        return
    if c.flags & CLIENT_CLOSED:
        return
    if event.ready & WS_POLL_OUT and c.flags & CLIENT_WRITE_BLOCKED:
        client_write(s, c)
    if event.ready & WS_POLL_IN and not c.flags & CLIENT_CLOSED:
        if input_shared_full(s):
            serve_ready(s)
        if not c.flags & CLIENT_CLOSED:
            client_read(s, c)


cdef int wait_ms(Server* s, bint again) noexcept nogil:
    """How long the loop may wait for events."""
    cdef int64_t wait_us = (s.upkeep_due_us if s.upkeep_behind else s.cron_due_us) - ws_mono_us()
    if again or wait_us <= 0:
        return 0
    if s.have_postponed:
        wait_us = max(min(wait_us, (s.pause_until_ms - ws_unix_ms()) * 1000), <int64_t>0)
    return <int>deadline_wait_ms(s, wait_us // 1000 + 1)


cdef bint loop_turn(Server* s, const ws_event* events, int n) noexcept nogil:
    """What follows a wait, with the lock. True: there is work left, do not wait."""
    cdef int64_t begin_us = ws_mono_us()
    cdef int64_t now_us
    cdef bint again
    cdef int i
    s.store.now_ms = ws_unix_ms()
    soon_turn(s)
    server_configure(s)
    for i in range(n):
        handle_event(s, &events[i])
    serve_ready(s)
    serve_waiters(s)
    end_overdue(s)
    resume_unblocked(s)
    if s.pause_until_ms > 0 and s.pause_until_ms <= s.store.now_ms or s.have_postponed and s.pause_until_ms == 0:
        resume_postponed(s)
        resume_unblocked(s)
    upkeep(s, begin_us)
    cron(s, begin_us)
    run_cron_hook(s, begin_us)
    again = loader_turn(s) | ks_turn(s.store, TURN_BUDGET_US)
    if s.closing_count > 0:
        close_marked(s)
    snapshot_turn(s)
    again |= follow_turn(s)
    replicas_tell(s)
    log_turn(s)
    follow_ack(s)
    replicas_turn(s)
    write_replies(s)
    bury_clients(s)
    s.store.stats.loop_turns += 1
    now_us = ws_mono_us()
    if <uint64_t>(now_us - begin_us) > s.store.stats.longest_turn_us:
        s.store.stats.longest_turn_us = <uint64_t>(now_us - begin_us)
    return again


cdef void loop_run(Server* s) noexcept nogil:
    """Turn until `stopping`; the last turn has sent its replies."""
    cdef ws_event events[WS_POLL_BATCH]
    cdef bint again = 0
    cdef int n
    while not WS_ATOMIC_GET(<uint32_t*>&s.stopping):
        n = ws_poll_wait(s.poll_fd, events, wait_ms(s, again))
        server_lock(s)
        again = loop_turn(s, events, n)
        server_unlock(s)
        server_let_in(s)


cdef int loop_open(Server* s) noexcept nogil:
    """Descriptors and buffers of the loop; 0, or -1 with errno."""
    cdef int wake[2]
    s.in_shared = <char*>ws_alloc(IN_SHARED_SIZE)
    s.out_shared = <char*>ws_alloc(OUT_SHARED_SIZE)
    s.poll_fd = ws_poll_create()
    if s.poll_fd < 0 or ws_wake_pipe(wake) != 0:
        return -1
    s.wake_read_fd = wake[0]
    s.wake_fd = wake[1]
    return ws_poll_add(s.poll_fd, wake[0], WS_POLL_IN, <void*><size_t>TAG_WAKE)


cdef inline void close_fd(int* fd) noexcept nogil:
    if fd[0] >= 0:
        close(fd[0])
    fd[0] = -1


cdef void loop_close(Server* s) noexcept nogil:
    """All connections, listeners and descriptors."""
    cdef int i
    for i in range(s.listener_count):
        close(s.listeners[i])
    s.listener_count = 0
    while s.first != NULL:
        client_close(s, s.first)
    s.ready_count = 0
    s.unblocked_count = 0
    s.writer_count = 0
    s.out_used = 0
    bury_clients(s)
    close_fd(&s.wake_fd)
    close_fd(&s.wake_read_fd)
    close_fd(&s.poll_fd)
    ws_free(s.in_shared)
    ws_free(s.out_shared)
    s.in_shared = s.out_shared = NULL


cdef class Loop:
    """The server of an Engine: listens, runs, stops.  One to an engine at a time.

    Not for subclassing; `close` (or the end of the object) closes all connections.
    """

    cdef Server* server
    cdef object engine          # kept alive
    cdef list unix_paths
    cdef bint catches_signals

    def __cinit__(self, Engine engine):
        cdef Server* s = server_of(engine.store)
        engine.check_open()
        if s.poll_fd >= 0:
            raise RuntimeError("the engine has a loop already")
        self.engine = engine
        self.unix_paths = []
        self.server = s
        s.stopping = 0
        if loop_open(s) != 0:
            loop_close(s)
            raise OSError(errno, "cannot make a loop")
        engine.store.served = 1

    def __dealloc__(self):
        if self.server != NULL:
            self.close()

    def listen_unix(self, str path, perm=None, int backlog=LISTEN_BACKLOG):
        """Listen at a Unix socket; `perm`: its mode (int). A stale socket there is replaced."""
        import os
        import socket
        cdef bytes path_bytes = os.fsencode(path)
        if os.path.exists(path):
            os.unlink(path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.bind(path)
            if perm is not None:
                os.chmod(path, perm)
            self._listen(sock, backlog, True)
        self.unix_paths.append(path)
        snprintf(self.server.unix_path, sizeof(self.server.unix_path), b"%s", <const char*>path_bytes)

    def _listen(self, sock, int backlog, bint is_unix):
        sock.listen(backlog)
        sock.setblocking(False)
        self.add_listener(sock.detach(), is_unix)

    @property
    def listener_count(self):
        return self.server.listener_count

    def add_listener(self, int fd, bint is_unix=False):
        """Serve a listening, non-blocking socket; its descriptor is the loop's from here on. OSError: too many."""
        cdef Server* s = self.server
        cdef int i = s.listener_count
        if i == LISTENERS_MAX:
            close(fd)
            raise OSError(EMFILE, "too many addresses to listen at")
        s.listeners[i] = fd
        s.listener_is_unix[i] = is_unix
        s.listener_count += 1
        ws_poll_add(s.poll_fd, fd, WS_POLL_IN, <void*><size_t>(TAG_LISTENER + 2 * i))

    def remove_listener(self, int fd):
        """Close a listening socket. ValueError: it is none of the loop's."""
        cdef Server* s = self.server
        cdef int last = s.listener_count - 1
        cdef int i
        for i in range(s.listener_count):
            if s.listeners[i] == fd:
                break
        else:
            raise ValueError(f"descriptor {fd} is no listener")
        close(fd)
        s.listener_count = last
        if i < last:        # the last one takes its place, and its number in events
            s.listeners[i] = s.listeners[last]
            s.listener_is_unix[i] = s.listener_is_unix[last]
            ws_poll_mod(s.poll_fd, s.listeners[i], 0 if s.listeners_resting else WS_POLL_IN,
                        <void*><size_t>(TAG_LISTENER + 2 * i))

    def catch_signals(self):
        """Let SIGTERM and SIGINT end `run`, and a second SIGINT the process; for a process that only serves."""
        ws_stop_signals_catch(<int*>&self.server.stopping, self.server.wake_fd)
        self.catches_signals = 1

    @property
    def stop_signal(self):
        """Number of the signal that ended `run`; 0: none."""
        return ws_stop_signals_seen()

    def go_on(self):
        """Let `run` serve again after it has ended."""
        self.server.stopping = 0
        if self.catches_signals:
            self.catch_signals()

    def run(self):
        """Serve until `stop` is called, here, without the GIL; raises what a signal handler raised."""
        with nogil:
            loop_run(self.server)
        raise_kept(self.server)

    def stop(self):
        """End `run` after the turn at hand, whose replies still go out. From any thread or handler."""
        if self.server != NULL:
            WS_ATOMIC_ADD(<uint32_t*>&self.server.stopping, 1)
            ws_wake(self.server.wake_fd)

    def close(self):
        """Close all connections and stop listening. `run` must have returned."""
        import os
        cdef Server* s = self.server
        if s == NULL:
            return
        if self.catches_signals:
            ws_stop_signals_release()
        server_enter(s)
        with nogil:
            snapshot_stop(s.store)
        load_abandon(s)
        soon_forget(s)
        follow_forget(s)
        loop_close(s)
        s.store.served = s.log != NULL or s.repl.tail.on
        server_unlock(s)
        self.server = NULL
        for path in self.unix_paths:
            if os.path.exists(path):
                os.unlink(path)
