"""Historians behind the journal: fed once, whatever fails; what they answer; what the console is shown of it live."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert, select, update

from contract.readings import Columns
from hub import journal, tables
from hub.api import shapes
from hub.api.core import Refusal
from hub.commit import Committer
from hub.historians import duckdb as duckdb_module
from hub.historians.base import AlarmRow, Appended, Buckets, EventRow, HistorianDown, JournalBatch
from hub.historians.duckdb import DuckHistorian
from hub.historians.feeder import Feeder, prune_journal
from hub.live import QUEUE, LastValues, Live
from hub.store import Store

NOW_MS = 1_796_000_000_000
Desk = Any  # tests/unit/hub/conftest.py


def batch(first: int, last: int, values: Sequence[float], *, at_ms: int = 0, quality: int = 0) -> JournalBatch:
    n = len(values)
    return JournalBatch(first, last, np.ones(n, "<u4"), at_ms + np.arange(n, dtype=np.int64) * 10,
                        np.array(values, "<f8"), np.full(n, quality, "u1"))


# DuckDB.


def test_a_batch_that_comes_again_is_stored_once_even_after_a_restart(tmp_path: Path) -> None:
    historian = DuckHistorian(tmp_path / "h.duckdb")
    assert historian.append(batch(1, 3, [1.0, 2.0])).written == 2
    assert historian.append(batch(1, 3, [1.0, 2.0])).written == 0
    historian.close()
    historian = DuckHistorian(tmp_path / "h.duckdb")
    assert historian.position == 3
    assert historian.append(batch(1, 3, [1.0, 2.0])).written == 0
    assert historian.append(batch(4, 4, [9.0], at_ms=100)).written == 1
    assert historian.query(1, 0, 1_000, 1).maximum.tolist() == [9.0]
    assert len(historian.readings([1], 0, 1_000)) == 3
    historian.close()


def test_buckets_summarise_what_is_good_and_count_what_is_bad(tmp_path: Path) -> None:
    historian = DuckHistorian(tmp_path / "h.duckdb")
    historian.append(batch(1, 1, [1.0, 5.0, 3.0], at_ms=0))
    historian.append(batch(2, 2, [99.0], at_ms=5, quality=200))
    historian.append(batch(3, 3, [77.0], at_ms=205, quality=200))
    found = historian.query(1, 0, 300, 3)
    assert found.times_ms.tolist() == [0, 200]
    assert (found.minimum[0], found.maximum[0], found.mean[0], found.last[0]) == (1.0, 5.0, 3.0, 3.0)
    assert found.bad.tolist() == [1, 1]
    assert np.isnan([found.minimum[1], found.maximum[1], found.mean[1], found.last[1]]).all()
    assert len(historian.query(2, 0, 300, 3)) == 0
    historian.close()


def test_moving_to_history_changes_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = []
    for most in (1_000_000, 50):
        monkeypatch.setattr(duckdb_module, "RECENT_ROWS", most)
        historian = DuckHistorian(tmp_path / f"{most}.duckdb")
        values = np.random.default_rng(3).random(200).tolist()
        for number in range(10):
            historian.append(batch(number + 1, number + 1, values[number * 20:number * 20 + 20], at_ms=number * 200))
        found = historian.query(1, 0, 2_000, 7)
        answers.append([found.minimum.tolist(), found.mean.round(9).tolist(), found.last.tolist()])
        moved = historian._db.execute("SELECT count(*) FROM history").fetchall()[0][0]
        assert (moved > 0) == (most == 50)
        historian.close()
    assert answers[0] == answers[1]


def test_a_move_that_fails_neither_loses_nor_doubles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duckdb_module, "RECENT_ROWS", 1)
    historian = DuckHistorian(tmp_path / "h.duckdb")
    historian._db.execute("ALTER TABLE history RENAME TO elsewhere")
    assert historian.append(batch(1, 1, [1.0, 2.0])).written == 2
    historian._db.execute("ALTER TABLE elsewhere RENAME TO history")
    assert historian.append(batch(2, 2, [3.0], at_ms=50)).written == 1
    assert historian.readings([1], 0, 1_000).values.tolist() == [1.0, 2.0, 3.0]
    historian.close()


def test_a_closed_historian_is_down_not_broken(tmp_path: Path) -> None:
    historian = DuckHistorian(tmp_path / "h.duckdb")
    historian.close()
    with pytest.raises(HistorianDown):
        historian.query(1, 0, 100, 1)
    with pytest.raises(HistorianDown):
        historian.append(batch(1, 1, [1.0]))


# The feeder.


class Recorder:
    """A historian that keeps events too, and is down when told so."""

    name = "recorder"

    def __init__(self) -> None:
        self.values: list[float] = []
        self.events: list[int] = []
        self.down = self.events_down = False

    def append(self, batch: JournalBatch) -> Appended:
        if self.down:
            raise HistorianDown("no route to host")
        self.values += batch.values.tolist()
        return Appended(written=len(batch))

    def append_events(self, rows: Sequence[EventRow | AlarmRow]) -> Appended:
        if self.events_down:
            raise HistorianDown("no events just now")
        self.events += [row.id for row in rows if isinstance(row, EventRow)]
        return Appended(written=len(rows), refused=1, why=("a field of another type",))

    def query(self, point: int, from_ms: int, to_ms: int, buckets: int) -> Buckets:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing to let go of."""


