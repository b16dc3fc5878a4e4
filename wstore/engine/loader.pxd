"""A load: files whose keys and commands go into the store, in slices of some ms so that the loop goes on answering.

Invariants
* Server.loader is the Loading, or NULL; Store.loading is set as long as it is.
* `item_count` records wait in `items` between two steps of a slice only: behind a slice there are none.
"""
from libc.stdint cimport int64_t, uint64_t
from wstore.engine.abi cimport Store

cdef enum:
    LOAD_SLICE_US = 8000        # between two looks at connections
    LOAD_BATCH = 32             # records that are placed together
    LOAD_BATCH_BYTES = 1 << 16  # ... unless they are large
    LOAD_RECORD_SIZE_MIN = 4    # type, and key and value of a byte or two
    LOAD_TEXT_MAX = 256
    LOAD_NOTE_US = 5000000      # between two lines about it in the log

cdef enum LoadSaid:
    LOAD_MORE                   # time is up
    LOAD_FILE_DONE
    LOAD_FAILED

cdef struct LoadCounts:
    uint64_t keys               # stored from RDB records
    uint64_t expired            # left out: their time had passed
    uint64_t skipped            # left out: streams, modules, unknown commands, as rdb-skip-unsupported allows
    uint64_t empty              # left out: values without elements, which a bug of Redis has written
    uint64_t commands           # run
    uint64_t errors             # ... that replied with an error
    uint64_t field_ttls         # hashes whose fields had TTLs
    uint64_t functions
    uint64_t module_aux
    int end_db                  # in which the last command of a file was run

cdef struct LoadProgress:
    int64_t started_ms
    int64_t noted_us            # when the log was told last
    uint64_t total_bytes        # of all files
    uint64_t done_bytes         # of those that are done
    uint64_t used_memory        # as the file tells of the server that wrote it
