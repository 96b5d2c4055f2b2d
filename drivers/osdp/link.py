"""The gateway's end of one reader: what it was asked, what it said last, whether it is there."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import osdp_sys
import structlog

from drivers.base import (
    DeviceError,
    DeviceEvent,
    DeviceGarbage,
    DeviceRefused,
    DeviceSilent,
    DeviceUnreachable,
    WrongKey,
)
from drivers.feed import Feed
from drivers.osdp.credentials import Keypad, card_credential
from drivers.osdp.frames import code_of
from drivers.osdp.panel import Message, Panel, PanelKey

POLL_S: Final = 0.051
"""libosdp polls no sooner than 50 ms after the last answer."""
RETRY_S: Final = 1.0
"""A lost reader is called this often."""
LOST_AFTER: Final = 2
"""Failures in a row until a reader is called lost; after the first it is called again at once."""
STEADY_S: Final = 1.0
"""So long it must have been online before its failures are forgotten."""
REFRESH_S: Final = 10.0
"""Inputs, tamper and outputs are asked for this often, should a report have been missed."""
_HANDSHAKE_CODES: Final = (0x76, 0x77)
_CAPABILITIES_CODE: Final = 0x62

INPUTS: Final = osdp_sys.STATUS_REPORT_INPUT
OUTPUTS: Final = osdp_sys.STATUS_REPORT_OUTPUT
LOCAL: Final = osdp_sys.STATUS_REPORT_LOCAL

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class Request:
    """A command on its way to a reader."""

    command: Message
    done: asyncio.Future[None] | None = None
    """Resolved when the reader has obeyed; None when nobody waits."""

    @property
    def dropped(self) -> bool:
        """Whoever waited has gone: a late strike must not open the door."""
        return self.done is not None and self.done.done()

    def end(self, error: DeviceError | None = None) -> None:
        """Tell who waits how it ended."""
        if self.done is None or self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


@dataclass(slots=True, eq=False)
class Link:
    """One reader on a line. Everything runs in the event loop; nothing here waits."""

    line: str
    key: PanelKey
    kick: Callable[[], None]
    """Tells the line that something wants to be said."""
    hold: Callable[[], None]
    """Asks the line to stay free: an answer to a credential is on its way."""
    feed: Feed = field(default_factory=Feed)
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once it is known how the reader is: all its values are there, or the reason why not."""
    problem: DeviceError | None = None
    values: dict[int, bytes] = field(default_factory=dict)
    """Last report of each kind: inputs, outputs, local (tamper, power); a byte for each."""
    supports: dict[int, int] = field(default_factory=dict)
    """How many inputs, outputs, LEDs and buzzers the reader has, by capability."""
    identity: str = ""
    due: float = 0.0
    """Loop time (s) from which the line should let this reader's panel speak."""
    urgent: deque[Request] = field(default_factory=deque)
    routine: deque[Request] = field(default_factory=deque)
    online: bool = False
    calls: int = 0
    """Calls to a lost reader since it was lost."""
    asked_at: float = 0.0
    _request: Request | None = None
    _failures: int = 0
    _online_since: float = 0.0
    _last_code: int = -1
    _refused: set[int] = field(default_factory=set)
    _keypad: Keypad = field(default_factory=Keypad)
    _panel: Panel = field(init=False)

    def __post_init__(self) -> None:
        self._panel = Panel(self.key)

    @property
    def ready(self) -> bool:
        """A command can be given now."""
        return self.online and self._request is None

    def speak(self, now: float) -> bytes:
        """Return the frame to send now; empty when there is none, and then `due` lies later."""
        if self.ready:
            self._submit()
        frame = self._panel.speak()
        if frame:
            self._last_code = code_of(frame)
        elif self.online:
            self.due = now + 0.002
        else:
            self._fail(now, self._why_refused())
        return frame

    def hear(self, frame: bytes, now: float) -> None:
        """Take the reader's answer to what was sent last."""
        panel = self._panel
        for event in panel.hear(frame):
            self._on_event(event, now)
        self._complete()
        if self.online and not panel.online:
            self._fail(now, DeviceGarbage(f"{self._name}: the conversation broke off"))
        elif panel.online:
            if not self.online:
                self._come_online(now)
            elif now - self._online_since > STEADY_S:
                self._failures = 0
            self.due = now + POLL_S
        else:
            self.due = now

    def miss(self, now: float, *, garbled: bool) -> None:
        """Take note that no answer came in time, or (`garbled`) one that cannot be read."""
        if garbled:
            problem: DeviceError = DeviceGarbage(
                f"{self._name} cannot be understood; check its baud rate, its wiring and the line's termination")
        else:
            problem = DeviceSilent(f"{self._name} does not answer; check its power, its wiring and its address")
        self._fail(now, problem)

    def order(self, command: Message, *, urgent: bool = False, wait: bool = False) -> asyncio.Future[None] | None:
        """Queue a command; with `wait` return what resolves when the reader has obeyed."""
        request = Request(command, asyncio.get_running_loop().create_future() if wait else None)
        (self.urgent if urgent else self.routine).append(request)
        self.kick()
        return request.done

    def ask_status(self, now: float) -> None:
        """Ask for all the reports this reader can give."""
        self.asked_at = now
        for kind, capability in ((INPUTS, osdp_sys.CAP_CONTACT_STATUS_MONITORING), (LOCAL, 0),
                                 (OUTPUTS, osdp_sys.CAP_OUTPUT_CONTROL)):
            if kind not in self._refused and (not capability or self.supports[capability]):
                self.order({"command": osdp_sys.CMD_STATUS, "type": kind})

    def can_report(self, kind: int) -> bool:
        """Tell whether the reader answers questions of this kind."""
        return kind not in self._refused

    def give_up(self, problem: DeviceError) -> None:
        """Call the reader lost: say so once, and end whatever waits."""
        if self.problem is None or type(self.problem) is not type(problem):
            log.warning("reader lost", line=self.line, address=self.key.address, why=str(problem))
            self.feed.push(problem)
        self._stop(problem)

    def close(self) -> None:
        """End the conversation and the events, and whatever waits."""
        self._stop(self.problem or DeviceUnreachable(f"{self._name} was closed"))
        self._panel.end()
        self.feed.close()

    def _stop(self, problem: DeviceError) -> None:
        self._hang_up()
        self.problem = problem
        for request in (*self.urgent, *self.routine):
            request.end(problem)
        self.urgent.clear()
        self.routine.clear()
        self.settled.set()

    def _hang_up(self) -> None:
        """End this conversation; a command that was under way is the first of the next one."""
        if self._request:
            self.urgent.appendleft(self._request)
        self._request = None
        self._panel, self.online = self._panel.again(), False

    @property
    def _name(self) -> str:
        return f"the reader at address {self.key.address} on {self.line}"

    def _submit(self) -> None:
        for queue in (self.urgent, self.routine):
            while queue:
                request = queue.popleft()
                if request.dropped:
                    continue
                if self._panel.submit(request.command):
                    self._request = request
                    return
                request.end(DeviceRefused(f"{self._name} cannot be told that"))

    def _complete(self) -> None:
        obeyed = self._panel.completion()
        if obeyed is None or self._request is None:
            return
        request, self._request = self._request, None
        if obeyed:
            request.end()
        else:
            request.end(DeviceRefused(f"{self._name} refused the command"))
            if request.command["command"] == osdp_sys.CMD_STATUS:
                self._refused.add(request.command["type"])
        self._settle()

    def _come_online(self, now: float) -> None:
        self.online, self._online_since, self.calls = True, now, 0
        self.identity = self._panel.identity()
        for capability in (osdp_sys.CAP_CONTACT_STATUS_MONITORING, osdp_sys.CAP_OUTPUT_CONTROL,
                           osdp_sys.CAP_READER_LED_CONTROL, osdp_sys.CAP_READER_AUDIBLE_OUTPUT):
            self.supports[capability] = self._panel.items(capability)
        if self.problem:
            log.info("reader back", line=self.line, address=self.key.address)
            self.problem = None
            self.settled.clear()
        self.ask_status(now)

    def _settle(self) -> None:
        if self.ready and not self.routine:
            self.settled.set()

    def _fail(self, now: float, problem: DeviceError) -> None:
        self._hang_up()
        self._failures += 1
        if self._failures < LOST_AFTER and not isinstance(problem, WrongKey):
            self.due = now
            return
        self.calls += 1
        self.due = now + RETRY_S
        self.give_up(problem)

    def _why_refused(self) -> DeviceError:
        if self._last_code in _HANDSHAKE_CODES:
            return WrongKey(f"{self._name} has another key; set its key or the gateway's")
        if self._last_code == _CAPABILITIES_CODE and self.key.secret:
            return DeviceRefused(f"{self._name} offers no secure channel")
        return DeviceGarbage(f"{self._name} answers, but not as a reader does")

    def _on_event(self, event: Message, now: float) -> None:
        match event["event"]:
            case osdp_sys.EVENT_CARDREAD:
                wiegand = event["format"] == osdp_sys.CARD_FMT_RAW_WIEGAND
                credential = card_credential(event["data"], event.get("length", 0), wiegand=wiegand)
                if credential:
                    self._present(credential)
            case osdp_sys.EVENT_KEYPRESS:
                for credential in self._keypad.press(event["data"], now):
                    self._present(credential)
            case osdp_sys.EVENT_STATUS:
                self._on_report(event["type"], event["report"])
            case _:
                pass

    def _present(self, credential: str) -> None:
        self.feed.push(DeviceEvent(kind="credential", text=credential))
        self.hold()

    def _on_report(self, kind: int, report: bytes) -> None:
        before = self.values.get(kind, b"")
        self.values[kind] = report
        if kind == INPUTS:
            for number, value in enumerate(report):
                if value != (before[number] if number < len(before) else 0):
                    self.feed.push(DeviceEvent(kind="input", name=f"input_{number}", value=float(value)))
        elif kind == LOCAL and report[:1] != (before[:1] or b"\0"):
            self.feed.push(DeviceEvent(kind="tamper", name="tamper", value=float(report[0])))
