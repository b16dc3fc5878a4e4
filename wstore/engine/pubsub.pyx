# Publish and subscribe: subscriptions are links (links.pxd) from a channel, pattern or shard channel to a client.
#
# A message is written once, in RESP3 form, and copied to each receiver; RESP2 differs in its first byte. What a client
# is to hear while a command of its own runs waits in `Server.pushed` and is put in front of that command's reply,
# which may be one of many parts.
#
# Invariant: CLIENT_PUBSUB is set exactly while a client has subscriptions of any kind.


# -- subscriptions -----------------------------------------------------------------------------------------

cdef inline uint64_t subscription_count(const Client* c) noexcept nogil:
    return c.links[LINK_CHANNEL].count + c.links[LINK_PATTERN].count + c.links[LINK_SHARD].count


cdef inline void note_subscriptions(Client* c) noexcept nogil:
    if subscription_count(c) > 0:
        c.flags |= CLIENT_PUBSUB
    else:
        c.flags &= ~<uint32_t>CLIENT_PUBSUB


cdef bint api_may_subscribe(Call* call, int kind) noexcept nogil:
    cdef uint32_t flags = (<Client*>call.client).flags
    if flags & CLIENT_INTERNAL:
        reply_error(call, b"ERR subscriptions need a connection")
        return 0
    if kind == CHANNEL_SHARD and flags & CLIENT_EXECUTING:
        reply_error(call, b"ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client")
        return 0
    return 1


cdef bint api_subscribed(Call* call) noexcept nogil:
    return (<Client*>call.client).flags & CLIENT_PUBSUB != 0


cdef bint api_subscribe(Call* call, int kind, Str channel) noexcept nogil:
    cdef Client* c = <Client*>call.client
    cdef Key key
    cdef bint added
    ks_key(call.store, channel, &key)
    added = links_add(server_of(call.store), LINK_CHANNEL + kind, 0, &key, c) != NULL
    note_subscriptions(c)
    return added


cdef bint api_unsubscribe(Call* call, int kind, Str channel) noexcept nogil:
    cdef Client* c = <Client*>call.client
    cdef Link* link
    cdef Key key
    ks_key(call.store, channel, &key)
    link = links_of(server_of(call.store), LINK_CHANNEL + kind, 0, &key, c)
    if link == NULL:
        return 0
    links_remove(server_of(call.store), link)
    note_subscriptions(c)
    return 1


cdef uint64_t api_subscriptions(Call* call, int kind, Str* oldest) noexcept nogil:
    """How many of a kind the client has, and the channel of the oldest; it holds until that is given up."""
    cdef LinkList* own = &(<Client*>call.client).links[LINK_CHANNEL + kind]
    if own.count > 0 and oldest != NULL:
        oldest.ptr = own.first.name.bytes
        oldest.len = own.first.name.len
    return own.count


cdef void unsubscribe_all(Server* s, Client* c) noexcept nogil:
    """Without a word to the client."""
    links_drop(s, c, LINK_CHANNEL)
    links_drop(s, c, LINK_PATTERN)
    links_drop(s, c, LINK_SHARD)
    note_subscriptions(c)


cdef bint is_subscribing(const CommandSpec* spec) noexcept nogil:
    """Whether the command's replies are pushed to the client, which CLIENT REPLY keeps none of."""
    cdef size_t n = strlen(spec.name)
    return n >= 9 and strcmp(spec.name + n - 9, b"subscribe") == 0


cdef bint may_run_subscribed(const CommandSpec* spec) noexcept nogil:
    """What a RESP2 client may send while it has subscriptions."""
    return (is_subscribing(spec) or strcmp(spec.name, b"ping") == 0
            or strcmp(spec.name, b"quit") == 0 or strcmp(spec.name, b"reset") == 0)


cdef void refuse_subscribed(Call* call) noexcept nogil:
    reply_z(call, b"-EXECABORT Transaction discarded because of: " if strcmp(call.spec.name, b"exec") == 0
            else b"-ERR ")
    reply_z(call, b"Can't execute '")
    reply_z(call, call.spec.name)
    reply_z(call, b"': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\r\n")


# -- writing messages --------------------------------------------------------------------------------------

