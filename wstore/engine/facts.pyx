# What administration asks of an engine: memory, rates of the load, latencies, clients as a whole, the build.
#
# Functions of an Engine rather than methods: INFO and MEMORY alone call them, with the store locked.


cdef extern from *:
    """
    #if defined(__clang__)
    #define WS_COMPILER "clang " __clang_version__
    #else
    #define WS_COMPILER __VERSION__
    #endif
    #if defined(__x86_64__)
    #define WS_CLOCK "X86 TSC"
    #else
    #define WS_CLOCK "POSIX clock_gettime"
    #endif
    """
    const char* WS_COMPILER
    const char* WS_CLOCK

cdef enum:
    RATE_PERIOD_US = 90000      # between two samples, at least
    TTL_SAMPLE_KEYS = 500


# -- rates and peaks, sampled by the loop --------------------------------------------------------------------------

cdef void rates_sample(Server* s) noexcept nogil:
    """Take a sample of the counters if it is time for one; the loop calls this in each cron."""
    cdef Rates* r = &s.rates
    cdef int64_t now_us = ws_mono_us()
    cdef uint64_t counters[RATE_KINDS]
    cdef int i
    if now_us - r.sampled_us < RATE_PERIOD_US:
        return
    counters[0] = s.store.stats.commands_processed
    counters[3] = s.repl.follow.received_bytes
    counters[4] = s.repl.sent_bytes
    counters[1] = s.store.stats.net_input_bytes + counters[3]
    counters[2] = s.store.stats.net_output_bytes + counters[4]
    for i in range(RATE_KINDS):
        if r.sampled_us and counters[i] >= r.counters[i]:     # RESETSTAT sets counters back
            r.samples[i][r.next] = <double>(counters[i] - r.counters[i]) * 1e6 / <double>(now_us - r.sampled_us)
        r.counters[i] = counters[i]
    r.next = (r.next + 1) % RATE_SAMPLES
    r.sampled_us = now_us
    note_memory_peak(s, memory_sizes(s.store).used)


cdef void note_memory_peak(Server* s, size_t used) noexcept nogil:
    if used > s.rates.memory_peak:
        s.rates.memory_peak = used


def rates(Engine engine not None):
    """Commands, bytes in and bytes out a second, and those of them that are replication's, over the last second or two;
    zeros without a loop."""
    cdef Server* s = server_of(engine.store)
    cdef double sums[RATE_KINDS]
    cdef int i, k
    for i in range(RATE_KINDS):
        sums[i] = 0
        for k in range(RATE_SAMPLES):
            sums[i] += s.rates.samples[i][k]
    return {"commands": sums[0] / RATE_SAMPLES, "input_bytes": sums[1] / RATE_SAMPLES,
            "output_bytes": sums[2] / RATE_SAMPLES, "link_bytes": sums[3] / RATE_SAMPLES,
            "replica_bytes": sums[4] / RATE_SAMPLES}


# -- memory --------------------------------------------------------------------------------------------------------

cdef struct MemorySizes:        # bytes
    size_t pages                # of the arenas
    size_t live                 # of them, in cells that hold records
    size_t table                # segments and buckets
    size_t blobs                # values outside the arenas, malloc'ed
    size_t large                # records outside the arenas, malloc'ed
    size_t used                 # all that is allocated, by whatever allocator


cdef MemorySizes memory_sizes(const Store* store) noexcept nogil:
    cdef MemorySizes m
    cdef Keyspace* ks
    cdef int i
    memset(&m, 0, sizeof(m))
    for i in range(store.db_count):
        if store.dbs[i] != NULL:
            ks = keyspace_of(store.dbs[i])
            m.pages += ws_region_bytes(&ks.arena.region)
            m.live += ws_arena_live_bytes(&ks.arena)
            m.table += ws_region_bytes(&ks.region)
            m.blobs += ks.blob_bytes
            m.large += ks.arena.large_bytes
    m.used = m.live + m.table + ws_alloc_used()
    return m


def memory_facts(Engine engine not None):
    """Bytes by purpose, as a dict of int:

    used: allocated in all; active: the pages behind it; peak: the most that `used` was; dataset: records and values;
    table: segments and buckets; clients: connections with their buffers; background_frees: databases being freed.
    """
    cdef Server* s = server_of(engine.store)
    cdef MemorySizes m = memory_sizes(engine.store)
    note_memory_peak(s, m.used)
    return {
        "used": m.used, "active": m.used - m.live + m.pages, "peak": s.rates.memory_peak,
        "dataset": m.live + m.blobs + m.large, "table": m.table, "clients": clients_total(s).memory,
        "background_frees": ws_counter_get(&engine.store.background_frees)}


