"""What rules are about: the points by number, and the devices and doors with their names and places."""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from contract.messages import Text
from rules.model import Scope


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One value of a device."""

    device: str
    name: str
    unit: str = ""
    zone: str = ""
    place: str = ""
    gateway: str = ""

    @property
    def key(self) -> str:
        """device/name."""
        return f"{self.device}/{self.name}"


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    """A device or a door."""

    id: str
    name: Text
    zone: str = ""
    place: str = ""
    gateway: str = ""


NO_POINT: Final = Point(device="", name="")


class PointTable:
    """Points by index (0, 1, 2 ...; None where there is none), devices and doors by id. Ids are unique in a site."""

    def __init__(
        self, points: Sequence[Point | None] = (), devices: Iterable[Thing] = (), doors: Iterable[Thing] = (),
        zones: Mapping[str, Text] | None = None,
    ) -> None:
        """zones: their names, for messages."""
        self.zones = dict(zones or {})
        self.points = list(points)
        self.devices = {thing.id: thing for thing in devices}
        self.doors = {thing.id: thing for thing in doors}
        self._by_name: dict[str, list[int]] = {}
        self._index: dict[str, int] = {}
        for index, point in enumerate(self.points):
            if point is not None:
                self._note(index, point)

    def __len__(self) -> int:
        return len(self.points)

    def add(self, point: Point) -> int:
        """Append a point and return its index."""
        self.points.append(point)
        self._note(len(self.points) - 1, point)
        return len(self.points) - 1

    def index(self, key: str) -> int | None:
        """Return the index of device/name."""
        return self._index.get(key)

    def in_scope(self, scope: Scope) -> list[int]:
        """Return the indices of the points in scope, in order."""
        names = {name for pattern in scope.name for name in self._names(pattern)}
        candidates = (index for name in names for index in self._by_name[name])
        return sorted(index for index in candidates if self._fits(index, scope))

    def _note(self, index: int, point: Point) -> None:
        self._by_name.setdefault(point.name, []).append(index)
        self._index[point.key] = index

    def _names(self, pattern: str) -> list[str]:
        if "*" not in pattern and "?" not in pattern and "[" not in pattern:
            return [pattern] if pattern in self._by_name else []
        return [name for name in self._by_name if fnmatchcase(name, pattern)]

    def _fits(self, index: int, scope: Scope) -> bool:
        point = self.points[index] or NO_POINT
        return (
            like(point.device, scope.device) and like(point.zone, scope.zone) and like(point.place, scope.place)
            and like(point.unit, scope.unit) and like(point.gateway, scope.gateway)
            and not (scope.except_device and like(point.device, scope.except_device))
        )


def like(text: str, patterns: Sequence[str]) -> bool:
    """Tell whether a text is like one of the patterns; no pattern at all asks nothing."""
    return not patterns or any(text == pattern or fnmatchcase(text, pattern) for pattern in patterns)
