"""Facts about this process and about an engine in it, as INFO and MEMORY show them."""
import os
import sys
import time

from wstore.engine._engine import memory_facts


class ModuleFacts:
    """What became of the command module: `path` of its file, `reloads`, and how long the last and the longest took."""

    __slots__ = ("path", "reloads", "last_us", "max_us")

    def __init__(self, path):
        self.path = path
        self.reloads = 0
        self.last_us = 0
        self.max_us = 0

    def loaded(self, path, usec):
        """Note a reload that took `usec` microseconds."""
        self.path = path
        self.reloads += 1
        self.last_us = usec
        self.max_us = max(usec, self.max_us)


class Facts:
    """What administration keeps of an engine: `engine.facts`, from `wstore.admin.install` on.

    started_s: Unix time; run_id: 40 random hex digits; startup_bytes: memory of the empty engine; module: ModuleFacts;
    catalog: admin/catalog.py's.
    """

    __slots__ = ("run_id", "started_s", "_started_ns", "startup_bytes", "module", "catalog")

    def __init__(self, engine):
        self.run_id = os.urandom(20).hex()
        self.started_s = time.time()
        self._started_ns = time.monotonic_ns()
        self.startup_bytes = memory_facts(engine)["used"]
        self.module = ModuleFacts(installed_module())
        self.catalog = None

    def uptime_s(self):
        """Whole seconds since the engine began."""
        return (time.monotonic_ns() - self._started_ns) // 1_000_000_000


class Memory:
    """Bytes by purpose, at one moment.

    used: what the engine has allocated; active: the pages behind that; overhead: of `used`, what is not keys and
    values; dataset: what is; rss: resident in the whole process, Python included.
    """

    __slots__ = ("used", "peak", "rss", "active", "startup", "overhead", "dataset", "dataset_share", "clients",
                 "background_frees")

    def __init__(self, engine):
        sizes = memory_facts(engine)
        self.rss = rss_bytes()
        self.used = sizes["used"]
        self.active = sizes["active"]
        self.peak = sizes["peak"]
        self.startup = engine.facts.startup_bytes
        self.clients = sizes["clients"]
        self.dataset = sizes["dataset"]
        self.overhead = self.used - self.dataset
        self.dataset_share = self.dataset / max(1, self.used - self.startup)
        self.background_frees = sizes["background_frees"]


def installed_module():
    """Path of the command module that was installed with this package."""
    return sys.modules["wstore.commands._commands"].__file__


def is_supervised(engine):
    """Does systemd watch this process, as the directive `supervised` asks for?"""
    return engine.config["supervised"] in ("systemd", "auto") and "NOTIFY_SOCKET" in os.environ


def human(size_bytes):
    """A size as INFO's *_human fields write it: "512B", "1.50K", "2.00G"."""
    if size_bytes < 1024:
        return f"{size_bytes}B"
    amount = size_bytes / 1024
    for unit in "KMGTP":
        if amount < 1024 or unit == "P":
            return f"{amount:.2f}{unit}"
        amount /= 1024
    raise AssertionError


def rss_bytes():
    """Resident memory of the process; proc(5), statm: the second number, in pages."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def system_memory_bytes():
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def cpu_times():
    """Seconds of CPU time, by the names that INFO gives them; the calling thread counts as the main thread."""
    import resource  # late: slow to import
    own, children, thread = map(
        resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN, resource.RUSAGE_THREAD))
    return {
        "sys": own.ru_stime, "user": own.ru_utime,
        "sys_children": children.ru_stime, "user_children": children.ru_utime,
        "sys_main_thread": thread.ru_stime, "user_main_thread": thread.ru_utime}
