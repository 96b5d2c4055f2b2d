"""What a driver is: at most four methods. The poller owns time; a driver only reads, writes and streams.

Errors are named by what the caller does next. All but `ConfigurationMistake` carry the quality its readings get.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from contract.configuration import Settings
from contract.messages import Text
from contract.quality import Quality


class DeviceError(Exception):
    """A device did not do what it was asked; the text says why, in words an installer understands."""

    quality: ClassVar[Quality] = Quality.MUTE


class DeviceUnreachable(DeviceError):
    """Nothing is at the address: close, and open again later."""

    quality = Quality.GONE


class DeviceSilent(DeviceError):
    """Reachable, no answer in time: try again, more slowly."""

    quality = Quality.MUTE


class DeviceRefused(DeviceError):
    """The device said no: asking again changes nothing until somebody changes something."""

    quality = Quality.REFUSED


class WrongKey(DeviceError):
    """The secure channel was refused: the key of the device or of the gateway must be set."""

    quality = Quality.WRONG_KEY


class DeviceGarbage(DeviceError):
    """The answer makes no sense (short, torn, wrong checksum): count it and try again."""

    quality = Quality.GARBAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class PointSpec:
    """One value a device exposes."""

    name: str
    unit: str = ""
    label: Text | None = None
    writable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    states: Mapping[str, Text] = field(default_factory=dict)
    deadband: float = 0.0
    """A change smaller than this is not sent; 0 sends every change."""


@dataclass(frozen=True, slots=True)
class Samples:
    """One look at a device: `values` f64[n] and `quality` u8[n], in the order of the driver's `points`."""

    values: NDArray[np.float64]
    quality: NDArray[np.uint8]
    problem: str = ""
    """What is wrong with some of the points, in words ("register 40 refuses: exception 2"); empty when all is well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceEvent:
    """Something a device told by itself."""

    kind: str
    """credential, input, tamper, motion, covered, moved, lost, still, swipe."""
    text: str = ""
    """The canonical credential of kinds credential and swipe; otherwise why."""
    name: str = ""
    """Which input, which zone."""
    value: float = 0.0
    jpeg: bytes = b""
    device_ms: int | None = None
    """The device's own time (UTC), when it gives one."""


@runtime_checkable
class Driver(Protocol):
    """Reads a device. `open` and `close` may be called again and again, in this order."""

    @property
    def points(self) -> Sequence[PointSpec]: ...

    async def open(self) -> None:
        """Connect; raise a `DeviceError` when that fails."""

    async def read(self) -> Samples:
        """Read every point once; raise a `DeviceError` when none could be read."""
        ...

    async def close(self) -> None:
        """Let go of everything; never raises."""


@runtime_checkable
class Writable(Protocol):
    """A device whose points can be set."""

    async def write(self, point: str, value: float) -> float:
        """Set a point and return what the device reads back; raise a `DeviceError` when it does not."""
        ...


@runtime_checkable
class Streaming(Protocol):
    """A device that tells things by itself."""

    def events(self) -> AsyncIterator[DeviceEvent]:
        """Yield events until closed; raise a `DeviceError` when the device is lost."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A device that was found and nobody has configured."""

    identity: str
    """What makes it this device and no other: vendor, model, serial number."""
    address: str
    model: str = ""
    evidence: str = ""
    """How it was found, in words."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """Suggested settings of its family, ready for the factory's settings model."""


@runtime_checkable
class Factory(Protocol):
    """Makes the drivers of one family and owns what they share (serial lines, connections, receivers)."""

    settings: ClassVar[type[Settings]]
    """Model of a device's family part in the gateway's configuration."""

    def create(self, settings: Any) -> Driver:
        """Make a driver; nothing is opened yet."""
        ...

    async def close(self) -> None:
        """Let go of everything shared."""


@runtime_checkable
class Discovering(Protocol):
    """A factory that can look for devices nobody has configured."""

    discovery: ClassVar[type[Settings]]
    """Model of the family's part under `discovery:`."""

    async def discover(self, settings: Any) -> Sequence[Candidate]:
        """Look once; returns what is there now and is not yet made a driver of."""
        ...
