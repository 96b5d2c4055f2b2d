"""The demonstration: a virtual campus, its gateways, the broker and the hub as processes, watched from one terminal."""

import asyncio
import contextlib
import json
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
from rich.console import Console

from campushub.paths import CONFIG, CONSOLE
from campushub.processes import Child
from contract.clock import ClockSettings, parse_settings
from hub.api.shapes import Device, Status
from hub.auth import ROLES
from hub.broker import prepare
from simulator.show import CampusUnreachable, Remote

FAMILIES: Final = {"modbus": "modbus", "osdp": "card_reader", "serial_card": "card_reader", "camera": "camera",
                   "class_sign": "class_sign"}
ANNEX_AFTER_S: Final = 20.0
"""The second gateway shows up so long after the start."""
WAIT_S: Final = 60.0
WATCH_S: Final = 0.5
SKEW_MS: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """How to run it."""

    seconds: float
    report: bool
    port: int
    speed: float
    folder: Path
    influx: str = ""


class DemoFailed(Exception):
    """Something did not come up; the text says what, and the end of its log."""


def run(options: DemoOptions) -> int:
    """Run until the time is over or Ctrl-C; return the exit status."""
    console = Console(stderr=options.report)
    try:
        return asyncio.run(_Demo(options, console).run())
    except DemoFailed as error:
        console.print(f"[red]{error}[/red]")
        return 1


