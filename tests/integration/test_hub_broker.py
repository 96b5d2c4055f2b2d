"""The whole hub on the embedded broker: a gateway played by hand enrols, reports, is acknowledged; the hub restarts."""

import asyncio
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiomqtt
import msgspec
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sqlalchemy import func, select

from contract import readings, topics
from contract.clock import Clock
from contract.messages import (
    Ack,
    Birth,
    Command,
    Death,
    DeviceBirth,
    DoorBirth,
    EnrolReply,
    EnrolRequest,
    Event,
    EventBatch,
    PointBirth,
    Text,
    Welcome,
    encode,
)
from contract.sealing import token_proof, unseal
from contract.topics import Lane
from hub import service, tables
from hub.broker import BrokerFile, BrokerRefused, prepare
from hub.link import Broker
from hub.service import Hub
from hub.settings import Configuration

ROOT = Path(__file__).parents[2]
SITE, NAME, EPOCH = "school", "gw-test", "epoch-1"
T = TypeVar("T")
M = TypeVar("M", bound=msgspec.Struct)


async def until(happened: Callable[[], T | None]) -> T:
    """Wait until something is so, and return it."""
    async with asyncio.timeout(15):
        while not (found := happened()):
            await asyncio.sleep(0.01)
    return found


class BrokerProcess:
    """The embedded broker in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file: BrokerFile = prepare(folder)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with (self.folder / "broker.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "campushub", "broker", "--data", str(self.folder), cwd=ROOT,
                stdout=log, stderr=log)
        async with asyncio.timeout(20):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.file.port)
                except OSError:
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    return

    async def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self._process.wait()


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[BrokerProcess]:
    one = BrokerProcess(tmp_path / "hub")
    await one.start()
    yield one
    await one.kill()


@asynccontextmanager
async def running(broker: BrokerProcess) -> AsyncIterator[Hub]:
    """Run a hub on the broker's folder; another on the same folder goes on where it ended."""
    configuration = Configuration(ROOT / "config" / "hub.yaml")
    passwords = broker.file.passwords
    hub = Hub(configuration, broker.folder, Clock(time.time), broker.folder,
              gateway_credentials=("gateway", passwords["gateway"]))
    hub.load(lambda _connection: {})
    task = asyncio.create_task(hub.run(Broker(host="127.0.0.1", port=broker.file.port, username="hub",
                                              password=passwords["hub"])))
    try:
        await until(lambda: hub.link.connected)
        yield hub
    finally:
        assert not task.done(), task
        task.cancel()
        await asyncio.wait([task])


