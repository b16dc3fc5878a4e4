"""How commands stand in the log that are not to stand there as they came: without what time, chance or waiting decide.

Each function has one effect put down (changes.pxd) in place of the command's own words, if effects are wanted at all.
"""

cdef inline Str str_of_z(const char* z) noexcept nogil:
    cdef Str s
    s.ptr = z
    s.len = strlen(z)
    return s


cdef inline Str str_of_number(int64_t n, char* digits) noexcept nogil:
    """n as text, in digits[24]."""
    cdef Str s
    s.ptr = digits
    s.len = ws_i64_to_str(digits, n)
    return s


cdef inline Str str_of_key(const Key* key) noexcept nogil:
    cdef Str s
    s.ptr = key.ptr
    s.len = key.len
    return s


cdef void effect_key(Call* c, const char* name, const Key* key) noexcept nogil:
    """NAME key"""
    cdef Str argv[2]
    if is_logged(c):
        argv[0] = str_of_z(name)
        argv[1] = str_of_key(key)
        effect(c, 2, argv)


cdef void effect_key_number(Call* c, const char* name, const Key* key, int64_t n) noexcept nogil:
    """NAME key n"""
    cdef char digits[24]
    cdef Str argv[3]
    if is_logged(c):
        argv[0] = str_of_z(name)
        argv[1] = str_of_key(key)
        argv[2] = str_of_number(n, digits)
        effect(c, 3, argv)


cdef void effect_member(Call* c, const char* name, const Key* key, const Element* member) noexcept nogil:
    """NAME key member"""
    cdef char scratch[ELEMENT_TEXT_ROOM]
    cdef Str argv[3]
    if is_logged(c):
        argv[0] = str_of_z(name)
        argv[1] = str_of_key(key)
        argv[2] = element_text(member, scratch)
        effect(c, 3, argv)


cdef void effect_gone(Call* c, const Key* key) noexcept nogil:
    """The key was removed because its time was over when it was set."""
    effect_key(c, b"UNLINK" if c.store.config.lazyfree_lazy_expire else b"DEL", key)


cdef void effect_set(Call* c, Str value, int64_t expire_ms) noexcept nogil:
    """SET key value, with PXAT expire_ms or with KEEPTTL, or without a TTL (NO_EXPIRE)."""
    cdef char digits[24]
    cdef Str argv[5]
    cdef int argc = 3
    if not is_logged(c):
        return
    argv[0] = str_of_z(b"SET")
    argv[1] = c.argv[1]
    argv[2] = value
    if expire_ms == KEEP_TTL:
        argv[3] = str_of_z(b"KEEPTTL")
        argc = 4
    elif expire_ms != NO_EXPIRE:
        argv[3] = str_of_z(b"PXAT")
        argv[4] = str_of_number(expire_ms, digits)
        argc = 5
    effect(c, argc, argv)


cdef void effect_without(Call* c, int first, const char* word) noexcept nogil:
    """The command as it came, but for each `word` from argv[first] on."""
    cdef Str* argv
    cdef int n = 0
    cdef int i
    if not is_logged(c):
        return
    argv = <Str*>c.api.alloc(c.argc * sizeof(Str))
    for i in range(c.argc):
        if i < first or not arg_is(c, i, word):
            argv[n] = c.argv[i]
            n += 1
    effect(c, n, argv)
    c.api.free(argv)


cdef void effect_timed(Call* c, const char* name, int64_t when_ms, const char* more) noexcept nogil:
    """The command as it came but for the time in argv[2], and, unless they are NULL, its name and one more word."""
    cdef char digits[24]
    cdef Str* argv
    if not is_logged(c):
        return
    argv = <Str*>c.api.alloc((c.argc + 1) * sizeof(Str))
    memcpy(argv, c.argv, c.argc * sizeof(Str))
    if name is not NULL:
        argv[0] = str_of_z(name)
    argv[2] = str_of_number(when_ms, digits)
    if more is not NULL:
        argv[c.argc] = str_of_z(more)
    effect(c, c.argc + (more is not NULL), argv)
    c.api.free(argv)
