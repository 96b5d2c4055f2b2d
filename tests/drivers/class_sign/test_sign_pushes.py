"""Pushed batches taken apart, by mappings as vendors need them; no sockets."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.configuration import ConfigurationMistakes, parse
from drivers.class_sign import pushes, vendor
from drivers.class_sign.pushes import BadPush
from drivers.class_sign.vendor import Push, Vendor

CAMPUS = vendor.load("campus-sign").push
BASE = {"records": "records", "device": "deviceID", "card": "cardID", "card_as": "hex", "time": "checkingTime",
        "time_as": "%Y-%m-%d %H:%M:%S", "time_zone": "Asia/Shanghai"}
MONDAY_0800_BEIJING_MS = 1_772_409_600_000  # 2026-03-02T00:00:00Z


def push(**settings):
    return Push(**{**BASE, **settings})


def body(*records, **batch):
    return json.dumps({"deviceID": "s1", "seq": 7, "records": list(records), **batch}).encode()


def record(card="00A1B2C3D4", time="2026-03-02 08:00:00", **more):
    return {"cardID": card, "checkingTime": time, **more}


def test_every_mapping_that_is_shipped_can_be_read():
    assert vendor.names() == ["campus-sign", "fully-kiosk"]
    assert all(isinstance(vendor.load(name), Vendor) for name in vendor.names())


def test_a_mapping_with_a_mistake_is_refused_with_its_line():
    with pytest.raises(ConfigurationMistakes, match=r"x.yaml:2: auth.kind"):
        parse("title: {en: x, zh: x}\nauth: {kind: magic, name: a}\n", "x.yaml", Vendor)


def test_a_batch_of_the_campus_sign():
    batch = pushes.parse(body(record(), record("0000000001"), http="http://127.0.0.1:81"), CAMPUS)
    assert batch.devices == {"s1": "http://127.0.0.1:81"}
    assert [swipe.credential for swipe in batch.swipes] == ["card:A1B2C3D4", "card:1"]
    assert {swipe.device_ms for swipe in batch.swipes} == {MONDAY_0800_BEIJING_MS}
    assert batch.swipes[0].key == ("7", "card:A1B2C3D4", MONDAY_0800_BEIJING_MS)


@pytest.mark.parametrize(("settings", "time", "ms"), [
    ({}, "2026-03-02 08:00:00", MONDAY_0800_BEIJING_MS),
    ({"time_zone": "UTC"}, "2026-03-02 00:00:00", MONDAY_0800_BEIJING_MS),
    ({"time_as": "ms"}, MONDAY_0800_BEIJING_MS, MONDAY_0800_BEIJING_MS),
    ({"time_as": "s"}, str(MONDAY_0800_BEIJING_MS // 1000), MONDAY_0800_BEIJING_MS),
])
def test_time_is_read_as_the_mapping_declares(settings, time, ms):
    assert pushes.parse(body(record(time=time)), push(**settings)).swipes[0].device_ms == ms


@pytest.mark.parametrize(("card_as", "text", "credential"), [
    ("hex", "00a1b2c3d4", "card:A1B2C3D4"), ("hex", "1", "card:1"), ("hex", "ABC", "card:ABC"),
    ("hex reversed", "D4C3B2A1", "card:A1B2C3D4"), ("decimal", "0002712847316", "card:A1B2C3D4"),
])
def test_cards_become_canonical_credentials(card_as, text, credential):
    assert pushes.parse(body(record(text)), push(card_as=card_as)).swipes[0].credential == credential


def test_one_batch_may_hold_several_signs():
    batch = pushes.parse(body(record(deviceID="s2"), record()), CAMPUS)
    assert [swipe.device for swipe in batch.swipes] == ["s2", "s1"]


def test_a_heartbeat_names_its_sign_and_no_swipe():
    batch = pushes.parse(body(), CAMPUS)
    assert batch.devices == {"s1": ""}
    assert batch.swipes == []


@pytest.mark.parametrize(("content", "words"), [
    (b"", "not JSON"), (b"\xff\xfe{", "not JSON"), (b"[" * 100_000, "not JSON"), (b"[]", "list of records"),
    (b'{"records": 5}', "list of records"), (b'{"records": [1]}', "list of records"),
    (b'{"records": []}', "deviceID is missing"),
    (body(*[record()] * 1001), "at most 1000"), (body(record("")), "record 0: cardID is missing"),
    (body(record(), record("G1")), "record 1: cardID is no hex number"), (body(record("0000")), "is 0"),
    (body(record(" 1_0")), "no hex number"), (body(record("١")), "no hex number"), (body(record(True)), "no text"),
    (body(record(time="yesterday")), "not a time written as"), (body(record(time=None)), "checkingTime is missing"),
    (body(record(), deviceID="x" * 200), "deviceID is missing or no text"),
])
def test_garbage_is_named(content, words):
    with pytest.raises(BadPush, match=words):
        pushes.parse(content, CAMPUS)


@pytest.mark.parametrize("time", ["1e400", "nan", "-1e18", "99999999999999999"])
def test_impossible_times_are_named(time):
    with pytest.raises(BadPush, match="not a time"):
        pushes.parse(body(record(time=time)), push(time_as="ms"))


@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["records", "deviceID", "cardID", "checkingTime", "seq"]), inner, max_size=5),
    max_leaves=12).map(lambda content: json.dumps(content).encode()))
def test_whatever_is_pushed_is_taken_or_named(content):
    with contextlib.suppress(BadPush):
        assert pushes.parse(content, CAMPUS).devices


def test_only_the_password_signs():
    given = "117eca332f7e13ccb8e4574e4f33daa212a9231353670c2b8b4797df0bb77afa"
    assert pushes.signed(b"x", "secret", given)
    assert pushes.signed(b"x", "secret", given.upper())
    assert not pushes.signed(b"y", "secret", given)
    assert not pushes.signed(b"x", "guess", given)
    assert not pushes.signed(b"x", "secret", "é")
