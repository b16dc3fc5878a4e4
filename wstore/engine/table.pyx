# The command table: building one from a command module and Python commands, looking names up, counters by name.
#
# A new table is complete before it is swapped in; what a batch has looked up already is looked up again then.  The
# old one is freed at once: whoever runs a command keeps nothing of its spec beyond the handler's call.
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_IsValid
from cpython.ref cimport Py_INCREF, Py_XDECREF, PyObject

cdef extern from "strings.h" nogil:
    int strncasecmp(const char* a, const char* b, size_t n)

cdef extern from *:
    int count_leading_zeros "__builtin_clzll"(unsigned long long n) nogil

cdef enum:
    NAME_MAX = 64               # of a command, "parent|sub" included
    LATENCY_FINE = 16           # counters to a power of two


cdef inline Table* table_of(const Store* store) noexcept nogil:
    return <Table*>store.table


# -- looking up ----------------------------------------------------------------------------------------------------

cdef inline uint32_t name_hash(const char* p, size_t n) noexcept nogil:
    """FNV-1a of the name with letters in lower case."""
    cdef uint32_t h = 2166136261
    cdef size_t i
    for i in range(n):
        h = (h ^ (<uint8_t>p[i] | 0x20)) * 16777619
    return h


cdef const CommandSpec* table_find(const Table* t, const char* p, size_t n) noexcept nogil:
    """The spec of a name, whatever its case; NULL: there is none."""
    cdef uint32_t h = name_hash(p, n)
    cdef uint64_t i = h & t.mask
    cdef const char* name
    while t.slots[i].spec != 0:
        if t.slots[i].hash == h:
            name = t.slots[i].name
            if strncasecmp(name, p, n) == 0 and name[n] == 0:
                return &t.specs[t.slots[i].spec - 1]
        i = (i + 1) & t.mask
    return NULL


cdef const CommandSpec* find_subcommand(const Table* t, const CommandSpec* parent, Str sub) noexcept nogil:
    cdef char name[NAME_MAX]
    cdef size_t n = strlen(parent.name)
    if n + 1 + sub.len > NAME_MAX:
        return NULL
    memcpy(name, parent.name, n)
    name[n] = c"|"
    memcpy(name + n + 1, sub.ptr, sub.len)
    return table_find(t, name, n + 1 + sub.len)


cdef const CommandSpec* find_spec(const Table* t, const Str* argv, int argc) noexcept nogil:
    """The spec of a request, that of the subcommand where it names one; NULL: unknown."""
    cdef const CommandSpec* spec = table_find(t, argv[0].ptr, argv[0].len)
    if spec == NULL or memchr(argv[0].ptr, c"|", argv[0].len) != NULL:
        return NULL
    if spec.flags & CMD_CONTAINER and argc > 1:
        return find_subcommand(t, spec, argv[1])
    return spec


cdef inline const CommandSpec* find_spec_again(Server* s, Client* c, const Str* argv, int argc) noexcept nogil:
    """As find_spec, for input of a client, which mostly sends the same command again."""
    cdef uint64_t word
    cdef const CommandSpec* spec
    cdef size_t n = argv[0].len
    if not 0 < n <= 8:
        return find_spec(table_of(s.store), argv, argc)
    memcpy(&word, argv[0].ptr, 8)       # INPUT_SLACK bytes are readable behind all input
    word <<= 64 - 8 * n
    if word == c.last_word and n == c.last_word_len:
        return c.last_spec
    spec = find_spec(table_of(s.store), argv, argc)
    if spec != NULL and not spec.flags & CMD_CONTAINER and strchr(spec.name, c"|") == NULL:
        c.last_word = word
        c.last_word_len = n
        c.last_spec = spec
    return spec


# -- counters ------------------------------------------------------------------------------------------------------

