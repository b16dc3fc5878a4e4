"""What INFO tells of persistence: the fields of Redis 7.0, from a Service."""
from wstore.persistence.saving import elapsed_s


def fields(service):
    """Section persistence of INFO, in Redis's order."""
    saving, log = service.saving, service.log
    snapshot = service.engine.snapshot_progress()
    return {
        "loading": int(service.loading_since_s is not None),
        "async_loading": int(_loads_aside(service.engine.replication.replica)),
        "current_cow_peak": 0,
        "current_cow_size": 0,
        "current_cow_size_age": 0,
        "current_fork_perc": f"{_percent(snapshot['keys_done'], snapshot['keys_total']):.2f}",
        "current_save_keys_processed": snapshot["keys_done"],
        "current_save_keys_total": snapshot["keys_total"],
        "rdb_changes_since_last_save": saving.dirty,
        "rdb_bgsave_in_progress": int(service.saves_in_background),
        "rdb_last_save_time": saving.last_save_s,
        "rdb_last_bgsave_status": _status(saving.last_ok),
        "rdb_last_bgsave_time_sec": saving.last_seconds,
        "rdb_current_bgsave_time_sec": elapsed_s(saving.started_s),
        "rdb_saves": saving.saves,
        "rdb_last_cow_size": 0,
        "rdb_last_load_keys_expired": service.loaded.get("expired", 0),
        "rdb_last_load_keys_loaded": service.loaded.get("keys", 0),
        "aof_enabled": int(log.enabled),
        "aof_rewrite_in_progress": int(log.started_s is not None),
        "aof_rewrite_scheduled": int(log.scheduled),
        "aof_last_rewrite_time_sec": log.last_seconds,
        "aof_current_rewrite_time_sec": elapsed_s(log.started_s),
        "aof_last_bgrewrite_status": _status(log.last_ok),
        "aof_rewrites": log.rewrites,
        "aof_rewrites_consecutive_failures": log.failures,
        "aof_last_write_status": _status(log.write_ok),
        "aof_last_cow_size": 0,
        "module_fork_in_progress": 0,
        "module_fork_last_cow_size": 0,
        **log.size_fields(),
        **_loading_fields(service),
    }


def _loads_aside(replica):
    return replica is not None and replica.is_loading_aside


def _status(ok):
    return "ok" if ok else "err"


def _percent(part, whole):
    return min(100.0, part * 100 / whole) if whole else 0.0


def _loading_fields(service):
    if service.loading_since_s is None:
        return {}
    progress = service.engine.load_progress()
    return {
        "loading_start_time": int(service.loading_since_s),
        "loading_total_bytes": progress["total_bytes"],
        "loading_rdb_used_mem": progress["used_memory"],
        "loading_loaded_bytes": progress["loaded_bytes"],
        "loading_loaded_perc": f"{progress['percent']:.2f}",
        "loading_eta_seconds": int(progress["eta_seconds"]),
    }
