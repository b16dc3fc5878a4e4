"""Commands of replication, but those of the link to a master: ROLE, PSYNC, SYNC, REPLCONF."""
from wstore.replication.service import Replication


def attach(engine):
    """Give the engine its part in replication."""
    replication = engine.replication = Replication(engine)
    replication.take_directive()
    engine.config.on_change(["replicaof"], replication.take_directive)
