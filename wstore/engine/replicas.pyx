# Replicas of this server: what each is sent, and when.
#
#     WAITS ──transfer──> FILE ──sent──> LOADS ──first ACK──┐      LOADS only if asked for: replica_transfer
#       └──────attach─────────────└─────────────────────────┴──> LOG <──> TAIL
#
# A replica in step (TAIL) is sent the tail by the loop, one send a turn. One whose socket does not keep up is left to
# a feed of the log as the tail moves on, and comes back once that is half through what the tail holds. Without a log
# the tail stays for it, up to client-output-buffer-limit.

cdef extern from "poll.h" nogil:
    int ws_poll_del(int poll_fd, int fd)

cdef enum:
    REPLICA_SEND_MAX = 1 << 20      # bytes of the tail that one gets in a turn
    REPLICAS_CRON_MS = 1000

cdef const char* REPLICA_STATES[5]
REPLICA_STATES[:] = [b"wait_bgsave", b"send_bulk", b"online", b"online", b"online"]


cdef inline Replica* replica_of(const Client* c) noexcept nogil:
    return <Replica*>c.replica


cdef inline bint is_sent_all(const Replica* r) noexcept nogil:
    """Whether the file is sent."""
    return r.state >= REPLICA_LOADS


cdef inline bint has_caught_up(const Replica* r) noexcept nogil:
    """Whether its data are at least those of the moment when it asked for them, as far as it tells."""
    return not r.acks or r.acked >= r.wanted


cdef inline bint is_online(const Replica* r) noexcept nogil:
    return is_sent_all(r) and has_caught_up(r)


cdef inline int64_t replica_heard_ms(const Replica* r) noexcept nogil:
    """When it gave a sign of life last, be it a line break while it loads; since it is in its state at least."""
    return max(r.since_ms, r.client.active_ms)


cdef int64_t replica_place(const Replica* r) noexcept nogil:
    """The offset of what it is sent next."""
    return ws_feed_offset(r.log_feed) if r.state == REPLICA_LOG else r.offset


# -- coming and going ----------------------------------------------------------------------------------------------

cdef void replica_new(Server* s, Client* c, bint acks) noexcept nogil:
    cdef Replica* r = <Replica*>ws_alloc(sizeof(Replica))
    cdef Replication* repl = &s.repl
    memset(r, 0, sizeof(Replica))
    r.client = c
    r.acks = acks
    r.offset = NO_STREAM
    r.since_ms = ws_unix_ms()
    c.replica = r
    c.flags |= CLIENT_REPLICA
    if repl.replica_count == 0:
        repl.ping_due_ms = r.since_ms + s.store.config.repl_ping_replica_period * 1000
    if repl.replica_count == repl.replica_cap:
        repl.replica_cap = repl.replica_cap * 2 + 4
        repl.replicas = <Client**>ws_realloc(repl.replicas, repl.replica_cap * sizeof(Client*))
    repl.replicas[repl.replica_count] = c
    repl.replica_count += 1


cdef void free_feed(ws_feed** feed) noexcept nogil:
    if feed[0] != NULL:
        ws_feed_free(feed[0])
    feed[0] = NULL


cdef void replica_forget(Server* s, Client* c) noexcept nogil:
    """The connection of a replica is being closed; a feed may have its socket open for a while longer."""
    cdef Replication* repl = &s.repl
    cdef size_t i = 0
    if s.poll_fd >= 0:
        ws_poll_del(s.poll_fd, c.fd)
    while repl.replicas[i] != c:
        i += 1
    repl.replica_count -= 1
    memmove(&repl.replicas[i], &repl.replicas[i + 1], (repl.replica_count - i) * sizeof(Client*))
    free_feed(&replica_of(c).file_feed)
    free_feed(&replica_of(c).log_feed)
    ws_free(c.replica)
    c.replica = NULL


cdef void replica_end_soon(Server* s, Client* c) noexcept nogil:
    """Send it nothing more, and close it at the end of this turn of the loop."""
    free_feed(&replica_of(c).file_feed)
    free_feed(&replica_of(c).log_feed)
    replica_of(c).state = REPLICA_WAITS
    replica_of(c).offset = NO_STREAM
    client_close_asap(s, c)


