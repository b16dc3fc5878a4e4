"""The keyspace's structures: directory, segments, buckets.

    dir[1 << dir_bits]  by slot ──> Segment (shared by neighbouring slots while they are small)
                               └──> SlotDir (a slot with many keys) ──by hash bits──> Segment

A key's placement is 64 bits: 14 of slot (CRC16 as Redis Cluster has it), 50 of a keyed hash.  A segment holds
all keys whose placement begins with its `depth` first bits of `prefix`: the table is ordered by slot, coarsely.

Inside a segment the hash h has 48 x 256 values: home bucket = h * buckets / 12288, fingerprint = h mod 256.
With 48 buckets or more the two give h back, so that a segment grows without reading a record.  An entry sits
in its home bucket, the next one, or the stash.

The design follows Dash (Lu et al., "Dash: Scalable Hashing on Persistent Memory", VLDB 2020) for buckets with
fingerprints, displacement and stash, and extendible hashing (Fagin et al., 1979) for the directory.
"""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from wstore.engine.abi cimport SLOT_COUNT, Db

cdef extern from "probe.h" nogil:
    ctypedef struct ws_bucket:
        uint8_t fp[10]
        uint8_t ref[50]
        uint32_t meta
    uint32_t ws_probe(const ws_bucket* b, uint8_t fp)
    uint64_t ws_bucket_ref(const ws_bucket* b, int i)
    void ws_bucket_set_ref(ws_bucket* b, int i, uint64_t ref)
    int ws_bucket_free_place(const ws_bucket* b)
    void ws_prefetch(const void* p)

cdef extern from "region.h" nogil:
    ctypedef struct ws_region:
        char* base
    int ws_region_init(ws_region*, size_t max_bytes)
    void ws_region_destroy(ws_region*)
    size_t ws_region_bytes(const ws_region*)

cdef extern from "arena.h" nogil:
    ctypedef struct ws_arena:
        ws_region region
        size_t large_bytes
        uint32_t evacuating
        int sparse_class
    int ws_arena_init(ws_arena*, size_t max_bytes)
    void ws_arena_destroy(ws_arena*)
    uint64_t ws_arena_alloc(ws_arena*, size_t size)
    void ws_arena_free(ws_arena*, uint64_t ref)
    size_t ws_arena_cell_size(const ws_arena*, uint64_t ref)
    size_t ws_arena_bytes(const ws_arena*)
    size_t ws_arena_live_bytes(const ws_arena*)
    uint32_t ws_arena_sparse(ws_arena*)
    size_t ws_arena_live(const ws_arena*, uint32_t page, uint64_t* refs, size_t max)
    int ws_arena_validate(const ws_arena*)
    void* ws_arena_at(const ws_arena*, uint64_t ref)
    int ws_arena_same_cell(const ws_arena*, uint64_t ref, size_t size)

cdef extern from "blocks.h" nogil:
    ctypedef struct ws_blocks:
        uint64_t used
        size_t size
    void ws_blocks_init(ws_blocks*, ws_region*, size_t size)
    void* ws_blocks_alloc(ws_blocks*)
    void ws_blocks_free(ws_blocks*, void* block)

cdef extern from "crc16.h" nogil:
    int ws_key_slot(const char* key, size_t len)

cdef extern from "siphash.h" nogil:
    uint64_t ws_siphash13(const void* p, size_t len, const uint64_t key[2])

cdef extern from "alloc.h" nogil:
    void* ws_alloc(size_t size)
    void* ws_realloc(void* p, size_t size)
    void ws_free(void* p)
    size_t ws_alloc_used()

cdef extern from "check.h" nogil:
    void WS_ASSERT(bint condition)

cdef extern from "ticks.h" nogil:
    int64_t ws_unix_ms()
    int64_t ws_mono_us()

cdef extern from *:
    int count_trailing_zeros "__builtin_ctz" (unsigned int) nogil