class _Demo:
    def __init__(self, options: DemoOptions, console: Console) -> None:
        self._options = options
        self._console = console
        self._folder = options.folder.resolve()
        self._sim_folder, self._hub_folder = self._folder / "sim", self._folder / "hub"
        self._password = ""
        self._url = ""
        self._done: set[tuple[str, str]] = set()
        self._children: dict[str, Child] = {}
        self._stop = asyncio.Event()

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        try:
            await self._start()
            self._greet()
            await self._watch()
            report = await self._report() if self._options.report else {}
        finally:
            await self._end()
        if self._options.report:
            print(json.dumps(report | self._costs()))
        return 0

    async def _start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._password = _kept_password(self._folder / "sign-in.json")
        for process in ("hub", "gw-main", "gw-annex"):  # the gateways follow the hub's clock
            self._set_clock(process)
        (self._sim_folder / "endpoints.json").unlink(missing_ok=True)
        ready = self._folder / "ready.json"
        ready.unlink(missing_ok=True)
        self._say("the virtual campus and its devices ...")
        await self._child("campus", ["simulator", "--run-dir", str(self._sim_folder), "--clock", self._clock("hub")])
        broker = prepare(self._hub_folder)
        await self._child("broker", ["campushub", "broker", "--data", str(self._hub_folder)])
        self._say("the hub ...")
        hub = ["campushub", "hub", "--config", str(CONFIG / "hub.yaml"), "--data", str(self._hub_folder), "--clock",
               self._clock("hub"), "--port", str(self._options.port), "--ready-file", str(ready)]
        if self._options.influx:
            hub += ["--influx", self._options.influx]
        await self._child("hub", hub, {"CAMPUSHUB_DEMO_PASSWORD": self._password})
        answer = await self._wait("hub", ready)
        self._url = answer["url"]
        endpoints = await self._wait("campus", self._sim_folder / "endpoints.json")
        endpoints |= {"broker_port": str(broker.port), "enrol_password": broker.passwords["enrol"],
                      "enrol_token": answer["token"]}
        endpoints.setdefault("sign_receiver_port", "0")
        _private(self._folder / "values.json", json.dumps(endpoints).encode())
        self._say("the gateway ...")
        await self._gateway("gw-main")

    async def _gateway(self, name: str) -> None:
        await self._child(name, ["campushub", "edge", "--config", str(CONFIG / "gateways" / f"{name}.yaml"),
                                 "--values", str(self._folder / "values.json"), "--data", str(self._folder / name),
                                 "--clock", self._clock(name)])

    def _greet(self) -> None:
        self._console.print(f"\n  Console   [bold]{self._url}[/bold]\n  Sign in   [bold]admin[/bold] / "
                            f"[bold]{self._password}[/bold]   (also {', '.join(role for role in ROLES)})\n"
                            f"  Trouble   campushub sim fault door-forced     (campushub sim shows the campus)\n"
                            f"  Logs      {self._folder}/*.log\n  End       Ctrl-C; history and alarms are kept\n",
                            highlight=False)
        if not (CONSOLE / "index.html").exists():
            self._console.print("[yellow]The console is not built: make console[/yellow]")

    async def _watch(self) -> None:
        """Keep everything alive, and do what only a supervisor can: the faults of our own processes."""
        began = time.monotonic()
        with contextlib.ExitStack() as stack:
            campus = stack.enter_context(Remote(self._sim_folder))
            while not self._stop.is_set():
                elapsed_s = time.monotonic() - began
                if self._options.seconds and elapsed_s >= self._options.seconds:
                    return
                if elapsed_s > ANNEX_AFTER_S and "gw-annex" not in self._children:
                    await self._gateway("gw-annex")
                for child in self._children.values():
                    child.measure()
                    if child.wanted and not child.alive:
                        child.restarts += 1
                        self._say(f"{child.name} ended ({child.returncode}) and is started again")
                        await child.start()
                await self._faults(campus)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), WATCH_S)

    async def _faults(self, campus: Remote) -> None:
        try:
            state = await asyncio.to_thread(campus.state)
        except CampusUnreachable:
            return
        wanted = {(fault.name, fault.target) for fault in state.faults}
        for name, target in wanted - self._done:
            await self._fault(name, target, begins=True)
        for name, target in self._done - wanted:
            await self._fault(name, target, begins=False)
        self._done = wanted

    async def _fault(self, name: str, target: str, *, begins: bool) -> None:
        child = self._children.get(target)
        match name, begins:
            case "gateway-offline", True if child:
                await child.end(kill=True)
            case "gateway-offline", False if child:
                await child.start()
            case "broker-restart", True:
                await self._children["broker"].end(kill=True)
                await self._children["broker"].start()
            case "clock-skew", _ if child:
                self._set_clock(target, offset_ms=int(SKEW_MS * self._options.speed) if begins else 0)

    async def _report(self) -> dict[str, Any]:
        async with self._signed_in() as http:
            status = Status.model_validate((await http.get("/api/status")).json())
            devices = [Device.model_validate(line) for line in (await http.get("/api/devices")).json()]
            totals = (await http.get("/api/totals")).json()
        live: dict[str, int] = dict.fromkeys(FAMILIES.values(), 0)
        for device in devices:
            live[FAMILIES[device.family]] += device.online
        return {
            "families_live": live, "readings": status.readings, "events": status.events, **totals,
            "historians": {historian.name: historian.points_written for historian in status.historians},
            "lost": status.lost, "duplicated": status.doubled}

    def _costs(self) -> dict[str, Any]:
        children = self._children.values()
        return {"cpu_s": round(sum(child.cpu_s for child in children), 2),
                "rss_mb": round(sum(child.peak_mb for child in children), 1),
                "by_process": {child.name: {"cpu_s": round(child.cpu_s, 2), "rss_mb": round(child.peak_mb, 1),
                                            "restarts": child.restarts} for child in children}}

    async def _end(self) -> None:
        for name in ("hub", "gw-annex", "gw-main", "broker", "campus"):  # a hub that went first mourns no gateway
            if name in self._children:
                await self._children[name].end()

    @contextlib.asynccontextmanager
    async def _signed_in(self) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(base_url=self._url, timeout=20, trust_env=False) as http:
            answer = await http.post("/api/sign-in", json={"username": "admin", "password": self._password})
            answer.raise_for_status()
            yield http

    async def _child(self, name: str, arguments: list[str], env: dict[str, str] | None = None) -> None:
        child = self._children[name] = Child(name, arguments, self._folder / f"{name}.log", env)
        await child.start()

    async def _wait(self, name: str, file: Path) -> dict[str, str]:
        """Wait until a process has written its file."""
        deadline = time.monotonic() + WAIT_S
        while not file.exists():
            if not self._children[name].alive or time.monotonic() > deadline or self._stop.is_set():
                raise DemoFailed(f"{name} did not come up:\n{self._children[name].tail()}")
            await asyncio.sleep(0.05)
        return msgspec.json.decode(file.read_bytes(), type=dict[str, str])

    def _clock(self, name: str) -> str:
        return str(self._folder / f"clock-{name}.json")

    def _set_clock(self, name: str, *, offset_ms: int = 0) -> None:
        """Write a process's clock; time goes on from where an earlier, faster run left it."""
        own, common = Path(self._clock(name)), Path(self._clock("hub"))
        wall_ms = time.time() * 1000
        if name == "hub" or not common.exists():
            began_ms = wall_ms
            if common.exists():
                began_ms = max(began_ms, parse_settings(common.read_bytes()).campus_ms(wall_ms))
            settings = ClockSettings(anchor_wall_ms=int(wall_ms), anchor_campus_ms=int(began_ms),
                                     speed=self._options.speed)
            _private(common, msgspec.json.encode(settings))
        settings = parse_settings(common.read_bytes())
        _private(own, msgspec.json.encode(msgspec.structs.replace(settings, offset_ms=offset_ms)))

    def _say(self, text: str) -> None:
        self._console.print(f"  {text}", style="dim", highlight=False)
        sys.stderr.flush()


def _kept_password(file: Path) -> str:
    """Return the sign-in's password, generated at the first run and kept for the next."""
    if file.exists():
        return msgspec.json.decode(file.read_bytes(), type=dict[str, str])["password"]
    password = secrets.token_urlsafe(9)
    _private(file, msgspec.json.encode({"password": password}))
    return password


def _private(file: Path, content: bytes) -> None:
    fresh = file.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_bytes(content)
    fresh.rename(file)
