"""The engine, one extension: keyspace, RESP, clients and the loop.  This file only brings its parts together.

Reading order: abi.pxd (what the engine and command modules share), record.pxd and keyspace.pxd (layouts),
segment.pyx, keyspace.pyx, expire.pyx, databases.pyx, api.pyx (the function table), store.pyx (the Python face).
"""
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdio cimport fprintf, stderr
from libc.stdlib cimport abort
from libc.string cimport memcmp, memcpy, memset, strlen
from wstore.engine.abi cimport *
from wstore.engine.keyspace cimport *
from wstore.engine.record cimport *
from wstore.engine.value cimport *

include "kernels.pyx"
include "segment.pyx"
include "keyspace.pyx"
include "blobs.pyx"
include "expire.pyx"
include "databases.pyx"
include "api.pyx"
include "store.pyx"
