"""The C kernels of csrc/ as Python functions on bytes: for the tests, and for tools that work on files.

Each takes and returns plain bytes and integers, keeps no state and says with None or an exception what its kernel
says with 0.
"""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint64_t

cdef extern from "alloc.h" nogil:
    size_t kernel_alloc_used "ws_alloc_used"()

cdef extern from "crc16.h" nogil:
    uint16_t kernel_crc16 "ws_crc16"(const char* p, size_t n)
    int kernel_key_slot "ws_key_slot"(const char* p, size_t n)

cdef extern from "crc64.h" nogil:
    uint64_t kernel_crc64 "ws_crc64"(uint64_t crc, const void* data, size_t n)
    uint64_t kernel_crc64_by_tables "ws_crc64_by_tables"(uint64_t crc, const void* data, size_t n)

cdef extern from "faults.h" nogil:
    enum:
        WS_FAULT_ALLOC
    const char* ws_fault_names[]
    int ws_fault_kind(const char* name, size_t n)
    void ws_fault_arm(int kind, int64_t after, int64_t times, int error)
    int64_t ws_fault_calls(int kind)

cdef extern from "files.h" nogil:
    int ws_file_open(const char* path, int flags, int mode)
    int ws_file_write(int fd, const void* data, size_t n, size_t* written)
    int ws_file_sync(int fd)
    int ws_file_rename(const char* source, const char* to)
    int ws_file_truncate(int fd, int64_t size_bytes)
    int ws_file_link(const char* source, const char* to)
    int ws_file_unlink(const char* path)
    int ws_dir_sync(const char* path)

cdef extern from "glob.h" nogil:
    int kernel_glob_match "ws_glob_match"(const char* pat, size_t patlen, const char* s, size_t n, int nocase)

cdef extern from "lzf.h" nogil:
    size_t kernel_lzf_compress "ws_lzf_compress"(const void* data, size_t n, void* out, size_t cap)
    size_t kernel_lzf_decompress "ws_lzf_decompress"(const void* data, size_t n, void* out, size_t cap)

cdef extern from "numbers.h" nogil:
    enum:
        WS_DOUBLE_TEXT_MAX
        WS_LONG_DOUBLE_TEXT_MAX
    size_t kernel_u64_to_str "ws_u64_to_str"(char* out, uint64_t n)
    size_t kernel_i64_to_str "ws_i64_to_str"(char* out, int64_t n)
    size_t kernel_double_to_str "ws_double_to_str"(char* out, double d)
    size_t kernel_long_double_to_str "ws_long_double_to_str"(char* out, long double d)
    int kernel_str_to_i64 "ws_str_to_i64"(const char* p, size_t n, int64_t* out)
    int kernel_str_to_double "ws_str_to_double"(const char* p, size_t n, double* out)
    int kernel_str_to_long_double "ws_str_to_long_double"(const char* p, size_t n, long double* out)

cdef extern from "sha1.h" nogil:
    void kernel_sha1 "ws_sha1"(const void* data, size_t n, uint8_t* out)

cdef extern from "siphash.h" nogil:
    uint64_t kernel_siphash13 "ws_siphash13"(const void* data, size_t n, const uint64_t* key)

cdef extern from "ticks.h" nogil:
    uint64_t kernel_ticks "ws_ticks"()
    double kernel_ticks_per_us "ws_ticks_per_us"()
    int64_t kernel_unix_ms "ws_unix_ms"()
    int64_t kernel_mono_us "ws_mono_us"()


def crc16(const uint8_t[::1] data not None) -> int:
    """CRC16/XMODEM of the bytes."""
    return kernel_crc16(<const char*>(&data[0] if data.shape[0] else NULL), data.shape[0])


def key_slot(bytes key not None) -> int:
    """The hash slot of a key, 0 to 16383, by its {tag} if it has one."""
    return kernel_key_slot(key, len(key))


