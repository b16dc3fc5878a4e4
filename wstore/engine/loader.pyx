# The load of files (loader.pxd): which file comes next, how far it is, what is reported.
#
# With a loop a load goes on by a slice a turn, and clients get -LOADING; without one, or with `wait`, it runs to its
# end before load_begin returns. Python is called between files and at the end only.

cdef struct Loading:
    Server* server
    void* task                  # PyObject*: the LoadTask, owned
    ws_map map                  # of the file at hand
    ws_log_known_sums sums      # of its commands
    int64_t compared            # its bytes in front of that are as their sums say
    bint has_rdb                # that file has, or is, an RDB file
    bint in_rdb                 # which is not yet done
    bint has_commands
    bint failed
    bint merges                 # keys of the files take the place of those that are there
    LoadRdb rdb
    LoadAof aof
    LoadCounts counts
    LoadProgress progress
    int64_t dirty               # of the store, before
    uint32_t observers
    char why[LOAD_TEXT_MAX]     # once it has failed
    uint64_t where
    char first_error[LOAD_TEXT_MAX]     # of those that commands replied with


cdef inline Loading* loading_of(const Server* s) noexcept nogil:
    return <Loading*>s.loader


# -- failing -------------------------------------------------------------------------------------------------------

cdef int load_fail(Loading* ld, const uint8_t* where, const char* why) noexcept nogil:
    """The load ends; `where` is in the file at hand."""
    if not ld.failed:
        ld.failed = True
        ld.where = <uint64_t>(where - ld.map.data)
        snprintf(ld.why, LOAD_TEXT_MAX, b"%s", why)
    return -1


cdef int load_fail_read(Loading* ld) noexcept nogil:
    return load_fail(ld, ld.rdb.read.where, ld.rdb.read.why)


cdef int load_bad_value(Loading* ld, const RdbItem* item, const char* why) noexcept nogil:
    """What is wrong with a key's value, with its name as far as it fits."""
    cdef char text[LOAD_TEXT_MAX]
    snprintf(text, LOAD_TEXT_MAX, b"%s (key '%.*s', type %d)", why, <int>min(item.key.text.len, <size_t>100),
             item.key.text.ptr, item.rdb_type)
    return load_fail(ld, item.begins, text)


cdef int load_rdb_failed(Loading* ld, const RdbItem* item) noexcept nogil:
    cdef char text[LOAD_TEXT_MAX]
    snprintf(text, LOAD_TEXT_MAX, b"%s (key '%.*s', type %d)", ld.rdb.read.why,
             <int>min(item.key.text.len, <size_t>100), item.key.text.ptr, item.rdb_type)
    return load_fail(ld, ld.rdb.read.where, text)


cdef int load_refuse_type(Loading* ld, const RdbItem* item) noexcept nogil:
    if item.rdb_type in (RDB_TYPE_STREAM, RDB_TYPE_STREAM_2, RDB_TYPE_STREAM_3):
        return load_bad_value(ld, item, b"streams are not supported: skipped only if rdb-skip-unsupported is yes")
    if item.rdb_type == RDB_TYPE_MODULE or item.rdb_type == RDB_TYPE_MODULE_2:
        return load_bad_value(ld, item, b"types of modules are not supported: skipped only if rdb-skip-unsupported is "
                              b"yes")
    return load_bad_value(ld, item, b"the command module does not know this type")


# -- slices --------------------------------------------------------------------------------------------------------

cdef uint64_t load_position(const Loading* ld) noexcept nogil:
    """Bytes of all files that are done."""
    if ld.map.data == NULL:
        return ld.progress.done_bytes
    if ld.in_rdb:
        return ld.progress.done_bytes + <uint64_t>(ld.rdb.read.at - ld.rdb.read.start)
    return ld.progress.done_bytes + (<uint64_t>(ld.aof.read.at - ld.aof.read.start) if ld.has_commands else ld.map.size)


cdef int load_file_slice(Loading* ld, int64_t until_us) noexcept nogil:
    cdef int said = LOAD_FILE_DONE
    if ld.in_rdb:
        said = load_rdb_slice(ld, until_us)
        if said != LOAD_FILE_DONE:
            return said
        ld.in_rdb = False
        if ld.has_commands:
            load_aof_begin(ld)
            return LOAD_MORE
    return load_aof_slice(ld, until_us) if ld.has_commands else said


