"""From the bytes of a device's answers to its values, all points of a device at once. Pure.

The values of all blocks stand one behind the other in one buffer. For each number type one permutation of byte numbers
brings the points' bytes into the machine's order, whatever the word order of each, and numpy reads them in place.
"""

import math
import struct
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.quality import Quality
from drivers.modbus.plan import Block, span_of
from drivers.modbus.settings import Order, PointSettings

_FORMATS: Final = {"uint16": ">H", "int16": ">h", "uint32": ">I", "int32": ">i", "uint64": ">Q", "int64": ">q",
                   "float32": ">f", "float64": ">d", "bool": ">H"}
_FLOATS: Final = ("float32", "float64")
_NATIVE_STEP: Final = -1 if sys.byteorder == "little" else 1
Step = Callable[[NDArray[np.uint8], NDArray[np.float64]], None]
Index = slice | NDArray[np.intp]


def wire_positions(width: int, order: Order) -> list[int]:
    """Return where the bytes A, B, C ... (highest first) of a value of `width` registers stand on the wire."""
    swap_bytes, swap_words = order in ("BADC", "DCBA"), order in ("CDAB", "DCBA")
    words = range(width - 1, -1, -1) if swap_words else range(width)
    return [2 * word + (byte ^ swap_bytes) for word in words for byte in (0, 1)]


def encode(point: PointSettings, value: float) -> bytes:
    """Return a register point's bytes on the wire; raise ValueError when its type can't hold the value."""
    raw: float = (value - point.offset) / point.scale
    if point.type not in _FLOATS:
        raw = round(raw)
    try:
        plain = struct.pack(_FORMATS[point.type], raw)
    except (struct.error, OverflowError) as error:
        raise ValueError(f"{value:g} does not fit into {point.type}") from error
    wire = bytearray(len(plain))
    for position, byte in zip(wire_positions(point.width, point.order), plain, strict=True):
        wire[position] = byte
    return bytes(wire)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a block's values stand in the buffer (byte numbers)."""

    block: Block
    start: int
    end: int


class Decoder:
    """Turns a buffer with the values of all blocks into the values of all points.

    Points whose span is in no block (the device refuses it) get NaN and quality REFUSED.
    """

    def __init__(self, points: Sequence[PointSettings], blocks: Sequence[Block]) -> None:
        self.places: list[Place] = []
        start = 0
        for block in blocks:
            self.places.append(Place(block, start, start + block.payload_bytes))
            start += block.payload_bytes
        self.size = start
        """Bytes in the buffer."""
        self._count = len(points)
        located = {span: place for place in self.places for span in place.block.spans}
        self._quality = np.full(len(points), Quality.REFUSED, np.uint8)
        groups: dict[str, list[tuple[int, PointSettings, int]]] = defaultdict(list)
        for index, point in enumerate(points):
            place = located.get(span_of(point))
            if place:
                self._quality[index] = Quality.GOOD
                groups[_group(point, place)].append((index, point, _bit_or_byte(point, place)))
        self._quality.flags.writeable = False
        self._whole = Quality.REFUSED not in self._quality
        self._has_floats = any(kind in groups for kind in _FLOATS)
        self._steps = [_step(kind, members) for kind, members in groups.items()]

    def __call__(self, raw: bytes | bytearray) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        """Return values f64[n] (a fresh array) and quality u8[n] (read-only, the same array while nothing changes).

        A float that is no number gets quality RANGE: meters say "not available" so.
        """
        data = np.frombuffer(raw, np.uint8)
        values = np.empty(self._count) if self._whole else np.full(self._count, np.nan)
        if not self._has_floats:
            for step in self._steps:
                step(data, values)
            return values, self._quality
        with np.errstate(over="ignore", invalid="ignore"):
            for step in self._steps:
                step(data, values)
        sound = np.isfinite(values)
        if sound.all():
            return values, self._quality
        return values, np.where(sound | (self._quality != Quality.GOOD), self._quality, np.uint8(Quality.RANGE))


def _group(point: PointSettings, place: Place) -> str:
    """Return what the point is decoded with: a number's type, "bit", or "word" (true unless 0)."""
    if place.block.is_bits or point.type == "bit":
        return "bit"
    return "word" if point.type == "bool" else point.type


def _bit_or_byte(point: PointSettings, place: Place) -> int:
    """Return the number of the point's first byte in the buffer or, for a single bit, of its bit (lowest first)."""
    away = point.address - place.block.address
    if place.block.is_bits:
        return 8 * place.start + away
    first = place.start + 2 * away
    if point.bit is None:
        return first
    is_high, low_comes_first = point.bit >= 8, point.order in ("BADC", "DCBA")
    return 8 * (first + (is_high == low_comes_first)) + point.bit % 8


def _step(kind: str, members: list[tuple[int, PointSettings, int]]) -> Step:
    target = _index([index for index, _, _ in members])
    starts = [start for _, _, start in members]
    if kind == "bit":
        return _bits_step(target, np.array(starts))
    if kind == "word":
        return _words_step(target, np.array(starts))
    return _numbers_step(kind, target, [point for _, point, _ in members], starts)


def _bits_step(target: Index, bits: NDArray[np.intp]) -> Step:
    byte, shift = bits // 8, (bits % 8).astype(np.uint8)

    def step(data: NDArray[np.uint8], values: NDArray[np.float64]) -> None:
        values[target] = (data[byte] >> shift) & 1
    return step


def _words_step(target: Index, starts: NDArray[np.intp]) -> Step:
    def step(data: NDArray[np.uint8], values: NDArray[np.float64]) -> None:
        values[target] = (data[starts] | data[starts + 1]) != 0
    return step


def _numbers_step(kind: str, target: Index, points: list[PointSettings], starts: list[int]) -> Step:
    positions = [start + position for point, start in zip(points, starts, strict=True)
                 for position in wire_positions(point.width, point.order)[::_NATIVE_STEP]]
    dtype = np.dtype(kind)
    picks = _index(positions)
    factor, divisor = (np.array(column) for column in zip(*(_ratio(point.scale) for point in points), strict=True))
    offset = np.array([point.offset for point in points])
    is_multiplied, is_divided, is_moved = bool(np.any(factor != 1)), bool(np.any(divisor != 1)), bool(np.any(offset))

    def step(data: NDArray[np.uint8], values: NDArray[np.float64]) -> None:
        numbers = data[picks].view(dtype)
        scaled = numbers * factor if is_multiplied else numbers
        scaled = scaled / divisor if is_divided else scaled
        values[target] = scaled + offset if is_moved else scaled
    return step


def _ratio(scale: float) -> tuple[float, float]:
    """Return factor and divisor of a scale: 3 * 0.1 is 0.30000000000000004, but 3 / 10 is 0.3."""
    divisor = round(1 / scale) if abs(scale) < 1 else 1
    return (1.0, float(divisor)) if divisor != 1 and math.isclose(divisor * scale, 1, rel_tol=1e-12) else (scale, 1.0)


def _index(numbers: list[int]) -> Index:
    """Return a slice where the numbers follow each other (a view costs less than a gather), else an index array."""
    if numbers == list(range(numbers[0], numbers[0] + len(numbers))):
        return slice(numbers[0], numbers[0] + len(numbers))
    return np.array(numbers, np.intp)
