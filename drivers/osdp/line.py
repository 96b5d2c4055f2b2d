"""One RS-485 line: who may speak when. One frame and its answer at a time, commands before polls.

Driven by the line itself: an answer's last byte lets the next one speak at once. No thread, no task: the event loop
calls when bytes come or when a time is up.
"""

import asyncio
import os
from collections.abc import Callable
from typing import Final

import serial

from drivers.base import DeviceRefused, DeviceUnreachable
from drivers.osdp.frames import REPLY, Splitter
from drivers.osdp.link import Link
from drivers.osdp.panel import PanelKey

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
_READ_BYTES: Final = 4096


class Line:
    """A serial line and the readers on it."""

    def __init__(self, path: str, baudrate: int, on_gone: Callable[["Line"], None]) -> None:
        """Open the line; raise `DeviceUnreachable` when that fails."""
        self.path, self.baudrate = path, baudrate
        self._on_gone = on_gone
        self._loop = asyncio.get_running_loop()
        try:
            self._port: serial.Serial | None = serial.Serial(path, baudrate, timeout=0, exclusive=True)
        except (serial.SerialException, OSError, ValueError) as error:
            raise DeviceUnreachable(f"cannot open the serial line {path}: {error}") from error
        self._fd: int = self._port.fileno()
        self._links: dict[int, Link] = {}
        self._frames = Splitter()
        self._busy: Link | None = None
        self._free_from = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._loop.add_reader(self._fd, self._on_readable)

    @property
    def bad_frames(self) -> int:
        """Broken frames on this line so far."""
        return self._frames.bad_frames

    def join(self, key: PanelKey) -> Link:
        """Add a reader; raise `DeviceRefused` when its address or baud rate does not fit the others."""
        if key.baudrate != self.baudrate:
            raise DeviceRefused(f"{self.path} runs at {self.baudrate} baud; all readers on a line need the same")
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
        if self._port is None:
            return
        port, self._port = self._port, None
        self._loop.remove_reader(self._fd)
        if self._timer:
            self._timer.cancel()
        port.close()
        for link in self._links.values():
            link.close()
        self._on_gone(self)

    def kick(self) -> None:
        """Something wants to be said: say it now if nobody is speaking."""
        if self._busy is None and self._port:
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
            if link.urgent and link.online:
                self._free_from = 0.0
                return link
        if now < self._free_from:
            return None
        for link in links:
            if link.routine and link.online:
                return link
        first = min(links, key=_due, default=None)
        return first if first and first.due <= now else None

    def _send(self, link: Link, frame: bytes, now: float) -> None:
        self._busy = link
        try:
            os.write(self._fd, frame)
        except OSError as error:
            self._lose(error)
            return
        window = SHORT_ANSWER_S if link.calls % FULL_EVERY else ANSWER_S
        wire_s = (len(frame) + _ANSWER_BYTES) * _BITS_A_BYTE / self.baudrate
        self._wake(now + window + wire_s, self._on_timeout)

    def _on_readable(self) -> None:
        try:
            received = os.read(self._fd, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(error)
            return
        if not received:
            self._lose(None)
            return
        for frame in self._frames.feed(received):
            link = self._busy
            if link and frame[1] == link.key.address | REPLY:
                link.hear(frame, self._loop.time())
                self._busy = None
        if self._busy is None and self._port:
            self._advance()

    def _on_timeout(self) -> None:
        self._frames.forget()
        if self._busy:
            self._busy.miss(self._loop.time())
            self._busy = None
        self._advance()

    def _advance_if_free(self) -> None:
        if self._busy is None:
            self._advance()

    def _wake(self, when: float, call: Callable[[], None]) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = self._loop.call_at(when, call)

    def _lose(self, error: OSError | None) -> None:
        why = f": {error.strerror}" if error and error.strerror else ""
        for link in self._links.values():
            link.give_up(DeviceUnreachable(f"the serial line {self.path} is gone{why}"))
        self.close()


def _due(link: Link) -> float:
    return link.due
