"""The data plane's state beside the keyspace: clients, the batch at hand, shared buffers, logs. One to a Store.

It exists with or without a loop: `Engine.execute` goes through it as well.

Invariants
* All of it is guarded by `mutex`, which is recursive; whoever holds the GIL only ever tries to lock it.
* `ready`, `writers` and `graveyard` are empty between two turns of the loop.
* Output in `out_shared[:out_used]` belongs to clients in `writers`; `out_client` is the one writing at its end.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from wstore.engine.abi cimport Approach, Call, Reply, Store, Str
from wstore.engine.client cimport Client
from wstore.engine.links cimport LINK_KINDS, LinkName, LinkTable
from wstore.engine.replication cimport Replication
from wstore.engine.stream cimport Stream
from wstore.engine.table cimport CommandStats

cdef extern from "pthread.h" nogil:
    ctypedef struct pthread_mutex_t:
        pass

cdef enum:
    BATCH_MAX = 64              # commands looked up together
    BATCH_ARGS = 4096           # their arguments; a longer command keeps its own array
    FRESH_ARGS_MAX = 1024       # arguments of a command that are taken into the batch's array
    IN_SHARED_SIZE = 512 * 1024
    OUT_SHARED_SIZE = 512 * 1024
    ERROR_CODE_MAX = 32
    RATE_KINDS = 5
    RATE_SAMPLES = 16
    ERROR_CODES_MAX = 128       # different codes that are counted
    LISTENERS_MAX = 32
    SLOW_ARGS_MAX = 32          # arguments of a slow log entry, and bytes of each
    SLOW_ARG_BYTES_MAX = 128

cdef struct Batch:
    Call calls[BATCH_MAX]
    size_t starts[BATCH_MAX]    # cmd_start of each, to put it back
    Approach approaches[BATCH_MAX]
    int count
    int running                 # index of the one that runs; -1: none
    Str* args
    size_t arg_count
    size_t arg_cap
    char* scratch               # unquoted arguments of inline commands
    size_t scratch_len
    size_t scratch_cap

cdef struct ErrorStats:
    char code[ERROR_CODE_MAX]
    uint64_t count

cdef struct SlowEntry:
    uint64_t id
    int64_t unix_s
    int64_t duration_us
    int argc
    Str args[SLOW_ARGS_MAX]     # own
    char* addr
    char* name

cdef struct Rates:              # of the load, sampled in turns of the loop
    int64_t sampled_us
    uint64_t counters[RATE_KINDS]           # at that time: commands, bytes in, bytes out; of a link, to replicas
    double samples[RATE_KINDS][RATE_SAMPLES]    # a second; a ring
    int next
    uint64_t memory_peak        # bytes
    uint64_t upkeep_us          # spent in expiry and ageing

cdef struct Server:
    Store* store
    pthread_mutex_t mutex
    uint32_t waiting            # threads that wait for the mutex; atomic
    Batch batch
    double ticks_per_us
    uint64_t tick               # when the command at hand began
    uint64_t slow_ticks         # that one must take for the slow log; UINT64_MAX: it is off
    # -- clients
    Client* first               # oldest
    Client* last
    size_t client_count
    uint64_t last_client_id
    Client* sweep               # where the next cron goes on looking at clients
    Client** ready              # that have received in this turn
    size_t ready_count
    size_t ready_cap
    Client** writers
    size_t writer_count
    size_t writer_cap
    Client* graveyard
    size_t monitor_count
    bint guarded                # a pause, loading or a monitor: commands take the careful path
    size_t closing_count        # clients marked CLIENT_CLOSE_ASAP since the last turn
    # -- CLIENT PAUSE
    int64_t pause_until_ms      # 0: not paused
    bint pause_all              # else writes only
    bint have_postponed
    # -- blocked clients: blocking.pyx
    size_t blocked_count
    Client** deadlines
    size_t deadline_count
    size_t deadline_cap
    LinkName** ready_names
    size_t ready_name_count
    size_t ready_name_cap
    Client** unblocked
    size_t unblocked_count
    size_t unblocked_cap
    LinkTable links[LINK_KINDS]     # who watches, waits for and listens to which name
    # -- shared buffers
    char* in_shared             # while there is a loop
    size_t in_used
    char* out_shared
    size_t out_used
    Client* out_client
    char parse_error[96]
    Reply message               # that is being published
    Reply pushed                # messages for the client whose command is running
    Client* served              # the blocked client whose command is running, if not one of the batch is
    # -- persistence
    Stream stream
    void* snapshot              # that is being taken, or NULL: snapshot.pxd
    void* log                   # of writes on disk, or NULL: log.pxd
    void* loader                # of files into the store, or NULL: loader.pxd
    Replication repl
    uint32_t soon               # Engine.soon is not empty; atomic
    uint32_t cron_hook          # who looks after things now and then: bits of upkeep_hook.pyx
    int64_t cron_hook_due_us    # when it is called again
    bint flushed                # FLUSHALL ran since it was called
    bint save_failed            # writers get -MISCONF: the last snapshot could not be saved
    # -- counters and logs
    Rates rates
    CommandStats** command_stats
    size_t command_stat_count
    ErrorStats* errors
    size_t error_count
    SlowEntry** slow_log        # ring, newest last
    size_t slow_first
    size_t slow_count
    size_t slow_cap
    uint64_t slow_next_id
    int depth                   # of calls of Engine.execute
    Client* internal            # without a connection, for Engine.execute
    void* raised                # PyObject*: KeyboardInterrupt or the like, met where it cannot be raised
    # -- loop
    char unix_path[112]         # of the Unix socket it listens on
    int poll_fd                 # -1: no loop
    int wake_fd                 # written to, it ends the loop's wait; -1: no loop
    int wake_read_fd
    int listeners[LISTENERS_MAX]
    bint listener_is_unix[LISTENERS_MAX]
    int listener_count
    bint listeners_resting      # out of descriptors: not polled until the next cron
    int64_t cron_due_us
    int64_t upkeep_due_us
    bint upkeep_behind          # expired keys are left over: do not wait for cron
    bint stopping
