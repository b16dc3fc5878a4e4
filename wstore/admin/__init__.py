"""Commands written in Python: administration, where a microsecond more does not matter.

Each file registers what it holds with `registry.command`; `install` gives all of it to an engine.
"""
import importlib
import os

from wstore.admin import apply, persistence, registry, replication
from wstore.admin.config.model import Config
from wstore.admin.process import Facts


def _module_names():
    """Names of this package's files and packages (pkgutil would double the time that this takes)."""
    names = {entry.split(".")[0] for entry in os.listdir(__path__[0])}
    return sorted(name for name in names if not name.startswith("_"))


def install(engine, config=None):
    """Import every file of this package, register its commands with `engine`, and configure it.

    config: a Config; None: a new one, with all defaults.
    """
    for name in _module_names():
        importlib.import_module(f"{__name__}.{name}")
    engine.register(registry.commands())
    apply.attach(engine, Config() if config is None else config)
    engine.facts = Facts(engine)
    persistence.attach(engine)
    replication.attach(engine)
