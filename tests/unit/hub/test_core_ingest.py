"""Ingest: each batch once, acknowledged only when durable; nothing a gateway can send stops the stream."""

import itertools
import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract import readings, topics
from contract.messages import MAX_PAYLOAD_BYTES, PointBirth, encode
from contract.topics import Lane
from hub import journal, tables
from hub.quarantine import KEPT

SITE, NOW_MS = "school", 1_796_000_000_000
Desk = Any  # tests/unit/hub/conftest.py


def stored(desk: Desk) -> list[float]:
    """Return every value in the journal, in order."""
    return [value for row in desk.rows(tables.journal) for value in journal.decode(row.body).values.tolist()]


def mark(desk: Desk, lane: str = "live") -> Any:
    return next(row for row in desk.rows(tables.watermarks) if row.lane == lane)


async def test_a_batch_that_comes_again_is_stored_once_and_acknowledged_again(desk: Desk) -> None:
    desk.readings((1, 5.0), seq=1)
    await desk.committed()
    assert [(ack.seq, ack.resend) for ack in desk.acks()] == [(1, False)]
    desk.readings((1, 5.0), seq=1)
    await desk.committed()
    assert [(ack.seq, ack.resend) for ack in desk.acks()] == [(1, False)]
    assert stored(desk) == [5.0]
    assert (mark(desk).seq, mark(desk).items, mark(desk).repeated) == (1, 1, 1)


async def test_nothing_is_acknowledged_before_its_commit(desk: Desk) -> None:
    desk.readings((1, 5.0), seq=1)
    desk.events(desk.event("door.opened", door="door-1"), seq=1)
    assert desk.acks() == []
    desk.readings((1, 7.0), seq=3)  # a gap, before 1 is durable
    assert [(ack.lane, ack.seq, ack.resend) for ack in desk.acks()] == [("live", 0, True)]
    await desk.committed()
    assert sorted((ack.lane, ack.seq) for ack in desk.acks()) == [("event", 1), ("live", 1)]


async def test_a_gap_is_asked_for_once_and_again_after_a_while(desk: Desk) -> None:
    for seq in range(2, 60):
        desk.readings((1, 5.0), seq=seq)
    assert [(ack.seq, ack.resend) for ack in desk.acks()] == [(0, True)]
    desk.now_ms += 1_000
    desk.readings((1, 5.0), seq=60)
    assert [(ack.seq, ack.resend) for ack in desk.acks()] == [(0, True)]
    for seq in (1, 2):
        desk.readings((1, float(seq)), seq=seq)
    desk.readings((1, 5.0), seq=9)  # another gap is asked for at once
    assert [ack.resend for ack in desk.acks()] == [True]
    await desk.committed()
    assert stored(desk) == [1.0, 2.0]


async def test_what_the_gateway_keeps_no_more_is_counted_as_lost(desk: Desk) -> None:
    desk.readings((1, 1.0), seq=1)
    desk.readings((1, 6.0), seq=6, floor=6)
    await desk.committed()
    assert stored(desk) == [1.0, 6.0]
    assert mark(desk).lost == 4
    assert desk.hub.status().lost == 4
    assert desk.acks()[-1].lost == 4


async def test_a_new_epoch_starts_a_new_count(desk: Desk) -> None:
    desk.readings((1, 1.0), seq=1)
    desk.born(epoch="e2")
    desk.readings((1, 2.0), seq=1, epoch="e2")
    await desk.committed()
    assert stored(desk) == [1.0, 2.0]


async def test_unknown_point_numbers_ask_for_the_birth_and_take_nothing(desk: Desk) -> None:
    desk.readings((1, 1.0), (900, 2.0), seq=1)
    assert [(ack.seq, ack.need_birth, ack.resend) for ack in desk.acks()] == [(0, True, True)]
    meter = desk.birth().devices[0]
    meter.points = [*meter.points, PointBirth(n=900, name="voltage")]
    desk.born(devices=[meter])
    desk.readings((1, 1.0), (900, 2.0), seq=1)
    await desk.committed()
    assert stored(desk) == [1.0, 2.0]


async def test_an_empty_batch_moves_the_watermark_only(desk: Desk) -> None:
    desk.readings(seq=1)
    await desk.committed()
    assert [ack.seq for ack in desk.acks()] == [1]
    assert stored(desk) == []


