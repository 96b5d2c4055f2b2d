"""libosdp's control panel for one reader: it knows the protocol, the line decides when it may speak.

One libosdp context a reader instead of one a line: readers come and go at run time, a fresh context begins a new
handshake at once (libosdp itself would wait 300 s), and a silent reader holds up nobody, since the turns are ours.
"""

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import osdp_sys

from drivers.osdp.entropy import renew

Message: TypeAlias = dict[str, Any]
"""libosdp's own form of commands and events; nothing outside `link` and `commands` sees it."""

_STEPS: Final = 3
"""libosdp moves one step of its state machine a call; from idle to sending takes two."""

osdp_sys.set_loglevel(osdp_sys.LOG_EMERG)  # it writes to stderr, keys among it


@dataclass(frozen=True, slots=True)
class PanelKey:
    """Whom to speak to; the key stays out of every repr."""

    address: int
    baudrate: int
    secret: bytes | None
    """16 bytes; None speaks without a secure channel."""

    def __repr__(self) -> str:
        return f"PanelKey(address={self.address})"


class _Channel:
    """What libosdp takes for a serial line: one frame in, one frame out."""

    id = 0

    def __init__(self) -> None:
        self.inbox = b""
        self.outbox = b""

    def read(self, size: int) -> bytes:
        taken, self.inbox = self.inbox[:size], self.inbox[size:]
        return taken

    def write(self, frame: bytes) -> int:
        self.outbox += frame
        return len(frame)

    def flush(self) -> None:
        self.inbox = b""


class Panel:
    """One conversation with one reader, from the first question on."""

    def __init__(self, key: PanelKey, channel: _Channel | None = None) -> None:
        self._key = key
        self._channel = channel or _Channel()
        self._opening = b""
        self._heard = False
        self._over = False
        self._events: list[Message] = []
        self._completed: list[int] = []
        renew()
        flags = osdp_sys.FLAG_ENFORCE_SECURE if key.secret else 0
        self._context = osdp_sys.ControlPanel([{
            "name": f"reader-{key.address}", "address": key.address, "flags": flags, "scbk": key.secret,
            "channel": self._channel, "baud_rate": key.baudrate,
            "version": 1, "model": 1, "vendor_code": 0, "serial_number": 0, "firmware_version": 0,
        }])
        self._context.set_event_callback(self._on_event)
        self._context.set_command_completion_callback(self._on_completion)

    @property
    def online(self) -> bool:
        """The handshake is through; with a key, the secure channel is up."""
        return bool(self._context.status() & 1)

    def speak(self) -> bytes:
        """Return the frame that is due now; empty when there is none (or when it has given up: not `online`)."""
        if self._opening:
            return self._opening
        for _ in range(_STEPS):
            self._context.refresh()
            if self._channel.outbox:
                break
        frame, self._channel.outbox = self._channel.outbox, b""
        self._over = not frame and not self.online
        if not self._heard:
            self._opening = frame
        return frame

    def hear(self, frame: bytes) -> list[Message]:
        """Take the reader's answer; return the events in it."""
        self._channel.inbox, self._heard, self._opening = frame, True, b""
        was_online = self.online
        self._context.refresh()
        self._over = was_online and not self.online
        events = list(self._events)
        self._events.clear()
        return events

    def submit(self, command: Message) -> bool:
        """Queue a command, to be spoken before the next poll; False when it cannot be sent."""
        return bool(self._context.submit_command(0, command))

    def completion(self) -> bool | None:
        """Tell how the submitted command ended: done, refused, or None when it has not."""
        return self._completed.pop() == osdp_sys.COMPLETION_OK if self._completed else None

    def items(self, capability: int) -> int:
        """Return how many inputs, outputs ... of a kind the reader says it has."""
        level, items = self._context.check_capability(0, capability)
        return max(int(items), 1) if level else 0

    def identity(self) -> str:
        """Return vendor, model, serial number and firmware as the reader gives them."""
        told = self._context.get_pd_id(0)
        return (f"{told['vendor_code']:06X}-{told['model']}.{told['version']}-{told['serial_number'] & 0xFFFFFFFF:08X}"
                f" fw {told['firmware_version']:06X}")

    def again(self) -> "Panel":
        """Return the panel for the next conversation.

        This one whenever it can begin anew, since the binding leaks 140 bytes with each context: unanswered, its first
        frame is simply said again; given up, it can be switched off and on; only cut short it is replaced.
        """
        if not self._heard:
            return self
        if self._over and self._restarted():
            return self
        self.end()
        return Panel(self._key, self._channel)

    def _restarted(self) -> bool:
        self._context.disable_pd(0)
        self._context.refresh()
        if self._context.is_pd_enabled(0):
            return False
        renew()
        self._context.enable_pd(0)
        self._context.refresh()
        self._channel.inbox = self._channel.outbox = b""
        self._heard = self._over = False
        self._completed.clear()
        return True

    def end(self) -> None:
        """Let go; libosdp's context still calls back when it is freed."""
        self._context.set_event_callback(_ignore)
        self._context.set_command_completion_callback(_ignore)

    def _on_event(self, _reader: int, event: Message) -> int:
        self._events.append(dict(event))
        event.clear()  # libosdp's binding leaks this dict: leave nothing in it
        return 0

    def _on_completion(self, _reader: int, _command: Message, status: int) -> None:
        self._completed.append(status)


def _ignore(*_unused: object) -> int:
    return 0
