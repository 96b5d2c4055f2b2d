"""One OSDP reader as a driver: its points, its events, its strike, its lights."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol

import numpy as np
import osdp_sys

from contract.messages import Text
from contract.quality import Quality
from drivers.base import DeviceError, DeviceEvent, DeviceRefused, DeviceSilent, DeviceUnreachable, PointSpec, Samples
from drivers.osdp.link import INPUTS, LOCAL, OUTPUTS, REFRESH_S, Link
from drivers.osdp.panel import Message

FIRST_ANSWER_S: Final = 1.5
"""So long `read` waits for a reader that has just been opened."""
COMMAND_S: Final = 1.5
"""A command not obeyed after this is withdrawn."""
MAX_PULSE_S: Final = 25.5
"""libosdp's binding carries a pulse's length in one byte of tenths of a second."""
_OFF, _ON, _PULSE = 1, 2, 5  # OSDP output control codes: permanent off, permanent on, on for a time
_FEEDBACK_TENTHS: Final = 20

_CLOSED = Text(en="closed", zh="关闭")
_OPEN = Text(en="open", zh="打开")
_RELEASED = Text(en="released", zh="释放")
_YES = Text(en="yes", zh="是")
_NO = Text(en="no", zh="否")
POINTS: Final = (
    PointSpec(name="output_0", label=Text(en="Strike", zh="电锁"), writable=True, minimum=0, maximum=1,
              states={"0": Text(en="locked", zh="锁闭"), "1": _RELEASED}),
    PointSpec(name="input_0", label=Text(en="Door contact", zh="门磁"), states={"0": _CLOSED, "1": _OPEN}),
    PointSpec(name="input_1", label=Text(en="Request to exit", zh="出门按钮"), states={"0": _NO, "1": _YES}),
    PointSpec(name="tamper", label=Text(en="Tamper", zh="防拆"), states={"0": _NO, "1": _YES}),
    PointSpec(name="online", label=Text(en="Online", zh="在线"), states={"0": _NO, "1": _YES}),
)
_SOURCES: Final = ((OUTPUTS, 0), (INPUTS, 0), (INPUTS, 1), (LOCAL, 0))
"""Where the first four points stand in the reader's reports."""


class Place(Protocol):
    """A reader's way to its line, kept by the factory."""

    def join(self) -> Link: ...

    def leave(self, link: Link) -> None: ...


