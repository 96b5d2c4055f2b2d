"""Events on their way from a driver's callbacks to the one task that iterates `events()`."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Final

from drivers.base import DeviceError, DeviceEvent

LIMIT: Final = 256
"""Events kept while nobody takes them; the oldest go first."""
STALE_S: Final = 2.0
"""A credential nobody took for so long opens nothing any more: whoever held it has walked on."""


class Feed:
    """A bounded queue of events and losses; ends when it is closed."""

    def __init__(self) -> None:
        self._items: deque[tuple[float, DeviceEvent | DeviceError]] = deque(maxlen=LIMIT)
        self._news = asyncio.Event()
        self._closed = False

    def push(self, item: DeviceEvent | DeviceError) -> None:
        """Add an event, or the error by which the device was lost."""
        self._items.append((time.monotonic(), item))
        self._news.set()

    def close(self) -> None:
        """End the iteration after what is already in the feed."""
        self._closed = True
        self._news.set()

    def reopen(self) -> None:
        """Take part again after `close`; what nobody took is still there."""
        self._closed = False

    async def events(self) -> AsyncIterator[DeviceEvent]:
        """Yield events in order; raise each loss once, after which a new iteration waits for what comes next."""
        while True:
            while self._items:
                pushed, item = self._items.popleft()
                if isinstance(item, DeviceError):
                    raise item
                if item.kind != "credential" or time.monotonic() - pushed < STALE_S:
                    yield item
            if self._closed:
                return
            self._news.clear()
            await self._news.wait()
