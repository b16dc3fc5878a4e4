"""What INFO and ROLE say of replication, as Redis 7.0.15 does, in its order."""
import time

from wstore.engine._engine import replication_facts, stream_offset
from wstore.replication.peer import Peer

NO_ID = "0" * 40


def role(replication):
    """The reply to ROLE."""
    if replication.is_replica:
        return replication.replica.role()
    return [b"master", stream_offset(replication.engine),
            [[peer.host.encode(), str(peer.port).encode(), str(facts["acked"]).encode()]
             for peer, facts in replication.master.replicas() if peer.is_online(facts)]]


# -- INFO --------------------------------------------------------------------------------------------------------------

def fields(replication):
    """Of section replication."""
    config = replication.engine.config
    facts = replication_facts(replication.engine)
    own = {"role": "slave", **replication.replica.info_fields()} if replication.is_replica else {"role": "master"}
    return {
        **own,
        **_replica_fields(config, replication.master.replicas(), facts["good_replicas"]),
        "master_failover_state": replication.failover_state,
        **_history_fields(replication.history, stream_offset(replication.engine)),
        **_backlog_fields(facts, config["repl-backlog-size"]),
    }


def _replica_fields(config, replicas, good):
    out = {"connected_slaves": len(replicas)}
    if config["min-replicas-to-write"] and config["min-replicas-max-lag"]:
        out["min_slaves_good_slaves"] = good
    for number, (peer, facts) in enumerate(replicas):
        out[f"slave{number}"] = (f"ip={peer.host},port={peer.port},state={facts['state']},"
                                 f"offset={facts['acked']},lag={lag_s(facts)}")
    return out


def _history_fields(history, end):
    second_id, second_end = history.second or (NO_ID, -2)
    return {
        "master_replid": history.id, "master_replid2": second_id, "master_repl_offset": end,
        "second_repl_offset": second_end + 1}


def _backlog_fields(facts, size_bytes):
    on = facts["tail_on"]
    return {
        "repl_backlog_active": int(on),
        "repl_backlog_size": size_bytes,
        "repl_backlog_first_byte_offset": facts["tail_start"] + 1 if on else 0,
        "repl_backlog_histlen": facts["tail_end"] - facts["tail_start"] if on else 0,
    }


def lag_s(facts):
    """Whole seconds since a replica was heard of."""
    return max(0, int(time.time()) - facts["heard_ms"] // 1000) if Peer.is_online(facts) else 0