async def test_unknown_and_unapproved_gateways_are_kept_out(desk: Desk) -> None:
    desk.readings((1, 5.0), name="stranger")
    desk.approve("waiting").state = "pending"
    desk.readings((1, 5.0), seq=1, name="waiting")
    desk.born("waiting", prefix="w-")
    await desk.committed()
    reasons = {(row.topic.split("/")[3], row.reason) for row in desk.rows(tables.quarantine)}
    assert reasons == {("stranger", "unknown gateway"), ("waiting", "gateway is pending")}
    assert stored(desk) == []
    assert "w-meter" not in desk.hub.registry.devices


BIG = 1 << 70
HOSTILE = {
    "garbage": b"\xff\x00 garbage", "empty": b"", "json of something else": b"[1, 2]", "null": b"null",
    "truncated": None, "oversized": b"x" * (MAX_PAYLOAD_BYTES + 1), "another version": None, "a huge seq": None,
    "a negative time": None, "a time beyond all calendars": None, "a huge base": None, "deep nesting": b"[" * 5_000,
}


def hostile(kind: str, lane: Lane, now_ms: int) -> bytes:
    """Return a message that must not be taken."""
    if HOSTILE[kind] is not None:
        return HOSTILE[kind] or b""
    columns = readings.Columns(np.array([1], "<u4"), np.array([now_ms]), np.array([1.0]), np.zeros(1, "u1"))
    batch = msgspec.structs.asdict(readings.pack(columns, epoch="e1", seq=1, floor=1, sent_ms=now_ms))
    events: dict[str, Any] = {"v": 1, "epoch": "e1", "seq": 1, "floor": 1, "sent_ms": now_ms,
                              "events": [{"kind": "door.opened", "at_ms": now_ms, "door": "door-1"}]}
    changed = events if lane is Lane.EVENT else batch
    encoder: Any = msgspec.json if lane is Lane.EVENT else msgspec.msgpack
    match kind:
        case "truncated":
            whole: bytes = encoder.encode(changed)
            return whole[:-7]
        case "another version":
            changed["v"] = 2
        case "a huge seq":
            changed["seq"] = changed["floor"] = BIG if lane is Lane.EVENT else (1 << 63) + 5
        case "a negative time":
            events["events"][0]["at_ms"] = batch["base_ms"] = -5
        case "a time beyond all calendars":
            events["events"][0]["at_ms"] = BIG
            batch["base_ms"] = 1 << 61
        case "a huge base":
            events["events"][0]["at_ms"] = (1 << 63) + 1
            batch["base_ms"] = (1 << 63) + 1
    body: bytes = encoder.encode(changed)
    return body


@pytest.mark.parametrize("kind", HOSTILE)
async def test_hostile_messages_are_kept_with_their_reason_and_the_stream_goes_on(desk: Desk, kind: str) -> None:
    before = desk.hub.quarantine.total
    for lane in Lane:
        desk.hub._message(topics.up(SITE, "gw-a", lane), hostile(kind, lane, NOW_MS))
    assert desk.hub.quarantine.total == before + len(Lane)
    desk.readings((1, 5.0), seq=1)
    desk.events(desk.event("door.opened", door="door-1"), seq=1)
    await desk.committed()
    assert stored(desk) == [5.0]
    assert [row.kind for row in desk.rows(tables.events)] == ["door.opened"]
    assert all(row.reason and "hub failed" not in row.reason for row in desk.rows(tables.quarantine))


DEVICE: dict[str, Any] = {"id": "d", "family": "modbus", "name": {"en": "x", "zh": "x"}}


@pytest.mark.parametrize("birth", [
    {"devices": [{**DEVICE, "id": "../../etc"}]},
    {"devices": [{**DEVICE, "points": [{"n": 1 << 40, "name": "p"}]}]},
    {"devices": [{**DEVICE, "points": [{"n": -1, "name": "p"}]}]},
    {"devices": [{"id": "d"}]}, {"gateway": "gw-b"}, {"v": 9},
])
async def test_a_birth_that_cannot_be_is_refused_whole(desk: Desk, birth: dict[str, Any]) -> None:
    content = msgspec.json.decode(encode(desk.birth())) | birth
    devices = set(desk.hub.registry.devices)
    desk.hub._message(topics.state(SITE, "gw-a"), msgspec.json.encode(content))
    await desk.committed()
    assert set(desk.hub.registry.devices) == devices
    (row,) = desk.rows(tables.quarantine)
    assert "hub failed" not in row.reason


