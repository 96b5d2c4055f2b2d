"""What there is: gateways, devices, points and doors, as their births say and people decided. Kept whole in memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from contract.messages import Birth, DeviceBirth, DoorBirth, PointBirth, Text
from contract.quality import WORDS, Quality
from contract.topics import valid_name
from hub import tables
from hub.commit import Committer, Row

UNKNOWN: Final = np.uint32(0xFFFFFFFF)
_GROW: Final = 1024
MOST_POINTS: Final = 1_000_000
"""Numbers a gateway may give its points: below this."""


@dataclass(slots=True)
class Gateway:
    """A gateway, known or asking to be."""

    id: str
    name: Text
    state: str = "pending"
    public_key: bytes = b""
    epoch: str = ""
    online: bool = False
    since_ms: int = 0
    desired_version: int = 0
    birth: Birth | None = None
    policy_version: int = 0
    """Of the policy it should have."""
    skew_ms: float | None = None
    """How far its clock is ahead of the hub's, in wall ms."""

    def row(self) -> Row:
        return {"id": self.id, "name_en": self.name.en, "name_zh": self.name.zh, "state": self.state,
                "public_key": self.public_key, "epoch": self.epoch, "online": self.online, "since_ms": self.since_ms,
                "desired_version": self.desired_version,
                "birth": msgspec.json.encode(self.birth) if self.birth else b""}


@dataclass(slots=True)
class Device:
    """A device as its gateway describes it, and how it does."""

    birth: DeviceBirth
    gateway: str
    state: str = "live"
    lost_reason: str = ""
    lost_text: str = ""
    since_ms: int = 0
    points: list[int] = field(default_factory=list)
    """Hub ids of its points, in the birth's order."""

    @property
    def id(self) -> str:
        return self.birth.id

    @property
    def problem(self) -> Text | None:
        """Why it is lost, in words."""
        if not self.lost_reason:
            return None
        en, zh = WORDS.get(_quality(self.lost_reason), (self.lost_reason, self.lost_reason))
        return Text(f"{en} ({self.lost_text})" if self.lost_text else en, zh)

    def row(self) -> Row:
        return {"id": self.id, "gateway": self.gateway, "state": self.state, "birth": msgspec.json.encode(self.birth),
                "lost_reason": self.lost_reason, "lost_text": self.lost_text, "since_ms": self.since_ms}


@dataclass(slots=True)
class Door:
    """A door and how it stands."""

    birth: DoorBirth
    gateway: str
    mode: str = "normal"
    open: bool | None = None
    since_ms: int = 0

    @property
    def id(self) -> str:
        return self.birth.id

    def row(self) -> Row:
        return {"id": self.id, "gateway": self.gateway, "birth": msgspec.json.encode(self.birth), "mode": self.mode,
                "open": self.open, "since_ms": self.since_ms}


@dataclass(frozen=True, slots=True)
class Point:
    """One value, with the number that stands for it everywhere in the hub."""

    id: int
    device: str
    birth: PointBirth

    @property
    def key(self) -> str:
        return f"{self.device}/{self.birth.name}"


