"""Modbus servers, TCP and RTU over ptys, several units behind each: written from the specification, in one file.

Modbus Application Protocol V1.1b3 (functions 1-6, 15, 16, 43/14) and Modbus over Serial Line V1.02.
"""

import asyncio
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from simulator.ptys import Pty
from simulator.registers import ILLEGAL_FUNCTION, ILLEGAL_VALUE, Image, Refusal

_NO_ANSWER_BEHIND: Final = 0x0B
"""Gateway target device failed to respond."""
_MBAP: Final = struct.Struct(">HHHB")
_TWO: Final = struct.Struct(">HH")
_MAX_WORDS: Final = 125
_MAX_BITS: Final = 2000
_CHARACTER_BITS: Final = 11
_RTU_MAX: Final = 256


@dataclass(slots=True)
class Station:
    """One unit on a line."""

    image: Image
    serial_number: str
    live: bool = False
    """Refresh before every answer (doors, fire), not only when the campus has moved."""
    silent: bool = False
    garbage: bool = False
    requests: int = 0
    stale: bool = True
    """The campus has moved since the last refresh."""

    def answer(self, request: bytes) -> bytes:
        """Return the reply (function code and data) to a request's."""
        self.requests += 1
        if self.live or self.stale:
            self.image.refresh()
            self.stale = False
        try:
            return _functions.get(request[0], _unknown)(self, request)
        except Refusal as refusal:
            return bytes((request[0] | 0x80, refusal.code))
        except (struct.error, IndexError):
            return bytes((request[0] | 0x80, ILLEGAL_VALUE))


def _read_bits(station: Station, request: bytes) -> bytes:
    address, count = _TWO.unpack_from(request, 1)
    if not 1 <= count <= _MAX_BITS:
        raise Refusal(ILLEGAL_VALUE)
    content = station.image.read_bits("coil" if request[0] == 1 else "discrete", address, count)
    return bytes((request[0], len(content))) + content


def _read_words(station: Station, request: bytes) -> bytes:
    address, count = _TWO.unpack_from(request, 1)
    if not 1 <= count <= _MAX_WORDS:
        raise Refusal(ILLEGAL_VALUE)
    content = station.image.read_words("holding" if request[0] == 3 else "input", address, count)
    return bytes((request[0], len(content))) + content


def _write_bit(station: Station, request: bytes) -> bytes:
    address, value = _TWO.unpack_from(request, 1)
    if value not in (0x0000, 0xFF00):
        raise Refusal(ILLEGAL_VALUE)
    station.image.write_bits(address, [value == 0xFF00])
    return request[:5]


def _write_word(station: Station, request: bytes) -> bytes:
    address, _ = _TWO.unpack_from(request, 1)
    station.image.write_words(address, request[3:5])
    return request[:5]


def _write_bits(station: Station, request: bytes) -> bytes:
    address, count = _TWO.unpack_from(request, 1)
    packed = int.from_bytes(request[6:6 + request[5]], "little")
    if not 1 <= count <= _MAX_BITS or request[5] != (count + 7) // 8 or len(request) < 6 + request[5]:
        raise Refusal(ILLEGAL_VALUE)
    station.image.write_bits(address, [bool(packed >> at & 1) for at in range(count)])
    return request[:5]


def _write_words(station: Station, request: bytes) -> bytes:
    address, count = _TWO.unpack_from(request, 1)
    wire = request[6:6 + request[5]]
    if not 1 <= count <= _MAX_WORDS or len(wire) != 2 * count:
        raise Refusal(ILLEGAL_VALUE)
    station.image.write_words(address, wire)
    return request[:5]


def _identify(station: Station, request: bytes) -> bytes:
    """Function 43/14: basic (1), regular (2), extended (3) streams and single objects (4)."""
    if request[1] != 14:
        raise Refusal(ILLEGAL_FUNCTION)
    kind, first = request[2], request[3]
    vendor, product, model = station.image.profile.identity
    objects = {0: vendor, 1: product, 2: "1.4", 4: product, 5: model, 0x80: station.serial_number}
    last = {1: 2, 2: 0x7F, 3: 0xFF, 4: first}.get(kind)
    if last is None or (kind == 4 and first not in objects):
        raise Refusal(ILLEGAL_VALUE if last is None else 2)
    start = first if first in objects else 0
    shown = {number: text.encode("ascii") for number, text in objects.items() if start <= number <= last}
    head = bytes((43, 14, kind, 0x83, 0, 0, len(shown)))
    return head + b"".join(bytes((number, len(text))) + text for number, text in shown.items())


def _unknown(station: Station, request: bytes) -> bytes:  # noqa: ARG001
    raise Refusal(ILLEGAL_FUNCTION)


_functions: Final[dict[int, Callable[[Station, bytes], bytes]]] = {
    1: _read_bits, 2: _read_bits, 3: _read_words, 4: _read_words, 5: _write_bit, 6: _write_word,
    15: _write_bits, 16: _write_words, 43: _identify,
}


