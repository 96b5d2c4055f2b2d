"""What can be written under `modbus:` in a gateway's configuration and in a profile file."""

import re
from functools import cache
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from contract.configuration import Settings, parse
from contract.messages import Text
from drivers.base import PointSpec

PROFILES: Final = Path(__file__).with_name("profiles")
WIDTHS: Final[dict[str, int]] = {
    "uint16": 1, "int16": 1, "uint32": 2, "int32": 2, "uint64": 4, "int64": 4, "float32": 2, "float64": 4, "bool": 1,
    "bit": 1,
}
"""Registers a value of each type takes (a coil or discrete input always takes one bit)."""
Kind = Literal["holding", "input", "coil", "discrete"]
Type = Literal["uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64", "bool", "bit"]
Order = Literal["ABCD", "CDAB", "BADC", "DCBA"]
Address = Annotated[int, Field(ge=0, le=0xFFFF)]
LargestRead = Annotated[int, Field(ge=4, le=125)]
Gap = Annotated[int, Field(ge=0, le=120)]
_BIT_KINDS: Final = ("coil", "discrete")
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s)\Z")
_TCP: Final = re.compile(r"\[?(?P<host>[^\s\[\]]+?)\]?:(?P<port>\d{1,5})\Z")
_UNITS: Final = re.compile(r"(\d{1,3})(?:-(\d{1,3}))?\Z")


def _seconds(value: object) -> object:
    if isinstance(value, str):
        found = _DURATION.match(value.strip())
        if not found:
            raise ValueError('write a time as "500ms" or "2s"')
        return float(found[1]) / (1000 if found[2] == "ms" else 1)
    return value


def _check_tcp(value: str) -> str:
    host_and_port(value)
    return value


Timeout = Annotated[float, BeforeValidator(_seconds), Field(ge=0.01, le=60)]
"""Seconds; written as a number, "500ms" or "2s"."""
Tcp = Annotated[str, BeforeValidator(lambda value: _check_tcp(str(value)))]


def host_and_port(tcp: str) -> tuple[str, int]:
    """Split "host:port"; raise ValueError when it is none."""
    found = _TCP.match(tcp)
    if not found or not 0 < int(found["port"]) <= 0xFFFF:
        raise ValueError('write the address as "host:port", such as "10.1.2.3:502"')
    return found["host"], int(found["port"])


