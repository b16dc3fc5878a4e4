# Before a batch of commands runs, the memory that its keys lie in is fetched for all of them together; then that of the
# members of big values which the commands name first. What is fetched in vain does no harm.

cdef inline int approach_begin(Server* s, const uint8_t* rec, Call* call, Approach* out) noexcept nogil:
    """Whether the record, that of the call's key most likely, has a big value that can tell where its members are."""
    cdef Entry e
    if rec == NULL or call.argc < 3 or record_enc(rec) != ENC_PTR:
        return 0
    decode_record(<uint8_t*>rec, &e)
    out.ops = s.store.types[e.type]
    if out.ops.approach == NULL:
        return 0
    memcpy(&out.value, e.value, sizeof(out.value))
    out.args = call.argv + 2
    out.arg_count = call.argc - 2
    return 1


cdef void prefetch_members(Server* s, const uint8_t** records) noexcept nogil:
    """As prefetch_batch, for the members of big values that the commands name first."""
    cdef Batch* b = &s.batch
    cdef int count = 0
    cdef int i, step
    for i in range(b.count):
        count += approach_begin(s, records[i], &b.calls[i], &b.approaches[count])
    if count == 0:
        return
    for step in range(APPROACH_STEPS):
        for i in range(count):
            b.approaches[i].ops.approach(s.store, &b.approaches[i], step)


cdef void prefetch_batch(Server* s) noexcept nogil:
    """Three passes, each over all keys: the memory that one pass asks for is there when the next one needs it."""
    cdef Batch* b = &s.batch
    cdef const uint8_t* records[BATCH_MAX]
    cdef Db* db
    cdef int i
    for i in range(b.count):
        db = s.store.dbs[(<Client*>b.calls[i].client).db]
        b.calls[i].db = db
        if b.calls[i].key.ptr != NULL:
            ks_prefetch_dir(db, &b.calls[i].key)
    for i in range(b.count):
        if b.calls[i].key.ptr != NULL:
            ks_prefetch_bucket(b.calls[i].db, &b.calls[i].key)
    for i in range(b.count):
        records[i] = NULL
        if b.calls[i].key.ptr != NULL:
            records[i] = ks_prefetch_record(b.calls[i].db, &b.calls[i].key)
    prefetch_members(s, records)
