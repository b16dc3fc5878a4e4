"""`Master`: the replicas of this server, as far as they are not the loop's business."""


class Master:
    """The side of a Replication that has replicas."""

    def __init__(self, replication):
        self._replication = replication
        self._engine = replication.engine

    def cron(self):
        """What is due; whether there may be more later."""
        return False