class PointSettings(Settings):
    """One value of a device: value = raw * scale + offset."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_]{0,62}$")
    kind: Kind
    address: Address
    type: Type
    bit: int | None = Field(default=None, ge=0, le=15)
    order: Order = "ABCD"
    scale: float = Field(default=1.0, allow_inf_nan=False)
    offset: float = Field(default=0.0, allow_inf_nan=False)
    unit: str = ""
    label: Text | None = None
    writable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    states: dict[str, Text] = Field(default_factory=dict)
    deadband: float = Field(default=0.0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _fill_type(cls, value: object) -> object:
        if isinstance(value, dict) and "type" not in value:
            return {**value, "type": "bool" if value.get("kind") in _BIT_KINDS else "uint16"}
        return value

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.writable and self.kind in ("input", "discrete"):
            raise ValueError(f"{self.name}: kind {self.kind} can only be read; writable are holding and coil")
        if self.kind in _BIT_KINDS and self.type != "bool":
            raise ValueError(f"{self.name}: a {self.kind} is of type bool, not {self.type}")
        if (self.type == "bit") != (self.bit is not None):
            raise ValueError(f"{self.name}: type bit and bit: 0..15 belong together")
        if self.type in ("bool", "bit") and (self.scale, self.offset) != (1.0, 0.0):
            raise ValueError(f"{self.name}: type {self.type} has no scale or offset")
        if self.scale == 0:
            raise ValueError(f"{self.name}: scale 0 would make every value the same")
        if self.address + self.width > 0x10000:
            raise ValueError(f"{self.name}: {self.type} at {self.address} ends behind the last address 65535")
        if self.minimum is not None and self.maximum is not None and self.minimum >= self.maximum:
            raise ValueError(f"{self.name}: minimum {self.minimum:g} is not below maximum {self.maximum:g}")
        return self

    @property
    def width(self) -> int:
        """How many registers (or bits, of a coil or discrete input) it takes."""
        return WIDTHS[self.type]

    def spec(self) -> PointSpec:
        return PointSpec(name=self.name, unit=self.unit, label=self.label, writable=self.writable,
                         minimum=self.minimum, maximum=self.maximum, states=self.states, deadband=self.deadband)


def unique(points: tuple[PointSettings, ...]) -> tuple[PointSettings, ...]:
    """Return the points; raise ValueError when two have one name."""
    seen: set[str] = set()
    for point in points:
        if point.name in seen:
            raise ValueError(f"two points are called {point.name}")
        seen.add(point.name)
    return points


class Identity(Settings):
    """What a device of a profile answers to a device identification request (function 43/14)."""

    vendor: str = ""
    product: str = ""
    model: str = ""


class Profile(Settings):
    """The points of a device model: a file in `profiles/`."""

    profile: str
    title: Text
    identity: Identity
    source: str
    points: tuple[PointSettings, ...] = Field(min_length=1)
    largest_read: LargestRead = 125
    gap: Gap = 10

    @field_validator("points")
    @classmethod
    def _unique(cls, points: tuple[PointSettings, ...]) -> tuple[PointSettings, ...]:
        return unique(points)


def known_profiles() -> list[str]:
    """Return the names of the profile files, sorted."""
    return sorted(path.stem for path in PROFILES.glob("*.yaml"))


@cache
def load_profile(name: str) -> Profile:
    """Read a profile; raise `ConfigurationMistakes` when the file is wrong."""
    path = PROFILES / f"{name}.yaml"
    return parse(path.read_text(encoding="utf-8"), path.name, Profile)


class ModbusSettings(Settings):
    """One device: where it is, and which points it has."""

    tcp: Tcp | None = None
    serial: str | None = None
    baudrate: int = Field(default=9600, ge=300, le=4_000_000)
    parity: Literal["N", "E", "O"] = "N"
    stopbits: Literal[1, 2] = 1
    unit: int = Field(default=1, ge=1, le=247)
    timeout: Timeout = 0.5
    profile: str | None = None
    points: tuple[PointSettings, ...] | None = Field(default=None, min_length=1)
    largest_read: LargestRead | None = None
    """Most registers the device gives at a time; the profile's, or 125."""
    gap: Gap | None = None
    """Most unwanted registers read along to save a request; the profile's, or 10."""

    @field_validator("profile")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        if name is not None and name not in known_profiles():
            raise ValueError(f"unknown profile; known are {', '.join(known_profiles())}")
        return name

    @field_validator("points")
    @classmethod
    def _unique(cls, points: tuple[PointSettings, ...] | None) -> tuple[PointSettings, ...] | None:
        return points and unique(points)

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if (self.tcp is None) == (self.serial is None):
            raise ValueError("give exactly one of tcp and serial")
        if (self.profile is None) == (self.points is None):
            raise ValueError("give exactly one of profile and points")
        return self

    def model(self) -> tuple[tuple[PointSettings, ...], int, int]:
        """Return the points, the largest read and the gap (registers), from the profile or from here."""
        profile = load_profile(self.profile) if self.profile else None
        points = profile.points if profile else self.points or ()
        largest = self.largest_read or (profile.largest_read if profile else 125)
        gap = self.gap if self.gap is not None else profile.gap if profile else 10
        return points, largest, gap


class ModbusDiscovery(Settings):
    """Where to look for devices nobody has configured."""

    tcp: tuple[Tcp, ...] = ()
    serial: tuple[str, ...] = ()
    baudrate: int = Field(default=9600, ge=300, le=4_000_000)
    parity: Literal["N", "E", "O"] = "N"
    stopbits: Literal[1, 2] = 1
    units: str = "1-40"
    """Unit numbers 1..247: "1-40", "3", "1-8,17,20-25"."""
    timeout: Timeout = 0.2

    @field_validator("units")
    @classmethod
    def _units(cls, text: str) -> str:
        unit_numbers(text)
        return text


def unit_numbers(text: str) -> list[int]:
    """Return the unit numbers of "1-8,17", sorted; raise ValueError when that is not what it says."""
    numbers: set[int] = set()
    for part in text.split(","):
        found = _UNITS.match(part.strip())
        if not found:
            raise ValueError('write units as "1-40" or "1-8,17"')
        span = range(int(found[1]), int(found[2] or found[1]) + 1)
        if not span or span[0] < 1 or span[-1] > 247:
            raise ValueError("units go from 1 to 247, the lower one first")
        numbers.update(span)
    return sorted(numbers)
