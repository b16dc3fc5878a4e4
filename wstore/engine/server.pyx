# Making and ending a Server (server.pxd), and its lock.
#
# The lock is recursive: a Python handler may call the engine again.  Threads that wait for it are counted, so that a
# busy loop lets them in between two turns.

cdef extern from "ticks.h" nogil:
    uint64_t ws_ticks()
    double ws_ticks_per_us()

cdef extern from "pthread.h" nogil:
    ctypedef struct pthread_mutexattr_t:
        pass
    enum:
        PTHREAD_MUTEX_RECURSIVE
    int pthread_mutexattr_init(pthread_mutexattr_t*)
    int pthread_mutexattr_settype(pthread_mutexattr_t*, int kind)
    int pthread_mutexattr_destroy(pthread_mutexattr_t*)
    int pthread_mutex_init(pthread_mutex_t*, const pthread_mutexattr_t*)
    int pthread_mutex_destroy(pthread_mutex_t*)
    int pthread_mutex_lock(pthread_mutex_t*)
    int pthread_mutex_trylock(pthread_mutex_t*)
    int pthread_mutex_unlock(pthread_mutex_t*)

cdef extern from *:
    """
    #define WS_ATOMIC_ADD(p, n) __atomic_add_fetch(p, n, __ATOMIC_SEQ_CST)
    #define WS_ATOMIC_GET(p) __atomic_load_n(p, __ATOMIC_RELAXED)
    """
    uint32_t WS_ATOMIC_ADD(uint32_t* p, int n) nogil
    uint32_t WS_ATOMIC_GET(uint32_t* p) nogil

cdef enum:
    LET_IN_US = 20              # how long a busy loop waits for those who wait for the lock, and how often
    LET_IN_TRIES = 25


cdef inline Server* server_of(Store* store) noexcept nogil:
    return <Server*>store.server


cdef Server* server_create(Store* store) noexcept nogil:
    """The Server of a store, put into store.server; `server_destroy` ends it."""
    cdef pthread_mutexattr_t kind
    cdef Server* s = <Server*>ws_alloc(sizeof(Server))
    memset(s, 0, sizeof(Server))
    s.store = store
    store.server = s
    pthread_mutexattr_init(&kind)
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_RECURSIVE)
    pthread_mutex_init(&s.mutex, &kind)
    pthread_mutexattr_destroy(&kind)
    s.ticks_per_us = ws_ticks_per_us()
    s.poll_fd = -1
    s.wake_fd = -1
    s.wake_read_fd = -1
    s.repl.follow.fd = -1
    store.table = table_new(0)
    batch_init(s)
    server_configure(s)
    return s


cdef void server_destroy(Server* s) noexcept:
    """With the GIL: clients' sessions and the table's handlers are Python objects."""
    cdef Client* c
    follow_forget(s)
    while s.first != NULL:
        client_close(s, s.first)
    bury_clients(s)
    while s.internal != NULL:
        c = s.internal
        s.internal = c.next
        client_free(c)
    slow_log_resize(s, 0)
    table_destroy(s)
    batch_destroy(s)
    ws_free(s.ready)
    ws_free(s.writers)
    ws_free(s.deadlines)
    ws_free(s.ready_names)
    ws_free(s.unblocked)
    ws_free(s.errors)
    ws_free(s.message.data)
    ws_free(s.pushed.data)
    ws_free(s.stream.pending.data)
    replication_free(s)
    pthread_mutex_destroy(&s.mutex)
    s.store.server = NULL
    ws_free(s)


cdef void server_configure(Server* s) noexcept nogil:
    """Follow the directives that are kept in another form here; at every turn, and after a Python handler."""
    cdef Store* store = s.store
    cdef int64_t slower_than_us = store.config.slowlog_log_slower_than
    cdef bint logs = slower_than_us >= 0 and store.config.slowlog_max_len > 0
    s.slow_ticks = <uint64_t>(<double>slower_than_us * s.ticks_per_us) if logs else <uint64_t>-1
    links_observe(s)
    log_configure(s)
    s.guarded = (store.loading or s.monitor_count > 0 or s.pause_until_ms > 0 or log_error(s) != 0
                 or s.save_failed or replication_guards(s))


cdef void server_lock(Server* s) noexcept nogil:
    """Never to be called with the GIL: see server_enter."""
    if pthread_mutex_trylock(&s.mutex) == 0:
        return
    WS_ATOMIC_ADD(&s.waiting, 1)
    pthread_mutex_lock(&s.mutex)
    WS_ATOMIC_ADD(&s.waiting, -1)


cdef void server_unlock(Server* s) noexcept nogil:
    pthread_mutex_unlock(&s.mutex)


cdef void server_enter(Server* s) noexcept:
    """Lock, holding the GIL before and after but not while waiting."""
    if pthread_mutex_trylock(&s.mutex) == 0:
        return
    with nogil:
        server_lock(s)


cdef void server_let_in(Server* s) noexcept nogil:
    """The loop, unlocked: give those who wait the time to get the lock."""
    cdef int _i
    for _i in range(LET_IN_TRIES):
        if WS_ATOMIC_GET(&s.waiting) == 0:
            return
        usleep(LET_IN_US)
