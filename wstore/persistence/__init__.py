"""Files of the server, from outside: reading and checking RDB files and logs, recovery of a point in time.

    with wstore.persistence.open_rdb("dump.rdb", slots=range(100)) as file:
        for record in file:
            print(record.key, record.type, record.value)
"""
from wstore.persistence.rdb import RdbFile, Record, open_rdb

__all__ = ["RdbFile", "Record", "open_rdb"]
