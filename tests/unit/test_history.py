"""Ids of the stream: who may go on with it, and what the labels of a log's files tell of it."""
import pytest

from wstore.replication.history import EARLIER_MAX, LABEL_IDS_MAX, History

A, B, C = "a" * 40, "b" * 40, "c" * 40


def history(*changes, first=A):
    """Of stream `first`, whose id changes: (id, offset) of each."""
    made = History()
    made.replace(first)
    for name, offset in changes:
        made.change(name, offset)
    return made


def test_a_new_one_knows_itself_only():
    made = History()
    assert len(made.id) == 40 and made.id != History().id
    assert made.second is None
    assert made.reason_against(made.id, 5, 5) is None
    assert "up to offset 5" in made.reason_against(made.id, 6, 5)
    assert "not known" in made.reason_against(A, 0, 5)


@pytest.mark.parametrize(("asked", "offset", "fits"), [
    (A, 0, True), (A, 100, True), (A, 101, False), (B, 100, True), (B, 150, True), (B, 151, False), (C, 151, True),
    (C, 200, True), (C, 201, False), ("?", 0, False), ("", 0, False)])
def test_earlier_ids_are_known_up_to_their_ends(asked, offset, fits):
    made = history((B, 100), (C, 150))
    assert (made.reason_against(asked, offset, 200) is None) == fits


def test_changes():
    told = []
    made = History(lambda: told.append(made.id))
    first = made.id
    made.change(first, 10)
    assert (told, made.earlier) == ([], [])
    made.begin(20)
    assert made.earlier == [(first, 20)] == [made.second]
    second = made.id
    made.change(first, 30)
    assert (made.id, made.earlier) == (first, [(second, 30)])
    made.renew()
    assert made.earlier == [] and made.id not in (first, second)
    assert told == [second, first, made.id]
    made.replace(A, 77)
    assert (made.id, made.earlier, len(told)) == (A, [], 3)


def test_the_oldest_are_forgotten():
    made = history(*((f"{n:040}", n) for n in range(1, 100)))
    assert [end for _, end in made.earlier] == list(range(99, 99 - EARLIER_MAX, -1))


def test_labels():
    made = history((B, 100), (C, 100))
    assert made.label(100) == f"{C},{B},{A}"
    assert made.label(101) == C
    many = history(*((f"{n:040}", 7) for n in range(20)))
    assert len(many.label(7).split(",")) == LABEL_IDS_MAX


@pytest.mark.parametrize(("files", "present", "earlier"), [
    ([(A, 0)], A, []),
    ([(A, 0), (A, 50), (f"{B},{A}", 100), (B, 120)], B, [(A, 100)]),
    ([(f"{C},{B},{A}", 100), (C, 200)], C, [(B, 100), (A, 100)]),
    ([(A, 0), (f"{C},{B}", 100)], C, [(B, 100), (A, 100)]),
    ([(A, 0), (B, 40)], B, [(A, 40)]),
    ([(A, 0), ("", 40), (B, 50)], B, []),
])
def test_what_labels_tell(files, present, earlier):
    made = History()
    assert made.resume(files)
    assert (made.id, made.earlier) == (present, earlier)


@pytest.mark.parametrize("files", [[], [("", 0)], [(A, 0), ("", 40)]])
def test_labels_that_tell_nothing(files):
    made = history((B, 5))
    assert not made.resume(files)
    assert made.id not in (A, B) and made.earlier == []


def test_labels_tell_what_they_were_made_of():
    made, files = history(), [(A, 0)]
    for name, offset in ((B, 10), (C, 10), ("d" * 40, 30)):
        made.change(name, offset)
        if files[-1][1] == offset:
            files.pop()
        files.append((made.label(offset), offset))
    again = History()
    assert again.resume(files)
    assert (again.id, again.earlier) == (made.id, made.earlier)
