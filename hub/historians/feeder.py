"""Feeds one historian from the journal, by a durable cursor, on the historian's own thread."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

import msgspec
import numpy as np
import structlog
from sqlalchemy import Connection, delete, func, select

from contract.readings import Columns
from hub import journal, tables
from hub.alarms import MARKED
from hub.commit import Committer
from hub.historians.base import AlarmRow, Appended, EventRow, Historian, HistorianDown, JournalBatch, KeepsEvents
from hub.store import Store

BATCH_READINGS: Final = 400_000
IDLE_S: Final = 0.25
RETRY_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0)
EVENTS: Final = 1_000
_AFTER_CUT: Final = 0.9
"""A journal that is too large is cut down to this part of its limit."""
_SAMPLE: Final = 50
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
                busy = await self._helping(loop)
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
            if not busy:
                await asyncio.sleep(IDLE_S)

    async def finish(self) -> None:
        """Let go of the historian."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self.historian.close)
        self._thread.shutdown()

    async def _helping(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Move one helping of each kind, staging each cursor at once; tell whether there was anything."""
        busy = False
        for step in (self._readings, self._event_lines, self._alarm_lines):
            stage = await loop.run_in_executor(self._thread, step)
            if stage is not None:
                stage()
                busy = True
        return busy

    def _readings(self) -> Callable[[], None] | None:
        """Hand readings over; return what stages the cursor. So do the next two. On the historian's thread."""
        batch, broken = self._next()
        if batch is None:
            return None
        appended = self.historian.append(batch) if len(batch) else Appended(written=0)
        return self._staged(batch.last, replace(appended, refused=appended.refused + broken))

    def _event_lines(self) -> Callable[[], None] | None:
        return self._lines("events", self._event_rows)

    def _alarm_lines(self) -> Callable[[], None] | None:
        return self._lines("alarms", self._alarm_rows)

    def _lines(self, kind: str, read: Callable[[], Sequence[EventRow | AlarmRow]]) -> Callable[[], None] | None:
        if not isinstance(self.historian, KeepsEvents) or not (rows := read()):
            return None
        return self._staged_events(kind, rows[-1].id, self.historian.append_events(rows))

    def _next(self) -> tuple[JournalBatch | None, int]:
        """Read the journal beyond the cursor; return also how many readings nobody can read any more."""
        parts: list[Columns] = []
        first, last, count, broken = 0, self.position, 0, 0
        statement = select(tables.journal.c.id, tables.journal.c.n, tables.journal.c.body).where(
            tables.journal.c.id > self.position).order_by(tables.journal.c.id).limit(64)
        with self._store.read() as connection:
            for row in connection.execute(statement).all():
                if parts and count + row.n > BATCH_READINGS:
                    break
                first, last, count = first or row.id, row.id, count + row.n
                try:
                    parts.append(journal.decode(row.body))
                except ValueError as error:
                    _log.error("journal_row_broken", row=row.id, readings=row.n, why=str(error))
                    broken += row.n
        if not first:
            return None, 0
        parts = parts or [journal.NOTHING]
        return JournalBatch(
            first, last, np.concatenate([part.points for part in parts]),
            np.concatenate([part.times_ms for part in parts]), np.concatenate([part.values for part in parts]),
            np.concatenate([part.quality for part in parts])), broken

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
                         priority=row.priority, state="normal" if row.state == MARKED else row.state, what=row.what,
                         **msgspec.structs.asdict(msgspec.json.decode(row.body, type=_Where))) for row in rows]

    def _staged(self, position: int, appended: Appended) -> Callable[[], None]:
        def stage() -> None:
            self.position = position
            self.written += appended.written
            self._put(self.historian.name, position, self.written)
            self._refused(appended)
        return stage

    def _staged_events(self, kind: str, position: int, appended: Appended) -> Callable[[], None]:
        def stage() -> None:
            self._events[kind] = position
            self._put(f"{self.historian.name}.{kind}", position, 0)
            self._refused(appended)
        return stage

    def _refused(self, appended: Appended) -> None:
        self.refused += appended.refused
        for why in appended.why:
            _log.warning("historian_refused", historian=self.historian.name, why=why)

    def _put(self, name: str, position: int, written: int) -> None:
        self._commit.stage.put(tables.cursors, {"name": name, "position": position, "written": written})
        self._commit.wake()


class _Where(msgspec.Struct):
    """The part of hub.alarms.AlarmRecord that says where it is."""

    place: str = ""
    zone: str = ""


def prune_journal(connection: Connection, *, done: int, fed: int, limit_bytes: int) -> None:
    """Let the journal forget what every historian has, and, when one is down for too long, the oldest beyond the limit.

    done: the journal row that the slowest historian stored last; fed: the fastest one's, beyond which nothing is cut.
    Sizes are reckoned from the newest rows, since going through all of them would hold up the commit.
    """
    table = tables.journal
    first, newest = connection.execute(select(func.min(table.c.id), func.max(table.c.id))).one()
    if first is None:
        return
    sample = select(func.length(table.c.body).label("bytes")).order_by(table.c.id.desc()).limit(_SAMPLE).subquery()
    row_bytes = connection.scalar(select(func.avg(sample.c.bytes))) or 1
    most = int(limit_bytes / row_bytes)
    cut = min(newest - int(most * _AFTER_CUT), fed) if newest - max(first - 1, done) > most else 0
    if cut > done:
        _log.error("journal_cut", rows=cut - max(first - 1, done),
                   why="a historian has been down for too long; the others have these rows")
    connection.execute(delete(table).where(table.c.id <= max(done, cut)))
