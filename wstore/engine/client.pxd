"""A connected client: its input, the state of the parser in it, its output, what CLIENT LIST shows of it.

Input of a client lives in one of two places.  What a turn of the loop receives goes, client after client, into one
buffer that all share (`in_cap` 0: borrowed); what is left of an incomplete request when the turn has run all
complete ones moves to private memory (`in_cap` > 0).  A short rest waits there, in just the bytes it needs, and
returns to the shared buffer when more comes; for a long one (INPUT_STASH_MAX) the private buffer grows and receives
directly.  So an idle client owns no buffer, and the requests of a turn lie side by side in cache.

Output works the same way: the replies of a turn go into one shared buffer (`out.cap` odd: borrowed), and move to
private memory only if they outgrow it or the socket does not take them at once.

Invariants
* cmd_start <= in_pos <= in_len; bytes before cmd_start are done with.
* args_left > 0 or bulk_len >= 0: a multibulk request has begun at cmd_start; its args so far are in `args`, as
  offsets from cmd_start, so that they stay true wherever the bytes move to.
* out.data is NULL, borrowed or private; `sent` bytes of it have gone.
* All memory read as input has INPUT_SLACK readable bytes behind it.
"""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from wstore.engine.abi cimport CommandSpec, Reply, Str
from wstore.engine.links cimport LINK_KINDS, LinkList
from wstore.engine.table cimport CommandStats

cdef extern from "net.h" nogil:
    enum:
        WS_ADDR_TEXT_MAX
    ctypedef struct ws_addr:
        uint8_t ip[16]
        uint16_t port
        uint8_t family

cdef enum:
    INPUT_BLOCK = 16 * 1024     # what one recv into the shared buffer asks for
    INPUT_STASH_MAX = 4096
    INPUT_SLACK = 16
    HEAD_MAX = 16               # of RequestHead
    NO_BULK = -1                # Client.bulk_len: the header of the next argument is still to come

cdef enum ClientFlag:
    CLIENT_AUTHENTICATED = 1 << 0
    CLIENT_CLOSED = 1 << 1              # descriptor closed; freed at the end of the turn
    CLIENT_CLOSE_AFTER_REPLY = 1 << 2
    CLIENT_CLOSE_ASAP = 1 << 3          # closed at the end of the turn, what is unsent is dropped
    CLIENT_POSTPONED = 1 << 4           # CLIENT PAUSE holds its next command back
    CLIENT_WRITER = 1 << 5              # in Server.writers
    CLIENT_WRITE_BLOCKED = 1 << 6       # its socket is full: waits to become writable
    CLIENT_REPLY_OFF = 1 << 7
    CLIENT_REPLY_SKIP = 1 << 8          # the reply of the command at hand is dropped
    CLIENT_REPLY_SKIP_NEXT = 1 << 9
    CLIENT_MONITOR = 1 << 10
    CLIENT_NO_EVICT = 1 << 11
    CLIENT_NO_TOUCH = 1 << 12
    CLIENT_UNIX = 1 << 13
    CLIENT_INTERNAL = 1 << 14           # no socket: Engine.execute
    CLIENT_BUSY = 1 << 15               # internal, and executing
    CLIENT_MULTI = 1 << 16              # its commands are queued until EXEC
    CLIENT_MULTI_FAILED = 1 << 17       # one of them was refused: EXEC will be
    CLIENT_MULTI_WRITES = 1 << 18       # one of them writes
    CLIENT_EXECUTING = 1 << 19          # EXEC runs what was queued
    CLIENT_DIRTY = 1 << 20              # a key that it watches has changed: EXEC runs nothing
    CLIENT_PUBSUB = 1 << 21             # it has subscriptions
    CLIENT_PUSHED = 1 << 22             # messages for it wait in Server.pushed until its command has replied
    CLIENT_LOGGED = 1 << 23             # its commands in this turn have left effects in the stream
    CLIENT_BLOCKED = 1 << 24            # it waits for a key: Client.blocked
    CLIENT_RESUMING = 1 << 25           # it was unblocked, and its requests behind that wait: in Server.unblocked
    CLIENT_MADE_READY = 1 << 26         # its command has made a key ready that others wait for
    CLIENT_REPLICA = 1 << 27            # it has become a replica: gets the stream, no replies
    # at its end
    CLIENT_ENDING = CLIENT_CLOSED | CLIENT_CLOSE_AFTER_REPLY | CLIENT_CLOSE_ASAP
    # runs no (further) command
    CLIENT_STOPPED = CLIENT_ENDING | CLIENT_POSTPONED | CLIENT_BLOCKED | CLIENT_RESUMING
    # there is something to do behind its command
    CLIENT_AFTER_COMMAND = CLIENT_POSTPONED | CLIENT_BLOCKED | CLIENT_MADE_READY | CLIENT_PUSHED
    CLIENT_REPLY_DROPPED = CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP

cdef struct RequestHead:        # how a request began, "*3\r\n$3\r\nSET\r\n": the same bytes again mean the same again
    char text[HEAD_MAX]
    size_t len                  # 0: none is known; else 8 at least
    size_t name_len
    int argc
    const CommandSpec* spec

cdef struct QueuedCall:         # one command of a transaction, in one piece of memory with its arguments' bytes
    size_t size_bytes
    int argc
    Str argv[1]

cdef struct Blocked:            # what a client in a blocking command waits with
    QueuedCall* call            # the command
    int64_t deadline_ms         # Unix time; 0: none
    size_t place                # in Server.deadlines, if it has one
    uint64_t ticks              # that the command has taken so far
    bint again                  # it was woken and has blocked again
    int64_t replicas            # it waits for so many replicas to have the stream up to `offset`, not for a key
    int64_t offset

cdef struct Client:
    # -- input and parser
    int fd
    uint32_t flags
    char* in_buf
    size_t in_pos           # parsed up to here
    size_t in_len
    size_t in_cap           # of a private buffer; 0: in_buf is borrowed or NULL
    size_t cmd_start        # first byte of the request that is being parsed
    int64_t args_left       # arguments of it that are still to come
    int64_t bulk_len        # bytes of the next one, or NO_BULK
    Str* args
    int arg_count
    int arg_cap
    # -- executing
    int db
    int resp
    uint64_t last_word      # first bytes of the last command's name as sent, and what it was found to be
    size_t last_word_len
    const CommandSpec* last_spec
    RequestHead head        # of its last request, if that was short
    CommandStats* last_stats
    QueuedCall** queued     # of its transaction
    int queued_count
    int queued_cap
    size_t queued_bytes
    Blocked* blocked            # or NULL
    LinkList links[LINK_KINDS]  # what it watches, waits for and listens to
    # -- output
    Reply out
    size_t sent
    int64_t soft_limit_since_s  # when the output passed its soft limit; 0: it has not
    # -- about it
    uint64_t id
    int64_t created_ms
    int64_t active_ms       # last received from
    int64_t written_end     # offset of the stream behind its last write
    void* replica           # Replica* of a client that is one: replication.pxd
    ws_addr peer
    char* name              # own, NUL-terminated, or NULL
    char* lib_name
    char* lib_ver
    void* session           # PyObject* of its Session, once a Python handler has seen it
    Client* prev            # all clients, oldest first
    Client* next
    Client* next_closed     # Server.graveyard
