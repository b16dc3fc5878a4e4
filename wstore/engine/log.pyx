# The log, on the loop's side: hands the stream of each turn over, holds replies back until it is safe, refuses writers
# while it fails. The files are the kernel's: csrc/log.h.

cdef extern from "string.h" nogil:
    char* strerror(int error)


cdef inline Log* log_of(const Server* s) noexcept nogil:
    return <Log*>s.log


cdef inline bint log_holds(const Server* s, const Client* c) noexcept nogil:
    """Whether c's output waits for a sync."""
    return s.log != NULL and c.flags & CLIENT_LOGGED != 0 and (<const Log*>s.log).holding


cdef inline int log_error(const Server* s) noexcept nogil:
    """errno of what fails now, or 0: with another, writers are refused."""
    return ws_log_failing((<const Log*>s.log).files) if s.log != NULL else 0


cdef void log_configure(Server* s) noexcept nogil:
    """Follow the directives; at the begin of a turn."""
    cdef const Config* config = &s.store.config
    cdef ws_log_settings settings
    if s.log == NULL:
        return
    settings.policy = <int>config.appendfsync
    settings.spare_syncs = config.no_appendfsync_on_rewrite and s.snapshot != NULL
    settings.keep_bytes = config.aof_retention_bytes
    settings.keep_ms = config.aof_retention_time * 1000
    ws_log_configure(log_of(s).files, &settings)
    if config.appendfsync == WS_LOG_ALWAYS:
        log_of(s).holding = 1
    elif not log_of(s).kept:
        log_of(s).holding = 0


cdef void stream_hand_over(Server* s) noexcept nogil:
    """What is in the stream goes to its tail and to the log: it is whole units."""
    cdef Reply* pending = &s.stream.pending
    WS_ASSERT(not stream_in_unit(s))
    if pending.len == 0:
        return
    if s.repl.tail.on:
        tail_append(s, pending.data, pending.len)
    if s.log != NULL:
        ws_log_append(log_of(s).files, <ws_log_buffer*>pending, s.store.now_ms)
    pending.len = 0


cdef int log_append(Server* s) noexcept nogil:
    """Hand over what is in the stream; with `always`, until it is synced. 0, or errno: it is not."""
    cdef Log* log = log_of(s)
    cdef int64_t limit = s.store.config.aof_segment_size
    if stream_in_unit(s) or s.stream.pending.len == 0 and not log.kept:
        return 0
    stream_hand_over(s)
    if limit > 0 and ws_log_file_bytes(log.files) >= limit:
        log_roll(s, b"")
    if s.store.config.appendfsync == WS_LOG_ALWAYS:
        return ws_log_commit(log.files)
    return 0


cdef void log_mark(const Server* s, ws_log_mark* mark, const char* label) noexcept nogil:
    """What a file that begins where the stream stands begins with; label: "": it goes on under the present id."""
    ws_log_label_copy(mark.label, label)
    mark.db = s.stream.db if s.store.is_replica else 0


cdef void log_roll(Server* s, const char* label) noexcept nogil:
    """A new file begins where the stream stands; whoever loads it begins in database 0, so a SELECT comes first: in
    the stream, or, if that is a master's, in front of it."""
    cdef ws_log_mark mark
    if s.log == NULL:
        return
    stream_hand_over(s)
    log_mark(s, &mark, label)
    ws_log_roll(log_of(s).files, &mark)
    if not s.store.is_replica:
        s.stream.db = -1


# -- replies -------------------------------------------------------------------------------------------------------

cdef void log_hold(Server* s, Client* c) noexcept nogil:
    """Keep c's output back, in private memory."""
    log_of(s).kept = 1
    if c.out.data != NULL and c.out.cap & 1:
        if c.out.len > c.sent:
            output_keep(c)
        else:
            output_release(c)
    if c.flags & CLIENT_WRITE_BLOCKED:
        c.flags &= ~<uint32_t>CLIENT_WRITE_BLOCKED
        ws_poll_mod(s.poll_fd, c.fd, WS_POLL_IN, c)
    check_output_limit(s, c)


cdef void log_let_go(Server* s) noexcept nogil:
    """What was held back is synced: it goes out with this turn's replies."""
    cdef Client* c = s.first
    log_of(s).kept = 0
    while c != NULL:
        if c.flags & CLIENT_LOGGED and not c.flags & CLIENT_CLOSED:
            add_writer(s, c)
        c = c.next