cdef void push_raw(Reply* to, const char* p, size_t n) noexcept nogil:
    if to.len + n > to.cap:
        reply_grow(to, n)
    memcpy(to.data + to.len, p, n)
    to.len += n


cdef void push_bulk(Reply* to, const char* p, size_t n) noexcept nogil:
    cdef char header[32]
    cdef size_t used = 1 + ws_u64_to_str(header + 1, n)
    header[0] = c"$"
    header[used] = c"\r"
    header[used + 1] = c"\n"
    push_raw(to, header, used + 2)
    push_raw(to, p, n)
    push_raw(to, b"\r\n", 2)


cdef void push_begin(Reply* to, const char* head, const LinkName* pattern) noexcept nogil:
    """Begin a message in an empty buffer: its mark and kind, and the pattern that it matches, if any."""
    to.len = 0
    push_raw(to, head, strlen(head))
    if pattern != NULL:
        push_bulk(to, pattern.bytes, pattern.len)


cdef bint is_running(Server* s, const Client* c) noexcept nogil:
    """Whether a command of that client is being run, so that its reply may be half written."""
    if s.served != NULL:
        return s.served == c
    return s.batch.running >= 0 and s.batch.calls[s.batch.running].client == c


cdef void push_to(Server* s, Client* c, char mark, const Reply* message) noexcept nogil:
    """Send a client a message, `mark` in place of its first byte; one with too much unsent output is closed."""
    cdef size_t start
    if c.flags & CLIENT_ENDING:
        return
    if is_running(s, c):
        start = s.pushed.len
        push_raw(&s.pushed, message.data, message.len)
        s.pushed.data[start] = mark
        c.flags |= CLIENT_PUSHED
        return
    client_append(s, c, message.data, message.len)
    c.out.data[c.out.len - message.len] = mark
    if c.out.len - c.sent > OUTPUT_EAGER:
        push_out(s, c)


cdef void push_out(Server* s, Client* c) noexcept nogil:
    """Much output that the client did not ask for: try its socket, then look at the limits."""
    if not c.flags & CLIENT_WRITE_BLOCKED and not log_holds(s, c) and not output_send(s, c):
        client_close_asap(s, c)
    else:
        check_output_limit(s, c)


cdef void push_kept(Server* s, Client* c, size_t start) noexcept nogil:
    """The command at hand has replied, from offset `start` of its output: what it was pushed goes in front."""
    cdef size_t n = s.pushed.len
    c.flags &= ~<uint32_t>CLIENT_PUSHED
    add_writer(s, c)
    if c.out.len + n > c.out.cap:
        reply_grow(&c.out, n)
    memmove(c.out.data + start + n, c.out.data + start, c.out.len - start)
    memcpy(c.out.data + start, s.pushed.data, n)
    c.out.len += n
    s.pushed.len = 0
    if s.pushed.cap > KEEP_OUTPUT_MAX:
        ws_free(s.pushed.data)
        memset(&s.pushed, 0, sizeof(Reply))


cdef uint64_t push_to_all(Server* s, LinkName* name, const Reply* message) noexcept nogil:
    """To each client of a channel or pattern, those that came first served first; how many."""
    cdef Link* link = name.first
    cdef Client* c
    while link != NULL:
        c = <Client*>link.client
        push_to(s, c, c">" if c.resp == 3 else c"*", message)
        link = link.next
    return name.count


# -- publishing --------------------------------------------------------------------------------------------

cdef uint64_t publish_to_channel(Server* s, int kind, const Key* channel, Str text, const char* head) noexcept nogil:
    cdef LinkName* name = links_find(s, kind, 0, channel)
    if name == NULL:
        return 0
    push_begin(&s.message, head, NULL)
    push_bulk(&s.message, channel.ptr, channel.len)
    push_bulk(&s.message, text.ptr, text.len)
    return push_to_all(s, name, &s.message)


cdef uint64_t publish_to_patterns(Server* s, const Key* channel, Str text) noexcept nogil:
    cdef LinkName* name = s.links[LINK_PATTERN].first
    cdef uint64_t receivers = 0
    while name != NULL:
        if kernel_glob_match(name.bytes, name.len, channel.ptr, channel.len, 0):
            push_begin(&s.message, b">4\r\n$8\r\npmessage\r\n", name)
            push_bulk(&s.message, channel.ptr, channel.len)
            push_bulk(&s.message, text.ptr, text.len)
            receivers += push_to_all(s, name, &s.message)
        name = name.next
    return receivers


