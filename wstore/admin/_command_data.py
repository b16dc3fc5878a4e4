"""What COMMAND says of each command: one row a command or "parent|sub", in alphabetical order.

Rows are facts (since, group, ACL categories, tips, key specs, arguments, versions of the history), which
tests/compat/test_command.py holds against a real redis-server and tests/compat/command_facts.py prints, and words
(summary, complexity, what each version of the history brought), which are our own.  Imported when COMMAND is first
asked; read it through command_table.py.  Hashes, lists, sets and sorted sets are in _command_collections.py.
"""
from wstore.admin._command_collections import COLLECTION_COMMANDS
from wstore.admin._command_rows import _arg, _command, _keys, _unknown_keys

_SORT_ARGUMENTS = [
    _arg("key", "key", key_spec=0), _arg("pattern", "pattern", "BY", flags="optional", key_spec=1),
    _arg(
        "offset_count", "block", "LIMIT", flags="optional",
        inner=[_arg("offset", "integer"), _arg("count", "integer")]),
    _arg("pattern", "pattern", "GET", flags="optional multiple multiple_token", key_spec=1),
    _arg(
        "order", "oneof", flags="optional",
        inner=[_arg("asc", "pure-token", "ASC"), _arg("desc", "pure-token", "DESC")]),
    _arg("sorting", "pure-token", "ALPHA", flags="optional")]
_MASTER_OR_NONE = [_arg("args", "oneof", inner=[
    _arg("host-port", "block", inner=[_arg("host", "string"), _arg("port", "integer")]),
    _arg("no-one", "block", inner=[_arg("no", "pure-token", "NO"), _arg("one", "pure-token", "ONE")])])]

