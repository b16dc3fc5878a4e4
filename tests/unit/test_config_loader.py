"""Configuration files and command lines: syntax, includes, and errors with line and number."""
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wstore.admin.config import Config, FileError, LineError, Loader, options_text
from wstore.admin.config.words import split_words


def load(text):
    loader = Loader(Config())
    loader.load_text(text)
    return loader


def test_comments_blanks_and_line_ends():
    config = load(b"# port 1\n\n  port\t7  \r\n\tHZ '20'\n   # x\nbind 127.0.0.1 ::1").config
    assert (config["port"], config["hz"], config["bind"]) == (7, 20, ("127.0.0.1", "::1"))
    assert config.given == {"port", "hz", "bind"}


@pytest.mark.parametrize("text, points", [
    (b"save 3 1\nsave 4 2", ((3, 1), (4, 2))),
    (b"save 3 1 4 2", ((3, 1), (4, 2))),
    (b'save "3 1  4 2"', ((3, 1), (4, 2))),
    (b'save 3 1\nsave ""', ()),
    (b'save ""\nsave 5 5', ((5, 5),)),
    (b"save", ()),
    (b"# save 1 1", ((3600, 1), (300, 100), (60, 10000))),
])
def test_save_points_add_up(text, points):
    assert load(text).config["save"] == points


@pytest.mark.parametrize("text, number, line, reason", [
    (b"port 1\n\n  hz x \n", 3, "hz x", "argument couldn't be parsed into an integer"),
    (b"nope 1", 1, "nope 1", "Bad directive or wrong number of arguments"),
    (b"port", 1, "port", "wrong number of arguments"),
    (b"port 1 2", 1, "port 1 2", "wrong number of arguments"),
    (b"port '1", 1, "port '1", "Unbalanced quotes in configuration line"),
    (b"bind \"'\"", 1, "bind \"'\"", "Unbalanced quotes in configuration line"),
    (b"include", 1, "include", "Bad directive or wrong number of arguments"),
    (b"lua-replicate-commands", 1, "lua-replicate-commands", "Bad directive or wrong number of arguments"),
    (b"loadmodule x.so", 1, "loadmodule x.so", "wstore loads no modules"),
    (b"a.b c", 1, "a.b c", "wstore loads no modules"),
    (b"user joe on", 1, "user joe on", "wstore has no ACL users: use requirepass"),
    (b"user default off", 1, "user default off", "wstore has no ACL users: use requirepass"),
    (b"sentinel monitor", 1, "sentinel monitor", "sentinel directive while not in sentinel mode"),
    *((f"{line}".encode(), 1, line, "wstore has no TLS; put a TLS proxy in front of it")
      for line in ("tls-port 1", "tls-cluster yes", "tls-replication yes")),
])
def test_errors(text, number, line, reason):
    with pytest.raises(LineError) as caught:
        load(text)
    assert (caught.value.number, caught.value.line, caught.value.reason) == (number, line, reason)
    assert caught.value.path == ""
    assert str(caught.value) == f"Reading the configuration file, at line {number}\n>>> '{line}'\n{reason}"


def test_statements():
    loader = load(b"rename-command CONFIG ''\nrename-command get fetch\nlist-max-ziplist-value 64\n"
                  b"user default on nopass sanitize-payload ~* &* +@all")
    assert loader.renames == [
        ("CONFIG", "", "", 1, "rename-command CONFIG ''"), ("get", "fetch", "", 2, "rename-command get fetch")]


def test_the_user_line_of_a_redis_with_a_password():
    line = "user default on sanitize-payload #{} ~* resetchannels +@all\nrequirepass secret"
    config = Config()
    Loader(config).load(options=line.format(hashlib.sha256(b"secret").hexdigest()))
    assert config["requirepass"] == "secret"
    with pytest.raises(FileError, match="is not that of requirepass"):
        Loader(Config()).load(options=line.format("0" * 64))


def test_include(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b.conf").write_text("port 2\nhz 22\n")
    (tmp_path / "a.conf").write_text("port 1\n")
    config = load(b"port 9\ninclude [ab].conf\ninclude none*.conf\n").config
    assert (config["port"], config["hz"]) == (2, 22)
    with pytest.raises(FileError, match="can't open config file 'none.conf': No such file or directory"):
        load(b"include none.conf")


def test_error_in_an_included_file_names_it_and_counts_its_lines(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.conf").write_text("hz 1\nbad 1\n")
    with pytest.raises(LineError) as caught:
        load(b"\n\n\ninclude a.conf")
    assert (caught.value.path, caught.value.number, caught.value.line) == ("a.conf", 2, "bad 1")
    assert str(caught.value).startswith("Reading the configuration file 'a.conf', at line 2\n>>> 'bad 1'\n")


def test_error_behind_an_include_names_the_outer_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.conf").write_text("hz 1\n")
    (tmp_path / "b.conf").write_text("include a.conf\nbad 1\n")
    with pytest.raises(LineError) as caught:
        Loader(Config()).load("b.conf", b"hz 2", "hz x")
    assert (caught.value.path, caught.value.number) == ("b.conf", 2)


def test_lines_of_stdin_and_options_number_on(tmp_path):
    (tmp_path / "x.conf").write_text("hz 1\nhz 2")
    for stdin, options, number in (b"# a\nhz x", "hz y", 4), (b"# a\n", "hz x", 5), (None, "hz x", 3):
        with pytest.raises(LineError) as caught:
            Loader(Config()).load(str(tmp_path / "x.conf"), stdin, options)
        assert (caught.value.path, caught.value.number, caught.value.line) == ("", number, "hz x")


def test_a_file_that_includes_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.conf").write_text("include a.conf\n")
    with pytest.raises(LineError, match="include is nested too deeply"):
        load(b"include a.conf")


@pytest.mark.parametrize("arguments, lines", [
    (["--port", "6380"], ['port "6380" ']),
    (["--port 6380"], ["port 6380 "]),
    (["--port", "1", "--hz", "2"], ['port "1" ', 'hz "2" ']),
    (["--bind", "a", "-b"], ['bind "a" "-b" ']),
    (["--requirepass", "--secret"], ['requirepass "--secret" ']),
    (["--save", ""], ['save "" ']),
    (["--save"], ['save ""']),
    (["--save", "--port", "1"], ['save ""', 'port "1" ']),
    (["--port"], ["port "]),
])
def test_options(arguments, lines):
    assert options_text(arguments).split("\n") == lines


def test_options_come_last(tmp_path):
    (tmp_path / "x.conf").write_text("port 1\nhz 2\ntimeout 3")
    config = Config()
    Loader(config).load(str(tmp_path / "x.conf"), b"hz 4\ntimeout 5", options_text(["--timeout", "6"]))
    assert (config["port"], config["hz"], config["timeout"]) == (1, 4, 6)


@given(st.lists(st.binary(max_size=30), max_size=6))
def test_any_bytes_are_read_or_refused(lines):
    try:
        load(b"\n".join(lines))
    except FileError as error:
        assert "Reading the configuration file" in str(error) or "can't open" in str(error)


@given(st.text(st.characters(blacklist_categories=["Cs"])))
def test_any_option_value_arrives(value):
    words = split_words(options_text(["--requirepass", value]).encode())
    assert words == [b"requirepass", value.encode()]
