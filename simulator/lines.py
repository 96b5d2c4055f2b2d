"""All Modbus lines of the campus: which unit stands where, and the units that appear later."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from simulator.campus import Campus
from simulator.modbus_servers import RtuServer, Station, TcpServer
from simulator.registers import Image, load_profile
from simulator.site import DOORS, UNITS, Unit
from simulator.things import AirHandlerThing, DoorBoard, FirePanel, LightingThing, MeterThing, PumpThing, Thing
from simulator.world import World

PROFILES: Final = Path(__file__).parent.parent / "drivers" / "modbus" / "profiles"
_LUX_AT_NOON: Final = 80_000.0


class Lines:
    """Every unit's station and the servers they answer through."""

    def __init__(self, world: World, campus: Campus, profiles: Path = PROFILES) -> None:
        self.fire_panel = FirePanel()
        self._world = world
        self._campus = campus
        self._lighting: dict[str, LightingThing] = {
            name: LightingThing(panel) for name, panel in campus.lights.items()}
        loaded = {name: load_profile(profiles / f"{name}.yaml") for name in {unit.profile for unit in UNITS}}
        self.stations = {
            unit.id: Station(Image(loaded[unit.profile], self._thing(unit)), f"CV{number:05d}",
                             live=unit.profile in ("campus-io", "campus-fire"))
            for number, unit in enumerate(UNITS, 40_101)
        }
        self._servers: dict[str, TcpServer | RtuServer] = {}

    async def start(self, run_dir: Path, former: Mapping[str, str]) -> None:
        """Listen, where possible at the `former` addresses, and name the endpoints; late units are not there yet."""
        for line in dict.fromkeys(unit.line for unit in UNITS):
            stations = {unit.unit: self.stations[unit.id] for unit in UNITS if unit.line == line and not unit.late}
            if line.startswith("rtu_"):
                server: TcpServer | RtuServer = RtuServer(stations, run_dir / f"tty-{line}")
                await server.start()
            else:
                server = TcpServer(stations)
                await server.start(port_of(former.get(line, "")))
            self._servers[line] = server
            self._world.endpoints[line] = server.address

    async def stop(self) -> None:
        for server in self._servers.values():
            await server.stop()

    def appear(self, unit: Unit) -> None:
        """Connect a unit that was not there at the start."""
        self._servers[unit.line].stations[unit.unit] = self.stations[unit.id]

    def look(self) -> None:
        """The campus has moved: let every unit see it, and the lighting panels daylight and people."""
        for station in self.stations.values():
            station.stale = True
        for name, thing in self._lighting.items():
            people = self._campus.building_people(name)
            thing.outside_lux = round(self._campus.weather.sun * _LUX_AT_NOON)
            thing.motion = (people > 0, people > 8)

    def _thing(self, unit: Unit) -> Thing:
        campus = self._campus
        match unit.profile.removeprefix("campus-").split("-")[0]:
            case "meter":
                return MeterThing(campus.meters[unit.thing])
            case "ahu":
                return AirHandlerThing(campus.ahus[unit.thing])
            case "pump":
                return PumpThing(campus.pumps[unit.thing])
            case "lighting":
                return self._lighting[unit.thing]
            case "fire":
                return self.fire_panel
            case _:
                wired = sorted((door.address, door.id) for door in DOORS if door.line in ("serial", "lane"))
                return DoorBoard([self._world.doors[name] for _, name in wired])


def port_of(address: str) -> int:
    """Return the port of "host:port", 0 when there is none."""
    port = address.rpartition(":")[2]
    return int(port) if port.isdecimal() else 0
