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
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t
from wstore.engine.abi cimport Reply, Str
from wstore.engine.client cimport Client

cdef enum ReplicaState:
    REPLICA_WAITS           # for a file that is not there yet
    REPLICA_FILE            # a feed thread sends it the data
    REPLICA_LOADS           # has been sent them all; the stream waits for its first ACK
    REPLICA_LOG             # in step, but for what a feed thread reads from the log
    REPLICA_TAIL            # in step: the loop sends it the tail

cdef struct Tail:           # the last bytes of the stream
    bint on                 # kept at all
    int64_t start           # offset of the first byte kept
    int64_t end

cdef struct Replica:        # of a client that PSYNC has made one: Client.replica
    Client* client
    int state
    int64_t offset          # of the next byte that it is to be sent
    int64_t acked           # offset up to which it has applied the stream, by its own word
    int64_t acked_ms        # Unix time of that word; 0: none yet

cdef struct Split:          # how far the input of the link has been looked at; places in Follow.input
    size_t at               # up to here: behind a header or an argument
    size_t whole            # behind the last unit that is all there
    int64_t argc            # of the command at hand
    int64_t left            # arguments of it that are still to come; 0: the next one begins at `at`
    bint in_unit            # a MULTI has come whose EXEC has not
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
    Follow follow
    bint link_down          # a replica that has no link to its master
