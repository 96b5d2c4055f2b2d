"""Sliding windows over one point: 60 buckets, so that an hour costs as much as a second. Pure."""

from collections.abc import Mapping
from typing import Final

import msgspec

from rules.model import Aggregate

BUCKETS: Final = 60
_COVERED: Final = 0.9
"""A mean of less than this part of the window says nothing yet."""
_HOUR_MS: Final = 3_600_000


class Bucket(msgspec.Struct, array_like=True):
    """One sixtieth of the window."""

    start_ms: int
    integral: float
    """Value times ms."""
    covered_ms: int
    total: float
    """Sum of the values."""
    low: float
    high: float
    first: float
    first_ms: int


class SlidingWindow(msgspec.Struct, array_like=True):
    """The last value holds until the next one comes, but no longer than the window itself."""

    over_ms: int
    buckets: list[Bucket] = []
    last: float = 0.0
    last_ms: int = 0

    def add(self, value: float, at_ms: int) -> bool:
        """Take a reading in; return whether a bucket was finished (time to keep the state). Late ones are ignored."""
        if self.last_ms and at_ms < self.last_ms:
            return False
        started = len(self.buckets) and self.buckets[-1].start_ms
        if self.last_ms:
            self._hold(min(at_ms, self.last_ms + self.over_ms))
        width = max(1, self.over_ms // BUCKETS)
        start = at_ms - at_ms % width
        if not self.buckets or self.buckets[-1].start_ms != start:
            self.buckets.append(Bucket(start, 0.0, 0, 0.0, value, value, value, at_ms))
        bucket = self.buckets[-1]
        bucket.total += value
        bucket.low, bucket.high = min(bucket.low, value), max(bucket.high, value)
        self.last, self.last_ms = value, at_ms
        oldest = at_ms - self.over_ms
        while self.buckets[0].start_ms + width <= oldest:
            del self.buckets[0]
        return self.buckets[-1].start_ms != started

    def value(self, aggregate: Aggregate) -> float | None:
        """Return the aggregate; None while too little of the window is covered."""
        covered = sum(bucket.covered_ms for bucket in self.buckets)
        if covered < self.over_ms * _COVERED:
            return None
        grown, elapsed_ms = self.last - self.buckets[0].first, self.last_ms - self.buckets[0].first_ms
        match aggregate:
            case "mean":
                found = sum(bucket.integral for bucket in self.buckets) / covered
            case "min":
                found = min(bucket.low for bucket in self.buckets)
            case "max":
                found = max(bucket.high for bucket in self.buckets)
            case "sum":
                found = sum(bucket.total for bucket in self.buckets)
            case "delta":
                found = grown
            case "rate":
                found = grown * _HOUR_MS / elapsed_ms if elapsed_ms else 0.0
        return found

    def _hold(self, until_ms: int) -> None:
        """Spread the last value over the buckets up to this time."""
        width = max(1, self.over_ms // BUCKETS)
        at_ms = self.last_ms
        while at_ms < until_ms:
            start = at_ms - at_ms % width
            if self.buckets[-1].start_ms != start:
                self.buckets.append(Bucket(start, 0.0, 0, 0.0, self.last, self.last, self.last, at_ms))
            end = min(start + width, until_ms)
            self.buckets[-1].integral += self.last * (end - at_ms)
            self.buckets[-1].covered_ms += end - at_ms
            at_ms = end


_PREFIX: Final = "w|"
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(SlidingWindow)


class Windows:
    """The windows of all followed points, by (point, length); they survive a restart to within one bucket."""

    def __init__(self, state: Mapping[str, bytes]) -> None:
        self._windows = {name: _decoder.decode(body)
                         for name, body in state.items() if name.startswith(_PREFIX) and body}
        self._dirty: set[str] = set()

    def add(self, point: str, over_ms: int, value: float, at_ms: int) -> SlidingWindow:
        """Take a reading in and return the window."""
        name = f"{_PREFIX}{over_ms}|{point}"
        window = self._windows.get(name)
        if window is None:
            window = self._windows[name] = SlidingWindow(over_ms)
        if window.add(value, at_ms):
            self._dirty.add(name)
        return window

    def retain(self, lengths: Mapping[str, set[int]]) -> None:
        """Drop the windows no rule asks for any more; `lengths` are the wanted ones by point."""
        for name in list(self._windows):
            over, _, point = name.removeprefix(_PREFIX).partition("|")
            if int(over) not in lengths.get(point, ()):
                del self._windows[name]
                self._dirty.add(name)

    def dirty_state(self) -> dict[str, bytes]:
        """Return what changed since the last call; empty bytes: forget the key."""
        state = {name: _encoder.encode(self._windows[name]) if name in self._windows else b"" for name in self._dirty}
        self._dirty.clear()
        return state
