# What administration needs of the engine: a hook in Python that the loop calls now and then, writers refused because
# the last save has failed, and single files by way of csrc/files.h.

cdef enum CronHook:             # bits of Server.cron_hook
    CRON_PERSISTENCE = 1
    CRON_REPLICATION = 2


cdef void call_cron_hook(Server* s) noexcept with gil:
    """Call Engine.persistence.cron and Engine.replication.cron, which say in how many ms to call them again."""
    cdef Engine engine = <Engine>s.store.engine
    cdef bint flushed = s.flushed
    cdef int64_t wait_ms = 1000
    s.flushed = 0
    try:
        if s.cron_hook & CRON_PERSISTENCE:
            wait_ms = engine.persistence.cron(flushed)
        if s.cron_hook & CRON_REPLICATION:
            wait_ms = min(wait_ms, <int64_t>engine.replication.cron())
    except Exception as error:
        import traceback
        traceback.print_exception(error)
    except BaseException as error:
        keep_raised(s, error)
    s.cron_hook_due_us = ws_mono_us() + wait_ms * 1000


cdef inline void run_cron_hook(Server* s, int64_t now_us) noexcept nogil:
    if s.cron_hook and (now_us >= s.cron_hook_due_us or s.flushed):
        call_cron_hook(s)


cdef void api_administer(Call* call) noexcept with gil:
    """Reply with what Engine.persistence.answer makes of a command."""
    cdef size_t start = call.out.len
    try:
        reply_value(call, (<Engine>call.store.engine).persistence.answer(args_of_call(call)))
    except ReplyError as error:
        call.out.len = start
        reply_error_text(call, error)
    except BaseException as error:
        call.out.len = start
        reply_failure(server_of(call.store), call, error)


def empty_databases(Engine engine not None):
    """Remove all keys, which is no change: they are about to be loaded again."""
    cdef Store* store = engine.store
    cdef int64_t dirty = store.dirty
    server_enter(server_of(store))
    st_flush(store, -1, True)
    store.dirty = dirty
    server_of(store).flushed = 0
    server_unlock(server_of(store))


def stream_offset(Engine engine not None):
    """Where the stream of writes stands: the offset behind its last byte."""
    return server_of(engine.store).stream.end


def stream_db(Engine engine not None):
    """The database in which the stream's next command runs; -1: it begins with a SELECT."""
    return server_of(engine.store).stream.db


def stream_is_kept(Engine engine not None):
    """Whether all changes of the data are in the stream, so that its offset tells them."""
    return bool(engine.store.is_replica or engine.store.observers & OBSERVE_LOG)


def place_stream(Engine engine not None, int64_t offset, int db):
    """The data are what the stream has made of them up to that offset; its next command runs in that database, -1: it
    begins with a SELECT. With a log, that must stand there."""
    cdef Server* s = server_of(engine.store)
    if s.log != NULL and s.stream.end != offset:
        raise ValueError(f"the log stands at {s.stream.end}, not {offset}")
    server_enter(s)
    if s.stream.end != offset:
        stream_restart(s, offset)
    s.stream.db = db
    server_unlock(s)


cdef void set_hook(Engine engine, uint32_t who, bint on) noexcept:
    cdef Server* s = server_of(engine.store)
    s.cron_hook = s.cron_hook | who if on else s.cron_hook & ~who
    s.cron_hook_due_us = 0


def set_cron_hook(Engine engine not None, bint on):
    """Have `engine.persistence.cron(flushed)` called by the loop between commands, or no more; it returns in how many
    ms again. flushed: FLUSHALL has run, which calls it at once."""
    set_hook(engine, CRON_PERSISTENCE, on)


def set_replication_hook(Engine engine not None, bint on):
    """The same for `engine.replication.cron()`."""
    set_hook(engine, CRON_REPLICATION, on)


def set_save_failed(Engine engine not None, bint failed):
    """Have writers refused with -MISCONF, or let them in again."""
    cdef Server* s = server_of(engine.store)
    s.save_failed = failed
    server_configure(s)


def stop_snapshot(Engine engine not None):
    """Give up the snapshot that is being taken, if one is; nobody is told, and nothing is left of it."""
    cdef Server* s = server_of(engine.store)
    server_enter(s)
    with nogil:
        snapshot_stop(engine.store)
    server_unlock(s)


def truncate_file(path, int64_t size_bytes):
    """Cut a file to so many bytes, for good. Raises OSError."""
    import os
    cdef int fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        check_file(ws_file_truncate(fd, size_bytes) != 0 or ws_file_sync(fd) != 0, path)
    finally:
        os.close(fd)


cdef int check_file(int failed, path) except -1:
    import os
    if failed:
        raise OSError(errno, os.strerror(errno), path)
    return 0


def link_file(source, target):
    """Give a file one more name. Raises OSError, as the two below do."""
    import os
    cdef bytes old = os.fsencode(source)
    cdef bytes new = os.fsencode(target)
    check_file(ws_file_link(old, new), target)


def unlink_file(path):
    import os
    cdef bytes name = os.fsencode(path)
    check_file(ws_file_unlink(name), path)


def sync_folder(path):
    """Make names made, changed and removed in a folder outlive a power cut."""
    import os
    cdef bytes name = os.fsencode(path)
    check_file(ws_dir_sync(name), path)
