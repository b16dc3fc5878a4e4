"""CONFIG REWRITE: what it keeps, what it changes, and that the result reads back as the settings in force."""
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies_config import settings
from wstore.admin.config import Config, Loader
from wstore.admin.config.rewrite import SIGNATURE, replace_file, rewritten
from wstore.admin.config.words import quote


def loaded(text):
    config = Config()
    Loader(config).load_text(text)
    return config


def line_of(name, words):
    return " ".join([name, *map(quote, words)])


def body(text):
    """Lines of a rewritten file, without the one for `dir`, which is always there."""
    return [line for line in text.decode().split("\n") if not line.startswith("dir ")]


def test_keeps_comments_and_order():
    text = b"# mine\nhz 20\n\n#port 1\nport 1\n# end\n"
    config = loaded(text)
    config.set_pairs([("hz", "30"), ("timeout", "5")])
    assert body(rewritten(text, config)) == [
        "# mine", "hz 30", "", "#port 1", "port 1", "# end", SIGNATURE, "timeout 5", ""]


def test_lines_too_many_go_and_aliases_get_their_new_names():
    text = b"save 1 1\nslave-priority 5\nport 1\nsave 2 2\nport 2\n"
    config = loaded(text)
    config.set_pairs([("save", "9 9")])
    assert body(rewritten(text, config)) == ["save 9 9", "replica-priority 5", "port 2", SIGNATURE, ""]


def test_defaults_stay_where_they_are_and_are_not_added():
    text = b"port 7\nmaxmemory 1gb\n"
    config = loaded(text)
    config.set_pairs([("port", "6379"), ("maxmemory", "0")])
    assert body(rewritten(text, config)) == ["port 6379", "maxmemory 0", SIGNATURE, ""]


def test_empty_text_removes_the_line():
    text = b"requirepass secret\nhz 1\n"
    config = loaded(text)
    config.set_pairs([("requirepass", "")])
    assert body(rewritten(text, config)) == ["hz 1", SIGNATURE, ""]


def test_signature_is_written_once():
    config = loaded(b"port 7\nhz 3\n")
    once = rewritten(b"port 7\n", config)
    config.set_pairs([("timeout", "9")])
    assert rewritten(once, config).decode().split("\n").count(SIGNATURE) == 1


def test_statements_stay_and_unknown_lines_become_comments():
    text = b"include x.conf\nrename-command get ''\nfoo bar\nport '1\n"
    assert body(rewritten(text, Config()))[:4] == [
        "include x.conf", "rename-command get ''", "# foo bar", "# port '1"]


_comment = st.text(st.characters(min_codepoint=32, max_codepoint=1000), max_size=20).map(lambda s: f"# {s}".rstrip())


@given(st.lists(settings() | _comment, max_size=12), st.lists(settings(), max_size=6))
def test_reads_back_as_what_is_in_force(lines, changes):
    old = "\n".join(line if isinstance(line, str) else line_of(*line) for line in lines).encode()
    config = loaded(old)
    for name, words in changes:
        config.load(name, words)
    text = rewritten(old, config)
    assert dict(loaded(text)) == dict(config)
    assert rewritten(text, config) == text
    comments = [line for line in lines if isinstance(line, str)]
    assert [line for line in text.decode().split("\n") if line.startswith("#") and line != SIGNATURE] == comments


def test_replace_file_keeps_permissions_and_leaves_no_draft(tmp_path):
    path = tmp_path / "x.conf"
    path.write_bytes(b"old")
    path.chmod(0o600)
    replace_file(str(path), b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["x.conf"]


def test_a_failing_replace_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x.conf"
    path.write_bytes(b"old")

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        replace_file(str(path), b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x.conf"]
