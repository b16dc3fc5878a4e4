"""INFO: the state and the counters of the server, in sections of "field:value" lines.

A section is a function that takes the engine and returns its fields as a dict, in order, values as text or
integers; `SECTIONS` lists them in the order of the reply.  Field names are those of Redis 7.0.15, since tools
look for them; a field of something that wstore does not have says so with Redis's value for "none".
"""
import os
import sys
import time

from wstore.admin import process
from wstore.admin.registry import command
from wstore.engine import _engine
from wstore.engine.replies import Verbatim
from wstore.persistence import report
from wstore.replication import report as replication_report
from wstore.versions import REDIS_VERSION, WSTORE_VERSION


def server(engine):
    facts = engine.facts
    build = _engine.build_facts()
    uptime_s = facts.uptime_s()
    system = os.uname()
    farewell = engine.replication.farewell
    return {
        "redis_version": REDIS_VERSION,
        "redis_git_sha1": "00000000",
        "redis_git_dirty": 0,
        "redis_build_id": f"{_engine.crc64(repr((WSTORE_VERSION, build)).encode()):016x}",
        "redis_mode": "standalone",
        "os": f"{system.sysname} {system.release} {system.machine}",
        "arch_bits": 64 if sys.maxsize > 1 << 32 else 32,
        "monotonic_clock": build["clock"],
        "multiplexing_api": "epoll",
        "atomicvar_api": "gcc-builtin",
        "gcc_version": build["compiler"],
        "process_id": os.getpid(),
        "process_supervised": "systemd" if process.is_supervised(engine) else "no",
        "run_id": facts.run_id,
        "tcp_port": engine.runtime.listeners.port if engine.runtime else engine.config["port"],
        "server_time_usec": time.time_ns() // 1000,
        "uptime_in_seconds": uptime_s,
        "uptime_in_days": uptime_s // 86400,
        "hz": engine.config["hz"],
        "configured_hz": engine.config["hz"],
        "lru_clock": int(time.time()) & 0xFFFFFF,
        "executable": sys.executable,
        "config_file": engine.config.path or "",
        "io_threads_active": 0,
        **({"shutdown_in_milliseconds": farewell.left_ms} if farewell.waits else {}),
        "wstore_version": WSTORE_VERSION,
    }


def clients(engine):
    facts = _engine.client_facts(engine)
    for_the_end = engine.runtime.ending.client_count if engine.runtime else 0
    return {
        "connected_clients": facts["connected"],
        "cluster_connections": 0,
        "maxclients": engine.config["maxclients"],
        "client_recent_max_input_buffer": facts["max_input"],
        "client_recent_max_output_buffer": facts["max_output"],
        "blocked_clients": facts["blocked"] + for_the_end,
        "tracking_clients": 0,
        "clients_in_timeout_table": facts["deadlines"],
    }


def memory(engine):
    usage = process.Memory(engine)
    maxmemory = engine.config["maxmemory"]
    tail_bytes = _engine.replication_facts(engine)["tail_bytes"]
    return {
        **_with_human("used_memory", usage.used),
        **_with_human("used_memory_rss", usage.rss),
        **_with_human("used_memory_peak", usage.peak),
        "used_memory_peak_perc": f"{usage.used / usage.peak * 100:.2f}%",
        "used_memory_overhead": usage.overhead,
        "used_memory_startup": usage.startup,
        "used_memory_dataset": usage.dataset,
        "used_memory_dataset_perc": f"{usage.dataset_share * 100:.2f}%",
        "allocator_allocated": usage.used,
        "allocator_active": usage.active,
        "allocator_resident": usage.rss,
        **_with_human("total_system_memory", process.system_memory_bytes()),
        **_scripting_memory(),
        **_with_human("maxmemory", maxmemory),
        "maxmemory_policy": engine.config["maxmemory-policy"],
        "allocator_frag_ratio": f"{usage.active / usage.used:.2f}",
        "allocator_frag_bytes": usage.active - usage.used,
        "allocator_rss_ratio": f"{usage.rss / usage.active:.2f}",
        "allocator_rss_bytes": usage.rss - usage.active,
        "rss_overhead_ratio": "1.00",
        "rss_overhead_bytes": 0,
        "mem_fragmentation_ratio": f"{usage.rss / usage.used:.2f}",
        "mem_fragmentation_bytes": usage.rss - usage.used,
        "mem_not_counted_for_evict": 0,
        "mem_replication_backlog": tail_bytes,
        "mem_total_replication_buffers": tail_bytes,
        "mem_clients_slaves": 0,
        "mem_clients_normal": usage.clients,
        "mem_cluster_links": 0,
        "mem_aof_buffer": engine.persistence.log.buffer_bytes,
        "mem_allocator": "arena+libc",
        "active_defrag_running": 0,
        "lazyfree_pending_objects": usage.background_frees,
        "lazyfreed_objects": engine.stats()["lazyfreed_objects"],
    }


