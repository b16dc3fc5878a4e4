"""A snapshot: all keys (or those of some slots) as they stood between two commands, written as an RDB file by a thread.

The thread goes through the segments in placement order. A segment is claimed, by an atomic change of its epoch, then
encoded into a chunk, then marked as taken:

    segment.epoch    older ──> EPOCH_CLAIMED ──> snapshot.epoch
                          claim            taken

A command that is about to change a segment that is not yet taken claims and encodes it itself and hands the chunk to
the thread, or, if the thread is at it, waits for that. So nothing is copied that nobody writes to. Big values met in a
segment are frozen (abi.TypeOps.freeze), long strings held, when the segment is taken; the thread writes them behind it.

The file: "REDIS0010" (0009 of one without a name: docs/differences.md), aux fields, then chunks; SELECTDB and RESIZEDB
where the database changes; at the end the slot index:

    FA "wstore-slots" | "WSLOTS01" | SlotEntry, one for each run of chunks | FA "wstore-slots-at" | 20 digits: offset of
    the first FA | FF | CRC64

Invariants
* One snapshot at a time; OBSERVE_SNAPSHOT is set while segments may be untaken. While it is, no segment is merged, no
  page evacuated, no entry aged, and detached databases are kept.
* A chunk is in the queue before its segment is marked as taken.
* `held`, `done`, `queue` and `queued_bytes` are guarded by `mutex`. Everything else that both threads use is atomic or
  constant.
"""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from wstore.engine.abi cimport Blob, Db, Reply, Store, TypeOps
from wstore.engine.keyspace cimport Keyspace, Segment
from wstore.engine.replication cimport ws_output

cdef extern from "pthread.h" nogil:
    ctypedef struct pthread_t:
        pass
    ctypedef struct pthread_mutex_t:
        pass
    ctypedef struct pthread_cond_t:
        pass

cdef enum:
    SLOT_INDEX_MAGIC_BYTES = 8

cdef packed struct SlotEntry:       # 32 bytes, little-endian: where in the file keys of some slots are
    uint64_t offset                 # of the first record
    uint64_t length_bytes
    uint32_t keys
    uint16_t db
    uint16_t first_slot
    uint16_t last_slot
    uint16_t zero[3]

cdef struct SlotRange:
    uint16_t first
    uint16_t last

cdef struct HeldBlob:               # a long string that a chunk refers to
    HeldBlob* next                  # of the same bucket of Snapshot.held
    Blob* blob
    bint dropped                    # its key is gone or has another: free it when it is written

cdef struct BigValue:               # one record whose value is written behind its chunk
    BigValue* next
    const TypeOps* ops
    void* frozen                    # what ops.freeze gave, or NULL:
    HeldBlob* held                  # the long string
    Reply head                      # the record's bytes in front of the object; the type byte's place is type_at
    size_t type_at

cdef struct Chunk:                  # a segment's records, encoded
    Chunk* next
    int db
    uint16_t first_slot
    uint16_t last_slot
    uint32_t keys
    Reply data
    BigValue* first_big
    BigValue* last_big
    size_t inline_bytes             # of long strings that are in data
    bint failed                     # a value could not be encoded

cdef struct SnapshotDb:
    int index
    Keyspace* ks
    uint64_t keys
    uint64_t expires
    size_t first                    # its segments: segments[first : end]
    size_t end
    bint announced                  # RESIZEDB is written

cdef struct SnapshotFile:           # an RDB file being written
    int fd
    int error                       # errno of the first failure; 0: none
    uint64_t offset                 # bytes put so far
    uint64_t crc
    bint checksum
    bint flush                      # the system is told to write back, so that a sync is short
    uint64_t flush_mark             # offset up to which the system was told to write back
    int syncing                     # atomic: its thread waits for the disk
    Reply buffer
    ws_output* output               # where its progress is told

cdef struct Snapshot:
    Store* store
    Store reading                   # what encoders of the thread are given: settings as they were at the beginning
    Store hasty                     # the same for the thread that runs commands: nothing is compressed there
    uint64_t epoch
    int64_t stream_offset
    int64_t started_ms
    SnapshotDb* dbs
    int db_count
    Segment** segments
    size_t segment_count
    SlotRange* ranges               # only these slots; NULL: all
    size_t range_count
    # -- the file
    char* path
    char* temp_path
    bint nameless                   # the file gets no name, and need not be safe: others read it as it is written
    Reply aux
    SnapshotFile file
    int current_db                  # that records put now are read into; -1: none yet
    SlotEntry* entries
    size_t entry_count
    size_t entry_cap
    # -- between the threads
    pthread_t thread
    bint has_thread
    pthread_mutex_t mutex
    pthread_cond_t changed
    int waiting                     # atomic: somebody waits for a segment, a chunk or room
    Chunk* queue
    Chunk* queue_last
    size_t queued_bytes
    BigValue* done                  # written: to be thawed by the thread that runs commands
    HeldBlob** held                 # by address
    size_t held_mask
    size_t held_count
    int cancelled                   # atomic
    int finished                    # atomic: the thread has ended
    int64_t keys_done               # atomic
    uint64_t keys_total
    uint64_t hasty_chunks           # segments that commands had to encode
    uint64_t peak_queued_bytes
    int64_t began_us
    int64_t look_due_us             # when the loop looks again whether the thread gets processor time
    int64_t thread_used_us          # what it had used then
    int64_t wait_left_us            # that commands of this turn may still wait for room in the queue
    Db** orphans                    # databases that were flushed meanwhile
    size_t orphan_count
    void* then                      # PyObject*: called with an error text or None
