"""The embedded historian: DuckDB. Readings arrive in `recent` and are moved, sorted by point and time, to `history`.

The cursor is kept in the same file, so a batch that comes again after a crash is stored once.
"""

import threading
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import structlog
from numpy.typing import NDArray

from contract.quality import BAD
from contract.readings import Columns
from hub.historians.base import Appended, Buckets, HistorianDown, JournalBatch

_log = structlog.get_logger()
RECENT_ROWS: Final = 4_000_000
"""When `recent` holds more, it is moved."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS recent (point UINTEGER, at_ms BIGINT, value DOUBLE, quality UTINYINT);
CREATE TABLE IF NOT EXISTS history (point UINTEGER, at_ms BIGINT, value DOUBLE, quality UTINYINT);
CREATE TABLE IF NOT EXISTS cursor (position BIGINT);
"""
_BUCKETS: Final = """
SELECT (at_ms - $start) // $width AS bucket,
       min(value) FILTER (quality < $bad), max(value) FILTER (quality < $bad), avg(value) FILTER (quality < $bad),
       arg_max(value, at_ms) FILTER (quality < $bad), count(*) FILTER (quality >= $bad)
FROM (SELECT at_ms, value, quality FROM recent WHERE point = $point AND at_ms >= $start AND at_ms < $end
      UNION ALL
      SELECT at_ms, value, quality FROM history WHERE point = $point AND at_ms >= $start AND at_ms < $end)
GROUP BY bucket ORDER BY bucket
"""
_RANGE: Final = """
SELECT point, at_ms, value, quality FROM (SELECT * FROM recent UNION ALL SELECT * FROM history)
WHERE at_ms >= $start AND at_ms < $end AND list_contains($points, point) ORDER BY at_ms
"""


class DuckHistorian:
    """One file, one writing thread; queries have a cursor of their own and may come from any thread."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = duckdb.connect(str(path), config={"threads": 2, "memory_limit": "1GB"})
        except duckdb.Error as error:
            raise HistorianDown(f"{path} cannot be opened; does another hub run on this folder? {error}") from error
        self._db.execute(_SCHEMA)
        rows = self._db.execute("SELECT position FROM cursor").fetchall()
        if not rows:
            self._db.execute("INSERT INTO cursor VALUES (0)")
        self.position: int = rows[0][0] if rows else 0
        """Last journal row stored; durable."""
        self._recent: int = self._db.execute("SELECT count(*) FROM recent").fetchall()[0][0]
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return "duckdb"

    def append(self, batch: JournalBatch) -> Appended:
        """Store a batch with its cursor in one transaction; one that is stored already is passed over."""
        if batch.last <= self.position:
            return Appended(written=0)
        columns = {"point": batch.points, "at_ms": batch.times_ms, "value": batch.values, "quality": batch.quality}
        with self._lock:
            try:
                self._db.execute("BEGIN")
                self._db.execute("INSERT INTO recent SELECT point, at_ms, value, quality FROM columns")
                self._db.execute("UPDATE cursor SET position = ?", [batch.last])
                self._db.execute("COMMIT")
            except duckdb.Error as error:
                self._undo()
                raise HistorianDown(f"DuckDB did not take a batch: {error}") from error
            del columns
            self.position = batch.last
            self._recent += len(batch)
            if self._recent > RECENT_ROWS:
                self._move()
        return Appended(written=len(batch))

    def query(self, point: int, from_ms: int, to_ms: int, buckets: int) -> Buckets:
        width_ms = max(1, -(-(to_ms - from_ms) // buckets))
        number, minimum, maximum, mean, last, bad = self._fetch(_BUCKETS, {
            "start": from_ms, "end": to_ms, "width": width_ms, "point": point, "bad": int(BAD)})
        return Buckets(from_ms + np.asarray(number, np.int64) * width_ms, _plain(minimum), _plain(maximum),
                       _plain(mean), _plain(last), np.asarray(bad, np.int64))

    def readings(self, points: list[int], from_ms: int, to_ms: int) -> Columns:
        """Return the stored readings of these points in [from_ms, to_ms), by time: for trials on history.

        Raise `HistorianDown`.
        """
        found = self._fetch(_RANGE, {"start": from_ms, "end": to_ms, "points": points})
        return Columns(*(np.ascontiguousarray(np.ma.getdata(column)) for column in found))

    def count(self) -> int:
        """Count the readings held."""
        return int(self._db.cursor().execute(
            "SELECT (SELECT count(*) FROM recent) + (SELECT count(*) FROM history)").fetchall()[0][0])

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _fetch(self, question: str, parameters: dict[str, object]) -> list[NDArray[Any]]:
        """Ask on a cursor of this thread's own; return the answer's columns."""
        try:
            with self._db.cursor() as cursor:
                return list(cursor.execute(question, parameters).fetchnumpy().values())
        except duckdb.Error as error:
            raise HistorianDown(f"DuckDB cannot read just now: {error}") from error

    def _move(self) -> None:
        """Sort what came lately into history, in one transaction; what cannot be moved now is moved later."""
        try:
            self._db.execute("BEGIN")
            self._db.execute("INSERT INTO history SELECT * FROM recent ORDER BY point, at_ms")
            self._db.execute("DELETE FROM recent")
            self._db.execute("COMMIT")
        except duckdb.Error as error:
            self._undo()
            _log.error("history_not_moved", why=str(error))
        else:
            self._recent = 0

    def _undo(self) -> None:
        try:
            self._db.execute("ROLLBACK")
        except duckdb.Error:
            return  # nothing was begun


def _plain(column: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn DuckDB's masked column into one with NaN where nothing is."""
    filled: NDArray[np.float64] = np.ma.filled(np.ma.asarray(column, np.float64), np.nan)
    return filled
