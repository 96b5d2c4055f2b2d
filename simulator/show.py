"""The campus in a terminal, and trouble by command: what `campushub sim`, `fault` and `clear` call."""

import time
from pathlib import Path
from typing import Final, Self

import httpx
import msgspec
from rich.columns import Columns
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from simulator.control import ENDPOINT, TOKEN_FILE, FaultState, State
from simulator.main import ENDPOINTS_FILE

_EVERY_S: Final = 1.0
_TIMEOUT_S: Final = 3.0
_HTTP_OK: Final = 200
_FULL_KW: Final = 200.0
_BAR: Final = 24


class CampusUnreachable(Exception):
    """No campus runs in this folder, or it does not answer; the text says which."""


class FaultRefused(Exception):
    """The campus knows no such fault or target; the text lists those it knows."""


class Remote:
    """A running campus, found by its run's folder."""

    def __init__(self, run_dir: Path) -> None:
        try:
            endpoints = msgspec.json.decode((run_dir / ENDPOINTS_FILE).read_bytes(), type=dict[str, str])
            token = (run_dir / TOKEN_FILE).read_text()
            address = endpoints[ENDPOINT]
        except (OSError, KeyError, msgspec.DecodeError) as error:
            raise CampusUnreachable(f"no campus runs in {run_dir}") from error
        self._http = httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=_TIMEOUT_S,
                                  trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._http.close()

    def state(self) -> State:
        return msgspec.json.decode(self._ask("GET", "/state"), type=State)

    def fault(self, name: str, target: str = "") -> FaultState:
        parameters = f"?target={target}" if target else ""
        return msgspec.json.decode(self._ask("POST", f"/fault/{name}{parameters}"), type=FaultState)

    def clear(self, name: str = "") -> list[str]:
        answer = self._ask("POST", f"/clear/{name}" if name else "/clear")
        return msgspec.json.decode(answer, type=dict[str, list[str]])["cleared"]

    def _ask(self, method: str, path: str) -> bytes:
        try:
            answer = self._http.request(method, path)
        except httpx.HTTPError as error:
            raise CampusUnreachable(f"the campus does not answer: {error}") from error
        if answer.status_code != _HTTP_OK:
            raise FaultRefused(answer.text)
        return answer.content


def fault(run_dir: Path, name: str, target: str = "") -> FaultState:
    """Begin a fault; raise `FaultRefused` when there is none of this name."""
    with Remote(run_dir) as campus:
        return campus.fault(name, target)


def clear(run_dir: Path, name: str = "") -> list[str]:
    """End one fault, or all of them; return the names of those that were on."""
    with Remote(run_dir) as campus:
        return campus.clear(name)


def main(run_dir: Path, *, once: bool = False) -> None:
    """Show the campus until interrupted; `once` prints it and returns."""
    with Remote(run_dir) as campus:
        console = Console()
        if once:
            console.print(picture(campus.state()))
            return
        with Live(picture(campus.state()), console=console, screen=True, auto_refresh=False) as live:
            while True:
                time.sleep(_EVERY_S)
                live.update(picture(campus.state()), refresh=True)


def picture(state: State) -> Group:
    """Draw the state."""
    head = Text.assemble(("Virtual campus  ", "bold"), state.time, f"  x{state.speed:g}",
                         f"  outside {state.outdoor_c:.1f} °C", f"  {sum(state.people.values())} people")
    return Group(head, Columns([_people(state), _doors(state), _loads(state), _zones(state)]), _faults(state))


def _people(state: State) -> Panel:
    table = Table.grid(padding=(0, 2))
    for place, count in state.people.items():
        table.add_row(place, Text(str(count), justify="right"))
    return Panel(table, title="people")


def _doors(state: State) -> Panel:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, min_width=max(len(door.id) for door in state.doors))
    for _ in range(5):
        table.add_column(no_wrap=True)
    for door in state.doors:
        leaf = Text("open", style="bold") if door.open else Text("closed", style="dim")
        lock = Text("released") if door.strike else Text("locked", style="dim")
        table.add_row(door.id, leaf, lock, f"{door.passages} passed", f"{door.refused} not",
                      f"{door.waiting} waiting" if door.waiting else "")
    return Panel(table, title="doors")


def _loads(state: State) -> Panel:
    table = Table.grid(padding=(0, 2))
    for load in state.loads:
        bar = "█" * min(_BAR, round(load.power_kw / _FULL_KW * _BAR))
        table.add_row(load.id, Text(f"{load.power_kw:.1f} kW", justify="right"),
                      Text(f"{load.energy_kwh:,.1f} kWh", justify="right", style="dim"), bar)
    return Panel(table, title="loads")


def _zones(state: State) -> Panel:
    table = Table.grid(padding=(0, 2))
    for zone in state.zones:
        table.add_row(zone.id, f"{zone.temperature_c:.1f} °C", f"{zone.co2_ppm:.0f} ppm",
                      f"fan {zone.fan_percent:.0f} %")
    return Panel(table, title="air")


def _faults(state: State) -> Panel:
    table = Table.grid(padding=(0, 2))
    for active in state.faults:
        table.add_row(Text(active.name, style="bold red"), active.target)
    known = ", ".join(sorted(state.known_faults))
    return Panel(Group(table, Text(f"to make trouble: {known}", style="dim")), title="faults")
