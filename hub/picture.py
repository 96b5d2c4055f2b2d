"""What people see of the registry: doors, cameras, devices and gateways as the API's shapes, and the top bar."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final, Literal, cast

from sqlalchemy import Connection, desc, func, select

from contract import kinds
from contract.messages import Event, Text
from contract.quality import WORDS, Quality
from contract.sealing import pairing_code
from hub import passages, records, tables
from hub.api import shapes
from hub.api.core import not_found
from hub.ingest import Ingest
from hub.live import LastValues
from hub.registry import Device, Door, Gateway, Point, Registry
from hub.site import Site

CameraState = Literal["ok", "covered", "moved", "lost", "unknown"]
EVENTS_SHOWN: Final = 20
FLAGS_MS: Final = 30 * 86_400_000
_FLAGS: Final = {kinds.CAMERA_COVERED: "covered", kinds.CAMERA_MOVED: "moved", kinds.CAMERA_LOST: "lost",
                 kinds.CAMERA_MOTION: "motion"}


class Picture:
    """Draws shapes from the registry, and keeps what events say of cameras and the last passage of each door."""

    def __init__(self, *, registry: Registry, last: LastValues, ingest: Ingest, site: Site,
                 read: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._registry = registry
        self._last = last
        self._ingest = ingest
        self._site = site
        self._read = read
        self._passages: dict[str, shapes.Passage] = {}
        self._flags: dict[str, set[str]] = {}
        self._stills: dict[str, tuple[int, int]] = {}

    def load(self, connection: Connection) -> None:
        events = tables.events
        kind = func.coalesce(events.c.kind, "")  # so that the walk goes down the door's own events
        for door in self._registry.doors:
            last = connection.scalar(select(events.c.id).where(
                events.c.door == door, kind.in_((kinds.ACCESS_GRANTED, kinds.ACCESS_DENIED)),
            ).order_by(desc(events.c.at_ms)).limit(1))
            if last is not None and (passage := passages.get(connection, last)):
                self._passages[door] = passage
        self._load_flags(connection)
        for device in self._registry.devices.values():
            if device.birth.family == "camera":
                table = tables.evidence
                row = connection.execute(select(table.c.id, table.c.at_ms).where(table.c.device == device.id)
                                         .order_by(desc(table.c.at_ms)).limit(1)).first()
                if row:
                    self._stills[device.id] = (row.id, row.at_ms)

    def _load_flags(self, connection: Connection) -> None:
        """Take up what cameras said last, as far as it is worth knowing."""
        events = tables.events
        newest = func.max(events.c.at_ms)
        since_ms = (connection.scalar(select(newest)) or 0) - FLAGS_MS
        for kind, flag in _FLAGS.items():
            if kind == kinds.CAMERA_MOTION:
                continue  # over by now
            for row in connection.execute(select(events.c.device, events.c.value, newest).where(
                    events.c.kind == kind, events.c.at_ms >= since_ms).group_by(events.c.device)):
                if row.value:
                    self._flags.setdefault(row.device, set()).add(flag)

    def passage(self, event: Event, number: int, door: Door | None) -> shapes.Passage:
        """Draw an access decision before it is stored, and remember it as its door's last."""
        name = event.text
        passage = shapes.Passage(
            id=number, at_ms=event.at_ms, door=event.door,
            door_name=door.birth.name if door else Text(event.door, event.door), lane=bool(door and door.birth.lane),
            granted=event.kind == kinds.ACCESS_GRANTED, reason=event.reason,
            reason_text=passages.reason_text(event.reason), next_step=passages.next_step(event.reason),
            person=event.person, name=name, initials=passages.initials(name, ""),
            group=str(event.data.get("unit", "")), credential_tail=str(event.data.get("tail", "")))
        self._passages[event.door] = passage
        return passage

    def camera_told(self, event: Event) -> None:
        """Keep what an event says of a camera."""
        flag = _FLAGS.get(event.kind)
        if flag:
            flags = self._flags.setdefault(event.device, set())
            (flags.add if event.value else flags.discard)(flag)
        evidence = event.data.get("evidence")
        if evidence is not None:
            self._stills[event.device] = (int(evidence), event.at_ms)

    def door(self, door: Door) -> shapes.Door:
        birth, gateway = door.birth, self._registry.gateways.get(door.gateway)
        online = bool(gateway and gateway.online) and not any(
            reader.lost_reason for name in birth.readers if (reader := self._registry.devices.get(name)))
        position = self._site.doors.get(door.id)
        return shapes.Door(
            id=door.id, name=birth.name, place=birth.place, zone=birth.zone, gateway=door.gateway, lane=birth.lane,
            camera=birth.camera, mode=cast("Literal['normal', 'unlocked', 'locked', 'released']", door.mode),
            open=door.open, online=online, since_ms=door.since_ms, last=self._passages.get(door.id),
            x=position.x if position else None, y=position.y if position else None)

    def doors(self) -> list[shapes.Door]:
        return [self.door(door) for door in self._registry.doors.values()]

    def camera(self, device: Device) -> shapes.Camera:
        flags, still = self._flags.get(device.id, set()), self._stills.get(device.id)
        position = self._site.cameras.get(device.id)
        return shapes.Camera(
            id=device.id, name=device.birth.name, place=device.birth.place, zone=device.birth.zone,
            state=self._camera_state(device, flags), problem=device.lost_text, motion="motion" in flags,
            still=still[0] if still else None, still_ms=still[1] if still else None,
            x=position.x if position else None, y=position.y if position else None)

    def cameras(self) -> list[shapes.Camera]:
        return [self.camera(device) for device in self._registry.devices.values() if device.birth.family == "camera"]

    def device(self, device: Device) -> shapes.Device:
        gateway = self._registry.gateways.get(device.gateway)
        away = gateway is not None and not gateway.online
        problem = device.problem
        if away:
            problem = Text(f"its gateway {device.gateway} is away", f"所属网关 {device.gateway} 离线")
        times = [at_ms for point in device.points if (at_ms := self._last.of(point)[2])]
        birth = device.birth
        return shapes.Device(
            id=device.id, gateway=device.gateway, family=birth.family, name=birth.name, place=birth.place,
            zone=birth.zone, model=birth.model, identity=birth.identity, address=birth.address,
            state=cast("Literal['live', 'pending', 'blocked']", device.state),
            online=not away and gateway is not None and not device.lost_reason and device.state == "live",
            problem=problem, seen_ms=max(times, default=None), points=len(device.points))

    def devices(self) -> list[shapes.Device]:
        return [self.device(device) for device in self._registry.devices.values()]

    def device_detail(self, identity: str) -> shapes.DeviceDetail:
        device = self._registry.devices.get(identity)
        if device is None:
            raise not_found(Text("device", "设备"), identity)
        with self._read() as connection:
            events = records.events(connection, device=identity, limit=EVENTS_SHOWN)
        values = [self.value(self._registry.points[point]) for point in device.points]
        return shapes.DeviceDetail(**dict(self.device(device)), values=values, events=events)

    def value(self, point: Point) -> shapes.PointValue:
        value, quality, at_ms = self._last.of(point.id)
        birth = point.birth
        en, zh = WORDS.get(cast("Quality", quality), ("unknown", "未知"))
        return shapes.PointValue(
            id=point.id, name=birth.name, label=birth.label or Text(birth.name, birth.name), unit=birth.unit,
            value=value, quality=quality, quality_text=Text(en, zh), at_ms=at_ms, every_ms=birth.every_ms,
            writable=birth.writable, minimum=birth.minimum, maximum=birth.maximum, states=birth.states)

    def gateway(self, gateway: Gateway) -> shapes.Gateway:
        marks = [mark for mark in self._ingest.marks.values() if mark.gateway == gateway.id]
        birth = gateway.birth
        return shapes.Gateway(
            id=gateway.id, name=gateway.name,
            state=cast("Literal['pending', 'approved', 'revoked']", gateway.state), online=gateway.online,
            since_ms=gateway.since_ms or None, software=birth.software if birth else "",
            devices=sum(1 for _ in self._registry.served_by(gateway.id)), skew_ms=gateway.skew_ms,
            policy_version=birth.policy_version if birth else 0, wanted_policy_version=gateway.policy_version,
            code=pairing_code(gateway.public_key), lost=sum(mark.lost for mark in marks), doubled=None,
            repeated=sum(mark.repeated for mark in marks))

    def gateways(self) -> list[shapes.Gateway]:
        return [self.gateway(gateway) for gateway in self._registry.gateways.values()]

    def _camera_state(self, device: Device, flags: set[str]) -> CameraState:
        gateway = self._registry.gateways.get(device.gateway)
        if gateway is None or not gateway.online:
            return "unknown"
        if device.lost_reason or "lost" in flags:
            return "lost"
        return "covered" if "covered" in flags else "moved" if "moved" in flags else "ok"