cdef uint64_t publish(Server* s, Str channel, Str text) noexcept nogil:
    """A message to a channel and to the patterns that match it; how many received it."""
    cdef Key key
    cdef uint64_t receivers
    if s.links[LINK_CHANNEL].names.count == 0 and s.links[LINK_PATTERN].names.count == 0:
        return 0
    ks_key(s.store, channel, &key)
    receivers = publish_to_channel(s, LINK_CHANNEL, &key, text, b">3\r\n$7\r\nmessage\r\n")
    receivers += publish_to_patterns(s, &key, text)
    message_settle(s)
    return receivers


cdef void message_settle(Server* s) noexcept nogil:
    """Give back what a long message took."""
    if s.message.cap > KEEP_OUTPUT_MAX:
        ws_free(s.message.data)
        memset(&s.message, 0, sizeof(Reply))


cdef void stream_published(Server* s, int kind, Str channel, Str text) noexcept nogil:
    """Replicas have clients that listen as well; what is only on disk has none."""
    cdef Str argv[3]
    if s.repl.replica_count == 0:
        return
    argv[0].ptr = b"PUBLISH" if kind == CHANNEL_PLAIN else b"SPUBLISH"
    argv[0].len = strlen(argv[0].ptr)
    argv[1] = channel
    argv[2] = text
    stream_put(s, max(s.stream.db, 0), 3, argv)


cdef uint64_t api_publish(Store* store, int kind, Str channel, Str text) noexcept nogil:
    cdef Server* s = server_of(store)
    cdef Key key
    cdef uint64_t receivers
    stream_published(s, kind, channel, text)
    if relives_past(s):
        return 0
    if kind == CHANNEL_PLAIN:
        return publish(s, channel, text)
    ks_key(store, channel, &key)
    receivers = publish_to_channel(s, LINK_SHARD, &key, text, b">3\r\n$8\r\nsmessage\r\n")
    message_settle(s)
    return receivers


cdef void publish_event(Server* s, int db, const Key* key, const char* event) noexcept nogil:
    """The event on the channel of its key and the key on the channel of its event, as notify-keyspace-events says."""
    cdef Reply channel
    cdef Str name, text
    cdef char head[40]
    cdef int64_t classes = s.store.config.notify_events
    if s.links[LINK_CHANNEL].names.count == 0 and s.links[LINK_PATTERN].names.count == 0 or relives_past(s):
        return
    memset(&channel, 0, sizeof(channel))
    if classes & EVENT_KEYSPACE:
        push_raw(&channel, head, <size_t>snprintf(head, sizeof(head), b"__keyspace@%d__:", db))
        push_raw(&channel, key.ptr, key.len)
        name.ptr, name.len = channel.data, channel.len
        text.ptr, text.len = event, strlen(event)
        publish(s, name, text)
    if classes & EVENT_KEYEVENT:
        channel.len = 0
        push_raw(&channel, head, <size_t>snprintf(head, sizeof(head), b"__keyevent@%d__:", db))
        push_raw(&channel, event, strlen(event))
        name.ptr, name.len = channel.data, channel.len
        text.ptr, text.len = key.ptr, key.len
        publish(s, name, text)
    ws_free(channel.data)


# -- what there is -----------------------------------------------------------------------------------------

cdef uint64_t api_subscribers(Store* store, int kind, Str channel) noexcept nogil:
    cdef Key key
    cdef LinkName* name
    ks_key(store, channel, &key)
    name = links_find(server_of(store), LINK_CHANNEL + kind, 0, &key)
    return name.count if name != NULL else 0


cdef uint64_t api_channels(Store* store, int kind, ChannelFn fn, void* arg) noexcept nogil:
    """Call fn, unless NULL, for each channel or pattern that somebody listens to; how many there are."""
    cdef LinkTable* t = &server_of(store).links[LINK_CHANNEL + kind]
    cdef LinkName* name = t.first if fn != NULL else NULL
    cdef Str channel
    while name != NULL:
        channel.ptr, channel.len = name.bytes, name.len
        fn(arg, channel)
        name = name.next
    return t.names.count