def crc64(const uint8_t[::1] data not None, uint64_t crc=0) -> int:
    """CRC64/Jones of the bytes, continuing `crc`."""
    return kernel_crc64(crc, &data[0] if data.shape[0] else NULL, data.shape[0])


def crc64_by_tables(const uint8_t[::1] data not None, uint64_t crc=0) -> int:
    """The same without special instructions of the processor."""
    return kernel_crc64_by_tables(crc, &data[0] if data.shape[0] else NULL, data.shape[0])


def siphash13(bytes data not None, uint64_t key0, uint64_t key1) -> int:
    cdef uint64_t[2] key = [key0, key1]
    return kernel_siphash13(<const char*>data, len(data), key)


def lzf_compress(bytes data not None, cap=None):
    """The bytes compressed, or None if that takes more than `cap` bytes (default: one less than they are)."""
    cdef size_t room = max(0, len(data) - 1) if cap is None else cap
    cdef bytearray out = bytearray(room)
    cdef size_t size = kernel_lzf_compress(<const char*>data, len(data), <char*>out, room)
    return bytes(out[:size]) if size else None


def lzf_decompress(bytes data not None, size_t size) -> bytes:
    """The `size` bytes that were compressed; ValueError: corrupt, or of another size."""
    cdef bytearray out = bytearray(size)
    if kernel_lzf_decompress(<const char*>data, len(data), <char*>out, size) != size:
        raise ValueError("corrupt LZF data")
    return bytes(out)


def glob_match(bytes pattern not None, bytes text not None, bint nocase=False) -> bool:
    """Whether the glob-style pattern matches the whole text."""
    return bool(kernel_glob_match(pattern, len(pattern), text, len(text), nocase))


def sha1(bytes data not None) -> bytes:
    cdef uint8_t[20] digest
    kernel_sha1(<const char*>data, len(data), digest)
    return (<char*>digest)[:20]


def u64_to_str(uint64_t n) -> bytes:
    cdef char[24] text
    return text[:kernel_u64_to_str(text, n)]


def i64_to_str(int64_t n) -> bytes:
    cdef char[24] text
    return text[:kernel_i64_to_str(text, n)]


def double_to_str(double d) -> bytes:
    cdef char[WS_DOUBLE_TEXT_MAX] text
    return text[:kernel_double_to_str(text, d)]


def long_double_sum(bytes a not None, bytes b not None):
    """The text of a + b in long double, as INCRBYFLOAT answers; None: one is not a number."""
    cdef char[WS_LONG_DOUBLE_TEXT_MAX] text
    cdef long double x, y
    if not kernel_str_to_long_double(a, len(a), &x) or not kernel_str_to_long_double(b, len(b), &y):
        return None
    return text[:kernel_long_double_to_str(text, x + y)]


def str_to_i64(bytes text not None):
    """The integer that the text is in canonical form; None: it is not."""
    cdef int64_t n
    return n if kernel_str_to_i64(text, len(text), &n) else None


def str_to_double(bytes text not None):
    """The finite or infinite number that the text is; None: it is not."""
    cdef double d
    return d if kernel_str_to_double(text, len(text), &d) else None


def clock_readings() -> tuple:
    """(ticks, ticks a microsecond, monotonic clock in us, Unix time in ms), read one after the other."""
    return kernel_ticks(), kernel_ticks_per_us(), kernel_mono_us(), kernel_unix_ms()


def alloc_used_bytes() -> int:
    """Bytes in use outside the arena, of the whole process."""
    return kernel_alloc_used()


# -- files -------------------------------------------------------------------------------------------------------------

FAULTS = tuple(ws_fault_names[i].decode() for i in range(WS_FAULT_ALLOC))        # of disk work


def arm_fault(str kind, int64_t after=0, int64_t times=1, int error=28):
    """Let calls of one kind of FAULTS fail with errno `error`: `times` of them (0: none) after `after` more."""
    ws_fault_arm(FAULTS.index(kind), after, times, error)


def fault_calls(str kind):
    """How many calls of one kind of FAULTS there were (int)."""
    return ws_fault_calls(FAULTS.index(kind))
