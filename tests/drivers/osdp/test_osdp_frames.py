import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.osdp.frames import SOM, Splitter, answers, code_of, crc16, is_whole

POLL_ANSWER = bytes.fromhex("53810e000e02164034d9217b3bb1")
HANDSHAKE = bytes.fromhex("ff530113000e03110176d764c8cce93255c41f4f")
CHECKSUM = bytes([SOM, 0x80, 7, 0, 1, 0x40, 0x100 - (SOM + 0x80 + 7 + 1 + 0x40) % 0x100])


def framed(payload: bytes) -> bytes:
    head = bytes([SOM, 0x81]) + (len(payload) + 7).to_bytes(2, "little") + b"\x04" + payload
    return head + crc16(head).to_bytes(2, "little")


@pytest.mark.parametrize("frame", [POLL_ANSWER, HANDSHAKE[1:], CHECKSUM])
def test_frames_recorded_on_a_line_are_whole(frame):
    assert is_whole(frame)
    assert not is_whole(frame[:-1] + bytes([frame[-1] ^ 1]))


@pytest.mark.parametrize(("frame", "code"), [(POLL_ANSWER, 0x40), (HANDSHAKE, 0x76), (CHECKSUM, 0x40)])
def test_code_stands_behind_the_security_block(frame, code):
    assert code_of(frame) == code


noise = st.binary(max_size=30).map(lambda content: content.replace(bytes([SOM]), b""))
frames = st.binary(min_size=1, max_size=40).map(framed)


@given(st.lists(st.tuples(noise, frames), max_size=6), st.lists(st.integers(1, 9), min_size=1, max_size=9))
def test_no_frame_is_lost_in_noise_however_the_bytes_come(parts, sizes):
    stream = b"".join(before + frame for before, frame in parts)
    splitter, found, turn = Splitter(), [], 0
    while stream:
        size = sizes[turn % len(sizes)]
        found += splitter.feed(stream[:size])
        stream, turn = stream[size:], turn + 1
    assert found == [frame for _, frame in parts]


def test_a_broken_frame_costs_only_itself():
    splitter = Splitter()
    torn = POLL_ANSWER[:6] + POLL_ANSWER[7:]
    assert splitter.feed(torn + POLL_ANSWER + POLL_ANSWER) == [POLL_ANSWER, POLL_ANSWER]
    assert splitter.bad_frames == 1


def test_forgetting_drops_what_has_begun():
    splitter = Splitter()
    assert splitter.feed(POLL_ANSWER[:9]) == []
    splitter.forget()
    assert splitter.feed(POLL_ANSWER) == [POLL_ANSWER]


QUESTION = bytes.fromhex("ff53010e000e0215600dbb7d3df57f")
BUSY = bytes([SOM, 0x81, 7, 0, 0, 0x79, 0x100 - (SOM + 0x81 + 7 + 0x79) % 0x100])


@pytest.mark.parametrize(("reply", "address", "is_answer"), [
    (POLL_ANSWER, 1, True),
    (POLL_ANSWER, 2, False),
    (QUESTION[1:], 1, False),
    (POLL_ANSWER[:4] + b"\x0d" + POLL_ANSWER[5:], 1, False),
    (BUSY, 1, True),
])
def test_an_answer_has_the_questions_number_and_the_readers_address(reply, address, is_answer):
    assert answers(reply, QUESTION, address) == is_answer
