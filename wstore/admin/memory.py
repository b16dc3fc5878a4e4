"""MEMORY STATS, DOCTOR and MALLOC-STATS (what concerns one key, and PURGE, are in commands/object.pyx)."""
from wstore.admin import process
from wstore.admin.registry import command
from wstore.engine import _engine
from wstore.engine.replies import Verbatim

MEGABYTE = 1 << 20
ENOUGH_TO_JUDGE = 5 * MEGABYTE      # bytes in use below which ratios say nothing


@command("memory|stats", arity=2)
def memory_stats(session, args):
    """MEMORY STATS: the fields of Redis 7.0.15, in its order"""
    engine = session.engine
    usage = process.Memory(engine)
    keyspaces = _engine.keyspaces(engine)
    keys = sum(keyspace[1] for keyspace in keyspaces)
    return {
        b"peak.allocated": usage.peak,
        b"total.allocated": usage.used,
        b"startup.allocated": usage.startup,
        b"replication.backlog": 0,
        b"clients.slaves": 0,
        b"clients.normal": usage.clients,
        b"cluster.links": 0,
        b"aof.buffer": 0,
        b"lua.caches": 0,
        b"functions.caches": 0,
        **_by_database(engine, keyspaces),
        b"overhead.total": usage.overhead,
        b"keys.count": keys,
        b"keys.bytes-per-key": max(0, usage.used - usage.startup) // keys if keys else 0,
        b"dataset.bytes": usage.dataset,
        b"dataset.percentage": usage.dataset_share * 100,
        b"peak.percentage": usage.used / usage.peak * 100,
        **_allocator(usage),
    }


def _by_database(engine, keyspaces):
    """What the table of each database takes: it is one table, for keys, expiry times and slots."""
    tables = _engine.table_bytes(engine)
    return {
        f"db.{index}".encode(): {
            b"overhead.hashtable.main": tables[index],
            b"overhead.hashtable.expires": 0,
            b"overhead.hashtable.slot-to-keys": 0}
        for index, *_ in keyspaces}


def _allocator(usage):
    return {
        b"allocator.allocated": usage.used,
        b"allocator.active": usage.active,
        b"allocator.resident": usage.rss,
        b"allocator-fragmentation.ratio": usage.active / usage.used,
        b"allocator-fragmentation.bytes": usage.active - usage.used,
        b"allocator-rss.ratio": usage.rss / usage.active,
        b"allocator-rss.bytes": usage.rss - usage.active,
        b"rss-overhead.ratio": 1.0,
        b"rss-overhead.bytes": 0,
        b"fragmentation": usage.rss / usage.used,
        b"fragmentation.bytes": usage.rss - usage.used,
    }


def findings(usage):
    """What deserves attention about memory: a list of sentences."""
    found = []
    if usage.peak > 1.5 * usage.used:
        found.append(f"Peak: {process.human(usage.peak)} were in use at some time, {process.human(usage.used)} are "
                     "now. What the process keeps of the difference can be used again; MEMORY PURGE returns it.")
    if usage.rss > 1.4 * usage.used and usage.rss - usage.used > 64 * MEGABYTE:
        found.append(f"Resident: the process holds {process.human(usage.rss)}, {usage.rss / usage.used:.2f} times "
                     "what is in use. MEMORY PURGE may help, and so may time: sparse pages are evacuated.")
    if usage.clients > max(usage.dataset, 64 * MEGABYTE):
        found.append(f"Clients: their buffers take {process.human(usage.clients)}, more than the data. CLIENT LIST "
                     "shows whose (omem, qbuf); client-output-buffer-limit bounds them.")
    return found


@command("memory|doctor", arity=2)
def memory_doctor(session, args):
    """MEMORY DOCTOR"""
    usage = process.Memory(session.engine)
    if usage.used - usage.startup < ENOUGH_TO_JUDGE:
        report = "There is too little data here to judge how memory is used.\n"
    else:
        report = "\n".join(findings(usage) or ["Memory is used as it should be."]) + "\n"
    return Verbatim("txt", report.encode())


@command("memory|malloc-stats", arity=2)
def memory_malloc_stats(session, args):
    """MEMORY MALLOC-STATS: what the engine's allocators hold, a name and bytes (or a count) a line"""
    sizes = _engine.memory_facts(session.engine)
    return Verbatim("txt", "".join(f"{name}: {size}\n" for name, size in sizes.items()).encode())
