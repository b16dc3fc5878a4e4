# The engine's Python face: one Store*, its command tables, counters and clients. typed.pyx has the methods that users
# of an embedded store call most.


cdef class Engine:
    """A keyspace with its command tables, in this process.

    databases: how many can be selected (int >= 1).
    """
    cdef Store* store
    cdef int db_index
    cdef bint closed
    cdef dict renames           # name of a command -> name that it is called by (bytes); b"": none
    cdef public object config   # wstore.admin.config.Config, or None
    cdef public object runtime  # wstore.admin.runtime.Runtime while it is served, or None
    cdef public object log      # called with (level, text) for each line of the log; None: lines go to stderr
    cdef public object facts    # wstore.admin.process.Facts, or None
    cdef public object persistence      # wstore.persistence.service.Service, or None
    cdef Engine home            # of a twin: the engine that its data are for
    cdef list soon              # what call_soon was asked for
    cdef public object replication      # wstore.replication.service.Replication, or None

    def __cinit__(self, int databases=16):
        if databases < 1:
            raise ValueError("databases must be at least 1")
        self.store = store_new(databases)
        if self.store == NULL:
            raise MemoryError("no address space or no random numbers for a store")
        self.store.engine = <void*>self
        self.renames = {}
        self.soon = []
        server_create(self.store)

    def __dealloc__(self):
        if self.store != NULL:
            if self.store.server != NULL:
                if server_of(self.store).log != NULL:
                    log_end(server_of(self.store))
                server_destroy(server_of(self.store))
            with nogil:
                store_free(self.store)

    # Bound methods may outlive close(), so the Store struct stays, without data, until the object ends.
    def close(self):
        """Free all data now; any further use raises ValueError, closing again is no error.

        Raises RuntimeError while a Server serves the store.
        """
        cdef Server* s = server_of(self.store)
        cdef int i
        if s.poll_fd >= 0:
            raise RuntimeError("the store is being served")
        server_enter(s)
        with nogil:
            snapshot_stop(self.store)
        if s.log != NULL:
            log_end(s)
        self.closed = True
        self.store.served = True        # lets embedded calls look twice: see TypedStore.enter
        for i in range(self.store.db_count):
            if self.store.dbs[i] != NULL:
                db_free(self.store, self.store.dbs[i])
                self.store.dbs[i] = NULL
        server_unlock(s)
        with nogil:
            wait_for_frees(self.store)

    cdef inline int check_open(self) except -1:
        if self.closed:
            raise ValueError("the store is closed")
        return 0

    # -- upkeep and checks ----------------------------------------------------------------------------------------

    def tick(self, int64_t now_ms, int64_t budget_us=1000000):
        """Do as a loop would at that Unix time: expire, age, evacuate for about budget_us each. True: more is left."""
        self.check_open()
        self.store.now_ms = now_ms
        ks_cron(self.store, budget_us)
        return ks_turn(self.store, budget_us)

    def validate(self):
        """Walk every database and check all invariants of its structures. Raises AssertionError."""
        cdef Server* s = server_of(self.store)
        cdef int i = 0
        cdef const char* wrong = NULL
        server_enter(s)
        while i < self.store.db_count and wrong == NULL:
            if self.store.dbs[i] != NULL:
                wrong = db_validate(self.store, self.store.dbs[i])
            i += 1
        where = f"database {i - 1}" if wrong != NULL else "links"
        if wrong == NULL:
            wrong = links_validate(s)
        if wrong == NULL:
            wrong = blocked_validate(s)
        server_unlock(s)
        if wrong != NULL:
            raise AssertionError(f"{where}: {wrong.decode()}")

    def memory(self):
        """Bytes: of records, of the table, of values outside the arena, by malloc in all; segments."""
        cdef int i
        cdef Keyspace* ks
        out = {"arena": 0, "table": 0, "blobs": 0, "segments": 0, "malloc": ws_alloc_used()}
        for i in range(self.store.db_count):
            if self.store.dbs[i] != NULL:
                ks = keyspace_of(self.store.dbs[i])
                out["arena"] += ws_arena_bytes(&ks.arena)
                out["table"] += ws_region_bytes(&ks.region)
                out["blobs"] += ks.blob_bytes
                out["segments"] += ks.segments
        return out

    def freeze(self, bytes key not None):
        """Have a big value be encoded as it stands now, whatever commands do to it: a Frozen. None: it is small.

        Its bytes come from step(), which other threads may call; thaw() ends it. One at a time for a value.
        """
        self.check_open()
        return freeze_value(self, key)

    # -- loading ---------------------------------------------------------------------------------------------------

    def load_begin(self, list files not None, then, bint wait=False, bint merge=False, pass_over=()):
        """Load files, (path, "rdb" or "aof") in this order, into the store; `then(error, report)` is called at the end,
        on the loop's thread: error is None or a text, the report a dict (loader.pyx: load_report).

        With a loop it is loaded in its turns, unless `wait`; otherwise before this returns. A torn last file is no
        error: the report tells where. merge: a key that is there already is no error, but replaced. pass_over: names
        of commands (bytes, lower case) that are left out where they are unknown. RuntimeError: a load is running.
        """
        load_files(self, files, then, wait, merge, pass_over)

    def load_progress(self):
        """How far a load is (dict), or None: none is running."""
        return load_progress(server_of(self.store))

    # -- commands ------------------------------------------------------------------------------------------------

    def execute(self, *args):
        """Run any command: execute("SET", "key", b"value"). Arguments: bytes, str (as UTF-8), int or float.

        The reply as a value: simple string str, bulk bytes, integer int, double float, null None, array list, map
        dict, set set, boolean bool. An error reply raises ReplyError.
        """
        self.check_open()
        return execute_args(self.store, args, &self.db_index)

    def adopt(self, capsule):
        """Take over a command module's tables. ValueError with the reason: the old ones stay in force."""
        server_enter(server_of(self.store))
        try:
            table_adopt(self.store, capsule)
        finally:
            server_unlock(server_of(self.store))

    def register(self, commands):
        """Add commands written in Python (an iterable of PyCommand). ValueError: a name is taken; none is added."""
        server_enter(server_of(self.store))
        try:
            table_register(self.store, commands)
        finally:
            server_unlock(server_of(self.store))

    def rename_command(self, bytes name not None, bytes new_name not None):
        """Let clients call a command by another name, or not at all (b""). ValueError: no such one, or it is taken."""
        server_enter(server_of(self.store))
        try:
            table_rename(self.store, name, new_name)
        finally:
            server_unlock(server_of(self.store))

    def command_specs(self):
        """The commands in force: a dict each of name, arity, flags, first_key, last_key, key_step."""
        return table_specs(self.store)

    def command_stats(self):
        """name -> (calls, microseconds, rejected, failed) of commands that have been called or refused."""
        return table_stats(self.store)

    def latency_stats(self, percentiles=(50.0, 99.0, 99.9)):
        """name -> microseconds that these percentages of its calls took at the most (list of float)."""
        return table_latencies(self.store, percentiles)

    def error_stats(self):
        """First word of an error reply -> how many were sent."""
        cdef Server* s = server_of(self.store)
        cdef size_t i
        return {s.errors[i].code.decode("utf-8", "surrogateescape"): s.errors[i].count
                for i in range(s.error_count)}

    def stats(self):
        """The counters of abi.Stats by name (int)."""
        return stats_dict(self.store)

    def reset_stats(self):
        """CONFIG RESETSTAT: all counters from zero."""
        memset(&self.store.stats, 0, sizeof(self.store.stats))
        stats_reset(server_of(self.store))

    def set_option(self, name, int64_t value):
        """Set a field of abi.Config; those of arrays are named "obuf_hard.0". KeyError if there is none."""
        config_field(self.store, name)[0] = value
        links_observe(server_of(self.store))

    def get_option(self, name):
        return config_field(self.store, name)[0]

    # -- the stream of writes ------------------------------------------------------------------------------------

    def stream_start(self, int64_t offset=0):
        """Have the effects of all writes from here on put down as RESP; the first byte has that offset."""
        server_enter(server_of(self.store))
        server_of(self.store).stream.taken = 1
        stream_begin(server_of(self.store), offset)
        server_unlock(server_of(self.store))

    def stream_take(self):
        """The bytes of the stream since the last call, which are taken out of it."""
        cdef Server* s = server_of(self.store)
        server_enter(s)
        try:
            if stream_in_unit(s):
                raise RuntimeError("the command that is running has left effects")
            taken = PyBytes_FromStringAndSize(s.stream.pending.data, s.stream.pending.len)
            s.stream.pending.len = 0
        finally:
            server_unlock(s)
        return taken

    # -- the log: see log.pxd ------------------------------------------------------------------------------------

    def log_open(self, dir_path, name, files=(), int64_t start=0, bint hidden=False, str label not None=""):
        """Log all writes from here on; the offset of the first byte of them (int).

        files: those of the manifest, in its order: (name, type "b", "h" or "i", number, start) of each, and, or not,
        label and bytes of its preamble. The last one is written on, if it is of type "i" and of the same stream as
        `label`, else a new one begins: behind it; with nothing in front of it, or if `hidden`, at offset `start`.
        hidden: the manifest stays as it is until the first base (log_set_base), then `files` go. label: the stream's
        id, then, with commas, ids that ended where the log goes on. OSError.
        """
        cdef Server* s = server_of(self.store)
        self.check_open()
        server_enter(s)
        try:
            if s.log != NULL:
                raise RuntimeError("there is a log already")
            return log_begin(s, dir_path, name, files, start, hidden, label)
        finally:
            server_unlock(s)

    def log_close(self):
        """Have all on disk and log no more. OSError: some of it is lost; closed it is even so."""
        cdef Server* s = server_of(self.store)
        cdef int error = 0
        import os
        server_enter(s)
        try:
            if s.log != NULL:
                error = log_end(s)
        finally:
            server_unlock(s)
        if error:
            raise OSError(error, os.strerror(error))

    def log_roll(self, str label not None=""):
        """Have the log begin a new file; the offset at which it does (int). label: the stream goes on under other ids.
        """
        return log_call(self, 0, label)

    def log_sync(self):
        """Have all that was written until now on disk before this returns; the offset (int). OSError."""
        return log_call(self, 1, "")

    def log_next_seq(self, kind):
        """The number of the next file of type "b" or "i"."""
        return log_number(server_of(self.store), kind)

    def log_set_base(self, name, int64_t number, int64_t offset, then=None):
        """The file `name` holds the data at `offset`, where a file of the log begins: older ones become history.

        then: called with None, or the text of an error, in a turn of the loop, once the manifest says so.
        """
        log_take_base(server_of(self.store), name, number, offset, then)

    def log_reset(self, name, int64_t number, int64_t offset, int db=-1, str label not None=""):
        """The stream is another one from here on: the file `name` holds its data at `offset`, where it goes on, and
        becomes the log's base; all others go. db: its next command runs there. Done in the background.
        """
        log_replace_stream(server_of(self.store), name, number, offset, db, label)

    def log_state(self):
        """None: no log. Else a dict of int: end, written, synced, file_start (offsets); current_bytes, base_bytes,
        buffer_bytes, delayed_syncs; write_error, sync_error (errno or 0); syncing.
        """
        return log_facts(server_of(self.store))

    def log_files(self):
        """The files of the manifest, in its order: (name, type, number, start, bytes) of each."""
        return log_file_list(server_of(self.store))

    # -- snapshots: see snapshot.pxd -------------------------------------------------------------------------------

    def snapshot_save(self, str path not None, aux=(), slots=None):
        """Write all keys, or those of `slots` ((first, last) pairs, both included), as an RDB file at `path`, now.

        aux: (name, value) pairs of bytes. OSError: it failed, and nothing has changed on disk. RuntimeError: another
        snapshot is being taken.
        """
        cdef Server* s = server_of(self.store)
        self.check_open()
        server_enter(s)
        try:
            snapshot_in_foreground(self.store, path, aux, slots)
        finally:
            server_unlock(s)

    def snapshot_begin(self, str path not None, aux=(), slots=None, then=None, roll_log=False):
        """Have a thread do what snapshot_save does, with the keys as they are now; the stream's offset (int).

        then: called with None, or the text of an error, between two turns of the loop once it has ended. Without a
        loop it is done, and `then` called, before this returns. roll_log: the log begins a new file there.
        """
        cdef Server* s = server_of(self.store)
        cdef int64_t offset = s.stream.end
        self.check_open()
        if s.poll_fd < 0:
            error = None
            if roll_log:
                self.log_roll()
            try:
                self.snapshot_save(path, aux, slots)
            except OSError as failed:
                error = failed.strerror
            if then is not None:
                then(error)
            return offset
        server_enter(s)
        try:
            offset = snapshot_in_background(self.store, path, aux, slots, then, False)
            if roll_log:
                log_roll(s, b"")
            return offset
        finally:
            server_unlock(s)

    def snapshot_cancel(self):
        """Have a running snapshot end soon, with an error."""
        cdef Server* s = server_of(self.store)
        server_enter(s)
        if s.snapshot != NULL:
            cancel_snapshot(<Snapshot*>s.snapshot)
        server_unlock(s)

    def snapshot_progress(self):
        """A dict: running, keys_done, keys_total, started_ms, path; hasty_chunks: segments that commands saved."""
        cdef Server* s = server_of(self.store)
        server_enter(s)
        try:
            return snapshot_facts(self.store)
        finally:
            server_unlock(s)

    # -- clients -------------------------------------------------------------------------------------------------

    def clients(self):
        """All connections, oldest first, as ClientInfo."""
        return all_clients(server_of(self.store))

    def client_count(self):
        return server_of(self.store).client_count

    def channel_counts(self):
        """Channels, patterns and shard channels that somebody listens to."""
        cdef Server* s = server_of(self.store)
        return (s.links[LINK_CHANNEL].names.count, s.links[LINK_PATTERN].names.count,
                s.links[LINK_SHARD].names.count)

    def kill_client(self, client_id):
        """Close a connection; the one that is asking still gets its reply. False: there is none of that id."""
        return kill_client(server_of(self.store), client_id)

    def tell_client(self, client_id, bytes reply not None):
        """Send a connection, if it is still there, the reply (RESP) that a command owes it."""
        tell_client(server_of(self.store), client_id, reply)

    def unblock_client(self, client_id, with_error):
        """End a connection's wait for a key: a null array or an error is its reply. False: it does not wait."""
        cdef Server* s = server_of(self.store)
        cdef bint done
        server_enter(s)
        done = unblock_client(s, client_id, with_error)
        if done and s.wake_fd >= 0:
            ws_wake(s.wake_fd)
        server_unlock(s)
        return done

    def pause(self, until_ms, everything):
        """Hold back all commands, or only writes, until a Unix time in ms; a longer or wider pause stays."""
        cdef Server* s = server_of(self.store)
        cdef int64_t until = until_ms
        s.pause_all = everything or (s.pause_all and s.pause_until_ms > ws_unix_ms())
        s.pause_until_ms = max(until, s.pause_until_ms)
        server_configure(s)

    def unpause(self):
        cdef Server* s = server_of(self.store)
        s.pause_until_ms = 0
        server_configure(s)

    def slow_log(self, count=-1):
        """The newest slow commands first: [id, Unix seconds, microseconds, [argument], address, name]."""
        return slow_log_entries(server_of(self.store), count if count >= 0 else 1 << 62)

    def slow_log_length(self):
        return server_of(self.store).slow_count

    def reset_slow_log(self):
        slow_log_resize(server_of(self.store), 0)
