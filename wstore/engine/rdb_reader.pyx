# RDB files for tools: items one by one, values untouched until their payload is asked for.

cdef extern from "map.h" nogil:
    ctypedef struct ws_map:
        const uint8_t* data
        size_t size
        size_t dropped
    int ws_map_open(ws_map* m, const char* path)
    void ws_map_drop(ws_map* m, size_t upto)
    void ws_map_close(ws_map* m)

cdef enum:
    RDB_PAYLOAD_VERSION = 10        # in the footer that RESTORE checks


cdef inline bytes rdb_text_bytes(const RdbText* s):
    return s.text.ptr[:s.text.len]


cdef str rdb_module_name(uint64_t number):
    """The nine letters of six bits and, behind them, the version of its encoding that a module's number is made of."""
    cdef str letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    cdef int i
    return "".join([letters[<Py_ssize_t>(number >> (10 + 6 * (8 - i)) & 63)] for i in range(9)])


cdef class RdbReader:
    """The items of an RDB file, from front to back, as tuples:

    ("aux", name, value)  ("db", index)  ("resize", keys, expires)  ("slot", slot, keys, expires)
    ("function", source)  ("module_aux", name of the module)
    ("record", key, rdb_type, expire_ms or -1, db, offset, payload_offset, payload_length)
    ("end", offset behind the checksum)

    OSError: the file cannot be opened. RdbError, here and from the iteration: what is wrong with it, and where. The
    checksum is compared at the end, unless `check_sum` is False or `seek` was called.
    """
    cdef ws_map map
    cdef RdbRead read
    cdef RdbItem item
    cdef readonly object path
    cdef bint summing
    cdef bint ended
    cdef uint64_t crc
    cdef size_t summed              # bytes that `crc` is of

    def __init__(self, path, check_sum=True):
        import os
        cdef bytes name = os.fsencode(path)
        if self.map.data != NULL:
            raise RuntimeError("a reader reads one file")
        self.path = os.fsdecode(path)
        self.summing = check_sum
        if ws_map_open(&self.map, name) != 0:
            raise OSError(errno, os.strerror(errno), self.path)
        if rdb_begin(&self.read, self.map.data, self.map.data + self.map.size):
            raise self.error()

    def __dealloc__(self):
        ws_map_close(&self.map)

    cdef object error(self):
        self.ended = True
        return RdbError(self.path, self.read.where - self.read.start, self.read.why.decode())

    @property
    def version(self):
        """Of the format, 1 to 12."""
        return self.read.version

    @property
    def size(self):
        """Of the file, in bytes."""
        return self.map.size

    @property
    def offset(self):
        """Where the next item begins."""
        return self.read.at - self.read.start

    def seek(self, size_t offset, int db=0):
        """Go on with the item that begins there, in that database. ValueError: outside of the file."""
        if not RDB_HEADER_SIZE <= offset <= self.map.size:
            raise ValueError(f"byte {offset} is not in the file")
        self.read.at = self.read.start + offset
        self.read.db = db
        self.read.why = NULL
        self.summing = self.ended = False

    def __iter__(self):
        return self

    cdef void sum_up(self) noexcept nogil:
        """Take what was read into the checksum; its pages are needed no more."""
        cdef size_t upto = <size_t>(self.read.at - self.read.start)
        if self.summing:
            self.crc = ws_crc64(self.crc, self.read.start + self.summed, upto - self.summed)
            self.summed = upto
        ws_map_drop(&self.map, upto)

    cdef tuple record(self):
        """The key at hand, whose object is passed over."""
        cdef const uint8_t* begins = self.item.object
        if rdb_skip_object(&self.read, self.item.rdb_type):
            raise self.error()
        return ("record", rdb_text_bytes(&self.item.key), self.item.rdb_type, self.item.expire_ms, self.item.db,
                self.item.begins - self.read.start, begins - self.read.start, self.read.at - begins)

    cdef tuple end(self):
        self.ended = True
        if self.summing and rdb_check_sum(&self.read, self.crc):
            raise self.error()
        if not self.summing and self.read.version >= RDB_VERSION_SUMMED:
            self.read.at += min(rdb_left(&self.read), <size_t>RDB_SUM_SIZE)
        return ("end", self.offset)

    cdef tuple item_tuple(self, int kind):
        cdef RdbItem* item = &self.item
        if kind == RDB_ITEM_KEY:
            return self.record()
        if kind == RDB_ITEM_AUX:
            return ("aux", rdb_text_bytes(&item.key), rdb_text_bytes(&item.value))
        if kind == RDB_ITEM_DB:
            return ("db", self.read.db)
        if kind == RDB_ITEM_RESIZE:
            return ("resize", item.numbers[0], item.numbers[1])
        if kind == RDB_ITEM_SLOT:
            return ("slot", item.numbers[0], item.numbers[1], item.numbers[2])
        if kind == RDB_ITEM_FUNCTION:
            return ("function", rdb_text_bytes(&item.value))
        return ("module_aux", rdb_module_name(item.numbers[0]))

    def __next__(self):
        cdef int kind
        if self.ended:
            raise StopIteration
        kind = rdb_next(&self.read, &self.item)
        if kind == RDB_ITEM_BAD:
            raise self.error()
        if kind == RDB_ITEM_END:
            self.sum_up()
            return self.end()
        try:
            return self.item_tuple(kind)
        finally:
            rdb_item_free(&self.item)
            self.sum_up()

    def payload(self, int rdb_type, size_t offset, size_t length):
        """The object of a record as RESTORE takes it (bytes). ValueError: outside of the file."""
        cdef bytes body
        cdef uint64_t crc
        if offset > self.map.size or length > self.map.size - offset:
            raise ValueError("the payload is not in the file")
        body = (bytes([rdb_type]) + (<const char*>self.map.data + offset)[:length]
                + RDB_PAYLOAD_VERSION.to_bytes(2, "little"))
        crc = ws_crc64(0, <const char*>body, len(body))
        return body + crc.to_bytes(8, "little")