cdef CommandStats* stats_of_name(Server* s, const char* name) noexcept nogil:
    """The counters kept under a name, made when first asked for."""
    cdef CommandStats* stats
    cdef size_t i
    cdef const CommandSpec* known = NULL
    if s.store.table != NULL:
        known = table_find(table_of(s.store), name, strlen(name))
        if known != NULL and strcmp(known.name, name) == 0:
            return <CommandStats*>known.stats
    for i in range(s.command_stat_count):
        if strcmp(s.command_stats[i].name, name) == 0:
            return s.command_stats[i]
    stats = <CommandStats*>ws_alloc(sizeof(CommandStats))
    memset(stats, 0, sizeof(CommandStats))
    set_text(&stats.name, name, strlen(name))
    s.command_stats = <CommandStats**>ws_realloc(
        s.command_stats, (s.command_stat_count + 1) * sizeof(CommandStats*))
    s.command_stats[s.command_stat_count] = stats
    s.command_stat_count += 1
    return stats


cdef inline int latency_bucket(uint64_t ticks) noexcept nogil:
    """Its first 16 counters take a tick each, every further 16 a power of two."""
    cdef int high
    if ticks < LATENCY_FINE:
        return <int>ticks
    high = 63 - count_leading_zeros(ticks)
    if high > 46:
        return LATENCY_BUCKETS - 1
    return (high - 3) * LATENCY_FINE + <int>((ticks >> (high - 4)) & (LATENCY_FINE - 1))


cdef double latency_of_bucket(int i) noexcept nogil:
    """The most ticks that count there."""
    cdef int high = i // LATENCY_FINE + 3
    if i < LATENCY_FINE:
        return i
    return <double>(((<uint64_t>LATENCY_FINE + i % LATENCY_FINE + 1) << (high - 4)) - 1)


cdef void count_latency(CommandStats* stats, uint64_t ticks) noexcept nogil:
    if WS_UNLIKELY(stats.latency == NULL):
        stats.latency = <uint64_t*>ws_alloc(LATENCY_BUCKETS * sizeof(uint64_t))
        memset(stats.latency, 0, LATENCY_BUCKETS * sizeof(uint64_t))
    stats.latency[latency_bucket(ticks)] += 1


cdef list latency_percentiles(Server* s, CommandStats* stats, percentiles):
    """Microseconds that the given percentages of calls stayed within, or less."""
    cdef uint64_t total = 0, seen = 0
    cdef int i
    cdef list out = []
    for i in range(LATENCY_BUCKETS):
        total += stats.latency[i]
    i = -1
    for percent in sorted(percentiles):
        while i < LATENCY_BUCKETS - 1 and (i < 0 or seen < percent * total / 100.0):
            i += 1
            seen += stats.latency[i]
        out.append(latency_of_bucket(i) / s.ticks_per_us)
    return out


cdef void stats_reset(Server* s) noexcept nogil:
    """CONFIG RESETSTAT: counters of commands and errors."""
    cdef size_t i
    cdef CommandStats* stats
    for i in range(s.command_stat_count):
        stats = s.command_stats[i]
        stats.calls = stats.ticks = stats.rejected = stats.failed = 0
        ws_free(stats.latency)
        stats.latency = NULL
    s.error_count = 0
    s.rates.upkeep_us = 0
    s.repl.sent_bytes = s.repl.follow.received_bytes = 0


# -- building ------------------------------------------------------------------------------------------------------

cdef Table* table_new(size_t limit) noexcept nogil:
    """An empty table for at most `limit` commands."""
    cdef Table* t = <Table*>ws_alloc(sizeof(Table))
    cdef uint64_t slots = 64
    while slots < 2 * limit:
        slots *= 2
    t.module = NULL
    t.count = 0
    t.mask = slots - 1
    t.specs = <CommandSpec*>ws_alloc((limit + 1) * sizeof(CommandSpec))
    t.slots = <TableSlot*>ws_alloc(slots * sizeof(TableSlot))
    memset(t.slots, 0, slots * sizeof(TableSlot))
    return t


cdef void table_free(Table* t):
    cdef size_t i
    for i in range(t.count):
        Py_XDECREF(<PyObject*>t.specs[i].pyfn)
    ws_free(t.specs)
    ws_free(t.slots)
    ws_free(t)


