"""The one commit: all or nothing, tried again when the store fails, and in agreement with itself after a kill."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, func, insert, select, text
from sqlalchemy.exc import IntegrityError
from structlog.testing import capture_logs

from contract.readings import Columns
from hub import journal, tables
from hub.commit import Committer, NotStored
from hub.store import Store


def columns(values: list[float], *, at_ms: int = 1_000, quality: int = 0) -> Columns:
    n = len(values)
    return Columns(np.arange(n, dtype="<u4"), np.full(n, at_ms, np.int64), np.array(values), np.full(n, quality, "u1"))


class Desk:
    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "state.db")
        self.commit = Committer(self.store, lambda: 77, interval_s=0.01)
        self.task = asyncio.get_running_loop().create_task(self.commit.run())

    async def end(self) -> None:
        self.commit.stop()
        await asyncio.wait([self.task])
        self.store.close()

    def count(self, table: object = tables.journal) -> int:
        with self.store.read() as connection:
            return connection.scalar(select(func.count()).select_from(table)) or 0  # type: ignore[arg-type]


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setattr("hub.commit.RETRY_S", 0.01)
    one = Desk(tmp_path)
    yield one
    await one.end()


finite = st.floats(allow_nan=True, allow_infinity=True)
row = st.tuples(st.integers(0, 2**32 - 1), st.integers(-2**40, 2**52), finite, st.integers(0, 255))
rows = st.lists(row, min_size=1, max_size=40)


@given(batches=st.lists(rows, min_size=1, max_size=5))
def test_the_journal_gives_back_every_bit(batches: list[list[tuple[int, int, float, int]]]) -> None:
    packed = journal.encode([
        Columns(np.array([row[0] for row in batch], "<u4"), np.array([row[1] for row in batch], np.int64),
                np.array([row[2] for row in batch], "<f8"), np.array([row[3] for row in batch], "u1"))
        for batch in batches])
    found, wanted = journal.decode(packed), [row for batch in batches for row in batch]
    assert found.points.tolist() == [row[0] for row in wanted]
    assert found.times_ms.tolist() == [row[1] for row in wanted]
    assert found.values.tobytes() == np.array([row[2] for row in wanted], "<f8").tobytes()
    assert found.quality.tolist() == [row[3] for row in wanted]


@given(cut=st.integers(0, 60), flip=st.integers(0, 60))
def test_a_damaged_journal_entry_says_so(cut: int, flip: int) -> None:
    body = bytearray(journal.encode([columns([1.0, 2.0, 3.0])]))
    whole = journal.decode(bytes(body))
    broken = body[:min(cut, len(body) - 1)]
    with pytest.raises(ValueError, match="journal entry"):
        journal.decode(bytes(broken))
    body[flip % len(body)] ^= 0xFF
    try:
        found = journal.decode(bytes(body))
    except ValueError:
        return
    assert len(found) == len(whole)


async def test_a_change_that_raises_undoes_only_itself(desk: Desk) -> None:
    def good(connection: Connection) -> str:
        connection.execute(insert(tables.counters), {"name": "good", "value": 1})
        return "done"

    def bad(connection: Connection) -> None:
        connection.execute(insert(tables.counters), {"name": "bad", "value": 1})
        raise KeyError("no such thing")

    desk.commit.stage.readings.append(columns([1.0]))
    outcomes = await asyncio.gather(desk.commit.change(bad), desk.commit.change(good), desk.commit.change(bad),
                                    return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [KeyError, str, KeyError]
    assert desk.count() == 1
    with desk.store.read() as connection:
        assert connection.scalars(select(tables.counters.c.name)).all() == ["good"]


async def test_what_waits_for_durability_runs_after_the_commit(desk: Desk) -> None:
    seen: list[int] = []
    desk.commit.stage.readings.append(columns([1.0]))
    desk.commit.stage.after["look"] = lambda: seen.append(desk.count())
    await desk.commit.change(lambda _connection: None)
    assert seen == [1]


async def test_readings_wait_for_company_and_events_do_not(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.db")
    commit = Committer(store, lambda: 77, interval_s=3_600)
    task = asyncio.create_task(commit.run())
    commit.stage.readings.append(columns([1.0]))
    commit.wake()
    await asyncio.sleep(0.05)
    assert commit.commits == 0
    commit.stage.readings.append(columns([2.0]))
    commit.wake(urgent=True)
    await commit.change(lambda _connection: None)
    assert commit.journal_newest == 1, "both readings are in one row"
    commit.stop()
    await task
    store.close()


async def test_the_last_put_of_a_key_wins(desk: Desk) -> None:
    for value in (1, 2, 3):
        desk.commit.stage.put(tables.counters, {"name": "n", "value": value})
    await desk.commit.change(lambda _connection: None)
    desk.commit.stage.put(tables.counters, {"name": "n", "value": 4})
    await desk.commit.change(lambda _connection: None)
    with desk.store.read() as connection:
        assert connection.scalars(select(tables.counters.c.value)).all() == [4]


def pages(store: Store, most: int | None) -> None:
    """Let the database grow to so many pages, as a disk would; None: a little more than it has."""
    with store.write() as connection:
        used = connection.scalar(text("PRAGMA page_count"))
        connection.scalar(text(f"PRAGMA max_page_count={most or used + 2}"))


@pytest.mark.parametrize("inside", ["a batch", "a change"])
async def test_a_full_disk_is_waited_out_and_nothing_is_lost(desk: Desk, inside: str) -> None:
    noise = np.random.default_rng(1)
    pages(desk.store, None)
    acked: list[int] = []

    def note(connection: Connection) -> str:
        if inside == "a change":
            connection.execute(insert(tables.evidence), {"at_ms": 1, "device": "d", "jpeg": bytes(200_000)})
        return "noted"

    with capture_logs() as logs:
        for number in range(3):
            size = 20_000 if inside == "a batch" else 1
            desk.commit.stage.readings.append(columns(noise.random(size).tolist()))
            desk.commit.stage.after["ack", number] = lambda number=number: acked.append(number)  # type: ignore[misc]
        changing = asyncio.create_task(desk.commit.change(note))
        while not desk.commit.problem:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
        assert "full" in desk.commit.problem
        assert acked == []
        assert not changing.done()
        assert desk.count() == 0
        await asyncio.to_thread(pages, desk.store, 1_000_000)
        assert await changing == "noted"
    assert acked == [0, 1, 2]
    assert desk.commit.problem == ""
    assert desk.count() == 1
    assert [entry["event"] for entry in logs] == ["store_failed", "store_back"], "told once, and once when it is back"
    with desk.store.read() as connection:
        (body,) = connection.scalars(select(tables.journal.c.body)).all()
    assert len(journal.decode(body)) == (60_000 if inside == "a batch" else 3)


async def test_a_hub_that_must_end_with_a_full_disk_ends_and_promises_nothing(desk: Desk) -> None:
    pages(desk.store, None)
    acked: list[int] = []
    desk.commit.stage.readings.append(columns(np.random.default_rng(1).random(20_000).tolist()))
    desk.commit.stage.after["ack"] = lambda: acked.append(1)
    changing = asyncio.create_task(desk.commit.change(lambda _connection: None))
    while not desk.commit.problem:
        await asyncio.sleep(0.005)
    desk.commit.stop()
    await asyncio.wait_for(desk.task, 5)
    assert acked == []
    with pytest.raises(NotStored):
        await changing


async def test_a_mistake_of_the_hub_itself_ends_the_commits_instead_of_being_tried_for_ever(desk: Desk) -> None:
    desk.commit.stage.insert(tables.numbers, {"gateway": "g", "epoch": "e", "n": 1, "point": 99})  # no such point
    changing = asyncio.create_task(desk.commit.change(lambda _connection: None))
    await asyncio.wait([desk.task])
    assert isinstance(desk.task.exception(), IntegrityError)
    with pytest.raises(NotStored):
        await changing


async def test_a_wrong_statement_in_a_change_is_its_own_trouble(desk: Desk) -> None:
    with pytest.raises(Exception, match="no such table"):
        await desk.commit.change(lambda connection: connection.execute(text("SELECT * FROM nowhere")))
    await desk.commit.change(lambda _connection: None)


async def test_tables_that_refer_to_others_are_written_after_them(desk: Desk) -> None:
    desk.commit.stage.put(tables.numbers, {"gateway": "g", "epoch": "e", "n": 1, "point": 5})
    desk.commit.stage.put(tables.points, {"id": 5, "device": "d", "name": "p", "birth": b"{}"})
    await desk.commit.change(lambda _connection: None)
    assert desk.count(tables.numbers) == 1


async def test_a_journal_id_never_comes_again_after_everything_was_pruned(desk: Desk) -> None:
    for _ in range(3):
        desk.commit.stage.readings.append(columns([1.0]))
        await desk.commit.change(lambda _connection: None)
    await desk.commit.change(lambda connection: connection.execute(tables.journal.delete()) and None)
    desk.commit.stage.readings.append(columns([1.0]))
    await desk.commit.change(lambda _connection: None)
    assert desk.commit.journal_newest == 4


def test_the_keys_are_nobody_elses_to_read(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.db")
    with store.write() as connection:
        connection.execute(insert(tables.secrets), {"name": "card", "value": b"k"})
    modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert modes["state.db-wal"] == 0o600
    assert set(modes.values()) == {0o600}
    store.close()


CHILD = """
import asyncio, sys
from pathlib import Path
import numpy as np
from contract.readings import Columns
from hub import tables
from hub.commit import Committer
from hub.store import Store

