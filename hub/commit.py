"""The one commit: whatever the hub learned since the last one becomes durable in a single transaction, or not at all.

Everybody stages on the event loop; one writer thread writes. What must wait for durability (acks, answers, notices to
screens that promise something) is a callback that runs after the commit returned.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import structlog
from sqlalchemy import Connection, Table, func, insert, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import OperationalError

from contract.readings import Columns
from hub import journal
from hub.store import Store
from hub.tables import journal as journal_table
from hub.tables import metadata

T = TypeVar("T")
Row = dict[str, Any]
INTERVAL_S: Final = 0.1
RETRY_S: Final = 0.5
SQL_ERROR: Final = 1
"""SQLite's code for a statement that is wrong; all others (full, locked, no disk) are the store's own trouble."""
_ORDER: Final = {table: position for position, table in enumerate(metadata.sorted_tables)}
"""Tables after those they refer to."""
_log = structlog.get_logger()


@dataclass(slots=True)
class Stage:
    """What the next commit will hold."""

    readings: list[Columns] = field(default_factory=list)
    inserts: dict[Table, list[Row]] = field(default_factory=dict)
    puts: dict[Table, dict[tuple[object, ...], Row]] = field(default_factory=dict)
    changes: list[tuple[Callable[[Connection], Any], asyncio.Future[Any]]] = field(default_factory=list)
    after: dict[object, Callable[[], None]] = field(default_factory=dict)

    def insert(self, table: Table, row: Row) -> None:
        self.inserts.setdefault(table, []).append(row)

    def put(self, table: Table, row: Row) -> None:
        """Insert or replace by primary key; the last one staged wins."""
        key = tuple(row[column.name] for column in table.primary_key)
        self.puts.setdefault(table, {})[key] = row

    @property
    def empty(self) -> bool:
        return not (self.readings or self.inserts or self.puts or self.changes or self.after)


class NotStored(Exception):
    """The hub ended before this could be stored: it did not happen."""


class Committer:
    """Owns the writer thread. Start `run` as a task; `stop` commits what is left."""

    def __init__(self, store: Store, now_ms: Callable[[], int], *, interval_s: float = INTERVAL_S) -> None:
        self.stage = Stage()
        self.problem = ""
        """Why nothing can be stored just now; empty when all is well."""
        self.commits = 0
        self.journal_newest = 0
        """Id of the journal's newest row."""
        self.before: list[Callable[[Stage], None]] = []
        """Called just before a stage is written: whoever keeps state puts what changed into it."""
        self._store = store
        self._now_ms = now_ms
        self._interval_s = interval_s
        self._work = asyncio.Event()
        self._urgent = asyncio.Event()
        self._stopping = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="commit")

    def load(self, connection: Connection) -> None:
        """Learn where the journal ends."""
        self.journal_newest = connection.scalar(select(func.max(journal_table.c.id))) or 0

    def wake(self, *, urgent: bool = False) -> None:
        """Tell that something was staged; urgent (an event) commits at once, readings wait for company."""
        self._work.set()
        if urgent:
            self._urgent.set()

    async def change(self, work: Callable[[Connection], T]) -> T:
        """Run `work` inside the next commit and return its result once durable; what it raises undoes only itself."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.stage.changes.append((work, future))
        self.wake(urgent=True)
        return await future

    def also(self, work: Callable[[Connection], None], *, urgent: bool = True) -> None:
        """Run `work` inside the next commit without waiting for it; a refusal is logged."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.add_done_callback(_report)
        self.stage.changes.append((work, future))
        self.wake(urgent=urgent)

    async def run(self) -> None:
        """Commit until stopped. A store that fails (full disk) is tried again; nothing staged is dropped.

        Raise what no further try would mend (a mistake of the hub itself): it must end, and start from what is stored.
        """
        stage = self.stage
        try:
            while not (self._stopping and self.stage.empty):
                await self._due()
                for contribute in self.before:
                    contribute(self.stage)
                stage, self.stage = self.stage, Stage()
                if not await self._stored(stage):
                    break
                for callback in stage.after.values():
                    callback()
        finally:
            for _, future in [*stage.changes, *self.stage.changes]:
                if not future.done():
                    future.set_exception(NotStored("the hub ended before this was stored"))
            self._thread.shutdown()

    async def _due(self) -> None:
        """Wait until there is something to commit, and a moment longer for company unless it is urgent."""
        if not self._stopping:
            await self._work.wait()
        if not self._urgent.is_set() and not self._stopping:
            try:
                await asyncio.wait_for(self._urgent.wait(), self._interval_s)
            except TimeoutError:
                pass
        self._work.clear()
        self._urgent.clear()

    def stop(self) -> None:
        self._stopping = True
        self.wake(urgent=True)

    async def _stored(self, stage: Stage) -> bool:
        """Store a stage, however often it takes; False when the hub has to end while nothing can be stored.

        What is given up then was never acknowledged: gateways send it again.
        """
        if stage.empty:
            return True
        loop = asyncio.get_running_loop()
        while True:
            try:
                outcomes = await loop.run_in_executor(self._thread, self._write, stage)
            except (OperationalError, OSError) as error:
                if not _passes(error):
                    raise
                reason = str(getattr(error, "orig", error))
                if reason != self.problem:
                    _log.error("store_failed", reason=reason)
                self.problem = reason
                if self._stopping:
                    _log.error("not_stored", readings=sum(map(len, stage.readings)))
                    return False
                await asyncio.sleep(RETRY_S)
            else:
                break
        if self.problem:
            _log.info("store_back")
        self.problem = ""
        self.commits += 1
        _answer(stage, outcomes)
        return True

    def _write(self, stage: Stage) -> list[tuple[Any, Exception | None]]:
        body, newest = journal.encode(stage.readings) if stage.readings else b"", self.journal_newest
        with self._store.write() as connection:
            if body:
                added = connection.execute(insert(journal_table), {
                    "at_ms": self._now_ms(), "n": sum(map(len, stage.readings)), "body": body})
                newest = added.inserted_primary_key[0] if added.inserted_primary_key else 0
            for table, rows in stage.inserts.items():
                connection.execute(insert(table), rows)
            for table in sorted(stage.puts, key=_ORDER.__getitem__):
                _upsert(connection, table, list(stage.puts[table].values()))
            outcomes = [_attempt(connection, work) for work, _ in stage.changes]
        self.journal_newest = newest
        return outcomes


