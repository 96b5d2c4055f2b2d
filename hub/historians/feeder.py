"""Feeds one historian from the journal, by a durable cursor, on the historian's own thread."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec
import numpy as np
import structlog
from sqlalchemy import Connection, delete, func, select

from contract.readings import Columns
from hub import journal, tables
from hub.commit import Committer
from hub.historians.base import AlarmRow, Appended, EventRow, Historian, HistorianDown, JournalBatch, KeepsEvents
from hub.store import Store

BATCH_READINGS: Final = 400_000
IDLE_S: Final = 0.25
RETRY_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0)
EVENTS: Final = 1_000
_AFTER_CUT: Final = 0.9
"""A journal that is too large is cut down to this part of its limit."""
_log = structlog.get_logger()


class Feeder:
    """Moves journal rows, events and alarm changes into a historian; the cursor moves only after it has them."""

    def __init__(self, historian: Historian, store: Store, committer: Committer) -> None:
        self.historian = historian
        self.position = 0
        """Journal row stored last."""
        self.written = 0
        self.refused = 0
        self.problem = ""
        self._store = store
        self._commit = committer
        self._events = {"events": 0, "alarms": 0}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"historian-{historian.name}")

    def load(self, connection: Connection) -> None:
        rows = {row.name: row for row in connection.execute(select(tables.cursors))}
        name = self.historian.name
        if name in rows:
            self.position, self.written = rows[name].position, rows[name].written
        self.position = max(self.position, getattr(self.historian, "position", 0))
        for kind in self._events:
            if f"{name}.{kind}" in rows:
                self._events[kind] = rows[f"{name}.{kind}"].position

    async def run(self) -> None:
        """Feed until cancelled; a historian that is down is tried again and holds up nobody else."""
        loop, failures = asyncio.get_running_loop(), 0
        while True:
            try:
                busy = await loop.run_in_executor(self._thread, self._step)
            except HistorianDown as error:
                if not failures:
                    _log.warning("historian_lost", historian=self.historian.name, why=str(error))
                self.problem = str(error)
                await asyncio.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])
                failures += 1
                continue
            if failures:
                _log.info("historian_back", historian=self.historian.name)
            self.problem, failures = "", 0
            for stage in busy:
                stage()
            if not busy:
                await asyncio.sleep(IDLE_S)

    async def finish(self) -> None:
        """Let go of the historian."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self.historian.close)
        self._thread.shutdown()

    def _step(self) -> list[Callable[[], None]]:
        """Take one helping; return what is to be staged for it. Runs on the historian's thread."""
        done = []
        batch = self._next()
        if batch is not None:
            done.append(self._staged(self.historian.name, batch.last, self.historian.append(batch)))
        if isinstance(self.historian, KeepsEvents):
            for kind, rows in (("events", self._event_rows()), ("alarms", self._alarm_rows())):
                if rows:
                    appended = self.historian.append_events(rows)
                    done.append(self._staged_events(kind, rows[-1].id, appended))
        return done

    def _next(self) -> JournalBatch | None:
        """Read the journal beyond the cursor."""
        parts: list[Columns] = []
        first, last, count = 0, self.position, 0
        statement = select(tables.journal.c.id, tables.journal.c.n, tables.journal.c.body).where(
            tables.journal.c.id > self.position).order_by(tables.journal.c.id).limit(64)
        with self._store.read() as connection:
            for row in connection.execute(statement).all():
                if parts and count + row.n > BATCH_READINGS:
                    break
                parts.append(journal.decode(row.body))
                first, last, count = first or row.id, row.id, count + row.n
        if not parts:
            return None
        return JournalBatch(
            first, last, np.concatenate([part.points for part in parts]),
            np.concatenate([part.times_ms for part in parts]), np.concatenate([part.values for part in parts]),
            np.concatenate([part.quality for part in parts]))

    def _event_rows(self) -> Sequence[EventRow]:
        table = tables.events
        names = list(EventRow.__dataclass_fields__)
        with self._store.read() as connection:
            rows = connection.execute(select(*(table.c[name] for name in names)).where(
                table.c.id > self._events["events"]).order_by(table.c.id).limit(EVENTS)).all()
        return [EventRow(**dict(zip(names, row, strict=True))) for row in rows]

    def _alarm_rows(self) -> Sequence[AlarmRow]:
        log, alarms = tables.alarm_log, tables.alarms
        statement = select(log.c.id, log.c.at_ms, log.c.alarm, log.c.what, alarms.c.rule, alarms.c.subject,
                           alarms.c.priority, alarms.c.state, alarms.c.body)
        with self._store.read() as connection:
            rows = connection.execute(statement.join(alarms, alarms.c.id == log.c.alarm).where(
                log.c.id > self._events["alarms"]).order_by(log.c.id).limit(EVENTS)).all()
        return [AlarmRow(id=row.id, at_ms=row.at_ms, alarm=row.alarm, rule=row.rule, subject=row.subject,
                         priority=row.priority, state=row.state, what=row.what,
                         **msgspec.structs.asdict(msgspec.json.decode(row.body, type=_Where))) for row in rows]

    def _staged(self, name: str, position: int, appended: Appended) -> Callable[[], None]:
        def stage() -> None:
            self.position = position
            self.written += appended.written
            self.refused += appended.refused
            for why in appended.why:
                _log.warning("historian_refused", historian=name, why=why)
            self._put(name, position, self.written)
        self.position = position
        return stage

    def _staged_events(self, kind: str, position: int, _appended: Appended) -> Callable[[], None]:
        self._events[kind] = position
        return lambda: self._put(f"{self.historian.name}.{kind}", position, 0)

    def _put(self, name: str, position: int, written: int) -> None:
        self._commit.stage.put(tables.cursors, {"name": name, "position": position, "written": written})
        self._commit.wake()


class _Where(msgspec.Struct):
    """The part of hub.alarms.AlarmRecord that says where it is."""

    place: str = ""
    zone: str = ""


def prune_journal(connection: Connection, *, done: int, limit_bytes: int) -> None:
    """Let the journal forget what every historian has, and, when one is down for too long, the oldest beyond the limit.

    done: the journal row that the slowest historian stored last.
    """
    table = tables.journal
    connection.execute(delete(table).where(table.c.id <= done))
    size = connection.scalar(select(func.coalesce(func.sum(func.length(table.c.body)), 0))) or 0
    if size <= limit_bytes:
        return
    rows = connection.execute(select(table.c.id, func.length(table.c.body).label("bytes")).order_by(table.c.id)).all()
    cut, dropped = 0, 0
    for row in rows:
        if size <= limit_bytes * _AFTER_CUT:
            break
        cut, size, dropped = row.id, size - row.bytes, dropped + 1
    connection.execute(delete(table).where(table.c.id <= cut))
    _log.error("journal_cut", rows=dropped, why="a historian has been down for too long; the others have these rows")