def _with_human(name, size_bytes):
    return {name: size_bytes, name + "_human": process.human(size_bytes)}


def _scripting_memory():
    """There are no scripts: none of these takes memory."""
    return {
        "used_memory_lua": 0,
        "used_memory_vm_eval": 0,
        "used_memory_lua_human": "0B",
        "used_memory_scripts_eval": 0,
        "number_of_cached_scripts": 0,
        "number_of_functions": 0,
        "number_of_libraries": 0,
        "used_memory_vm_functions": 0,
        "used_memory_vm_total": 0,
        "used_memory_vm_total_human": "0B",
        "used_memory_functions": 0,
        "used_memory_scripts": 0,
        "used_memory_scripts_human": "0B",
    }


def persistence(engine):
    return report.fields(engine.persistence)


def stats(engine):
    counters = engine.stats()
    rates = _engine.rates(engine)
    sent_bytes = _engine.replication_facts(engine)["sent_bytes"]
    link = _engine.follow_facts(engine)
    return {
        "total_connections_received": counters["connections_received"],
        "total_commands_processed": counters["commands_processed"],
        "instantaneous_ops_per_sec": round(rates["commands"]),
        "total_net_input_bytes": counters["net_input_bytes"] + link["received_bytes"],
        "total_net_output_bytes": counters["net_output_bytes"] + sent_bytes,
        "total_net_repl_input_bytes": link["received_bytes"],
        "total_net_repl_output_bytes": sent_bytes,
        "instantaneous_input_kbps": f"{rates['input_bytes'] / 1024:.2f}",
        "instantaneous_output_kbps": f"{rates['output_bytes'] / 1024:.2f}",
        "instantaneous_input_repl_kbps": f"{rates['link_bytes'] / 1024:.2f}",
        "instantaneous_output_repl_kbps": f"{rates['replica_bytes'] / 1024:.2f}",
        "rejected_connections": counters["rejected_connections"],
        **engine.replication.master.counts(),
        "expired_keys": counters["expired_keys"],
        "expired_stale_perc": "0.00",
        "expired_time_cap_reached_count": counters["expired_stale_cycles"],
        "expire_cycle_cpu_milliseconds": _engine.upkeep_ms(engine),
        "evicted_keys": 0,
        "evicted_clients": 0,
        "total_eviction_exceeded_time": 0,
        "current_eviction_exceeded_time": 0,
        "keyspace_hits": counters["keyspace_hits"],
        "keyspace_misses": counters["keyspace_misses"],
        **dict(zip(("pubsub_channels", "pubsub_patterns", "pubsubshard_channels"), engine.channel_counts())),
        **_no_forks(),
        "unexpected_error_replies": link["errors"],
        "total_error_replies": counters["error_replies"],
        "dump_payload_sanitizations": 0,
        "total_reads_processed": counters["reads_processed"],
        "total_writes_processed": counters["writes_processed"],
        "io_threaded_reads_processed": 0,
        "io_threaded_writes_processed": 0,
        "reply_buffer_shrinks": 0,
        "reply_buffer_expands": 0,
        **_own_counters(counters),
    }


