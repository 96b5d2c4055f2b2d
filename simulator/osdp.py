"""OSDP readers on RS-485 lines: a pseudo-terminal a line, a libosdp peripheral device a reader.

A reader looks at its hardware when it is polled, so what happens at the door is in the very next answer.
"""

import asyncio
import ctypes
import os
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final

import osdp_sys

from simulator.ptys import Pty
from simulator.world import DoorHardware, World

_SOM: Final = 0x53
_HEADER_BYTES: Final = 6
_BROADCAST: Final = 0x7F
_READ_BYTES: Final = 4096
_CARD_BITS: Final = 40
_FORGETS_S: Final = 2.0
"""A reader nobody polled for so long, or without its secure channel, forgets what is held to it."""
_CAPABILITIES: Final = (
    (osdp_sys.CAP_CONTACT_STATUS_MONITORING, 2), (osdp_sys.CAP_OUTPUT_CONTROL, 1),
    (osdp_sys.CAP_READER_LED_CONTROL, 1), (osdp_sys.CAP_READER_AUDIBLE_OUTPUT, 1),
)
_COLORS: Final = {osdp_sys.LED_COLOR_NONE: "off", osdp_sys.LED_COLOR_RED: "red", osdp_sys.LED_COLOR_GREEN: "green"}
_KEYS: Final = {"#": b"\r", "*": b"\x7f"}

osdp_sys.set_loglevel(osdp_sys.LOG_EMERG)


@dataclass(frozen=True, slots=True)
class OsdpReader:
    """A reader on a line, beside a door."""

    name: str
    """Its key's endpoint is `osdp_key_<name>`."""
    door: str
    """Id of the door in `world.doors`."""
    address: int


@dataclass(slots=True)
class OsdpFaults:
    """What is wrong with the readers now, by name; change the sets at any time."""

    silent: set[str] = field(default_factory=set)
    wrong_key: set[str] = field(default_factory=set)
    garbled: set[str] = field(default_factory=set)
    """Their answers arrive with a byte changed, as with bad wiring."""
    cut: Callable[[str], None] = lambda _line: None
    """Pull a line's plug: its device vanishes."""
    mend: Callable[[str], None] = lambda _line: None
    """Plug it in again, at the same path."""


@asynccontextmanager
async def osdp_lines(
    world: World, lines: Mapping[str, Sequence[OsdpReader]], run_dir: Path,
) -> AsyncIterator[OsdpFaults]:
    """Serve the readers of each line (by its endpoint's name) until the block ends.

    Writes the lines' paths and `osdp_key_<name>` (hex, random) of each reader into `world.endpoints`.
    """
    faults = OsdpFaults()
    served = {}
    for name, readers in lines.items():
        peripherals = []
        for reader in readers:
            key = secrets.token_bytes(16)
            world.endpoints[f"osdp_key_{reader.name}"] = key.hex()
            peripherals.append(_Peripheral(reader, world.doors[reader.door], key, faults))
        path = run_dir / f"tty-{name}"
        served[name] = _Line(path, peripherals)
        world.endpoints[name] = str(path)
    faults.cut = lambda name: served[name].cut()
    faults.mend = lambda name: served[name].mend()
    try:
        for line in served.values():
            line.mend()
        yield faults
    finally:
        for line in served.values():
            line.cut()


class _Line:
    """A pseudo-terminal: the gateway opens the link at `path`, the readers sit at the other end."""

    def __init__(self, path: Path, peripherals: Sequence["_Peripheral"]) -> None:
        self._pty = Pty(path)
        self._peripherals = peripherals
        self._received = bytearray()

    def mend(self) -> None:
        near = self._pty.plug()
        asyncio.get_running_loop().add_reader(near, self._on_readable, near)

    def cut(self) -> None:
        if self._pty.near is not None:
            asyncio.get_running_loop().remove_reader(self._pty.near)
            self._pty.pull()

    def _on_readable(self, near: int) -> None:
        self._received += os.read(near, _READ_BYTES)
        while frame := self._frame():
            for peripheral in self._peripherals:
                if frame[1] in (peripheral.address, _BROADCAST):
                    self._pty.write(peripheral.answer(frame))

    def _frame(self) -> bytes:
        received = self._received
        start = received.find(_SOM)
        del received[: start if start >= 0 else len(received)]
        if len(received) < _HEADER_BYTES or len(received) < (length := received[2] | received[3] << 8):
            return b""
        frame = bytes(received[:length])
        del received[: max(length, 1)]
        return frame


class _Channel:
    """What libosdp takes for a serial line."""

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


