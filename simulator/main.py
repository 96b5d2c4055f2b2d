"""`python -m simulator --run-dir DIR`: the virtual campus as a process of its own."""

import argparse
import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
import structlog

from contract.clock import Clock, ClockSettings
from simulator import people
from simulator.campus import Campus
from simulator.control import Control, write_private
from simulator.faults import Faults
from simulator.lines import Lines
from simulator.population import Population
from simulator.servers import serving
from simulator.site import CAMERAS, DOORS, LATE_SIGN, SIGNS, UNITS
from simulator.walking import Doorway
from simulator.world import CameraHardware, DoorHardware, SignHardware, World

PEOPLE: Final = Path(__file__).parent.parent / "config" / "people.csv"
ENDPOINTS_FILE: Final = "endpoints.json"
MEMORY_FILE: Final = "campus.json"
_PEOPLE_TICK_S: Final = 0.1
_PHYSICS_TICKS: Final = 5
_SAVE_TICKS: Final = 20
_log = structlog.get_logger(__name__)


class Memory(msgspec.Struct):
    """What survives a restart (campus.json in the run's folder)."""

    now_ms: int
    clean: bool
    """Written at an orderly end; otherwise up to two seconds before the crash."""
    late_seen: bool
    """The late devices have appeared."""
    kept: dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to run the campus."""

    run_dir: Path
    clock: Path | None = None
    """JSON of `contract.clock.ClockSettings`; read again when it changes."""
    seed: int = 1
    late_after_s: float = 25.0
    """Wall seconds until the first of three late devices appears."""
    people: Path = PEOPLE
    cameras: bool = True


@dataclass(slots=True)
class Simulation:
    """The campus with everything that serves it."""

    options: Options
    world: World = field(init=False)
    clock: Clock = field(init=False)
    campus: Campus = field(init=False)
    population: Population = field(init=False)
    doorways: dict[str, Doorway] = field(init=False)
    lines: Lines = field(init=False)
    faults: Faults = field(init=False)
    _late_seen: bool = False
    _clock_stamp: int = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until told to stop; needs a running loop."""
        options = self.options
        options.run_dir.mkdir(parents=True, exist_ok=True)
        self.clock = Clock(time.time)
        self.world = make_world()
        self._read_clock()
        self._populate()
        self._recall()
        async with AsyncExitStack() as stack:
            former = read_endpoints(options.run_dir)
            await self.lines.start(options.run_dir, former)
            stack.push_async_callback(self.lines.stop)
            await stack.enter_async_context(serving(self.world, options.run_dir, former, cameras=options.cameras))
            control = Control(world=self.world, campus=self.campus, population=self.population,
                              doorways=self.doorways, stations=self.lines.stations, faults=self.faults)
            await control.start(options.run_dir)
            stack.push_async_callback(control.stop)
            stack.callback(self._save, clean=True)
            endpoints = msgspec.json.format(msgspec.json.encode(self.world.endpoints))
            write_private(options.run_dir / ENDPOINTS_FILE, endpoints)
            _log.info("campus runs", endpoints=len(self.world.endpoints), run_dir=str(options.run_dir))
            await self._live(stop)

    def _populate(self) -> None:
        now_ms = self.clock.now_ms()
        cameras = self.world.cameras
        self.doorways = {
            door.id: Doorway(self.world, self.world.doors[door.id], cameras.get(door.camera), lane=door.line == "lane")
            for door in DOORS
        }
        self.population = Population(people.load(self.options.people), self.doorways, self.world.signs,
                                     now_ms=now_ms, speed=self.world.speed, seed=self.options.seed)
        self.campus = Campus(self.options.seed, now_ms, self.population.present)
        self.lines = Lines(self.world, self.campus)
        self.faults = Faults(self.world, self.campus, self.doorways, self.lines.stations, self.lines.fire_panel,
                             self.population)

    def _recall(self) -> None:
        """Carry on where the last run ended, or begin as if it had been so for hours."""
        try:
            memory = msgspec.json.decode((self.options.run_dir / MEMORY_FILE).read_bytes(), type=Memory)
        except FileNotFoundError:
            self.campus.settle()
            return
        self._late_seen = memory.late_seen
        self.campus.remember(memory.kept)
        now_ms = self.clock.now_ms()
        self.campus.now_ms = min(memory.now_ms, now_ms)
        self.campus.advance(now_ms)
        if not memory.clean:  # what was counted after the last save is counted again, and rather more than less
            unsaved_s = _SAVE_TICKS * _PEOPLE_TICK_S * self.world.speed
            for meter in self.campus.meters.values():
                meter.energy_kwh += meter.power_kw * unsaved_s / 3600.0

    async def _live(self, stop: asyncio.Event) -> None:
        tasks = [asyncio.create_task(doorway.run(), name=f"door {name}") for name, doorway in self.doorways.items()]
        tasks.append(asyncio.create_task(self._late_devices(), name="late devices"))
        tasks.append(asyncio.create_task(self._time_passes(), name="time"))
        ended = asyncio.create_task(stop.wait(), name="stop")
        await asyncio.wait([ended, *(task for task in tasks if task.get_name() != "late devices")],
                           return_when=asyncio.FIRST_COMPLETED)
        self.faults.clear()
        for task in (*tasks, ended):
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome

    async def _time_passes(self) -> None:
        loop = asyncio.get_running_loop()
        tick = 0
        while True:
            self.population.tick(self.clock.now_ms(), loop.time())
            if tick % _PHYSICS_TICKS == 0:
                self.campus.advance(self.clock.now_ms())
                self.lines.look()
            if tick % _SAVE_TICKS == 0:
                self._save(clean=False)
                self._read_clock()
            tick += 1
            await asyncio.sleep(_PEOPLE_TICK_S)

    async def _late_devices(self) -> None:
        """An air handler, a meter and a class sign appear one after another; after a restart they are there at once."""
        if not self._late_seen:
            await asyncio.sleep(self.options.late_after_s)
        for unit in UNITS:
            if unit.late:
                self.lines.appear(unit)
                _log.info("a new device", device=unit.id, line=unit.line, unit=unit.unit)
                await asyncio.sleep(0 if self._late_seen else 4)
        name, room = LATE_SIGN
        self.world.signs[name] = SignHardware(name, room)
        _log.info("a new device", device=name)
        self._late_seen = True
        self._save(clean=False)

    def _read_clock(self) -> None:
        path = self.options.clock
        if path is None:
            self.world.now_ms = self.clock.now_ms
            return
        stamp = path.stat().st_mtime_ns
        if stamp != self._clock_stamp:
            self._clock_stamp = stamp
            self.clock.settings = msgspec.json.decode(path.read_bytes(), type=ClockSettings)
            self.world.now_ms, self.world.speed = self.clock.now_ms, self.clock.settings.speed

    def _save(self, *, clean: bool) -> None:
        memory = Memory(self.campus.now_ms, clean, self._late_seen, self.campus.memory())
        write_private(self.options.run_dir / MEMORY_FILE, msgspec.json.encode(memory))