cdef void replica_close(Server* s, Client* c, const char* why) noexcept nogil:
    cdef char line[192]
    cdef char addr[WS_ADDR_TEXT_MAX]
    cdef char* name = replica_of(c).name
    if name[0] == 0:
        addr[client_addr_text(s, c, addr)] = 0
        name = addr
    snprintf(line, sizeof(line), b"Replica %s is disconnected: %s", name, why)
    s.store.api.log(s.store, LOG_WARNING, line)
    client_close(s, c)


cdef void replica_enter(Replica* r, int state) noexcept nogil:
    r.state = state
    r.since_ms = ws_unix_ms()


cdef bint replica_pin(Server* s, Replica* r) noexcept nogil:
    """Have the log keep what it is to be sent; 0: there is no log, or it has not got that."""
    if s.log == NULL:
        return 0
    free_feed(&r.log_feed)
    r.log_feed = ws_feed_of_log(log_of(s).files, r.offset)
    return r.log_feed != NULL


cdef void replica_go_on(Server* s, Replica* r) noexcept nogil:
    """It is sent the stream from its offset on: from the tail if that reaches back to it, else from the log."""
    if r.offset >= s.repl.tail.start:
        free_feed(&r.log_feed)
        if (r.state == REPLICA_LOG or r.offset < r.wanted) and not has_caught_up(r):
            s.repl.ask = 1          # not all was in the file: its word, not to be waited for for a second
        replica_enter(r, REPLICA_TAIL)
    elif r.log_feed != NULL or replica_pin(s, r):
        replica_enter(r, REPLICA_LOG)
    else:
        replica_close(s, r.client, b"what it needs next of the stream is not kept any more")


# -- sending -------------------------------------------------------------------------------------------------------

cdef bint replica_flush(Server* s, Client* c) noexcept nogil:
    """Send what its output has: replies of its handshake. 1: that is all gone; 0: it is not, or the client is."""
    if c.out.data == NULL:
        return 1
    if not output_send(s, c):
        client_close(s, c)
        return 0
    return c.out.data == NULL


cdef bint replica_send_tail(Server* s, Replica* r) noexcept nogil:
    """As much of the tail as its socket takes, or is due in a turn. 0: the connection is broken, or the stream went on
    elsewhere."""
    cdef Tail* t = &s.repl.tail
    cdef int64_t limit = r.offset + REPLICA_SEND_MAX
    cdef const char* p
    cdef size_t part
    cdef ssize_t n
    if r.offset < t.start:
        return 0
    while r.offset < t.end and r.offset < limit:
        p = tail_at(t, r.offset, &part)
        n = ws_send(r.client.fd, p, part)
        s.store.stats.writes_processed += 1
        if n == -2:
            return 0
        if n > 0:
            r.offset += n
            s.repl.sent_bytes += <uint64_t>n
            s.store.stats.net_output_bytes += <uint64_t>n
        if n < <ssize_t>part:
            break
    return 1


cdef void replica_poll(Server* s, Client* c, bint blocked) noexcept nogil:
    """Have its socket polled for room, or no more."""
    if blocked != (c.flags & CLIENT_WRITE_BLOCKED != 0):
        c.flags ^= CLIENT_WRITE_BLOCKED
        ws_poll_mod(s.poll_fd, c.fd, WS_POLL_IN | WS_POLL_OUT if blocked else WS_POLL_IN, c)


cdef void replica_write(Server* s, Client* c) noexcept nogil:
    """Its socket may take something: what its output has, then the tail if it is in step."""
    cdef Replica* r = replica_of(c)
    cdef bint blocked = 1
    if c.flags & CLIENT_ENDING:
        return
    if replica_flush(s, c):
        blocked = 0
        if r.state == REPLICA_TAIL:
            if not replica_send_tail(s, r):
                client_close(s, c)
                return
            blocked = r.offset < s.repl.tail.end
    if not c.flags & CLIENT_CLOSED:
        replica_poll(s, c, blocked)


cdef void count_fed(Server* s, Replica* r, const ws_feed* feed) noexcept nogil:
    cdef int64_t n = ws_feed_sent(feed) - r.counted_bytes
    r.counted_bytes += n
    s.repl.sent_bytes += <uint64_t>n
    s.store.stats.net_output_bytes += <uint64_t>n


cdef bint is_of_log(const Server* s, const ws_feed* feed) noexcept nogil:
    """Whether it feeds of the log that is written now."""
    return s.log != NULL and ws_feed_log(feed) == log_of(s).files


