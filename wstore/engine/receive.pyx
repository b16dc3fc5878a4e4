# The file of a full sync, by the thread that receives it: written by way of csrc/files.h, and loaded. Raises OSError.

cdef enum:
    WATCHED_SLICE_US = 200000       # of a load, between two looks at whether it is to go on


def create_file(path):
    """A descriptor of a new empty file to be written."""
    import os
    cdef bytes name = os.fsencode(path)
    cdef int fd = ws_file_open(name, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    check_file(fd < 0, path)
    return fd


def write_file(int fd, const uint8_t[::1] data not None):
    """Write all of it, without the GIL."""
    cdef size_t written
    cdef size_t n = <size_t>data.shape[0]
    cdef const uint8_t* bytes_at
    cdef int failed = 0
    if n > 0:
        bytes_at = &data[0]
        with nogil:
            failed = ws_file_write(fd, bytes_at, n, &written)
    check_file(failed, None)


def sync_file(int fd):
    """Have on disk what was written, without the GIL."""
    cdef int failed
    with nogil:
        failed = ws_file_sync(fd)
    check_file(failed, None)


def rename_file(source, target):
    """Give a file another name, which its folder may lose until `sync_folder`."""
    import os
    cdef bytes old = os.fsencode(source)
    cdef bytes new = os.fsencode(target)
    check_file(ws_file_rename(old, new), target)


def load_watched(Engine engine not None, list files not None, goes_on not None):
    """Load files into an engine without a loop, as Engine.load_begin does, without the GIL but for `goes_on()`, which
    is called now and then; (error, report), or None if it has said no."""
    cdef Server* s = server_of(engine.store)
    cdef list told = []
    cdef bint more = True
    server_enter(s)
    try:
        load_start(engine, files, lambda *ended: told.extend(ended), False)
        while more and goes_on():
            with nogil:
                more = load_slice(loading_of(s), ws_mono_us() + WATCHED_SLICE_US)
        if more:
            load_abandon(s)
            return None
        load_end(loading_of(s))
        raise_kept(s)
    finally:
        server_unlock(s)
    return tuple(told)