cdef bint load_slice(Loading* ld, int64_t until_us) noexcept nogil:
    """Load for about that long; 0: it has ended, well or badly."""
    cdef Store* store = ld.server.store
    cdef uint64_t hits = store.stats.keyspace_hits
    cdef uint64_t misses = store.stats.keyspace_misses
    cdef int said = LOAD_MORE
    store.now_ms = ws_unix_ms()
    ld.observers = store.observers
    store.observers &= OBSERVE_SNAPSHOT
    while said == LOAD_MORE and ws_mono_us() < until_us:
        if ld.map.data == NULL:
            if not load_next_file(ld):
                said = LOAD_FILE_DONE
            continue
        said = load_file_slice(ld, until_us)
        if said == LOAD_FILE_DONE and load_file_done(ld):
            said = LOAD_MORE
    store.observers = ld.observers
    store.stats.keyspace_hits = hits
    store.stats.keyspace_misses = misses
    return said == LOAD_MORE


cdef bint loader_turn(Server* s) noexcept nogil:
    """The loop's part: a slice of the load, if there is one. True: there is more."""
    cdef Loading* ld = loading_of(s)
    if ld == NULL:
        return False
    if load_slice(ld, ws_mono_us() + LOAD_SLICE_US):
        load_note_progress(ld)
        return True
    load_end(ld)
    return loading_of(s) != NULL


cdef void load_note_progress(Loading* ld) noexcept nogil:
    """A line to the log every few seconds, if there is a log."""
    cdef int64_t now_us = ws_mono_us()
    cdef char line[128]
    if now_us - ld.progress.noted_us < LOAD_NOTE_US:
        return
    ld.progress.noted_us = now_us
    snprintf(line, sizeof(line), b"Loading: %.1f %% of %llu bytes, %llu keys and %llu commands so far",
             100.0 * <double>load_position(ld) / <double>max(ld.progress.total_bytes, <uint64_t>1),
             <unsigned long long>ld.progress.total_bytes, <unsigned long long>ld.counts.keys,
             <unsigned long long>ld.counts.commands)
    load_note(ld, line)


cdef void load_note(Loading* ld, const char* line) noexcept with gil:
    if (<Engine>ld.server.store.engine).log is not None:
        ld.server.store.api.log(ld.server.store, LOG_NOTICE, line)


# -- Python's part -------------------------------------------------------------------------------------------------

cdef class LoadTask:
    """The files of a load, and what is to be told at its end."""
    cdef list files             # (path, "rdb" or "aof"), those to come
    cdef object then
    cdef object pass_over       # names of commands that are left out where they are unknown
    cdef object path            # of the file at hand
    cdef bint alone             # it is the only file
    cdef dict aux
    cdef list warnings
    cdef object torn            # {"path", "offset", "length"}, or None
    cdef object error           # {"path", "offset", "reason"}, or None
    cdef double began_s

    cdef str failure(self):
        if self.error is None:
            return None
        if self.error["offset"] is None:
            return f"{self.error['path']}: {self.error['reason']}"
        return f"{self.error['path']}: at byte {self.error['offset']}: {self.error['reason']}"


cdef inline LoadTask task_of(const Loading* ld):
    return <LoadTask>ld.task


cdef int load_open(Loading* ld, LoadTask task, str kind) except -1:
    """Map the file at hand and begin with it; an error goes to the task."""
    import os
    cdef bytes name = os.fsencode(task.path)
    cdef bint begins_as_rdb
    if ws_map_open(&ld.map, name) != 0:
        ld.failed = True
        task.error = {"path": task.path, "offset": None, "reason": os.strerror(errno)}
        return 0
    begins_as_rdb = ld.map.size >= 5 and memcmp(ld.map.data, b"REDIS", 5) == 0
    ld.has_commands = kind == "aof"
    ld.has_rdb = ld.in_rdb = kind == "rdb" or begins_as_rdb
    if ld.in_rdb:
        ld.rdb.count = 0
        ld.rdb.crc = ld.rdb.summed = 0
        ld.rdb.keeps_expired = not task.alone or ld.has_commands or ld.server.store.is_replica
        if rdb_begin(&ld.rdb.read, ld.map.data, ld.map.data + ld.map.size):
            load_fail_read(ld)
        st_db(ld.server.store, 0)
    else:
        load_aof_begin(ld)
    ld.compared = 0
    if ld.has_commands:
        ws_log_known_sums_open(&ld.sums, name)
    return 0


