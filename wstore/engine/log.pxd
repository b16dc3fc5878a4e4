"""The log of a Server: the kernel that has the stream on disk (csrc/log.h), and what the loop keeps about it.

Invariants
* `Server.log` is set while writes are logged, and only changed under the server's lock.
* With `always`, clients marked CLIENT_LOGGED are sent nothing while `holding`: from the first command of a turn on
  until its bytes are synced.  `kept`: there are such from earlier turns.
"""
from libc.stdint cimport int64_t
from wstore.engine.abi cimport Reply

cdef extern from "log.h" nogil:
    enum:
        WS_LOG_NO
        WS_LOG_EVERYSEC
        WS_LOG_ALWAYS
    ctypedef struct ws_log:
        pass
    ctypedef struct ws_log_buffer:
        pass
    ctypedef struct ws_log_file:
        char* name
        char type
        int64_t seq
        int64_t start
        int64_t size_bytes
        int64_t changed_ms
        int64_t preamble
        char* label             # char[]
    ctypedef struct ws_log_mark:
        char* label             # char[]
        int db
    ctypedef struct ws_log_files:
        ws_log_file* at
        size_t count
    ctypedef struct ws_log_settings:
        int policy
        int spare_syncs
        int64_t keep_bytes
        int64_t keep_ms
    ctypedef struct ws_log_facts:
        int64_t end, written, synced, file_start, current_bytes, base_bytes, buffer_bytes, delayed_syncs
        int write_error, sync_error, syncing
    ws_log* ws_log_new(const char* dir, const char* name)
    void ws_log_free(ws_log*)
    int ws_log_add(ws_log*, const ws_log_file*)
    int ws_log_begin(ws_log*, int64_t start, int hidden, const ws_log_mark*)
    int ws_log_stop(ws_log*)
    void ws_log_configure(ws_log*, const ws_log_settings*)
    void ws_log_append(ws_log*, ws_log_buffer*, int64_t unix_ms)
    int ws_log_commit(ws_log*)
    void ws_log_roll(ws_log*, const ws_log_mark*)
    void ws_log_set_base(ws_log*, const char* name, int64_t seq, int64_t offset)
    int ws_log_base_pending(ws_log*, int* error)
    void ws_log_reset(ws_log*, const char* name, int64_t seq, int64_t offset, const ws_log_mark*)
    int ws_log_failing(const ws_log*)
    int64_t ws_log_file_bytes(const ws_log*)
    void ws_log_get_facts(ws_log*, ws_log_facts*)
    void ws_log_get_files(ws_log*, ws_log_files*)
    int64_t ws_log_next_seq(ws_log*, int is_incr)
    void ws_log_keep(ws_log*)
    int64_t ws_log_read(ws_log*, int64_t offset, void* to, size_t cap)
    int64_t ws_log_first(ws_log*)
    int ws_log_pin(ws_log*, int64_t offset)
    void ws_log_unpin(ws_log*, int64_t offset)
    int ws_log_damage(ws_log*, char* text, size_t cap)

cdef extern from "log_files.h" nogil:
    enum:
        WS_LOG_LABEL_BYTES
    void ws_log_files_add(ws_log_files*, ws_log_file)
    void ws_log_files_clear(ws_log_files*)
    void ws_log_label_copy(char* to, const char* label)
    char* ws_log_manifest(const ws_log_files*, size_t* len)
    int ws_file_replace(const char* dir, const char* name, const void* data, size_t len)

cdef extern from "log_sums.h" nogil:
    enum:
        WS_LOG_BLOCK_BYTES
    const char* WS_LOG_BAD_BLOCK
    ctypedef struct ws_log_known_sums:
        int fd
    void ws_log_known_sums_open(ws_log_known_sums*, const char* path)
    void ws_log_known_sums_close(ws_log_known_sums*)
    int64_t ws_log_sums_compare(const ws_log_known_sums*, int64_t size_bytes, int64_t position, const void* data,
                                size_t n, int fd)
    int64_t ws_log_sums_check(const char* path, int64_t until)
    int64_t ws_log_sums_size(int64_t size_bytes)

cdef struct Log:
    ws_log* files
    bint holding
    bint kept
    int told_error              # errno that the server's log was told last
    int told_base_error         # ... of the base that the manifest is to name
    void* then                  # PyObject*: called once the manifest names the base, or NULL