cdef int64_t feed_goal(const Server* s, const ws_feed* feed) noexcept nogil:
    """Where a feed of the log gives a replica back to the loop."""
    cdef const Tail* t = &s.repl.tail
    return t.start + (t.end - t.start) // 2 if is_of_log(s, feed) else t.start


cdef void file_sent(Server* s, Replica* r) noexcept nogil:
    free_feed(&r.file_feed)
    if r.offset == NO_STREAM:
        client_close(s, r.client)
    elif r.wait_ack:
        replica_enter(r, REPLICA_LOADS)
    else:
        replica_go_on(s, r)


cdef void log_sent(Server* s, Replica* r) noexcept nogil:
    r.offset = ws_feed_offset(r.log_feed)
    free_feed(&r.log_feed)
    replica_go_on(s, r)


cdef void replica_turn_fed(Server* s, Replica* r) noexcept nogil:
    """One whose feed has its connection, or is to get it: see what has become of it."""
    cdef Client* c = r.client
    cdef ws_feed* feed = r.file_feed if r.state == REPLICA_FILE else r.log_feed
    cdef int state = ws_feed_state(feed)
    if r.state == REPLICA_LOG:
        ws_feed_set_goal(feed, feed_goal(s, feed))
    if state == WS_FEED_NEW:
        r.counted_bytes = 0
        if ws_feed_start(feed, c.fd, s.wake_fd, s.store.config.repl_timeout * 1000) != 0:
            replica_close(s, c, b"there is no thread to be had that sends to it")
        return
    count_fed(s, r, feed)
    if state == WS_FEED_DONE:
        if r.state == REPLICA_FILE:
            file_sent(s, r)
        else:
            log_sent(s, r)
        replica_turn(s, c)
    elif state == WS_FEED_BROKEN:
        replica_close(s, c, b"the connection is broken, or takes nothing any more")
    elif state == WS_FEED_LOST:
        if ws_feed_log(feed) != NULL:
            log_tell_damage(s, <ws_log*>ws_feed_log(feed))
        replica_close(s, c, b"what it is to be sent cannot be read")


cdef void replica_turn(Server* s, Client* c) noexcept nogil:
    cdef Replica* r = replica_of(c)
    if c.flags & CLIENT_ENDING:
        return
    c.flags |= CLIENT_REPLY_OFF         # from behind the reply that made it a replica
    if not c.flags & CLIENT_WRITE_BLOCKED and (
            c.out.data != NULL or r.state == REPLICA_TAIL and r.offset < s.repl.tail.end):
        replica_write(s, c)
    if not c.flags & CLIENT_CLOSED and c.out.data == NULL and (r.state == REPLICA_FILE or r.state == REPLICA_LOG):
        replica_turn_fed(s, r)


# -- how much of the stream stays in memory ------------------------------------------------------------------------

cdef bint passes_limit(Server* s, Replica* r, int64_t bytes) noexcept nogil:
    """Whether memory holds too much for it, or somewhat less for too long; never less than the backlog does anyway."""
    cdef const Config* config = &s.store.config
    cdef int64_t hard = max(config.obuf_hard[1], config.repl_backlog_size) if config.obuf_hard[1] else 0
    cdef int64_t soft = max(config.obuf_soft[1], config.repl_backlog_size) if config.obuf_soft[1] else 0
    cdef int64_t now_s = s.store.now_ms // 1000
    if soft == 0 or bytes < soft:
        r.soft_limit_since_s = 0
    elif r.soft_limit_since_s == 0:
        r.soft_limit_since_s = now_s
    return (hard > 0 and bytes >= hard) or (
        r.soft_limit_since_s > 0 and now_s - r.soft_limit_since_s > config.obuf_soft_seconds[1])


cdef bint leave_to_log(Server* s, Replica* r) noexcept nogil:
    """Whether the log has what it needs next; one in step is then fed from there."""
    if r.log_feed != NULL and is_of_log(s, r.log_feed):
        return 1
    if r.state == REPLICA_LOG or not replica_pin(s, r):
        return 0
    if r.state == REPLICA_TAIL:
        replica_enter(r, REPLICA_LOG)
        if r.client.out.data == NULL:
            replica_poll(s, r.client, 0)
    return 1


