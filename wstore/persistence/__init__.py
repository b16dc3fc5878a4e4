"""What lies in a data directory, RDB files and logs: read and checked from outside, recovered, saved.

    with wstore.persistence.open_rdb("dump.rdb", slots=range(100)) as file:
        for record in file:
            print(record.key, record.type, record.value)

`open_rdb`, `RdbFile` and `Record` are imported when they are first used: a server needs neither them nor numpy.
Of a running engine: service (all of it), saving (RDB), append_log (AOF), manifest, recovery, backup.
"""


def __getattr__(name):
    if name in ("RdbFile", "Record", "open_rdb"):
        from wstore.persistence import rdb
        return getattr(rdb, name)
    raise AttributeError(f"module 'wstore.persistence' has no attribute {name!r}")
