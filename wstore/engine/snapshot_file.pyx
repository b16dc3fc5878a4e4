# The RDB file that a snapshot writes: opcodes, chunks, the slot index, and how it comes to its name.
#
# Bytes are gathered in a buffer, summed (CRC64) and written when that is full; the system is told to write back every
# hundred kilobytes, so that the last fsync has little left to do. After a failure no more is written, `error` stays.
#
# Source of the format: the RDB files of Redis 7.0.

cdef extern from "crc64.h" nogil:
    uint64_t ws_crc64(uint64_t crc, const void* data, size_t n)

cdef extern from "errno.h" nogil:
    int errno
    enum:
        ECANCELED
        EINVAL

cdef extern from "<fcntl.h>" nogil:
    enum:
        O_RDWR
        O_WRONLY
        O_CREAT
        O_TRUNC
        F_DUPFD_CLOEXEC
    int fcntl(int fd, int command, int argument)
    enum:
        SYNC_FILE_RANGE_WRITE
    int sync_file_range(int fd, int64_t offset, int64_t n, unsigned int flags)

cdef enum SavedOpcode:
    SAVED_AUX = 0xFA
    SAVED_RESIZEDB = 0xFB
    SAVED_EXPIRETIME_MS = 0xFC
    SAVED_SELECTDB = 0xFE
    SAVED_EOF = 0xFF

cdef enum:
    SAVED_BUFFER = 32 * 1024
    SAVED_FLUSH_STEP = 128 * 1024   # bytes between two hints to write back: both keep calls into the system short
    SLOT_ENTRY_BYTES_MAX = 1 << 20  # chunks are joined into entries up to this


cdef inline uint8_t* saved_room(Reply* out, size_t n) noexcept nogil:
    if out.len + n > out.cap:
        reply_grow(out, n)
    return <uint8_t*>out.data + out.len


cdef inline void saved_put_byte(Reply* out, int byte) noexcept nogil:
    saved_room(out, 1)[0] = <uint8_t>byte
    out.len += 1


cdef inline void saved_put_length(Reply* out, uint64_t n) noexcept nogil:
    """A length as RDB has it: 6 or 14 bits, else 4 or 8 bytes, big-endian."""
    cdef uint8_t* p = saved_room(out, 9)
    cdef int i, size_bytes
    if n < 1 << 6:
        p[0] = <uint8_t>n
        out.len += 1
        return
    if n < 1 << 14:
        p[0] = <uint8_t>(0x40 | n >> 8)
        p[1] = <uint8_t>n
        out.len += 2
        return
    size_bytes = 4 if n <= 0xFFFFFFFFULL else 8
    p[0] = 0x80 if size_bytes == 4 else 0x81
    for i in range(size_bytes):
        p[1 + i] = <uint8_t>(n >> (8 * (size_bytes - 1 - i)))
    out.len += 1 + size_bytes


cdef inline void saved_put_string(Reply* out, const void* p, size_t n) noexcept nogil:
    saved_put_length(out, n)
    memcpy(saved_room(out, n), p, n)
    out.len += n


cdef void saved_put_aux(Reply* out, const char* name, const void* value, size_t n) noexcept nogil:
    saved_put_byte(out, SAVED_AUX)
    saved_put_string(out, name, strlen(name))
    saved_put_string(out, value, n)


# -- the file ------------------------------------------------------------------------------------------------------

cdef void file_flush(SnapshotFile* f) noexcept nogil:
    cdef size_t written = 0
    if f.checksum:
        f.crc = ws_crc64(f.crc, f.buffer.data, f.buffer.len)
    if f.error == 0 and ws_file_write(f.fd, f.buffer.data, f.buffer.len, &written) != 0:
        f.error = errno
    if f.error == 0:
        ws_output_add(f.output, <int64_t>f.buffer.len)
    f.buffer.len = 0
    if f.error == 0 and f.flush and f.offset - f.flush_mark >= SAVED_FLUSH_STEP:
        sync_file_range(f.fd, f.flush_mark, f.offset - f.flush_mark, SYNC_FILE_RANGE_WRITE)
        f.flush_mark = f.offset


cdef void file_put(SnapshotFile* f, const void* data, size_t n) noexcept nogil:
    cdef const char* p = <const char*>data
    cdef size_t part
    f.offset += n
    while n > 0:
        part = min(n, SAVED_BUFFER - f.buffer.len)
        memcpy(f.buffer.data + f.buffer.len, p, part)
        f.buffer.len += part
        p += part
        n -= part
        if f.buffer.len == SAVED_BUFFER:
            file_flush(f)


cdef void file_open(SnapshotFile* f, const char* path, bint checksum, bint flush) noexcept nogil:
    f.checksum = checksum
    f.flush = flush
    f.buffer.data = <char*>ws_alloc(SAVED_BUFFER)
    f.buffer.cap = SAVED_BUFFER
    f.fd = ws_file_open(path, O_RDWR | O_CREAT | O_TRUNC, 0o644)
    if f.fd < 0:
        f.error = errno
    else:
        ws_output_open(f.output, fcntl(f.fd, F_DUPFD_CLOEXEC, 0))


cdef void file_close(SnapshotFile* f, bint sync) noexcept nogil:
    """Have all of it on the disk itself if `sync`."""
    store_flag(&f.syncing, 1)
    if sync and f.error == 0 and ws_file_sync(f.fd) != 0:
        f.error = errno
    store_flag(&f.syncing, 0)
    if f.fd >= 0:
        close(f.fd)
    f.fd = -1
    ws_free(f.buffer.data)
    f.buffer.data = NULL


