"""The state database's connections: many readers, one writer (SQLite in WAL mode, every commit on the disk)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from hub.migrations import upgrade

_PAGE_BYTES = 16384  # the journal's blobs are large


class Store:
    """Opens the database, makes the tables when they are missing, and hands out connections."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)  # before SQLite makes its log beside it, with the same rights: there are keys inside
        path.chmod(0o600)
        self.path = path
        self._writer = _engine(path, writer=True)
        self._readers = _engine(path, writer=False)
        upgrade(self._writer)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent look; use it in a thread, briefly: an open one holds back checkpoints."""
        with self._readers.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction of the single writer; durable when it returns, undone when it raises."""
        with self._writer.begin() as connection:
            yield connection

    def close(self) -> None:
        self._readers.dispose()
        self._writer.dispose()


def _engine(path: Path, *, writer: bool) -> Engine:
    engine = create_engine(f"sqlite:///{path}", pool_size=1 if writer else 8, max_overflow=0 if writer else 24)

    @event.listens_for(engine, "connect")
    def _prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # BEGIN is ours, so that savepoints work
        cursor = connection.cursor()
        for pragma in (
            f"page_size={_PAGE_BYTES}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON",
            "busy_timeout=10000", "wal_autocheckpoint=512", f"query_only={'OFF' if writer else 'ON'}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
            cursor.fetchall()
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")

    return engine
