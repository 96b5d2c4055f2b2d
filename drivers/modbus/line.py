"""What devices with one address share: a connection, turns on it, and patience with dead units."""

import asyncio
from collections import deque
from typing import Final

from pymodbus.transport import CommParams, CommType

from drivers.base import DeviceError, DeviceGarbage, DeviceSilent, DeviceUnreachable
from drivers.modbus.rest import Rests, Unit
from drivers.modbus.settings import ModbusDiscovery, ModbusSettings, host_and_port
from drivers.modbus.wire import Wire

CONNECT_S: Final = 3.0
HOLD_S: Final = 5.0
"""Longest a read of a resting unit is held before it fails."""
_LONGEST_PAUSE_S: Final = 5.0
_MUTE_BEFORE_RECONNECT: Final = 3
_LARGEST_ANSWER: Final = 256
_GATEWAY_EXCEPTIONS: Final = (10, 11)
_BUSY_EXCEPTIONS: Final = (5, 6)


def parameters(settings: ModbusSettings | ModbusDiscovery, *, tcp: str | None, serial: str | None) -> CommParams:
    """Return pymodbus's description of a TCP address or a serial port."""
    if tcp:
        host, port = host_and_port(tcp)
        return CommParams(comm_name=tcp, comm_type=CommType.TCP, host=host, port=port, reconnect_delay=0)
    assert serial is not None
    return CommParams(comm_name=serial, comm_type=CommType.SERIAL, host=serial, baudrate=settings.baudrate, bytesize=8,
                      parity=settings.parity, stopbits=settings.stopbits, reconnect_delay=0)


