"""What a historian is: `append`, `query`, `close`. All block and are called on the historian's own thread.

A batch may come again after a crash or an outage (the cursor moves only after `append` returned): a historian must
store it once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


class HistorianDown(Exception):
    """The historian did not take the batch: keep it and try again later; the text says why, in words."""


class QueryRefused(Exception):
    """The historian cannot answer this question, and asking again changes nothing."""


@dataclass(frozen=True, slots=True)
class JournalBatch:
    """Readings of the journal's rows `first` to `last` (inclusive) as columns of one length n, in the order stored."""

    first: int
    last: int
    points: NDArray[np.uint32]
    """Hub point ids (hub.tables.points.id)."""
    times_ms: NDArray[np.int64]
    """UTC, source time."""
    values: NDArray[np.float64]
    quality: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True, slots=True)
class PointMeta:
    """What a historian that names its series writes beside the values."""

    device: str
    name: str
    unit: str = ""
    zone: str = ""
    place: str = ""
    """building/floor/room."""
    family: str = ""


PointLookup = Callable[[int], PointMeta]
"""Hub point id to what is known of it; raises KeyError for an id nobody gave out."""


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of a batch that need not be sent again."""

    written: int
    """Readings (or events) stored."""
    skipped: int = 0
    """Readings that cannot be stored there (NaN, infinity)."""
    refused: int = 0
    """Readings the historian said no to, for good."""
    why: tuple[str, ...] = ()
    """What it refused and why, in words; at most a handful."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """One point over a range: columns of one length, a bucket each, buckets without any reading left out.

    The four summaries are NaN in a bucket that holds bad readings only.
    """

    times_ms: NDArray[np.int64]
    """UTC, start of the bucket."""
    minimum: NDArray[np.float64]
    maximum: NDArray[np.float64]
    mean: NDArray[np.float64]
    last: NDArray[np.float64]
    bad: NDArray[np.int64]
    """Readings of bad quality."""

    def __len__(self) -> int:
        return len(self.times_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """An event of the state database (hub.tables.events), for historians that show events: nothing about people."""

    id: int
    """hub.tables.events.id: makes the row one of its own, and the same one when it comes again."""
    at_ms: int
    kind: str
    gateway: str = ""
    device: str = ""
    door: str = ""
    zone: str = ""
    reason: str = ""
    value: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRow:
    """A change of an alarm (hub.tables.alarm_log with its alarm)."""

    id: int
    """hub.tables.alarm_log.id."""
    at_ms: int
    alarm: int
    rule: str
    subject: str
    priority: int
    state: str
    """The alarm's state now: pending, active, acknowledged, cleared_unseen or normal."""
    what: str
    """raised, acknowledged, cleared, shelved ... (hub.tables.alarm_log.what)."""
    place: str = ""
    zone: str = ""


@runtime_checkable
class Historian(Protocol):
    """Keeps readings for long."""

    @property
    def name(self) -> str:
        """Its cursor's name: duckdb, influx."""
        ...

    def append(self, batch: JournalBatch) -> Appended:
        """Store a batch and tell what became of it; raise `HistorianDown` when it must come again."""
        ...

    def query(self, point: int, from_ms: int, to_ms: int, buckets: int) -> Buckets:
        """Summarise the readings of [from_ms, to_ms) in `buckets` parts, ceil((to_ms - from_ms) / buckets) ms each.

        Minimum, maximum, mean and last are of the good and uncertain ones. Raises `HistorianDown` or `QueryRefused`.
        """
        ...

    def close(self) -> None:
        """Let go of everything; never raises."""


@runtime_checkable
class KeepsEvents(Protocol):
    """A historian that shows events and alarms beside the readings."""

    def append_events(self, rows: Sequence[EventRow | AlarmRow]) -> Appended:
        """Store rows and tell what became of them; raise `HistorianDown` when they must come again."""
        ...