class _Peripheral:
    """One reader: its protocol is libosdp's, its hardware the door's."""

    def __init__(self, reader: OsdpReader, door: DoorHardware, key: bytes, faults: OsdpFaults) -> None:
        self.address = reader.address
        self._name, self._door, self._key, self._faults = reader.name, door, key, faults
        self._channel = _Channel()
        self._reported: dict[int, bytes] = {}
        self._polled_at = 0.0
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._color = door.led
        self._has_wrong_key = False
        self._device = self._make(key)

    def answer(self, frame: bytes) -> bytes:
        """Return what the reader puts on the line after this frame."""
        if self._name in self._faults.silent:
            return b""
        if (self._name in self._faults.wrong_key) != self._has_wrong_key:
            self._has_wrong_key = not self._has_wrong_key
            self._device = self._make(bytes(byte ^ 0xFF for byte in self._key) if self._has_wrong_key else self._key)
        self._look()
        self._channel.inbox = frame
        self._device.refresh()
        answer, self._channel.outbox = self._channel.outbox, b""
        return answer[:-1] + b"\0" if self._name in self._faults.garbled else answer

    def _make(self, key: bytes) -> Any:
        device = osdp_sys.PeripheralDevice(
            {"name": f"reader-{self.address}", "address": self.address, "flags": osdp_sys.FLAG_ENFORCE_SECURE,
             "scbk": key, "channel": self._channel, "version": 1, "model": 1, "vendor_code": 0x00CA3B,
             "serial_number": self.address + 1, "firmware_version": 0x010000},
            capabilities=[{"function_code": code, "compliance_level": 1, "num_items": items}
                          for code, items in _CAPABILITIES])
        device.set_command_callback(self._on_command)
        return device

    def _look(self) -> None:
        """Queue what happened at the door since the last look."""
        now = asyncio.get_running_loop().time()
        secure = self._device.is_sc_active()
        fresh, self._polled_at = secure and now - self._polled_at < _FORGETS_S, now
        cards, keys = _drain(self._door.cards), _drain(self._door.keys)
        if fresh:
            for card in cards:
                self._tell({"event": osdp_sys.EVENT_CARDREAD, "reader_no": 0, "direction": 0, "length": _CARD_BITS,
                            "format": osdp_sys.CARD_FMT_RAW_UNSPECIFIED, "data": bytes.fromhex(card)})
            for key in keys:
                self._tell({"event": osdp_sys.EVENT_KEYPRESS, "reader_no": 0, "data": _KEYS.get(key) or key.encode()})
        if not secure:
            self._reported.clear()
            return
        for kind in (osdp_sys.STATUS_REPORT_INPUT, osdp_sys.STATUS_REPORT_OUTPUT, osdp_sys.STATUS_REPORT_LOCAL):
            report = self._report(kind)
            if report != self._reported.setdefault(kind, report):
                self._reported[kind] = report
                self._tell({"event": osdp_sys.EVENT_STATUS, "type": kind, "report": report})

    def _tell(self, event: dict[str, Any]) -> None:
        self._device.submit_event(event)

    def _report(self, kind: int) -> bytes:
        door = self._door
        match kind:
            case osdp_sys.STATUS_REPORT_INPUT:
                return bytes((door.contact_open, door.rex))
            case osdp_sys.STATUS_REPORT_OUTPUT:
                return bytes((door.strike,))
            case _:
                return bytes((door.tamper, False))

    def _on_command(self, command: dict[str, Any]) -> tuple[int, dict[str, Any] | None]:
        answer = self._obey(command)
        # The binding drops a reference it does not own to the second value: give it one.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(answer))
        return 0, answer

    def _obey(self, command: dict[str, Any]) -> dict[str, Any] | None:
        match command["command"]:
            case osdp_sys.CMD_STATUS:
                kind = command["type"]
                report = self._reported[kind] = self._report(kind)
                # The binding's status answer carries no report; a manufacturer command has its layout in memory:
                # a number, then bytes, here the count of entries (4 bytes) and the entries.
                return {"command": osdp_sys.CMD_MFG, "vendor_code": kind,
                        "data": len(report).to_bytes(4, "little") + report}
            case osdp_sys.CMD_OUTPUT:
                self._drive(command["control_code"], command["timer_count"] / 10)
            case osdp_sys.CMD_LED:
                self._light(command)
            case _:
                pass
        return None

    def _drive(self, control: int, seconds: float) -> None:
        """Set the output: 1 and 3 off, 2 and 4 on, 5 on for a time."""
        self._later("strike", None, 0)
        self._door.set_strike(control in (2, 4, 5))
        if control == 5:
            self._later("strike", lambda: self._door.set_strike(False), seconds)

    def _light(self, command: dict[str, Any]) -> None:
        color = _COLORS.get(command["on_color"], "off")
        self._door.led = color
        if command["temporary"]:
            self._later("led", self._dim, command["timer_count"] / 10)
        else:
            self._color = color
            self._later("led", None, 0)

    def _dim(self) -> None:
        self._door.led = self._color

    def _later(self, what: str, call: Callable[[], None] | None, seconds: float) -> None:
        if before := self._timers.pop(what, None):
            before.cancel()
        if call:
            self._timers[what] = asyncio.get_running_loop().call_later(seconds, call)


def _drain(queue: SimpleQueue[str]) -> list[str]:
    taken = []
    with suppress(Empty):
        while True:
            taken.append(queue.get_nowait())
    return taken