def _answer(stage: Stage, outcomes: list[tuple[Any, Exception | None]]) -> None:
    """Tell everyone what became of the change they asked for."""
    for (_, future), (result, refusal) in zip(stage.changes, outcomes, strict=True):
        if future.cancelled():
            continue
        if refusal is None:
            future.set_result(result)
        else:
            future.set_exception(refusal)


def _report(future: asyncio.Future[None]) -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        _log.error("change_refused", why=str(error))


def _attempt(connection: Connection, work: Callable[[Connection], T]) -> tuple[T | None, Exception | None]:
    """Run one change in a savepoint: a refused one must not take the readings with it."""
    try:
        with connection.begin_nested():
            return work(connection), None
    except Exception as error:  # handed to the caller who asked for the change
        trouble = _store_trouble(error)
        if trouble is not None:
            raise trouble from error  # SQLite has undone the whole transaction by itself: all of it is tried again
        return None, error


def _store_trouble(error: BaseException | None) -> Exception | None:
    """Find the store's own trouble behind an error: a full disk shows as a savepoint that is gone."""
    while error is not None:
        if isinstance(error, OperationalError) and _passes(error):
            return error
        error = error.__context__
    return None


def _passes(error: Exception) -> bool:
    """Tell whether it is the store's own trouble (full, locked, no disk), worth another try."""
    if isinstance(error, OperationalError):
        return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF != SQL_ERROR
    return isinstance(error, OSError)


def _upsert(connection: Connection, table: Table, rows: list[Row]) -> None:
    statement = sqlite.insert(table)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in table.primary_key.columns}
    keys = list(table.primary_key.columns)
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed)
                       if changed else statement.on_conflict_do_nothing(), rows)
