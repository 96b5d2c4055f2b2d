"""How fast a card opens a door, and what an idle line of readers costs: `python -m bench.readers`.

The simulated readers run in a process of their own; both sides take the machine's monotonic clock. The pseudo-terminal
carries bytes at once, so the figures are above the wire's own time.
"""

import asyncio
import multiprocessing
import random
import resource
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import Final

import uvloop

from drivers.osdp import OsdpDriver, OsdpFactory, OsdpSettings
from simulator.osdp import OsdpReader, osdp_lines
from simulator.world import DoorHardware, World

LINE: Final = "osdp_line_1"
READERS: Final = 4
CARDS: Final = 200
IDLE_S: Final = 10.0
Times = dict[str, list[float]]


class _Stamped(SimpleQueue[str]):
    """Notes when the reader took a card, which it does just before its answer goes onto the wire."""

    def __init__(self, taken: list[float]) -> None:
        super().__init__()
        self._taken = taken

    def get_nowait(self) -> str:
        card = super().get_nowait()
        self._taken.append(time.monotonic())
        return card


async def _serve(pipe: Connection, run_dir: Path, dead: int) -> None:
    """Hold cards to the readers; note when each was on the wire and when its strike arrived."""
    on_wire: list[float] = []
    struck: list[float] = []
    doors = {f"d{number}": DoorHardware(f"d{number}", cards=_Stamped(on_wire)) for number in range(READERS)}
    arrived = asyncio.Event()

    def on_strike(_on: bool) -> None:  # noqa: FBT001
        struck.append(time.monotonic())
        arrived.set()

    world = World(doors=doors)
    lines = {LINE: [OsdpReader(door, door, number) for number, door in enumerate(doors)]}
    async with osdp_lines(world, lines, run_dir) as faults:
        faults.silent.update(list(doors)[READERS - dead:])
        pipe.send(dict(world.endpoints))
        await asyncio.to_thread(pipe.recv)
        for number in range(CARDS):
            name = f"d{number % (READERS - dead)}"
            arrived.clear()
            doors[name].on_strike = on_strike
            doors[name].cards.put(f"{number + 1:010X}")
            await asyncio.wait_for(arrived.wait(), 5)
            await asyncio.sleep(random.uniform(0.05, 0.12))  # noqa: S311
        pipe.send({"on_wire": on_wire, "struck": struck})
        await asyncio.to_thread(pipe.recv)


def _serve_in_process(pipe: Connection, run_dir: Path, dead: int) -> None:
    asyncio.run(_serve(pipe, run_dir, dead))


async def _open_doors(reader: OsdpDriver, heard: list[float]) -> None:
    on = 0
    async for event in reader.events():
        if event.kind == "credential":
            heard.append(time.monotonic())
            on = 1 - on
            await reader.write("output_0", on)
            await reader.feedback(granted=True)


async def _gateway(pipe: Connection, dead: int) -> None:
    endpoints = pipe.recv()
    factory = OsdpFactory()
    readers = []
    for number in range(READERS):
        settings = OsdpSettings(serial=endpoints[LINE], address=number, key=endpoints[f"osdp_key_d{number}"])
        readers.append(factory.create(settings))
    for reader in readers:
        await reader.open()
    alive = readers[: READERS - dead]
    for reader in alive:
        await reader.read()
    heard: list[float] = []
    await asyncio.sleep(1)
    async with asyncio.TaskGroup() as tasks:
        serving = [tasks.create_task(_open_doors(reader, heard)) for reader in alive]
        cpu_before, wall_before = _cpu_s(), time.monotonic()
        await asyncio.sleep(IDLE_S)
        idle = (_cpu_s() - cpu_before) / (time.monotonic() - wall_before)
        pipe.send("go")
        times: Times = await asyncio.to_thread(pipe.recv)
        for task in serving:
            task.cancel()
    for reader in readers:
        await reader.close()
    pipe.send("end")
    print(f"{READERS} readers on a line, {dead} dead: idle {idle:.2%} of a core")
    _show("card on the wire -> event", times["on_wire"], heard)
    _show("event -> strike at the reader", heard, times["struck"])
    _show("card on the wire -> strike at the reader", times["on_wire"], times["struck"])


def _show(what: str, begun: list[float], ended: list[float]) -> None:
    taken = sorted((end - begin) * 1000 for begin, end in zip(begun, ended, strict=True))
    p50, p99 = taken[len(taken) // 2], taken[len(taken) * 99 // 100]
    print(f"  {what}: p50 {p50:.2f} ms, p99 {p99:.2f} ms, max {taken[-1]:.2f} ms, {len(taken)} cards")


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    context = multiprocessing.get_context("spawn")
    for dead in (0, 1):
        with tempfile.TemporaryDirectory() as run_dir:
            ours, theirs = context.Pipe()
            campus = context.Process(target=_serve_in_process, args=(theirs, Path(run_dir), dead))
            campus.start()
            uvloop.run(_gateway(ours, dead))
            campus.join(10)


if __name__ == "__main__":
    main()
