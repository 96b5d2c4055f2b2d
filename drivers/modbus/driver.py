"""One Modbus device: read all its points, write one."""

import asyncio
import math
import struct
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from drivers.base import DeviceGarbage, DeviceRefused, PointSpec, Samples
from drivers.modbus.decode import Decoder, encode
from drivers.modbus.line import Line
from drivers.modbus.plan import Block, Span, block_of, halves, plan, span_of
from drivers.modbus.rest import Unit
from drivers.modbus.settings import ModbusSettings, PointSettings

EXCEPTIONS: Final = {1: "it does not know this function", 2: "it has no such address", 3: "it does not take this value",
                     4: "it failed", 7: "it can't do that", 8: "its memory is damaged"}
"""Exception codes in words (Modbus application protocol 1.1b3, 7)."""
_FORGET_S: Final = 600.0
"""After this long registers that refused are tried again: somebody may have changed the device's configuration."""
_FORGET_FAILED_S: Final = 60.0
"""The same when the device said it failed, or refused everything: it may have recovered."""
_FAILED: Final = 4
_SHOWN: Final = 4


class _Ask(NamedTuple):
    """A block as the hot path needs it: what to send, what must come back, and where it goes."""

    block: Block
    request: bytes
    head: bytes
    length: int
    start: int
    end: int


