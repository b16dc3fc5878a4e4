"""The stream of writes: what the log on disk and replicas get, as RESP commands, each byte having one offset for ever.

Invariants
* `end` is the stream's offset behind the last byte in `pending`; `end - pending.len` is the offset of its first.
* Bytes in the stream are whole commands; a transaction stands in it whole or not at all.
* Nothing is appended while OBSERVE_LOG is not set in Store.observers.
"""
from libc.stdint cimport int64_t
from wstore.engine.abi cimport Reply

cdef struct Stream:
    int64_t end             # offset behind the last byte
    int db                  # database that the next command in it would run in; -1: a SELECT must come first
    Reply pending           # appended in this turn of the loop, not yet taken by the log
    size_t unit_start       # where in `pending` the effects of the command or transaction at hand begin
    int unit_count          # how many effects it has had so far
    bint said               # the command at hand has told its effects itself
