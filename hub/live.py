"""What is true now: the last value of every point, and the streams by which consoles see it change.

A message is serialised once and shared by all streams. A stream's queue is bounded: who can't keep up is told to fetch
again (`resync`) instead of being shown the past.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from hub.api.core import LiveMessage

QUEUE: Final = 500
TICK_S: Final = 0.05
"""Changed values go out this often."""
_encoder = msgspec.json.Encoder()


class LastValues:
    """Newest reading of each point, arrays indexed by hub point id."""

    def __init__(self, capacity: int = 4096) -> None:
        self.values = np.full(capacity, np.nan)
        self.quality = np.zeros(capacity, np.uint8)
        self.at_ms = np.zeros(capacity, np.int64)
        """0: never."""
        self.changed = np.zeros(capacity, np.bool_)
        """Since the last tick."""

    def take(
        self, points: NDArray[np.uint32], times_ms: NDArray[np.int64], values: NDArray[np.float64],
        quality: NDArray[np.uint8],
    ) -> None:
        """Keep what is newer than what is known."""
        newest = int(points.max()) if len(points) else 0
        if newest >= len(self.values):
            self._grow(newest)
        newer = times_ms >= self.at_ms[points]
        if not newer.all():
            points, times_ms, values, quality = points[newer], times_ms[newer], values[newer], quality[newer]
        self.values[points] = values
        self.quality[points] = quality
        self.at_ms[points] = times_ms
        self.changed[points] = True

    def of(self, point: int) -> tuple[float | None, int, int | None]:
        """Return (value, quality, time UTC ms) of a point; value and time are None when nothing is known."""
        if point >= len(self.values) or not self.at_ms[point]:
            return None, 0, None
        value = float(self.values[point])
        return (None if np.isnan(value) else value), int(self.quality[point]), int(self.at_ms[point])

    def _grow(self, newest: int) -> None:
        size = max(newest + 1, 2 * len(self.values))
        for name, fill in (("values", np.nan), ("quality", 0), ("at_ms", 0), ("changed", False)):
            old = getattr(self, name)
            grown = np.full(size, fill, old.dtype)
            grown[:len(old)] = old
            setattr(self, name, grown)


class Stream:
    """One listener's bounded queue; iterate it. Ends when closed."""

    def __init__(self, owner: "Live", user: str) -> None:
        self.id = secrets.token_urlsafe(12)
        self.user = user
        self.interest: NDArray[np.int64] = np.zeros(0, np.int64)
        self._owner = owner
        self._queue: deque[LiveMessage] = deque()
        self._news = asyncio.Event()
        self._closed = False
        self._behind = False

    def set_points(self, points: Sequence[int]) -> None:
        """Say which points' values this stream wants; their present values come with the next tick."""
        self.interest = np.unique(np.array([point for point in points if 0 <= point < 1 << 31], np.int64))
        self._owner.present(self)

    def push(self, message: LiveMessage) -> None:
        if self._behind:
            return
        if len(self._queue) >= QUEUE:
            self._queue.clear()
            self._behind = True
            message = self._owner.message("resync", {})
        self._queue.append(message)
        self._news.set()

    def close(self) -> None:
        self._closed = True
        self._owner.forget(self)
        self._news.set()

    async def __aiter__(self) -> AsyncIterator[LiveMessage]:
        while not self._closed:
            while self._queue:
                yield self._queue.popleft()
            self._behind = False
            self._news.clear()
            if not self._closed:
                await self._news.wait()


class Live:
    """All streams and the last values."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self.last = LastValues()
        self.boot = secrets.token_hex(4)
        self._now_ms = now_ms
        self._seq = 0
        self._streams: dict[str, Stream] = {}

    def subscribe(self, *, user: str, last_id: str = "") -> Stream:
        """Open a stream; its first message is `hello`. Who missed something (last_id) fetches anew at once."""
        stream = Stream(self, user)
        self._streams[stream.id] = stream
        stream.push(self.message("hello", {"stream": stream.id, "boot": self.boot, "now_ms": self._now_ms()}))
        if last_id and last_id != f"{self.boot}-{self._seq - 1}":
            stream.push(self.message("resync", {}))
        return stream

    def stream(self, identity: str, *, user: str) -> Stream | None:
        stream = self._streams.get(identity)
        return stream if stream and stream.user == user else None

    def publish(self, event: str, shape: object) -> None:
        """Tell every stream; the shape is serialised once. Counted even when nobody listens: who returns missed it."""
        if not self._streams:
            self._seq += 1
        else:
            message = self.message(event, shape)
            for stream in list(self._streams.values()):
                stream.push(message)

    def message(self, event: str, shape: object) -> LiveMessage:
        self._seq += 1
        dump = getattr(shape, "model_dump_json", None)
        body = dump().encode() if dump else _encoder.encode(shape)
        return LiveMessage(event, f"{self.boot}-{self._seq}", body)

    def present(self, stream: Stream) -> None:
        """Send a stream the present values of the points it asked for."""
        known = stream.interest[stream.interest < len(self.last.values)]
        self._values(stream, known[self.last.at_ms[known] > 0])

    def tick(self) -> None:
        """Send what changed since the last tick to those who asked for it."""
        changed = self.last.changed
        for stream in list(self._streams.values()):
            wanted = stream.interest[stream.interest < len(changed)]
            self._values(stream, wanted[changed[wanted]])
        changed[:] = False

    async def run(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            if self._streams:
                self.tick()

    def forget(self, stream: Stream) -> None:
        self._streams.pop(stream.id, None)

    def close(self) -> None:
        for stream in list(self._streams.values()):
            stream.close()

    def _values(self, stream: Stream, points: NDArray[np.int64]) -> None:
        if len(points):
            stream.push(self.message("values", {
                "now_ms": self._now_ms(), "points": points.tolist(), "values": self.last.values[points].tolist(),
                "quality": self.last.quality[points].tolist(), "at_ms": self.last.at_ms[points].tolist()}))