class Gateway:
    """A gateway played by hand."""

    def __init__(self, broker: BrokerProcess) -> None:
        self.broker = broker
        self.heard: list[tuple[str, bytes]] = []
        self.private = X25519PrivateKey.generate()

    @asynccontextmanager
    async def connected(self, username: str, password: str, *subscriptions: str) -> AsyncIterator["Gateway"]:
        death = encode(Death(gateway=NAME, boot="boot-1"))
        async with aiomqtt.Client(
            "127.0.0.1", self.broker.file.port, username=username, password=password, identifier=f"{SITE}-{NAME}",
            will=aiomqtt.Will(topics.state(SITE, NAME), death, qos=1, retain=True),
        ) as self.client:
            for topic in subscriptions:
                await self.client.subscribe(topic, qos=1)
            listening = asyncio.create_task(self._listen())
            try:
                yield self
            finally:
                listening.cancel()
                await asyncio.wait([listening])

    async def _listen(self) -> None:
        async for message in self.client.messages:
            assert isinstance(message.payload, bytes)
            self.heard.append((message.topic.value, message.payload))

    async def publish(self, topic: str, message: msgspec.Struct | bytes, *, retain: bool = False) -> None:
        payload = message if isinstance(message, bytes) else encode(message)
        await self.client.publish(topic, payload, qos=1, retain=retain)

    def all(self, topic: str, kind: type[M]) -> list[M]:
        return [msgspec.json.decode(payload, type=kind) for where, payload in self.heard if where == topic]

    async def acknowledged(self, lane: Lane, seq: int) -> Ack:
        """Wait until a lane is acknowledged so far."""
        return await until(lambda: next((ack for ack in self.all(topics.ack(SITE, NAME), Ack)
                                         if ack.lane == lane and ack.seq >= seq), None))

    async def enrol(self, token: str) -> Welcome:
        public = self.private.public_key().public_bytes_raw()
        await self.publish(topics.enrol_request(SITE, NAME), EnrolRequest(
            gateway=NAME, name=Text(NAME, NAME), public_key=public, token=token_proof(token, public)))
        reply = topics.enrol_reply(SITE, NAME)
        await until(lambda: self.all(reply, EnrolReply))
        answer = self.all(reply, EnrolReply)[-1]
        assert answer.status == "approved"
        return msgspec.json.decode(unseal(answer.sealed, self.private.private_bytes_raw()), type=Welcome)

    async def born(self) -> None:
        await self.publish(topics.state(SITE, NAME), Birth(
            gateway=NAME, name=Text(NAME, NAME), epoch=EPOCH, boot="boot-1", at_ms=now_ms(),
            devices=[DeviceBirth(id="fire-test", family="modbus", name=Text("Panel", "主机"), zone="building-a",
                                 points=[PointBirth(n=1, name="alarm"), PointBirth(n=2, name="power_kw")])],
            doors=[DoorBirth(id="door-test", name=Text("Test door", "测试门"), zone="building-a", readers=[])]),
            retain=True)

    async def readings(self, seq: int, *values: tuple[int, float]) -> None:
        columns = readings.Columns(np.array([n for n, _ in values], "<u4"), np.full(len(values), now_ms(), np.int64),
                                   np.array([value for _, value in values]), np.zeros(len(values), "u1"))
        batch = readings.pack(columns, epoch=EPOCH, seq=seq, floor=1, sent_ms=now_ms())
        await self.publish(topics.up(SITE, NAME, Lane.LIVE), readings.encode(batch))

    async def event(self, seq: int, kind: str, **fields: Any) -> None:
        await self.publish(topics.up(SITE, NAME, Lane.EVENT), EventBatch(
            epoch=EPOCH, seq=seq, floor=1, sent_ms=now_ms(), events=[Event(kind=kind, at_ms=now_ms(), **fields)]))


def now_ms() -> int:
    return int(time.time() * 1000)


ALL = (topics.ack(SITE, NAME), topics.desired(SITE, NAME), topics.cmd(SITE, NAME), topics.enrol_reply(SITE, NAME))


async def approved(hub: Hub, broker: BrokerProcess) -> tuple[Gateway, Welcome]:
    """Enrol a gateway with a token."""
    gateway = Gateway(broker)
    token = (await hub.new_token(by="test")).token
    async with gateway.connected("enrol", broker.file.passwords["enrol"], topics.enrol_reply(SITE, NAME)):
        return gateway, await gateway.enrol(token)


def alarms(hub: Hub, rule: str) -> list[str]:
    return [alarm.state for alarm in hub.alarms.list(open_only=True, limit=50) if alarm.rule == rule]


async def test_from_enrolment_to_alarm_and_on_over_the_hubs_restart(broker: BrokerProcess) -> None:
    async with running(broker) as hub:
        gateway, welcome = await approved(hub, broker)
        assert (welcome.username, welcome.password) == ("gateway", broker.file.passwords["gateway"])
    async with gateway.connected(welcome.username, welcome.password, *ALL):
        await gateway.born()  # while the hub is down: the broker keeps it
        await gateway.event(1, "door.opened", door="door-test")
        async with running(broker) as hub:
            await until(lambda: hub.registry.gateways[NAME].online)
            await gateway.readings(1, (1, 0.0), (2, 5.0))
            await gateway.acknowledged(Lane.LIVE, 1)
            await gateway.event(1, "door.opened", door="door-test")  # what was sent before went nowhere: send again
            await gateway.acknowledged(Lane.EVENT, 1)
            await gateway.event(2, "door.forced", door="door-test")
            await gateway.acknowledged(Lane.EVENT, 2)
            assert alarms(hub, "access/door-forced") == ["active"]
            assert next(door.open for door in hub.doors() if door.id == "door-test")
            await until(lambda: hub.feeders[0].written == 2)
            desired = gateway.all(topics.desired(SITE, NAME), msgspec.Raw)  # type: ignore[type-var]
            assert desired, "told what to run"
        gateway.heard.clear()
        async with running(broker) as hub:
            await until(lambda: len(gateway.all(topics.ack(SITE, NAME), Ack)) >= 2)
            standing = gateway.all(topics.ack(SITE, NAME), Ack)
            assert {(ack.lane, ack.seq, ack.resend) for ack in standing} == {("event", 2, True), ("live", 1, True)}
            assert alarms(hub, "access/door-forced") == ["active"]
            await gateway.event(2, "door.forced", door="door-test")
            await gateway.readings(1, (1, 0.0), (2, 5.0))
            await gateway.readings(2, (2, 6.0))
            await gateway.event(3, "door.closed", door="door-test")
            await gateway.acknowledged(Lane.EVENT, 3)
            await gateway.acknowledged(Lane.LIVE, 2)
            await until(lambda: hub.feeders[0].written == 3)
            status = hub.status()
            assert (status.readings, status.events, status.repeated, status.lost, status.doubled) == (3, 3, 2, 0, 0)
            with hub.store.read() as connection:
                assert connection.scalar(select(func.count()).select_from(tables.events)) == 3
            found = hub.historian.query(hub.registry.point("fire-test", "power_kw").id, 0, now_ms() + 1, 1)  # type: ignore[union-attr]
            assert (found.minimum.tolist(), found.maximum.tolist()) == ([5.0], [6.0])


