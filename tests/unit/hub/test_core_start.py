"""The hub's start: it shows what was, and does not go through a year of history for that."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import event

from contract.messages import DeviceBirth, Text

LONG = ("events", "alarms", "alarm_log", "evidence", "journal", "notices", "commands", "audit")
"""Tables that grow for ever."""
Desk = Any  # tests/unit/hub/conftest.py


async def test_the_start_reads_no_long_table_through(desk: Desk) -> None:
    desk.events(desk.event("door.held", door="door-1"))
    await desk.committed()
    asked: set[tuple[str, Any]] = set()

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        asked.add((statement, parameters))

    event.listen(desk.hub.store._readers, "before_cursor_execute", note)
    hub = desk.hub
    with hub.store.read() as connection:
        for part in (hub.registry, hub.ingest, hub.quarantine, hub.alarms, hub.engine, hub.commands, hub.enrolment,
                     hub.picture, hub.commit, *hub.feeders):
            part.load(connection)
    event.remove(hub.store._readers, "before_cursor_execute", note)
    assert any("FROM events" in statement for statement, _ in asked)
    with hub.store.read() as connection:
        for statement, parameters in asked:
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            for step in plan:
                words = step.split()
                newest = "LIMIT" in statement and "WHERE" not in statement  # by primary key
                assert not (words[0] == "SCAN" and words[1] in LONG and not newest), (statement, plan)
                assert "FOR ORDER BY" not in step or not any(f"FROM {name} " in statement for name in LONG)


async def test_doors_and_cameras_look_as_before_after_a_restart(desk: Desk) -> None:
    cameras = [DeviceBirth(id=f"cam-{n}", family="camera", name=Text("c", "c"), zone="building-a") for n in (1, 2, 3)]
    desk.born(devices=[*desk.birth().devices, *cameras])
    granted = desk.event("access.granted", door="door-1", person="p1", text="Li", reason="granted")
    desk.events(
        granted, desk.event("door.opened", door="door-1"), desk.event("door.mode", door="door-2", reason="locked"),
        desk.event("camera.covered", device="cam-1", value=1), desk.event("camera.moved", device="cam-2", value=1),
        desk.event("camera.still", device="cam-2", evidence=b"jpeg"))
    desk.now_ms += 1_000
    desk.events(desk.event("camera.moved", device="cam-2", value=0), desk.event("device.lost", device="cam-3",
                                                                               reason="timeout"))
    before = desk.hub.doors(), desk.hub.cameras()
    await desk.restart()
    desk.born(boot="b2", devices=[*desk.birth().devices, *cameras])
    doors, shown = desk.hub.doors(), desk.hub.cameras()
    assert [(door.mode, door.open, door.last and door.last.name) for door in doors] == [
        (door.mode, door.open, door.last and door.last.name) for door in before[0]]
    assert [camera.state for camera in shown] == [camera.state for camera in before[1]] == ["covered", "ok", "lost"]
    assert shown[1].still == 1


async def test_what_goes_wrong_in_one_round_does_not_end_the_task(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = []

    def breaks() -> None:
        rounds.append(1)
        raise ZeroDivisionError

    monkeypatch.setattr("hub.service.TICK_S", 0.001)
    monkeypatch.setattr(desk.hub.engine, "tick", breaks)
    ticks = asyncio.create_task(desk.hub._ticks())
    async with asyncio.timeout(5):
        while len(rounds) < 3:
            await asyncio.sleep(0.001)
    ticks.cancel()


async def test_of_two_policies_compiled_at_once_the_newer_goes_out_last(desk: Desk) -> None:
    async def changed() -> None:
        await desk.hub.people_changed()

    first = asyncio.create_task(changed())
    await asyncio.sleep(0)
    desk.now_ms += 5_000
    await asyncio.gather(first, changed())
    assert desk.hub.enrolment.policies["gw-a"].version == desk.now_ms
    sent = [message for message in desk.sent("/desired") if "/gw-a/" in message.topic]
    assert len(sent) == 2