cdef void log_turn(Server* s) noexcept nogil:
    """The turn's commands have run: their bytes first, then replies."""
    cdef Log* log = log_of(s)
    cdef int error
    if log == NULL:
        if s.repl.tail.on and not stream_in_unit(s):
            stream_hand_over(s)
        return
    error = log_append(s)
    if s.store.config.appendfsync != WS_LOG_ALWAYS:
        error = ws_log_failing(log.files) if log.kept else 0     # the policy has changed while replies were held
    log.holding = error != 0
    if error == 0 and log.kept:
        log_let_go(s)
    if WS_UNLIKELY(ws_log_failing(log.files) != log.told_error):
        log_tell(s)
    if WS_UNLIKELY(log.then != NULL):
        log_tell_base(s)


cdef inline int log_leave(Server* s) noexcept:
    """A call in this process is over: what it has written to disk, without the GIL. 0, or errno: it is not there."""
    cdef int error = 0
    if s.stream.pending.len > 0 and s.depth == 0 and s.batch.running < 0:
        if s.log != NULL:
            with nogil:
                error = log_append(s)
        elif s.repl.tail.on and not stream_in_unit(s):
            stream_hand_over(s)
    return error


cdef object log_not_safe(Server* s):
    return ReplyError(f"MISCONF Errors writing to the AOF file: {strerror(log_error(s)).decode()}")


cdef void log_tell(Server* s) noexcept nogil:
    """It has begun to fail, for another reason than before, or works again."""
    cdef Log* log = log_of(s)
    cdef char line[256]
    log.told_error = ws_log_failing(log.files)
    if log.told_error == 0:
        s.store.api.log(s.store, LOG_WARNING, b"AOF write error looks solved. The server can write again.")
    else:
        snprintf(line, sizeof(line), b"Error writing to the AOF file: %s", strerror(log.told_error))
        s.store.api.log(s.store, LOG_WARNING, line)


cdef void log_tell_damage(Server* s, ws_log* files) noexcept nogil:
    """A file that was read for a replica is damaged, if one is."""
    cdef char where[512]
    cdef char line[768]
    if not ws_log_damage(files, where, sizeof(where)):
        return
    snprintf(line, sizeof(line), b"Damage in the append only file %s: its checksum does not match. BGREWRITEAOF writes "
             b"the data anew.", where)
    s.store.api.log(s.store, LOG_WARNING, line)


cdef void log_refuse(Server* s, Call* call) noexcept nogil:
    """A write, while the log fails or the last snapshot has not got to disk."""
    cdef bint is_exec = strcmp(call.spec.name, b"exec") == 0
    if is_exec:
        multi_end(<Client*>call.client)
        watch_end(s, <Client*>call.client)
    reply_z(call, b"-EXECABORT Transaction discarded because of: " if is_exec else b"-")
    if s.save_failed:
        reply_z(call, b"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to "
                b"disk. Commands that may modify the data set are disabled, because this instance is configured to "
                b"report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). "
                b"Please check the Redis logs for details about the RDB error.\r\n")
    else:
        reply_z(call, b"MISCONF Errors writing to the AOF file: ")
        reply_z(call, strerror(log_error(s)))
        reply_z(call, b"\r\n")


cdef bint log_refuses(Server* s, const Client* c, const CommandSpec* spec) noexcept nogil:
    """Writes, and PING, so that whoever looks after the server sees it."""
    if log_error(s) == 0 and not s.save_failed or s.store.loading or c.flags & CLIENT_EXECUTING:
        return 0
    return (spec.flags & CMD_WRITE != 0 or strcmp(spec.name, b"ping") == 0
            or (c.flags & CLIENT_MULTI_WRITES and strcmp(spec.name, b"exec") == 0))


cdef void log_tell_base(Server* s) noexcept nogil:
    cdef Log* log = log_of(s)
    cdef char line[256]
    cdef int error
    if not ws_log_base_pending(log.files, &error):
        log_call_then(s, error)
    elif error != log.told_base_error:
        log.told_base_error = error
        snprintf(line, sizeof(line), b"Error trying to write the AOF manifest file: %s. Trying again.", strerror(error))
        s.store.api.log(s.store, LOG_WARNING, line)


