"""The engine, one extension: keyspace, RESP, clients and the loop.  This file only brings its parts together.

Reading order: abi.pxd (what the engine and command modules share), record.pxd and keyspace.pxd (layouts),
segment.pyx, keyspace.pyx, scan.pyx, expire.pyx, background.pyx, databases.pyx; then client.pxd, table.pxd and
server.pxd, buffers.pyx, resp.pyx (requests), table.pyx, links.pxd, links.pyx, observers.pyx, pubsub.pyx,
dispatch.pyx (commands in batches), transactions.pyx, blocking.pyx, client.pyx, server.pyx, pyhandler.pyx, accept.pyx,
loop.pyx; api.pyx (the function table), store.pyx, typed.pyx and frozen.pyx (the Python face); log_scan.pyx (for tools);
rdb_read.pyx, rdb_skip.pyx, rdb_reader.pyx, aof_read.pyx, load_rdb.pyx, load_aof.pyx, loader.pyx (files into a store);
soon.pyx, replication.pxd, tail.pyx, replicas.pyx, role.pyx, twin.pyx,
follow_split.pyx, follow_run.pyx, follow.pyx, stream_words.pyx (replication).
"""
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdio cimport fprintf, snprintf, stderr
from libc.stdlib cimport abort
from libc.string cimport memchr, memcmp, memcpy, memmove, memset, strchr, strcmp, strlen
from cpython.ref cimport PyObject, Py_INCREF, Py_XDECREF
from posix.unistd cimport close, getpid, usleep
from wstore.engine.abi cimport *
from wstore.engine.client cimport *
from wstore.engine.keyspace cimport *
from wstore.engine.links cimport *
from wstore.engine.loader cimport *
from wstore.engine.log cimport *
from wstore.engine.rdb_format cimport *
from wstore.engine.record cimport *
from wstore.engine.replication cimport *
from wstore.engine.reply cimport *
from wstore.engine.server cimport *
from wstore.engine.snapshot cimport *
from wstore.engine.stream cimport *
from wstore.engine.table cimport *
from wstore.engine.value cimport *
from wstore.engine.client_info import ClientInfo
from wstore.errors import RdbError

include "kernels.pyx"
include "snapshot_file.pyx"
include "snapshot.pyx"
include "snapshot_life.pyx"
include "segment.pyx"
include "keyspace.pyx"
include "scan.pyx"
include "blobs.pyx"
include "expire.pyx"
include "background.pyx"
include "databases.pyx"
include "buffers.pyx"
include "resp.pyx"
include "table.pyx"
include "observe.pyx"
include "links.pyx"
include "observers.pyx"
include "pubsub.pyx"
include "prefetch.pyx"
include "effects.pyx"
include "tail.pyx"
include "log.pyx"
include "dispatch.pyx"
include "transactions.pyx"
include "blocking.pyx"
include "client.pyx"
include "options.pyx"
include "server.pyx"
include "values.pyx"
include "pyhandler.pyx"
include "api.pyx"
include "store.pyx"
include "recent.pyx"
include "typed.pyx"
include "frozen.pyx"
include "accept.pyx"
include "loop.pyx"
include "facts.pyx"
include "rdb_read.pyx"
include "rdb_skip.pyx"
include "rdb_reader.pyx"
include "log_scan.pyx"
include "aof_read.pyx"
include "stream_words.pyx"
include "load_rdb.pyx"
include "load_aof.pyx"
include "loader.pyx"
include "upkeep_hook.pyx"
include "soon.pyx"
include "role.pyx"
include "twin.pyx"
include "receive.pyx"
include "outputs.pyx"
include "replicas.pyx"
include "replicas_api.pyx"
include "waits.pyx"
include "follow_split.pyx"
include "follow_run.pyx"
include "follow.pyx"
