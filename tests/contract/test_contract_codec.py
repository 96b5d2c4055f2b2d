"""The wire: whatever goes in comes out, whatever is broken is refused with a reason."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from contract import readings, sealing, topics
from contract.messages import MAX_PAYLOAD_BYTES, Ack, ContractError, Desired, Event, EventBatch, decode, encode
from contract.readings import Columns
from contract.topics import Lane

NAMES = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True)


def columns(n: int, points, offsets, values, quality) -> Columns:
    return Columns(np.resize(points, n).astype(np.uint32), 1_700_000_000_000 + np.resize(offsets, n).astype(np.int64),
                   np.resize(values, n).astype(np.float64), np.resize(quality, n).astype(np.uint8))


@given(
    points=npst.arrays(np.uint32, st.integers(1, 50)), offset=st.integers(-(2**31 - 1), 2**31 - 1),
    values=npst.arrays(np.float64, 50), quality=npst.arrays(np.uint8, 50))
def test_readings_round_trip(points, offset, values, quality):
    n = len(points)
    sent = columns(n, points, [0, offset], values, quality)
    got = readings.columns(readings.decode(readings.encode(
        readings.pack(sent, epoch="e", seq=7, floor=3, sent_ms=9))))
    assert np.array_equal(got.points, sent.points)
    assert np.array_equal(got.times_ms, sent.times_ms)
    assert np.array_equal(got.values, sent.values, equal_nan=True)
    assert np.array_equal(got.quality, sent.quality)


def batch(**changes: object) -> bytes:
    sent = columns(3, [1, 2, 3], [0], [1.5], [0])
    content = msgspec.to_builtins(readings.pack(sent, epoch="e", seq=2, floor=1, sent_ms=9), builtin_types=(bytes,))
    return msgspec.msgpack.encode(content | changes)


@pytest.mark.parametrize(("payload", "reason"), [
    (b"", "not a readings batch"),
    (b"garbage", "not a readings batch"),
    (batch()[:-5], "not a readings batch"),
    (batch(v=2), "contract version 2, this side speaks version 1"),
    (msgspec.msgpack.encode({"v": 9, "other": 1}), "contract version 9"),
    (batch(values=b"12345678"), "columns of unequal length"),
    (batch(points=b"123"), "columns of unequal length"),
    (batch(quality=b"1"), "columns of unequal length"),
    (batch(seq=0, floor=0), "1 <= floor <= seq"),
    (batch(seq=2, floor=3), "1 <= floor <= seq"),
    (bytes(MAX_PAYLOAD_BYTES + 1), "at most"),
])
def test_broken_readings_are_refused_with_their_reason(payload, reason):
    with pytest.raises(ContractError, match=reason):
        readings.decode(payload)


def test_unknown_fields_are_ignored():
    assert len(readings.decode(batch(colour="red"))) == 3
    assert decode(b'{"lane":"live","epoch":"e","seq":1,"colour":"red"}', Ack).seq == 1


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_decoders(payload):
    for decoder in (readings.decode, lambda raw: decode(raw, EventBatch), lambda raw: decode(raw, Desired)):
        try:
            decoder(payload)
        except ContractError:
            continue


@pytest.mark.parametrize(("payload", "reason"), [
    (b"{", "not a valid message"), (b'{"lane":1}', "not a valid message"),
    (b'{"v":3,"lane":"live","epoch":"e","seq":1}', "contract version 3"), (bytes(MAX_PAYLOAD_BYTES + 1), "at most"),
])
def test_broken_json_is_refused_with_its_reason(payload, reason):
    with pytest.raises(ContractError, match=reason):
        decode(payload, Ack)


@given(kind=st.text(max_size=20), at_ms=st.integers(0, 2**52), value=st.none() | st.floats(allow_nan=False),
       evidence=st.binary(max_size=40), text=st.text(max_size=40))
def test_events_round_trip(kind, at_ms, value, evidence, text):
    event = Event(kind=kind, at_ms=at_ms, value=value if value is None or abs(value) != float("inf") else None,
                  evidence=evidence, text=text, data={"a": 1.5, "b": "x", "c": True})
    sent = EventBatch(epoch="e", seq=1, floor=1, sent_ms=2, events=[event])
    assert decode(encode(sent), EventBatch) == sent


@given(site=NAMES, gateway=NAMES, lane=st.sampled_from(list(Lane)))
def test_topics_parse_back(site, gateway, lane):
    assert topics.parse_uplink(topics.up(site, gateway, lane)) == (site, gateway, lane.value)
    assert topics.parse_uplink(topics.state(site, gateway)) == (site, gateway, "state")
    assert topics.parse_enrolment(topics.enrol_request(site, gateway)) == (site, gateway)


@pytest.mark.parametrize("topic", [
    "", "a/b", "campus/v1/s/g/up/other", "campus/v1/s/g/ack", "campus/v2/s/g/up/live", "campus/v1/s/g/up/live/x",
    "campus/v1/enrol/s/g/request",
])
def test_other_topics_are_no_uplink(topic):
    assert topics.parse_uplink(topic) is None


@pytest.mark.parametrize(("name", "valid"), [
    ("gw-main", True), ("a", True), ("", False), ("A", False), ("a/b", False), ("a+", False), ("x" * 64, False),
    ("-a", False), ("a\n", False),
])
def test_names(name, valid):
    assert topics.valid_name(name) is valid


def test_a_seal_opens_only_for_its_key():
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    own, other = X25519PrivateKey.generate(), X25519PrivateKey.generate()
    sealed = sealing.seal(b"secret", own.public_key().public_bytes_raw())
    assert sealing.unseal(sealed, own.private_bytes_raw()) == b"secret"
    assert b"secret" not in sealed
    for wrong, key in ((sealed, other), (sealed[:-1] + bytes([sealed[-1] ^ 1]), own), (b"short", own)):
        with pytest.raises(sealing.SealError):
            sealing.unseal(wrong, key.private_bytes_raw())


def test_a_changed_policy_does_not_verify():
    key = bytes(range(32))
    signature = sealing.sign(b"body", key)
    sealing.verify(b"body", signature, sealing.public_of(key))
    with pytest.raises(sealing.SealError):
        sealing.verify(b"Body", signature, sealing.public_of(key))
    with pytest.raises(sealing.SealError):
        sealing.verify(b"body", signature, sealing.public_of(bytes(32)))
