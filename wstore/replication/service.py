"""`Replication`: an engine's part in replication, in both roles, as `engine.replication`.

    master     wstore/replication/master.py: the replicas of this server
    farewell   wstore/replication/farewell.py: the end of this server, which waits for them
    replica    wstore/replication/replica.py: the master of this server; None until there has been one

Of `replica` is asked: `is_on`, whether there is a master; `is_connected`, whether its stream comes in; `info_fields()`,
the fields of INFO that only a replica has, from master_host to replica_announced; `role()`, the reply to ROLE;
`failover_state`; `kill_link()`, for CLIENT KILL TYPE master: whether there was one; `cron()`, called ten times a second
while there is more to come, as it says.

What changes the role, and all that is done here, runs on the loop's thread or with the store locked.
"""
from wstore.engine._engine import set_replication_hook
from wstore.replication.farewell import Farewell
from wstore.replication.history import History
from wstore.replication.master import Master

PERIOD_MS = 100         # between two looks at what is due


class Replication:
    """engine: with its `config`, `facts` and `persistence` in place; history: the ids of its stream."""

    def __init__(self, engine):
        self.engine = engine
        self.history = History(lambda: engine.persistence.log.change_id())
        self.master = Master(self)
        self.replica = None
        self.farewell = Farewell(self)

    # -- the log of the server --------------------------------------------------------------------------------------

    def notice(self, text):
        self.engine.persistence.notice(text)

    def warning(self, text):
        self.engine.persistence.warning(text)

    # -- the role ---------------------------------------------------------------------------------------------------

    @property
    def is_replica(self):
        """Whether this server has a master, connected or not."""
        return self.replica is not None and self.replica.is_on

    @property
    def failover_state(self):
        """What INFO says of a FAILOVER."""
        return "no-failover" if self.replica is None else self.replica.failover_state

    def replica_side(self):
        """`replica`, made when it is first needed."""
        if self.replica is None:
            from wstore.replication.replica import Replica  # slow to import: with the start of a loop
            self.replica = Replica(self)
        return self.replica

    def take_directive(self):
        """Be a replica from the start, as directive replicaof has it."""
        address = self.engine.config["replicaof"]
        if address and not self.is_replica:
            self.replica_side().begin(*address)

    # -- the loop -----------------------------------------------------------------------------------------------------

    def open(self):
        """A loop serves the engine."""
        if self.is_replica:
            self.replica.resume()

    def close(self):
        """It is about to end: so is the link."""
        if self.replica is not None:
            self.replica.suspend()

    # -- what is due --------------------------------------------------------------------------------------------------

    def wake(self):
        """Something may be due from now on: have the loop call `cron`."""
        set_replication_hook(self.engine, True)

    def cron(self):
        """What is due; the milliseconds until the next call."""
        busy = self.master.cron()
        self.farewell.cron()
        if self.replica is not None:
            busy = self.replica.cron() or busy
        if not busy:
            set_replication_hook(self.engine, False)        # which spares the loop the GIL
        return PERIOD_MS
