"""The campus's own control over HTTP on loopback: look at its state, make trouble, take it back.

GET /state; POST /fault/{name}?target=...; POST /clear; POST /clear/{name}. Each needs `Authorization: Bearer <token>`,
the content of `sim-token` in the run's folder.
"""

import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec
from aiohttp import web

from simulator.campus import Campus
from simulator.faults import TARGETS, WANTED, Active, Faults, UnknownFault
from simulator.modbus_servers import Station
from simulator.population import Population
from simulator.site import BUILDINGS, GROUNDS, OUTSIDE, UNITS
from simulator.walking import Doorway
from simulator.weather import local_text
from simulator.world import World

TOKEN_FILE: Final = "sim-token"  # noqa: S105
ENDPOINT: Final = "sim_control"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class DoorState(msgspec.Struct, frozen=True):
    id: str
    open: bool
    strike: bool
    rex: bool
    led: str
    waiting: int
    passages: int
    refused: int


class LoadState(msgspec.Struct, frozen=True):
    id: str
    power_kw: float
    energy_kwh: float
    demand_kw: float


class ZoneState(msgspec.Struct, frozen=True):
    id: str
    temperature_c: float
    co2_ppm: float
    fan_percent: float


class FaultState(msgspec.Struct, frozen=True):
    name: str
    target: str
    since_ms: int
    wanted: bool
    """True when whoever runs the gateways and the broker has to do it."""


class State(msgspec.Struct, frozen=True):
    """What GET /state answers; times are UTC ms of campus time."""

    now_ms: int
    time: str
    speed: float
    outdoor_c: float
    people: dict[str, int]
    doors: list[DoorState]
    loads: list[LoadState]
    zones: list[ZoneState]
    requests: dict[str, int]
    """Modbus requests each unit has answered."""
    faults: list[FaultState]
    known_faults: dict[str, str]
    """Every fault and what it befalls unless a target is named."""


class Control:
    """Answers for the campus."""

    def __init__(self, *, world: World, campus: Campus, population: Population, doorways: Mapping[str, Doorway],
                 stations: Mapping[str, Station], faults: Faults) -> None:
        self._world = world
        self._campus = campus
        self._population = population
        self._doorways = doorways
        self._stations = stations
        self._faults = faults
        self._token = secrets.token_urlsafe(24)
        self._runner: web.AppRunner | None = None

    async def start(self, run_dir: Path) -> None:
        """Listen on a free loopback port, write the token and name the endpoint."""
        app = web.Application(middlewares=[self._guard])
        app.router.add_get("/state", self._state)
        app.router.add_post("/fault/{name}", self._fault)
        app.router.add_post("/clear", self._clear)
        app.router.add_post("/clear/{name}", self._clear)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        write_private(run_dir / TOKEN_FILE, self._token.encode())
        host, port = self._runner.addresses[0][:2]
        self._world.endpoints[ENDPOINT] = f"http://{host}:{port}"

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    def state(self) -> State:
        """Return the campus as it is now."""
        feeder_meter = {unit.thing: unit.id for unit in UNITS if unit.id.startswith("meter-")}
        return State(
            now_ms=self._world.now_ms(), time=local_text(self._world.now_ms()), speed=self._world.speed,
            outdoor_c=round(self._campus.weather.outdoor_c, 2),
            people={building: self._campus.building_people(building) for building in BUILDINGS}
            | {place: self._campus.present[place] for place in (GROUNDS, OUTSIDE)},
            doors=[DoorState(id=name, open=way.door.contact_open, strike=way.door.strike, rex=way.door.rex,
                             led=way.door.led, waiting=way.waiting, passages=way.passages, refused=way.refused)
                   for name, way in self._doorways.items()],
            loads=[LoadState(id=feeder_meter[name], power_kw=round(meter.power_kw, 2),
                             energy_kwh=round(meter.energy_kwh, 3), demand_kw=round(meter.demand_kw, 2))
                   for name, meter in self._campus.meters.items()],
            zones=[ZoneState(id=name, temperature_c=round(ahu.zone.temperature_c, 2),
                             co2_ppm=round(ahu.zone.co2_ppm), fan_percent=round(ahu.fan_percent, 1))
                   for name, ahu in self._campus.ahus.items()],
            requests={name: station.requests for name, station in self._stations.items()},
            faults=[_shown(active) for active in self._faults.active.values()], known_faults=TARGETS,
        )

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(shown.encode(), self._token.encode()):
            raise web.HTTPUnauthorized(text=f"the token stands in {TOKEN_FILE}")
        return await handler(request)

    async def _state(self, _request: web.Request) -> web.Response:
        return _json(self.state())

    async def _fault(self, request: web.Request) -> web.Response:
        try:
            active = self._faults.begin(request.match_info["name"], request.query.get("target", ""))
        except UnknownFault as error:
            raise web.HTTPNotFound(text=str(error)) from error
        return _json(_shown(active))

    async def _clear(self, request: web.Request) -> web.Response:
        return _json({"cleared": self._faults.clear(request.match_info.get("name", ""))})


def write_private(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, readable by its owner only."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_bytes(content)
    draft.replace(path)


def _shown(active: Active) -> FaultState:
    return FaultState(active.name, active.target, active.since_ms, active.name in WANTED)


def _json(content: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(content), content_type="application/json")
