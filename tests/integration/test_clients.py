"""Connections as CLIENT shows and changes them, MONITOR, SLOWLOG: compared with the real server where it has them."""
import re
import time

import pytest

import wstore
from tests.harness import CLOSED, NULL_BULK, Array, Bulk, Connection, Error, Int, Simple
from tests.integration.test_protocol import answer

ERRORS = [
    "client kill a", "client kill id a", "client kill id 0", "client kill id -1", "client kill id 99999999",
    "client kill type foo", "client kill type pubsub", "client kill type normal foo", "client kill skipme maybe",
    "client kill user foo", "client kill user default id 99999999", "client kill laddr 1.1.1.1:1",
    "client kill addr x skipme no", "client kill maxage 5", "client kill id 5 type", "client kill 1.1.1.1:1 addr",
    "client list foo", "client list type", "client list type foo", "client list type pubsub", "client list type master",
    "client list id", "client list id a", "client list id 99999999", "client list id 99999999 x",
    "client list type normal x", "client reply foo", "client reply", "client pause", "client pause a",
    "client pause -1", "client pause 10 foo", "client pause 99999999999999999999", "client pause 1 write x",
    "client unblock a", "client unblock 99999999", "client unblock 99999999 foo", "client unblock 99999999 error",
    "client unblock 99999999 timeout x", "client getredir", "client trackinginfo", "client caching yes",
    "client tracking off", "client setname", "client getname", "client getname x", "client no-evict foo",
    "client no-evict on", "client no-evict off", "client id 3", "client info x", "client unpause", "client reply on",
    "slowlog get a", "slowlog get -2", "slowlog get 1 2", "slowlog nope", "slowlog len x", "slowlog", "slowlog reset",
    "monitor x", "hello 9", "hello x", "hello 3 foo", "hello 2 setname", "hello 2 auth a", "hello 3 auth a b",
    "auth x", "auth a b", "auth default any", "auth", "auth a b c", "reset x",
]


@pytest.mark.parametrize("line", ERRORS)
def test_same_answer_as_redis(oracle, wstore_server, line):
    data = line.encode() + b"\r\n"
    assert answer(wstore_server, data) == answer(oracle, data)


@pytest.mark.parametrize("resp", [2, 3])
def test_names_and_state(oracle, wstore_server, resp):
    commands = [
        ("CLIENT", "GETNAME"), ("CLIENT", "SETNAME", "me"), ("CLIENT", "GETNAME"), ("CLIENT", "SETNAME", "a b"),
        ("CLIENT", "SETNAME", "\n"), ("CLIENT", "GETNAME"), ("CLIENT", "TRACKINGINFO"), ("SELECT", "3"),
        ("RESET",), ("CLIENT", "GETNAME"), ("PING",), ("HELLO", str(resp), "SETNAME", "you"), ("CLIENT", "GETNAME"),
        ("CLIENT", "SETNAME", ""), ("CLIENT", "GETNAME")]
    replies = []
    for server in (oracle, wstore_server):
        with server.connect(resp=resp) as connection:
            replies.append([reply for command, reply in zip(commands, connection.pipeline(commands))
                            if command[0] != "HELLO"])
    assert replies[0] == replies[1]


def fields_of(line):
    return dict(word.split("=", 1) for word in line.split(" "))


def test_list_and_info(oracle, wstore_server):
    lines = []
    for server in (oracle, wstore_server):
        with server.connect() as connection:
            connection.call("CLIENT", "SETNAME", "me")
            connection.call("SELECT", "2")
            number = connection.call("CLIENT", "ID").value
            listed = connection.call("CLIENT", "LIST", "ID", str(number), str(number), "77777777").data.decode()
            assert listed.endswith("\n") and listed.count("\n") == 2
            info = fields_of(connection.call("CLIENT", "INFO").data.decode().rstrip("\n"))
            assert info["id"] == str(number) and info["cmd"] == "client|info"
            lines.append(fields_of(listed.split("\n")[0]))
    theirs, ours = lines
    assert list(ours) == [*theirs, "lib-name", "lib-ver"]
    for name in ("name", "age", "idle", "flags", "db", "sub", "psub", "ssub", "multi", "cmd", "user", "redir", "resp"):
        assert ours[name] == theirs[name], name
    assert re.fullmatch(r"127\.0\.0\.1:\d+", ours["addr"]) and ours["laddr"] == f"127.0.0.1:{wstore_server.port}"