async def main():
    store = Store(Path(sys.argv[1]))
    commit = Committer(store, lambda: 1, interval_s=0.0)
    task = asyncio.create_task(commit.run())
    with store.read() as connection:
        known = connection.execute(tables.watermarks.select()).first()
    seq = known.seq if known else 0
    state = [seq]
    commit.before.append(lambda stage: stage.put(tables.rule_state, {"key": "k", "value": str(state[0]).encode()}))
    print("ready", seq, flush=True)
    while True:
        for _ in range(3):
            seq += 1
            state[0] = seq
            stage = commit.stage
            stage.readings.append(Columns(np.array([1], "<u4"), np.array([seq]), np.array([float(seq)]),
                                          np.zeros(1, "u1")))
            stage.insert(tables.events, {"gateway": "g", "epoch": "e", "seq": seq, "position": 0, "at_ms": seq,
                                         "received_ms": seq, "kind": "door.opened"})
            stage.put(tables.watermarks, {"gateway": "g", "lane": "live", "epoch": "e", "seq": seq, "items": seq,
                                          "lost": 0, "repeated": 0})
            stage.after["ack"] = lambda seq=seq: print("ack", seq, flush=True)
        commit.wake(urgent=True)
        await asyncio.sleep(0)

asyncio.run(main())
"""


def test_after_a_kill_at_any_moment_everything_agrees(tmp_path: Path) -> None:
    """Journal, events, watermark and rule state are of one moment, and no less than what was acknowledged."""
    path, random, acked = tmp_path / "state.db", Random(7), 0
    for _ in range(5):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True,
                                 cwd=Path(__file__).parents[3], env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
        assert child.stdout is not None
        assert child.stdout.readline().startswith("ready")
        time.sleep(random.uniform(0.0, 0.15))
        child.send_signal(signal.SIGKILL)
        said = child.stdout.read().splitlines()
        child.wait()
        child.stdout.close()
        acked = max([acked, *(int(line.split()[1]) for line in said if line.startswith("ack ") and line[-1].isdigit())])
        assert agreed(path) >= acked
    assert acked > 0


def agreed(path: Path) -> int:
    """Check that all tables tell of the same moment; return its seq."""
    store = Store(path)
    with store.read() as connection:
        bodies = connection.scalars(select(tables.journal.c.body).order_by(tables.journal.c.id)).all()
        values = [value for body in bodies for value in journal.decode(body).values.tolist()]
        events = connection.scalars(select(tables.events.c.seq).order_by(tables.events.c.id)).all()
        seq = connection.scalar(select(tables.watermarks.c.seq)) or 0
        state = connection.scalar(select(tables.rule_state.c.value)) or b"0"
    store.close()
    assert values == list(range(1, seq + 1))
    assert list(events) == list(range(1, seq + 1))
    assert int(state) == seq
    return seq
