"""What frozen values of all types share: memory kept for a snapshot, and who frees a value while it is frozen.

    value ──frozen──> captured directory ──> nodes as they stood, each with the value's epoch at its last change
                      kept pieces            nodes and texts that the value has no more

Freezing raises the value's epoch, so that all its nodes are older: a command that is about to change an older node
puts a copy in its place and keeps the old one. The snapshot's thread, done with a node, gives it the new epoch: from
then on it is like any other. Nothing else passes between the two threads.

A value that is freed while it is frozen is left to thaw. The two may meet: FLUSHALL ASYNC frees on another thread. So
both exchange the value's `frozen`, and who comes second frees.

Invariants
* While `frozen` is not NULL, memory that was captured is neither changed nor freed by anybody but thaw.
* A piece is kept once.
"""
cdef extern from *:
    """
    #define WS_EPOCH_GET(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
    #define WS_EPOCH_SET(p, epoch) __atomic_store_n(p, epoch, __ATOMIC_RELEASE)
    #define WS_EXCHANGE(p, with) __atomic_exchange_n(p, with, __ATOMIC_ACQ_REL)
    """
    uint32_t WS_EPOCH_GET(const uint32_t* p) nogil
    void WS_EPOCH_SET(uint32_t* p, uint32_t epoch) nogil
    void* WS_EXCHANGE(void** p, void* with_) nogil

cdef enum:
    FROZEN_STEP_BYTES = 64 * 1024   # that encode_frozen appends at a time, about
    KEPT_FREED_AT_ONCE = 64         # more pieces are freed in the background
    FROZEN_LEFT = 1                 # in place of the pointer `frozen`: the value is freed, thaw is to do it

cdef struct Kept:
    void** pieces
    size_t count
    size_t cap


cdef void keep_piece(EngineApi* api, Kept* kept, void* piece) noexcept nogil:
    """A piece that the value is rid of and the snapshot is not."""
    if kept.count == kept.cap:
        kept.cap = max(<size_t>16, 2 * kept.cap)
        kept.pieces = <void**>api.realloc(kept.pieces, kept.cap * sizeof(void*))
    kept.pieces[kept.count] = piece
    kept.count += 1


cdef void free_kept(EngineApi* api, Kept* kept) noexcept nogil:
    cdef size_t i
    for i in range(kept.count):
        api.free(kept.pieces[i])
    api.free(kept.pieces)


cdef inline bint leave_to_thaw(void** frozen) noexcept nogil:
    """Whoever frees a value asks: 1 if it is frozen, so that it is thaw's to free."""
    return WS_EXCHANGE(frozen, <void*><size_t>FROZEN_LEFT) is not NULL


cdef inline bint was_left(void** frozen) noexcept nogil:
    """Thaw asks, having done all else with the value: 1 if it is to free it. Else it is not to touch it any more."""
    return WS_EXCHANGE(frozen, NULL) is <void*><size_t>FROZEN_LEFT