cdef void log_call_then(Server* s, int error) noexcept with gil:
    cdef Log* log = log_of(s)
    cdef object then = <object>log.then
    Py_XDECREF(<PyObject*>log.then)
    log.then = NULL
    log.told_base_error = 0
    try:
        then(None if error == 0 else strerror(error).decode())
    except BaseException as raised:
        keep_raised(s, raised)


# -- Python's side -------------------------------------------------------------------------------------------------

cdef int log_take_label(char* to, label) except -1:
    cdef bytes text = label.encode("ascii")
    if len(text) >= WS_LOG_LABEL_BYTES or b" " in text:
        raise ValueError("that is no label")
    ws_log_label_copy(to, text)
    return 0


cdef int log_take_file(ws_log_file* file, entry) except -1:
    """All but the name of one in a manifest: (name, type, number, start), and, or not, label and preamble's bytes."""
    memset(file, 0, sizeof(file[0]))
    file.type = <char><int>ord(entry[1])
    file.seq = entry[2]
    file.start = entry[3]
    if len(entry) > 4:
        log_take_label(file.label, entry[4])
        file.preamble = entry[5]
    return 0


cdef Log* log_new(object dir_path, object name, object files) except NULL:
    import os
    cdef bytes path = os.fsencode(dir_path)
    cdef bytes own_name = os.fsencode(name)
    cdef bytes file_name
    cdef ws_log_file file
    cdef Log* log = <Log*>ws_alloc(sizeof(Log))
    memset(log, 0, sizeof(Log))
    log.files = ws_log_new(path, own_name)
    try:
        for entry in files:
            file_name = os.fsencode(entry[0])
            log_take_file(&file, entry)
            file.name = file_name
            if ws_log_add(log.files, &file) != 0:
                raise OSError(errno, os.strerror(errno), os.path.join(dir_path, entry[0]))
    except BaseException:
        log_free(log)
        raise
    return log


cdef void log_free(Log* log) noexcept:
    ws_log_free(log.files)
    Py_XDECREF(<PyObject*>log.then)
    ws_free(log)


cdef int64_t log_begin(Server* s, dir_path, name, files, int64_t start, bint hidden, label) except -1:
    import os
    cdef Log* log = log_new(dir_path, name, files)
    cdef ws_log_facts facts
    cdef ws_log_mark mark
    cdef int failed
    cdef bint goes_on = hidden and (s.store.is_replica or s.repl.tail.on)
    log_mark(s, &mark, b"")
    log_take_label(mark.label, label)
    if goes_on:
        if not stream_in_unit(s):
            stream_hand_over(s)
        start = s.stream.end - <int64_t>s.stream.pending.len
    s.log = log
    log_configure(s)
    with nogil:
        failed = ws_log_begin(log.files, start, hidden, &mark)
    if failed:
        failed = errno
        s.log = NULL
        log_free(log)
        raise OSError(failed, os.strerror(failed), dir_path)
    ws_log_get_facts(log.files, &facts)
    s.store.served = 1
    if goes_on:
        stream_observe(s)
    else:
        if s.repl.tail.on:
            tail_append(s, s.stream.pending.data, s.stream.pending.len)     # written in front of the log
        stream_begin(s, facts.end)
    return facts.end


cdef int log_end(Server* s) except -1:
    """No more of the stream to disk; errno of what kept the rest of it from getting there, or 0."""
    cdef Log* log = log_of(s)
    cdef int error
    with nogil:
        if not stream_in_unit(s):
            stream_hand_over(s)
        error = ws_log_stop(log.files)
    if log.kept:
        log_let_go(s)
    s.log = NULL
    log_free(log)
    stream_observe(s)
    if s.poll_fd < 0 and not s.repl.tail.on and not (<Engine>s.store.engine).closed:
        s.store.served = 0
    return error


cdef list log_file_list(Server* s):
    import os
    cdef ws_log_files files
    cdef size_t i
    cdef list out = []
    server_enter(s)
    if s.log != NULL:
        ws_log_get_files(log_of(s).files, &files)
        for i in range(files.count):
            out.append((os.fsdecode(files.at[i].name), chr(files.at[i].type), files.at[i].seq, files.at[i].start,
                        files.at[i].size_bytes))
        ws_log_files_clear(&files)
    server_unlock(s)
    return out


