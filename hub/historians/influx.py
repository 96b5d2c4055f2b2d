"""The InfluxDB historian: readings, events and alarm changes as line protocol (layout: docs/influx.md).

Sending a batch again changes nothing, since a line overwrites the one with the same series and time. Lines the server
refuses for good are found by halving, counted and described; they never hold up the others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from hub.historians.base import AlarmRow, Appended, Buckets, EventRow, HistorianDown, JournalBatch, PointLookup
from hub.historians.influx_http import (
    InfluxSettings,
    Kind,
    LinesRefused,
    Precision,
    V1Writer,
    V2Writer,
    Writer,
    connect,
)
from hub.historians.influx_query import Question, ask_influxql, ask_victoria
from hub.historians.line_protocol import Lines, ReadingLines, event_lines

_DESCRIBED: Final = 5
_HALVINGS: Final = 200
"""Requests spent on telling refused lines from good ones; past it the server's own count has to do."""


@dataclass(slots=True)
class _Refusals:
    """Refused lines of one batch."""

    count: int = 0
    why: list[str] = field(default_factory=list)
    requests: int = 0

    def add(self, count: int, line: bytes, reason: LinesRefused) -> None:
        self.count += count
        if len(self.why) < _DESCRIBED:
            others = f" and {count - 1} more" if count > 1 else ""
            self.why.append(f"{line.decode(errors='replace').strip()}{others}: {reason}")


class InfluxHistorian:
    """Writes to and reads from InfluxDB 1.x, 2.x, 3.x or VictoriaMetrics. Belongs to one thread."""

    name = "influx"

    def __init__(self, settings: InfluxSettings, lookup: PointLookup) -> None:
        """Nothing is asked of the server yet: it may be down when the hub starts."""
        self._settings = settings
        self._lookup = lookup
        self._formatter = ReadingLines(lookup)
        self._http = connect(settings)
        self._found: tuple[Kind, Writer] | None = None

    def append(self, batch: JournalBatch) -> Appended:
        """Store a batch and tell what became of it; raise `HistorianDown` when it must come again."""
        return self._write(self._formatter.lines(batch), "ms")

    def append_events(self, rows: Sequence[EventRow | AlarmRow]) -> Appended:
        """Store events and alarm changes and tell what became of them; raise `HistorianDown`."""
        return self._write(event_lines(rows), "ns")

    def query(self, point: int, from_ms: int, to_ms: int, buckets: int) -> Buckets:
        """Summarise a point's readings; raise `HistorianDown` or `QueryRefused`."""
        meta = self._lookup(point)
        question = Question(meta.device, meta.name, from_ms, to_ms, buckets)
        kind, _ = self._server()
        return (ask_victoria if kind is Kind.VICTORIA else ask_influxql)(self._http, question)

    def close(self) -> None:
        """Let go of the connections."""
        self._forget_server()
        self._http.client.close()

    def _write(self, lines: Lines, precision: Precision) -> Appended:
        refusals = _Refusals()
        _, writer = self._server()
        step = self._settings.lines_per_request
        try:
            for start in range(0, len(lines), step):
                _send(lines, start, min(start + step, len(lines)), lambda body: writer.write(body, precision), refusals)
        except HistorianDown:
            self._forget_server()  # who comes back may be another version
            raise
        return Appended(len(lines) - refusals.count, lines.skipped, refusals.count, tuple(refusals.why))

    def _server(self) -> tuple[Kind, Writer]:
        if self._found is None:
            kind = self._http.identify()
            if kind in (Kind.V1, Kind.V1_8):
                self._http.create_database()
            self._found = kind, V1Writer(self._http) if kind is Kind.V1 else V2Writer(self._settings)
        return self._found

    def _forget_server(self) -> None:
        if self._found is not None:
            self._found[1].close()
            self._found = None


def _send(lines: Lines, start: int, stop: int, write: Callable[[bytes], None], refusals: _Refusals) -> None:
    """Send lines [start, stop); on a refusal send each half, down to the lines that are refused."""
    try:
        write(lines.body(start, stop))
    except LinesRefused as reason:
        count = stop - start
        spent = refusals.requests >= _HALVINGS
        if count in (1, reason.dropped) or spent:
            refusals.add(count if reason.dropped is None else reason.dropped, lines.body(start, start + 1), reason)
            return
        refusals.requests += 2
        middle = start + count // 2
        _send(lines, start, middle, write, refusals)
        _send(lines, middle, stop, write, refusals)