class OsdpDriver:
    """A reader. After the loss of its line: close and open. After its own silence it comes back by itself."""

    points: Sequence[PointSpec] = POINTS

    def __init__(self, place: Place) -> None:
        self._place = place
        self._link: Link | None = None

    @property
    def identity(self) -> str:
        """Vendor, model, serial number and firmware; empty before the reader was ever online."""
        return self._link.identity if self._link else ""

    async def open(self) -> None:
        """Join the line, opening it if need be; raise `DeviceUnreachable` or `DeviceRefused`.

        Whether the reader answers shows in `read`; it is called every second until it does.
        """
        await self.close()
        self._link = self._place.join()

    async def read(self) -> Samples:
        """Return what the reader last reported; it reports changes itself and is asked again every 10 s."""
        link = self._require()
        if not link.settled.is_set():
            try:
                await asyncio.wait_for(link.settled.wait(), FIRST_ANSWER_S)
            except TimeoutError:
                raise DeviceSilent(f"the reader at address {link.key.address} is still being called") from None
        if link.problem:
            raise _again(link.problem)
        now = asyncio.get_running_loop().time()
        if now - link.asked_at > REFRESH_S and link.online:
            link.ask_status(now)
        values = np.full(len(POINTS), np.nan)
        quality = np.full(len(POINTS), Quality.REFUSED, np.uint8)
        for point, (kind, number) in enumerate(_SOURCES):
            report = link.values.get(kind, b"")
            if number < len(report):
                values[point], quality[point] = report[number], Quality.GOOD
        values[-1], quality[-1] = 1.0, Quality.GOOD
        missing = [spec.name for spec, bad in zip(POINTS, quality, strict=True) if bad]
        return Samples(values, quality, f"the reader has no {', '.join(missing)}" if missing else "")

    async def write(self, point: str, value: float) -> float:
        """Set `output_0` to 0 or 1 until told otherwise; return what the reader reports then."""
        if value not in (0, 1):
            raise DeviceRefused(f"{point} takes 0 or 1, not {value}")
        return await self._drive(point, _ON if value else _OFF, 0, value)

    async def pulse(self, point: str, seconds: float) -> float:
        """Energise `output_0` for 0.1 to 25.5 s, timed by the reader: it releases though the gateway may fail."""
        if not 0.1 <= seconds <= MAX_PULSE_S:
            raise DeviceRefused(f"a pulse lasts 0.1 to {MAX_PULSE_S} s, not {seconds}")
        return await self._drive(point, _PULSE, round(seconds * 10), 1.0)

    async def feedback(self, granted: bool) -> None:  # noqa: FBT001
        """Show the decision at the door: green and one beep, or red and three; returns at once."""
        link = self._require()
        if link.supports.get(osdp_sys.CAP_READER_LED_CONTROL):
            color = osdp_sys.LED_COLOR_GREEN if granted else osdp_sys.LED_COLOR_RED
            link.order({"command": osdp_sys.CMD_LED, "reader": 0, "led_number": 0, "temporary": True,
                        "control_code": 2, "on_count": 2, "off_count": 0 if granted else 2, "on_color": color,
                        "off_color": osdp_sys.LED_COLOR_NONE, "timer_count": _FEEDBACK_TENTHS})
        if link.supports.get(osdp_sys.CAP_READER_AUDIBLE_OUTPUT):
            link.order({"command": osdp_sys.CMD_BUZZER, "reader": 0, "control_code": 2, "on_count": 1,
                        "off_count": 1, "rep_count": 1 if granted else 3})

    async def events(self) -> AsyncIterator[DeviceEvent]:
        """Yield credentials, inputs and tamper as they come.

        A loss is raised once; iterate again to wait for the reader's return (after `DeviceUnreachable`: open again).
        """
        async for event in self._require().feed.events():
            yield event

    async def close(self) -> None:
        """Leave the line; the last reader closes it."""
        link, self._link = self._link, None
        if link:
            self._place.leave(link)

    async def _drive(self, point: str, control: int, tenths: int, expected: float) -> float:
        link = self._require()
        if point != "output_0":
            raise DeviceRefused(f"{point} cannot be written; output_0 can")
        if link.problem:
            raise _again(link.problem)
        if link.online and not link.supports[osdp_sys.CAP_OUTPUT_CONTROL]:
            raise DeviceRefused(f"the reader at address {link.key.address} has no output")
        await _obeyed(link, {"command": osdp_sys.CMD_OUTPUT, "output_no": 0, "control_code": control,
                             "timer_count": tenths})
        if link.can_report(OUTPUTS):
            await _obeyed(link, {"command": osdp_sys.CMD_STATUS, "type": OUTPUTS})
        return float(link.values.get(OUTPUTS, bytes([int(expected)]))[0])

    def _require(self) -> Link:
        if self._link is None:
            raise DeviceUnreachable("the reader is not open")
        return self._link


async def _obeyed(link: Link, command: Message) -> None:
    done = link.order(command, urgent=True, wait=True)
    assert done is not None
    try:
        await asyncio.wait_for(done, COMMAND_S)
    except TimeoutError:
        raise DeviceSilent(f"the reader at address {link.key.address} did not obey within {COMMAND_S} s") from None


def _again(problem: DeviceError) -> DeviceError:
    """Return the same error, new: one raised often would gather a traceback at each."""
    return type(problem)(*problem.args)
