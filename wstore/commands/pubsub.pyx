"""Publish and subscribe: SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE and their opposites, PUBLISH, SPUBLISH, PUBSUB.

Each channel of a SUBSCRIBE gets a reply of its own, a push in RESP3, with how many subscriptions there are now:
channels and patterns together, shard channels apart.
"""

cdef struct PubsubListing:      # a reply of PUBSUB CHANNELS on its way
    Call* call
    int64_t count


# -- subscribing ---------------------------------------------------------------------------------------

cdef int64_t pubsub_count(Call* c, int kind) noexcept nogil:
    if kind == CHANNEL_SHARD:
        return c.api.subscriptions(c, CHANNEL_SHARD, NULL)
    return c.api.subscriptions(c, CHANNEL_PLAIN, NULL) + c.api.subscriptions(c, CHANNEL_PATTERN, NULL)


cdef void pubsub_head(Call* c) noexcept nogil:
    """The first two of three parts: what it is about."""
    reply_header(c, b">" if c.resp == 3 else b"*", 3)
    reply_bulk(c, c.spec.name, strlen(c.spec.name))


cdef void pubsub_subscribe(Call* c, int kind) noexcept nogil:
    cdef int i
    if not c.api.may_subscribe(c, kind):
        return
    for i in range(1, c.argc):
        c.api.subscribe(c, kind, c.argv[i])
        pubsub_head(c)
        reply_bulk_str(c, c.argv[i])
        reply_int(c, pubsub_count(c, kind))


cdef void pubsub_leave(Call* c, int kind, Str channel) noexcept nogil:
    pubsub_head(c)
    reply_bulk_str(c, channel)
    c.api.unsubscribe(c, kind, channel)
    reply_int(c, pubsub_count(c, kind))


cdef void pubsub_unsubscribe(Call* c, int kind) noexcept nogil:
    """From the channels named, else from all."""
    cdef Str channel
    cdef int i
    for i in range(1, c.argc):
        pubsub_leave(c, kind, c.argv[i])
    if c.argc > 1:
        return
    if c.api.subscriptions(c, kind, NULL) == 0:
        pubsub_head(c)
        reply_null(c)
        reply_int(c, pubsub_count(c, kind))
    while c.api.subscriptions(c, kind, &channel) > 0:
        pubsub_leave(c, kind, channel)


cdef void cmd_subscribe(Call* c) noexcept nogil:
    pubsub_subscribe(c, CHANNEL_PLAIN)


cdef void cmd_psubscribe(Call* c) noexcept nogil:
    pubsub_subscribe(c, CHANNEL_PATTERN)


cdef void cmd_ssubscribe(Call* c) noexcept nogil:
    pubsub_subscribe(c, CHANNEL_SHARD)


cdef void cmd_unsubscribe(Call* c) noexcept nogil:
    pubsub_unsubscribe(c, CHANNEL_PLAIN)


cdef void cmd_punsubscribe(Call* c) noexcept nogil:
    pubsub_unsubscribe(c, CHANNEL_PATTERN)


cdef void cmd_sunsubscribe(Call* c) noexcept nogil:
    pubsub_unsubscribe(c, CHANNEL_SHARD)


# -- publishing ----------------------------------------------------------------------------------------

cdef void cmd_publish(Call* c) noexcept nogil:
    reply_int(c, c.api.publish(c.store, CHANNEL_PLAIN, c.argv[1], c.argv[2]))


cdef void cmd_spublish(Call* c) noexcept nogil:
    reply_int(c, c.api.publish(c.store, CHANNEL_SHARD, c.argv[1], c.argv[2]))


# -- PUBSUB --------------------------------------------------------------------------------------------

cdef void pubsub_list(void* arg, Str channel) noexcept nogil:
    """Add a channel to the listing if it matches the pattern that was given."""
    cdef PubsubListing* listing = <PubsubListing*>arg
    cdef Call* c = listing.call
    if c.argc == 2 or ws_glob_match(c.argv[2].ptr, c.argv[2].len, channel.ptr, channel.len, 0):
        reply_bulk_str(c, channel)
        listing.count += 1


cdef void pubsub_channels(Call* c, int kind) noexcept nogil:
    cdef PubsubListing listing
    cdef size_t start = c.out.len
    if c.argc > 3:
        reply_error_quoting(c, b"ERR unknown subcommand or wrong number of arguments for '", c.argv[1], QUOTE_MAX,
                            b"'. Try PUBSUB HELP.")
        return
    listing.call = c
    listing.count = 0
    c.api.channels(c.store, kind, pubsub_list, &listing)
    insert_header(c, start, b"*", listing.count)