def test_library_of_7_2(wstore_server):
    with wstore_server.connect() as connection:
        replies = connection.pipeline([
            ("CLIENT", "SETINFO", "LIB-NAME", "py"), ("CLIENT", "SETINFO", "lib-ver", "1.0"),
            ("CLIENT", "SETINFO", "LIB-NAME", "a b"), ("CLIENT", "SETINFO", "foo", "x"),
            ("CLIENT", "NO-TOUCH", "on"), ("CLIENT", "NO-TOUCH", "maybe")])
        assert replies == [
            Simple(b"OK"), Simple(b"OK"),
            Error(b"ERR LIB-NAME cannot contain spaces, newlines or special characters."),
            Error(b"ERR Unrecognized option 'foo'"), Simple(b"OK"), Error(b"ERR syntax error")]
        info = fields_of(connection.call("CLIENT", "INFO").data.decode().rstrip("\n"))
        assert (info["lib-name"], info["lib-ver"], info["flags"]) == ("py", "1.0", "T")


def test_tracking_is_refused(wstore_server):
    assert isinstance(wstore_server.call("CLIENT", "TRACKING", "ON"), Error)


def test_kill(wstore_server):
    with wstore_server.connect() as one, wstore_server.connect() as two, wstore_server.connect() as three:
        number = two.call("CLIENT", "ID").value
        assert one.call("CLIENT", "KILL", "ID", str(number)) == Int(1)
        assert two.read() is CLOSED
        address = fields_of(three.call("CLIENT", "INFO").data.decode())["addr"]
        assert one.call("CLIENT", "KILL", address) == Simple(b"OK")
        assert three.read() is CLOSED
        own = fields_of(one.call("CLIENT", "INFO").data.decode())["addr"]
        assert one.call("CLIENT", "KILL", "ADDR", own) == Int(0)
        assert one.call("CLIENT", "KILL", "ADDR", own, "SKIPME", "no") == Int(1)
        assert one.read() is CLOSED


def test_kill_drops_what_waits(wstore_server):
    with wstore_server.connect() as one, wstore_server.connect() as two:
        number = two.call("CLIENT", "ID").value
        replies = one.pipeline([("SET", "kept", "1"), ("CLIENT", "KILL", "ID", str(number)), ("DEL", "kept")])
        assert replies == [Simple(b"OK"), Int(1), Int(1)]
        assert two.call("SET", "kept", "2") is CLOSED
        assert one.call("EXISTS", "kept") == Int(0)


def test_reply_modes(oracle, wstore_server):
    lines = ["echo 1", "client reply skip", "echo 2", "echo 3", "client reply off", "echo 4", "nope",
             "client reply skip", "echo 5", "client reply on", "echo 6", "client reply skip", "client reply skip",
             "echo 7", "echo 8", "client reply skip", "client reply on", "echo 9"]
    data = "".join(line + "\r\n" for line in lines).encode()
    assert answer(wstore_server, data) == answer(oracle, data)


def test_pause_holds_back(wstore_server):
    with wstore_server.connect() as one, wstore_server.connect() as two:
        assert one.call("CLIENT", "PAUSE", "10000", "WRITE") == Simple(b"OK")
        assert two.call("GET", "paused") == NULL_BULK
        two.send_raw(b"GET paused\r\nSET paused 1\r\nGET paused\r\n")
        assert two.read() == NULL_BULK
        two.send_raw(b"INCR pau")
        time.sleep(0.2)
        assert one.call("GET", "paused") == NULL_BULK
        two.send_raw(b"sed\r\n")
        assert one.call("CLIENT", "UNPAUSE") == Simple(b"OK")
        assert [two.read() for _ in range(3)] == [Simple(b"OK"), Bulk(b"1"), Int(2)]
        assert two.call("DEL", "paused") == Int(1)


def test_pause_ends_by_itself(wstore_server):
    with wstore_server.connect() as one, wstore_server.connect() as two:
        began = time.monotonic()
        assert one.call("CLIENT", "PAUSE", "300") == Simple(b"OK")
        assert two.call("PING") == Simple(b"PONG")
        assert 0.25 < time.monotonic() - began < 20


def test_quit_of_a_paused_client_is_noticed(wstore_server):
    with wstore_server.connect() as one:
        assert one.call("CLIENT", "PAUSE", "10000", "ALL") == Simple(b"OK")
        with wstore_server.connect() as two:
            two.send("SET", "gone", "1")
        assert one.call("CLIENT", "UNPAUSE") == Simple(b"OK")
        assert one.call("PING") == Simple(b"PONG")


def monitored(server, data):
    """The lines that MONITOR shows of `data`, without time and port."""
    with server.connect() as monitor:
        assert monitor.call("MONITOR") == Simple(b"OK")
        answer(server, data)
        answer(server, b"ECHO the-end\r\n")
        lines = []
        while not lines or b"the-end" not in lines[-1]:
            line = monitor.read()
            assert isinstance(line, Simple)
            lines.append(re.sub(rb"^[0-9]{10}\.[0-9]{6} \[(\d+) 127\.0\.0\.1:\d+\]", rb"[\1]", line.text))
        assert monitor.call("RESET") == Simple(b"RESET")
        assert monitor.call("PING") == Simple(b"PONG")
    return lines