class Line:
    """One connection and the units behind it. Requests take turns in order of arrival; urgent ones go first."""

    def __init__(self, params: CommParams) -> None:
        self.params = params
        self.name = params.comm_name or params.host
        self.rests = Rests()
        self.retry_at = 0.0
        """When a connection is tried again, loop time; 0 while there is one or none was tried."""
        self._why_down = ""
        self._failures = 0
        self._mute = 0
        self._wire: Wire | None = None
        self._is_taken = False
        self._is_probe = False
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._normal: deque[asyncio.Future[None]] = deque()

    @property
    def is_shared(self) -> bool:
        """Whether devices are polled over it."""
        return bool(self.rests.units)

    def join(self, unit: Unit) -> None:
        """Count a unit in; whatever it did before, it is asked at once."""
        unit.misses, unit.probe_at = 0, 0.0
        if unit not in self.rests.units:
            self.rests.units.append(unit)

    def leave(self, unit: Unit) -> None:
        """Count a unit out; the last one closes the connection."""
        if unit in self.rests.units:
            self.rests.units.remove(unit)
        if not self.rests.units:
            self.close()

    def close(self) -> None:
        """Let go of the connection. The next request opens it again."""
        if self._wire is not None:
            self._wire.close()
        self._wire = None
        self.retry_at = 0.0

    async def connect(self) -> None:
        """Connect unless connected; raise `DeviceUnreachable`."""
        await self._turn(self._normal)
        try:
            await self._connected()
        finally:
            self._pass_on()

    async def hold(self, unit: Unit) -> None:
        """Wait until a resting unit, or a line that is down, is due; raise its error when `HOLD_S` is not enough."""
        loop = asyncio.get_running_loop()
        wait_s = max(unit.probe_at, self.retry_at) - loop.time()
        if wait_s > 0:
            await asyncio.sleep(min(wait_s, HOLD_S))
        now = loop.time()
        if now < self.retry_at:
            raise DeviceUnreachable(self._why_down)
        if now < unit.probe_at:
            raise DeviceSilent(f"{self.name} unit {unit.number} has not answered {unit.misses} times; "
                               f"it is asked again in {unit.probe_at - now:.0f} s")

    async def exchange(self, unit: Unit, pdu: bytes, expected_bytes: int = 0, *, urgent: bool = False) -> bytes:
        """Send a request in turn and return the answer's PDU (at least 2 bytes, maybe an exception).

        Raises `DeviceUnreachable`, `DeviceSilent` (also when a gateway says its device is) or `DeviceGarbage`.
        """
        if self._is_taken:
            await self._turn(self._urgent if urgent else self._normal)
        else:
            self._is_taken = True
        try:
            wire = self._wire
            if wire is None or not wire.is_open:
                wire = await self._connected(urgent=urgent)
            self._is_probe = unit.misses > 0
            started = wire.loop.time()
            reply = await wire.ask(unit.number, pdu, self.rests.timeout_s(unit), expected_bytes)
            if len(reply) < 2:
                raise DeviceGarbage(f"{self.name} unit {unit.number} sends an answer of one byte")
            if reply[0] & 0x80:
                self._check_exception(unit, reply[1])
        except DeviceSilent:
            self._missed(unit)
            raise
        except DeviceUnreachable as error:
            self._down(error)
            raise
        finally:
            self._is_probe = False
            self._pass_on()
        self._mute = self._failures = 0
        now = wire.loop.time()
        self.rests.answered(unit, now - started, now)
        return reply

    async def look(self, number: int, pdu: bytes, timeout_s: float) -> bytes:
        """Ask a unit nobody has configured, once, in turn; its silence has no consequences.

        Waits no longer than the line's own answers make sensible. Raises as `exchange`.
        """
        await self._turn(self._normal)
        try:
            wire = await self._connected()
            stranger = Unit(number, timeout_s)
            wait_s = self.rests.quick_s(stranger) if self.is_shared and self.rests.slowest_s else timeout_s
            self._is_probe = True
            reply = await wire.ask(number, pdu, wait_s, _LARGEST_ANSWER)
            if reply[:1] and reply[0] & 0x80:
                self._check_exception(stranger, reply[-1])
        finally:
            self._is_probe = False
            self._pass_on()
        return reply

    def _check_exception(self, unit: Unit, code: int) -> None:
        if code in _GATEWAY_EXCEPTIONS:
            raise DeviceSilent(f"{self.name} unit {unit.number}: the gateway gets no answer from it (exception {code})")
        if code in _BUSY_EXCEPTIONS:
            raise DeviceSilent(f"{self.name} unit {unit.number} says it is busy (exception {code})")

    def _missed(self, unit: Unit) -> None:
        self.rests.missed(unit, asyncio.get_running_loop().time())
        self._mute += 1
        if self._mute >= _MUTE_BEFORE_RECONNECT and self._wire is not None and not self._wire.is_serial:
            self._mute = 0
            self._wire.close()  # a peer that lost its power never says so: only a new connection tells

    async def _connected(self, *, urgent: bool = False) -> Wire:
        """Return an open wire; the caller has the turn."""
        if self._wire is not None and self._wire.is_open:
            return self._wire
        loop = asyncio.get_running_loop()
        if loop.time() < self.retry_at and not urgent:
            raise DeviceUnreachable(self._why_down)
        wire = Wire(self.params, self.name)
        try:
            await wire.connect_within(CONNECT_S)
        except DeviceError as error:
            self._down(error)
            raise
        finally:
            if not wire.is_ready:
                wire.close()
        self.retry_at, self._wire = 0.0, wire
        return wire

    def _down(self, error: DeviceError) -> None:
        """Note a connection that failed or was lost: the next try comes later each time, until a unit answers."""
        now = asyncio.get_running_loop().time()
        if now >= self.retry_at:
            self._failures += 1
            self._why_down = str(error)
            self.retry_at = now + min(_LONGEST_PAUSE_S, 0.1 * 2**min(self._failures, 10))

    async def _turn(self, queue: deque[asyncio.Future[None]]) -> None:
        if not self._is_taken:
            self._is_taken = True
            return
        if queue is self._urgent and self._is_probe and self._wire is not None and not self._wire.is_serial:
            self._wire.give_up()
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        """Hand the turn to the next who waits."""
        for queue in (self._urgent, self._normal):
            while queue:
                waiter = queue.popleft()
                if not waiter.done():
                    waiter.set_result(None)
                    return
        self._is_taken = False