COMMANDS = {
    **COLLECTION_COMMANDS,
    "append": _command(
        "Add bytes to the end of a string, creating it if need be", "2.0.0", "string",
        "O(N) in the bytes added, on average", "write string fast", key_specs=[_keys(1, "RW insert")],
        arguments=[_arg("key", "key", key_spec=0), _arg("value", "string")]),
    "auth": _command(
        "Log in with a password, or a user name and a password", "1.0.0", "connection",
        "O(N) in the user's passwords", "fast connection",
        arguments=[_arg("username", "string", flags="optional", since="6.0.0"), _arg("password", "string")],
        history=[("6.0.0", "a user name")]),
    "backup": _command(
        "Copy what the server would start from into the folder of backups", "0.2.0", "server",
        "O(1) with the append log on, else O(N) in the keys, in the background", "admin slow dangerous",
        arguments=[_arg("name", "string", flags="optional")]),
    "bgrewriteaof": _command(
        "Begin a new base file of the append log, in the background", "1.0.0", "server", "O(1)",
        "admin slow dangerous"),
    "bgsave": _command(
        "Save all keys to the RDB file, in the background", "1.0.0", "server", "O(1)", "admin slow dangerous",
        arguments=[_arg("schedule", "pure-token", "SCHEDULE", flags="optional", since="3.2.2")],
        history=[("3.2.2", "the option `SCHEDULE`")]),
    "bitcount": _command(
        "Count the bits that are 1, in a whole string or a range", "2.6.0", "bitmap", "O(N) in the bytes looked at",
        "read bitmap slow", key_specs=[_keys(1, "RO access")],
        arguments=[
            _arg("key", "key", key_spec=0),
            _arg(
                "index", "block", flags="optional",
                inner=[
                    _arg("start", "integer"), _arg("end", "integer"),
                    _arg(
                        "index_unit", "oneof", flags="optional", since="7.0.0",
                        inner=[_arg("byte", "pure-token", "BYTE"), _arg("bit", "pure-token", "BIT")])])],
        history=[("7.0.0", "the unit `BYTE` or `BIT` of the range")]),
    "bitfield": _command(
        "Read, write and count with integers of any width inside a string", "3.2.0", "bitmap",
        "O(1) for each operation", "write bitmap slow",
        key_specs=[_keys(1, "RW access update variable_flags", notes="what it does depends on its operations")],
        arguments=[
            _arg("key", "key", key_spec=0),
            _arg(
                "operation", "oneof", flags="optional multiple",
                inner=[
                    _arg(
                        "encoding_offset", "block", "GET",
                        inner=[_arg("encoding", "string"), _arg("offset", "integer")]),
                    _arg(
                        "write", "block",
                        inner=[
                            _arg(
                                "wrap_sat_fail", "oneof", "OVERFLOW", flags="optional",
                                inner=[
                                    _arg("wrap", "pure-token", "WRAP"), _arg("sat", "pure-token", "SAT"),
                                    _arg("fail", "pure-token", "FAIL")]),
                            _arg(
                                "write_operation", "oneof",
                                inner=[
                                    _arg(
                                        "encoding_offset_value", "block", "SET",
                                        inner=[
                                            _arg("encoding", "string"), _arg("offset", "integer"),
                                            _arg("value", "integer")]),
                                    _arg(
                                        "encoding_offset_increment", "block", "INCRBY",
                                        inner=[
                                            _arg("encoding", "string"), _arg("offset", "integer"),
                                            _arg("increment", "integer")])])])])]),
    "bitfield_ro": _command(
        "Read integers of any width inside a string", "6.0.0", "bitmap", "O(1) for each operation",
        "read bitmap fast", key_specs=[_keys(1, "RO access")],
        arguments=[
            _arg("key", "key", key_spec=0),
            _arg(
                "encoding_offset", "block", "GET", flags="optional multiple multiple_token",
                inner=[_arg("encoding", "string"), _arg("offset", "integer")])]),
    "bitop": _command(
        "Combine strings bit by bit with AND, OR, XOR or NOT and store the result", "2.6.0", "bitmap",
        "O(N) in the bytes of the longest string", "write bitmap slow",
        key_specs=[_keys(2, "OW update"), _keys(3, "RO access", last=-1)],
        arguments=[
            _arg("operation", "string"), _arg("destkey", "key", key_spec=0),
            _arg("key", "key", flags="multiple", key_spec=1)]),
    "bitpos": _command(
        "Look for the first bit that is 0 or 1", "2.8.7", "bitmap", "O(N) in the bytes looked at", "read bitmap slow",
        key_specs=[_keys(1, "RO access")],
        arguments=[
            _arg("key", "key", key_spec=0), _arg("bit", "integer"),
            _arg(
                "index", "block", flags="optional",
                inner=[
                    _arg("start", "integer"),
                    _arg(
                        "end_index", "block", flags="optional",
                        inner=[
                            _arg("end", "integer"),
                            _arg(
                                "index_unit", "oneof", flags="optional", since="7.0.0",
                                inner=[_arg("byte", "pure-token", "BYTE"), _arg("bit", "pure-token", "BIT")])])])],
        history=[("7.0.0", "the unit `BYTE` or `BIT` of the range")]),
    "client": _command("Manage client connections", "2.4.0", "connection", "As the subcommand", "slow"),
    "client|caching": _command(
        "Say whether the keys of the next command are to be tracked", "6.0.0", "connection", "O(1)",
        "slow connection",
        arguments=[_arg("mode", "oneof", inner=[_arg("yes", "pure-token", "YES"), _arg("no", "pure-token", "NO")])]),
    "client|getname": _command("Tell the name of this connection", "2.6.9", "connection", "O(1)", "slow connection"),
    "client|getredir": _command(
        "Tell which client gets this connection's invalidation messages", "6.0.0", "connection", "O(1)",
        "slow connection"),
    "client|help": _command("List the subcommands", "5.0.0", "connection", "O(1)", "slow connection"),
    "client|id": _command("Tell the ID of this connection", "5.0.0", "connection", "O(1)", "slow connection"),
    "client|info": _command(
        "Describe this connection", "6.2.0", "connection", "O(1)", "slow connection", tips="nondeterministic_output"),
    "client|kill": _command(
        "Close connections by address, ID, type, user or age", "2.4.0", "connection", "O(N) in the connections",
        "admin slow dangerous connection",
        arguments=[
            _arg(
                "filter", "oneof",
                inner=[
                    _arg("ip:port", "string", deprecated="2.8.12"),
                    _arg(
                        "new-format", "oneof", flags="multiple",
                        inner=[
                            _arg("client-id", "integer", "ID", flags="optional", since="2.8.12"),
                            _arg(
                                "normal_master_slave_pubsub", "oneof", "TYPE", flags="optional", since="2.8.12",
                                inner=[
                                    _arg("normal", "pure-token", "NORMAL"),
                                    _arg("master", "pure-token", "MASTER", since="3.2.0"),
                                    _arg("slave", "pure-token", "SLAVE"),
                                    _arg("replica", "pure-token", "REPLICA", since="5.0.0"),
                                    _arg("pubsub", "pure-token", "PUBSUB")]),
                            _arg("username", "string", "USER", flags="optional"),
                            _arg("ip:port", "string", "ADDR", flags="optional"),
                            _arg("ip:port", "string", "LADDR", flags="optional", since="6.2.0"),
                            _arg("yes/no", "string", "SKIPME", flags="optional")])])],
        history=[
            ("2.8.12", "filters by name"), ("2.8.12", "the filter `ID`"), ("3.2.0", "the type `master`"),
            ("5.0.0", "the type `replica`; `slave` means the same"), ("6.2.0", "the filter `LADDR`")]),
    "client|list": _command(
        "Describe all connections", "2.4.0", "connection", "O(N) in the connections",
        "admin slow dangerous connection", tips="nondeterministic_output",
        arguments=[
            _arg(
                "normal_master_replica_pubsub", "oneof", "TYPE", flags="optional", since="5.0.0",
                inner=[
                    _arg("normal", "pure-token", "NORMAL"), _arg("master", "pure-token", "MASTER"),
                    _arg("replica", "pure-token", "REPLICA"), _arg("pubsub", "pure-token", "PUBSUB")]),
            _arg(
                "id", "block", "ID", flags="optional", since="6.2.0",
                inner=[_arg("client-id", "integer", flags="multiple")])],
        history=[
            ("2.8.12", "the field `id`"), ("5.0.0", "the filter `TYPE`"), ("6.0.0", "the field `user`"),
            ("6.2.0", "the fields `argv-mem`, `tot-mem`, `laddr`, `redir`, the filter `ID`"),
            ("7.0.0", "the fields `resp`, `multi-mem`, `rbs`, `rbp`"), ("7.0.3", "the field `ssub`")]),
    "client|no-evict": _command(
        "Spare this connection when clients are evicted", "7.0.0", "connection", "O(1)",
        "admin slow dangerous connection",
        arguments=[
            _arg("enabled", "oneof", inner=[_arg("on", "pure-token", "ON"), _arg("off", "pure-token", "OFF")])]),
    "client|no-touch": _command(
        "Let the commands of this connection leave access times alone", "7.2.0", "connection", "O(1)",
        "slow connection",
        arguments=[
            _arg("enabled", "oneof", inner=[_arg("on", "pure-token", "ON"), _arg("off", "pure-token", "OFF")])]),
    "client|pause": _command(
        "Hold the commands of all clients for some time", "2.9.50", "connection", "O(1)",
        "admin slow dangerous connection",
        arguments=[
            _arg("timeout", "integer"),
            _arg(
                "mode", "oneof", flags="optional", since="6.2.0",
                inner=[_arg("write", "pure-token", "WRITE"), _arg("all", "pure-token", "ALL")])],
        history=[("6.2.0", "the modes `WRITE` and `ALL`")]),
    "client|reply": _command(
        "Switch the replies to this connection on or off", "3.2.0", "connection", "O(1)", "slow connection",
        arguments=[
            _arg(
                "on_off_skip", "oneof",
                inner=[
                    _arg("on", "pure-token", "ON"), _arg("off", "pure-token", "OFF"),
                    _arg("skip", "pure-token", "SKIP")])]),
    "client|setinfo": _command(
        "Store the name or version of the client library", "7.2.0", "connection", "O(1)", "slow connection",
        tips="request_policy:all_nodes response_policy:all_succeeded",
        arguments=[
            _arg(
                "attr", "oneof",
                inner=[_arg("libname", "string", "LIB-NAME"), _arg("libver", "string", "LIB-VER")])]),
    "client|setname": _command(
        "Name this connection", "2.6.9", "connection", "O(1)", "slow connection",
        arguments=[_arg("connection-name", "string")]),
    "client|tracking": _command(
        "Switch invalidation messages for client-side caching on or off", "6.0.0", "connection", "O(1)",
        "slow connection",
        arguments=[
            _arg("status", "oneof", inner=[_arg("on", "pure-token", "ON"), _arg("off", "pure-token", "OFF")]),
            _arg("client-id", "integer", "REDIRECT", flags="optional"),
            _arg("prefix", "string", "PREFIX", flags="optional multiple multiple_token"),
            _arg("bcast", "pure-token", "BCAST", flags="optional"),
            _arg("optin", "pure-token", "OPTIN", flags="optional"),
            _arg("optout", "pure-token", "OPTOUT", flags="optional"),
            _arg("noloop", "pure-token", "NOLOOP", flags="optional")]),
    "client|trackinginfo": _command(
        "Describe how this connection tracks keys", "6.2.0", "connection", "O(1)", "slow connection"),
    "client|unblock": _command(
        "Wake a client up that waits in a blocking command", "5.0.0", "connection", "O(log N) in the connections",
        "admin slow dangerous connection",
        arguments=[
            _arg("client-id", "integer"),
            _arg(
                "timeout_error", "oneof", flags="optional",
                inner=[_arg("timeout", "pure-token", "TIMEOUT"), _arg("error", "pure-token", "ERROR")])]),
    "client|unpause": _command(
        "Let paused clients go on", "6.2.0", "connection", "O(N) in the paused clients",
        "admin slow dangerous connection"),
    "cluster": _command("Look at slots", "3.0.0", "cluster", "As the subcommand", "slow"),
    "cluster|addslots": _command(
        "Take slots over", "3.0.0", "cluster", "O(N) in the slots", "admin slow dangerous",
        arguments=[_arg("slot", "integer", flags="multiple")]),
    "cluster|addslotsrange": _command(
        "Take ranges of slots over", "7.0.0", "cluster", "O(N) in the slots", "admin slow dangerous",
        arguments=[
            _arg(
                "start-slot_end-slot", "block", flags="multiple",
                inner=[_arg("start-slot", "integer"), _arg("end-slot", "integer")])]),
    "cluster|bumpepoch": _command(
        "Raise this node's configuration epoch", "3.0.0", "cluster", "O(1)", "admin slow dangerous",
        tips="nondeterministic_output"),
    "cluster|count-failure-reports": _command(
        "Count how many nodes report another one as failing", "3.0.0", "cluster", "O(N) in the reports",
        "admin slow dangerous", tips="nondeterministic_output", arguments=[_arg("node-id", "string")]),
    "cluster|countkeysinslot": _command(
        "Count the keys of a slot", "3.0.0", "cluster", "O(1)", "slow", arguments=[_arg("slot", "integer")]),
    "cluster|delslots": _command(
        "Give slots up", "3.0.0", "cluster", "O(N) in the slots", "admin slow dangerous",
        arguments=[_arg("slot", "integer", flags="multiple")]),
    "cluster|delslotsrange": _command(
        "Give ranges of slots up", "7.0.0", "cluster", "O(N) in the slots", "admin slow dangerous",
        arguments=[
            _arg(
                "start-slot_end-slot", "block", flags="multiple",
                inner=[_arg("start-slot", "integer"), _arg("end-slot", "integer")])]),
    "cluster|failover": _command(
        "Let this replica take its primary's place", "3.0.0", "cluster", "O(1)", "admin slow dangerous",
        arguments=[
            _arg(
                "options", "oneof", flags="optional",
                inner=[_arg("force", "pure-token", "FORCE"), _arg("takeover", "pure-token", "TAKEOVER")])]),
    "cluster|flushslots": _command("Give all slots up", "3.0.0", "cluster", "O(1)", "admin slow dangerous"),
    "cluster|forget": _command(
        "Strike a node from the list of nodes", "3.0.0", "cluster", "O(1)", "admin slow dangerous",
        arguments=[_arg("node-id", "string")]),
    "cluster|getkeysinslot": _command(
        "List keys of a slot", "3.0.0", "cluster", "O(N) in the keys returned", "slow",
        tips="nondeterministic_output", arguments=[_arg("slot", "integer"), _arg("count", "integer")]),
    "cluster|help": _command("List the subcommands", "5.0.0", "cluster", "O(1)", "slow"),
    "cluster|info": _command(
        "Report the state of the cluster", "3.0.0", "cluster", "O(1)", "slow", tips="nondeterministic_output"),
    "cluster|keyslot": _command(
        "Tell which slot a key belongs to", "3.0.0", "cluster", "O(N) in the bytes of the key", "slow",
        arguments=[_arg("key", "string")]),
    "cluster|links": _command(
        "List the connections to other nodes", "7.0.0", "cluster", "O(N) in the nodes", "slow",
        tips="nondeterministic_output"),
    "cluster|meet": _command(
        "Get to know another node", "3.0.0", "cluster", "O(1)", "admin slow dangerous",
        arguments=[
            _arg("ip", "string"), _arg("port", "integer"),
            _arg("cluster_bus_port", "integer", flags="optional", since="4.0.0")],
        history=[("4.0.0", "a port for the cluster bus")]),
    "cluster|myid": _command("Tell the ID of this node", "3.0.0", "cluster", "O(1)", "slow"),
    "cluster|nodes": _command(
        "Describe all nodes, a line each", "3.0.0", "cluster", "O(N) in the nodes", "slow",
        tips="nondeterministic_output"),
    "cluster|replicas": _command(
        "Describe the replicas of a node", "5.0.0", "cluster", "O(1)", "admin slow dangerous",
        tips="nondeterministic_output", arguments=[_arg("node-id", "string")]),
    "cluster|replicate": _command(
        "Make this node a replica of another", "3.0.0", "cluster", "O(1)", "admin slow dangerous",
        arguments=[_arg("node-id", "string")]),
    "cluster|reset": _command(
        "Leave the cluster and forget it", "3.0.0", "cluster", "O(N) in the nodes", "admin slow dangerous",
        arguments=[
            _arg(
                "hard_soft", "oneof", flags="optional",
                inner=[_arg("hard", "pure-token", "HARD"), _arg("soft", "pure-token", "SOFT")])]),
    "cluster|saveconfig": _command(
        "Write the cluster's state to disk", "3.0.0", "cluster", "O(1)", "admin slow dangerous"),
    "cluster|set-config-epoch": _command(
        "Set the configuration epoch of a new node", "3.0.0", "cluster", "O(1)", "admin slow dangerous",
        arguments=[_arg("config-epoch", "integer")]),
    "cluster|setslot": _command(
        "Say who has a slot or is to have it", "3.0.0", "cluster", "O(1)", "admin slow dangerous",
        arguments=[
            _arg("slot", "integer"),
            _arg(
                "subcommand", "oneof",
                inner=[
                    _arg("node-id", "string", "IMPORTING"), _arg("node-id", "string", "MIGRATING"),
                    _arg("node-id", "string", "NODE"), _arg("stable", "pure-token", "STABLE")])]),
    "cluster|shards": _command(
        "Describe the shards: their slots and nodes", "7.0.0", "cluster", "O(N) in the nodes", "slow",
        tips="nondeterministic_output"),
    "cluster|slaves": _command(
        "Describe the replicas of a node (old name of CLUSTER REPLICAS)", "3.0.0", "cluster", "O(1)",
        "admin slow dangerous", tips="nondeterministic_output", arguments=[_arg("node-id", "string")],
        doc_flags="deprecated", deprecated=("5.0.0", "`CLUSTER REPLICAS`")),
    "cluster|slots": _command(
        "List ranges of slots with their nodes", "3.0.0", "cluster", "O(N) in the nodes", "slow",
        tips="nondeterministic_output", history=[("4.0.0", "the nodes' IDs"), ("7.0.0", "more about the network")],
        doc_flags="deprecated", deprecated=("7.0.0", "`CLUSTER SHARDS`")),
    "command": _command(
        "Describe the commands of this server", "2.8.13", "server", "O(N) in the commands", "slow connection",
        tips="nondeterministic_output_order"),
    "commands": _command("Manage the loaded command module", "0.1.0", "server", "As the subcommand", "slow"),
    "commands|help": _command("List the subcommands", "0.1.0", "server", "O(1)", "slow"),
    "commands|reload": _command(
        "Swap in a new build of the command module, keeping data and connections", "0.1.0", "server",
        "O(N) in the commands", "admin slow dangerous", arguments=[_arg("path", "string", flags="optional")]),
    "command|count": _command("Count the commands", "2.8.13", "server", "O(1)", "slow connection"),
    "command|docs": _command(
        "Document commands: summaries and arguments", "7.0.0", "server", "O(N) in the commands asked for",
        "slow connection", tips="nondeterministic_output_order",
        arguments=[_arg("command-name", "string", flags="optional multiple")]),
    "command|getkeys": _command(
        "Pick the keys out of a full command", "2.8.13", "server", "O(N) in its arguments", "slow connection"),
    "command|getkeysandflags": _command(
        "Pick the keys and what happens to each out of a full command", "7.0.0", "server", "O(N) in its arguments",
        "slow connection"),
    "command|help": _command("List the subcommands", "5.0.0", "server", "O(1)", "slow connection"),
    "command|info": _command(
        "Describe some commands, or all", "2.8.13", "server", "O(N) in the commands asked for", "slow connection",
        tips="nondeterministic_output_order", arguments=[_arg("command-name", "string", flags="optional multiple")],
        history=[("7.0.0", "without names it describes all")]),
    "command|list": _command(
        "List the names of the commands", "7.0.0", "server", "O(N) in the commands", "slow connection",
        tips="nondeterministic_output_order",
        arguments=[
            _arg(
                "filterby", "oneof", "FILTERBY", flags="optional",
                inner=[
                    _arg("module-name", "string", "MODULE"), _arg("category", "string", "ACLCAT"),
                    _arg("pattern", "pattern", "PATTERN")])]),
    "config": _command("Read and change the configuration", "2.0.0", "server", "As the subcommand", "slow"),
    "config|get": _command(
        "Read configuration directives by name or pattern", "2.0.0", "server", "O(N) in the patterns",
        "admin slow dangerous",
        arguments=[_arg("parameter", "block", flags="multiple", inner=[_arg("parameter", "string")])],
        history=[("7.0.0", "several patterns")]),
    "config|help": _command("List the subcommands", "5.0.0", "server", "O(1)", "slow"),
    "config|resetstat": _command(
        "Zero the counters that INFO shows", "2.0.0", "server", "O(1)", "admin slow dangerous"),
    "config|rewrite": _command(
        "Write the configuration in force back to its file", "2.8.0", "server", "O(1)", "admin slow dangerous"),
    "config|set": _command(
        "Change configuration directives, all or none", "2.0.0", "server", "O(N) in the directives",
        "admin slow dangerous", tips="request_policy:all_nodes response_policy:all_succeeded",
        arguments=[
            _arg(
                "parameter_value", "block", flags="multiple",
                inner=[_arg("parameter", "string"), _arg("value", "string")])],
        history=[("7.0.0", "several directives")]),
    "copy": _command(
        "Copy a value to another key", "6.2.0", "generic", "O(N) in the elements of the value; O(1) for a string",
        "keyspace write slow", key_specs=[_keys(1, "RO access"), _keys(2, "OW update")],
        arguments=[
            _arg("source", "key", key_spec=0), _arg("destination", "key", key_spec=1),
            _arg("destination-db", "integer", "DB", flags="optional"),
            _arg("replace", "pure-token", "REPLACE", flags="optional")]),
    "dbsize": _command(
        "Count the keys of the selected database", "1.0.0", "server", "O(1)", "keyspace read fast",
        tips="request_policy:all_shards response_policy:agg_sum"),
    "debug": _command(
        "Tools for testing the server", "1.0.0", "server", "As the subcommand", "admin slow dangerous",
        doc_flags="syscmd"),
    "decr": _command(
        "Take one from the integer at a key", "1.0.0", "string", "O(1)", "write string fast",
        key_specs=[_keys(1, "RW access update")], arguments=[_arg("key", "key", key_spec=0)]),
    "decrby": _command(
        "Take a number from the integer at a key", "1.0.0", "string", "O(1)", "write string fast",
        key_specs=[_keys(1, "RW access update")],
        arguments=[_arg("key", "key", key_spec=0), _arg("decrement", "integer")]),
    "del": _command(
        "Remove keys", "1.0.0", "generic", "O(N) in the keys named, and in the elements of collections among them",
        "keyspace write slow", tips="request_policy:multi_shard response_policy:agg_sum",
        key_specs=[_keys(1, "RM delete", last=-1)], arguments=[_arg("key", "key", flags="multiple", key_spec=0)]),
    "discard": _command("Forget the queued commands", "2.0.0", "transactions", "O(N) in the queued commands",
                        "fast transaction"),
    "dump": _command(
        "Serialize the value of a key", "2.6.0", "generic", "O(N) in the bytes of the value", "keyspace read slow",
        tips="nondeterministic_output", key_specs=[_keys(1, "RO access")],
        arguments=[_arg("key", "key", key_spec=0)]),
    "echo": _command(
        "Answer with the argument", "1.0.0", "connection", "O(1)", "fast connection",
        arguments=[_arg("message", "string")]),
    "exec": _command(
        "Run the queued commands, nothing in between", "1.2.0", "transactions", "that of the queued commands",
        "slow transaction"),
    "exists": _command(
        "Count how many of the named keys are there", "1.0.0", "generic", "O(N) in the keys named",
        "keyspace read fast", tips="request_policy:multi_shard response_policy:agg_sum",
        key_specs=[_keys(1, "RO", last=-1)], arguments=[_arg("key", "key", flags="multiple", key_spec=0)],
        history=[("3.0.3", "several keys")]),
    "expire": _command(
        "Let a key expire after some seconds", "1.0.0", "generic", "O(1)", "keyspace write fast",
        key_specs=[_keys(1, "RW update")],
        arguments=[
            _arg("key", "key", key_spec=0), _arg("seconds", "integer"),
            _arg(
                "condition", "oneof", flags="optional", since="7.0.0",
                inner=[
                    _arg("nx", "pure-token", "NX"), _arg("xx", "pure-token", "XX"), _arg("gt", "pure-token", "GT"),
                    _arg("lt", "pure-token", "LT")])],
        history=[("7.0.0", "the options `NX`, `XX`, `GT`, `LT`")]),
    "expireat": _command(
        "Let a key expire at a Unix time in seconds", "1.2.0", "generic", "O(1)", "keyspace write fast",
        key_specs=[_keys(1, "RW update")],
        arguments=[
            _arg("key", "key", key_spec=0), _arg("unix-time-seconds", "unix-time"),
            _arg(
                "condition", "oneof", flags="optional", since="7.0.0",
                inner=[
                    _arg("nx", "pure-token", "NX"), _arg("xx", "pure-token", "XX"), _arg("gt", "pure-token", "GT"),
                    _arg("lt", "pure-token", "LT")])],
        history=[("7.0.0", "the options `NX`, `XX`, `GT`, `LT`")]),
    "expiretime": _command(
        "Tell at which Unix time in seconds a key expires", "7.0.0", "generic", "O(1)", "keyspace read fast",
        key_specs=[_keys(1, "RO access")], arguments=[_arg("key", "key", key_spec=0)]),
    "failover": _command(
        "Change roles with a replica, without losing a write", "6.2.0", "server", "O(1)", "admin slow dangerous",
        arguments=[
            _arg(
                "target", "block", "TO", flags="optional",
                inner=[
                    _arg("host", "string"), _arg("port", "integer"),
                    _arg("force", "pure-token", "FORCE", flags="optional")]),
            _arg("abort", "pure-token", "ABORT", flags="optional"),
            _arg("milliseconds", "integer", "TIMEOUT", flags="optional")]),
    "flushall": _command(
        "Remove all keys of all databases", "1.0.0", "server", "O(N) in the keys", "keyspace write slow dangerous",
        tips="request_policy:all_shards response_policy:all_succeeded",
        arguments=[
            _arg(
                "async", "oneof", flags="optional",
                inner=[
                    _arg("async", "pure-token", "ASYNC", since="4.0.0"),
                    _arg("sync", "pure-token", "SYNC", since="6.2.0")])],
        history=[("4.0.0", "the mode `ASYNC`"), ("6.2.0", "the mode `SYNC`")]),
    "flushdb": _command(
        "Remove all keys of the selected database", "1.0.0", "server", "O(N) in its keys",
        "keyspace write slow dangerous", tips="request_policy:all_shards response_policy:all_succeeded",
        arguments=[
            _arg(
                "async", "oneof", flags="optional",
                inner=[
                    _arg("async", "pure-token", "ASYNC", since="4.0.0"),
                    _arg("sync", "pure-token", "SYNC", since="6.2.0")])],
        history=[("4.0.0", "the mode `ASYNC`"), ("6.2.0", "the mode `SYNC`")]),
    "get": _command(
        "Read the string stored at a key", "1.0.0", "string", "O(1)", "read string fast",
        key_specs=[_keys(1, "RO access")], arguments=[_arg("key", "key", key_spec=0)]),
    "getbit": _command(
        "Read one bit of a string", "2.2.0", "bitmap", "O(1)", "read bitmap fast", key_specs=[_keys(1, "RO access")],
        arguments=[_arg("key", "key", key_spec=0), _arg("offset", "integer")]),
    "getdel": _command(
        "Read a string and remove its key in one step", "6.2.0", "string", "O(1)", "write string fast",
        key_specs=[_keys(1, "RW access delete")], arguments=[_arg("key", "key", key_spec=0)]),
    "getex": _command(
        "Read a string and change the TTL of its key in one step", "6.2.0", "string", "O(1)", "write string fast",
        key_specs=[_keys(1, "RW access update", notes="changes the TTL")],
        arguments=[
            _arg("key", "key", key_spec=0),
            _arg(
                "expiration", "oneof", flags="optional",
                inner=[
                    _arg("seconds", "integer", "EX"), _arg("milliseconds", "integer", "PX"),
                    _arg("unix-time-seconds", "unix-time", "EXAT"),
                    _arg("unix-time-milliseconds", "unix-time", "PXAT"), _arg("persist", "pure-token", "PERSIST")])]),
    "getrange": _command(
        "Read the bytes between two offsets of a string", "2.4.0", "string", "O(N) in the bytes returned",
        "read string slow", key_specs=[_keys(1, "RO access")],
        arguments=[_arg("key", "key", key_spec=0), _arg("start", "integer"), _arg("end", "integer")]),
    "getset": _command(
        "Store a string and answer with the one it replaces", "1.0.0", "string", "O(1)", "write string fast",
        key_specs=[_keys(1, "RW access update")], arguments=[_arg("key", "key", key_spec=0), _arg("value", "string")],
        doc_flags="deprecated", deprecated=("6.2.0", "`SET` with `GET`")),
    "hello": _command(
        "Choose the protocol version, log in and name the connection", "6.0.0", "connection", "O(1)",
        "fast connection",
        arguments=[
            _arg(
                "arguments", "block", flags="optional",
                inner=[
                    _arg("protover", "integer"),
                    _arg(
                        "username_password", "block", "AUTH", flags="optional",
                        inner=[_arg("username", "string"), _arg("password", "string")]),
                    _arg("clientname", "string", "SETNAME", flags="optional")])],
        history=[("6.2.0", "without a version it only reports")]),
    "incr": _command(
        "Add one to the integer at a key", "1.0.0", "string", "O(1)", "write string fast",
        key_specs=[_keys(1, "RW access update")], arguments=[_arg("key", "key", key_spec=0)]),
    "incrby": _command(
        "Add a number to the integer at a key", "1.0.0", "string", "O(1)", "write string fast",
        key_specs=[_keys(1, "RW access update")],
        arguments=[_arg("key", "key", key_spec=0), _arg("increment", "integer")]),
    "incrbyfloat": _command(
        "Add a floating-point number to the number at a key", "2.6.0", "string", "O(1)", "write string fast",
        key_specs=[_keys(1, "RW access update")],
        arguments=[_arg("key", "key", key_spec=0), _arg("increment", "double")]),
    "info": _command(
        "Report the state and the counters of the server", "1.0.0", "server", "O(1)", "slow dangerous",
        tips="nondeterministic_output request_policy:all_shards response_policy:special",
        arguments=[_arg("section", "string", flags="optional multiple")], history=[("7.0.0", "several sections")]),
    "keys": _command(
        "List all key names that fit a pattern", "1.0.0", "generic", "O(N) in the keys of the database",
        "keyspace read slow dangerous", tips="request_policy:all_shards nondeterministic_output_order",
        arguments=[_arg("pattern", "pattern")]),
    "lastsave": _command(
        "Tell when the keys were last saved, as a Unix time in seconds", "1.0.0", "server", "O(1)",
        "admin fast dangerous", tips="nondeterministic_output"),
    "latency": _command("Look at latency", "2.8.13", "server", "As the subcommand", "slow"),
    "latency|doctor": _command(
        "Comment on latency in words", "2.8.13", "server", "O(1)", "admin slow dangerous",
        tips="nondeterministic_output request_policy:all_nodes response_policy:special"),
    "latency|graph": _command(
        "Draw the latency of an event", "2.8.13", "server", "O(1)", "admin slow dangerous",
        tips="nondeterministic_output request_policy:all_nodes response_policy:special",
        arguments=[_arg("event", "string")]),
    "latency|help": _command("List the subcommands", "2.8.13", "server", "O(1)", "slow"),
    "latency|histogram": _command(
        "Give the distribution of call times by command", "7.0.0", "server", "O(N) in the commands asked for",
        "admin slow dangerous", tips="nondeterministic_output request_policy:all_nodes response_policy:special",
        arguments=[_arg("command", "string", flags="optional multiple")]),
    "latency|history": _command(
        "Give the samples of an event", "2.8.13", "server", "O(1)", "admin slow dangerous",
        tips="nondeterministic_output request_policy:all_nodes response_policy:special",
        arguments=[_arg("event", "string")]),
    "latency|latest": _command(
        "Give the newest sample of each event", "2.8.13", "server", "O(1)", "admin slow dangerous",
        tips="nondeterministic_output request_policy:all_nodes response_policy:special"),
    "latency|reset": _command(
        "Forget the samples of events", "2.8.13", "server", "O(1)", "admin slow dangerous",
        tips="request_policy:all_nodes response_policy:all_succeeded",
        arguments=[_arg("event", "string", flags="optional multiple")]),
    "lcs": _command(
        "Compute the longest common subsequence of two strings", "7.0.0", "string",
        "O(N*M) for strings of N and M bytes", "read string slow", key_specs=[_keys(1, "RO access", last=1)],
        arguments=[
            _arg("key1", "key", key_spec=0), _arg("key2", "key", key_spec=0),
            _arg("len", "pure-token", "LEN", flags="optional"), _arg("idx", "pure-token", "IDX", flags="optional"),
            _arg("len", "integer", "MINMATCHLEN", flags="optional"),
            _arg("withmatchlen", "pure-token", "WITHMATCHLEN", flags="optional")]),
    "lolwut": _command(
        "Draw something and tell the version", "5.0.0", "server", None, "read fast",
        arguments=[_arg("version", "integer", "VERSION", flags="optional")]),
    "memory": _command("Look at memory", "4.0.0", "server", "As the subcommand", "slow"),
    "memory|doctor": _command(
        "Comment on memory use in words", "4.0.0", "server", "O(1)", "slow",
        tips="nondeterministic_output request_policy:all_shards response_policy:special"),
    "memory|help": _command("List the subcommands", "4.0.0", "server", "O(1)", "slow"),
    "memory|malloc-stats": _command(
        "Report what the memory allocator knows", "4.0.0", "server", "As the allocator", "slow",
        tips="nondeterministic_output request_policy:all_shards response_policy:special"),
    "memory|purge": _command(
        "Give unused memory back to the operating system", "4.0.0", "server", "As the allocator", "slow",
        tips="request_policy:all_shards response_policy:all_succeeded"),
    "memory|stats": _command(
        "Report how memory is used", "4.0.0", "server", "O(1)", "slow",
        tips="nondeterministic_output request_policy:all_shards response_policy:special"),
    "memory|usage": _command(
        "Tell how many bytes a key and its value take", "4.0.0", "server", "O(N) in the samples", "read slow",
        key_specs=[_keys(2, "RO")],
        arguments=[_arg("key", "key", key_spec=0), _arg("count", "integer", "SAMPLES", flags="optional")]),
    "mget": _command(
        "Read the strings of several keys at once", "1.0.0", "string", "O(N) in the keys named", "read string fast",
        tips="request_policy:multi_shard", key_specs=[_keys(1, "RO access", last=-1)],
        arguments=[_arg("key", "key", flags="multiple", key_spec=0)]),
    "monitor": _command("Show every command as the server runs it", "1.0.0", "server", None, "admin slow dangerous"),
    "move": _command(
        "Carry a key over to another database", "1.0.0", "generic", "O(1)", "keyspace write fast",
        key_specs=[_keys(1, "RW access update")], arguments=[_arg("key", "key", key_spec=0), _arg("db", "integer")]),
    "mset": _command(
        "Store several strings at once", "1.0.1", "string", "O(N) in the keys named", "write string slow",
        tips="request_policy:multi_shard response_policy:all_succeeded",
        key_specs=[_keys(1, "OW update", last=-1, step=2)],
        arguments=[
            _arg(
                "key_value", "block", flags="multiple",
                inner=[_arg("key", "key", key_spec=0), _arg("value", "string")])]),
    "msetnx": _command(
        "Store several strings at once, or none if one of the keys is there already", "1.0.1", "string",
        "O(N) in the keys named", "write string slow", tips="request_policy:multi_shard response_policy:agg_min",
        key_specs=[_keys(1, "OW insert", last=-1, step=2)],
        arguments=[
            _arg(
                "key_value", "block", flags="multiple",
                inner=[_arg("key", "key", key_spec=0), _arg("value", "string")])]),
    "multi": _command(
        "Begin to queue commands that EXEC will run as one", "1.2.0", "transactions", "O(1)", "fast transaction"),
    "object": _command("Look inside stored values", "2.2.3", "generic", "As the subcommand", "slow"),
    "object|encoding": _command(
        "Name the encoding of a value", "2.2.3", "generic", "O(1)", "keyspace read slow",
        tips="nondeterministic_output", key_specs=[_keys(2, "RO")], arguments=[_arg("key", "key", key_spec=0)]),
    "object|freq": _command(
        "Give the access counter that LFU eviction uses", "4.0.0", "generic", "O(1)", "keyspace read slow",
        tips="nondeterministic_output", key_specs=[_keys(2, "RO")], arguments=[_arg("key", "key", key_spec=0)]),
    "object|help": _command("List the subcommands", "6.2.0", "generic", "O(1)", "keyspace slow"),
    "object|idletime": _command(
        "Give the seconds since a key was last used", "2.2.3", "generic", "O(1)", "keyspace read slow",
        tips="nondeterministic_output", key_specs=[_keys(2, "RO")], arguments=[_arg("key", "key", key_spec=0)]),
    "object|refcount": _command(
        "Give the number of references to a value", "2.2.3", "generic", "O(1)", "keyspace read slow",
        tips="nondeterministic_output", key_specs=[_keys(2, "RO")], arguments=[_arg("key", "key", key_spec=0)]),
    "persist": _command(
        "Take the TTL off a key", "2.2.0", "generic", "O(1)", "keyspace write fast",
        key_specs=[_keys(1, "RW update")], arguments=[_arg("key", "key", key_spec=0)]),
    "pexpire": _command(
        "Let a key expire after some milliseconds", "2.6.0", "generic", "O(1)", "keyspace write fast",
        key_specs=[_keys(1, "RW update")],
        arguments=[
            _arg("key", "key", key_spec=0), _arg("milliseconds", "integer"),
            _arg(
                "condition", "oneof", flags="optional", since="7.0.0",
                inner=[
                    _arg("nx", "pure-token", "NX"), _arg("xx", "pure-token", "XX"), _arg("gt", "pure-token", "GT"),
                    _arg("lt", "pure-token", "LT")])],
        history=[("7.0.0", "the options `NX`, `XX`, `GT`, `LT`")]),
    "pexpireat": _command(
        "Let a key expire at a Unix time in milliseconds", "2.6.0", "generic", "O(1)", "keyspace write fast",
        key_specs=[_keys(1, "RW update")],
        arguments=[
            _arg("key", "key", key_spec=0), _arg("unix-time-milliseconds", "unix-time"),
            _arg(
                "condition", "oneof", flags="optional", since="7.0.0",
                inner=[
                    _arg("nx", "pure-token", "NX"), _arg("xx", "pure-token", "XX"), _arg("gt", "pure-token", "GT"),
                    _arg("lt", "pure-token", "LT")])],
        history=[("7.0.0", "the options `NX`, `XX`, `GT`, `LT`")]),
    "pexpiretime": _command(
        "Tell at which Unix time in milliseconds a key expires", "7.0.0", "generic", "O(1)", "keyspace read fast",
        key_specs=[_keys(1, "RO access")], arguments=[_arg("key", "key", key_spec=0)]),
    "ping": _command(
        "Answer PONG, or the argument", "1.0.0", "connection", "O(1)", "fast connection",
        tips="request_policy:all_shards response_policy:all_succeeded",
        arguments=[_arg("message", "string", flags="optional")]),
    "psetex": _command(
        "Store a string that expires after some milliseconds", "2.6.0", "string", "O(1)", "write string slow",
        key_specs=[_keys(1, "OW update")],
        arguments=[_arg("key", "key", key_spec=0), _arg("milliseconds", "integer"), _arg("value", "string")]),
    "psubscribe": _command(
        "Listen to all channels whose names match patterns", "2.0.0", "pubsub", "O(1) for each pattern", "pubsub slow",
        arguments=[_arg("pattern", "block", flags="multiple", inner=[_arg("pattern", "pattern")])]),
    "psync": _command(
        "Become a replica: get the stream from an offset on, or all data first", "2.8.0", "server", None,
        "admin slow dangerous",
        arguments=[_arg("replicationid", "string"), _arg("offset", "integer")]),
    "pttl": _command(
        "Tell in how many milliseconds a key expires", "2.6.0", "generic", "O(1)", "keyspace read fast",
        tips="nondeterministic_output", key_specs=[_keys(1, "RO access")], arguments=[_arg("key", "key", key_spec=0)],
        history=[("2.8.0", "the reply -2")]),
    "publish": _command(
        "Send a message to a channel", "2.0.0", "pubsub", "O(N+M) in the clients that get it and in all patterns",
        "pubsub fast", arguments=[_arg("channel", "string"), _arg("message", "string")]),
    "pubsub": _command("Look at channels and subscriptions", "2.8.0", "pubsub", "As the subcommand", "slow"),
    "pubsub|channels": _command(
        "List the channels that somebody listens to", "2.8.0", "pubsub", "O(N) in all channels", "pubsub slow",
        arguments=[_arg("pattern", "pattern", flags="optional")]),
    "pubsub|help": _command("List the subcommands", "6.2.0", "pubsub", "O(1)", "slow"),
    "pubsub|numpat": _command(
        "Count the patterns that somebody listens to", "2.8.0", "pubsub", "O(1)", "pubsub slow"),
    "pubsub|numsub": _command(
        "Count the clients that listen to channels", "2.8.0", "pubsub", "O(N) in the channels named", "pubsub slow",
        arguments=[_arg("channel", "string", flags="optional multiple")]),
    "pubsub|shardchannels": _command(
        "List the shard channels that somebody listens to", "7.0.0", "pubsub", "O(N) in all shard channels",
        "pubsub slow", arguments=[_arg("pattern", "pattern", flags="optional")]),
    "pubsub|shardnumsub": _command(
        "Count the clients that listen to shard channels", "7.0.0", "pubsub", "O(N) in the channels named",
        "pubsub slow", arguments=[_arg("shardchannel", "string", flags="optional multiple")]),
    "punsubscribe": _command(
        "Listen no more to some patterns, or to any", "2.0.0", "pubsub", "O(N) in the patterns given up",
        "pubsub slow", arguments=[_arg("pattern", "pattern", flags="optional multiple")]),
    "quit": _command("Close this connection", "1.0.0", "connection", "O(1)", "fast connection"),
    "randomkey": _command(
        "Pick some key at random", "1.0.0", "generic", "O(1)", "keyspace read slow",
        tips="request_policy:all_shards nondeterministic_output"),
    "rename": _command(
        "Give a key another name, replacing what that name held", "1.0.0", "generic", "O(1)", "keyspace write slow",
        key_specs=[_keys(1, "RW access delete"), _keys(2, "OW update")],
        arguments=[_arg("key", "key", key_spec=0), _arg("newkey", "key", key_spec=1)]),
    "renamenx": _command(
        "Give a key another name, if that name is free", "1.0.0", "generic", "O(1)", "keyspace write fast",
        key_specs=[_keys(1, "RW access delete"), _keys(2, "OW insert")],
        arguments=[_arg("key", "key", key_spec=0), _arg("newkey", "key", key_spec=1)],
        history=[("3.2.0", "the same name twice is no error")]),
    "replicaof": _command(
        "Be a replica of another server, or the master", "5.0.0", "server", "O(1)", "admin slow dangerous",
        arguments=_MASTER_OR_NONE),
    "replconf": _command(
        "Tell a master about its replica", "3.0.0", "server", "O(1)", "admin slow dangerous", doc_flags="syscmd"),
    "reset": _command("Put this connection back to how it began", "6.2.0", "connection", "O(1)", "fast connection"),
    "restore": _command(
        "Make a key from what DUMP gave", "2.6.0", "generic", "O(N) in the bytes of the value",
        "keyspace write slow dangerous", key_specs=[_keys(1, "OW update")],
        arguments=[
            _arg("key", "key", key_spec=0), _arg("ttl", "integer"), _arg("serialized-value", "string"),
            _arg("replace", "pure-token", "REPLACE", flags="optional", since="3.0.0"),
            _arg("absttl", "pure-token", "ABSTTL", flags="optional", since="5.0.0"),
            _arg("seconds", "integer", "IDLETIME", flags="optional", since="5.0.0"),
            _arg("frequency", "integer", "FREQ", flags="optional", since="5.0.0")],
        history=[
            ("3.0.0", "the option `REPLACE`"), ("5.0.0", "the option `ABSTTL`"),
            ("5.0.0", "the options `IDLETIME`, `FREQ`")]),
    "restore-asking": _command(
        "RESTORE of a key whose slot is on its way to this server", "3.0.0", "server",
        "O(N) in the bytes of the value", "keyspace write slow dangerous", key_specs=[_keys(1, "OW update")],
        arguments=[
            _arg("key", "key", key_spec=0), _arg("ttl", "integer"), _arg("serialized-value", "string"),
            _arg("replace", "pure-token", "REPLACE", flags="optional", since="3.0.0"),
            _arg("absttl", "pure-token", "ABSTTL", flags="optional", since="5.0.0"),
            _arg("seconds", "integer", "IDLETIME", flags="optional", since="5.0.0"),
            _arg("frequency", "integer", "FREQ", flags="optional", since="5.0.0")],
        history=[
            ("3.0.0", "the option `REPLACE`"), ("5.0.0", "the option `ABSTTL`"),
            ("5.0.0", "the options `IDLETIME`, `FREQ`")],
        doc_flags="syscmd"),
    "role": _command(
        "Tell whether this is a master or a replica, and of whom", "2.8.12", "server", "O(N) in the replicas",
        "admin fast dangerous"),
    "save": _command(
        "Save all keys to the RDB file, while nobody else is served", "1.0.0", "server", "O(N) in the keys",
        "admin slow dangerous"),
    "scan": _command(
        "Walk through the key names step by step", "2.8.0", "generic", "O(1) for each call, O(N) for the whole walk",
        "keyspace read slow", tips="nondeterministic_output request_policy:special",
        arguments=[
            _arg("cursor", "integer"), _arg("pattern", "pattern", "MATCH", flags="optional"),
            _arg("count", "integer", "COUNT", flags="optional"),
            _arg("type", "string", "TYPE", flags="optional", since="6.0.0")],
        history=[("6.0.0", "the option `TYPE`")]),
    "select": _command(
        "Choose the database for this connection", "1.0.0", "connection", "O(1)", "fast connection",
        arguments=[_arg("index", "integer")]),
    "set": _command(
        "Store a string at a key, whatever was there before", "1.0.0", "string", "O(1)", "write string slow",
        key_specs=[_keys(1, "RW access update variable_flags", notes="reads the key with `GET` only")],
        arguments=[
            _arg("key", "key", key_spec=0), _arg("value", "string"),
            _arg(
                "condition", "oneof", flags="optional", since="2.6.12",
                inner=[_arg("nx", "pure-token", "NX"), _arg("xx", "pure-token", "XX")]),
            _arg("get", "pure-token", "GET", flags="optional", since="6.2.0"),
            _arg(
                "expiration", "oneof", flags="optional",
                inner=[
                    _arg("seconds", "integer", "EX", since="2.6.12"),
                    _arg("milliseconds", "integer", "PX", since="2.6.12"),
                    _arg("unix-time-seconds", "unix-time", "EXAT", since="6.2.0"),
                    _arg("unix-time-milliseconds", "unix-time", "PXAT", since="6.2.0"),
                    _arg("keepttl", "pure-token", "KEEPTTL", since="6.0.0")])],
        history=[
            ("2.6.12", "the options `EX`, `PX`, `NX`, `XX`"), ("6.0.0", "the option `KEEPTTL`"),
            ("6.2.0", "the options `GET`, `EXAT`, `PXAT`"), ("7.0.0", "`NX` and `GET` work together")]),
    "setbit": _command(
        "Write one bit of a string and answer with its old value", "2.2.0", "bitmap", "O(1)", "write bitmap slow",
        key_specs=[_keys(1, "RW access update")],
        arguments=[_arg("key", "key", key_spec=0), _arg("offset", "integer"), _arg("value", "integer")]),
    "setex": _command(
        "Store a string that expires after some seconds", "2.0.0", "string", "O(1)", "write string slow",
        key_specs=[_keys(1, "OW update")],
        arguments=[_arg("key", "key", key_spec=0), _arg("seconds", "integer"), _arg("value", "string")]),
    "setnx": _command(
        "Store a string only if the key is new", "1.0.0", "string", "O(1)", "write string fast",
        key_specs=[_keys(1, "OW insert")], arguments=[_arg("key", "key", key_spec=0), _arg("value", "string")]),
    "setrange": _command(
        "Write bytes into a string from an offset on, padding with zeros", "2.2.0", "string",
        "O(N) in the bytes written and padded", "write string slow", key_specs=[_keys(1, "RW update")],
        arguments=[_arg("key", "key", key_spec=0), _arg("offset", "integer"), _arg("value", "string")]),
    "shutdown": _command(
        "End the server", "1.0.0", "server", "O(N) in the keys if it saves, else O(1)", "admin slow dangerous",
        arguments=[
            _arg(
                "nosave_save", "oneof", flags="optional",
                inner=[_arg("nosave", "pure-token", "NOSAVE"), _arg("save", "pure-token", "SAVE")]),
            _arg("now", "pure-token", "NOW", flags="optional", since="7.0.0"),
            _arg("force", "pure-token", "FORCE", flags="optional", since="7.0.0"),
            _arg("abort", "pure-token", "ABORT", flags="optional", since="7.0.0")],
        history=[("7.0.0", "the options `NOW`, `FORCE`, `ABORT`")]),
    "slaveof": _command(
        "Be a replica of another server, or the master", "1.0.0", "server", "O(1)", "admin slow dangerous",
        arguments=_MASTER_OR_NONE, doc_flags="deprecated", deprecated=("5.0.0", "`REPLICAOF`")),
    "slotsinfo": _command(
        "List slots that have keys, with their key counts", "0.1.0", "cluster", "O(N) in the slots asked for",
        "read slow",
        arguments=[_arg("start", "integer", flags="optional"), _arg("count", "integer", flags="optional")]),
    "slowlog": _command("Look at the log of slow commands", "2.2.12", "server", "As the subcommand", "slow"),
    "slowlog|get": _command(
        "Give entries of the slow log", "2.2.12", "server", "O(N) in the entries returned", "admin slow dangerous",
        tips="request_policy:all_nodes nondeterministic_output",
        arguments=[_arg("count", "integer", flags="optional")], history=[("4.0.0", "the client's address and name")]),
    "slowlog|help": _command("List the subcommands", "6.2.0", "server", "O(1)", "slow"),
    "slowlog|len": _command(
        "Count the entries of the slow log", "2.2.12", "server", "O(1)", "admin slow dangerous",
        tips="request_policy:all_nodes response_policy:agg_sum nondeterministic_output"),
    "slowlog|reset": _command(
        "Empty the slow log", "2.2.12", "server", "O(N) in its entries", "admin slow dangerous",
        tips="request_policy:all_nodes response_policy:all_succeeded"),
    "sort": _command(
        "Put the elements of a list, set or sorted set in order, and answer or store them", "1.0.0", "generic",
        "O(N+M*log(M)) for N elements, M of them answered; O(N) with a `BY` that does not sort",
        "write set sortedset list slow dangerous",
        key_specs=[
            _keys(1, "RO access"), _unknown_keys("RO access", "patterns of `BY` and `GET` make names of elements"),
            _unknown_keys("OW update", "`STORE` may stand anywhere")],
        arguments=[*_SORT_ARGUMENTS, _arg("destination", "key", "STORE", flags="optional", key_spec=2)]),
    "sort_ro": _command(
        "Put the elements of a list, set or sorted set in order; `SORT` without `STORE`", "7.0.0", "generic",
        "O(N+M*log(M)) for N elements, M of them answered; O(N) with a `BY` that does not sort",
        "read set sortedset list slow dangerous",
        key_specs=[
            _keys(1, "RO access"), _unknown_keys("RO access", "patterns of `BY` and `GET` make names of elements")],
        arguments=_SORT_ARGUMENTS),
    "spublish": _command(
        "Send a message to a shard channel", "7.0.0", "pubsub", "O(N) in the clients that get it", "pubsub fast",
        key_specs=[_keys(1, "not_key")], arguments=[_arg("shardchannel", "string"), _arg("message", "string")]),
    "ssubscribe": _command(
        "Listen to shard channels", "7.0.0", "pubsub", "O(1) for each channel", "pubsub slow",
        key_specs=[_keys(1, "not_key", last=-1)], arguments=[_arg("shardchannel", "string", flags="multiple")]),
    "strlen": _command(
        "Tell how many bytes a string has", "2.2.0", "string", "O(1)", "read string fast", key_specs=[_keys(1, "RO")],
        arguments=[_arg("key", "key", key_spec=0)]),
    "subscribe": _command(
        "Listen to channels", "2.0.0", "pubsub", "O(1) for each channel", "pubsub slow",
        arguments=[_arg("channel", "string", flags="multiple")]),
    "substr": _command(
        "Read the bytes between two offsets of a string (old name of GETRANGE)", "1.0.0", "string",
        "O(N) in the bytes returned", "read string slow", key_specs=[_keys(1, "RO access")],
        arguments=[_arg("key", "key", key_spec=0), _arg("start", "integer"), _arg("end", "integer")],
        doc_flags="deprecated", deprecated=("2.0.0", "`GETRANGE`")),
    "sunsubscribe": _command(
        "Listen no more to some shard channels, or to any", "7.0.0", "pubsub", "O(N) in the channels given up",
        "pubsub slow", key_specs=[_keys(1, "not_key", last=-1)],
        arguments=[_arg("shardchannel", "string", flags="optional multiple")]),
    "swapdb": _command(
        "Exchange two databases", "4.0.0", "server", "O(N) in the clients that watch keys there",
        "keyspace write fast dangerous", arguments=[_arg("index1", "integer"), _arg("index2", "integer")]),
    "sync": _command(
        "Become a replica: get all data and the stream behind them", "1.0.0", "server", None, "admin slow dangerous"),
    "time": _command(
        "Tell the time of the server", "2.6.0", "server", "O(1)", "fast", tips="nondeterministic_output"),
    "touch": _command(
        "Mark keys as just used; answers how many are there", "3.2.1", "generic", "O(N) in the keys named",
        "keyspace read fast", tips="request_policy:multi_shard response_policy:agg_sum",
        key_specs=[_keys(1, "RO", last=-1)], arguments=[_arg("key", "key", flags="multiple", key_spec=0)]),
    "ttl": _command(
        "Tell in how many seconds a key expires", "1.0.0", "generic", "O(1)", "keyspace read fast",
        tips="nondeterministic_output", key_specs=[_keys(1, "RO access")], arguments=[_arg("key", "key", key_spec=0)],
        history=[("2.8.0", "the reply -2")]),
    "type": _command(
        "Tell what type of value a key holds", "1.0.0", "generic", "O(1)", "keyspace read fast",
        key_specs=[_keys(1, "RO")], arguments=[_arg("key", "key", key_spec=0)]),
    "unlink": _command(
        "Remove keys, giving the memory of big values back in the background", "4.0.0", "generic",
        "O(1) for each key", "keyspace write fast", tips="request_policy:multi_shard response_policy:agg_sum",
        key_specs=[_keys(1, "RM delete", last=-1)], arguments=[_arg("key", "key", flags="multiple", key_spec=0)]),
    "unsubscribe": _command(
        "Listen no more to some channels, or to any", "2.0.0", "pubsub", "O(N) in the channels given up",
        "pubsub slow", arguments=[_arg("channel", "string", flags="optional multiple")]),
    "unwatch": _command("Watch no keys any more", "2.2.0", "transactions", "O(1)", "fast transaction"),
    "wait": _command(
        "Wait until replicas have this connection's writes", "3.0.0", "generic", "O(1)", "slow connection",
        tips="request_policy:all_shards response_policy:agg_min",
        arguments=[_arg("numreplicas", "integer"), _arg("timeout", "integer")]),
    "watch": _command(
        "Let the next EXEC run nothing if one of the keys changes before", "2.2.0", "transactions",
        "O(1) for each key", "fast transaction", key_specs=[_keys(1, "RO", last=-1)],
        arguments=[_arg("key", "key", flags="multiple", key_spec=0)]),
}