def _no_forks():
    """Counters of what does not exist here: forks, MIGRATE's sockets, defragmentation, tracking."""
    return dict.fromkeys((
        "latest_fork_usec", "total_forks",
        "migrate_cached_sockets", "slave_expires_tracked_keys", "active_defrag_hits", "active_defrag_misses",
        "active_defrag_key_hits", "active_defrag_key_misses", "total_active_defrag_time",
        "current_active_defrag_time", "tracking_total_keys", "tracking_total_items", "tracking_total_prefixes"), 0)


def _own_counters(counters):
    """What Redis 7.0 does not have, or has under later names."""
    return {
        "client_query_buffer_limit_disconnections": counters["query_buffer_limit_disconnections"],
        "client_output_buffer_limit_disconnections": counters["output_buffer_limit_disconnections"],
        "eventloop_cycles": counters["loop_turns"],
        "eventloop_longest_us": counters["longest_turn_us"],
        "arena_moved_cells": counters["moved_cells"],
    }


def replication(engine):
    return replication_report.fields(engine.replication)


def cpu(engine):
    times = process.cpu_times()
    return {f"used_cpu_{name}": f"{seconds:.6f}" for name, seconds in times.items()}


def modules(engine):
    return {}


def commandstats(engine):
    return {f"cmdstat_{name}": _call_counts(*counts) for name, counts in engine.command_stats().items()}


def _call_counts(calls, usec, rejected, failed):
    each = usec / calls if calls else 0
    return f"calls={calls},usec={usec},usec_per_call={each:.2f},rejected_calls={rejected},failed_calls={failed}"


def errorstats(engine):
    return {f"errorstat_{code}": f"count={count}" for code, count in engine.error_stats().items()}


def latencystats(engine):
    wanted = engine.config["latency-tracking-info-percentiles"]
    return {
        f"latency_percentiles_usec_{name}": ",".join(
            f"p{share:g}={value:.3f}" for share, value in zip(wanted, values, strict=True))
        for name, values in engine.latency_stats(wanted).items()}


def cluster(engine):
    return {"cluster_enabled": 0}


def keyspace(engine):
    return {
        f"db{index}": f"keys={keys},expires={expires},avg_ttl={avg_ttl_ms}"
        for index, keys, expires, avg_ttl_ms in _engine.keyspaces(engine)}


def commands_module(engine):
    module = engine.facts.module
    return {
        "version": _engine.module_version(engine),
        "path": module.path,
        "reloads": module.reloads,
        "reload_last_us": module.last_us,
        "reload_max_us": module.max_us,
    }


# name -> (header, function); in the order of the reply
SECTIONS = {
    "server": ("Server", server),
    "clients": ("Clients", clients),
    "memory": ("Memory", memory),
    "persistence": ("Persistence", persistence),
    "stats": ("Stats", stats),
    "replication": ("Replication", replication),
    "cpu": ("CPU", cpu),
    "modules": ("Modules", modules),
    "commandstats": ("Commandstats", commandstats),
    "errorstats": ("Errorstats", errorstats),
    "latencystats": ("Latencystats", latencystats),
    "cluster": ("Cluster", cluster),
    "keyspace": ("Keyspace", keyspace),
    "commands_module": ("Commands_module", commands_module),
}
ON_REQUEST = ("commandstats", "latencystats", "commands_module")    # not in the default
DEFAULT = frozenset(SECTIONS).difference(ON_REQUEST)
GROUPS = {"default": DEFAULT, "all": frozenset(SECTIONS), "everything": frozenset(SECTIONS)}


def render(engine, wanted):
    """The text of the sections named in the set `wanted`."""
    parts = []
    for name, (header, section) in SECTIONS.items():
        if name in wanted:
            lines = [f"# {header}", *(f"{field}:{value}" for field, value in section(engine).items()), ""]
            parts.append("\r\n".join(lines))
    return "\r\n".join(parts)


@command("info", arity=-1, flags="loading stale")
def info(session, args):
    """INFO [section ...]"""
    names = [name.decode("utf-8", "replace").lower() for name in args[1:]] or ["default"]
    wanted = frozenset().union(*(GROUPS.get(name, (name,)) for name in names))
    return Verbatim("txt", render(session.engine, wanted).encode())