async def test_a_gateway_cannot_claim_what_another_serves_until_that_one_lets_go(desk: Desk) -> None:
    desk.approve("gw-b")
    desk.born("gw-b")
    assert desk.hub.registry.devices["meter"].gateway == "gw-a"
    await desk.committed()
    assert "served by gateway gw-a" in desk.rows(tables.quarantine)[0].reason
    desk.born(devices=[], doors=[])
    desk.born("gw-b")
    assert desk.hub.registry.devices["meter"].gateway == "gw-b"


async def test_the_quarantine_is_bounded_and_its_count_is_not(desk: Desk) -> None:
    for number in range(KEPT + 50):
        desk.now_ms += 1
        desk.hub._message(f"campus/v1/{SITE}/nobody-{number}/up/live", b"x" * 1000)
    await desk.committed()
    rows = desk.rows(tables.quarantine)
    assert len(rows) == KEPT
    assert max(len(row.head) for row in rows) == 256
    await desk.restart()
    assert desk.hub.quarantine.total == KEPT + 50
    desk.hub._message(f"campus/v1/{SITE}/nobody-new/up/live", b"x")
    await desk.committed()
    topics_kept = {row.topic for row in desk.rows(tables.quarantine)}
    assert len(topics_kept) == KEPT
    assert f"campus/v1/{SITE}/nobody-new/up/live" in topics_kept
    assert f"campus/v1/{SITE}/nobody-50/up/live" not in topics_kept, "the one quiet for longest gives way"


async def test_the_same_reason_on_the_same_topic_shares_a_line(desk: Desk) -> None:
    for _ in range(7):
        desk.hub._message(f"campus/v1/{SITE}/nobody/up/live", b"x")
    await desk.committed()
    (row,) = desk.rows(tables.quarantine)
    assert row.count == 7


async def test_backfill_and_late_readings_are_stored_and_raise_nothing(desk: Desk) -> None:
    desk.readings((3, 1.0), lane=Lane.BACKFILL, seq=1)
    desk.readings((3, 1.0), lane=Lane.LIVE, seq=1, at_ms=NOW_MS - 61_000)
    await desk.committed()
    assert desk.hub.alarms.records == {}
    assert len(stored(desk)) == 2
    desk.readings((3, 1.0), lane=Lane.LIVE, seq=2, at_ms=NOW_MS - 59_000)
    assert [record.rule for record in desk.hub.alarms.records.values()] == ["security/fire"]


