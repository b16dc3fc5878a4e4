# Files that replicas are sent (csrc/output.h), as Python handles them: one that is there, or that a snapshot writes.


cdef class SnapshotOutput:
    """An RDB file for replicas, which stays readable as long as this object, or a replica that is sent it, is there.

    offset: of the stream, where the data stand (int).
    """
    cdef ws_output* output
    cdef readonly int64_t offset

    def __init__(self):
        raise TypeError("made by of_file, snapshot_output and snapshot_for_replicas")

    def __dealloc__(self):
        if self.output != NULL:
            ws_output_free(self.output)

    @staticmethod
    def of_file(path, int64_t offset):
        """A whole file. OSError."""
        import os
        cdef int fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        cdef SnapshotOutput made = SnapshotOutput.__new__(SnapshotOutput)
        made.offset = offset
        made.output = ws_output_new()
        ws_output_open(made.output, fd)
        ws_output_add(made.output, os.fstat(fd).st_size)
        ws_output_end(made.output, 0)
        return made

    @property
    def written(self):
        """Bytes so far."""
        cdef int64_t written
        ws_output_look(self.output, &written, NULL)
        return written

    @property
    def finished(self):
        """Whether it is whole."""
        return ws_output_look(self.output, NULL, NULL) == WS_OUTPUT_WHOLE

    @property
    def failed(self):
        return ws_output_look(self.output, NULL, NULL) == WS_OUTPUT_FAILED


def snapshot_output(Engine engine not None):
    """The file of the snapshot that is being taken, a SnapshotOutput; None: there is none, or it is not of all data."""
    cdef Snapshot* snap
    cdef SnapshotOutput made = None
    server_enter(server_of(engine.store))
    snap = snapshot_of(engine.store)
    if snap != NULL and snap.ranges == NULL:
        made = SnapshotOutput.__new__(SnapshotOutput)
        made.offset = snap.stream_offset
        made.output = snap.file.output
        ws_output_keep(made.output)
    server_unlock(server_of(engine.store))
    return made


def snapshot_for_replicas(Engine engine not None, str path not None, aux=(), then=None):
    """Begin a snapshot into a file beside `path` that has no name: its SnapshotOutput.

    then: called with None, or the text of an error, between two turns of the loop once it has ended. RuntimeError:
    another snapshot is being taken, or there is no loop.
    """
    cdef Server* s = server_of(engine.store)
    engine.check_open()
    if s.poll_fd < 0:
        raise RuntimeError("there is no loop")
    server_enter(s)
    try:
        snapshot_in_background(engine.store, path, aux, None, then, True)
        return snapshot_output(engine)
    finally:
        server_unlock(s)
