"""The devices of a gateway: their drivers, their pollers, and what they tell by themselves."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol, cast, runtime_checkable

import structlog

from contract import kinds
from contract.clock import Clock
from contract.messages import DeviceBirth, Event, PointBirth
from drivers.base import DeviceError, DeviceEvent, DeviceRefused, Driver, Factory, Streaming, Writable
from drivers.catalog import factory
from edge_agent.config import DeviceSettings
from edge_agent.doors import Doors
from edge_agent.outbox import Outbox
from edge_agent.poller import DevicePoller
from edge_agent.swipes import Swipes

STREAM_PAUSE_S: Final = 0.2
"""Wall seconds until a stream that ended is taken up again; a credential keeps for longer than that."""
BEFORE_S: Final = 5.0
"""The picture kept of a camera that was covered or turned away is so old (wall s)."""
_CAMERA: Final = {"motion": kinds.CAMERA_MOTION, "covered": kinds.CAMERA_COVERED, "moved": kinds.CAMERA_MOVED,
                  "lost": kinds.CAMERA_LOST}
_ADDRESS: Final = ("tcp", "serial", "onvif", "rtsp", "http")
_log = structlog.get_logger()


@runtime_checkable
class Picturing(Protocol):
    """A camera."""

    async def still(self, quality: int = 80, width: int = 640) -> bytes: ...

    async def still_before(self, seconds: float) -> bytes: ...


@dataclass(slots=True)
class Served:
    """One device that is served."""

    settings: DeviceSettings
    driver: Driver
    poller: DevicePoller
    birth: DeviceBirth
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


class Devices:
    """Makes drivers and runs them, each device in tasks of its own."""

    def __init__(self, *, outbox: Outbox, clock: Clock, doors: Doors, drivers: dict[str, Driver],
                 swipes: Swipes) -> None:
        """drivers: shared with the doors, which write to them; this object fills it."""
        self._outbox, self._clock, self._doors, self._swipes = outbox, clock, doors, swipes
        self.drivers = drivers
        self.served: dict[str, Served] = {}
        self._factories: dict[str, Factory] = {}
        self._group: asyncio.TaskGroup | None = None

    def factory(self, family: str) -> Factory:
        """Return the one factory of a family."""
        if family not in self._factories:
            self._factories[family] = factory(family)()
        return self._factories[family]

    async def add(self, settings: DeviceSettings, identity: str = "") -> None:
        """Serve a device from now on. Raise `ValueError` when its settings do not go with another's."""
        driver = self.factory(settings.family).create(settings.driver)
        names = [point.name for point in driver.points]
        numbers = await self._outbox.numbers(settings.id, names)
        poller = DevicePoller(
            settings.id, driver, numbers=numbers, every_ms=settings.every, refresh_ms=settings.refresh,
            outbox=self._outbox, clock=self._clock, on_samples=self._doors.watching(settings.id, names))
        birth = _birth(settings, driver, [int(number) for number in numbers], identity)
        self.drivers[settings.id] = driver
        self.served[settings.id] = served = Served(settings, driver, poller, birth)
        if self._group:
            self._start(served, self._group)

    async def remove(self, device: str) -> None:
        """Serve a device no longer."""
        served = self.served.pop(device)
        del self.drivers[device]
        for task in served.tasks:
            task.cancel()
        await asyncio.gather(*served.tasks, return_exceptions=True)

    async def run(self) -> None:
        """Poll and listen until cancelled; then let go of everything."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for served in self.served.values():
                    self._start(served, group)
                group.create_task(asyncio.Event().wait(), name="devices.stay")
        finally:
            self._group = None
            for one in self._factories.values():
                await one.close()

    def births(self) -> Iterator[DeviceBirth]:
        """Yield what is served, with what the devices by now say they are."""
        for served in self.served.values():
            model, identity = getattr(served.driver, "model", ""), getattr(served.driver, "identity", None)
            served.birth.model = str(model or "") or served.birth.model
            served.birth.identity = _words(identity) or served.birth.identity
            yield served.birth

    async def write(self, device: str, point: str, value: float) -> float:
        """Set a point and return what the device reads back; raise a `DeviceError`."""
        driver = self.drivers.get(device)
        if driver is None:
            raise DeviceRefused(f"there is no device {device}")
        if not isinstance(driver, Writable):
            raise DeviceRefused(f"{device} can only be read")
        return await driver.write(point, value)

    def _start(self, served: Served, group: asyncio.TaskGroup) -> None:
        device = served.settings.id
        served.tasks.append(group.create_task(served.poller.run(), name=f"poll.{device}"))
        if isinstance(served.driver, Streaming):
            served.tasks.append(group.create_task(self._listen(served), name=f"stream.{device}"))

    async def _listen(self, served: Served) -> None:
        """Take what a device tells; the poller opens and closes it, and says when it is lost."""
        device, driver = served.settings.id, cast("Streaming", served.driver)
        lost = False
        while True:
            try:
                async for event in driver.events():
                    if lost:
                        _log.info("stream_back", device=device)
                        lost = False
                    self._take(served, event)
            except DeviceError as error:
                if not lost and served.poller.online:
                    _log.warning("stream_lost", device=device, why=str(error))
                    lost = True
            await asyncio.sleep(STREAM_PAUSE_S)

    def _take(self, served: Served, event: DeviceEvent) -> None:
        device = served.settings.id
        match event.kind:
            case "credential":
                self._doors.credential(device, event.text)
            case "input":
                self._doors.input(device, event.name, event.value)
            case "swipe":
                self._outbox.add_event(self._swipes.event(device, served.settings.zone, event))
            case "tamper":
                self._tell(served, kinds.READER_TAMPER, event)
            case "motion" | "covered" | "moved" | "lost":
                self._tell(served, _CAMERA[event.kind], event)
                if event.kind in ("covered", "moved") and event.value and self._group:
                    self._group.create_task(self._keep_before(served, _CAMERA[event.kind]), name=f"still.{device}")
            case _:
                _log.info("device_event_unknown", device=device, kind=event.kind)

    def _tell(self, served: Served, kind: str, event: DeviceEvent) -> None:
        self._outbox.add_event(Event(
            kind=kind, at_ms=self._clock.now_ms(), device=served.settings.id, zone=served.settings.zone,
            value=event.value, text=event.text, data={"area": event.name} if event.name else {}))

    async def _keep_before(self, served: Served, why: str) -> None:
        """Keep the last picture from before something happened to a camera."""
        if not isinstance(served.driver, Picturing):
            return
        try:
            jpeg = await served.driver.still_before(BEFORE_S)
        except DeviceError as error:
            _log.info("still_before_failed", device=served.settings.id, why=str(error))
        else:
            self._outbox.add_event(still(served.settings, jpeg, why, self._clock.now_ms()))


def still(settings: DeviceSettings, jpeg: bytes, why: str, now_ms: int, command: str = "") -> Event:
    """Describe a picture; `why` says what it was taken for."""
    return Event(kind=kinds.CAMERA_STILL, at_ms=now_ms, device=settings.id, zone=settings.zone, reason=why,
                 evidence=jpeg, command=command)


def address_of(settings: DeviceSettings) -> str:
    """Return where a device is, in words, from whatever its family calls it."""
    own = settings.driver
    place = next((str(found) for name in _ADDRESS if (found := getattr(own, name, None))), "")
    number = next((f"{word} {found}" for word, name in (("unit", "unit"), ("address", "address"))
                   if (found := getattr(own, name, None)) is not None), "")
    return f"{place} {number}".strip()


def _birth(settings: DeviceSettings, driver: Driver, numbers: list[int], identity: str) -> DeviceBirth:
    points = [PointBirth(
        n=number, name=point.name, unit=point.unit, label=point.label, writable=point.writable, minimum=point.minimum,
        maximum=point.maximum, states=dict(point.states), every_ms=max(settings.refresh, settings.every))
        for number, point in zip(numbers, driver.points, strict=True)]
    profile = getattr(settings.driver, "profile", None) or getattr(settings.driver, "vendor", "")
    return DeviceBirth(id=settings.id, family=settings.family, name=settings.name, place=settings.place,
                       zone=settings.zone, model=str(profile), identity=identity, address=address_of(settings),
                       points=points)


def _words(identity: object) -> str:
    """Return an identity as text: a driver gives one, or an object with vendor, model and serial number."""
    if isinstance(identity, str):
        return identity
    parts = [str(getattr(identity, part, "") or "") for part in ("vendor", "model", "serial", "firmware")]
    return " ".join(filter(None, parts))