async def test_a_failure_behind_an_event_loses_neither_it_nor_those_beside_it(
        desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if a rule breaks on one event, all are stored, acknowledged and seen."""
    engine, real = desk.hub.engine, desk.hub.engine.event

    def breaks(event: Any, gateway: str) -> None:
        if event.text == "bad":
            raise ZeroDivisionError
        real(event, gateway)

    monkeypatch.setattr(engine, "event", breaks)
    desk.events(desk.event("door.opened", door="door-1", text="bad"), desk.event("door.held", door="door-2"))
    await desk.committed()
    assert [row.kind for row in desk.rows(tables.events)] == ["door.opened", "door.held"]
    assert [ack.seq for ack in desk.acks()] == [1]
    assert [record.rule for record in desk.hub.alarms.records.values()] == ["access/door-held"]


async def test_an_unknown_door_mode_does_not_spoil_the_list_of_doors(desk: Desk) -> None:
    desk.events(desk.event("door.mode", door="door-1", reason="ajar"),
                desk.event("door.mode", door="door-2", reason="locked"))
    assert [door.mode for door in desk.hub.doors()] == ["normal", "locked"]


async def test_evidence_gets_its_number_from_the_hub_only(desk: Desk) -> None:
    desk.events(desk.event("camera.still", device="meter", evidence=b"jpeg", reason="alarm:nonsense"),
                desk.event("camera.still", device="meter", data={"evidence": "forged"}))
    await desk.committed()
    assert [row.jpeg for row in desk.rows(tables.evidence)] == [b"jpeg"]
    assert [row.evidence for row in desk.rows(tables.events)] == [1, None]


async def test_a_restart_keeps_watermarks_and_never_gives_an_id_again(desk: Desk) -> None:
    desk.readings((1, 5.0))
    desk.events(desk.event("door.opened", door="door-1"))
    await desk.restart()
    desk.readings((1, 5.0), seq=1)
    desk.events(desk.event("door.opened", door="door-1"), seq=1)
    desk.events(desk.event("door.closed", door="door-1"), seq=2)
    await desk.committed()
    assert stored(desk) == [5.0]
    assert [(row.id, row.kind) for row in desk.rows(tables.events)] == [(1, "door.opened"), (2, "door.closed")]
    assert desk.hub.ingest.readings == 1


async def test_a_new_device_beside_known_ones_with_new_numbers_is_stored(desk: Desk) -> None:
    """The known points' new numbers must not be written before the new point they stand beside."""
    devices = desk.birth().devices
    new = msgspec.structs.replace(devices[0], id="meter-2", points=[PointBirth(n=9, name="power_kw")])
    desk.born(epoch="e2", devices=[*devices, new])
    await desk.committed()
    assert {row.n for row in desk.rows(tables.numbers) if row.epoch == "e2"} == {1, 2, 3, 9}


async def test_the_death_of_an_earlier_boot_ends_nothing(desk: Desk) -> None:
    desk.die(boot="b0")
    assert desk.hub.registry.gateways["gw-a"].online
    desk.die()
    assert not desk.hub.registry.gateways["gw-a"].online
    assert [record.rule for record in desk.hub.alarms.records.values()] == ["security/gateway-offline"]


async def test_a_gateway_that_vanished_while_the_hub_was_down_is_noticed(desk: Desk) -> None:
    await desk.restart()
    desk.hub.ingest.connected()
    assert desk.hub.alarms.records == {}
    desk.hub.ingest.give_up_awaited()
    assert [record.rule for record in desk.hub.alarms.records.values()] == ["security/gateway-offline"]


async def test_a_gateway_that_shows_up_after_the_hubs_restart_is_not_missed(desk: Desk) -> None:
    await desk.restart()
    desk.hub.ingest.connected()
    desk.born(boot="b2")
    desk.hub.ingest.give_up_awaited()
    assert desk.hub.registry.gateways["gw-a"].online
    assert desk.hub.alarms.records == {}


async def test_a_death_kept_by_the_broker_is_noticed_after_the_hubs_restart(desk: Desk) -> None:
    await desk.restart()
    desk.die()
    assert [record.rule for record in desk.hub.alarms.records.values()] == ["security/gateway-offline"]


async def test_clock_skew_is_measured_by_the_quickest_message(desk: Desk) -> None:
    desk.readings((1, 1.0))
    assert math.isclose(desk.hub.registry.gateways["gw-a"].skew_ms, 0, abs_tol=1)


_numbers = itertools.count()


class Sender:
    """A gateway's lane over a wire that loses, doubles and reorders, until it is asked properly."""

    def __init__(self, desk: Desk, name: str, count: int) -> None:
        self.desk, self.name, self.count, self.acked = desk, name, count, 0

    def send(self, seq: int) -> None:
        self.desk.readings((1, float(seq)), seq=seq, name=self.name)

    def listen(self) -> None:
        self.acked = max([self.acked, *(ack.seq for ack in self.desk.acks())])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deliveries=st.lists(st.integers(1, 8), max_size=30), commits=st.sets(st.integers(0, 30)))
async def test_whatever_the_wire_does_each_batch_is_stored_once(
        desk: Desk, deliveries: list[int], commits: set[int]) -> None:
    """Any order, doubling and loss of deliveries, followed by resends, stores 1..8 in order, each once."""
    name = f"gw-{next(_numbers)}"
    desk.approve(name)
    desk.born(name, prefix=f"{name}-")
    await desk.committed()
    desk.sent()
    before = len(stored(desk))
    sender = Sender(desk, name, 8)
    for position, seq in enumerate(deliveries):
        sender.send(seq)
        if position in commits:
            await desk.committed()
            taken = stored(desk)[before:]
            sender.listen()
            assert sender.acked <= len(taken), "acknowledged what is not durable"
    for seq in range(sender.acked + 1, 9):
        sender.send(seq)
    await desk.committed()
    assert stored(desk)[before:] == [float(seq) for seq in range(1, 9)]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payload=st.binary(max_size=60), topic=st.sampled_from([*Lane, "state"]))
async def test_no_bytes_make_the_hub_fail(desk: Desk, payload: bytes, topic: str) -> None:
    suffix = topic if topic == "state" else f"up/{topic}"
    desk.hub._message(f"campus/v1/{SITE}/gw-a/{suffix}", payload)
    assert not any("hub failed" in reason for _, reason in desk.hub.quarantine._lines)


