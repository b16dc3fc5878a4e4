"""DEBUG RELOAD, LOADAOF, CHANGE-REPL-ID: for test suites that see whether data outlive files."""
from wstore.engine._engine import empty_databases, stop_snapshot
from wstore.errors import RecoveryError, ReplyError
from wstore.persistence.recovery import find_log

_OPTIONS = {b"nosave", b"noflush", b"merge"}


def answer(service, args):
    """What DEBUG replies; ReplyError."""
    return {b"reload": reload, b"loadaof": load_log, b"change-repl-id": change_id}[args[1].lower()](service, args[2:])


def reload(service, words):
    """DEBUG RELOAD [NOSAVE] [NOFLUSH] [MERGE]"""
    options = {word.lower() for word in words}
    if not options <= _OPTIONS:
        raise ReplyError("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.")
    _end_snapshots(service)
    if b"nosave" not in options:
        try:
            service.saving.save()
        except OSError:
            raise ReplyError("ERR") from None
    if b"noflush" not in options:
        empty_databases(service.engine)
    _load(service, [(service.saving.path, "rdb")], "RDB dump", b"merge" in options)
    service.warning("DB reloaded by DEBUG RELOAD")
    return "OK"


def load_log(service, words):
    """DEBUG LOADAOF"""
    _end_snapshots(service)
    try:
        if service.log.enabled:
            service.engine.log_sync()
        plan = find_log(service.engine.config)
    except (OSError, RecoveryError) as error:
        service.warning(str(error))
        plan = None
    if plan is None or service.log.awaits_base:
        raise ReplyError("ERR Error trying to load the AOF files")
    empty_databases(service.engine)
    _load(service, plan.files, "AOF files")
    service.warning("Append Only File loaded by DEBUG LOADAOF")
    return "OK"


def change_id(service, words):
    """DEBUG CHANGE-REPL-ID"""
    service.warning("Changing replication IDs after receiving DEBUG change-repl-id")
    service.engine.replication.history.renew()
    return "OK"


def _end_snapshots(service):
    if not service.ready:
        raise ReplyError("LOADING Redis is loading the dataset in memory")
    service.saving.cancel()
    service.end_other()
    stop_snapshot(service.engine)


def _load(service, files, what, merge=False):
    errors = []
    service.engine.load_begin(files, lambda error, report: errors.append(error), True, merge)
    if errors[0] is not None:
        service.warning(errors[0])
        raise ReplyError(f"ERR Error trying to load the {what}")
    service.saving.saved_changes = service.saving.saved_changes + service.saving.dirty
