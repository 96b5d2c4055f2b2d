"""The gateway's configuration: parsed at the border, every mistake at once. The schema is the drivers' own models."""

import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Self, cast

from pydantic import AfterValidator, BaseModel, Field, SecretStr, create_model, model_validator

from contract.configuration import Located, Mistake, Settings, parse
from contract.messages import Text
from contract.topics import valid_name
from drivers.catalog import FAMILIES, factory
from rules.durations import Duration


def _named(value: str) -> str:
    if not valid_name(value):
        raise ValueError("a name of a-z, 0-9, - and _ is wanted, at most 63 long")
    return value


Name = Annotated[str, AfterValidator(_named)]


class GatewaySettings(Settings):
    """Who this gateway is."""

    id: Name
    name: Text
    site: Name


class BrokerSettings(Settings):
    """Where the broker is. Without a password the gateway enrols and gets its own."""

    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    tls: bool = False
    ca_file: Path | None = None
    username: str = ""
    password: SecretStr = SecretStr("")
    enrol_username: str = ""
    enrol_password: SecretStr = SecretStr("")
    token: SecretStr = SecretStr("")
    """One-time enrolment token; without one somebody has to approve the gateway."""


class DeviceSettings(Settings):
    """What every device has; the part under its family's name is that family's own."""

    id: Name
    name: Text
    place: str = ""
    zone: str = ""
    every: Duration = 1000
    """Poll interval, campus ms; 0 polls flat out."""
    refresh: Duration = 10_000
    """An unchanged value is sent again after so long, campus ms."""

    @property
    def family(self) -> str:
        return next(family for family in FAMILIES if getattr(self, family, None) is not None)

    @property
    def driver(self) -> Settings:
        """The family's own part."""
        return cast("Settings", getattr(self, self.family))

    @model_validator(mode="after")
    def _one_family(self) -> Self:
        named = [family for family in FAMILIES if getattr(self, family, None) is not None]
        if len(named) != 1:
            raise ValueError(f"exactly one family is wanted, {named or 'none'} given; known: {', '.join(FAMILIES)}")
        return self


class PointRef(Settings):
    """A point of a device."""

    device: str
    point: str


class DoorSettings(Settings):
    """One door: who reads, what opens it, how it shows that it is open."""

    id: Name
    name: Text
    place: str = ""
    zone: str = ""
    readers: Annotated[list[str], Field(min_length=1)]
    strike: PointRef
    contact: PointRef | None = None
    rex: PointRef | None = None
    held: Duration = 30_000
    strike_time: Duration = 5_000
    lane: bool = False
    camera: str = ""


class DiscoveryBase(Settings):
    """Where to look for devices nobody has configured; the parts are the families' own."""

    every: Duration = 10_000
    """Wall ms between looks."""


class AgentSettings(Settings):
    """A whole gateway."""

    gateway: GatewaySettings
    broker: BrokerSettings
    devices: list[Any]
    doors: list[DoorSettings] = Field(default_factory=list)
    fire: PointRef | None = None
    """Point of the fire panel that frees all doors of this gateway while it is not 0, hub or no hub."""
    discovery: Any = None

    @property
    def all_devices(self) -> list[DeviceSettings]:
        return cast("list[DeviceSettings]", self.devices)


@cache
def model() -> type[AgentSettings]:
    """Build the configuration's model from the catalog: a new family needs no line here."""
    families: dict[str, Any] = {family: (factory(family).settings | None, None) for family in FAMILIES}
    device = create_model("Device", __base__=DeviceSettings, **families)
    finding: dict[str, Any] = {
        family: (found | None, None)
        for family in FAMILIES if (found := getattr(factory(family), "discovery", None)) is not None}
    discovery = create_model("Discovery", __base__=DiscoveryBase, **finding)
    return create_model("Agent", __base__=AgentSettings, devices=(list[device], ...),  # type: ignore[valid-type]
                        discovery=(cast("Any", discovery | None), None))


def load(text: str, file: str, values: Mapping[str, str]) -> AgentSettings:
    """Parse a gateway's configuration; raise `ConfigurationMistakes` with every mistake in it."""
    return parse(text, file, model(), values, check=_references)


def read(path: Path, values_file: Path | None = None) -> AgentSettings:
    """Read a gateway's configuration; `${NAME}` comes from the values file (JSON) and the environment."""
    values = dict(os.environ)
    if values_file is not None:
        values |= read_values(values_file)
    return load(path.read_text(encoding="utf-8"), str(path), values)


def read_values(path: Path) -> dict[str, str]:
    """Read a values file: one flat JSON object of texts."""
    return parse(path.read_text(encoding="utf-8"), str(path), dict[str, str])


def device_model() -> type[BaseModel]:
    """Return the model of one device, for devices that were found and approved."""
    return cast("type[BaseModel]", model().model_fields["devices"].annotation.__args__[0])  # type: ignore[union-attr]


def _references(settings: AgentSettings, located: Located) -> Iterator[Mistake]:
    """Find doubled ids and references to devices that are not there."""
    seen: dict[str, int] = {}
    for index, device in enumerate(settings.all_devices):
        if device.id in seen:
            yield located.mistake(("devices", index, "id"), device.id,
                                  f"is already the id of devices[{seen[device.id]}]; ids must differ")
        seen[device.id] = index
    known = ", ".join(sorted(seen)[:40])
    if settings.fire is not None and settings.fire.device not in seen:
        yield located.mistake(("fire", "device"), settings.fire.device, f"no such device; known: {known}")
    doors: set[str] = set()
    for index, door in enumerate(settings.doors):
        if door.id in doors:
            yield located.mistake(("doors", index, "id"), door.id, "is already the id of another door")
        doors.add(door.id)
        for reader, device_id in enumerate(door.readers):
            if device_id not in seen:
                yield located.mistake(("doors", index, "readers", reader), device_id, f"no such device; known: {known}")
        for part in ("strike", "contact", "rex"):
            ref: PointRef | None = getattr(door, part)
            if ref is not None and ref.device not in seen:
                yield located.mistake(("doors", index, part, "device"), ref.device, f"no such device; known: {known}")