def test_monitor(oracle, wstore_server):
    data = (b"SELECT 3\r\nGET \"a\\x00\\xff\\n\\r\\t\\b\\a\\\\\\\" '\"\r\nGET\r\nNOPE\r\nCONFIG GET port\r\n"
            b"SELECT 0\r\nDEL x\r\nAUTH secret\r\nAUTH default secret\r\n"
            b"HELLO 3 AUTH default secret SETNAME me\r\nCLIENT ID\r\nINCR\r\nQUIT\r\n")
    assert monitored(wstore_server, data) == monitored(oracle, data)


def slow_entries(server):
    with server.connect() as connection:
        connection.call("CONFIG", "SET", "slowlog-log-slower-than", "0", "slowlog-max-len", "3")
        try:
            connection.call("SLOWLOG", "RESET")
            connection.call("CLIENT", "SETNAME", "me")
            connection.call("ECHO", "x" * 500)
            connection.call("MGET", *map(str, range(40)))
            entries = connection.call("SLOWLOG", "GET", "2").items
            length = connection.call("SLOWLOG", "LEN")
            connection.call("AUTH", "secret")
            hidden = connection.call("SLOWLOG", "GET", "1").items[0].items[3]
            assert connection.call("SLOWLOG", "RESET") == Simple(b"OK")
            after = connection.call("SLOWLOG", "GET").items
        finally:
            connection.call("CONFIG", "SET", "slowlog-log-slower-than", "10000", "slowlog-max-len", "128")
    shapes = []
    for entry in entries:
        number, when, duration, args, address, name = entry.items
        assert isinstance(number, Int) and abs(when.value - time.time()) < 5 and duration.value < 1_000_000
        assert address.data.startswith(b"127.0.0.1:") and name == Bulk(b"me")
        shapes.append(args)
    assert entries[0].items[0].value == entries[1].items[0].value + 1
    return shapes, length, hidden, [entry.items[3] for entry in after]


def test_slowlog(oracle, wstore_server):
    assert slow_entries(wstore_server) == slow_entries(oracle)


def test_slowlog_is_off_below_zero(wstore_server):
    with wstore_server.connect() as connection:
        connection.call("CONFIG", "SET", "slowlog-log-slower-than", "-1")
        try:
            connection.call("SLOWLOG", "RESET")
            connection.call("ECHO", "a")
            assert connection.call("SLOWLOG", "GET") == Array(())
        finally:
            connection.call("CONFIG", "SET", "slowlog-log-slower-than", "10000")


def test_error_and_command_counters(wstore_server):
    def facts(section):
        text = wstore_server.call("INFO", section).data.decode()
        return dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)
    with wstore_server.connect() as connection:
        connection.call("CONFIG", "RESETSTAT")
        connection.call("SET", "counted", "x")
        for command in (("GET",), ("GET", "a"), ("INCR", "counted"), ("NOPE",), ("DEL", "counted")):
            connection.call(*command)
    commands, errors = facts("commandstats"), facts("errorstats")
    assert commands["cmdstat_get"].startswith("calls=1,") and commands["cmdstat_get"].endswith(
        "rejected_calls=1,failed_calls=0")
    assert commands["cmdstat_incr"].endswith("rejected_calls=0,failed_calls=1")
    assert errors["errorstat_ERR"] == "count=3"
    assert float(facts("latencystats")["latency_percentiles_usec_get"].split(",")[0].removeprefix("p50=")) < 1e6


def test_no_touch_leaves_access_times():
    with wstore.Store() as store:
        store.execute("SET", "still", "1")
        now_ms = int(time.time() * 1000)
        for minutes in range(3):
            store.tick(now_ms + minutes * 61_000)
        with wstore.Server(store, port=0) as server, Connection(server.port) as shy, Connection(server.port) as other:
            idle_s = shy.call("OBJECT", "IDLETIME", "still")
            assert idle_s.value >= 60
            shy.call("CLIENT", "NO-TOUCH", "ON")
            assert shy.pipeline([("GET", "still")] * 3) == [Bulk(b"1")] * 3
            assert shy.call("OBJECT", "IDLETIME", "still") == idle_s
            assert other.call("GET", "still") == Bulk(b"1")
            assert shy.call("OBJECT", "IDLETIME", "still") == Int(0)


def test_keys_expire_while_nobody_asks(wstore_server):
    with wstore_server.connect() as connection:
        before = connection.call("DBSIZE").value
        connection.pipeline([("SET", f"short:{i}", "x", "PX", "1000") for i in range(50_000)])
        assert connection.call("DBSIZE").value > before
        deadline = time.monotonic() + 20
        while connection.call("DBSIZE").value > before:
            assert time.monotonic() < deadline, "expired keys are left over"
            time.sleep(0.05)