cdef const char* called_name(Server* s, const char* name) except NULL:
    """The name that clients call a command by, in the end; "": none."""
    cdef dict renames = (<Engine>s.store.engine).renames
    cdef bytes new
    if not renames:
        return name
    new = renames.get(name)
    return name if new is None else PyBytes_AS_STRING(new)


cdef int table_add(Server* s, Table* t, const CommandSpec* spec) except -1:
    """Copy a spec into the table, with a reference to its Python handler. ValueError: the name is taken."""
    cdef const char* name = called_name(s, spec.name)
    cdef size_t n = strlen(name)
    cdef uint32_t h = name_hash(name, n)
    cdef uint64_t i = h & t.mask
    if max(n, strlen(spec.name)) >= NAME_MAX:
        raise ValueError(f"command name {spec.name.decode()!r} is too long")
    if table_find(t, name, n) != NULL:
        raise ValueError(f"command {spec.name.decode()!r} is there twice")
    t.specs[t.count] = spec[0]
    t.specs[t.count].stats = stats_of_name(s, spec.name)
    if spec.pyfn != NULL:
        Py_INCREF(<object>spec.pyfn)
    t.count += 1
    if n == 0:
        return 0
    while t.slots[i].spec != 0:
        i = (i + 1) & t.mask
    t.slots[i].hash = h
    t.slots[i].spec = <uint32_t>t.count
    t.slots[i].name = name
    return 0


cdef int add_module(Server* s, Table* t, const Module* module) except -1:
    cdef size_t i
    t.module = module
    for i in range(module.spec_count if module != NULL else 0):
        if module.specs[i].fn == NULL and not module.specs[i].flags & CMD_CONTAINER:
            raise ValueError(f"command {module.specs[i].name.decode()!r} has no handler")
        table_add(s, t, &module.specs[i])
    return 0


cdef int add_python(Server* s, Table* t, commands) except -1:
    """Add PyCommands; a container without a handler gets none."""
    cdef CommandSpec spec
    cdef bytes name
    for command in commands:
        name = command.name.encode()
        memset(&spec, 0, sizeof(spec))
        spec.name = stats_of_name(s, name).name     # which stays
        spec.arity = command.arity
        spec.flags = command.flags
        spec.first_key, spec.last_key, spec.key_step = command.first_key, command.last_key, command.key_step
        spec.pyfn = NULL if command.fn is None else <void*>command.fn
        table_add(s, t, &spec)
    return 0


cdef int add_python_again(Server* s, Table* t) except -1:
    """Add the commands of the table in force that no command module brought."""
    cdef Table* old = table_of(s.store)
    cdef size_t i
    for i in range(old.module.spec_count if old.module != NULL else 0, old.count):
        table_add(s, t, &old.specs[i])
    return 0


cdef void table_install(Server* s, Table* t):
    """Swap: from here on every lookup uses t. With the store locked."""
    cdef Table* old = table_of(s.store)
    cdef Client* c = s.first
    s.store.table = t
    while c != NULL:
        c.last_word_len = 0
        c.last_spec = NULL
        c.head.len = 0
        c = c.next
    if s.repl.follow.client != NULL:
        s.repl.follow.client.last_word_len = 0
    batch_look_up_again(s)
    if old != NULL:
        table_free(old)


cdef const Module* module_of(capsule) except NULL:
    """The module in a capsule, checked. ValueError with the reason if it does not fit."""
    cdef const Module* module
    if not PyCapsule_IsValid(capsule, b"wstore.module"):
        raise ValueError("not a command module")
    module = <const Module*>PyCapsule_GetPointer(capsule, b"wstore.module")
    if module.abi != ABI_VERSION:
        raise ValueError(f"the command module has ABI number {module.abi}, the engine {ABI_VERSION}")
    return module


cdef int table_adopt(Store* store, capsule) except -1:
    """Take over a command module's commands and types. ValueError with the reason: the old ones stay.

    It may be the module in force, or one that was: modules are only read, and a table holds copies of their specs.
    """
    cdef Server* s = server_of(store)
    cdef const Module* module = module_of(capsule)
    cdef Table* old = table_of(store)
    cdef Table* t = table_new(module.spec_count + old.count)
    cdef int i
    try:
        add_module(s, t, module)
        add_python_again(s, t)
    except BaseException:
        table_free(t)
        raise
    for i in range(TYPE_LIMIT):
        store.types[i] = module.types[i]
    table_install(s, t)
    return 0


