"""`Catalog`: the commands in force with all that COMMAND says of them, kept ready to be sent.

Clients ask for COMMAND or COMMAND DOCS as they connect, and building those replies takes milliseconds in which the
server would serve nobody: so each command's part is encoded once.  A catalog is for one list of specs, those of a
command table; `catalog(engine)` makes a new one when a table with others is in force.
"""
from wstore.admin import command_table
from wstore.engine._engine import encode_reply
from wstore.engine.replies import Encoded, OrderedSet


class Catalog:
    """specs: dicts as `Engine.command_specs` gives them; `by_name` has the same by name."""

    __slots__ = ("specs", "by_name", "parents", "_children", "_encoded")

    def __init__(self, specs):
        self.specs = specs
        self.by_name = {spec["name"]: spec for spec in specs}
        self.parents = [name for name in self.by_name if "|" not in name]
        self._children = {}
        for name in self.by_name:
            if "|" in name:
                self._children.setdefault(name.split("|")[0], []).append(name)
        self._encoded = {}

    def children(self, name):
        """Names of a command's subcommands, with the command's in front."""
        return self._children.get(name, ())

    def info(self, name):
        """The ten fields of COMMAND INFO, or None for an unknown command."""
        spec = self.by_name.get(name)
        if spec is None:
            return None
        acl = command_table.acl_categories(name, spec["flags"])
        return [
            name.encode(), spec["arity"], OrderedSet(command_table.flag_names(spec["flags"])),
            spec["first_key"], spec["last_key"], spec["key_step"],
            OrderedSet(acl), OrderedSet(command_table.wire(command_table.tips(name))),
            OrderedSet(command_table.wire(command_table.key_specs(name))),
            [self.info(child) for child in self.children(name)] or OrderedSet()]     # as Redis has it

    def docs(self, name):
        """The fields of COMMAND DOCS."""
        fields = command_table.docs(name)
        children = self.children(name)
        if children:
            fields[b"subcommands"] = {child.encode(): self.docs(child) for child in children}
        return fields

    def encoded(self, describe, name, resp):
        """What `describe` (Catalog.info or Catalog.docs) says of a command, encoded for protocol `resp`."""
        key = (describe, name, resp)
        if key not in self._encoded and name in self.by_name:
            self._encoded[key] = Encoded(encode_reply(describe(self, name), resp))
        return self._encoded.get(key)


def catalog(engine):
    """The catalog of the commands that an engine has now."""
    specs = engine.command_specs()
    known = engine.facts.catalog
    if known is None or known.specs != specs:
        known = engine.facts.catalog = Catalog(specs)
    return known
