"""InfluxDB's line protocol in bulk: bytes ready to be sent, without formatting each line by itself.

Layout (docs/influx.md): measurement `reading`, tags device, family, place, point, unit, zone, field `value` (float) of
good and uncertain readings, field `q` (integer) where the quality is not good; time in ms.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from contract.quality import BAD
from hub.historians.base import AlarmRow, EventRow, JournalBatch, PointLookup, PointMeta

READING: Final = "reading"
EVENT: Final = "event"
ALARM: Final = "alarm"
NS_PER_MS: Final = 1_000_000
_PIECES: Final = 4
"""Pieces of a line: series and field name, value, space, time and line end."""
_tag_escapes: Final = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ ", "\\": "/", "\n": r"\ ", "\r": r"\ "})
_json = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of the protocol, kept in pieces so that any part of them can be joined and sent alone."""

    pieces: list[bytes]
    pieces_per_line: int = 1
    skipped: int = 0
    """Readings no line can hold: NaN or infinity of good or uncertain quality."""

    def __len__(self) -> int:
        return len(self.pieces) // self.pieces_per_line

    def body(self, start: int, stop: int) -> bytes:
        """Return lines [start, stop) as the body of one request."""
        return b"".join(self.pieces[start * self.pieces_per_line:stop * self.pieces_per_line])


class ReadingLines:
    """Formats batches; each point's series is rendered once, and again when its meta data change."""

    def __init__(self, lookup: PointLookup) -> None:
        self._lookup = lookup
        self._metas: dict[int, PointMeta] = {}
        self._series: dict[int, bytes] = {}
        self._starts: dict[int, bytes] = {}

    def lines(self, batch: JournalBatch) -> Lines:
        """Format a batch. A bad reading's value is no value: only its quality is written."""
        bad = batch.quality >= BAD
        kept = np.isfinite(batch.values) | bad
        points, times = batch.points, batch.times_ms
        values: NDArray[np.float64] = batch.values
        quality = batch.quality
        if not kept.all():
            points, times, values = points[kept], times[kept], values[kept]
            quality = quality[kept]
        self._refresh(points)
        numbers = points.tolist()
        pieces = [b" "] * (_PIECES * len(numbers))
        pieces[0::_PIECES] = map(self._starts.__getitem__, numbers)
        pieces[1::_PIECES] = _texts(values)
        pieces[3::_PIECES] = _texts(times, end=b"\n")
        for i in np.flatnonzero(quality).tolist():
            code = int(quality[i])
            if code >= BAD:
                pieces[_PIECES * i] = self._series[numbers[i]]
                pieces[_PIECES * i + 1] = b" q=%di" % code
            else:
                pieces[_PIECES * i + 1] += b",q=%di" % code
        return Lines(pieces, _PIECES, len(batch) - len(numbers))

    def _refresh(self, points: NDArray[np.uint32]) -> None:
        for point in np.unique(points).tolist():
            try:
                meta = self._lookup(point)
            except KeyError:
                meta = PointMeta(device="unknown", name=f"point-{point}")
            if self._metas.get(point) != meta:
                self._metas[point] = meta
                self._series[point] = series = reading_series(meta)
                self._starts[point] = series + b" value="


def reading_series(meta: PointMeta) -> bytes:
    """Return measurement and tags of a point's readings."""
    return _series(READING, device=meta.device, family=meta.family, place=meta.place, point=meta.name, unit=meta.unit,
                   zone=meta.zone)


def event_lines(rows: Iterable[EventRow | AlarmRow]) -> Lines:
    """Format events and alarm changes, time in ns: the ms of the row and its id, so that none overwrites another."""
    return Lines([_event_line(row) if isinstance(row, EventRow) else _alarm_line(row) for row in rows])


def _event_line(row: EventRow) -> bytes:
    series = _series(EVENT, device=row.device, door=row.door, gateway=row.gateway, kind=row.kind, reason=row.reason,
                     zone=row.zone)
    finite = row.value is not None and np.isfinite(row.value)
    value = b",value=%b" % _json.encode(float(row.value)) if row.value is not None and finite else b""
    return b"%b id=%di%b %d\n" % (series, row.id, value, _unique_ns(row))


def _alarm_line(row: AlarmRow) -> bytes:
    series = _series(ALARM, place=row.place, priority=str(row.priority), rule=row.rule, subject=row.subject,
                     what=row.what, zone=row.zone)
    state = _json.encode(row.state)  # a field: a row that comes again later, with another state, is still the same row
    return b"%b id=%di,alarm=%di,state=%b %d\n" % (series, row.id, row.alarm, state, _unique_ns(row))


def _unique_ns(row: EventRow | AlarmRow) -> int:
    return row.at_ms * NS_PER_MS + row.id % NS_PER_MS


def _series(measurement: str, **tags: str) -> bytes:
    """Render measurement and tags (given in the order of their names, as servers like them) without empty ones."""
    texts = [f",{name}={tag_value(value)}" for name, value in tags.items() if value]
    return (measurement + "".join(texts)).encode()


def tag_value(text: str) -> str:
    """Escape a tag's value. A backslash cannot be written safely (it would escape what follows): it becomes a slash."""
    return text.translate(_tag_escapes)


def _texts(numbers: NDArray[np.float64] | NDArray[np.int64], end: bytes = b"") -> list[bytes]:
    """Format many numbers at once, shortest round-trip form: the JSON encoder is ten times as fast as `repr`."""
    if not len(numbers):
        return []
    text = _json.encode(numbers.tolist())[1:-1]
    if end:
        text = text.replace(b",", end + b",") + end
    return text.split(b",")
