"""Replication, as far as the loop has part in it: the tail of the stream in memory, replicas that are fed, and the
link to a master.

    master:   writes ──> stream.pending ──> tail ──────────────> replica's socket       (in step)
                                       └──> log ──feed thread──> replica's socket       (behind, or while it loads)
    replica:  socket ──> Follow.input ──> commands run
                                     └──> stream.pending ──> tail, log                  (the same bytes)

A replica has no output buffer: it has an offset, and is sent what the tail or the log holds from there on.

Invariants
* Offsets count bytes of the stream from 0: what Redis calls offset n (of so many bytes so far) is the offset behind the
  n-th byte; PSYNC asks for that plus 1.
* tail.end is the offset behind the last byte that was handed over: stream.end less stream.pending.len.
* What is handed over goes to the tail first, then to the log, always between two units.
* While Store.is_replica is set nothing but the link appends to the stream.
* What a replica is to be sent is kept: in the tail, or in the log, where Replica.log_feed has it pinned.
* While a replica's feed runs the loop sends nothing to its connection.
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t
from wstore.engine.abi cimport Reply, Str
from wstore.engine.client cimport Client
from wstore.engine.log cimport ws_log

cdef extern from "output.h" nogil:
    enum:
        WS_OUTPUT_GROWS
        WS_OUTPUT_WHOLE
        WS_OUTPUT_FAILED
    ctypedef struct ws_output:
        pass
    ws_output* ws_output_new()
    void ws_output_keep(ws_output*)
    void ws_output_free(ws_output*)
    void ws_output_open(ws_output*, int fd)
    void ws_output_add(ws_output*, int64_t n)
    void ws_output_end(ws_output*, int failed)
    int ws_output_look(const ws_output*, int64_t* written, int* fd)

cdef extern from "feed.h" nogil:
    enum:
        WS_FEED_NEW
        WS_FEED_RUNS
        WS_FEED_DONE
        WS_FEED_BROKEN
        WS_FEED_LOST
    ctypedef struct ws_feed:
        pass
    ws_feed* ws_feed_of_file(ws_output*, const char* head, size_t head_len, const char* mark, size_t mark_len)
    ws_feed* ws_feed_of_log(ws_log*, int64_t offset)
    int ws_feed_start(ws_feed*, int fd, int wake_fd, int64_t stall_ms)
    int ws_feed_state(const ws_feed*)
    int64_t ws_feed_sent(const ws_feed*)
    int64_t ws_feed_offset(const ws_feed*)
    const ws_log* ws_feed_log(const ws_feed*)
    void ws_feed_set_goal(ws_feed*, int64_t offset)
    void ws_feed_free(ws_feed*)

cdef enum ReplicaState:
    REPLICA_WAITS           # for a file that is not there yet
    REPLICA_FILE            # a feed thread sends it the data
    REPLICA_LOADS           # has been sent them all; the stream waits for its first ACK
    REPLICA_LOG             # in step, but for what a feed thread reads from the log
    REPLICA_TAIL            # in step: the loop sends it the tail

cdef enum:
    NO_STREAM = -1          # Replica.offset: it wants the data alone

cdef struct Tail:           # the last bytes of the stream: tail.pyx
    bint on                 # kept at all
    int64_t start           # offset of the first byte kept
    int64_t end
    char** blocks           # a ring
    size_t cap
    size_t first
    size_t count
    int64_t first_number    # of the first block, counted from offset 0
    char* spare             # a free block, or NULL

cdef struct Replica:        # of a client that PSYNC has made one: Client.replica
    Client* client
    char name[64]           # where it listens, by its own word, for the log; empty: it did not say
    int state
    int64_t offset          # of the next byte that it is to be sent
    int64_t acked           # offset up to which it has applied the stream, by its own word
    int64_t acked_ms        # Unix time of that word; 0: none yet
    int64_t wanted          # offset up to which it has to come before it counts: where the stream was when it asked
    int64_t since_ms        # when it came into its state
    bint acks               # it tells how far it is; else it is not expected to say anything
    bint wait_ack           # the stream waits for its first word
    ws_feed* file_feed      # of the data, or NULL
    ws_feed* log_feed       # of the log from `offset` on, or NULL; new: to have that pinned
    int64_t counted_bytes   # of what the feed at hand has sent, in Replication.sent_bytes already
    int64_t soft_limit_since_s      # when what only memory has for it passed the soft limit; 0: it has not

cdef struct Split:          # how far the input of the link has been looked at; places in Follow.input
    size_t at               # up to here: behind a header or an argument
    size_t whole            # behind the last unit that is all there
    int64_t argc            # of the command at hand
    int64_t left            # arguments of it that are still to come; 0: the next one begins at `at`
    bint in_unit            # a MULTI has come whose EXEC has not
    bint is_select          # the command at hand
    int databases           # that there are
    const char* why         # it is damaged

cdef struct Follow:         # the link to the master: follow.pyx
    bint on
    int fd                  # -1: there is none
    Reply input             # received, and not yet applied
    size_t done             # of it
    Split split
    Client* client          # that its commands run as
    Str* args               # of a command that has more than fit into a batch
    uint64_t arg_cap
    uint64_t inside         # bit i: command i of the batch is followed by others of its unit
    bint in_unit            # the command that was taken last is
    void* then              # PyObject*: called when the link has ended
    char reason[128]        # why it has
    bint damaged            # because of what came
    # -- acknowledgements
    bint ack_due            # the master has asked for one
    char ack[80]            # the one that was sent last
    int ack_len
    int ack_sent
    int64_t acked           # offset that it told
    int64_t acked_ms        # Unix time
    # -- counters, of this link and those before it
    int64_t received_ms     # Unix time
    uint64_t received_bytes
    uint64_t errors         # commands that failed here
    uint64_t errors_untold  # since the log was told of one
    int64_t told_ms

cdef struct Replication:    # Server.repl
    Tail tail
    Client** replicas
    size_t replica_count
    size_t replica_cap
    int64_t fed_end         # of the tail when replicas were sent it last
    int64_t cron_due_ms
    int64_t ping_due_ms
    bint pings_held         # no PING, so that the stream stands still
    bint ask                # have replicas tell how far they are: somebody waits
    bint acks_moved         # one has told
    Client** waiters        # in WAIT
    size_t waiter_count
    size_t waiter_cap
    uint64_t sent_bytes     # to replicas: data and stream
    Follow follow
    bint link_down          # a replica that has no link to its master, or has not caught up since a full sync
