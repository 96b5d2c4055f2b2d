import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.serial_card.parsing import HELD_S, MAX_LINE_BYTES, Em4100Parser, LineParser, Presentations
from simulator.serial_readers import em4100_frame

GOOD = b"\x020000ABCDEF89\x03"


def chunks(stream, sizes):
    turn = 0
    while stream:
        size = sizes[turn % len(sizes)]
        yield stream[:size]
        stream, turn = stream[size:], turn + 1


split = st.lists(st.integers(1, 9), min_size=1, max_size=9)
cards = st.integers(0, 2**40 - 1)
noise = st.binary(max_size=30) | st.just(b"\x02") | st.binary(max_size=13).map(lambda tail: GOOD[: len(tail)])


def test_the_frame_of_a_known_card():
    parser = Em4100Parser()
    assert parser.feed(GOOD) == ["card:ABCDEF"]
    assert em4100_frame("0000abcdef") == GOOD
    assert (parser.frames, parser.bad_frames) == (1, 0)


@pytest.mark.parametrize("torn", [
    GOOD[:-1] + b"\x04",
    GOOD[:11] + b"00\x03",
    GOOD[:5] + b"G" + GOOD[6:],
    GOOD[:5] + GOOD[6:],
])
def test_a_bad_frame_is_counted_and_the_next_is_read(torn):
    parser = Em4100Parser()
    assert parser.feed(torn + GOOD) == ["card:ABCDEF"]
    assert (parser.frames, parser.bad_frames) == (1, 1)


@given(st.lists(st.tuples(noise, cards), max_size=6), split)
def test_no_card_is_lost_whatever_lies_between_however_the_bytes_come(parts, sizes):
    stream = b"".join(before + em4100_frame(f"{card:010X}") for before, card in parts)
    parser, found = Em4100Parser(), []
    for chunk in chunks(stream, sizes):
        found += parser.feed(chunk)
    wanted = [f"card:{card:X}" for _, card in parts]
    assert [card for card in found if card in wanted] == wanted


texts = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=100)


@given(st.lists(st.tuples(texts, st.sampled_from(["\r", "\n", "\r\n"])), max_size=6), split)
def test_every_line_is_read_however_the_bytes_come(lines, sizes):
    stream = "".join(text + end for text, end in lines).encode()
    parser, found = LineParser(), []
    for chunk in chunks(stream, sizes):
        found += parser.feed(chunk)
    assert found == [f"qr:{text}" for text, _ in lines]
    assert (parser.frames, parser.bad_frames) == (len(lines), 0)


@pytest.mark.parametrize(("stream", "codes", "bad"), [
    (b"x" * MAX_LINE_BYTES + b"\r\n", ["qr:" + "x" * MAX_LINE_BYTES], 0),
    (b"x" * (MAX_LINE_BYTES + 1) + b"\r\nvisit-7\r\n", ["qr:visit-7"], 1),
    (b"\xff\xfe\r\nvisit-7\r\n", ["qr:visit-7"], 1),
    (b"a\x00b\nvisit-7\n", ["qr:visit-7"], 1),
    (b" visit-7 \n\n\n", ["qr:visit-7"], 0),
    (b"visit-7", [], 0),
])
@pytest.mark.parametrize("size", [1, 4096])
def test_lines(stream, codes, bad, size):
    parser, found = LineParser(), []
    for chunk in chunks(stream, [size]):
        found += parser.feed(chunk)
    assert (found, parser.bad_frames) == (codes, bad)


def test_what_never_ends_is_not_kept():
    parser = LineParser()
    for _ in range(100):
        parser.feed(b"x" * 100)
    assert len(parser._kept) <= MAX_LINE_BYTES


@pytest.mark.parametrize(("reports", "new"), [
    ([("a", 0.0), ("a", 0.1), ("a", 0.2)], [True, False, False]),
    ([("a", 0.0), ("a", HELD_S)], [True, True]),
    ([("a", 0.0), ("a", 1.5), ("a", 3.0)], [True, False, False]),
    ([("a", 0.0), ("b", 0.1), ("a", 0.2)], [True, True, True]),
])
def test_a_card_held_is_one_presentation(reports, new):
    presentations = Presentations()
    assert [presentations.is_new(*report) for report in reports] == new
