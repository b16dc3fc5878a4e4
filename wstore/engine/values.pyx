# Python values and RESP: what a Python handler returns becomes a reply, what execute() is answered becomes a value.
from wstore.engine.replies import Encoded, NoReply, NullArray, OrderedSet, Verbatim
from wstore.errors import ReplyError


cdef int reply_value(Call* call, value) except -1:
    """Reply with a Python value (see replies.py). TypeError for a type that no reply stands for."""
    cdef bytes data
    if value is None:
        reply_null(call)
    elif isinstance(value, bytes):
        reply_bulk(call, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
    elif isinstance(value, str):
        data = value.encode("utf-8", "surrogateescape")
        reply_line(call, c"+", data)
    elif isinstance(value, bool):
        reply_bool(call, value)
    elif isinstance(value, int):
        reply_int(call, value)
    elif isinstance(value, float):
        reply_double(call, value)
    elif isinstance(value, dict):
        reply_map(call, len(value))
        for key, item in value.items():
            reply_value(call, key)
            reply_value(call, item)
    else:
        reply_aggregate(call, value)
    return 0


cdef int reply_aggregate(Call* call, value) except -1:
    if isinstance(value, (OrderedSet, set, frozenset)):
        reply_set(call, len(value))
        reply_items(call, value)
    elif isinstance(value, (list, tuple)):
        reply_array(call, len(value))
        reply_items(call, value)
    elif isinstance(value, Verbatim):
        data = value.data.encode() if isinstance(value.data, str) else value.data
        reply_verbatim(call, value.kind.encode(), PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
    elif isinstance(value, Encoded):
        data = value.data
        reply_raw(call, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
    elif value is NullArray:
        reply_null_array(call)
    elif isinstance(value, ReplyError):
        reply_error_text(call, value)
    elif value is not NoReply:
        raise TypeError(f"a handler returned {type(value).__name__}")
    return 0


cdef int reply_items(Call* call, items) except -1:
    for item in items:
        reply_value(call, item)
    return 0


def encode_reply(value, int resp):
    """The bytes of the reply that a handler's value stands for, in RESP2 or RESP3."""
    cdef EngineApi api
    cdef Reply out
    cdef Call call
    memset(&api, 0, sizeof(api))
    memset(&out, 0, sizeof(out))
    memset(&call, 0, sizeof(call))
    api.reply_grow = reply_grow
    call.api = &api
    call.out = &out
    call.resp = resp
    try:
        reply_value(&call, value)
        return out.data[:out.len]
    finally:
        ws_free(out.data)


cdef void reply_line(Call* call, char mark, bytes text) noexcept:
    """A simple string or an error: line breaks in it become blanks."""
    reply_raw(call, &mark, 1)
    reply_text(call, PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))
    reply_raw(call, b"\r\n", 2)


cdef int reply_error_text(Call* call, error) except -1:
    reply_line(call, c"-", str(error).encode("utf-8", "surrogateescape"))
    return 0


# -- reading replies -----------------------------------------------------------------------------------------------

cdef struct Reading:
    const char* p
    const char* end


cdef bytes read_line(Reading* r):
    cdef const char* start = r.p
    cdef const char* cr = <const char*>memchr(r.p, c"\r", <size_t>(r.end - r.p))
    r.p = cr + 2
    return start[:cr - start]


cdef bytes read_bulk(Reading* r, Py_ssize_t n):
    cdef const char* start = r.p
    r.p += n + 2
    return start[:n]


cdef list read_items(Reading* r, Py_ssize_t n):
    cdef Py_ssize_t _i
    return [read_value(r) for _i in range(n)]


cdef object hashable(value):
    return tuple(value) if isinstance(value, list) else value


cdef object set_of(list items):
    """A set; or the items as they are if some are maps, which no set can hold."""
    try:
        return {hashable(item) for item in items}
    except TypeError:
        return items


cdef object read_value(Reading* r):
    """One RESP3 reply as a Python value: see Engine.execute. An error is a ReplyError, not raised."""
    cdef char mark = r.p[0]
    cdef bytes line
    r.p += 1
    line = read_line(r)
    if mark == c"$":
        return read_bulk(r, int(line)) if line != b"-1" else None
    if mark == c"+":
        return line.decode("utf-8", "surrogateescape")
    if mark == c":":
        return int(line)
    if mark == c"-":
        return ReplyError(line.decode("utf-8", "surrogateescape"))
    if mark == c"_":
        return None
    if mark == c"*" or mark == c">":
        return read_items(r, int(line)) if line != b"-1" else None
    if mark == c"%":
        items = read_items(r, 2 * int(line))
        return {hashable(items[i]): items[i + 1] for i in range(0, len(items), 2)}
    if mark == c"~":
        return set_of(read_items(r, int(line)))
    if mark == c",":
        return float(line)
    if mark == c"#":
        return line == b"t"
    if mark == c"=":
        return read_bulk(r, int(line))[4:]
    return int(line)        # "(": a big number
