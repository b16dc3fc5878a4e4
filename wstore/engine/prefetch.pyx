# Before a batch of commands runs, the memory that its keys lie in is fetched for all of them together; then that of the
# members of big values which the commands name first. What is fetched in vain does no harm.

cdef inline bint may_approach(Server* s, const uint8_t* rec, Approach* out) noexcept nogil:
    """Whether a record has a big value that can tell where its members are; fills ops and value."""
    cdef Entry e
    if rec == NULL or record_enc(rec) != ENC_PTR:
        return 0
    decode_record(<uint8_t*>rec, &e)
    out.ops = s.store.types[e.type]
    memcpy(&out.value, e.value, sizeof(out.value))
    return out.ops.approach != NULL


cdef void prefetch_members(Server* s, const uint8_t** records, const int* places, int n) noexcept nogil:
    """As prefetch_batch, for the members of big values that the commands name first: records[i] is what the commands
    from places[i] up to the next place work on."""
    cdef Batch* b = &s.batch
    cdef Approach found
    cdef int count = 0
    cdef int i, j, step
    for i in range(n):
        if not may_approach(s, records[i], &found):
            continue
        for j in range(places[i], places[i + 1] if i + 1 < n else b.count):
            if b.calls[j].argc > 2:
                b.approaches[count].ops = found.ops
                b.approaches[count].value = found.value
                b.approaches[count].args = b.calls[j].argv + 2
                b.approaches[count].arg_count = b.calls[j].argc - 2
                count += 1
    if count == 0:
        return
    for step in range(APPROACH_STEPS):
        for i in range(count):
            b.approaches[i].ops.approach(s.store, &b.approaches[i], step)


cdef int other_keys(Server* s, int* places) noexcept nogil:
    """The calls of the batch that have another key than the call in front of them; their number."""
    cdef Batch* b = &s.batch
    cdef Call* call
    cdef int n = 0
    cdef int i
    for i in range(b.count):
        call = &b.calls[i]
        if call.key.ptr == NULL or n > 0 and call.key.placement == b.calls[places[n - 1]].key.placement:
            continue
        call.db = s.store.dbs[(<Client*>call.client).db]
        places[n] = i
        n += 1
    return n


cdef void prefetch_batch(Server* s) noexcept nogil:
    """Three passes, each over all keys: the memory that one pass asks for is there when the next one needs it."""
    cdef Batch* b = &s.batch
    cdef const uint8_t* records[BATCH_MAX]
    cdef int places[BATCH_MAX]
    cdef int n = other_keys(s, places)
    cdef int i
    cdef Call* call
    for i in range(n):
        ks_prefetch_dir(b.calls[places[i]].db, &b.calls[places[i]].key)
    for i in range(n):
        ks_prefetch_bucket(b.calls[places[i]].db, &b.calls[places[i]].key)
    for i in range(n):
        call = &b.calls[places[i]]
        records[i] = ks_prefetch_record(call.db, &call.key)
    prefetch_members(s, records, places, n)
