"""One RS-485 line: who may speak when. One frame and its answer at a time, commands before polls.

Driven by the line itself: an answer's last byte lets the next one speak at once. No thread, no task: the event loop
calls when bytes come or when a time is up.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from drivers.base import DeviceRefused, DeviceUnreachable
from drivers.osdp.frames import Splitter, answers
from drivers.osdp.link import Link
from drivers.osdp.panel import PanelKey
from drivers.serial_port import SerialPort

ANSWER_S: Final = 0.2
"""OSDP gives a reader so long to answer."""
SHORT_ANSWER_S: Final = 0.05
"""A lost reader gets only this, so that the others on its line need not wait; ..."""
FULL_EVERY: Final = 4
"""... but the full time at every fourth call, should it be a slow one."""
HOLD_S: Final = 0.015
"""After a credential the line stays free so long for the strike."""
_ANSWER_BYTES: Final = 64
_BITS_A_BYTE: Final = 10


class Line:
    """A serial line and the readers on it."""

    def __init__(self, path: str, baudrate: int, on_gone: Callable[["Line"], None]) -> None:
        """Open the line; raise `DeviceUnreachable` when that fails."""
        self._port = SerialPort(path, baudrate, self._on_bytes, self._on_lost)
        self._on_gone = on_gone
        self._loop = asyncio.get_running_loop()
        self._links: dict[int, Link] = {}
        self._frames = Splitter()
        self._busy: Link | None = None
        self._sent = b""
        self._garbled = False
        self._free_from = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def path(self) -> str:
        """Path of the serial device."""
        return self._port.path

    @property
    def bad_frames(self) -> int:
        """Broken frames on this line so far."""
        return self._frames.bad_frames

    def join(self, key: PanelKey) -> Link:
        """Add a reader; raise `DeviceRefused` when its address or baud rate does not fit the others."""
        if key.baudrate != self._port.baudrate:
            raise DeviceRefused(f"{self.path} runs at {self._port.baudrate} baud; all readers on a line need the same")
        if key.address in self._links:
            raise DeviceRefused(f"address {key.address} on {self.path} is taken by another reader")
        link = Link(self.path, key, self.kick, self._hold)
        self._links[key.address] = link
        self.kick()
        return link

    def leave(self, link: Link) -> None:
        """Take a reader off; the last one closes the line."""
        link.close()
        if self._links.get(link.key.address) is link:
            del self._links[link.key.address]
        if not self._links:
            self.close()
        elif self._busy is link:
            self._busy = None
            self.kick()

    def close(self) -> None:
        """Let go of the port and of the readers still on the line."""
        self._port.close()
        if self._timer:
            self._timer.cancel()
        for link in self._links.values():
            link.close()
        self._links.clear()
        self._on_gone(self)

    def kick(self) -> None:
        """Something wants to be said: say it now if nobody is speaking."""
        if self._busy is None and not self._port.closed:
            self._advance()

    def _hold(self) -> None:
        self._free_from = self._loop.time() + HOLD_S

    def _advance(self) -> None:
        """Give the line to whoever should speak next, or sleep until somebody is due."""
        now = self._loop.time()
        while link := self._next(now):
            frame = link.speak(now)
            if frame:
                self._send(link, frame, now)
                return
        if self._links:
            self._wake(max(min(link.due for link in self._links.values()), self._free_from), self._advance_if_free)

    def _next(self, now: float) -> Link | None:
        links = self._links.values()
        for link in links:
            if link.urgent and link.ready:
                self._free_from = 0.0
                return link
        if now < self._free_from:
            return None
        for link in links:
            if link.routine and link.ready:
                return link
        first = min(links, key=_due, default=None)
        return first if first and first.due <= now else None

    def _send(self, link: Link, frame: bytes, now: float) -> None:
        self._busy, self._sent, self._garbled = link, frame, False
        window = SHORT_ANSWER_S if link.calls % FULL_EVERY else ANSWER_S
        wire_s = (len(frame) + _ANSWER_BYTES) * _BITS_A_BYTE / self._port.baudrate
        self._wake(now + window + wire_s, self._on_timeout)
        self._port.write(frame)

    def _on_bytes(self, received: bytes) -> None:
        self._garbled = True  # until a whole frame shows that it was not
        for frame in self._frames.feed(received):
            link = self._busy
            if link and answers(frame, self._sent, link.key.address):
                link.hear(frame, self._loop.time())
                self._busy = None
        if self._busy is None and not self._port.closed:
            self._advance()

    def _on_timeout(self) -> None:
        self._frames.forget()
        if self._busy:
            self._busy.miss(self._loop.time(), garbled=self._garbled)
            self._busy = None
        self._advance()

    def _advance_if_free(self) -> None:
        if self._busy is None:
            self._advance()

    def _wake(self, when: float, call: Callable[[], None]) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = self._loop.call_at(when, call)

    def _on_lost(self, problem: DeviceUnreachable) -> None:
        for link in self._links.values():
            link.give_up(problem)
        self.close()


def _due(link: Link) -> float:
    return link.due
