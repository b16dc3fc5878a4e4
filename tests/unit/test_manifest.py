"""Reading manifests of logs: what Redis and wstore write, and what is none."""
import pytest

from wstore.persistence import manifest
from wstore.persistence.manifest import Listed, ManifestError

NAME = "appendonly.aof"


def read(tmp_path, text):
    (tmp_path / f"{NAME}.manifest").write_text(text)
    return manifest.read(str(tmp_path), NAME)


def test_there_is_none(tmp_path):
    assert manifest.read(str(tmp_path), NAME) is None
    assert manifest.read(str(tmp_path / "nowhere"), NAME) is None


def test_with_offsets(tmp_path):
    listed = read(tmp_path, "# by hand\n"
                  "file a.2.base.rdb seq 2 type b startoffset 70\n"
                  "file a.1.incr.aof seq 1 type h startoffset 0\n"
                  "seq 2 type i file a.2.incr.aof startoffset 70 colour red\n")
    assert listed.has_offsets
    assert listed.files == [Listed(*file) for file in (
        ("a.2.base.rdb", "b", 2, 70), ("a.1.incr.aof", "h", 1, 0), ("a.2.incr.aof", "i", 2, 70))]
    assert [file[0] for file in listed.current] == ["a.2.base.rdb", "a.2.incr.aof"]


def test_without_offsets_sizes_give_them(tmp_path):
    (tmp_path / "a.1.incr.aof").write_bytes(b"x" * 50)
    (tmp_path / "a.2.incr.aof").write_bytes(b"x" * 20)
    listed = read(tmp_path, "file a.1.base.rdb seq 1 type b\nfile a.7.base.rdb seq 7 type h\n"
                  "file a.1.incr.aof seq 1 type i\nfile a.2.incr.aof seq 2 type i\n")
    assert not listed.has_offsets
    assert listed.files == [Listed(*file) for file in (
        ("a.1.base.rdb", "b", 1, 0), ("a.1.incr.aof", "i", 1, 0), ("a.2.incr.aof", "i", 2, 50))]


def test_labels_and_preambles(tmp_path):
    a, b = "a" * 40, "0123456789" * 4
    listed = read(tmp_path, f"file x.2.base.rdb seq 2 type b startoffset 70 replid {b}\n"
                  f"file x.1.incr.aof seq 1 type h startoffset 0 replid {a}\n"
                  f"file x.2.incr.aof seq 2 type i startoffset 70 preamble 23 replid {b},{a}\n")
    assert listed.files[2] == Listed("x.2.incr.aof", "i", 2, 70, f"{b},{a}", 23)
    assert listed.labels == [(a, 0), (f"{b},{a}", 70)]


def test_quoted_names(tmp_path):
    listed = read(tmp_path, 'file "my \\"log\\".1.base.rdb" seq 1 type b\n')
    assert listed.files[0][0] == 'my "log".1.base.rdb'


@pytest.mark.parametrize("text, reason", [
    ("", "empty"),
    ("file a seq 1 type b", "its end is missing"),
    ("file a seq 1\n", "has no type"),
    ("file a seq 1 type i startoffset 0 replid abc\n", "40 letters"),
    (f"file a seq 1 type i startoffset 0 replid {'a' * 40},\n", "40 letters"),
    ("file a seq 1 type i startoffset 0 preamble -1\n", "out of range"),
    ("file a seq 1 type\n", "not made of keys and values"),
    ("\n", "not made of keys and values"),
    ("file a seq 1 type x\n", "type x is unknown"),
    ("file a seq 0 type b\n", "out of range"),
    ("file a seq z type b\n", "invalid literal"),
    ("file ../a seq 1 type b\n", "a name, not a path"),
    ('file "a seq 1 type b\n', "not made of keys and values"),
    ("file a seq 1 type b\nfile b seq 2 type b\n", "line 2 .* more than one base"),
    ("file a seq 2 type i\nfile b seq 2 type i\n", "line 2 .* do not rise"),
    (f"file {'a' * 1100} seq 1 type b\n", "too long"),
])
def test_what_is_no_manifest(tmp_path, text, reason):
    with pytest.raises(ManifestError, match=reason):
        read(tmp_path, text)
