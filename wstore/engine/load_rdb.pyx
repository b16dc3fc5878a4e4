# Loading the records of an RDB file: a batch at a time, whose places in the table are fetched together.

cdef struct LoadRecord:
    RdbItem item
    const uint8_t* ends
    Key key

cdef struct LoadRdb:
    RdbRead read
    LoadRecord records[LOAD_BATCH]
    int count
    bint keeps_expired          # a log follows, which tells when they went; or this is a replica
    uint64_t crc
    size_t summed               # bytes that `crc` is of


cdef inline void load_record_free(LoadRecord* record) noexcept nogil:
    rdb_item_free(&record.item)


cdef void load_forget_records(LoadRdb* ld) noexcept nogil:
    cdef int i
    for i in range(ld.count):
        load_record_free(&ld.records[i])
    ld.count = 0


# -- places in the table ----------------------------------------------------------------------------------------

cdef enum:
    PRESIZE_KEYS_MIN = 10000
    PRESIZE_SEGMENT_KEYS = 900      # on average, at the most
    PRESIZE_BLOCKS = 4              # as many as make the in-segment hash exact: the rest comes without reading records


cdef void presize_split(Keyspace* ks, int depth) noexcept nogil:
    """The one segment of an empty database becomes 1 << depth of them."""
    cdef Segment* first = find_segment(ks, 0)
    cdef Segment* s
    cdef uint64_t i
    deepen_directory(ks, depth)
    first.depth = <uint8_t>depth
    segment_resize(ks, first, PRESIZE_BLOCKS)
    for i in range(<uint64_t>1 << depth):
        s = first if i == 0 else segment_new(ks, i << (64 - depth), depth, PRESIZE_BLOCKS)
        s.epoch = first.epoch
        point_directory(ks, s)


cdef void presize(Db* db, uint64_t keys) noexcept nogil:
    """Make room in an empty database for so many keys, as a file promises them."""
    cdef Keyspace* ks = keyspace_of(db)
    cdef int depth = 0
    if db.keys > 0 or ks.segments != 1 or keys < PRESIZE_KEYS_MIN:
        return
    while depth < SLOT_BITS and keys >> depth > PRESIZE_SEGMENT_KEYS:
        depth += 1
    presize_split(ks, depth)


# -- records ---------------------------------------------------------------------------------------------------

cdef bint load_is_supported(const Store* store, int rdb_type) noexcept nogil:
    cdef int type = rdb_value_type(rdb_type)
    return type != TYPE_LIMIT and store.types[type] != NULL


cdef int load_take_record(Loading* ld, LoadRecord* record) noexcept nogil:
    """A key was read into record.item: note where it ends and, if it is to be stored, keep it. 0, or -1: failed."""
    cdef LoadRdb* rdb = &ld.rdb
    cdef Store* store = ld.server.store
    cdef RdbItem* item = &record.item
    cdef bint supported = load_is_supported(store, item.rdb_type)
    if not supported and not store.config.rdb_skip_unsupported:
        return load_refuse_type(ld, item)
    if rdb_skip_object(&rdb.read, item.rdb_type):
        return load_rdb_failed(ld, item)
    record.ends = rdb.read.at
    if not supported:
        ld.counts.skipped += 1
    elif item.expire_ms != NO_EXPIRE and item.expire_ms <= store.now_ms and not rdb.keeps_expired:
        ld.counts.expired += 1
    else:
        ks_key(store, item.key.text, &record.key)
        ks_prefetch_dir(store.dbs[item.db], &record.key)
        rdb.count += 1
        return 0
    load_record_free(record)
    return 0


cdef int load_place(Loading* ld, LoadRecord* record) noexcept nogil:
    cdef RdbItem* item = &record.item
    cdef Store* store = ld.server.store
    cdef Db* db = store.dbs[item.db]
    cdef uint64_t keys_before = db.keys
    cdef const TypeOps* ops = store.types[rdb_value_type(item.rdb_type)]
    cdef size_t pos = 0
    cdef Str data
    data.ptr = <const char*>item.object
    data.len = <size_t>(record.ends - item.object)
    if ops.decode(store, db, &record.key, item.rdb_type, data, &pos, item.expire_ms) or pos != data.len:
        if rdb_object_is_empty(item.rdb_type, item.object, record.ends):
            ld.counts.empty += 1
            return 0
        return load_bad_value(ld, item, b"the value is damaged")
    if item.rdb_type >= RDB_TYPE_HASH_TTLS_EARLY:
        ld.counts.field_ttls += 1
        if db.keys == keys_before:          # all its fields have expired
            ld.counts.expired += 1
            return 0
    if db.keys == keys_before and not ld.merges:
        return load_bad_value(ld, item, b"the key is there twice")
    ld.counts.keys += 1
    return 0


