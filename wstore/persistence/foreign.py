"""Commands of Redis 7.0 that stand in its stream of writes, and that wstore has not got.

A replica of a Redis server writes its master's stream to its own log as it is.  A command in it that is unknown here
had no effect when it came, so that it has none when a log of wstore is loaded either: it is left out, with a warning.
A log that a Redis server wrote is another matter: leaving them out would lose data, so that these stop its load.
"""

FOREIGN_WRITES = frozenset((
    b"eval evalsha fcall function geoadd georadius georadiusbymember geosearchstore migrate pfadd pfcount "
    b"pfdebug pfmerge script xack xadd xautoclaim xclaim xdel xgroup xreadgroup xsetid xtrim").split())