cdef bint load_next_file(Loading* ld) noexcept with gil:
    """Open the next file; 0: there is none, or it cannot be read."""
    cdef LoadTask task = task_of(ld)
    if not task.files or ld.failed:
        return False
    try:
        task.path, kind = task.files.pop(0)
        load_open(ld, task, kind)
    except Exception as error:
        ld.failed = True
        task.error = {"path": task.path, "offset": None, "reason": str(error)}
    return not ld.failed


cdef bint load_file_done(Loading* ld) noexcept with gil:
    """Take down what is to be said of the file at hand, and let it go."""
    cdef LoadTask task = task_of(ld)
    cdef size_t offset
    if ld.has_commands and ld.aof.torn != NULL:
        offset = <size_t>(ld.aof.torn - ld.aof.read.start)
        task.torn = {"path": task.path, "offset": offset, "length": ld.map.size - offset}
        if task.files:
            load_fail(ld, ld.map.data + offset, b"the file ends within a command, and another file follows it")
    if ld.has_commands and ld.aof.read.at > ld.aof.begins:
        ld.counts.end_db = ld.aof.client.db
    if ld.has_rdb and not ld.has_commands and rdb_left(&ld.rdb.read):
        task.warnings.append(f"{task.path}: {rdb_left(&ld.rdb.read)} bytes behind the end of the RDB file are ignored")
    load_close_file(ld)
    return not ld.failed


cdef int load_close_file(Loading* ld) except -1:
    """The file at hand goes; where it has failed is taken down."""
    cdef LoadTask task = task_of(ld)
    if ld.failed and task.error is None:
        task.error = {"path": task.path, "offset": ld.where, "reason": ld.why.decode("utf-8", "backslashreplace")}
    ld.progress.done_bytes += ld.map.size
    load_forget_records(&ld.rdb)
    ws_log_known_sums_close(&ld.sums)
    ws_map_close(&ld.map)
    return 0


cdef void load_note_aux(Loading* ld, RdbItem* item) noexcept with gil:
    """A field about the file; the first of its name stays."""
    cdef LoadTask task = task_of(ld)
    cdef bytes name = rdb_text_bytes(&item.key)
    cdef bytes value = rdb_text_bytes(&item.value)
    task.aux.setdefault(name, value)
    if name == b"used-mem" and value.isdigit() and len(value) < 20:
        ld.progress.used_memory = <uint64_t>int(value)


cdef str counted(int64_t n, str one, str many):
    return f"{n} {one if n == 1 else many}"


cdef list load_warnings(Loading* ld):
    cdef list out = []
    cdef LoadCounts* n = &ld.counts
    if n.field_ttls:
        out.append(f"{counted(n.field_ttls, 'hash', 'hashes')} had TTLs of fields, which are not supported: expired "
                   f"fields were dropped, the others stay")
    if n.functions:
        out.append(counted(n.functions, "function library was", "function libraries were")
                   + " left out: functions are not supported")
    if n.module_aux:
        out.append(counted(n.module_aux, "piece of data of modules was", "pieces of data of modules were")
                   + " left out: modules are not supported")
    if n.skipped:
        out.append(counted(n.skipped, "key or command of an unsupported type was",
                           "keys or commands of unsupported types were") + " left out")
    if n.empty:
        out.append(counted(n.empty, "key without any element was", "keys without any element were") + " left out")
    if n.errors:
        out.append(f"{counted(n.errors, 'command', 'commands')} replied with an error, the first at "
                   f"{ld.first_error.decode('utf-8', 'backslashreplace')}")
    return out


cdef dict load_report(Loading* ld, LoadTask task):
    import time
    cdef LoadCounts* n = &ld.counts
    return {
        "keys": n.keys, "expired": n.expired, "skipped": n.skipped, "empty": n.empty, "commands": n.commands,
        "errors": n.errors, "db": n.end_db, "aux": task.aux, "torn": task.torn, "error": task.error,
        "warnings": task.warnings + load_warnings(ld), "bytes": ld.progress.total_bytes,
        "seconds": time.monotonic() - task.began_s}