def make_world() -> World:
    """Return the campus's hardware, all quiet."""
    return World(
        doors={door.id: DoorHardware(door.id) for door in DOORS},
        cameras={name: CameraHardware(name) for name in CAMERAS},
        signs={name: SignHardware(name, room) for name, room in SIGNS.items()},
    )


def read_endpoints(run_dir: Path) -> Mapping[str, str]:
    """Return the endpoints of this or the last run in the folder; empty when there was none."""
    try:
        return msgspec.json.decode((run_dir / ENDPOINTS_FILE).read_bytes(), type=dict[str, str])
    except (FileNotFoundError, msgspec.DecodeError):
        return {}


def main(arguments: list[str] | None = None) -> None:
    """Run the campus until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="simulator", description="The virtual campus.")
    parser.add_argument("--run-dir", type=Path, required=True, help="endpoints.json, sim-token and campus.json go here")
    parser.add_argument("--clock", type=Path, help="JSON of the campus clock; the wall clock without it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--late-after", type=float, default=25.0, help="seconds until new devices appear")
    parser.add_argument("--no-cameras", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    parsed = parser.parse_args(arguments)
    level = logging.INFO if parsed.verbose else logging.WARNING
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(level))
    options = Options(run_dir=parsed.run_dir, clock=parsed.clock, seed=parsed.seed, late_after_s=parsed.late_after,
                      cameras=not parsed.no_cameras)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(options))


async def _run(options: Options) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await Simulation(options).run(stop)
