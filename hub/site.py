"""The site: its names, time zone, buildings, floors, zones and plan (config/site.yaml), and place names for people."""

from functools import cached_property
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field

from contract.configuration import Settings
from contract.messages import Text
from hub.api import shapes


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("is no IANA time zone, such as Asia/Shanghai")
    return name


class Names(Settings):
    """A name in both languages."""

    en: Annotated[str, Field(min_length=1)]
    zh: Annotated[str, Field(min_length=1)]

    @property
    def text(self) -> Text:
        return Text(self.en, self.zh)


class SiteName(Settings):
    id: str
    name: Names
    zone: Annotated[str, AfterValidator(_known_zone)]
    """IANA time zone."""


class Floor(Settings):
    id: str
    name: Names
    rooms: dict[str, Names] = Field(default_factory=dict)
    """Name of each room by the last part of its place."""


class Rectangle(Settings):
    """Where a place stands on the plan, in metres; y upwards."""

    x: float
    y: float
    width: Annotated[float, Field(gt=0)]
    height: Annotated[float, Field(gt=0)]


class Building(Settings):
    id: str
    name: Names
    kind: Literal["building", "area"] = "building"
    zone: str = ""
    """Zone it belongs to; its own id when not given."""
    floors: list[Floor] = Field(default_factory=list)
    plan: Rectangle | None = None


class Zone(Settings):
    id: str
    name: Names


class Position(Settings):
    x: float
    y: float


class PlanSize(Settings):
    width: Annotated[float, Field(gt=0)]
    height: Annotated[float, Field(gt=0)]


class Site(Settings):
    """config/site.yaml."""

    site: SiteName
    buildings: list[Building]
    zones: list[Zone] = Field(default_factory=list)
    plan: PlanSize
    doors: dict[str, Position] = Field(default_factory=dict)
    """Where each door is on the plan."""
    cameras: dict[str, Position] = Field(default_factory=dict)

    @cached_property
    def time_zone(self) -> ZoneInfo:
        return ZoneInfo(self.site.zone)

    @cached_property
    def _names(self) -> dict[str, Text]:
        names: dict[str, Text] = {}
        for building in self.buildings:
            names[building.id] = building.name.text
            for floor in building.floors:
                names[f"{building.id}/{floor.id}"] = floor.name.text
                for room, name in floor.rooms.items():
                    names[f"{building.id}/{floor.id}/{room}"] = name.text
        return names

    def place_name(self, place: str) -> Text:
        """Return a place as people call it: "Lab building / 2F / Chemistry 3"; unknown parts stay as they are."""
        parts = place.split("/") if place else []
        named = []
        for depth, part in enumerate(parts, start=1):
            named.append(self._names.get("/".join(parts[:depth]), Text(part, part)))
        return Text(" / ".join(name.en for name in named), " / ".join(name.zh for name in named))

    def zone_name(self, zone: str) -> Text:
        """Return the zone's name in both languages, or its id."""
        for known in self.zones:
            if known.id == zone:
                return known.name.text
        return self._names.get(zone, Text(zone, zone))

    @property
    def zone_names(self) -> dict[str, Text]:
        """Names of all zones: those listed, and the buildings that are one."""
        return {building.zone or building.id: building.name.text for building in self.buildings} | {
            zone.id: zone.name.text for zone in self.zones}

    def as_plan(self) -> shapes.Plan:
        """Return the plan as the console draws it: buildings and areas that have a rectangle."""
        names = {zone.id: zone.name.text for zone in self.zones} | self._names
        return shapes.Plan(width=self.plan.width, height=self.plan.height, names=names, places=[
            shapes.PlanPlace(id=building.id, name=building.name.text, kind=building.kind,
                             zone=building.zone or building.id, **building.plan.model_dump())
            for building in self.buildings if building.plan])
