"""The C kernels of csrc/, through wstore.engine.kernels.pyx: published check values, Python models, bad input."""
import contextlib
import hashlib
import math
import random
import subprocess
import sys
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wstore.engine import _engine as k

INT64 = st.integers(-(2**63), 2**63 - 1)
UINT64 = st.integers(0, 2**64 - 1)
BYTES = st.binary(max_size=100)


# -- CRC and slots -----------------------------------------------------------------------------------------

def model_crc16(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def model_crc64(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x95AC9329AC4BC9B5 if crc & 1 else crc >> 1
    return crc


def model_slot(key: bytes) -> int:
    start = key.find(b"{")
    end = key.find(b"}", start + 1)
    if start >= 0 and end > start + 1:
        key = key[start + 1:end]
    return model_crc16(key) % 16384


def test_crc_check_values():
    assert k.crc16(b"123456789") == 0x31C3
    assert k.crc64(b"123456789") == 0xE9C6D914C4B8D9CA
    assert k.crc16(b"") == k.crc64(b"") == 0


@given(BYTES)
def test_crcs_equal_the_bitwise_definition(data):
    assert k.crc16(data) == model_crc16(data)
    assert k.crc64(data) == model_crc64(data)


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 255, 256, 257, 319, 320, 400, 1000, 1024, 4096, 5001])
def test_both_ways_to_crc64_agree(size):
    """Long pieces are folded, where the processor can: also such as begin at odd places, or go on from others."""
    data = random.Random(size).randbytes(size + 3)
    for begin in range(4):
        piece = data[begin:begin + size]
        for crc in (0, 0xE9C6D914C4B8D9CA):
            assert k.crc64(piece, crc) == k.crc64_by_tables(piece, crc)
        assert k.crc64(piece) == model_crc64(piece)


@given(BYTES, BYTES)
def test_crc64_continues(a, b):
    assert k.crc64(b, k.crc64(a)) == k.crc64(a + b)


@given(st.lists(st.sampled_from([b"{", b"}", b"a", b"bc", b"\0"]), max_size=12).map(b"".join))
@example(b"{user1000}.following")
@example(b"foo{}{bar}")
@example(b"foo{{bar}}zap")
@example(b"foo{bar}{zap}")
def test_key_slot_hashes_the_tag(key):
    assert k.key_slot(key) == model_slot(key)


def test_key_slot_of_the_cluster_specification():
    assert k.key_slot(b"{user1000}.following") == k.key_slot(b"{user1000}.followers") == k.key_slot(b"user1000")
    assert k.key_slot(b"123456789") == 0x31C3 % 16384


# -- SipHash -----------------------------------------------------------------------------------------------