cdef int load_free(Loading* ld) except -1:
    """The load is over: the store serves again."""
    cdef Server* s = ld.server
    cdef LoadTask task = task_of(ld)
    load_close_file(ld)
    s.store.dirty = ld.dirty
    s.loader = NULL
    s.store.loading = False
    server_configure(s)
    load_aof_free(ld)
    ws_free(ld)
    Py_DECREF(task)
    return 0


cdef void load_end(Loading* ld) noexcept with gil:
    """The load has come to its end: the task is told."""
    cdef Server* s = ld.server
    cdef LoadTask task = task_of(ld)
    cdef dict report
    try:
        load_close_file(ld)
        report = load_report(ld, task)
        load_free(ld)
        task.then(task.failure(), report)
    except BaseException as error:
        keep_raised(s, error)


cdef int load_abandon(Server* s) except -1:
    """The loop ends: a load that it was to go on with stays where it is, and nobody is told."""
    if s.loader != NULL:
        load_free(loading_of(s))
    return 0


cdef int load_start(Engine engine, list files, then, bint merges) except -1:
    import os
    import time
    cdef Server* s = server_of(engine.store)
    cdef LoadTask task = LoadTask.__new__(LoadTask)
    cdef Loading* ld
    if s.loader != NULL:
        raise RuntimeError("a load is running")
    task.files = [(os.fsdecode(path), kind) for path, kind in files]
    task.alone = len(files) == 1
    task.then = then
    task.pass_over = ()
    task.aux = {}
    task.warnings = []
    task.began_s = time.monotonic()
    ld = <Loading*>ws_alloc(sizeof(Loading))
    memset(ld, 0, sizeof(Loading))
    ld.server = s
    ld.dirty = engine.store.dirty
    ld.merges = merges
    ld.sums.fd = -1
    ld.progress.started_ms = ws_unix_ms()
    ld.progress.noted_us = ws_mono_us()
    ld.progress.total_bytes = sum([os.path.getsize(path) for path, _ in task.files if os.path.exists(path)])
    Py_INCREF(task)
    ld.task = <void*>task
    s.loader = ld
    engine.store.loading = True
    server_configure(s)
    return 0


cdef bint load_passes_over(Loading* ld, Str name) noexcept with gil:
    """Whether an unknown command of that name is to be left out."""
    return name.ptr[:name.len].lower() in task_of(ld).pass_over


cdef int load_files(Engine engine, list files, then, bint wait, bint merges, pass_over) except -1:
    """Engine.load_begin."""
    cdef Server* s = server_of(engine.store)
    engine.check_open()
    if any([kind not in ("rdb", "aof") for _, kind in files]):
        raise ValueError('the kind of a file is "rdb" or "aof"')
    server_enter(s)
    try:
        load_start(engine, files, then, merges)
        task_of(loading_of(s)).pass_over = pass_over
        if s.poll_fd >= 0 and not wait:
            ws_wake(s.wake_fd)
            return 0
        with nogil:
            while load_slice(loading_of(s), ws_mono_us() + LOAD_NOTE_US):
                load_note_progress(loading_of(s))
        load_end(loading_of(s))
        raise_kept(s)
    finally:
        server_unlock(s)
    return 0


cdef dict load_progress(const Server* s):
    """What INFO's loading_ fields tell, of the load that runs; None: there is none."""
    cdef const Loading* ld = loading_of(s)
    cdef double elapsed_s
    cdef uint64_t done
    if ld == NULL:
        return None
    done = load_position(ld)
    elapsed_s = <double>(ws_unix_ms() - ld.progress.started_ms) / 1000
    return {
        "started_ms": ld.progress.started_ms, "total_bytes": ld.progress.total_bytes, "loaded_bytes": done,
        "percent": 100.0 * done / max(ld.progress.total_bytes, <uint64_t>1),
        "eta_seconds": elapsed_s * (ld.progress.total_bytes - done) / done if done else 1.0,
        "used_memory": ld.progress.used_memory, "keys": ld.counts.keys, "commands": ld.counts.commands}