class TcpLine(asyncio.Protocol):
    """One connection to a TCP server with several units behind it."""

    def __init__(self, stations: dict[int, Station], open_connections: set[asyncio.BaseTransport]) -> None:
        self._stations = stations
        self._open = open_connections
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._open.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._transport:
            self._open.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 8:
            transaction, protocol, length, unit = _MBAP.unpack_from(self._buffer)
            if protocol != 0 or not 2 <= length <= 254:
                self._close()
                return
            if len(self._buffer) < 6 + length:
                return
            request = bytes(self._buffer[7:6 + length])
            del self._buffer[:6 + length]
            self._answer(transaction, unit, request)

    def _answer(self, transaction: int, unit: int, request: bytes) -> None:
        assert self._transport
        station = self._stations.get(unit)
        if station is None:
            reply = bytes((request[0] | 0x80, _NO_ANSWER_BEHIND))
        elif station.silent:
            return
        else:
            reply = station.answer(request)
            if station.garbage:
                reply = _spoil(station, reply)
        self._transport.write(_MBAP.pack(transaction, 0, len(reply) + 1, unit) + reply)

    def _close(self) -> None:
        if self._transport:
            self._transport.close()


def _spoil(station: Station, reply: bytes) -> bytes:
    """Rubbish of changing kinds: cut short, another function code, or noise for data."""
    match station.requests % 3:
        case 0:
            return reply[:max(2, len(reply) // 2)]
        case 1:
            return bytes((reply[0] ^ 0x21,)) + reply[1:]
        case _:
            return reply[:1] + bytes((max(0, len(reply) - 4),)) + bytes(byte ^ 0xA5 for byte in reply[2:-2])


class TcpServer:
    """A Modbus TCP server on a free loopback port."""

    def __init__(self, stations: dict[int, Station]) -> None:
        self.stations = stations
        self.address = ""
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.BaseTransport] = set()

    async def start(self, port: int = 0) -> None:
        """Listen on this port, or on any free one when it is taken."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._accept, "127.0.0.1", port)
        except OSError:
            if not port:
                raise
            self._server = await loop.create_server(self._accept, "127.0.0.1", 0)
        host, bound = self._server.sockets[0].getsockname()[:2]
        self.address = f"{host}:{bound}"

    def _accept(self) -> TcpLine:
        return TcpLine(self.stations, self._open)

    async def stop(self) -> None:
        if self._server:
            self._server.close()
            for transport in list(self._open):
                transport.close()
            await self._server.wait_closed()


class RtuServer:
    """Units on one serial line, a pty; answers take as long as the line's speed makes them."""

    def __init__(self, stations: dict[int, Station], path: Path, baud: int = 115_200) -> None:
        """path: where the line's device appears."""
        self.stations = stations
        self.address = str(path)
        self._pty = Pty(path)
        self._byte_s = _CHARACTER_BITS / baud
        self._buffer = bytearray()
        self._heard_s = 0.0

    async def start(self) -> None:
        near = self._pty.plug()
        asyncio.get_running_loop().add_reader(near, self._readable, near)

    async def stop(self) -> None:
        if self._pty.near is not None:
            asyncio.get_running_loop().remove_reader(self._pty.near)
            self._pty.pull()

    def _readable(self, near: int) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s - self._heard_s > 0.1:
            self._buffer.clear()  # a silence ends a frame, torn or not
        self._heard_s = now_s
        self._buffer += os.read(near, 4096)
        while (size := _request_size(self._buffer)) and len(self._buffer) >= size:
            frame = bytes(self._buffer[:size])
            if crc16(frame[:-2]) != frame[-2:]:
                del self._buffer[0]
                continue
            del self._buffer[:size]
            self._answer(frame)

    def _answer(self, frame: bytes) -> None:
        unit, request = frame[0], frame[1:-2]
        if unit == 0:  # broadcast: everyone obeys, nobody answers
            for listener in self.stations.values():
                listener.answer(request)
            return
        station = self.stations.get(unit)
        if station is None or station.silent:
            return
        body = frame[:1] + station.answer(request)
        reply = body + crc16(body)
        if station.garbage:
            reply = reply[:-2] + b"\x00\x00" if station.requests % 2 else reply[:len(reply) // 2]
        delay_s = 0.002 + (len(frame) + len(reply)) * self._byte_s
        asyncio.get_running_loop().call_later(delay_s, self._pty.write, reply)


def _request_size(buffer: bytearray) -> int:
    """Return how long the request that begins here is with its checksum; 0 while that cannot be told."""
    if len(buffer) < 2:
        return 0
    match buffer[1]:
        case 15 | 16:
            return min(_RTU_MAX, 9 + buffer[6]) if len(buffer) > 6 else 0
        case 43:
            return 7
        case _:
            return 8


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


_CRC: Final = _crc_table()


def crc16(frame: bytes) -> bytes:
    """Return the Modbus checksum as it stands on the wire, low byte first."""
    crc = 0xFFFF
    for byte in frame:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    return crc.to_bytes(2, "little")
