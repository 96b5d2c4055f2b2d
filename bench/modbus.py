"""Poll devices flat out, every value changed, through the outbox to a real broker; beside it a bare loop.

Ours is durable, stamped and has quality; the bare loop (pymodbus + paho QoS 0) keeps nothing. Both poll the same server
in a process of its own. `healthy_ratio_*`: the rate of the healthy devices with silent ones beside them, against
without.
"""

import argparse
import asyncio
import gc
import resource
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import aiomqtt
import msgspec
import numpy as np
import paho.mqtt.client as paho
import uvloop
from paho.mqtt.enums import CallbackAPIVersion
from pymodbus.client import AsyncModbusTcpClient

from bench.peers import broker, child, receive, say
from contract import readings, topics
from contract.clock import Clock
from contract.messages import Ack, Birth, EventBatch, Text, decode, encode
from contract.topics import Lane
from drivers.modbus import ModbusFactory
from edge_agent.outbox import Outbox
from edge_agent.poller import DevicePoller
from edge_agent.uplink import BrokerAddress, Uplink

SITE, GATEWAY = "bench", "gw-bench"
DETECTION_S: Final = 0.55
"""A silent unit costs its time-out once, until it is known; behind one connection they come one after the other."""
BODIES: Final = 64
"""Different answers the server goes round with, so that every value changes at every read."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--devices", type=int, default=50)
    parser.add_argument("--registers", type=int, default=100)
    parser.add_argument("--silent", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.5, help="measured, each run")
    parser.add_argument("--warm-up", type=float, default=1.5, help="before it, each run")


def measure(options: argparse.Namespace) -> dict[str, object]:
    folder = Path(tempfile.mkdtemp(prefix="bench-modbus-"))
    with broker(folder) as running:
        say(f"bare pymodbus + paho QoS 0, {running.name}")
        plain = _plain_run(options, running.address)
        say("ours, all healthy")
        ours = _our_run(options, running.address, options.devices, 0, shared=False)
        ratios = {}
        for shared in (False, True):
            say(f"ours, {options.silent} silent, {'one connection' if shared else 'a connection each'}")
            ratios[shared] = _our_run(options, running.address, options.devices - options.silent, options.silent,
                                      shared=shared)["healthy_ratio"]
    return {
        "tags_per_s": round(ours["tags_per_s"]), "plain_pymodbus_tags_per_s": round(plain["tags_per_s"]),
        "ratio": round(ours["tags_per_s"] / plain["tags_per_s"], 3),
        "cpu_us_per_tag": round(ours["cpu_us_per_tag"], 3),
        "plain_cpu_us_per_tag": round(plain["cpu_us_per_tag"], 3), "rss_mb": round(ours["rss_mb"], 1),
        "healthy_ratio_with_dead": round(min(ratios.values()), 3),
        "healthy_ratio_own_connections": round(ratios[False], 3),
        "healthy_ratio_one_connection": round(ratios[True], 3),
        "lost": ours["lost"], "duplicated": ours["duplicated"], "devices": options.devices,
        "registers": options.registers, "broker": running.name,
    }


def _plain_run(options: argparse.Namespace, address: BrokerAddress) -> dict[str, Any]:
    with child(_server, options.devices, options.registers, 0, False) as server:
        ports = receive(server)
        with child(_plain, ports, address, options.registers, options.seconds, options.warm_up) as loop:
            result: dict[str, Any] = receive(loop, 60)
            return result


def _our_run(options: argparse.Namespace, address: BrokerAddress, healthy: int, silent: int, *,
             shared: bool) -> dict[str, Any]:
    folder = tempfile.mkdtemp(prefix="bench-modbus-outbox-")
    with (child(_server, healthy + silent, options.registers, silent, shared) as server,
          child(_hub, address) as hub):
        ports = receive(server)
        receive(hub)
        with child(_agent, ports, folder, address, options.registers, options.seconds, options.warm_up,
                   silent, shared) as agent:
            result: dict[str, Any] = receive(agent, 90)
        hub.send("count")
        stored = receive(hub)
    taken: int = stored["taken"]
    result |= {"lost": max(0, result["last"] - taken), "duplicated": max(0, taken - result["last"])}
    return result


# The server's process.

def _server(pipe: Connection, devices: int, registers: int, silent: int, shared: bool) -> None:  # noqa: FBT001
    """Answer reads of holding registers; the last `silent` units never do."""
    uvloop.run(_serve(pipe, devices, registers, silent, shared=shared))


async def _serve(pipe: Connection, devices: int, registers: int, silent: int, *, shared: bool) -> None:
    bodies = [np.arange(number, number + registers, dtype=">u2").tobytes() for number in range(BODIES)]
    loop = asyncio.get_running_loop()

    class Device(asyncio.Protocol):
        """One connection: every request in the buffer is answered."""

        def __init__(self, *, mute: bool) -> None:
            self.mute, self.turn, self.buffer = mute, 0, b""

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport: Any = transport

        def data_received(self, data: bytes) -> None:
            self.buffer += data
            while len(self.buffer) >= 12:
                request, self.buffer = self.buffer[:12], self.buffer[12:]
                unit = request[6]
                if self.mute or (shared and unit > devices - silent):
                    continue
                self.turn = (self.turn + 1) % BODIES
                body = bodies[self.turn]
                self.transport.write(request[:4] + (len(body) + 3).to_bytes(2, "big") + request[6:8]
                                     + len(body).to_bytes(1, "big") + body)

    servers = [await loop.create_server(
        partial(Device, mute=not shared and number >= devices - silent), "127.0.0.1", 0)
        for number in range(1 if shared else devices)]
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    pipe.send(ports * devices if shared else ports)
    await asyncio.to_thread(pipe.recv)


# The bare loop's process.

def _plain(pipe: Connection, ports: list[int], address: BrokerAddress, registers: int, seconds: float,
           warm_up: float) -> None:
    uvloop.run(_plain_loop(pipe, ports, address, registers, seconds, warm_up))


async def _plain_loop(pipe: Connection, ports: list[int], address: BrokerAddress, registers: int, seconds: float,
                      warm_up: float) -> None:
    mqtt = paho.Client(CallbackAPIVersion.VERSION2)
    if address.username:
        mqtt.username_pw_set(address.username, address.password)
    mqtt.connect(address.host, address.port)
    mqtt.loop_start()
    count = 0

    async def poll(port: int) -> None:
        nonlocal count
        client = AsyncModbusTcpClient("127.0.0.1", port=port)
        await client.connect()
        topic = f"bench/{port}"
        while True:
            answer = await client.read_holding_registers(0, count=registers, device_id=1)
            mqtt.publish(topic, msgspec.json.encode(answer.registers), qos=0)
            count += len(answer.registers)

    tasks = [asyncio.create_task(poll(port)) for port in ports]
    await asyncio.sleep(warm_up)
    before, cpu, began = count, _cpu_s(), time.perf_counter()
    await asyncio.sleep(seconds)
    tags, elapsed, spent = count - before, time.perf_counter() - began, _cpu_s() - cpu
    for task in tasks:
        task.cancel()
    pipe.send({"tags_per_s": tags / elapsed, "cpu_us_per_tag": spent / tags * 1e6})
    mqtt.disconnect()
    mqtt.loop_stop()


# The agent's process.

def _agent(pipe: Connection, ports: list[int], folder: str, address: BrokerAddress, registers: int, seconds: float,
           warm_up: float, silent: int, shared: bool) -> None:  # noqa: FBT001
    gc.freeze()
    pipe.send(uvloop.run(_agent_loop(ports, folder, address, registers, seconds, warm_up, silent, shared=shared)))


async def _agent_loop(ports: list[int], folder: str, address: BrokerAddress, registers: int, seconds: float,
                      warm_up: float, silent: int, *, shared: bool) -> dict[str, Any]:
    clock = Clock(time.time)
    outbox = Outbox(Path(folder) / "outbox.db", clock.now_ms)
    factory = ModbusFactory()
    birth = Birth(gateway=GATEWAY, name=Text(GATEWAY, GATEWAY), epoch=outbox.epoch, boot="b", at_ms=clock.now_ms())

    async def nothing(_message: object) -> None:
        return

    uplink = Uplink(site=SITE, gateway=GATEWAY, boot="b", outbox=outbox, birth=lambda: birth, on_command=nothing,
                    on_desired=nothing)
    pollers = []
    for number, port in enumerate(ports):
        settings = ModbusFactory.settings.model_validate({
            "tcp": f"127.0.0.1:{port}", "unit": number + 1 if shared else 1, "points": list(_points(registers))})
        driver = factory.create(settings)
        numbers = await outbox.numbers(f"device-{number}", [point.name for point in driver.points])
        pollers.append(DevicePoller(f"device-{number}", driver, numbers=numbers, every_ms=0, refresh_ms=10_000,
                                    outbox=outbox, clock=clock))
    healthy = len(pollers) - silent
    tasks = [asyncio.create_task(job) for job in (
        outbox.run(), uplink.run(address), *(poller.run() for poller in pollers[:healthy]))]
    watch = _Watch(outbox, Path(folder) / "outbox.db")
    rate, cpu_us, alone = await watch.over(seconds, warm_up)
    beside, again = alone, alone
    if silent:  # without, with, and without again, so that a drift of the machine cancels out
        dead = [asyncio.create_task(poller.run()) for poller in pollers[healthy:]]
        _, _, beside = await watch.over(seconds, warm_up + DETECTION_S * silent)
        for task in dead:
            task.cancel()
        await asyncio.gather(*dead, return_exceptions=True)
        _, _, again = await watch.over(seconds, warm_up / 2)
    rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for task in tasks[2:]:
        task.cancel()
    await asyncio.gather(*tasks[2:], return_exceptions=True)
    await outbox.flush()
    deadline = time.perf_counter() + 15
    while any(state.watermark < state.last for state in outbox.lanes.values()) and time.perf_counter() < deadline:
        await asyncio.sleep(0.05)
    last = sum(state.items for lane, state in outbox.lanes.items() if lane is not Lane.EVENT)
    outbox.stop()
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await factory.close()
    return {"tags_per_s": rate, "cpu_us_per_tag": cpu_us, "healthy_ratio": 2 * beside / (alone + again),
            "rss_mb": rss_mb, "last": last}


class _Watch:
    """Counts over a stretch of time."""

    def __init__(self, outbox: Outbox, path: Path) -> None:
        self._outbox = outbox
        self._disk = sqlite3.connect(path)

    async def over(self, seconds: float, warm_up: float) -> tuple[float, float, float]:
        """Return (tags per s that the hub confirmed, CPU us for each, tags per s taken from devices)."""
        await asyncio.sleep(warm_up)
        confirmed, taken, cpu, began = self._confirmed(), self._taken(), _cpu_s(), time.perf_counter()
        await asyncio.sleep(seconds)
        elapsed = time.perf_counter() - began
        tags = self._confirmed() - confirmed
        return tags / elapsed, (_cpu_s() - cpu) / max(1, tags) * 1e6, (self._taken() - taken) / elapsed

    def _taken(self) -> int:
        return sum(state.items for lane, state in self._outbox.lanes.items() if lane is not Lane.EVENT)

    def _confirmed(self) -> int:
        """What was put on the disk less what is still there: a batch leaves it when the hub has confirmed it."""
        there = self._disk.execute(
            "SELECT (SELECT coalesce(sum(items), 0) FROM lanes WHERE lane <> 'event')"
            " - (SELECT coalesce(sum(items), 0) FROM batches WHERE lane <> 'event')").fetchall()
        return int(there[0][0])


def _points(registers: int) -> Iterator[dict[str, object]]:
    for number in range(registers):
        yield {"name": f"r{number}", "kind": "holding", "address": number, "type": "uint16"}


# The acknowledging side's process: takes each batch once, like the hub, and confirms it.

def _hub(pipe: Connection, address: BrokerAddress) -> None:
    uvloop.run(_acknowledge(pipe, address))


async def _acknowledge(pipe: Connection, address: BrokerAddress) -> None:
    taken = 0
    marks: dict[str, int] = {}
    async with address.client("bench-hub") as client:
        await client.subscribe(f"campus/v1/{SITE}/{GATEWAY}/up/+", qos=1)
        pipe.send("ready")
        stop = asyncio.ensure_future(asyncio.to_thread(pipe.recv))

        async def take() -> None:
            nonlocal taken
            async for message in client.messages:
                lane = message.topic.value.rsplit("/", 1)[-1]
                if not isinstance(message.payload, bytes | bytearray):
                    continue
                if lane == Lane.EVENT:
                    events = decode(message.payload, EventBatch)
                    await _confirm(client, lane, events.epoch, events.seq)
                    continue
                batch = readings.decode(message.payload)
                if batch.seq == marks.get(lane, 0) + 1:
                    marks[lane] = batch.seq
                    taken += len(batch)
                await _confirm(client, lane, batch.epoch, marks.get(lane, 0))

        taking = asyncio.ensure_future(take())
        await stop
        pipe.send({"taken": taken})
        taking.cancel()


async def _confirm(client: aiomqtt.Client, lane: str, epoch: str, seq: int) -> None:
    await client.publish(topics.ack(SITE, GATEWAY), encode(Ack(lane=lane, epoch=epoch, seq=seq)), qos=0)


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
