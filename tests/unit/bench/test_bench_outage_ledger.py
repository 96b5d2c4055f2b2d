"""The ledger of the outage benchmark counts: it sees one reading too few and one too many, wherever they are kept."""

from contextlib import closing

import numpy as np
import pytest
from sqlalchemy import insert

from bench.campus import Stored
from bench.outage import ledger
from contract.messages import Event
from contract.readings import Columns
from contract.topics import Lane
from edge_agent.outbox import Outbox
from hub import journal, tables
from hub.historians.base import JournalBatch
from hub.historians.duckdb import DuckHistorian
from hub.store import Store

NOW_MS = 1_700_000_000_000
TAKEN = 10
RECOVERED = {"hub": [1.0], "broker": [2.0], "edge": []}


async def numbered(folder) -> None:
    """An outbox that took ten readings and an event."""
    outbox = Outbox(folder / "outbox.db", lambda: NOW_MS)
    outbox.add_readings(np.arange(TAKEN, dtype=np.uint32), NOW_MS, np.arange(TAKEN) * 1.0, np.zeros(TAKEN, np.uint8))
    outbox.add_event(Event(kind="door.opened", at_ms=NOW_MS))
    await outbox.flush()
    outbox.stop()
    await outbox.run()
    assert outbox.lanes[Lane.BACKFILL].items == TAKEN


def columns(values) -> Columns:
    values = np.array(values)
    return Columns(values.astype(np.uint32), np.full(len(values), NOW_MS), values * 1.0, np.zeros(len(values), "u1"))


def stored(folder, in_history, in_journal, events: int) -> None:
    """A hub's disk: rows in the historian (journal row 1) and journal rows it does not have yet (row 2)."""
    historian = DuckHistorian(folder / "history.duckdb")
    rows = columns(in_history)
    historian.append(JournalBatch(1, 1, rows.points, rows.times_ms, rows.values, rows.quality))
    historian.close()
    store = Store(folder / "state.db")
    with store.write() as connection:
        for number, values in ((1, in_history), (2, in_journal)):
            connection.execute(insert(tables.journal), {
                "id": number, "at_ms": NOW_MS, "n": len(values), "body": journal.encode([columns(values)])})
        for number in range(events):
            connection.execute(insert(tables.events), {
                "id": number + 1, "gateway": "gw-bench", "epoch": "e", "seq": number + 1, "position": 0,
                "at_ms": NOW_MS, "received_ms": NOW_MS, "kind": "door.opened", "device": "", "door": "", "zone": "",
                "person": "", "credential": "", "reason": "", "text": "", "command": "", "data": "{}"})
    store.close()


@pytest.mark.parametrize(("in_history", "in_journal", "events", "lost", "duplicated"), [
    (range(6), range(6, 10), 1, 0, 0),
    (range(6), range(6, 9), 1, 1, 0),
    (range(6), range(5, 10), 1, 0, 1),
    (range(6), [5, *range(6, 9)], 1, 1, 1),
    (range(6), range(6, 10), 0, 1, 0),
], ids=["all once", "one lost", "one twice", "one lost and one twice", "an event lost"])
async def test_the_ledger_sees_it(tmp_path, in_history, in_journal, events, lost, duplicated) -> None:
    await numbered(tmp_path)
    stored(tmp_path, in_history, in_journal, events)
    with closing(Stored(tmp_path)) as disk:
        result = ledger(disk, tmp_path, RECOVERED)
    assert (result["lost"], result["duplicated"]) == (lost, duplicated)
    assert (result["readings"], result["events"]) == (TAKEN, 1)
