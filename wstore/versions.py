"""The versions that wstore shows: its own, and that of the Redis whose protocol and commands it follows.

The package's metadata and the command module take theirs from here when they are built.
"""

WSTORE_VERSION = "0.1.0"
REDIS_VERSION = "7.0.15"        # clients and tools choose features by it