cdef int table_register(Store* store, commands) except -1:
    """Add commands written in Python. ValueError: a name is taken; then none is added."""
    cdef Server* s = server_of(store)
    cdef Table* old = table_of(store)
    cdef list added = list(commands)
    cdef Table* t = table_new(old.count + len(added))
    try:
        add_module(s, t, old.module)
        add_python_again(s, t)
        add_python(s, t, added)
    except BaseException:
        table_free(t)
        raise
    table_install(s, t)
    return 0


cdef int table_copy(Server* s, const Table* table) except -1:
    """Have the commands of another server's table, which were renamed alike."""
    cdef Table* t = table_new(table.count)
    cdef CommandSpec spec
    cdef size_t i
    try:
        t.module = table.module
        for i in range(table.count):
            spec = table.specs[i]
            spec.name = stats_of_name(s, spec.name).name    # one that lives as long as this server
            table_add(s, t, &spec)
    except BaseException:
        table_free(t)
        raise
    table_install(s, t)
    return 0


cdef int table_rename(Store* store, bytes name, bytes new_name) except -1:
    """Let the command called `name` be called `new_name`, or not at all (b""). ValueError with the reason."""
    cdef Server* s = server_of(store)
    cdef Table* old = table_of(store)
    cdef Table* t
    cdef Str called
    cdef dict renames = (<Engine>store.engine).renames
    cdef const CommandSpec* spec
    called.ptr, called.len = PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name)
    spec = find_spec(old, &called, 1)
    if spec == NULL:
        raise ValueError("No such command in rename-command")
    if table_find(old, PyBytes_AS_STRING(new_name), PyBytes_GET_SIZE(new_name)) != NULL:
        raise ValueError("Target command name already exists")
    t = table_new(old.count)
    before = renames.copy()
    renames[spec.name] = new_name
    try:
        add_module(s, t, old.module)
        add_python_again(s, t)
    except BaseException:
        renames.clear()
        renames.update(before)
        table_free(t)
        raise
    table_install(s, t)
    return 0


cdef void table_destroy(Server* s):
    """At the end of the server: the table and all counters."""
    cdef size_t i
    table_free(table_of(s.store))
    s.store.table = NULL
    for i in range(s.command_stat_count):
        ws_free(s.command_stats[i].name)
        ws_free(s.command_stats[i].latency)
        ws_free(s.command_stats[i])
    ws_free(s.command_stats)


# -- for Python ----------------------------------------------------------------------------------------------------

cdef list table_specs(Store* store):
    """The commands in force, a dict each, as Engine.command_specs() gives them."""
    cdef const Table* t = table_of(store)
    cdef const CommandSpec* spec
    cdef size_t i
    cdef list out = []
    for i in range(t.count):
        spec = &t.specs[i]
        out.append({"name": spec.name.decode(), "arity": spec.arity, "flags": spec.flags,
                    "first_key": spec.first_key, "last_key": spec.last_key, "key_step": spec.key_step})
    return out


cdef dict table_stats(Store* store):
    """name -> (calls, microseconds, rejected, failed) of all commands that were called or refused."""
    cdef Server* s = server_of(store)
    cdef CommandStats* stats
    cdef size_t i
    cdef dict out = {}
    for i in range(s.command_stat_count):
        stats = s.command_stats[i]
        if stats.calls or stats.rejected:
            out[stats.name.decode()] = (stats.calls, int(stats.ticks / s.ticks_per_us), stats.rejected, stats.failed)
    return out


cdef dict table_latencies(Store* store, percentiles):
    """name -> list of microseconds, for the percentages given in rising order, of all commands with calls."""
    cdef Server* s = server_of(store)
    cdef size_t i
    cdef dict out = {}
    for i in range(s.command_stat_count):
        if s.command_stats[i].latency != NULL:
            out[s.command_stats[i].name.decode()] = latency_percentiles(s, s.command_stats[i], percentiles)
    return out
