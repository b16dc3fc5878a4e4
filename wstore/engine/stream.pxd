"""The stream of writes: what the log on disk and replicas get, as RESP commands, each byte having one offset for ever.

What one command does is a unit: its effects, between MULTI and EXEC if they are more than one.  Commands that run
inside another one (EXEC, calls of a Python handler) belong to its unit; each key that expires by itself, and each
blocked client that is served, is one of its own.

Invariants
* `end` is the stream's offset behind the last byte in `pending`; `end - pending.len` is the offset of its first.
* Between two units (unit_count 0) bytes in the stream are whole commands and whole transactions.  Only then are
  bytes taken out of `pending`, and only then does an offset stand for a state of the data.
* Nothing is appended while OBSERVE_LOG is not set in Store.observers, or while Store.loading is, but a master's stream
  by follow.pyx.
"""
from libc.stdint cimport int64_t
from wstore.engine.abi cimport Reply

cdef struct Stream:
    int64_t end             # offset behind the last byte
    int db                  # database that the next command in it would run in; -1: a SELECT must come first
    Reply pending           # appended in this turn of the loop, not yet taken by the log
    size_t unit_start       # where in `pending` the effects of the unit at hand begin
    int64_t unit_count      # how many effects it has had so far
    int depth               # commands that are running: one, and those that it runs
    bint taken              # Engine.stream_take is what it is for: without a log or replicas it goes on nevertheless
    bint said               # the command at hand has told its effects itself
