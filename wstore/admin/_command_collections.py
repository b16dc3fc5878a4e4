"""The rows of the hash, list, set and sorted-set groups, in alphabetical order: see _command_data.py."""
from wstore.admin._command_rows import _arg, _command, _counted_keys, _keys

_AGGREGATE = _arg(
    "aggregate", "oneof", "AGGREGATE", flags="optional",
    inner=[_arg("sum", "pure-token", "SUM"), _arg("min", "pure-token", "MIN"), _arg("max", "pure-token", "MAX")])

COLLECTION_COMMANDS = {
    "blmove": _command(
        "Move an element from one end of a list to an end of another, or wait for one", "6.2.0", "list", "O(1)",
        "write list slow blocking", key_specs=[_keys(1, "RW access delete"), _keys(2, "RW insert")],
        arguments=[
            _arg("source", "key", key_spec=0), _arg("destination", "key", key_spec=1),
            _arg(
                "wherefrom", "oneof",
                inner=[_arg("left", "pure-token", "LEFT"), _arg("right", "pure-token", "RIGHT")]),
            _arg(
                "whereto", "oneof",
                inner=[_arg("left", "pure-token", "LEFT"), _arg("right", "pure-token", "RIGHT")]),
            _arg("timeout", "double")]),
    "blmpop": _command(
        "Pop elements from the first of several lists that has any, or wait for some", "7.0.0", "list",
        "O(N+M), N being the keys and M the elements popped", "write list slow blocking",
        key_specs=[_counted_keys(2, "RW access delete")],
        arguments=[
            _arg("timeout", "double"), _arg("numkeys", "integer"),
            _arg("key", "key", flags="multiple", key_spec=0),
            _arg(
                "where", "oneof",
                inner=[_arg("left", "pure-token", "LEFT"), _arg("right", "pure-token", "RIGHT")]),
            _arg("count", "integer", "COUNT", flags="optional")]),
    "blpop": _command(
        "Pop the first element of the first of several lists that has one, or wait for it", "2.0.0", "list",
        "O(N) in the keys", "write list slow blocking", key_specs=[_keys(1, "RW access delete", last=-2)],
        arguments=[_arg("key", "key", flags="multiple", key_spec=0), _arg("timeout", "double")],
        history=[("6.0.0", "timeouts with a fraction")]),
    "brpop": _command(
        "Pop the last element of the first of several lists that has one, or wait for it", "2.0.0", "list",
        "O(N) in the keys", "write list slow blocking", key_specs=[_keys(1, "RW access delete", last=-2)],
        arguments=[_arg("key", "key", flags="multiple", key_spec=0), _arg("timeout", "double")],
        history=[("6.0.0", "timeouts with a fraction")]),
    "brpoplpush": _command(
        "Move the last element of a list to the front of another, or wait for one", "2.2.0", "list", "O(1)",
        "write list slow blocking", key_specs=[_keys(1, "RW access delete"), _keys(2, "RW insert")],
        arguments=[
            _arg("source", "key", key_spec=0), _arg("destination", "key", key_spec=1),
            _arg("timeout", "double")],
        history=[("6.0.0", "timeouts with a fraction")], doc_flags="deprecated",
        deprecated=("6.2.0", "`BLMOVE` with `RIGHT` and `LEFT`")),
    "bzmpop": _command(
        "Pop members from the first sorted set that has any, waiting for one if need be", "7.0.0", "sorted-set",
        "O(K) in the keys and O(M log N) for M of N members", "write sortedset slow blocking",
        key_specs=[_counted_keys(2, "RW access delete")],
        arguments=[
            _arg("timeout", "double"), _arg("numkeys", "integer"), _arg("key", "key", flags="multiple", key_spec=0),
            _arg("where", "oneof", inner=[_arg("min", "pure-token", "MIN"), _arg("max", "pure-token", "MAX")]),
            _arg("count", "integer", "COUNT", flags="optional")]),
    "bzpopmax": _command(
        "Pop the member with the highest score, waiting for one if need be", "5.0.0", "sorted-set",
        "O(log N) in the members", "write sortedset fast blocking",
        key_specs=[_keys(1, "RW access delete", last=-2)],
        arguments=[_arg("key", "key", flags="multiple", key_spec=0), _arg("timeout", "double")],
        history=[("6.0.0", "timeouts with fractions of a second")]),
    "bzpopmin": _command(
        "Pop the member with the lowest score, waiting for one if need be", "5.0.0", "sorted-set",
        "O(log N) in the members", "write sortedset fast blocking",
        key_specs=[_keys(1, "RW access delete", last=-2)],
        arguments=[_arg("key", "key", flags="multiple", key_spec=0), _arg("timeout", "double")],
        history=[("6.0.0", "timeouts with fractions of a second")]),
    "hdel": _command(
        "Remove fields of a hash, and the key with the last one", "2.0.0", "hash", "O(N) in the fields named",
        "write hash fast", key_specs=[_keys(1, "RW delete")],
        arguments=[_arg("key", "key", key_spec=0), _arg("field", "string", flags="multiple")],
        history=[("2.4.0", "several fields")]),
    "hexists": _command(
        "Tell whether a hash has a field", "2.0.0", "hash", "O(1)", "read hash fast",
        key_specs=[_keys(1, "RO")], arguments=[_arg("key", "key", key_spec=0), _arg("field", "string")]),
    "hget": _command(
        "Read one field of a hash", "2.0.0", "hash", "O(1)", "read hash fast", key_specs=[_keys(1, "RO access")],
        arguments=[_arg("key", "key", key_spec=0), _arg("field", "string")]),
    "hgetall": _command(
        "Read all fields of a hash with their values", "2.0.0", "hash", "O(N) in the fields of the hash",
        "read hash slow", tips="nondeterministic_output_order", key_specs=[_keys(1, "RO access")],
        arguments=[_arg("key", "key", key_spec=0)]),
    "hincrby": _command(
        "Add a number to the integer in a field of a hash", "2.0.0", "hash", "O(1)", "write hash fast",
        key_specs=[_keys(1, "RW access update")],
        arguments=[_arg("key", "key", key_spec=0), _arg("field", "string"), _arg("increment", "integer")]),
    "hincrbyfloat": _command(
        "Add a floating-point number to the number in a field of a hash", "2.6.0", "hash", "O(1)", "write hash fast",
        key_specs=[_keys(1, "RW access update")],
        arguments=[_arg("key", "key", key_spec=0), _arg("field", "string"), _arg("increment", "double")]),
    "hkeys": _command(
        "List the fields of a hash", "2.0.0", "hash", "O(N) in the fields of the hash", "read hash slow",
        tips="nondeterministic_output_order", key_specs=[_keys(1, "RO access")],
        arguments=[_arg("key", "key", key_spec=0)]),
    "hlen": _command(
        "Count the fields of a hash", "2.0.0", "hash", "O(1)", "read hash fast", key_specs=[_keys(1, "RO")],
        arguments=[_arg("key", "key", key_spec=0)]),
    "hmget": _command(
        "Read several fields of a hash", "2.0.0", "hash", "O(N) in the fields named", "read hash fast",
        key_specs=[_keys(1, "RO access")],
        arguments=[_arg("key", "key", key_spec=0), _arg("field", "string", flags="multiple")]),
    "hmset": _command(
        "Set several fields of a hash", "2.0.0", "hash", "O(N) in the fields set", "write hash fast",
        key_specs=[_keys(1, "RW update")],
        arguments=[
            _arg("key", "key", key_spec=0),
            _arg(
                "field_value", "block", flags="multiple", inner=[_arg("field", "string"), _arg("value", "string")])],
        doc_flags="deprecated", deprecated=("4.0.0", "`HSET`, which takes several fields as well")),
    "hrandfield": _command(
        "Pick fields of a hash by chance", "6.2.0", "hash", "O(N) in the fields picked", "read hash slow",
        tips="nondeterministic_output", key_specs=[_keys(1, "RO access")],
        arguments=[
            _arg("key", "key", key_spec=0),
            _arg(
                "options", "block", flags="optional",
                inner=[
                    _arg("count", "integer"), _arg("withvalues", "pure-token", "WITHVALUES", flags="optional")])]),
    "hscan": _command(
        "Walk through the fields of a hash, some at a time", "2.8.0", "hash",
        "O(1) a call, O(N) in the fields for a whole walk", "read hash slow", tips="nondeterministic_output",
        key_specs=[_keys(1, "RO access")],
        arguments=[
            _arg("key", "key", key_spec=0), _arg("cursor", "integer"),
            _arg("pattern", "pattern", "MATCH", flags="optional"),
            _arg("count", "integer", "COUNT", flags="optional")]),
    "hset": _command(
        "Set fields of a hash, which is created if need be", "2.0.0", "hash", "O(N) in the fields set",
        "write hash fast", key_specs=[_keys(1, "RW update")],
        arguments=[
            _arg("key", "key", key_spec=0),
            _arg(
                "field_value", "block", flags="multiple", inner=[_arg("field", "string"), _arg("value", "string")])],
        history=[("4.0.0", "several fields")]),
    "hsetnx": _command(
        "Set a field of a hash unless it is there", "2.0.0", "hash", "O(1)", "write hash fast",
        key_specs=[_keys(1, "RW insert")],
        arguments=[_arg("key", "key", key_spec=0), _arg("field", "string"), _arg("value", "string")]),
    "hstrlen": _command(
        "Count the bytes of the value in a field of a hash", "3.2.0", "hash", "O(1)", "read hash fast",
        key_specs=[_keys(1, "RO")], arguments=[_arg("key", "key", key_spec=0), _arg("field", "string")]),
    "hvals": _command(
        "List the values of a hash", "2.0.0", "hash", "O(N) in the fields of the hash", "read hash slow",
        tips="nondeterministic_output_order", key_specs=[_keys(1, "RO access")],
        arguments=[_arg("key", "key", key_spec=0)]),
    "lindex": _command(
        "Read the element at an index of a list", "1.0.0", "list",
        "O(N) in the nodes up to the index, O(1) at the ends", "read list slow", key_specs=[_keys(1, "RO access")],
        arguments=[_arg("key", "key", key_spec=0), _arg("index", "integer")]),
    "linsert": _command(
        "Put an element before or after another one of a list", "2.2.0", "list", "O(N) in the elements up to that one",
        "write list slow", key_specs=[_keys(1, "RW insert")],
        arguments=[
            _arg("key", "key", key_spec=0),
            _arg(
                "where", "oneof",
                inner=[_arg("before", "pure-token", "BEFORE"), _arg("after", "pure-token", "AFTER")]),
            _arg("pivot", "string"), _arg("element", "string")]),
    "llen": _command(
        "Count the elements of a list", "1.0.0", "list", "O(1)", "read list fast", key_specs=[_keys(1, "RO")],
        arguments=[_arg("key", "key", key_spec=0)]),
    "lmove": _command(
        "Move an element from one end of a list to an end of another", "6.2.0", "list", "O(1)", "write list slow",
        key_specs=[_keys(1, "RW access delete"), _keys(2, "RW insert")],
        arguments=[
            _arg("source", "key", key_spec=0), _arg("destination", "key", key_spec=1),
            _arg(
                "wherefrom", "oneof",
                inner=[_arg("left", "pure-token", "LEFT"), _arg("right", "pure-token", "RIGHT")]),
            _arg(
                "whereto", "oneof",
                inner=[_arg("left", "pure-token", "LEFT"), _arg("right", "pure-token", "RIGHT")])]),
    "lmpop": _command(
        "Pop elements from the first of several lists that has any", "7.0.0", "list",
        "O(N+M), N being the keys and M the elements popped", "write list slow",
        key_specs=[_counted_keys(1, "RW access delete")],
        arguments=[
            _arg("numkeys", "integer"), _arg("key", "key", flags="multiple", key_spec=0),
            _arg(
                "where", "oneof",
                inner=[_arg("left", "pure-token", "LEFT"), _arg("right", "pure-token", "RIGHT")]),
            _arg("count", "integer", "COUNT", flags="optional")]),
    "lpop": _command(
        "Take elements off the front of a list", "1.0.0", "list", "O(N) in the elements taken", "write list fast",
        key_specs=[_keys(1, "RW access delete")],
        arguments=[_arg("key", "key", key_spec=0), _arg("count", "integer", flags="optional", since="6.2.0")],
        history=[("6.2.0", "several elements at once")]),
    "lpos": _command(
        "Find the indexes of elements of a list by their value", "6.0.6", "list", "O(N) in the elements looked at",
        "read list slow", key_specs=[_keys(1, "RO access")],
        arguments=[
            _arg("key", "key", key_spec=0), _arg("element", "string"),
            _arg("rank", "integer", "RANK", flags="optional"),
            _arg("num-matches", "integer", "COUNT", flags="optional"),
            _arg("len", "integer", "MAXLEN", flags="optional")]),
    "lpush": _command(
        "Put elements in front of a list, creating it if need be", "1.0.0", "list", "O(N) in the elements",
        "write list fast", key_specs=[_keys(1, "RW insert")],
        arguments=[_arg("key", "key", key_spec=0), _arg("element", "string", flags="multiple")],
        history=[("2.4.0", "several elements at once")]),
    "lpushx": _command(
        "Put elements in front of a list if there is one", "2.2.0", "list", "O(N) in the elements",
        "write list fast", key_specs=[_keys(1, "RW insert")],
        arguments=[_arg("key", "key", key_spec=0), _arg("element", "string", flags="multiple")],
        history=[("4.0.0", "several elements at once")]),
    "lrange": _command(
        "Read a range of a list", "1.0.0", "list", "O(S+N), S being the nodes up to the range and N its elements",
        "read list slow", key_specs=[_keys(1, "RO access")],
        arguments=[_arg("key", "key", key_spec=0), _arg("start", "integer"), _arg("stop", "integer")]),
    "lrem": _command(
        "Remove elements of a list by their value", "1.0.0", "list", "O(N) in the elements of the list",
        "write list slow", key_specs=[_keys(1, "RW delete")],
        arguments=[_arg("key", "key", key_spec=0), _arg("count", "integer"), _arg("element", "string")]),
    "lset": _command(
        "Replace the element at an index of a list", "1.0.0", "list",
        "O(N) in the nodes up to the index, O(1) at the ends", "write list slow", key_specs=[_keys(1, "RW update")],
        arguments=[_arg("key", "key", key_spec=0), _arg("index", "integer"), _arg("element", "string")]),
    "ltrim": _command(
        "Keep a range of a list and drop the rest", "1.0.0", "list", "O(N) in the nodes dropped", "write list slow",
        key_specs=[_keys(1, "RW delete")],
        arguments=[_arg("key", "key", key_spec=0), _arg("start", "integer"), _arg("stop", "integer")]),
    "rpop": _command(
        "Take elements off the end of a list", "1.0.0", "list", "O(N) in the elements taken", "write list fast",
        key_specs=[_keys(1, "RW access delete")],
        arguments=[_arg("key", "key", key_spec=0), _arg("count", "integer", flags="optional", since="6.2.0")],
        history=[("6.2.0", "several elements at once")]),
    "rpoplpush": _command(
        "Move the last element of a list to the front of another", "1.2.0", "list", "O(1)", "write list slow",
        key_specs=[_keys(1, "RW access delete"), _keys(2, "RW insert")],
        arguments=[_arg("source", "key", key_spec=0), _arg("destination", "key", key_spec=1)],
        doc_flags="deprecated", deprecated=("6.2.0", "`LMOVE` with `RIGHT` and `LEFT`")),
    "rpush": _command(
        "Put elements behind a list, creating it if need be", "1.0.0", "list", "O(N) in the elements",
        "write list fast", key_specs=[_keys(1, "RW insert")],
        arguments=[_arg("key", "key", key_spec=0), _arg("element", "string", flags="multiple")],
        history=[("2.4.0", "several elements at once")]),
    "rpushx": _command(
        "Put elements behind a list if there is one", "2.2.0", "list", "O(N) in the elements",
        "write list fast", key_specs=[_keys(1, "RW insert")],
        arguments=[_arg("key", "key", key_spec=0), _arg("element", "string", flags="multiple")],
        history=[("4.0.0", "several elements at once")]),
    "sadd": _command(
        "Add members to a set, creating it if need be", "1.0.0", "set", "O(1) for each member", "write set fast",
        key_specs=[_keys(1, "RW insert")],
        arguments=[_arg("key", "key", key_spec=0), _arg("member", "string", flags="multiple")],
        history=[("2.4.0", "several members at once")]),
    "scard": _command(
        "Count the members of a set", "1.0.0", "set", "O(1)", "read set fast", key_specs=[_keys(1, "RO")],
        arguments=[_arg("key", "key", key_spec=0)]),
    "sdiff": _command(
        "Give the members of the first set that no other set has", "1.0.0", "set", "O(N) in the members of all sets",
        "read set slow", tips="nondeterministic_output_order", key_specs=[_keys(1, "RO access", last=-1)],
        arguments=[_arg("key", "key", flags="multiple", key_spec=0)]),
    "sdiffstore": _command(
        "Store the members of one set that the others do not have", "1.0.0", "set", "O(N) in the members of all sets",
        "write set slow", key_specs=[_keys(1, "OW update"), _keys(2, "RO access", last=-1)],
        arguments=[_arg("destination", "key", key_spec=0), _arg("key", "key", flags="multiple", key_spec=1)]),
    "sinter": _command(
        "Give the members that several sets have in common", "1.0.0", "set",
        "O(N*M), N members in the smallest of M sets", "read set slow", tips="nondeterministic_output_order",
        key_specs=[_keys(1, "RO access", last=-1)],
        arguments=[_arg("key", "key", flags="multiple", key_spec=0)]),
    "sintercard": _command(
        "Count the members that several sets have in common, up to a limit", "7.0.0", "set",
        "O(N*M), N members in the smallest of M sets", "read set slow", key_specs=[_counted_keys(1, "RO access")],
        arguments=[
            _arg("numkeys", "integer"), _arg("key", "key", flags="multiple", key_spec=0),
            _arg("limit", "integer", "LIMIT", flags="optional")]),
    "sinterstore": _command(
        "Store the members that several sets have in common", "1.0.0", "set",
        "O(N*M), N members in the smallest of M sets", "write set slow",
        key_specs=[_keys(1, "RW update"), _keys(2, "RO access", last=-1)],
        arguments=[_arg("destination", "key", key_spec=0), _arg("key", "key", flags="multiple", key_spec=1)]),
    "sismember": _command(
        "Tell whether a set has a member", "1.0.0", "set", "O(1)", "read set fast", key_specs=[_keys(1, "RO")],
        arguments=[_arg("key", "key", key_spec=0), _arg("member", "string")]),
    "smembers": _command(
        "Give all members of a set", "1.0.0", "set", "O(N) in the members", "read set slow",
        tips="nondeterministic_output_order", key_specs=[_keys(1, "RO access")],
        arguments=[_arg("key", "key", key_spec=0)]),
    "smismember": _command(
        "Tell of each of several values whether a set has it", "6.2.0", "set", "O(1) for each value", "read set fast",
        key_specs=[_keys(1, "RO access")],
        arguments=[_arg("key", "key", key_spec=0), _arg("member", "string", flags="multiple")]),
    "smove": _command(
        "Carry a member over to another set", "1.0.0", "set", "O(1)", "write set fast",
        key_specs=[_keys(1, "RW access delete"), _keys(2, "RW insert")],
        arguments=[
            _arg("source", "key", key_spec=0), _arg("destination", "key", key_spec=1), _arg("member", "string")]),
    "spop": _command(
        "Take random members out of a set", "1.0.0", "set", "O(1) for each member", "write set fast",
        tips="nondeterministic_output", key_specs=[_keys(1, "RW access delete")],
        arguments=[_arg("key", "key", key_spec=0), _arg("count", "integer", flags="optional", since="3.2.0")],
        history=[("3.2.0", "the argument `count`")]),
    "srandmember": _command(
        "Give random members of a set", "1.0.0", "set", "O(1) for each member", "read set slow",
        tips="nondeterministic_output", key_specs=[_keys(1, "RO access")],
        arguments=[_arg("key", "key", key_spec=0), _arg("count", "integer", flags="optional", since="2.6.0")],
        history=[("2.6.0", "the argument `count`")]),
    "srem": _command(
        "Remove members from a set; an empty set goes", "1.0.0", "set", "O(1) for each member", "write set fast",
        key_specs=[_keys(1, "RW delete")],
        arguments=[_arg("key", "key", key_spec=0), _arg("member", "string", flags="multiple")],
        history=[("2.4.0", "several members at once")]),
    "sscan": _command(
        "Walk through the members of a set step by step", "2.8.0", "set",
        "O(1) for each call, O(N) for the whole walk", "read set slow", tips="nondeterministic_output",
        key_specs=[_keys(1, "RO access")],
        arguments=[
            _arg("key", "key", key_spec=0), _arg("cursor", "integer"),
            _arg("pattern", "pattern", "MATCH", flags="optional"),
            _arg("count", "integer", "COUNT", flags="optional")]),
    "sunion": _command(
        "Give the members of several sets together", "1.0.0", "set", "O(N) in the members of all sets",
        "read set slow", tips="nondeterministic_output_order", key_specs=[_keys(1, "RO access", last=-1)],
        arguments=[_arg("key", "key", flags="multiple", key_spec=0)]),
    "sunionstore": _command(
        "Store the members of several sets together", "1.0.0", "set", "O(N) in the members of all sets",
        "write set slow", key_specs=[_keys(1, "OW update"), _keys(2, "RO access", last=-1)],
        arguments=[_arg("destination", "key", key_spec=0), _arg("key", "key", flags="multiple", key_spec=1)]),
    "zadd": _command(
        "Add members with scores, or change the scores of members", "1.2.0", "sorted-set", "O(log N) for each member",
        "write sortedset fast", key_specs=[_keys(1, "RW update")],
        arguments=[
            _arg("key", "key", key_spec=0),
            _arg(
                "condition", "oneof", flags="optional", since="3.0.2",
                inner=[_arg("nx", "pure-token", "NX"), _arg("xx", "pure-token", "XX")]),
            _arg(
                "comparison", "oneof", flags="optional", since="6.2.0",
                inner=[_arg("gt", "pure-token", "GT"), _arg("lt", "pure-token", "LT")]),
            _arg("change", "pure-token", "CH", flags="optional", since="3.0.2"),
            _arg("increment", "pure-token", "INCR", flags="optional", since="3.0.2"),
            _arg(
                "score_member", "block", flags="multiple",
                inner=[_arg("score", "double"), _arg("member", "string")])],
        history=[
            ("2.4.0", "several members at a time"), ("3.0.2", "`NX`, `XX`, `CH` and `INCR`"),
            ("6.2.0", "`GT` and `LT`")]),
    "zcard": _command(
        "Count the members", "1.2.0", "sorted-set", "O(1)", "read sortedset fast", key_specs=[_keys(1, "RO")],
        arguments=[_arg("key", "key", key_spec=0)]),
    "zcount": _command(
        "Count the members with scores in a range", "2.0.0", "sorted-set", "O(log N)", "read sortedset fast",
        key_specs=[_keys(1, "RO access")],
        arguments=[_arg("key", "key", key_spec=0), _arg("min", "double"), _arg("max", "double")]),
    "zdiff": _command(
        "Take from a sorted set what others have", "6.2.0", "sorted-set",
        "O(N K) for K sources, the first of which has N members, O(M log M) in the result", "read sortedset slow",
        key_specs=[_counted_keys(1, "RO access")],
        arguments=[
            _arg("numkeys", "integer"), _arg("key", "key", flags="multiple", key_spec=0),
            _arg("withscores", "pure-token", "WITHSCORES", flags="optional")]),
    "zdiffstore": _command(
        "Store what a sorted set has and others have not", "6.2.0", "sorted-set",
        "O(N K) for K sources, the first of which has N members, O(M log M) in the result", "write sortedset slow",
        key_specs=[_keys(1, "OW update"), _counted_keys(2, "RO access")],
        arguments=[
            _arg("destination", "key", key_spec=0), _arg("numkeys", "integer"),
            _arg("key", "key", flags="multiple", key_spec=1)]),
    "zincrby": _command(
        "Add to the score of a member, creating it if need be", "1.2.0", "sorted-set", "O(log N)",
        "write sortedset fast", key_specs=[_keys(1, "RW access update")],
        arguments=[_arg("key", "key", key_spec=0), _arg("increment", "integer"), _arg("member", "string")]),
    "zinter": _command(
        "Intersect sorted sets", "6.2.0", "sorted-set",
        "O(N K) for K sources, the smallest of which has N members, O(M log M) in the result", "read sortedset slow",
        key_specs=[_counted_keys(1, "RO access")],
        arguments=[
            _arg("numkeys", "integer"), _arg("key", "key", flags="multiple", key_spec=0),
            _arg("weight", "integer", "WEIGHTS", flags="optional multiple"), _AGGREGATE,
            _arg("withscores", "pure-token", "WITHSCORES", flags="optional")]),
    "zintercard": _command(
        "Count the members that all sorted sets have", "7.0.0", "sorted-set",
        "O(N K) for K sources, the smallest of which has N members", "read sortedset slow",
        key_specs=[_counted_keys(1, "RO access")],
        arguments=[
            _arg("numkeys", "integer"), _arg("key", "key", flags="multiple", key_spec=0),
            _arg("limit", "integer", "LIMIT", flags="optional")]),
    "zinterstore": _command(
        "Store the intersection of sorted sets", "2.0.0", "sorted-set",
        "O(N K) for K sources, the smallest of which has N members, O(M log M) in the result", "write sortedset slow",
        key_specs=[_keys(1, "OW update"), _counted_keys(2, "RO access")],
        arguments=[
            _arg("destination", "key", key_spec=0), _arg("numkeys", "integer"),
            _arg("key", "key", flags="multiple", key_spec=1),
            _arg("weight", "integer", "WEIGHTS", flags="optional multiple"), _AGGREGATE]),
    "zlexcount": _command(
        "Count the members in a range of members, all scores being the same", "2.8.9", "sorted-set", "O(log N)",
        "read sortedset fast", key_specs=[_keys(1, "RO access")],
        arguments=[_arg("key", "key", key_spec=0), _arg("min", "string"), _arg("max", "string")]),
    "zmpop": _command(
        "Pop members from the first of several sorted sets that has any", "7.0.0", "sorted-set",
        "O(K) in the keys and O(M log N) for M of N members", "write sortedset slow",
        key_specs=[_counted_keys(1, "RW access delete")],
        arguments=[
            _arg("numkeys", "integer"), _arg("key", "key", flags="multiple", key_spec=0),
            _arg("where", "oneof", inner=[_arg("min", "pure-token", "MIN"), _arg("max", "pure-token", "MAX")]),
            _arg("count", "integer", "COUNT", flags="optional")]),
    "zmscore": _command(
        "The scores of several members", "6.2.0", "sorted-set", "O(N) in the members asked for", "read sortedset fast",
        key_specs=[_keys(1, "RO access")],
        arguments=[_arg("key", "key", key_spec=0), _arg("member", "string", flags="multiple")]),
    "zpopmax": _command(
        "Remove and tell the members with the highest scores", "5.0.0", "sorted-set", "O(M log N) for M of N members",
        "write sortedset fast",
        key_specs=[_keys(1, "RW access delete")],
        arguments=[_arg("key", "key", key_spec=0), _arg("count", "integer", flags="optional")]),
    "zpopmin": _command(
        "Remove and tell the members with the lowest scores", "5.0.0", "sorted-set", "O(M log N) for M of N members",
        "write sortedset fast",
        key_specs=[_keys(1, "RW access delete")],
        arguments=[_arg("key", "key", key_spec=0), _arg("count", "integer", flags="optional")]),
    "zrandmember": _command(
        "Tell members picked at random", "6.2.0", "sorted-set", "O(N) in the members told", "read sortedset slow",
        tips="nondeterministic_output",
        key_specs=[_keys(1, "RO access")],
        arguments=[
            _arg("key", "key", key_spec=0),
            _arg(
                "options", "block", flags="optional",
                inner=[_arg("count", "integer"), _arg("withscores", "pure-token", "WITHSCORES", flags="optional")])]),
    "zrange": _command(
        "The members in a range of ranks, scores or members", "1.2.0", "sorted-set",
        "O(log N + M) with M members in the answer", "read sortedset slow", key_specs=[_keys(1, "RO access")],
        arguments=[
            _arg("key", "key", key_spec=0), _arg("start", "string"), _arg("stop", "string"),
            _arg(
                "sortby", "oneof", flags="optional", since="6.2.0",
                inner=[_arg("byscore", "pure-token", "BYSCORE"), _arg("bylex", "pure-token", "BYLEX")]),
            _arg("rev", "pure-token", "REV", flags="optional", since="6.2.0"),
            _arg(
                "offset_count", "block", "LIMIT", flags="optional", since="6.2.0",
                inner=[_arg("offset", "integer"), _arg("count", "integer")]),
            _arg("withscores", "pure-token", "WITHSCORES", flags="optional")],
        history=[("6.2.0", "`REV`, `BYSCORE`, `BYLEX` and `LIMIT`")]),
    "zrangebylex": _command(
        "The members in a range of members, all scores being the same", "2.8.9", "sorted-set",
        "O(log N + M) with M members in the answer", "read sortedset slow", key_specs=[_keys(1, "RO access")],
        arguments=[
            _arg("key", "key", key_spec=0), _arg("min", "string"), _arg("max", "string"),
            _arg(
                "offset_count", "block", "LIMIT", flags="optional",
                inner=[_arg("offset", "integer"), _arg("count", "integer")])],
        doc_flags="deprecated", deprecated=("6.2.0", "`ZRANGE` with `BYLEX`")),
    "zrangebyscore": _command(
        "The members with scores in a range", "1.0.5", "sorted-set", "O(log N + M) with M members in the answer",
        "read sortedset slow", key_specs=[_keys(1, "RO access")],
        arguments=[
            _arg("key", "key", key_spec=0), _arg("min", "double"), _arg("max", "double"),
            _arg("withscores", "pure-token", "WITHSCORES", flags="optional", since="2.0.0"),
            _arg(
                "offset_count", "block", "LIMIT", flags="optional",
                inner=[_arg("offset", "integer"), _arg("count", "integer")])],
        history=[("2.0.0", "`WITHSCORES`")], doc_flags="deprecated", deprecated=("6.2.0", "`ZRANGE` with `BYSCORE`")),
    "zrangestore": _command(
        "Store a range of a sorted set under another key", "6.2.0", "sorted-set",
        "O(log N + M log M) with M members in the range", "write sortedset slow",
        key_specs=[_keys(1, "OW update"), _keys(2, "RO access")],
        arguments=[
            _arg("dst", "key", key_spec=0), _arg("src", "key", key_spec=1), _arg("min", "string"),
            _arg("max", "string"),
            _arg(
                "sortby", "oneof", flags="optional",
                inner=[_arg("byscore", "pure-token", "BYSCORE"), _arg("bylex", "pure-token", "BYLEX")]),
            _arg("rev", "pure-token", "REV", flags="optional"),
            _arg(
                "offset_count", "block", "LIMIT", flags="optional",
                inner=[_arg("offset", "integer"), _arg("count", "integer")])]),
    "zrank": _command(
        "The rank of a member, by rising scores", "2.0.0", "sorted-set", "O(log N)", "read sortedset fast",
        key_specs=[_keys(1, "RO access")],
        arguments=[_arg("key", "key", key_spec=0), _arg("member", "string")]),
    "zrem": _command(
        "Remove members", "1.2.0", "sorted-set", "O(log N) for each member", "write sortedset fast",
        key_specs=[_keys(1, "RW delete")],
        arguments=[_arg("key", "key", key_spec=0), _arg("member", "string", flags="multiple")],
        history=[("2.4.0", "several members at a time")]),
    "zremrangebylex": _command(
        "Remove the members in a range of members, all scores being the same", "2.8.9", "sorted-set",
        "O(log N + M) with M members removed", "write sortedset slow", key_specs=[_keys(1, "RW delete")],
        arguments=[_arg("key", "key", key_spec=0), _arg("min", "string"), _arg("max", "string")]),
    "zremrangebyrank": _command(
        "Remove the members in a range of ranks", "2.0.0", "sorted-set", "O(log N + M) with M members removed",
        "write sortedset slow", key_specs=[_keys(1, "RW delete")],
        arguments=[_arg("key", "key", key_spec=0), _arg("start", "integer"), _arg("stop", "integer")]),
    "zremrangebyscore": _command(
        "Remove the members with scores in a range", "1.2.0", "sorted-set", "O(log N + M) with M members removed",
        "write sortedset slow", key_specs=[_keys(1, "RW delete")],
        arguments=[_arg("key", "key", key_spec=0), _arg("min", "double"), _arg("max", "double")]),
    "zrevrange": _command(
        "The members in a range of ranks, by falling scores", "1.2.0", "sorted-set",
        "O(log N + M) with M members in the answer", "read sortedset slow", key_specs=[_keys(1, "RO access")],
        arguments=[
            _arg("key", "key", key_spec=0), _arg("start", "integer"), _arg("stop", "integer"),
            _arg("withscores", "pure-token", "WITHSCORES", flags="optional")],
        doc_flags="deprecated", deprecated=("6.2.0", "`ZRANGE` with `REV`")),
    "zrevrangebylex": _command(
        "The members in a range of members, the last first, all scores being the same", "2.8.9", "sorted-set",
        "O(log N + M) with M members in the answer", "read sortedset slow", key_specs=[_keys(1, "RO access")],
        arguments=[
            _arg("key", "key", key_spec=0), _arg("max", "string"), _arg("min", "string"),
            _arg(
                "offset_count", "block", "LIMIT", flags="optional",
                inner=[_arg("offset", "integer"), _arg("count", "integer")])],
        doc_flags="deprecated", deprecated=("6.2.0", "`ZRANGE` with `REV` and `BYLEX`")),
    "zrevrangebyscore": _command(
        "The members with scores in a range, the highest first", "2.2.0", "sorted-set",
        "O(log N + M) with M members in the answer", "read sortedset slow", key_specs=[_keys(1, "RO access")],
        arguments=[
            _arg("key", "key", key_spec=0), _arg("max", "double"), _arg("min", "double"),
            _arg("withscores", "pure-token", "WITHSCORES", flags="optional"),
            _arg(
                "offset_count", "block", "LIMIT", flags="optional",
                inner=[_arg("offset", "integer"), _arg("count", "integer")])],
        history=[("2.1.6", "`min` and `max` may be exclusive")], doc_flags="deprecated",
        deprecated=("6.2.0", "`ZRANGE` with `REV` and `BYSCORE`")),
    "zrevrank": _command(
        "The rank of a member, by falling scores", "2.0.0", "sorted-set", "O(log N)", "read sortedset fast",
        key_specs=[_keys(1, "RO access")],
        arguments=[_arg("key", "key", key_spec=0), _arg("member", "string")]),
    "zscan": _command(
        "Walk through the members of a sorted set step by step", "2.8.0", "sorted-set",
        "O(1) for each call, O(N) for the whole walk", "read sortedset slow", tips="nondeterministic_output",
        key_specs=[_keys(1, "RO access")],
        arguments=[
            _arg("key", "key", key_spec=0), _arg("cursor", "integer"),
            _arg("pattern", "pattern", "MATCH", flags="optional"),
            _arg("count", "integer", "COUNT", flags="optional")]),
    "zscore": _command(
        "The score of a member", "1.2.0", "sorted-set", "O(1)", "read sortedset fast",
        key_specs=[_keys(1, "RO access")],
        arguments=[_arg("key", "key", key_spec=0), _arg("member", "string")]),
    "zunion": _command(
        "Unite sorted sets", "6.2.0", "sorted-set", "O(N) in all members of the sources, O(M log M) in the result",
        "read sortedset slow",
        key_specs=[_counted_keys(1, "RO access")],
        arguments=[
            _arg("numkeys", "integer"), _arg("key", "key", flags="multiple", key_spec=0),
            _arg("weight", "integer", "WEIGHTS", flags="optional multiple"), _AGGREGATE,
            _arg("withscores", "pure-token", "WITHSCORES", flags="optional")]),
    "zunionstore": _command(
        "Store the union of sorted sets", "2.0.0", "sorted-set",
        "O(N) in all members of the sources, O(M log M) in the result", "write sortedset slow",
        key_specs=[_keys(1, "OW update"), _counted_keys(2, "RO access")],
        arguments=[
            _arg("destination", "key", key_spec=0), _arg("numkeys", "integer"),
            _arg("key", "key", flags="multiple", key_spec=1),
            _arg("weight", "integer", "WEIGHTS", flags="optional multiple"), _AGGREGATE]),
}
