"""What a served engine has beside its data: the loop that serves it, the log, the listening sockets."""
from wstore.admin.listening import Listeners
from wstore.admin.shutdown import Ending
from wstore.engine._engine import Loop


def import_late():
    """Import what is left out as long as no loop runs, for the sake of embedded stores: its first use would hold the
    loop up for 10 to 20 ms."""
    import wstore.admin._command_data
    import wstore.admin.config.rewrite
    import wstore.persistence.backup
    import wstore.replication.replica  # noqa: F401


class Runtime:
    """An engine while it is served: open, `run`, close.  `engine.runtime` is it as long as it is open."""

    def __init__(self, engine, log):
        import_late()
        self.engine = engine
        self.log = log
        self.loop = Loop(engine)
        self.listeners = Listeners(self.loop, engine.config, log)
        self.ending = Ending(self)
        engine.runtime = self
        engine.log = log.write
        engine.config.on_change(["loglevel"], self._set_log_level)
        engine.replication.open()

    def _set_log_level(self):
        self.log.set_level(self.engine.config["loglevel"])

    def run(self):
        """Serve until `stop`, without the GIL; raises what interrupted it."""
        self.loop.run()

    def stop(self):
        """End `run` after the turn at hand; from any thread."""
        self.loop.stop()

    def close(self):
        """Close all connections and sockets."""
        self.engine.replication.close()
        self.listeners.close()
        self.engine.config.forget(self._set_log_level)
        self.engine.runtime = None
        self.engine.log = None
        self.loop.close()
