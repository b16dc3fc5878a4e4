"""The arithmetic behind INFO, LATENCY and LOLWUT."""
import pytest

from wstore.admin import latency, lolwut, process
from wstore.errors import ReplyError


@pytest.mark.parametrize(("size_bytes", "text"), [
    (0, "0B"), (1023, "1023B"), (1024, "1.00K"), (1536, "1.50K"), (916344, "894.87K"), (1 << 20, "1.00M"),
    (25276502016, "23.54G"), (1 << 40, "1.00T"), (1 << 50, "1.00P"), (1 << 60, "1024.00P")])
def test_human_sizes(size_bytes, text):
    """The middle ones were seen in a redis-server's INFO."""
    assert process.human(size_bytes) == text


def test_histogram_bounds_are_those_of_redis():
    """As LATENCY HISTOGRAM of a redis-server 7.0.15 names them, in microseconds."""
    seen = [1, 2, 4, 8, 16, 33, 66, 132, 264, 528, 1056, 2113, 4227, 8454, 16908]
    assert [latency.bound_ns(bit) // 1000 for bit in range(10, 25)] == seen


def test_histograms_add_up():
    assert latency.cumulative([]) == {}
    assert latency.cumulative([(0.2, 3), (0.9, 1), (3.0, 5), (3.5, 1), (60.0, 2)]) == {1: 4, 4: 10, 66: 12}


def test_rule_90_draws_sierpinski_s_triangle():
    rows = [[0] * 16]
    rows[0][8] = 1
    for _ in range(4):
        rows.append(lolwut.next_row(rows[-1], 90))
    assert ["".join(".#"[cell] for cell in row) for row in rows] == [
        "........#.......", ".......#.#......", "......#...#.....", ".....#.#.#.#....", "....#.......#..."]


def test_weave_puts_eight_dots_into_a_character():
    assert lolwut.weave(1, 1, 204, [1, 1]) == ["⣿"]         # rule 204 keeps every cell
    assert lolwut.weave(1, 1, 204, [1, 0]) == ["⡇"]
    assert lolwut.weave(2, 2, 0, [1, 0, 0, 1]) == ["⠁⠈", "⠀⠀"]     # rule 0: one row only


def test_sizes_of_the_picture():
    assert lolwut._size([]) == (lolwut.COLUMNS, lolwut.ROWS)
    assert lolwut._size([b"5"]) == (5, lolwut.ROWS)
    assert lolwut._size([b"9999", b"0"]) == (lolwut.COLUMNS_MAX, 1)
    for words, version in ([b"x"], None), ([b"7", b"x"], None), ([b"VERSION"], None), ([b"x"], 7):
        assert lolwut._size(words, version) == (lolwut.COLUMNS, lolwut.ROWS)
    for words, version in ([b"x"], 5), ([b"1", b"2", b"x"], 5), ([b"1", b" 2"], 6):
        with pytest.raises(ReplyError, match="not an integer"):
            lolwut._size(words, version)
    assert lolwut._size([b"5", b"4", b"x"], 6) == (5, 4)
    assert [len(line) for line in lolwut.picture(7, 3).split("\n")] == [7, 7, 7]
