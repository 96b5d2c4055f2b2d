"""One connection (TCP or serial): bytes out, bytes in. pymodbus is the transport and the framer.

Its transaction layer is left out: it makes a list of Python ints of every answer and a text of that list for a log
nobody reads, half of the time a read takes. Here the PDU stays bytes, matched by transaction and unit number.
"""

import asyncio
import os
from typing import Final, cast

from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU
from pymodbus.transport import CommParams, CommType, ModbusProtocol

from drivers.base import DeviceGarbage, DeviceSilent, DeviceUnreachable

_MOST_BUFFERED: Final = 4096
"""More unread bytes than this are no answer, however they go on."""
_BITS_PER_CHARACTER: Final = 11
_SHORTEST_GAP_S: Final = 0.00175
"""Silence between two RTU frames above 19200 baud (Modbus over serial line 1.02, 2.5.1.1)."""


class Wire(ModbusProtocol):
    """A connection from `connect` to `close`, once. One request at a time: the caller sees to it."""

    def __init__(self, params: CommParams, name: str) -> None:
        super().__init__(params, is_server=False)
        self.name = name
        self.is_serial = params.comm_type is CommType.SERIAL
        decoder = DecodePDU(False)
        self.framer = FramerRTU(decoder) if self.is_serial else FramerSocket(decoder)
        self._character_s = _BITS_PER_CHARACTER / params.baudrate if self.is_serial else 0.0
        self._gap_s = max(3.5 * self._character_s, _SHORTEST_GAP_S) if self.is_serial else 0.0
        self._quiet_at = 0.0
        self._made = asyncio.Event()
        self._pending: asyncio.Future[bytes] | None = None
        self._tid = 0
        self._unit = 0
        self._function = 0

    @property
    def is_open(self) -> bool:
        return self.transport is not None and not self.is_closing

    @property
    def is_ready(self) -> bool:
        """Whether `connect_within` came to its end."""
        return self._made.is_set() and self.is_open

    async def connect_within(self, timeout_s: float) -> None:
        """Connect; raise `DeviceUnreachable` with the reason."""
        try:
            async with asyncio.timeout(timeout_s):
                self.transport, _ = await self.call_create()
                await self._made.wait()
        except TimeoutError as error:
            raise DeviceUnreachable(f"{self.name} does not answer a connection within {timeout_s:g} s") from error
        except OSError as error:
            plain = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or error
            raise DeviceUnreachable(f"{self.name}: {plain}") from error

    async def ask(self, unit: int, pdu: bytes, timeout_s: float, expected_bytes: int = 0) -> bytes:
        """Send a request and return the answer's PDU, exceptions included.

        On a serial line the time for `expected_bytes` and the request itself is added to `timeout_s`.
        Raises `DeviceSilent`, `DeviceGarbage` (then a TCP connection is closed: it may be out of step) or
        `DeviceUnreachable` (connection lost). An answer that comes later is ignored.
        """
        if self.is_serial:
            timeout_s += await self._wait_for_quiet(len(pdu) + expected_bytes)
            if not self.is_open:
                raise DeviceUnreachable(f"{self.name} was closed")
        self._function = pdu[0]
        self._tid = tid = self._tid % 0xFFFF + 1
        self._unit = unit
        future: asyncio.Future[bytes] = self.loop.create_future()
        self._pending = future
        cast("asyncio.WriteTransport", self.transport).write(self.framer.encode(pdu, unit, tid))
        timer = self.loop.call_later(timeout_s, self._expire, timeout_s)
        try:
            return await future
        except asyncio.CancelledError:
            self._quiet_at = timer.when()
            raise
        finally:
            timer.cancel()
            self._pending = None

    def close(self, reconnect: bool = False) -> None:  # noqa: FBT001, FBT002 - pymodbus's signature
        """Let go of the connection; a request under way gets `DeviceUnreachable`."""
        self._fail(DeviceUnreachable(f"{self.name} was closed"))
        if self.is_serial and self.transport is not None and not self._made.is_set():
            finish = super().close
            self.loop.call_soon(lambda: self.loop.call_soon(finish))  # pymodbus opens it in the next two steps
        else:
            super().close(reconnect)

    def give_up(self) -> None:
        """Stop waiting for the answer under way; its asker gets `DeviceSilent`."""
        self._fail(DeviceSilent(f"{self.name} unit {self._unit} was given up for something urgent"))

    def data_received(self, data: bytes) -> None:
        """Take bytes from the transport: none, one or several frames."""
        buffer = self.recv_buffer + data if self.recv_buffer else data
        while buffer:
            used, unit, tid, pdu = self.framer.decode(buffer)
            if not used:
                break
            buffer = buffer[used:]
            self._take(unit, tid, pdu)
        self.recv_buffer = buffer
        if self.is_serial:
            self._quiet_at = self.loop.time() + self._gap_s
        elif len(buffer) > _MOST_BUFFERED:
            self._garbage("sends bytes that are no Modbus")

    def callback_new_connection(self) -> ModbusProtocol:
        raise NotImplementedError("a client accepts no connection")

    def callback_data(self, data: bytes, addr: tuple[str, int] | None = None) -> int:
        raise NotImplementedError("data_received takes the bytes")

    def callback_connected(self) -> None:
        self._made.set()

    def callback_disconnected(self, exc: Exception | None) -> None:
        self._fail(DeviceUnreachable(f"{self.name} closed the connection{f': {exc}' if exc else ''}"))

    def _take(self, unit: int, tid: int, pdu: bytes) -> None:
        if self._pending is None or self._pending.done():
            return
        if not pdu:
            self._garbage(f"unit {self._unit} answers with a wrong checksum or nothing in it")
        elif unit == self._unit and (pdu[0] & 0x7F == self._function if self.is_serial else tid == self._tid):
            self._pending.set_result(pdu)

    def _expire(self, timeout_s: float) -> None:
        if self.recv_buffer:
            self._garbage(f"unit {self._unit} sends an answer that is torn or no Modbus")
        else:
            self._fail(DeviceSilent(f"{self.name} unit {self._unit} does not answer within {1000 * timeout_s:.0f} ms"))

    def _garbage(self, what: str) -> None:
        self._fail(DeviceGarbage(f"{self.name} {what}"))
        self.recv_buffer = b""
        if not self.is_serial:
            self.close()

    def _fail(self, error: Exception) -> None:
        if self._pending is not None and not self._pending.done():
            self._pending.set_exception(error)

    async def _wait_for_quiet(self, more_bytes: int) -> float:
        """Wait for the gap between two frames; return how long request and answer are on the line, seconds."""
        wait_s = self._quiet_at - self.loop.time()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        self.recv_buffer = b""
        return (more_bytes + 6) * self._character_s
