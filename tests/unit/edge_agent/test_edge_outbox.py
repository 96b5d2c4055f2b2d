"""The outbox: on the disk before it is sent, numbered without a gap, forgotten only when the hub has it."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import numpy as np
import pytest

from contract import readings
from contract.messages import Event, EventBatch
from contract.readings import Columns
from contract.topics import Lane
from edge_agent.outbox import BATCH_EVENTS, Outbox

NOW_MS = 1_790_000_000_000


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Outbox]:
    outbox = Outbox(path, lambda: NOW_MS)
    try:
        yield outbox
    finally:
        outbox.stop()
        await outbox.run()


def event(number: int) -> Event:
    return Event(kind="door.opened", at_ms=NOW_MS + number)


def add_readings(outbox: Outbox, *values: float) -> None:
    count = len(values)
    outbox.add_readings(np.arange(1, count + 1, dtype=np.uint32), NOW_MS, np.array(values), np.zeros(count, np.uint8))


async def events_of(outbox: Outbox) -> list[int]:
    lane = outbox.lanes[Lane.EVENT]
    bodies = [await outbox.payload(Lane.EVENT, seq, again=False) for seq in range(lane.watermark + 1, lane.last + 1)]
    batches = [msgspec.json.decode(body, type=EventBatch) for body in bodies if body]
    assert [batch.seq for batch in batches] == list(range(lane.watermark + 1, lane.last + 1))
    return [one.at_ms - NOW_MS for batch in batches for one in batch.events]


async def values_of(outbox: Outbox, lane: Lane, seq: int) -> list[float]:
    body = await outbox.payload(lane, seq, again=True)
    assert body is not None
    columns: Columns = readings.columns(readings.decode(body))
    return [float(value) for value in columns.values]


async def test_what_was_flushed_survives_a_kill(tmp_path) -> None:
    async with opened(tmp_path / "outbox.db") as outbox:
        for number in range(3):
            outbox.add_event(event(number))
            await outbox.flush()
        killed = tmp_path / "killed"
        killed.mkdir()
        for file in tmp_path.glob("outbox.db*"):  # as a power cut leaves them: the log was never folded in
            shutil.copy(file, killed)
        epoch = outbox.epoch
    async with opened(killed / "outbox.db") as again:
        assert again.epoch == epoch
        assert await events_of(again) == [0, 1, 2]
        again.add_event(event(3))
        await again.flush()
        assert await events_of(again) == [0, 1, 2, 3]


async def test_what_the_hub_has_is_forgotten_also_on_the_disk(tmp_path) -> None:
    async with opened(tmp_path / "outbox.db") as outbox:
        for number in range(4):
            outbox.add_event(event(number))
            await outbox.flush()
        outbox.acknowledge(Lane.EVENT, 3)
        await outbox.flush()
        assert await outbox.payload(Lane.EVENT, 3, again=False) is None
    async with opened(tmp_path / "outbox.db") as again:
        assert (again.lanes[Lane.EVENT].watermark, again.lanes[Lane.EVENT].last) == (3, 4)
        assert await events_of(again) == [3]


@pytest.mark.parametrize("seq", [0, 5, 99])
async def test_an_ack_of_what_was_never_sent_changes_nothing(tmp_path, seq: int) -> None:
    async with opened(tmp_path / "outbox.db") as outbox:
        for number in range(4):
            outbox.add_event(event(number))
            await outbox.flush()
        outbox.acknowledge(Lane.EVENT, seq)
        assert await events_of(outbox) == [0, 1, 2, 3]


async def test_an_ack_never_goes_back(tmp_path) -> None:
    async with opened(tmp_path / "outbox.db") as outbox:
        for number in range(3):
            outbox.add_event(event(number))
            await outbox.flush()
        outbox.acknowledge(Lane.EVENT, 2)
        outbox.acknowledge(Lane.EVENT, 1)
        assert outbox.lanes[Lane.EVENT].watermark == 2


async def test_readings_go_behind_while_the_link_is_down(tmp_path) -> None:
    async with opened(tmp_path / "outbox.db") as outbox:
        add_readings(outbox, 1.0, 2.0)
        await outbox.flush()
        outbox.link_up = True
        add_readings(outbox, 3.0)
        add_readings(outbox, 4.0)
        await outbox.flush()
        assert {lane: state.last for lane, state in outbox.lanes.items()} == {
            Lane.EVENT: 0, Lane.BACKFILL: 1, Lane.LIVE: 1}
        assert await values_of(outbox, Lane.BACKFILL, 1) == [1.0, 2.0]
        assert await values_of(outbox, Lane.LIVE, 1) == [3.0, 4.0]


async def test_a_number_is_given_once(tmp_path) -> None:
    async with opened(tmp_path / "outbox.db") as outbox:
        first = list(await outbox.numbers("meter-1", ["power", "energy"]))
        other = list(await outbox.numbers("meter-2", ["power"]))
        assert len({*first, *other}) == 3
        assert (await outbox.numbers("meter-1", ["energy", "voltage"]))[0] == first[1]
    async with opened(tmp_path / "outbox.db") as again:
        assert list(await again.numbers("meter-1", ["power", "energy"])) == first
        assert (await again.numbers("meter-3", ["power"]))[0] > max(*first, *other)


async def test_a_batch_sent_again_carries_todays_floor(tmp_path) -> None:
    async with opened(tmp_path / "outbox.db") as outbox:
        for number in range(3):
            outbox.add_event(event(number))
            await outbox.flush()
        outbox.acknowledge(Lane.EVENT, 1)
        first, again = [msgspec.json.decode(await outbox.payload(Lane.EVENT, 3, again=again), type=EventBatch)
                        for again in (False, True)]
        assert (first.floor, again.floor) == (1, 2)
        assert first.events == again.events


async def test_many_events_are_cut_into_batches(tmp_path) -> None:
    async with opened(tmp_path / "outbox.db") as outbox:
        for number in range(BATCH_EVENTS + 1):
            outbox.add_event(event(number))
        await outbox.flush()
        assert outbox.lanes[Lane.EVENT].last == 2
        assert await events_of(outbox) == list(range(BATCH_EVENTS + 1))


async def test_what_was_taken_is_written_by_itself_and_at_the_end(tmp_path) -> None:
    outbox = Outbox(tmp_path / "outbox.db", lambda: NOW_MS)
    writing = asyncio.create_task(outbox.run())
    outbox.add_event(event(0))
    async with asyncio.timeout(5):
        await outbox.ready.wait()
    add_readings(outbox, 1.0)
    outbox.stop()
    await writing
    async with opened(tmp_path / "outbox.db") as again:
        assert (again.lanes[Lane.EVENT].last, again.lanes[Lane.BACKFILL].last) == (1, 1)


async def test_two_flushes_at_once_number_their_batches_apart(tmp_path) -> None:
    """A stop flushes while the outbox's own task does."""
    outbox = Outbox(tmp_path / "outbox.db", lambda: 1_700_000_000_000)
    for number in range(3):
        outbox.add_event(Event(kind="door.opened", at_ms=number))
        await asyncio.gather(outbox.flush(), outbox.flush())
    assert outbox.problem == ""
    assert outbox.lanes[Lane.EVENT].last == 3