class Plant:
    """A store with a committer, and feeders on it."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "state.db")
        self.commit = Committer(self.store, lambda: 1, interval_s=0.0)

    async def store_values(self, *values: float) -> None:
        n = len(values)
        self.commit.stage.readings.append(
            Columns(np.ones(n, "<u4"), np.zeros(n, np.int64), np.array(values), np.zeros(n, "u1")))
        await self.commit.change(lambda _connection: None)

    async def cursors(self) -> dict[str, int]:
        await self.commit.change(lambda _connection: None)
        with self.store.read() as connection:
            return {row.name: row.position for row in connection.execute(select(tables.cursors))}

    @asynccontextmanager
    async def feeding(self, historian: Any) -> AsyncIterator[Feeder]:
        feeder = Feeder(historian, self.store, self.commit)
        with self.store.read() as connection:
            feeder.load(connection)
        task = asyncio.create_task(feeder.run())
        try:
            yield feeder
        finally:
            task.cancel()
            await asyncio.wait([task])
            await feeder.finish()


@pytest.fixture
async def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Plant]:
    monkeypatch.setattr("hub.historians.feeder.IDLE_S", 0.005)
    monkeypatch.setattr("hub.historians.feeder.RETRY_S", (0.005,))
    one = Plant(tmp_path)
    task = asyncio.create_task(one.commit.run())
    yield one
    one.commit.stop()
    await task
    one.store.close()


async def until(happened: Any) -> None:
    async with asyncio.timeout(5):
        while not happened():
            await asyncio.sleep(0.003)


async def test_a_historian_that_was_down_gets_everything_once(plant: Plant) -> None:
    recorder = Recorder()
    async with plant.feeding(recorder) as feeder:
        await plant.store_values(1.0, 2.0)
        await until(lambda: feeder.position == 1)
        recorder.down = True
        await plant.store_values(3.0)
        await until(lambda: feeder.problem)
        assert feeder.problem == "no route to host"
        await plant.store_values(4.0)
        assert (await plant.cursors())["recorder"] == 1
        recorder.down = False
        await until(lambda: feeder.position == 3 and not feeder.problem)
        assert feeder.written == 4
    await plant.store_values(5.0)
    async with plant.feeding(recorder) as feeder:  # after a restart
        await until(lambda: feeder.position == 4)
        assert feeder.written == 5
    assert recorder.values == [1.0, 2.0, 3.0, 4.0, 5.0]


async def test_readings_move_on_while_only_events_are_refused(plant: Plant) -> None:
    """The cursor of what was stored is kept though the events behind it must wait."""
    recorder = Recorder()
    recorder.events_down = True
    plant.commit.stage.insert(tables.events, {"gateway": "g", "epoch": "e", "seq": 1, "position": 0, "at_ms": 1,
                                              "received_ms": 1, "kind": "door.opened"})
    async with plant.feeding(recorder) as feeder:
        await plant.store_values(1.0)
        await until(lambda: feeder.problem and feeder.position == 1)
        assert (await plant.cursors()) == {"recorder": 1}
        assert feeder.written == 1
        recorder.events_down = False
        await until(lambda: recorder.events == [1])
        await until(lambda: feeder.refused == 1)
        assert (await plant.cursors())["recorder.events"] == 1
    assert recorder.values == [1.0]


async def test_a_damaged_journal_row_is_passed_over_and_counted(plant: Plant) -> None:
    recorder = Recorder()
    for value in (1.0, 2.0, 3.0):
        await plant.store_values(value)
    await plant.commit.change(lambda connection: connection.execute(
        update(tables.journal).where(tables.journal.c.id == 2).values(body=b"\x01\x00rubbish")) and None)
    async with plant.feeding(recorder) as feeder:
        await until(lambda: feeder.position == 3)
    assert recorder.values == [1.0, 3.0]
    assert feeder.refused == 1


async def test_the_journal_is_pruned_behind_the_slowest_and_cut_only_where_another_has_it(plant: Plant) -> None:
    noise = np.random.default_rng(1)
    for _ in range(60):
        await plant.store_values(*noise.random(200).tolist())

    async def pruned(done: int, fed: int, limit_bytes: int) -> tuple[int, int]:
        await plant.commit.change(lambda connection: prune_journal(
            connection, done=done, fed=fed, limit_bytes=limit_bytes))
        with plant.store.read() as connection:
            ids = connection.scalars(select(tables.journal.c.id)).all()
        return min(ids), max(ids)

    assert await pruned(10, 60, 1 << 30) == (11, 60)
    row_bytes = len(journal.encode([Columns(np.ones(200, "<u4"), np.zeros(200, np.int64), noise.random(200),
                                            np.zeros(200, "u1"))]))
    assert await pruned(10, 15, 20 * row_bytes) == (16, 60), "nobody has the rows from 16 on"
    first, last = await pruned(10, 60, 20 * row_bytes)
    assert last == 60
    assert 38 <= first <= 45


# The rulebook.


async def test_edits_are_versions_and_of_two_at_once_one_is_told(desk: Desk) -> None:
    rules = desk.hub.rules
    edit = shapes.RuleEdit(version=1, limits={"above": 120}, reason="new chiller")
    outcomes = await asyncio.gather(*(rules.save("energy/power", edit, by=by) for by in ("wu", "li")),
                                    return_exceptions=True)
    saved = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    assert [rule.version for rule in saved] == [2]
    assert [refusal.status for refusal in refused] == [409]
    assert [version.version for version in rules.versions("energy/power")] == [2, 1]
    await desk.restart()
    assert desk.hub.rules.get("energy/power").limits[0].value == 120
    assert desk.hub.rules.get("energy/power").version == 2


@pytest.mark.parametrize("limits", [{"above": 500}, {"above": 55}, {"clear": 10}, {"above": "many"}, {"nothing": 1}])
async def test_limits_out_of_bounds_are_refused_by_name(desk: Desk, limits: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as refused:
        await desk.hub.rules.save("energy/power", shapes.RuleEdit(version=1, limits=limits, reason="x"), by="wu")
    assert refused.value.status == 422
    assert [field.path for field in refused.value.fields] == list(limits)
    assert desk.hub.rules.get("energy/power").version == 1


async def test_a_stored_rule_this_hub_cannot_read_falls_back_to_the_file(desk: Desk) -> None:
    await desk.hub.commit.change(lambda connection: connection.execute(insert(tables.rules), {
        "id": "energy/power", "version": 2, "enabled": True, "body": "when: {above: no}", "changed_by": "wu",
        "changed_ms": 1, "reason": ""}) and None)
    await desk.restart()
    assert desk.hub.rules.get("energy/power").limits[0].value == 100


async def test_a_trial_on_stored_history_fires_as_the_engine_did(desk: Desk) -> None:
    for value in (150.0, 160.0, 50.0, 120.0, 80.0):
        desk.readings((1, value))
        desk.now_ms += 90_000
        desk.hub.engine.tick()
    await desk.committed()
    feeder = desk.hub.feeders[0]
    assert await feeder._helping(asyncio.get_running_loop())
    fired = desk.hub.rules.trial("energy/power", shapes.TrialRequest(hours=1, limits={})).fired
    assert [fire.raised_ms - NOW_MS for fire in fired] == [60_000, 330_000]
    await desk.committed()
    raised = [row.at_ms - NOW_MS for row in desk.rows(tables.alarm_log) if row.what == "raised"]
    assert raised == [60_000, 330_000]
    higher = desk.hub.rules.trial("energy/power", shapes.TrialRequest(hours=1, limits={"above": 130}))
    assert len(higher.fired) == 1
    assert higher.readings == 5


async def test_a_historian_that_does_not_answer_is_a_refusal(desk: Desk) -> None:
    desk.hub.historian.close()
    power, request = desk.point("power_kw"), shapes.TrialRequest(hours=1, limits={})
    asks: list[Callable[[], Any]] = [lambda: desk.hub.history(power, from_ms=0, to_ms=1_000, buckets=2),
                                     lambda: desk.hub.rules.trial("energy/power", request)]
    for ask in asks:
        with pytest.raises(Refusal) as refused:
            ask()
        assert refused.value.status == 503


# The live view.


def test_only_the_newest_value_of_a_point_is_kept() -> None:
    last = LastValues(2)
    arrays = np.array([900, 900], "<u4"), np.array([10, 20], np.int64), np.array([1.0, 2.0]), np.zeros(2, "u1")
    last.take(*arrays)
    last.take(np.array([900], "<u4"), np.array([5], np.int64), np.array([0.0]), np.zeros(1, "u1"))
    assert last.of(900) == (2.0, 0, 20)
    assert last.of(3) == (None, 0, None)


async def test_a_listener_that_cannot_keep_up_is_told_to_fetch_again() -> None:
    live = Live(lambda: 1)
    stream = live.subscribe(user="li")
    for number in range(3 * QUEUE):
        live.publish("alarm", {"n": number})
    assert len(stream._queue) == 1
    messages = aiter(stream)
    assert (await anext(messages)).event == "resync"
    asyncio.get_running_loop().call_soon(live.publish, "alarm", {"n": -1})
    assert (await anext(messages)).body == b'{"n":-1}', "and then sees what comes"
    stream.close()
    live.publish("alarm", {"n": -2})


async def test_values_go_to_those_who_asked_for_the_point(desk: Desk) -> None:
    live, power, alarm = desk.hub.live, desk.point("power_kw"), desk.point("alarm", "fire-panel")
    stream, other = live.subscribe(user="li"), live.subscribe(user="wu")
    stream.set_points([power, power, -1, 1 << 40, 77])
    desk.readings((1, 5.0), (3, 0.0))
    live.tick()
    live.tick()
    values = [message.body for message in stream._queue if message.event == "values"]
    assert len(values) == 1
    assert b'"points":[%d]' % power in values[0]
    assert not any(message.event == "values" for message in other._queue)
    other.set_points([alarm])
    assert any(message.event == "values" for message in other._queue), "present values come at once"


def test_who_returns_after_missing_something_is_told() -> None:
    live = Live(lambda: 1)
    live.subscribe(user="li").close()
    seen = f"{live.boot}-{live._seq}"
    assert [message.event for message in live.subscribe(user="li", last_id=seen)._queue] == ["hello"]
    live = Live(lambda: 1)
    live.subscribe(user="li").close()
    seen = f"{live.boot}-{live._seq}"
    live.publish("alarm", {})  # nobody listens
    assert [message.event for message in live.subscribe(user="li", last_id=seen)._queue] == ["hello", "resync"]