class Registry:
    """All of it. Changes are staged into the next commit; listeners are told of new or changed things."""

    def __init__(self, committer: Committer) -> None:
        self.gateways: dict[str, Gateway] = {}
        self.devices: dict[str, Device] = {}
        self.doors: dict[str, Door] = {}
        self.points: dict[int, Point] = {}
        self.on_change: list[Callable[[], None]] = []
        self._by_key: dict[str, Point] = {}
        self._numbers: dict[tuple[str, str], NDArray[np.uint32]] = {}
        self._commit = committer
        self._next_point = 1

    def load(self, connection: Connection) -> None:
        """Read everything back at start."""
        for row in connection.execute(select(tables.gateways)):
            birth = msgspec.json.decode(row.birth, type=Birth) if row.birth else None
            self.gateways[row.id] = Gateway(row.id, Text(row.name_en, row.name_zh), row.state, row.public_key,
                                            row.epoch, False, row.since_ms, row.desired_version, birth=birth)
        for row in connection.execute(select(tables.devices)):
            self.devices[row.id] = Device(msgspec.json.decode(row.birth, type=DeviceBirth), row.gateway, row.state,
                                          row.lost_reason, row.lost_text, row.since_ms)
        for row in connection.execute(select(tables.doors)):
            self.doors[row.id] = Door(msgspec.json.decode(row.birth, type=DoorBirth), row.gateway, row.mode, row.open,
                                      row.since_ms)
        for row in connection.execute(select(tables.points).order_by(tables.points.c.id)):
            self._know(Point(row.id, row.device, msgspec.json.decode(row.birth, type=PointBirth)))
        for row in connection.execute(select(tables.numbers)):
            self._map(row.gateway, row.epoch, row.n, row.point)

    def point(self, device: str, name: str) -> Point | None:
        return self._by_key.get(f"{device}/{name}")

    def translate(self, gateway: str, epoch: str, numbers: NDArray[np.uint32]) -> NDArray[np.uint32] | None:
        """Turn a gateway's point numbers into hub ids, u32[n]; None when some are not known (ask for its birth)."""
        table = self._numbers.get((gateway, epoch))
        if table is None or not len(numbers) or int(numbers.max()) >= len(table):
            return None if len(numbers) else numbers
        ids = table[numbers]
        return None if (ids == UNKNOWN).any() else ids

    def born(self, gateway: Gateway, birth: Birth, now_ms: int) -> None:
        """Take a birth: what the gateway serves now."""
        gateway.birth, gateway.epoch, gateway.name = birth, birth.epoch, birth.name
        if not gateway.online:
            gateway.online, gateway.since_ms = True, now_ms
        news = [self._take_device(gateway.id, birth.epoch, described) for described in birth.devices]
        news += [self._take_door(gateway.id, described) for described in birth.doors]
        self.keep(gateway)
        if any(news):
            for listener in self.on_change:
                listener()

    def refusal(self, gateway: str, birth: Birth) -> str:
        """Say why a birth cannot be taken; empty when it can.

        What one gateway serves another may not claim: it moves once the first no longer names it.
        """
        for device in birth.devices:
            if not valid_name(device.id):
                return f"device {device.id!r}: lower-case letters, digits, _ and - are allowed, at most 63"
            if any(not 0 <= point.n < MOST_POINTS for point in device.points):
                return f"device {device.id}: point numbers from 0 to {MOST_POINTS - 1} are allowed"
        for other in self.gateways.values():
            if other.id == gateway or other.state != "approved" or other.birth is None:
                continue
            doubled = ({device.id for device in birth.devices} & {device.id for device in other.birth.devices}
                       | {door.id for door in birth.doors} & {door.id for door in other.birth.doors})
            if doubled:
                return f"{', '.join(sorted(doubled))}: served by gateway {other.id} already"
        return ""

    def gone(self, gateway: Gateway, now_ms: int) -> None:
        """Take a death: nothing of this gateway is known any more until it is back."""
        gateway.online, gateway.since_ms = False, now_ms
        for door in self.doors.values():
            if door.gateway == gateway.id:
                door.open = None
                self.keep(door)
        self.keep(gateway)

    def served_by(self, gateway: str) -> Iterator[Device]:
        return (device for device in self.devices.values() if device.gateway == gateway)

    def keep(self, thing: Gateway | Device | Door) -> None:
        """Stage what was changed about a thing."""
        table = {Gateway: tables.gateways, Device: tables.devices, Door: tables.doors}[type(thing)]
        self._commit.stage.put(table, thing.row())
        self._commit.wake(urgent=True)

    def _take_door(self, gateway: str, described: DoorBirth) -> bool:
        """Take a door in; tell whether that is news."""
        door = self.doors.get(described.id)
        if door is not None and door.birth == described and door.gateway == gateway:
            return False
        door = Door(described, gateway, *((door.mode, door.open, door.since_ms) if door else ()))
        self.doors[door.id] = door
        self.keep(door)
        return True

    def _take_device(self, gateway: str, epoch: str, described: DeviceBirth) -> bool:
        """Take a device in with its points; tell whether that is news."""
        device = self.devices.get(described.id)
        news = device is None or device.birth != described or device.gateway != gateway
        if device is None or news:
            decided = device.state if device and device.state != "pending" else described.state
            if described.state == "live":
                decided = "live"
            lost = (device.lost_reason, device.lost_text, device.since_ms) if device else ()
            device = Device(described, gateway, decided, *lost)
            self.devices[device.id] = device
            self.keep(device)
        device.points = [self._take_point(gateway, epoch, device.id, birth) for birth in described.points]
        return news

    def _take_point(self, gateway: str, epoch: str, device: str, birth: PointBirth) -> int:
        point = self._by_key.get(f"{device}/{birth.name}")
        if point is None or point.birth != birth:
            point = Point(point.id if point else self._next_point, device, birth)
            self._know(point)
            self._commit.stage.put(tables.points, {
                "id": point.id, "device": device, "name": birth.name, "birth": msgspec.json.encode(birth)})
        if self._map(gateway, epoch, birth.n, point.id):
            self._commit.stage.put(tables.numbers, {"gateway": gateway, "epoch": epoch, "n": birth.n,
                                                    "point": point.id})
        return point.id

    def _know(self, point: Point) -> None:
        self.points[point.id] = self._by_key[point.key] = point
        self._next_point = max(self._next_point, point.id + 1)
        device = self.devices.get(point.device)
        if device and point.id not in device.points:
            device.points.append(point.id)

    def _map(self, gateway: str, epoch: str, n: int, point: int) -> bool:
        """Note which point a number means; tell whether that is news."""
        table = self._numbers.get((gateway, epoch))
        if table is None or n >= len(table):
            grown = np.full(n + _GROW, UNKNOWN, np.uint32)
            if table is not None:
                grown[:len(table)] = table
            table = self._numbers[gateway, epoch] = grown
        if table[n] == point:
            return False
        table[n] = point
        return True


def _quality(name: str) -> Quality:
    return Quality.__members__.get(name.upper(), Quality.MUTE)