cdef object log_facts(Server* s):
    cdef ws_log_facts facts
    cdef object out = None
    server_enter(s)
    if s.log != NULL:
        ws_log_get_facts(log_of(s).files, &facts)
        out = facts
    server_unlock(s)
    return out


cdef object log_number(Server* s, kind):
    server_enter(s)
    try:
        if s.log == NULL:
            raise RuntimeError("there is no log")
        return ws_log_next_seq(log_of(s).files, kind == "i")
    finally:
        server_unlock(s)


cdef object log_call(Engine engine, bint sync, label):
    """Roll, or sync."""
    import os
    cdef Server* s = server_of(engine.store)
    cdef char taken[WS_LOG_LABEL_BYTES]
    cdef int error = 0
    log_take_label(taken, label)
    server_enter(s)
    try:
        if s.log == NULL or stream_in_unit(s):
            raise RuntimeError("there is no log" if s.log == NULL else "a transaction is running")
        if sync:
            with nogil:
                stream_hand_over(s)
                error = ws_log_commit(log_of(s).files)
        else:
            log_roll(s, taken)
        if error:
            raise OSError(error, os.strerror(error))
        return s.stream.end
    finally:
        server_unlock(s)


cdef int log_take_base(Server* s, name, int64_t number, int64_t offset, then) except -1:
    import os
    cdef bytes file_name = os.fsencode(name)
    server_enter(s)
    try:
        if s.log == NULL:
            raise RuntimeError("there is no log")
        Py_XDECREF(<PyObject*>log_of(s).then)
        log_of(s).then = NULL
        log_of(s).told_base_error = 0
        if then is not None:
            Py_INCREF(then)
            log_of(s).then = <void*>then
        ws_log_set_base(log_of(s).files, file_name, number, offset)
    finally:
        server_unlock(s)
    return 0


cdef int log_replace_stream(Server* s, name, int64_t number, int64_t offset, int db, label) except -1:
    """Engine.log_reset."""
    import os
    cdef bytes file_name = os.fsencode(name)
    cdef ws_log_mark mark
    log_take_label(mark.label, label)
    mark.db = db
    server_enter(s)
    try:
        if s.log == NULL or stream_in_unit(s):
            raise RuntimeError("there is no log" if s.log == NULL else "a transaction is running")
        Py_XDECREF(<PyObject*>log_of(s).then)
        log_of(s).then = NULL
        stream_restart(s, offset)
        s.stream.db = db
        ws_log_reset(log_of(s).files, file_name, number, offset, &mark)
    finally:
        server_unlock(s)
    return 0


BAD_BLOCK = WS_LOG_BAD_BLOCK.decode()


def log_damage(path, int64_t until=INT64_MAX):
    """Where, in a file of the log, the first block begins that is not as it was written, as far as its sums tell: of
    those that begin in front of `until`; None: there is none. Raises OSError."""
    import os
    cdef bytes encoded = os.fsencode(path)
    cdef const char* name = encoded
    cdef int64_t found
    with nogil:
        found = ws_log_sums_check(name, until)
    if found == -2:
        raise OSError(errno, os.strerror(errno), path)
    return None if found < 0 else found


def log_sums_size(int64_t size_bytes):
    """How long the file of sums may be of a file of that size to which more comes."""
    return ws_log_sums_size(size_bytes)


def manifest_text(files):
    """The bytes of a manifest of these files: (name, type, number, start) of each, and, or not, label and preamble."""
    import os
    cdef ws_log_files list_of_files
    cdef ws_log_file one
    cdef bytes name
    cdef size_t n
    cdef char* text
    memset(&list_of_files, 0, sizeof(list_of_files))
    for entry in files:
        name = os.fsencode(entry[0])
        log_take_file(&one, entry)
        one.name = name
        ws_log_files_add(&list_of_files, one)
    text = ws_log_manifest(&list_of_files, &n)
    ws_log_files_clear(&list_of_files)
    try:
        return text[:n]
    finally:
        ws_free(text)


def replace_file(dir_path, name, bytes data not None):
    """Have the file hold these bytes, or what it held before, whatever happens. Raises OSError."""
    import os
    cdef bytes path = os.fsencode(dir_path)
    cdef bytes file_name = os.fsencode(name)
    if ws_file_replace(path, file_name, <const char*>data, len(data)) != 0:
        raise OSError(errno, os.strerror(errno), os.path.join(dir_path, name))
