"""SAVE, BGSAVE, LASTSAVE, BGREWRITEAOF, BACKUP: commands on the data directory.

What they do is in wstore/persistence; texts and orders of checks are those of Redis.
"""
import os

from wstore.admin.config.model import ConfigError
from wstore.admin.registry import command
from wstore.errors import ReplyError
from wstore.persistence.saving import Busy
from wstore.persistence.service import Service

_FLAGS = "admin noscript no_async_loading"
_SAVING = "ERR Background save already in progress"
_OTHER_RUNS = (
    "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a "
    "BGSAVE whenever possible.")
_NO_REWRITE = "ERR Can't execute an AOF background rewriting. Please check the server logs for more information."


def attach(engine):
    """Give the engine its Service, which follows the directives from here on."""
    service = engine.persistence = Service(engine)
    engine.config.on_change(["save", "stop-writes-on-bgsave-error"], service.saving.refuse_writes)
    engine.config.on_change(["save"], service.wake)
    engine.config.on_change(["appendonly"], lambda: _switch_log(service))


def _switch_log(service):
    """Do as directive appendonly says; ConfigError undoes its change."""
    wanted = service.engine.config["appendonly"]
    if not service.ready or wanted == service.log.enabled:
        return
    if not wanted:
        service.log.switch_off()
        return
    try:
        service.log.switch_on()
    except OSError as error:
        service.warning(f"Redis needs to enable the AOF but can't open its files: {error}")
        raise ConfigError("Unable to turn on AOF. Check server logs.") from None


@command("save", arity=1, flags=f"{_FLAGS} no_multi")
def save(session, args):
    """SAVE"""
    service = session.engine.persistence
    if service.saves_in_background:
        raise ReplyError(_SAVING)
    service.end_other()
    try:
        service.saving.save()
    except OSError:
        raise ReplyError("ERR") from None
    return "OK"


@command("bgsave", arity=-1, flags=_FLAGS)
def bgsave(session, args):
    """BGSAVE [SCHEDULE]"""
    if len(args) > 2 or (len(args) == 2 and args[1].lower() != b"schedule"):
        raise ReplyError("ERR syntax error")
    service = session.engine.persistence
    if service.saves_in_background:
        raise ReplyError(_SAVING)
    if service.snapshot_runs or session.in_transaction:
        if len(args) == 1 and not session.in_transaction:
            raise ReplyError(_OTHER_RUNS)
        service.saving.scheduled = True
        service.wake()
        return "Background saving scheduled"
    try:
        service.saving.begin()
    except (OSError, Busy):
        raise ReplyError("ERR") from None
    return "Background saving started"


@command("lastsave", arity=1, flags="loading stale fast")
def lastsave(session, args):
    """LASTSAVE"""
    return session.engine.persistence.saving.last_save_s


@command("bgrewriteaof", arity=1, flags=_FLAGS)
def bgrewriteaof(session, args):
    """BGREWRITEAOF"""
    service = session.engine.persistence
    if service.log.started_s is not None:
        raise ReplyError("ERR Background append only file rewriting already in progress")
    if service.snapshot_runs or session.in_transaction:
        service.log.scheduled = True
        service.wake()
        return "Background append only file rewriting scheduled"
    try:
        service.log.begin_rewrite()
    except (OSError, Busy):
        raise ReplyError(_NO_REWRITE) from None
    return "Background append only file rewriting started"


@command("backup", arity=-1, flags=f"{_FLAGS} no_multi")
def backup(session, args):
    """BACKUP [name]"""
    from wstore.persistence.backup import check_name  # slow to import: with the start of a loop

    if len(args) > 2:
        raise ReplyError("ERR syntax error")
    try:
        name = check_name(args[1]) if len(args) == 2 else None
        return session.engine.persistence.backups.begin(name).encode()
    except ValueError as error:
        raise ReplyError(f"ERR {error}") from None
    except Busy:
        raise ReplyError("ERR Another snapshot is running: can't back up right now") from None
    except OSError as error:
        raise ReplyError(f"ERR Backup failed: {os.strerror(error.errno)}") from None