cdef enum:
    SLOT_BITS = 14
    BUCKET_ENTRIES = 10
    BLOCK_BUCKETS = 12
    BLOCK_LIMIT = 8             # blocks a segment; then it splits
    BLOCK_MAX = 10              # ... unless a lopsided split needs more for a while
    STASH_BUCKETS = 4
    HASH_RANGE = 12288          # 48 x 256 values of the in-segment hash
    EXACT_BUCKETS = 48          # from here on bucket and fingerprint give the hash back
    SEGMENT_ENTRY_LIMIT = (BLOCK_MAX * BLOCK_BUCKETS + STASH_BUCKETS) * BUCKET_ENTRIES
    FILL_TIGHT = 103            # percent of the buckets' places, when a segment is split: the stash helps
    FILL_ROOMY = 88             # when one shrinks or is merged
    OVERFLOW_SHIFT = 30
    OVERFLOW_MANY = 3           # saturated: three or more entries of this home are or were in the stash
    ACCESS_SHIFT = 10
    ACCESS_NOW = 3              # access bits of an entry used since the last round of ageing

cdef struct Segment:
    uint64_t prefix             # first placement of its range
    uint64_t epoch              # of the snapshot that last took it
    int64_t min_expire_ms       # no key here expires earlier; INT64_MAX: none has a TTL
    uint16_t count              # entries, stash included
    uint16_t stash_count
    uint8_t depth               # leading bits of placement that its keys share
    uint8_t blocks              # 1 .. BLOCK_MAX
    ws_bucket* block[BLOCK_MAX]
    ws_bucket* stash            # STASH_BUCKETS, or NULL

cdef struct SlotDir:            # of one slot, by the `bits` placement bits behind the slot
    int bits
    Segment* segment[1]         # 1 << bits of them

cdef struct Keyspace:
    ws_arena arena              # records
    ws_region region            # of the two below
    ws_blocks blocks            # of BLOCK_BUCKETS buckets
    ws_blocks stashes           # of STASH_BUCKETS buckets
    uint64_t segments
    uint64_t expire_hand        # active expiry goes on at this placement
    uint64_t age_hand           # and the ageing of access bits here
    int64_t age_due_ms          # when its next round begins
    uint64_t age_round
    uint64_t blob_bytes         # memory of values outside the arena
    uint64_t pointers           # values that their types own, outside
    int dir_bits                # 0 .. 14: leading bits of placement that choose an entry of dir
    uint64_t* dir               # Segment*, or (with all 14 bits) SlotDir* + 1

cdef struct Gathered:           # entries of segments on their way into another shape
    int count
    uint64_t ref[SEGMENT_ENTRY_LIMIT + 8]
    uint16_t hash[SEGMENT_ENTRY_LIMIT + 8]
    uint8_t access[SEGMENT_ENTRY_LIMIT + 8]
    uint8_t side[SEGMENT_ENTRY_LIMIT + 8]


cdef inline Keyspace* keyspace_of(const Db* db) noexcept nogil:
    return <Keyspace*>db.keyspace


cdef inline Segment* find_segment(const Keyspace* ks, uint64_t placement) noexcept nogil:
    cdef uint64_t e = ks.dir[placement >> 1 >> (63 - ks.dir_bits)]
    cdef SlotDir* sub
    if e & 1:
        sub = <SlotDir*>(e - 1)
        return sub.segment[(placement << 14) >> (64 - sub.bits)]
    return <Segment*>e


cdef inline uint32_t segment_hash(uint64_t placement) noexcept nogil:
    """The in-segment hash, 0 .. HASH_RANGE - 1, independent of the bits that choose the segment."""
    cdef uint64_t mixed = (placement * <uint64_t>0x9E3779B97F4A7C15) >> 32
    return <uint32_t>((mixed * HASH_RANGE) >> 32)


cdef inline ws_bucket* bucket_at(const Segment* s, uint32_t i) noexcept nogil:
    return s.block[i // BLOCK_BUCKETS] + i % BLOCK_BUCKETS


cdef inline uint32_t bucket_count(const Segment* s) noexcept nogil:
    return <uint32_t>s.blocks * BLOCK_BUCKETS


cdef inline uint32_t row_count(const Segment* s) noexcept nogil:
    """Buckets including those of the stash."""
    return bucket_count(s) + (<uint32_t>STASH_BUCKETS if s.stash != NULL else <uint32_t>0)


cdef inline ws_bucket* row_at(const Segment* s, uint32_t i) noexcept nogil:
    """Bucket i, behind the last of them those of the stash."""
    return bucket_at(s, i) if i < bucket_count(s) else s.stash + (i - bucket_count(s))


cdef inline uint32_t home_of(uint32_t h, uint32_t buckets) noexcept nogil:
    return h * buckets // HASH_RANGE