class ModbusDriver:
    """A device behind a line. `read` is not to be called twice at a time; `write` may be called at any time."""

    def __init__(self, settings: ModbusSettings, line: Line) -> None:
        self._settings, self.largest_read, self._gap = settings.model()
        self._line = line
        self._unit = Unit(settings.unit, settings.timeout)
        self._by_name = {point.name: point for point in self._settings}
        self._specs = tuple(point.spec() for point in self._settings)
        self._refused: dict[Span, int] = {}
        self._forget_at = math.inf
        self._start_over()

    @property
    def points(self) -> Sequence[PointSpec]:
        return self._specs

    async def open(self) -> None:
        """Connect the line; raise `DeviceUnreachable`. The device itself is first asked by `read`."""
        self._line.join(self._unit)
        await self._line.connect()

    async def close(self) -> None:
        """Leave the line; the last device on it closes the connection."""
        self._line.leave(self._unit)

    async def read(self) -> Samples:
        """Read every point once. `values` is a fresh array; `quality` is read-only and shared between reads.

        Raises `DeviceUnreachable`, `DeviceSilent`, `DeviceGarbage`, or `DeviceRefused` when every point is refused. A
        device that went silent on a shared line rests: it is asked again only seldom, and until then `read` waits (up
        to `HOLD_S` = 5 s, without using the line) before it asks or raises. So it may be called again at once.
        """
        line, unit = self._line, self._unit
        if unit.probe_at or line.retry_at:
            await line.hold(unit)
        if self._refused and asyncio.get_running_loop().time() >= self._forget_at:
            self._start_over()
        raw = bytearray(self._decoder.size)
        for ask in self._asks:
            reply = await line.exchange(unit, ask.request, ask.length)
            if len(reply) != ask.length or not reply.startswith(ask.head):
                await self._refine(ask.block, self._exception(ask.block, reply))
                return await self.read()
            raw[ask.start:ask.end] = memoryview(reply)[2:]
        if not self._asks:
            raise DeviceRefused(f"{line.name} unit {unit.number}: {self._problem}")
        values, quality = self._decoder(raw)
        return Samples(values, quality, self._problem)

    async def write(self, point: str, value: float) -> float:
        """Set a point, before any read that waits for the line, and return what the device reads back.

        Raises `DeviceRefused` (not writable, outside its limits or the type's, or the device says no) and what `read`
        raises. A resting device is asked at once.
        """
        settings = self._writable(point, value)
        await self._send(settings, value)
        return await self._read_back(settings)

    def _writable(self, name: str, value: float) -> PointSettings:
        point = self._by_name.get(name)
        if point is None:
            raise DeviceRefused(f"there is no point {name}")
        if not point.writable:
            raise DeviceRefused(f"{name} can only be read")
        low = -math.inf if point.minimum is None else point.minimum
        high = math.inf if point.maximum is None else point.maximum
        if point.type in ("bool", "bit"):
            low, high = max(low, 0.0), min(high, 1.0)
        if not (math.isfinite(value) and low <= value <= high):
            raise DeviceRefused(f"{name}: {value:g} is outside the allowed range {low:g} to {high:g}"
                                f"{point.unit and ' ' + point.unit}")
        return point

    async def _send(self, point: PointSettings, value: float) -> None:
        address = struct.pack(">H", point.address)
        if point.kind == "coil":
            pdu = b"\x05" + address + (b"\xff\x00" if value else b"\x00\x00")
        else:
            data = await self._word_with_bit(point, value) if point.type == "bit" else self._encoded(point, value)
            pdu = (b"\x06" + address + data if point.width == 1 else
                   b"\x10" + address + struct.pack(">HB", point.width, len(data)) + data)
        reply = await self._line.exchange(self._unit, pdu, len(pdu), urgent=True)
        if reply[0] & 0x80:
            raise DeviceRefused(f"{point.kind} {point.address} ({point.name}) refuses {value:g}: {_words(reply[1])}")
        if reply[:3] != pdu[:3]:
            raise DeviceGarbage(f"{self._line.name} unit {self._unit.number} answers a write with something else")

    @staticmethod
    def _encoded(point: PointSettings, value: float) -> bytes:
        try:
            return encode(point, value)
        except ValueError as error:
            raise DeviceRefused(f"{point.name}: {error}") from error

    async def _word_with_bit(self, point: PointSettings, value: float) -> bytes:
        word = await self._urgent_read(block_of([span_of(point)]))
        order: Literal["little", "big"] = "little" if point.order in ("BADC", "DCBA") else "big"
        mask = 1 << (point.bit or 0)
        number = int.from_bytes(word, order)
        return (number | mask if value else number & ~mask).to_bytes(2, order)

    async def _read_back(self, point: PointSettings) -> float:
        block = block_of([span_of(point)])
        values, _ = Decoder([point], [block])(await self._urgent_read(block))
        return float(values[0])

    async def _urgent_read(self, block: Block) -> bytes:
        """Return a block's values before other reads; raise `DeviceRefused` when it refuses."""
        reply = await self._line.exchange(self._unit, block.request, block.payload_bytes + 2, urgent=True)
        if not _fits(block, reply):
            raise DeviceRefused(f"{block.words} refuses: {_words(self._exception(block, reply))}")
        return reply[2:]

    def _exception(self, block: Block, reply: bytes) -> int:
        """Return the exception code of an answer; raise `DeviceGarbage` when it is neither that nor the block's."""
        if reply[0] == block.request[0] | 0x80 and len(reply) == 2:
            return reply[1]
        raise DeviceGarbage(f"{self._line.name} unit {self._unit.number}: asked for {block.words}, the answer has "
                            f"{len(reply) - 2} bytes of values instead of {block.payload_bytes}")

    async def _refine(self, block: Block, code: int) -> None:
        """Find out, by halves, what of a refused block the device does give, and remember it."""
        refused, good = [(block, code)], list[Block]()
        while refused:
            bad, code = refused.pop()
            parts = halves(bad) if code != 1 else None
            if parts is None:
                self._refused.update((span, code) for span in bad.spans)
                continue
            for part in parts:
                answer = await self._answer(part)
                if answer:
                    refused.append((part, answer))
                else:
                    good.append(part)
        joined = await self._join(sorted(good, key=lambda part: part.address))
        blocks = [*(ask.block for ask in self._asks if ask.block is not block), *joined]
        hopeful = not blocks or _FAILED in self._refused.values()
        self._forget_at = asyncio.get_running_loop().time() + (_FORGET_FAILED_S if hopeful else _FORGET_S)
        self._use(blocks)

    async def _join(self, parts: list[Block]) -> list[Block]:
        """Merge what was split too far: neighbours the device gives together."""
        joined = parts[:1]
        for part in parts[1:]:
            both = block_of((*joined[-1].spans, *part.spans))
            between = any(span.kind == both.kind and span.address < both.address + both.count
                          and span.end > both.address for span in self._refused)
            if not between and not await self._answer(both):
                joined[-1] = both
            else:
                joined.append(part)
        return joined

    async def _answer(self, block: Block) -> int:
        """Ask for a block; return 0 when the device gives it, else the exception code."""
        reply = await self._line.exchange(self._unit, block.request, block.payload_bytes + 2)
        return 0 if _fits(block, reply) else self._exception(block, reply)

    def _start_over(self) -> None:
        self._refused.clear()
        self._forget_at = math.inf
        self._use(plan(map(span_of, self._settings), largest_registers=self.largest_read, gap=self._gap))

    def _use(self, blocks: Sequence[Block]) -> None:
        self._decoder = Decoder(self._settings, blocks)
        self._asks = tuple(
            _Ask(place.block, place.block.request, bytes((place.block.request[0], place.block.payload_bytes)),
                 place.block.payload_bytes + 2, place.start, place.end) for place in self._decoder.places)
        shown = [f"{block_of([span]).words} refuses: {_words(code)}" for span, code in sorted(self._refused.items())]
        more = [f"and {len(shown) - _SHOWN} more"] if len(shown) > _SHOWN else []
        self._problem = "; ".join(shown[:_SHOWN] + more)


def _fits(block: Block, reply: bytes) -> bool:
    return len(reply) == block.payload_bytes + 2 and reply[:2] == bytes((block.request[0], block.payload_bytes))


def _words(code: int) -> str:
    return f"exception {code} ({EXCEPTIONS.get(code, 'its maker knows why')})"