def table_bytes(Engine engine not None):
    """Bytes of the table of each database, by index."""
    cdef int i
    cdef dict out = {}
    for i in range(engine.store.db_count):
        if engine.store.dbs[i] != NULL:
            out[i] = ws_region_bytes(&keyspace_of(engine.store.dbs[i]).region)
    return out


# -- clients -------------------------------------------------------------------------------------------------------

cdef struct ClientsTotal:
    size_t connected
    size_t memory               # bytes
    size_t max_input            # bytes received and not yet run, of the client with most of them
    size_t max_output           # bytes not yet sent
    size_t postponed            # held back by CLIENT PAUSE


cdef ClientsTotal clients_total(const Server* s) noexcept nogil:
    cdef ClientsTotal t
    cdef const Client* c = s.first
    memset(&t, 0, sizeof(t))
    while c != NULL:
        if not c.flags & CLIENT_INTERNAL:
            t.connected += 1
            t.memory += sizeof(Client) + c.in_cap + (0 if c.out.cap & 1 else c.out.cap) + c.arg_cap * sizeof(Str)
            t.max_input = max(t.max_input, c.in_len - c.cmd_start)
            t.postponed += c.flags & CLIENT_POSTPONED != 0
            t.max_output = max(t.max_output, c.out.len - c.sent)
        c = c.next
    return t


def client_facts(Engine engine not None):
    """Connections: how many, bytes they take, the largest input and output that one has waiting; those blocked, or
    held back by CLIENT PAUSE, and how many blocked ones have a deadline."""
    cdef Server* s = server_of(engine.store)
    cdef ClientsTotal t = clients_total(s)
    return {
        "blocked": s.blocked_count + t.postponed, "deadlines": s.deadline_count,
        "connected": t.connected, "memory": t.memory, "max_input": t.max_input, "max_output": t.max_output}


# -- commands ------------------------------------------------------------------------------------------------------

cdef list histogram_of(const Server* s, const CommandStats* stats):
    cdef int i
    return [(latency_of_bucket(i) / s.ticks_per_us, stats.latency[i])
            for i in range(LATENCY_BUCKETS) if stats.latency[i]]


def latencies(Engine engine not None):
    """name -> [(upper bound in microseconds, calls that took that long), ...] of all commands that were called."""
    cdef Server* s = server_of(engine.store)
    cdef size_t i
    return {s.command_stats[i].name.decode(): histogram_of(s, s.command_stats[i])
            for i in range(s.command_stat_count) if s.command_stats[i].latency != NULL}


cdef struct TtlSample:
    int64_t now_ms
    int64_t sum_ms
    int64_t count


cdef void sample_ttl(void* arg, const Key* key, Entry* e) noexcept nogil:
    cdef TtlSample* sample = <TtlSample*>arg
    if e.expire_ms != NO_EXPIRE:
        sample.sum_ms += e.expire_ms - sample.now_ms
        sample.count += 1


cdef int64_t average_ttl_ms(Store* store, Db* db) noexcept nogil:
    """Of the keys with a TTL among the first TTL_SAMPLE_KEYS in the order of the table; 0: none has one."""
    cdef TtlSample sample
    sample.now_ms = store.now_ms
    sample.sum_ms = 0
    sample.count = 0
    if db.expires > 0:
        ks_scan(store, db, 0, TTL_SAMPLE_KEYS, sample_ttl, &sample)
    return sample.sum_ms // sample.count if sample.count else 0


def keyspaces(Engine engine not None):
    """(index, keys, keys with a TTL, their average TTL in ms as a sample tells) of each database that is in use."""
    cdef int i
    cdef Db* db
    cdef list out = []
    for i in range(engine.store.db_count):
        db = engine.store.dbs[i]
        if db != NULL and db.keys:
            out.append((i, db.keys, db.expires, average_ttl_ms(engine.store, db)))
    return out


def changes(Engine engine not None):
    """Changes to the data since the engine began."""
    return engine.store.dirty


def upkeep_ms(Engine engine not None):
    """Milliseconds that expiry has taken."""
    return server_of(engine.store).rates.upkeep_us // 1000


# -- the build -----------------------------------------------------------------------------------------------------

def module_version(Engine engine not None):
    """Version of the command module in force, as str; "" if there is none."""
    cdef const Module* module = table_of(engine.store).module
    return module.version.decode() if module != NULL else ""


def build_facts():
    """compiler, clock: text; abi: the number that command modules must have."""
    return {"compiler": WS_COMPILER.decode(), "clock": WS_CLOCK.decode(), "abi": ABI_VERSION}