async def test_hostile_messages_and_a_lost_broker_do_not_end_the_hub(
        broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "HERE_S", 0.4)
    async with running(broker) as hub:
        gateway, welcome = await approved(hub, broker)
        async with gateway.connected(welcome.username, welcome.password, *ALL):
            await gateway.born()
            await until(lambda: hub.registry.gateways[NAME].online)
            for topic in (topics.up(SITE, NAME, Lane.LIVE), topics.up(SITE, NAME, Lane.EVENT), topics.state(SITE, NAME),
                          topics.up(SITE, "nobody", Lane.LIVE), topics.enrol_request(SITE, "x")):
                for payload in (b"\x00garbage", b"[]", b"{" * 2_000):
                    await gateway.publish(topic, payload)
            await gateway.readings(1, (1, 1.0))
            await gateway.acknowledged(Lane.LIVE, 1)
            assert hub.quarantine.total == 15
            assert alarms(hub, "security/fire") == ["active"]
            command: Command = await until(lambda: next(iter(gateway.all(topics.cmd(SITE, NAME), Command)), None))
            assert (command.door, command.requester) == ("door-test", "rule:security/fire")
            await gateway.event(1, "command.result", command=command.id, reason="done")
            await until(lambda: hub.command(command.id).status == "done")
            await broker.kill()
            await until(lambda: not hub.link.connected)
        await broker.start()
        await until(lambda: hub.link.connected)
        # The broker forgot everything, the gateway's will too; it does not come back, and that is noticed.
        await until(lambda: not hub.registry.gateways[NAME].online)
        await until(lambda: hub.status().gateways_online == 0)
        async with gateway.connected(welcome.username, welcome.password, *ALL):
            await gateway.born()
            await until(lambda: hub.registry.gateways[NAME].online)
            await gateway.readings(2, (1, 0.0))
            await gateway.acknowledged(Lane.LIVE, 2)


async def test_a_hub_whose_commits_cannot_go_on_ends_and_says_why(broker: BrokerProcess) -> None:
    hub = Hub(Configuration(ROOT / "config" / "hub.yaml"), broker.folder, Clock(time.time), broker.folder,
              gateway_credentials=("gateway", "x"))
    hub.load(lambda _connection: {})
    task = asyncio.create_task(hub.run(Broker(host="127.0.0.1", port=broker.file.port, username="hub",
                                              password=broker.file.passwords["hub"])))
    await until(lambda: hub.link.connected)
    hub.commit.stage.insert(tables.numbers, {"gateway": "g", "epoch": "e", "n": 1, "point": 99})  # no such point
    hub.commit.wake()
    await asyncio.wait_for(asyncio.wait([task]), 10)
    failure = task.exception()
    assert isinstance(failure, ExceptionGroup)
    assert "FOREIGN KEY" in str(failure.exceptions[0])


def test_the_embedded_broker_listens_on_loopback_only_and_keeps_its_passwords(tmp_path: Path) -> None:
    with pytest.raises(BrokerRefused, match="mosquitto"):
        prepare(tmp_path, host="0.0.0.0")
    first = prepare(tmp_path)
    assert prepare(tmp_path) == first
    moved = prepare(tmp_path, port=first.port + 1 if first.port < 65_535 else first.port - 1)
    assert moved.passwords == first.passwords
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}
    shutil.rmtree(tmp_path)
