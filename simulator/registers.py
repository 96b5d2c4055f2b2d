"""A device's register image: its profile (YAML) laid out as Modbus tables, filled from the thing behind it."""

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, cast

import yaml

from simulator.things import Thing

ILLEGAL_FUNCTION: Final = 1
ILLEGAL_ADDRESS: Final = 2
ILLEGAL_VALUE: Final = 3
_FORMATS: Final = {
    "int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "int64": ">q", "uint64": ">Q",
    "float32": ">f", "float64": ">d",
}


class Refusal(Exception):
    """The device answers with this Modbus exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Register:
    """One point on the wire: value = raw * scale + offset."""

    name: str
    kind: str
    """holding, input, coil or discrete."""
    address: int
    type: str
    order: str = "ABCD"
    scale: float = 1.0
    offset: float = 0.0
    bit: int = 0
    writable: bool = False
    minimum: float = -math.inf
    maximum: float = math.inf

    @property
    def words(self) -> int:
        return struct.calcsize(_FORMATS[self.type]) // 2 if self.type in _FORMATS else 1

    def encode(self, value: float) -> bytes:
        """Return the bytes of a value as they stand on the wire."""
        raw = (value - self.offset) / self.scale
        pattern = _FORMATS[self.type]
        if self.type.startswith("float"):
            return reorder(struct.pack(pattern, raw), self.order)
        bits = self.words * 16
        low, high = (0, 2**bits - 1) if self.type.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        return reorder(struct.pack(pattern, min(high, max(low, round(raw)))), self.order)

    def decode(self, wire: bytes) -> float:
        """Return the value of bytes from the wire."""
        raw = struct.unpack(_FORMATS[self.type], reorder(wire, self.order))[0]
        return float(raw) * self.scale + self.offset


def reorder(wire: bytes, order: str) -> bytes:
    """Turn big-endian bytes into an order, and back: CDAB turns the words, BADC the bytes in each, DCBA both."""
    if order == "DCBA":
        return wire[::-1]
    words = [wire[at:at + 2] for at in range(0, len(wire), 2)]
    if order == "CDAB":
        words.reverse()
    elif order == "BADC":
        words = [word[::-1] for word in words]
    return b"".join(words)


@dataclass(frozen=True, slots=True)
class Profile:
    """What a model of device shows: its registers and how it names itself (function 43/14)."""

    name: str
    registers: tuple[Register, ...]
    identity: tuple[str, str, str]
    """Vendor, product, model."""


@cache
def load_profile(path: Path) -> Profile:
    """Read a profile; unknown keys (labels, units) are none of the wire's business."""
    content = cast("dict[str, object]", yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))
    known = Register.__dataclass_fields__
    points = cast("list[dict[str, object]]", content["points"])
    registers = tuple(
        Register(**{key: value for key, value in point.items() if key in known})  # type: ignore[arg-type]
        for point in points
    )
    identity = cast("dict[str, str]", content.get("identity", {}))
    return Profile(str(content["profile"]), registers,
                   (identity.get("vendor", ""), identity.get("product", ""), identity.get("model", "")))


class Image:
    """Four Modbus tables of one unit, refreshed from its thing."""

    def __init__(self, profile: Profile, thing: Thing) -> None:
        self.profile = profile
        self.thing = thing
        sizes = {"holding": 0, "input": 0, "coil": 0, "discrete": 0}
        for register in profile.registers:
            sizes[register.kind] = max(sizes[register.kind], register.address + register.words)
        self.words = {kind: bytearray(2 * sizes[kind]) for kind in ("holding", "input")}
        self.bits = {kind: bytearray(sizes[kind]) for kind in ("coil", "discrete")}
        self._fillers = [self._filler(register) for register in profile.registers]
        self._writable = {(register.kind, register.address): register
                          for register in profile.registers if register.writable}
        self.refresh()

    def refresh(self) -> None:
        """Fill the tables with what the thing shows now."""
        values = self.thing.values()
        for name, fill in self._fillers:
            fill(values[name])

    def read_words(self, kind: str, address: int, count: int) -> bytes:
        """Return registers; raise `Refusal` outside the table."""
        table = self.words[kind]
        if address + count > len(table) // 2:
            raise Refusal(ILLEGAL_ADDRESS)
        return bytes(table[2 * address:2 * (address + count)])

    def read_bits(self, kind: str, address: int, count: int) -> bytes:
        """Return bits packed as Modbus does, the first one lowest; raise `Refusal` outside the table."""
        table = self.bits[kind]
        if address + count > len(table):
            raise Refusal(ILLEGAL_ADDRESS)
        packed = sum(bit << at for at, bit in enumerate(table[address:address + count]))
        return packed.to_bytes((count + 7) // 8, "little")

    def write_words(self, address: int, wire: bytes) -> None:
        """Write whole values only; raise `Refusal` for what cannot be written or is out of its limits."""
        orders: list[tuple[str, float]] = []
        while wire:
            register = self._writable.get(("holding", address))
            if register is None or len(wire) < 2 * register.words:
                raise Refusal(ILLEGAL_ADDRESS)
            value = register.decode(wire[:2 * register.words])
            if not register.minimum <= value <= register.maximum:
                raise Refusal(ILLEGAL_VALUE)
            orders.append((register.name, value))
            address, wire = address + register.words, wire[2 * register.words:]
        self._obey(orders)

    def write_bits(self, address: int, bits: list[bool]) -> None:
        """Write coils; raise `Refusal` for what cannot be written."""
        orders = []
        for at, bit in enumerate(bits, address):
            register = self._writable.get(("coil", at))
            if register is None:
                raise Refusal(ILLEGAL_ADDRESS)
            orders.append((register.name, float(bit)))
        self._obey(orders)

    def _obey(self, orders: list[tuple[str, float]]) -> None:
        for name, value in orders:
            self.thing.write(name, value)
        self.refresh()

    def _filler(self, register: Register) -> tuple[str, Callable[[float], None]]:
        """Return the point's name and what puts its value into the tables."""
        if register.kind in self.bits:
            bits, at = self.bits[register.kind], register.address

            def fill(value: float) -> None:
                bits[at] = value != 0.0
        elif register.type in ("bit", "bool"):
            table, byte = self.words[register.kind], 2 * register.address + 1 - register.bit // 8
            mask = 1 << register.bit % 8

            def fill(value: float) -> None:
                table[byte] = table[byte] | mask if value else table[byte] & ~mask
        else:
            table, begin = self.words[register.kind], 2 * register.address
            end = begin + 2 * register.words

            def fill(value: float) -> None:
                table[begin:end] = register.encode(value)
        return register.name, fill
