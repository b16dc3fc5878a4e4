# Freeing in the background: what would take the loop too long goes to the process's background thread (background.h).
#
# Invariants
# * What goes there belongs to nobody else; its functions touch the allocator, and of the store only the counters of
#   background frees. Images of the command module stay mapped, so a reload does no harm to what waits.
# * A store is freed only when nothing of it waits.

cdef extern from "background.h" nogil:
    int64_t ws_counter_get(const int64_t* counter)
    void ws_background_run(void (*fn)(void*) noexcept nogil, void* arg, int64_t n, int64_t* pending, int64_t* done)
    void ws_background_wait(const int64_t* pending)

cdef enum:
    FREE_AT_ONCE_KEYS = 2048        # a database of more keys is always freed in the background

cdef struct DbToFree:
    Store* store
    Db* db


cdef void api_free_later(Store* store, void (*fn)(void*) noexcept nogil, void* p) noexcept nogil:
    ws_background_run(fn, p, 1, &store.background_frees, <int64_t*>&store.stats.lazyfreed_objects)


cdef void free_db_job(void* arg) noexcept nogil:
    cdef DbToFree* job = <DbToFree*>arg
    db_free(job.store, job.db)
    ws_free(job)


cdef void db_free_soon(Store* store, Db* db, bint background) noexcept nogil:
    """Free a detached database, in the background if so asked or if it would take long."""
    cdef DbToFree* job
    if not background and db.keys <= FREE_AT_ONCE_KEYS or db.keys == 0:
        db_free(store, db)
        return
    job = <DbToFree*>ws_alloc(sizeof(DbToFree))
    job.store = store
    job.db = db
    ws_background_run(free_db_job, job, <int64_t>db.keys, &store.background_frees,
                      <int64_t*>&store.stats.lazyfreed_objects)


cdef void wait_for_frees(Store* store) noexcept nogil:
    """Until nothing of the store waits to be freed."""
    ws_background_wait(&store.background_frees)
