"""Devices for a gateway under test, a process of its own: Modbus counters and a strike, a card reader on a pty."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

import uvloop

from bench.servers import HOST
from simulator.osdp import OsdpReader, osdp_lines
from simulator.ptys import Pty
from simulator.serial_readers import em4100_frame
from simulator.world import DoorHardware, World

REGISTERS: Final = 100
_READ_COILS: Final = 1
_READ_HOLDING: Final = 3
_WRITE_COIL: Final = 5
_RING: Final = b"".join(number.to_bytes(2) for number in range(0x10000)) * 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """What to serve."""

    folder: Path
    swipe_every_s: float = 0.0
    """0: no card is ever held to the reader but by `swipe`."""
    osdp: bool = False
    """Serve an OSDP reader too."""


class Stamped(SimpleQueue[str]):
    """Cards held to the OSDP reader; notes when it took each, which it does just before its answer is on the wire."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[float] = []
        """Monotonic s."""

    def get_nowait(self) -> str:
        card = super().get_nowait()
        self.taken.append(time.monotonic())
        return card


class Meters(asyncio.Protocol):
    """One connection; every unit's registers count on by one at each read, unless frozen. Coil 0 is the strike."""

    counts: dict[int, int] = {}  # noqa: RUF012  # shared by all connections, as the devices are
    frozen = False
    strikes: list[float] = []  # noqa: RUF012
    """When (monotonic s) the strike was told to open."""
    held: dict[int, int] = {}  # noqa: RUF012
    """First register's value of units that stand still, by unit."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 12:
            request, self._buffer = self._buffer[:12], self._buffer[12:]
            body = self._answer(request[6], request[7:])
            self._transport.write(request[:4] + (len(body) + 1).to_bytes(2) + request[6:7] + body)

    def _answer(self, unit: int, pdu: bytes) -> bytes:
        count = int.from_bytes(pdu[3:5])
        if pdu[0] == _READ_HOLDING:
            return bytes((pdu[0], 2 * count)) + self._registers(unit, count)
        if pdu[0] == _READ_COILS:
            return bytes((pdu[0], 1, 0))
        if pdu[0] == _WRITE_COIL and pdu[3]:
            Meters.strikes.append(time.monotonic())
        return pdu

    def _registers(self, unit: int, count: int) -> bytes:
        if unit in Meters.held:
            return Meters.held[unit].to_bytes(2) * count
        at = Meters.counts.get(unit, 0) + (not Meters.frozen)
        Meters.counts[unit] = at
        return _RING[2 * at:2 * (at + count)]


def run(pipe: Connection, field: Field) -> None:
    """Serve until told "stop"; answers {"modbus": "host:port", "serial": path} first.

    Understands "freeze" (nothing changes any more), ("swipe", number) and ("set", unit, value) -> when it was done
    (monotonic s, wall ms), ("card", number) at the OSDP reader, "times" -> when OSDP cards were taken and strikes told
    to open since the last "times" (monotonic s).
    """
    uvloop.run(_serve(pipe, field))


async def _serve(pipe: Connection, field: Field) -> None:
    server = await asyncio.get_running_loop().create_server(Meters, HOST, 0)
    reader = Pty(field.folder / "tty-reader")
    reader.plug()
    ends = {"modbus": f"{HOST}:{server.sockets[0].getsockname()[1]}", "serial": str(reader.path)}
    cards = Stamped()
    async with AsyncExitStack() as stack:
        if field.osdp:
            ends |= await _osdp(stack, cards, field.folder)
        pipe.send(ends)
        await _obey(pipe, field, reader, cards)
    server.close()
    reader.pull()


async def _osdp(stack: AsyncExitStack, cards: Stamped, folder: Path) -> dict[str, str]:
    """Serve one OSDP reader; return its path and key."""
    world = World(doors={"d0": DoorHardware("d0", cards=cards)})
    await stack.enter_async_context(osdp_lines(world, {"osdp_line_1": [OsdpReader("d0", "d0", 0)]}, folder))
    return {"osdp": world.endpoints["osdp_line_1"], "osdp_key": world.endpoints["osdp_key_d0"]}


async def _obey(pipe: Connection, field: Field, reader: Pty, cards: Stamped) -> None:
    loop = asyncio.get_running_loop()
    swiping = loop.create_task(_swipe(reader, field.swipe_every_s)) if field.swipe_every_s else None
    while True:
        match await asyncio.to_thread(pipe.recv):
            case "freeze":
                Meters.frozen = True
                if swiping:
                    swiping.cancel()
                pipe.send("frozen")
            case ("swipe", number):
                reader.write(em4100_frame(f"{number:010X}"))
                pipe.send((time.monotonic(), time.time() * 1000))
            case ("set", unit, value):
                Meters.held[unit] = value
                pipe.send((time.monotonic(), time.time() * 1000))
            case ("card", number):
                cards.put(f"{number:010X}")
            case "times":
                pipe.send((cards.taken, Meters.strikes))
                cards.taken, Meters.strikes = [], []
            case _:
                return


async def _swipe(reader: Pty, every_s: float) -> None:
    number = 0
    while True:
        await asyncio.sleep(every_s)
        number += 1
        reader.write(em4100_frame(f"{number:010X}"))


def points(registers: int) -> Iterator[dict[str, object]]:
    """Yield the settings of a device's registers."""
    for number in range(registers):
        yield {"name": f"r{number}", "kind": "holding", "address": number, "type": "uint16"}


def gateway(
    broker_port: int, users: dict[str, str], token: str, ends: dict[str, str], *, units: int, every: str,
    registers: int = REGISTERS, strike_time: str = "200ms",
) -> dict[str, Any]:
    """Return the configuration of a gateway that serves all of this: devices m1 ..., the reader, one door."""
    def device(identity: str, **more: object) -> dict[str, object]:
        return {"id": identity, "name": {"en": identity, "zh": identity}, "place": "building-a/1f/a101",
                "zone": "building-a", "refresh": "1h", **more}

    meters = [device(f"m{unit}", every=every, modbus={"tcp": ends["modbus"], "unit": unit,
                                                      "points": list(points(registers))})
              for unit in range(1, units + 1)]
    strike = device("strike", every="1s", modbus={"tcp": ends["modbus"], "unit": 200, "points": [
        {"name": "open", "kind": "coil", "address": 0, "writable": True}]})
    reader = device("reader", every="1s", serial_card={"serial": ends["serial"], "kind": "em4100"})
    readers = [reader]
    if "osdp" in ends:
        readers.append(device("osdp", every="1s", osdp={"serial": ends["osdp"], "address": 0, "key": ends["osdp_key"]}))
    return {
        "gateway": {"id": "gw-bench", "name": {"en": "Bench", "zh": "基准"}, "site": "school"},
        "broker": {"host": HOST, "port": broker_port, "enrol_username": "enrol", "enrol_password": users["enrol"],
                   "token": token},
        "devices": [*meters, strike, *readers],
        "doors": [{"id": "door-bench", "name": {"en": "Bench door", "zh": "基准门"},
                   "readers": [each["id"] for each in readers],
                   "place": "building-a/1f/a101", "zone": "building-a", "lane": True, "strike_time": strike_time,
                   "strike": {"device": "strike", "point": "open"}}]}