cdef int sync_folder_of(char* path) noexcept nogil:
    """Make names in the file's directory last."""
    cdef char* slash = strrchr(path, c"/")
    cdef int failed
    if slash == NULL:
        return ws_dir_sync(b".")
    if slash == path:
        return ws_dir_sync(b"/")
    slash[0] = 0
    failed = ws_dir_sync(path)
    slash[0] = c"/"
    return failed


# -- what stands in it ---------------------------------------------------------------------------------------------

cdef void snapshot_begin_file(Snapshot* snap) noexcept nogil:
    file_open(&snap.file, snap.temp_path, snap.reading.config.rdb_checksum, not snap.nameless)
    if snap.nameless and snap.file.error == 0 and ws_file_unlink(snap.temp_path) != 0:
        snap.file.error = errno
    file_put(&snap.file, b"REDIS0009" if snap.nameless else b"REDIS0010", 9)
    file_put(&snap.file, snap.aux.data, snap.aux.len)


cdef void put_select(Snapshot* snap, int index) noexcept nogil:
    """Let what follows be of database `index`; the first time its size goes ahead."""
    cdef Reply out
    cdef int i
    if snap.current_db == index:
        return
    memset(&out, 0, sizeof(out))
    saved_put_byte(&out, SAVED_SELECTDB)
    saved_put_length(&out, index)
    for i in range(snap.db_count):
        if snap.dbs[i].index == index and not snap.dbs[i].announced and snap.ranges == NULL:
            snap.dbs[i].announced = True
            saved_put_byte(&out, SAVED_RESIZEDB)
            saved_put_length(&out, snap.dbs[i].keys)
            saved_put_length(&out, snap.dbs[i].expires)
    snap.current_db = index
    file_put(&snap.file, out.data, out.len)
    ws_free(out.data)


cdef void note_entry(Snapshot* snap, const Chunk* chunk, uint64_t offset) noexcept nogil:
    """Keys of some slots lie from `offset` to where the file is now: one more entry of the index, or the last grows."""
    cdef SlotEntry* e = &snap.entries[snap.entry_count - 1] if snap.entry_count > 0 else NULL
    if (e != NULL and e.offset + e.length_bytes == offset and e.db == chunk.db
            and e.length_bytes < SLOT_ENTRY_BYTES_MAX and e.last_slot <= chunk.first_slot <= e.last_slot + 1):
        e.length_bytes = snap.file.offset - e.offset
        e.keys += chunk.keys
        e.last_slot = max(e.last_slot, chunk.last_slot)
        return
    if snap.entry_count == snap.entry_cap:
        snap.entry_cap = max(<size_t>64, snap.entry_cap * 2)
        snap.entries = <SlotEntry*>ws_realloc(snap.entries, snap.entry_cap * sizeof(SlotEntry))
    e = &snap.entries[snap.entry_count]
    memset(e, 0, sizeof(SlotEntry))
    e.offset = offset
    e.length_bytes = snap.file.offset - offset
    e.keys = chunk.keys
    e.db = <uint16_t>chunk.db
    e.first_slot = chunk.first_slot
    e.last_slot = chunk.last_slot
    snap.entry_count += 1


cdef void put_slot_index(Snapshot* snap) noexcept nogil:
    cdef Reply out
    cdef uint64_t at = snap.file.offset
    cdef size_t size = snap.entry_count * sizeof(SlotEntry)
    cdef char digits[24]
    memset(&out, 0, sizeof(out))
    saved_put_byte(&out, SAVED_AUX)
    saved_put_string(&out, b"wstore-slots", 12)
    saved_put_length(&out, SLOT_INDEX_MAGIC_BYTES + size)
    memcpy(saved_room(&out, SLOT_INDEX_MAGIC_BYTES + size), b"WSLOTS01", SLOT_INDEX_MAGIC_BYTES)
    if size > 0:
        memcpy(out.data + out.len + SLOT_INDEX_MAGIC_BYTES, snap.entries, size)
    out.len += SLOT_INDEX_MAGIC_BYTES + size
    snprintf(digits, sizeof(digits), b"%020llu", <unsigned long long>at)
    saved_put_aux(&out, b"wstore-slots-at", digits, 20)
    file_put(&snap.file, out.data, out.len)
    ws_free(out.data)


cdef void snapshot_end_file(Snapshot* snap) noexcept nogil:
    """Index, end mark and checksum; then the file gets its name, if it is to. After a failure nothing is left of it."""
    cdef uint8_t end = SAVED_EOF
    cdef uint64_t crc
    put_slot_index(snap)
    file_put(&snap.file, &end, 1)
    file_flush(&snap.file)
    crc = snap.file.crc
    snap.file.checksum = False
    file_put(&snap.file, &crc, sizeof(crc))
    file_flush(&snap.file)
    ws_output_end(snap.file.output, snap.file.error != 0)
    file_close(&snap.file, snap.file.error == 0 and not snap.nameless)
    if snap.nameless:
        return
    if snap.file.error == 0 and ws_file_rename(snap.temp_path, snap.path) != 0:
        snap.file.error = errno
    store_flag(&snap.file.syncing, 1)
    if snap.file.error == 0 and sync_folder_of(snap.path) != 0:
        snap.file.error = errno
    store_flag(&snap.file.syncing, 0)
    if snap.file.error != 0:
        ws_file_unlink(snap.temp_path)