cdef void pubsub_numbers(Call* c, int kind) noexcept nogil:
    cdef int i
    reply_array(c, (c.argc - 2) * 2)
    for i in range(2, c.argc):
        reply_bulk_str(c, c.argv[i])
        reply_int(c, c.api.subscribers(c.store, kind, c.argv[i]))


cdef void cmd_pubsub_channels(Call* c) noexcept nogil:
    pubsub_channels(c, CHANNEL_PLAIN)


cdef void cmd_pubsub_shardchannels(Call* c) noexcept nogil:
    pubsub_channels(c, CHANNEL_SHARD)


cdef void cmd_pubsub_numsub(Call* c) noexcept nogil:
    pubsub_numbers(c, CHANNEL_PLAIN)


cdef void cmd_pubsub_shardnumsub(Call* c) noexcept nogil:
    pubsub_numbers(c, CHANNEL_SHARD)


cdef void cmd_pubsub_numpat(Call* c) noexcept nogil:
    reply_int(c, c.api.channels(c.store, CHANNEL_PATTERN, NULL, NULL))


cdef void cmd_pubsub_help(Call* c) noexcept nogil:
    reply_help(c, b"PUBSUB", (
        b"CHANNELS [<pattern>]\n"
        b"    Channels that somebody listens to; only those that match the pattern.\n"
        b"NUMPAT\n"
        b"    How many patterns somebody listens to.\n"
        b"NUMSUB [<channel> ...]\n"
        b"    How many clients listen to each of these channels, patterns aside.\n"
        b"SHARDCHANNELS [<pattern>]\n"
        b"    As CHANNELS, of shard channels.\n"
        b"SHARDNUMSUB [<shardchannel> ...]\n"
        b"    As NUMSUB, of shard channels.\n"))


cdef enum:
    PUBSUB_FLAGS = CMD_PUBSUB | CMD_LOADING | CMD_STALE
    PUBSUB_OWN = CMD_PUBSUB | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE

cdef CommandSpec[15] PUBSUB_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"subscribe", -2, PUBSUB_OWN, 0, 0, 0, cmd_subscribe, NULL, NULL],
    [b"unsubscribe", -1, PUBSUB_OWN, 0, 0, 0, cmd_unsubscribe, NULL, NULL],
    [b"psubscribe", -2, PUBSUB_OWN, 0, 0, 0, cmd_psubscribe, NULL, NULL],
    [b"punsubscribe", -1, PUBSUB_OWN, 0, 0, 0, cmd_punsubscribe, NULL, NULL],
    [b"ssubscribe", -2, PUBSUB_OWN, 1, -1, 1, cmd_ssubscribe, NULL, NULL],
    [b"sunsubscribe", -1, PUBSUB_OWN, 1, -1, 1, cmd_sunsubscribe, NULL, NULL],
    [b"publish", 3, PUBSUB_FLAGS | CMD_FAST | CMD_MAY_REPLICATE, 0, 0, 0, cmd_publish, NULL, NULL],
    [b"spublish", 3, PUBSUB_FLAGS | CMD_FAST | CMD_MAY_REPLICATE, 1, 1, 1, cmd_spublish, NULL, NULL],
    [b"pubsub", -2, CMD_CONTAINER, 0, 0, 0, NULL, NULL, NULL],
    [b"pubsub|channels", -2, PUBSUB_FLAGS, 0, 0, 0, cmd_pubsub_channels, NULL, NULL],
    [b"pubsub|help", 2, CMD_LOADING | CMD_STALE, 0, 0, 0, cmd_pubsub_help, NULL, NULL],
    [b"pubsub|numpat", 2, PUBSUB_FLAGS, 0, 0, 0, cmd_pubsub_numpat, NULL, NULL],
    [b"pubsub|numsub", -2, PUBSUB_FLAGS, 0, 0, 0, cmd_pubsub_numsub, NULL, NULL],
    [b"pubsub|shardchannels", -2, PUBSUB_FLAGS, 0, 0, 0, cmd_pubsub_shardchannels, NULL, NULL],
    [b"pubsub|shardnumsub", -2, PUBSUB_FLAGS, 0, 0, 0, cmd_pubsub_shardnumsub, NULL, NULL],
]
