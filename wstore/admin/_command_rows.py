"""How a row of the table of commands is written: see _command_data.py."""


def _arg(name, kind, token=None, flags="", key_spec=None, since=None, deprecated=None, inner=None):
    """An argument, its fields in the order of COMMAND DOCS; `inner`: those of a block or a choice."""
    fields = {
        "name": name, "type": kind, "key_spec_index": key_spec, "token": token, "since": since,
        "deprecated_since": deprecated, "flags": flags.split() or None, "arguments": inner}
    return {field: value for field, value in fields.items() if value is not None}


def _keys(index, flags, last=0, step=1, notes=None):
    """A key spec: keys from argument `index` to `last` behind it (negative: counted from the end)."""
    spec = {"notes": notes} if notes else {}
    spec["flags"] = flags.split()
    spec["begin_search"] = {"type": "index", "spec": {"index": index}}
    spec["find_keys"] = {"type": "range", "spec": {"lastkey": last, "keystep": step, "limit": 0}}
    return spec


def _counted_keys(index, flags):
    """A key spec: argument `index` is the number of keys, which follow it."""
    return {
        "flags": flags.split(), "begin_search": {"type": "index", "spec": {"index": index}},
        "find_keys": {"type": "keynum", "spec": {"keynumidx": 0, "firstkey": 1, "keystep": 1}}}


def _unknown_keys(flags, notes):
    """A key spec that says only that there are more keys."""
    unknown = {"type": "unknown", "spec": {}}
    return {"notes": notes, "flags": flags.split(), "begin_search": unknown, "find_keys": unknown}


def _command(summary, since, group, complexity, acl, tips="", key_specs=(), arguments=None, history=None,
             doc_flags="", deprecated=(None, None)):
    """A row, the fields of COMMAND DOCS in its order; `deprecated`: since when, and what to use instead."""
    fields = {
        "summary": summary, "since": since, "group": group, "complexity": complexity,
        "doc_flags": doc_flags.split() or None, "deprecated_since": deprecated[0], "replaced_by": deprecated[1],
        "history": history, "acl": ["@" + category for category in acl.split()], "tips": tips.split(),
        "key_specs": list(key_specs), "arguments": arguments}
    return {field: value for field, value in fields.items() if value is not None}
