"""The numbers of the RDB file format that readers and writers on both sides of the ABI share.

    | REDIS | version, 4 digits | opcodes and keys ... | FF | CRC64, 8 B, from version 5 on |

A byte of RdbOpcode says what follows; any other byte is an RdbType, behind which come the key and the object.
Source: the format as Redis 2.4 to 7.4 write it.
"""

from wstore.engine.abi cimport TYPE_HASH, TYPE_LIMIT, TYPE_LIST, TYPE_SET, TYPE_STRING, TYPE_ZSET

cdef enum:
    RDB_HEADER_SIZE = 9
    RDB_VERSION_MAX = 12            # that is read: Redis 7.4
    RDB_VERSION_SUMMED = 5          # first one with a checksum at the end
    RDB_SUM_SIZE = 8

cdef enum RdbType:                  # the byte in front of an object
    RDB_TYPE_STRING = 0
    RDB_TYPE_LIST = 1
    RDB_TYPE_SET = 2
    RDB_TYPE_ZSET = 3               # scores as text
    RDB_TYPE_HASH = 4
    RDB_TYPE_ZSET_2 = 5             # scores as doubles
    RDB_TYPE_MODULE = 6             # what modules wrote before 4.0 was out: says nothing of its own structure
    RDB_TYPE_MODULE_2 = 7
    RDB_TYPE_HASH_ZIPMAP = 9        # from here on one string holds the elements, in the encoding named
    RDB_TYPE_LIST_ZIPLIST = 10
    RDB_TYPE_SET_INTSET = 11
    RDB_TYPE_ZSET_ZIPLIST = 12
    RDB_TYPE_HASH_ZIPLIST = 13
    RDB_TYPE_LIST_QUICKLIST = 14    # several ziplists
    RDB_TYPE_STREAM = 15
    RDB_TYPE_HASH_LISTPACK = 16
    RDB_TYPE_ZSET_LISTPACK = 17
    RDB_TYPE_LIST_QUICKLIST_2 = 18  # several listpacks or single long elements
    RDB_TYPE_STREAM_2 = 19
    RDB_TYPE_SET_LISTPACK = 20
    RDB_TYPE_STREAM_3 = 21
    RDB_TYPE_HASH_TTLS_EARLY = 22   # fields with TTLs; candidates of 7.4 wrote the early forms
    RDB_TYPE_HASH_LISTPACK_TTLS_EARLY = 23
    RDB_TYPE_HASH_TTLS = 24
    RDB_TYPE_HASH_LISTPACK_TTLS = 25

cdef enum RdbOpcode:
    RDB_OP_SLOT_INFO = 244          # three lengths: slot, keys, keys with a TTL
    RDB_OP_FUNCTION = 245           # a library's source
    RDB_OP_FUNCTION_EARLY = 246     # as candidates of 7.0 wrote it
    RDB_OP_MODULE_AUX = 247
    RDB_OP_IDLE = 248               # seconds, a length; these four are about the next key
    RDB_OP_FREQ = 249               # one byte
    RDB_OP_AUX = 250                # name and value, two strings
    RDB_OP_RESIZE = 251             # two lengths: keys, keys with a TTL
    RDB_OP_EXPIRE_MS = 252          # Unix time, 8 bytes, little-endian
    RDB_OP_EXPIRE_S = 253           # Unix time, 4 bytes, little-endian
    RDB_OP_SELECT = 254             # index of a database, a length
    RDB_OP_END = 255

cdef enum RdbModuleOpcode:          # in what modules wrote
    RDB_MODULE_END = 0
    RDB_MODULE_SIGNED = 1           # a length
    RDB_MODULE_UNSIGNED = 2         # a length
    RDB_MODULE_FLOAT = 3            # 4 bytes
    RDB_MODULE_DOUBLE = 4           # 8 bytes
    RDB_MODULE_STRING = 5


cdef inline int rdb_value_type(int rdb_type) noexcept nogil:
    """The ValueType of an RDB object type; TYPE_LIMIT: one that has none here."""
    if rdb_type == RDB_TYPE_STRING:
        return TYPE_STRING
    if rdb_type in (RDB_TYPE_LIST, RDB_TYPE_LIST_ZIPLIST, RDB_TYPE_LIST_QUICKLIST, RDB_TYPE_LIST_QUICKLIST_2):
        return TYPE_LIST
    if rdb_type in (RDB_TYPE_SET, RDB_TYPE_SET_INTSET, RDB_TYPE_SET_LISTPACK):
        return TYPE_SET
    if rdb_type in (RDB_TYPE_ZSET, RDB_TYPE_ZSET_2, RDB_TYPE_ZSET_ZIPLIST, RDB_TYPE_ZSET_LISTPACK):
        return TYPE_ZSET
    if rdb_type in (RDB_TYPE_HASH, RDB_TYPE_HASH_ZIPMAP, RDB_TYPE_HASH_ZIPLIST, RDB_TYPE_HASH_LISTPACK,
                    RDB_TYPE_HASH_TTLS_EARLY, RDB_TYPE_HASH_LISTPACK_TTLS_EARLY, RDB_TYPE_HASH_TTLS,
                    RDB_TYPE_HASH_LISTPACK_TTLS):
        return TYPE_HASH
    return TYPE_LIMIT