cdef void replicas_trim(Server* s) noexcept nogil:
    """Let the tail have its size, but for replicas that nothing else has the stream for."""
    cdef Tail* t = &s.repl.tail
    cdef int64_t keep = t.end - s.store.config.repl_backlog_size
    cdef int64_t keep_for_all = keep
    cdef Replica* r
    cdef size_t i = s.repl.replica_count
    if keep < (t.first_number + 1) * TAIL_BLOCK:
        return
    while i > 0:
        i -= 1
        r = replica_of(s.repl.replicas[i])
        if r.offset == NO_STREAM or replica_place(r) >= keep or leave_to_log(s, r):
            r.soft_limit_since_s = 0
        elif passes_limit(s, r, t.end - replica_place(r)):
            s.store.stats.output_buffer_limit_disconnections += 1
            replica_close(s, r.client, b"it passed client-output-buffer-limit")
        else:
            keep_for_all = min(keep_for_all, replica_place(r))
    tail_trim(t, keep_for_all)


# -- each turn of the loop -----------------------------------------------------------------------------------------

cdef void replicas_turn(Server* s) noexcept nogil:
    """At the end of a turn, once the stream was handed over: send replicas what there is."""
    cdef size_t i = s.repl.replica_count
    if i == 0:
        return
    output_end(s)
    while i > 0:
        i -= 1
        replica_turn(s, s.repl.replicas[i])
    s.repl.fed_end = s.repl.tail.end
    replicas_trim(s)


cdef void put_words(Server* s, const char* first, const char* second, const char* third) noexcept nogil:
    """A command that replicas take up in whatever database, of a unit of its own."""
    cdef const char* words[3]
    cdef Str argv[3]
    cdef int i, argc = 0
    words[:] = [first, second, third]
    for i in range(3):
        if words[i] != NULL:
            argv[argc].ptr = words[i]
            argv[argc].len = strlen(words[i])
            argc += 1
    stream_put_as_is(s, argc, argv)


cdef void replicas_cron(Server* s) noexcept nogil:
    """Once a second: PING, a line break for those who wait, the end of those who are silent."""
    cdef Replication* repl = &s.repl
    cdef int64_t now_ms = s.store.now_ms
    cdef int64_t timeout_ms = s.store.config.repl_timeout * 1000
    cdef size_t i = repl.replica_count
    cdef Client* c
    repl.cron_due_ms = now_ms + REPLICAS_CRON_MS
    while i > 0:
        i -= 1
        c = repl.replicas[i]
        if c.flags & CLIENT_ENDING:
            continue
        if replica_of(c).state == REPLICA_WAITS:
            if now_ms - replica_of(c).since_ms >= REPLICAS_CRON_MS and not c.flags & CLIENT_WRITE_BLOCKED:
                client_append(s, c, b"\n", 1)
        elif (is_sent_all(replica_of(c)) and replica_of(c).acks
              and now_ms - replica_heard_ms(replica_of(c)) > timeout_ms):
            replica_close(s, c, b"it has not been heard from for repl-timeout")
    if now_ms >= repl.ping_due_ms and not repl.pings_held:
        repl.ping_due_ms = now_ms + s.store.config.repl_ping_replica_period * 1000
        put_words(s, b"PING", NULL, NULL)


cdef void replicas_tell(Server* s) noexcept nogil:
    """Before the stream of a turn is handed over: what this server itself has to say in it."""
    if s.repl.replica_count == 0:
        s.repl.ask = 0
        return
    if s.store.now_ms >= s.repl.cron_due_ms:
        replicas_cron(s)
    if s.repl.ask and not s.repl.pings_held:
        s.repl.ask = 0
        put_words(s, b"REPLCONF", b"GETACK", b"*")


# -- with the server -----------------------------------------------------------------------------------------------

cdef bint replication_guards(const Server* s) noexcept nogil:
    """Whether commands may have to be refused: replication_refuses is to look at each."""
    return role_guards(s) or lacks_replicas(s)


cdef bint replication_refuses(Server* s, Client* c, Call* call) noexcept nogil:
    """Whether a command may not run because of the server's role or its replicas; then it has its reply."""
    return refuses_without_replicas(s, c, call) or role_refuses_write(s, c, call)


cdef void replication_free(Server* s) noexcept nogil:
    """With the server: its tail."""
    tail_clear(&s.repl.tail)
    ws_free(s.repl.replicas)
    ws_free(s.repl.waiters)
