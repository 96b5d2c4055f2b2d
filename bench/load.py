"""A gateway that does nothing but publish readings: the load of a measurement, in a process of its own.

It enrols, announces its points and sends numbered batches of the live lane, at most a window of them unacknowledged, as
the product's uplink does. A hub that asks for what it misses gets it again.
"""

import asyncio
import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import aiomqtt
import numpy as np
import structlog
import uvloop
from numpy.typing import NDArray

from bench.campus import SITE
from bench.figures import Cost, cost
from bench.servers import HOST
from contract import readings, topics
from contract.messages import Ack, Birth, DeviceBirth, PointBirth, Text, decode, encode
from contract.readings import Columns
from contract.topics import Lane
from edge_agent.enrol import Enrolment
from edge_agent.identity import Identity
from edge_agent.uplink import BrokerAddress

POINTS_A_DEVICE: Final = 100
_EPOCH: Final = "bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to send."""

    port: int
    enrol_password: str
    token: str
    folder: Path
    devices: int = 100
    batch: int = 10_000
    """Readings a batch."""
    window: int = 64
    """Batches under way."""
    readings: int = 0
    """How many in all; 0: until told to stop."""
    rate: float = 0.0
    """Readings a second; 0: as fast as they are acknowledged."""
    gateway: str = "gw-load"


@dataclass(slots=True, kw_only=True)
class Sent:
    """What was sent and acknowledged."""

    readings: int
    seconds: float
    """From the first batch out to the last acknowledgement in."""
    times_ms: NDArray[np.int64]
    """The one source time of each batch's readings, all different."""
    cost: Cost
    resends: int


class Varied:
    """Readings that all change: half of them like counters' registers (whole tenths), half like float32 meters."""

    def __init__(self, points: int, seed: int = 1) -> None:
        self._random = np.random.default_rng(seed)
        self._level = self._random.uniform(10, 400, points)
        self._points = np.arange(1, points + 1, dtype=np.uint32)
        self._at = 0
        self._last_ms = 0

    def batch(self, size: int) -> Columns:
        """Return the next readings, at a time of their own."""
        self._last_ms = max(self._last_ms + 1, int(time.time() * 1000))
        places = np.arange(self._at, self._at + size) % len(self._points)
        self._at = (self._at + size) % len(self._points)
        values = self._level[places] + self._random.standard_normal(size)
        half = size // 2
        values[:half] = np.round(values[:half], 1)
        values[half:] = values[half:].astype(np.float32)
        return Columns(self._points[places], np.full(size, self._last_ms, np.int64), values, np.zeros(size, np.uint8))


@dataclass(slots=True)
class _Lane:
    """Where the live lane stands."""

    acked: int = 0
    sent: int = 0
    made: int = 0
    resends: int = 0
    kept: dict[int, bytes] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)


def run(pipe: Connection, plan: Plan) -> None:
    """Serve the measurement's process: says "ready", begins when told, answers `Sent`."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with suppress(KeyboardInterrupt):
        uvloop.run(_run(pipe, plan))


async def _run(pipe: Connection, plan: Plan) -> None:
    identity = Identity(plan.folder)
    enrolment = Enrolment(identity, site=SITE, gateway=plan.gateway, name=Text("Load", "负载"), token=plan.token,
                          software="bench", devices=plan.devices)
    await enrolment.run(BrokerAddress(host=HOST, port=plan.port, username="enrol", password=plan.enrol_password))
    welcome = identity.welcome
    assert welcome
    address = BrokerAddress(host=HOST, port=plan.port, username=welcome.username, password=welcome.password)
    lane, stop = _Lane(), asyncio.Event()
    async with address.client(f"{SITE}-{plan.gateway}") as client:
        await client.subscribe(topics.ack(SITE, plan.gateway), qos=1)
        await client.publish(topics.state(SITE, plan.gateway), encode(_birth(plan)), qos=1, retain=True)
        pipe.send("ready")
        await asyncio.to_thread(pipe.recv)
        listening = asyncio.create_task(_listen(client, lane))
        told = asyncio.create_task(_told(pipe, stop))
        try:
            pipe.send(await _send(client, lane, plan, stop))
        finally:
            listening.cancel()
            told.cancel()


async def _told(pipe: Connection, stop: asyncio.Event) -> None:
    while not await asyncio.to_thread(pipe.poll, 0.1):
        pass
    stop.set()


async def _send(client: aiomqtt.Client, lane: _Lane, plan: Plan, stop: asyncio.Event) -> Sent:
    varied, times_ms = Varied(plan.devices * POINTS_A_DEVICE), list[int]()
    batches = plan.readings // plan.batch
    topic = topics.up(SITE, plan.gateway, Lane.LIVE)
    began_s, before = time.monotonic(), cost(os.getpid())
    while True:
        over = stop.is_set() or (batches and lane.made >= batches)
        if over and lane.acked >= lane.made:
            break
        if lane.sent - lane.acked >= plan.window or (over and lane.sent >= lane.made):
            await _next_ack(lane)
            continue
        if lane.sent == lane.made:
            if plan.rate:
                await asyncio.sleep(max(0.0, began_s + lane.made * plan.batch / plan.rate - time.monotonic()))
            columns = varied.batch(plan.batch)
            times_ms.append(int(columns.times_ms[0]))
            lane.made += 1
            lane.kept[lane.made] = readings.encode(readings.pack(
                columns, epoch=_EPOCH, seq=lane.made, floor=lane.acked + 1, sent_ms=times_ms[-1]))
        lane.sent += 1
        await client.publish(topic, lane.kept[lane.sent], qos=1)
    after = cost(os.getpid())
    return Sent(readings=lane.made * plan.batch, seconds=time.monotonic() - began_s,
                times_ms=np.array(times_ms, np.int64), resends=lane.resends,
                cost=Cost(after.cpu_s - before.cpu_s, after.rss_mb))


async def _next_ack(lane: _Lane) -> None:
    lane.news.clear()
    try:
        await asyncio.wait_for(lane.news.wait(), 3.0)
    except TimeoutError:  # nothing moved: everything unacknowledged goes again
        lane.sent = lane.acked
        lane.resends += 1


async def _listen(client: aiomqtt.Client, lane: _Lane) -> None:
    async for message in client.messages:
        assert isinstance(message.payload, bytes)
        ack = decode(message.payload, Ack)
        if ack.lane != Lane.LIVE or ack.epoch != _EPOCH:
            continue
        for seq in range(lane.acked + 1, ack.seq + 1):
            lane.kept.pop(seq, None)
        lane.acked = max(lane.acked, ack.seq)
        lane.sent = max(lane.sent, lane.acked)
        if ack.resend and lane.sent > lane.acked:
            lane.sent = lane.acked
            lane.resends += 1
        lane.news.set()


def _birth(plan: Plan) -> Birth:
    numbers = iter(range(1, plan.devices * POINTS_A_DEVICE + 1))
    devices = [DeviceBirth(
        id=f"d{device}", family="modbus", name=Text(f"Device {device}", f"设备{device}"), place="building-a/1f/a101",
        points=[PointBirth(n=next(numbers), name=f"p{point}") for point in range(POINTS_A_DEVICE)])
        for device in range(plan.devices)]
    return Birth(gateway=plan.gateway, name=Text("Load", "负载"), epoch=_EPOCH, boot="bench", devices=devices,
                 at_ms=int(time.time() * 1000))