def model_siphash13(data: bytes, key0: int, key1: int) -> int:
    mask = 2**64 - 1

    def rotl(x, n):
        return (x << n | x >> (64 - n)) & mask

    def sip_round(a, b, c, d):
        a, c = (a + b) & mask, (c + d) & mask
        b, d = rotl(b, 13) ^ a, rotl(d, 16) ^ c
        a = rotl(a, 32)
        c, a = (c + b) & mask, (a + d) & mask
        b, d = rotl(b, 17) ^ c, rotl(d, 21) ^ a
        return a, b, rotl(c, 32), d

    v = (key0 ^ 0x736F6D6570736575, key1 ^ 0x646F72616E646F6D, key0 ^ 0x6C7967656E657261, key1 ^ 0x7465646279746573)
    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 255])
    for i in range(0, len(padded), 8):
        word = int.from_bytes(padded[i:i + 8], "little")
        v = sip_round(v[0], v[1], v[2], v[3] ^ word)
        v = (v[0] ^ word, *v[1:])
    v = (v[0], v[1], v[2] ^ 0xFF, v[3])
    for _ in range(3):
        v = sip_round(*v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


@given(BYTES, UINT64, UINT64)
def test_siphash_equals_its_definition(data, key0, key1):
    assert k.siphash13(data, key0, key1) == model_siphash13(data, key0, key1)


def test_siphash_equals_pythons():
    """CPython hashes bytes with SipHash-1-3, with key 0 under PYTHONHASHSEED=0: an implementation not ours."""
    assert sys.hash_info.algorithm == "siphash13"
    code = "print(*[hash(bytes(range(n))) for n in range(1, 41)])"
    out = subprocess.run([sys.executable, "-c", code], env={"PYTHONHASHSEED": "0"}, capture_output=True, check=True)
    ours = [as_signed(k.siphash13(bytes(range(n)), 0, 0)) for n in range(1, 41)]
    assert [int(text) for text in out.stdout.split()] == ours


def as_signed(n: int) -> int:
    return n - 2**64 if n >= 2**63 else n


# -- LZF ---------------------------------------------------------------------------------------------------

PIECES = [b"a", b"ab", b"abc" * 50, b"\0" * 300, b"xyz1", bytes(range(256))]
REPETITIVE = st.lists(st.sampled_from(PIECES)).map(b"".join)


@given(BYTES | REPETITIVE)
def test_lzf_round_trip(data):
    packed = k.lzf_compress(data, cap=len(data) + len(data) // 32 + 2)
    if not data:
        assert packed is None
        return
    assert k.lzf_decompress(packed, len(data)) == data


def test_lzf_compresses_what_repeats():
    assert len(k.lzf_compress(b"a" * 1000)) < 20
    assert len(k.lzf_compress(b"hello world, " * 100)) < 60


def test_lzf_finds_matches_at_the_far_end_of_the_window():
    block = hashlib.sha256(b"0").digest() * 2
    filler = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(260))
    for gap in (8192 - len(block), 8193 - len(block), 8100):
        data = block + filler[:gap] + block
        packed = k.lzf_compress(data, cap=2 * len(data))
        assert k.lzf_decompress(packed, len(data)) == data


@given(REPETITIVE, st.integers(0, 100))
def test_lzf_never_exceeds_its_room(data, cap):
    packed = k.lzf_compress(data, cap)
    assert packed is None or len(packed) <= cap


def test_lzf_format():
    assert k.lzf_decompress(b"\x02abc", 3) == b"abc"
    assert k.lzf_decompress(b"\x00a\x20\x00", 4) == b"aaaa"
    assert k.lzf_decompress(b"\x00a\xe0\x05\x00", 15) == b"a" * 15


@given(BYTES, st.integers(0, 300))
def test_lzf_survives_any_input(data, size):
    with contextlib.suppress(ValueError):
        assert len(k.lzf_decompress(data, size)) == size


CORRUPT = [b"\x05ab", b"\x20", b"\x20\x00", b"\x00a\x20\x01", b"\xe0", b"\xe0\x01", b"\x00a\xff\xff\xff"]


@pytest.mark.parametrize("bad", CORRUPT)
def test_lzf_refuses_corrupt_data(bad):
    with pytest.raises(ValueError, match="corrupt"):
        k.lzf_decompress(bad, 4)


# -- globs -------------------------------------------------------------------------------------------------

def model_glob(p: bytes, s: bytes, nocase: bool) -> bool:
    """Recursive, by the language that glob.h describes."""
    if not s:
        return not p
    return model_glob_rest(p, s, nocase)


def model_glob_rest(p: bytes, s: bytes, nocase: bool) -> bool:
    if not p:
        return not s
    if p[:1] == b"*":
        return any(model_glob_rest(p[1:], s[i:], nocase) for i in range(len(s) + 1))
    if not s:
        return False
    matched, rest = model_glob_item(p, s[:1], nocase)
    return matched and model_glob_rest(rest, s[1:], nocase)


def model_glob_item(p: bytes, c: bytes, nocase: bool) -> tuple[bool, bytes]:
    def fold(x):
        return x.lower() if nocase else x

    if p[:1] == b"?":
        return True, p[1:]
    if p[:1] == b"[":
        return model_glob_set(p[1:], c, fold)
    if p[:1] == b"\\" and len(p) > 1:
        p = p[1:]
    return fold(p[:1]) == fold(c), p[1:]


def model_glob_set(p: bytes, c: bytes, fold) -> tuple[bool, bytes]:
    negated, found = p[:1] == b"^", False
    p = p[negated:]
    while p and p[:1] != b"]":
        if p[:1] == b"\\" and len(p) > 1:
            found, p = found or p[1:2] == c, p[2:]
        elif len(p) >= 3 and p[1:2] == b"-":
            low, high = sorted((p[:1], p[2:3]))
            found, p = found or fold(low) <= fold(c) <= fold(high), p[3:]
        else:
            found, p = found or fold(p[:1]) == fold(c), p[1:]
    return found != negated, p[1:]


GLOB_TEXT = st.text("aAbBc-]\\", max_size=8).map(str.encode)
GLOB_TOKENS = [*"*?[]^-\\abBcA", "[a-c]", "[^b]", "**"]
GLOB_PATTERN = st.lists(st.sampled_from(GLOB_TOKENS), max_size=9).map(lambda tokens: "".join(tokens).encode())


@given(GLOB_PATTERN, GLOB_TEXT, st.booleans())
def test_glob_equals_its_definition(pattern, text, nocase):
    assert k.glob_match(pattern, text, nocase) == model_glob(pattern, text, nocase)


@pytest.mark.parametrize(("pattern", "text", "expected"), [
    (b"h?llo", b"hello", True), (b"h*llo", b"heeeello", True), (b"h[ae]llo", b"hillo", False),
    (b"h[^e]llo", b"hallo", True), (b"h[a-b]llo", b"hbllo", True), (b"h\\*llo", b"h*llo", True), (b"*", b"", False),
    (b"", b"", True), (b"a*", b"a", True), (b"[z-a]", b"m", True), (b"[abc", b"c", True), (b"a\\", b"a\\", True),
    (b"*\xff", b"\0\xff", True),
])
def test_glob_examples(pattern, text, expected):
    assert k.glob_match(pattern, text) is expected


def test_glob_has_no_expensive_patterns():
    started = time.process_time()
    assert not k.glob_match(b"a*" * 200 + b"b", b"a" * 5000)
    assert time.process_time() - started < 1


# -- numbers -----------------------------------------------------------------------------------------------

@given(INT64)
@example(-(2**63))
@example(2**63 - 1)
@example(0)
def test_integers_round_trip(n):
    assert k.i64_to_str(n) == b"%d" % n
    assert k.str_to_i64(b"%d" % n) == n


@given(UINT64)
@example(2**64 - 1)
def test_unsigned_integers(n):
    assert k.u64_to_str(n) == b"%d" % n


def test_integers_of_every_length():
    for digits in range(20):
        for n in (10**digits - 1, 10**digits, 10**digits + 1):
            assert k.u64_to_str(n) == b"%d" % n


@given(st.text("0123456789-+ .\0", max_size=22).map(str.encode))
@example(b"9223372036854775808")
@example(b"-9223372036854775809")
@example(b"18446744073709551616")
@example(b"-0")
@example(b"-")
def test_only_canonical_integers_parse(text):
    n = k.str_to_i64(text)
    try:
        expected = int(text)
    except ValueError:
        expected = None
    if expected is not None and (b"%d" % expected != text or not -(2**63) <= expected < 2**63):
        expected = None
    assert n == expected


@given(st.floats(allow_nan=False))
@example(-0.0)
@example(9e15)
@example(1e17)
def test_doubles_round_trip(d):
    text = k.double_to_str(d)
    assert text == (b"%.17g" % d if math.isfinite(d) else b"inf" if d > 0 else b"-inf")
    assert math.copysign(1, k.str_to_double(text)) == math.copysign(1, d)
    assert k.str_to_double(text) == d


def test_double_special_forms():
    assert k.double_to_str(math.nan) == b"nan"
    assert k.str_to_double(b"+inf") == k.str_to_double(b"Infinity") == math.inf
    assert k.str_to_double(b"0x1p4") == 16
    assert k.str_to_double(b"1e-400") is None
    for bad in (b"", b" 1", b"1 ", b"nan", b"1,5", b"1e400", b"-1e400", b"1\0", b"0." + b"1" * 6000):
        assert k.str_to_double(bad) is None
        assert k.long_double_sum(bad, b"0") is None or bad in (b"1e400", b"-1e400")


def test_long_double_text():
    assert k.long_double_sum(b"10.50", b"0.1") == b"10.6"
    assert k.long_double_sum(b"5.0e3", b"200") == b"5200"
    assert k.long_double_sum(b"3", b"-3") == b"0"
    assert k.long_double_sum(b"-0.0", b"-0.0") == b"0"
    assert k.long_double_sum(b"1e-20", b"0") == b"0"
    assert k.long_double_sum(b"inf", b"1") == b"inf"
    assert k.long_double_sum(b"-inf", b"inf").endswith(b"nan")
    assert k.long_double_sum(b"1e5000", b"0") is None
    assert len(k.long_double_sum(b"1e4932", b"0")) == 4933


# -- SHA-1, clocks -----------------------------------------------------------------------------------------

@given(st.binary(max_size=300))
@example(bytes(55))
@example(bytes(56))
@example(bytes(64))
def test_sha1(data):
    assert k.sha1(data) == hashlib.sha1(data).digest()


def test_clocks_agree():
    for _attempt in range(10):      # another one if the process had to wait between the readings of two clocks
        ticks, per_us, mono_us, _ = k.clock_readings()
        time.sleep(0.05)
        ticks2, _, mono_us2, unix_ms = k.clock_readings()
        measured_us = (ticks2 - ticks) / per_us
        if measured_us == pytest.approx(mono_us2 - mono_us, rel=0.05):
            break
    assert measured_us == pytest.approx(mono_us2 - mono_us, rel=0.05)
    assert abs(unix_ms - time.time() * 1000) < 1000
    assert abs(mono_us2 - time.monotonic_ns() / 1000) < 1e6
