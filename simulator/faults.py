"""Trouble to order: what goes wrong, where by default, and what undoes it."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Final

from simulator.campus import Campus
from simulator.modbus_servers import Station
from simulator.population import Population
from simulator.things import FirePanel
from simulator.walking import Doorway
from simulator.world import World

_PEAK_KW: Final = {"kitchen": 240.0, "dorm": 280.0, "workshop": 130.0}
"""All ovens, water heaters and kilns at once; the main meter otherwise stays below 200 kW."""
_FIRE_ZONES: Final = (5, 6)
_BAD_CARDS: Final = 5
_HAND_S: Final = 0.15
"""Wall seconds at least between two cards, so that the reader sees each."""

WANTED: Final = ("gateway-offline", "broker-restart", "clock-skew")
"""Concern processes outside the campus: only listed here, whoever runs those processes does them."""
TARGETS: Final[dict[str, str]] = {
    "door-forced": "door-b-lab", "door-held": "door-a101", "camera-cover": "cam-a", "camera-move": "cam-gate",
    "meter-silent": "meter-server", "meter-garbage": "meter-kitchen", "demand-peak": "meter-main",
    "fire": "fire-panel", "bad-cards": "door-a-main", "gateway-offline": "gw-main", "broker-restart": "broker",
    "clock-skew": "gw-main",
}
"""Every fault by name, and what it befalls unless another target is named."""


class UnknownFault(Exception):
    """No such fault, or nothing called so that it could befall."""


@dataclass(frozen=True, slots=True)
class Active:
    """A fault that is on."""

    name: str
    target: str
    since_ms: int


@dataclass(slots=True)
class Faults:
    """Makes trouble in the campus and takes it back."""

    world: World
    campus: Campus
    doorways: Mapping[str, Doorway]
    stations: Mapping[str, Station]
    fire_panel: FirePanel
    population: Population
    active: dict[str, Active] = field(default_factory=dict)
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def begin(self, name: str, target: str = "") -> Active:
        """Begin a fault; one that is on begins anew. Raises `UnknownFault` when there is no such fault or target."""
        if name not in TARGETS:
            raise UnknownFault(f"no fault {name}; there are {', '.join(TARGETS)}")
        target = target or TARGETS[name]
        self._check(name, target)
        self.clear(name)
        active = self.active[name] = Active(name, target, self.world.now_ms())
        match name:
            case "door-forced":
                self._start(name, self._force(target))
            case "door-held":
                self._start(name, self._hold(target))
            case "bad-cards":
                self._start(name, self._bad_cards(target))
            case _:
                self._set(name, target, on=True)
        return active

    def clear(self, name: str = "") -> list[str]:
        """End one fault, or all; return the names of those that were on."""
        names = [name] if name else list(self.active)
        cleared = []
        for each in names:
            active = self.active.pop(each, None)
            if active is None:
                continue
            task = self._tasks.pop(each, None)
            if task:
                task.cancel()
            self._set(each, active.target, on=False)
            cleared.append(each)
        return cleared

    def _check(self, name: str, target: str) -> None:
        kinds: dict[str, Mapping[str, object]] = {
            "door-forced": self.doorways, "door-held": self.doorways, "bad-cards": self.doorways,
            "camera-cover": self.world.cameras, "camera-move": self.world.cameras,
            "meter-silent": self.stations, "meter-garbage": self.stations,
        }
        if name in kinds and target not in kinds[name]:
            raise UnknownFault(f"{name} befalls one of {', '.join(kinds[name])}; not {target}")

    def _set(self, name: str, target: str, *, on: bool) -> None:
        match name:
            case "door-forced" | "door-held" if not on:
                self.doorways[target].jammed = False
                self.doorways[target].door.contact_open = False
            case "camera-cover":
                self.world.cameras[target].covered = on
            case "camera-move":
                self.world.cameras[target].moved = on
            case "meter-silent":
                self.stations[target].silent = on
            case "meter-garbage":
                self.stations[target].garbage = on
            case "demand-peak":
                self.campus.extra_kw = dict(_PEAK_KW) if on else {}
            case "fire":
                self.fire_panel.zones_in_alarm[:] = _FIRE_ZONES if on else ()
                self.population.evacuate(self.world.now_ms()) if on else self.population.resume(self.world.now_ms())
            case _:
                pass

    def _start(self, name: str, action: Awaitable[None]) -> None:
        async def act() -> None:
            await action

        self._tasks[name] = asyncio.create_task(act(), name=f"fault {name}")

    def _over(self, name: str) -> None:
        """The fault was a moment and has passed."""
        self.active.pop(name, None)
        self._tasks.pop(name, None)

    async def _force(self, target: str) -> None:
        await self._when_locked(target)
        await self.doorways[target].opens(10.0)
        self._over("door-forced")

    async def _hold(self, target: str) -> None:
        """Somebody leaves by the button and wedges the door."""
        doorway = self.doorways[target]
        await self._when_locked(target)
        doorway.jammed = True
        await doorway.press()
        doorway.door.contact_open = True
        await doorway.pause(0.5)
        doorway.door.rex = False

    async def _when_locked(self, target: str) -> None:
        """Wait, a minute at most, until nobody uses the door, or it would not be a breach."""
        doorway = self.doorways[target]
        for _ in range(60):
            if not (doorway.door.strike or doorway.door.contact_open or doorway.door.rex or doorway.waiting):
                return
            await doorway.pause(1.0)

    async def _bad_cards(self, target: str) -> None:
        door = self.doorways[target].door
        for number in range(_BAD_CARDS):
            door.cards.put(f"7FBAD{number:05X}")
            await asyncio.sleep(max(_HAND_S, 6.0 / self.world.speed))
        self._over("bad-cards")