cdef int load_place_records(Loading* ld) noexcept nogil:
    """Store the batch: 0, or -1: failed."""
    cdef LoadRdb* rdb = &ld.rdb
    cdef LoadRecord* record
    cdef int i
    cdef int failed = 0
    for i in range(rdb.count):
        record = &rdb.records[i]
        ks_prefetch_bucket(ld.server.store.dbs[record.item.db], &record.key)
    for i in range(rdb.count):
        record = &rdb.records[i]
        ks_prefetch_record(ld.server.store.dbs[record.item.db], &record.key)
    for i in range(rdb.count):
        if not failed:
            failed = load_place(ld, &rdb.records[i])
    load_forget_records(rdb)
    return failed


cdef int load_other_item(Loading* ld, RdbItem* item, int kind) noexcept nogil:
    """What is no key: 0, or -1: failed."""
    cdef Store* store = ld.server.store
    cdef uint64_t most = <uint64_t>rdb_left(&ld.rdb.read) // LOAD_RECORD_SIZE_MIN
    if kind == RDB_ITEM_DB and item.numbers[0] >= <uint64_t>store.db_count:
        return load_fail(ld, item.begins, b"the file has a database beyond those of directive databases")
    if kind == RDB_ITEM_DB:
        st_db(store, ld.rdb.read.db)
    elif kind == RDB_ITEM_RESIZE:
        presize(st_db(store, ld.rdb.read.db), min(item.numbers[0], most))
    elif kind == RDB_ITEM_AUX:
        load_note_aux(ld, item)
    elif kind == RDB_ITEM_FUNCTION:
        ld.counts.functions += 1
    elif kind == RDB_ITEM_MODULE_AUX:
        ld.counts.module_aux += 1
    return 0


cdef int load_gather(Loading* ld) noexcept nogil:
    """Read on until a batch is full or the file ends; LOAD_MORE, LOAD_FILE_DONE or LOAD_FAILED."""
    cdef LoadRdb* rdb = &ld.rdb
    cdef LoadRecord* record
    cdef const uint8_t* begins = rdb.read.at
    cdef int kind
    while rdb.count < LOAD_BATCH and rdb.read.at - begins < LOAD_BATCH_BYTES:
        record = &rdb.records[rdb.count]
        kind = rdb_next(&rdb.read, &record.item)
        if kind == RDB_ITEM_KEY:
            if load_take_record(ld, record):
                load_record_free(record)
                return LOAD_FAILED
        elif kind == RDB_ITEM_END:
            return LOAD_FILE_DONE
        elif kind == RDB_ITEM_BAD:
            load_fail_read(ld)
            return LOAD_FAILED
        else:
            kind = load_other_item(ld, &record.item, kind)
            load_record_free(record)
            if kind:
                return LOAD_FAILED
    return LOAD_MORE


cdef void load_sum_up(Loading* ld) noexcept nogil:
    """Take what was read into the checksum while it is in the caches; its pages are needed no more."""
    cdef LoadRdb* rdb = &ld.rdb
    cdef size_t upto = <size_t>(rdb.read.at - rdb.read.start)
    if ld.server.store.config.rdb_checksum:
        rdb.crc = ws_crc64(rdb.crc, rdb.read.start + rdb.summed, upto - rdb.summed)
        rdb.summed = upto
    ws_map_drop(&ld.map, upto)


cdef int load_rdb_end(Loading* ld) noexcept nogil:
    """Behind the last record: the checksum."""
    cdef RdbRead* read = &ld.rdb.read
    if ld.server.store.config.rdb_checksum:
        if rdb_check_sum(read, ld.rdb.crc):
            load_fail_read(ld)
            return LOAD_FAILED
    elif read.version >= RDB_VERSION_SUMMED:
        read.at += min(rdb_left(read), <size_t>RDB_SUM_SIZE)
    return LOAD_FILE_DONE


cdef int load_rdb_slice(Loading* ld, int64_t until_us) noexcept nogil:
    """Load for about that long; one of LoadSaid."""
    cdef int said = LOAD_MORE
    while said == LOAD_MORE:
        said = load_gather(ld)
        if said == LOAD_FAILED:
            load_forget_records(&ld.rdb)
            return LOAD_FAILED
        if load_place_records(ld):
            return LOAD_FAILED
        load_sum_up(ld)
        if said == LOAD_FILE_DONE:
            return load_rdb_end(ld)
        if ws_mono_us() >= until_us:
            return LOAD_MORE
    return said
