"""The whole gateway against a real broker and a scripted hub: nothing is lost, nothing leaves a gap."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiomqtt
import msgspec
import pytest

from contract import topics
from contract.clock import Clock
from contract.messages import (
    Ack,
    Birth,
    Command,
    Death,
    Desired,
    EnrolReply,
    EnrolRequest,
    Event,
    EventBatch,
    Welcome,
    decode,
    decode_state,
    encode,
)
from contract.sealing import public_of, seal
from contract.topics import Lane
from edge_agent.agent import Agent
from edge_agent.config import load

CONFIG = """\
gateway: {id: gw-1, name: {en: G, zh: 网关}, site: school}
broker: {host: 127.0.0.1, port: "${port}", enrol_username: enrol, enrol_password: come-in}
devices: []
"""
USERS = {"enrol": "come-in", "gw-1": "own-secret", "hub": "hub-secret"}


@dataclass
class ScriptedHub:
    """Stores what is next in its lane, drops what it has, asks for what it misses; acks as long as it may."""

    port: int
    acking: bool = True
    events: list[str] = field(default_factory=list)
    seqs: list[int] = field(default_factory=list)
    """Every seq that came, doubled ones included."""
    stored: int = 0
    births: list[Birth] = field(default_factory=list)
    deaths: list[Death] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    enrolled: int = 0
    client: aiomqtt.Client | None = None

    async def run(self) -> None:
        while True:
            with contextlib.suppress(aiomqtt.MqttError):
                async with aiomqtt.Client("127.0.0.1", self.port, username="hub", password=USERS["hub"],
                                          timeout=1) as client:
                    await client.subscribe([(name, 1) for name in topics.hub_filters("school")])
                    self.client = client
                    async for message in client.messages:
                        assert isinstance(message.payload, bytes)
                        await self._take(client, message.topic.value, message.payload)
            self.client = None
            await asyncio.sleep(0.05)

    async def _take(self, client: aiomqtt.Client, topic: str, payload: bytes) -> None:
        if topics.parse_enrolment(topic):
            await self._welcome(client, decode(payload, EnrolRequest))
        elif topic == topics.state("school", "gw-1"):
            state = decode_state(payload)
            (self.births if isinstance(state, Birth) else self.deaths).append(state)  # type: ignore[arg-type]
        elif topic == topics.up("school", "gw-1", Lane.EVENT):
            await self._store(client, msgspec.json.decode(payload, type=EventBatch))

    async def _welcome(self, client: aiomqtt.Client, request: EnrolRequest) -> None:
        self.enrolled += 1
        welcome = Welcome(username="gw-1", password=USERS["gw-1"], card_key=bytes(32), policy_key=public_of(bytes(32)))
        await client.publish(topics.enrol_reply("school", "gw-1"), encode(EnrolReply(
            gateway="gw-1", status="approved", sealed=seal(encode(welcome), request.public_key))), qos=1)

    async def _store(self, client: aiomqtt.Client, batch: EventBatch) -> None:
        self.seqs.append(batch.seq)
        if not self.acking:
            return
        missing = batch.seq > self.stored + 1
        if batch.seq == self.stored + 1:
            self.stored = batch.seq
            self.events += [event.text for event in batch.events if event.text]
            self.results += [event.reason for event in batch.events if event.command]
        await client.publish(topics.ack("school", "gw-1"), encode(
            Ack(lane=Lane.EVENT, epoch=batch.epoch, seq=self.stored, resend=missing)), qos=1)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def agent_running(folder: Path, port: int) -> AsyncIterator[Agent]:
    agent = Agent(load(CONFIG, "gw.yaml", {"port": str(port)}), folder, Clock(time.time))
    stop = asyncio.Event()
    task = asyncio.create_task(agent.run(stop, None))
    try:
        yield agent
    finally:
        stop.set()
        await task


@asynccontextmanager
async def hub_running(port: int) -> AsyncIterator[ScriptedHub]:
    hub = ScriptedHub(port)
    task = asyncio.create_task(hub.run())
    try:
        yield hub
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def happen(agent: Agent, text: str) -> None:
    agent.outbox.add_event(Event(kind="door.opened", at_ms=agent.clock.now_ms(), text=text))


@pytest.fixture
def broker(start_mosquitto: Callable[..., Any]) -> Any:
    return start_mosquitto(users=USERS)


async def test_a_broker_killed_and_started_anew_loses_nothing(broker: Any, tmp_path: Path) -> None:
    async with hub_running(broker.port) as hub, agent_running(tmp_path / "gw", broker.port) as agent:
        await until(lambda: agent.uplink.connected)
        texts = [f"event {number}" for number in range(60)]
        for number, text in enumerate(texts):
            happen(agent, text)
            await asyncio.sleep(0.005)
            if number == 20:
                await until(lambda: hub.stored)
                await asyncio.to_thread(broker.kill)
            if number == 40:
                await asyncio.to_thread(broker.start)
        await until(lambda: len(hub.events) >= len(texts))
        await until(lambda: agent.outbox.lanes[Lane.EVENT].watermark == hub.stored)
        assert hub.events == texts
        assert set(hub.seqs) == set(range(1, hub.stored + 1))


async def test_batches_nobody_acknowledged_are_sent_again(
    broker: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge_agent.uplink.STILL_S", 0.3)
    async with hub_running(broker.port) as hub, agent_running(tmp_path / "gw", broker.port) as agent:
        await until(lambda: agent.uplink.connected)
        hub.acking = False
        for text in ("one", "two"):
            happen(agent, text)
            await agent.outbox.flush()
        await until(lambda: hub.seqs.count(1) >= 2)
        assert agent.outbox.lanes[Lane.EVENT].watermark == 0
        assert not agent.outbox.link_up, "readings go to the backfill meanwhile"
        hub.acking = True
        await until(lambda: agent.outbox.lanes[Lane.EVENT].watermark == 2)
        assert hub.events == ["one", "two"]


async def test_what_was_not_acknowledged_is_sent_after_a_restart(broker: Any, tmp_path: Path) -> None:
    async with hub_running(broker.port) as hub:
        async with agent_running(tmp_path / "gw", broker.port) as agent:
            await until(lambda: agent.uplink.connected)
            hub.acking = False
            happen(agent, "before")
            await until(lambda: hub.seqs)
        await until(lambda: hub.deaths)
        assert hub.deaths[-1].planned
        hub.acking = True
        async with agent_running(tmp_path / "gw", broker.port) as agent:
            happen(agent, "after")
            await until(lambda: len(hub.events) == 2)
            assert hub.events == ["before", "after"]
            assert hub.enrolled == 1, "the welcome was kept"
            assert hub.births[0].epoch == hub.births[-1].epoch


async def test_refused_credentials_are_asked_for_anew(
    broker: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge_agent.agent.REFUSED_PAUSE_S", 0.0)
    async with hub_running(broker.port) as hub:
        await until(lambda: hub.client)
        async with agent_running(tmp_path / "gw", broker.port) as agent:
            await until(lambda: agent.uplink.connected)
            stale = agent.identity.welcome
            assert stale is not None
            agent.identity.admit(msgspec.structs.replace(stale, password="changed at the hub"))
        async with agent_running(tmp_path / "gw", broker.port) as agent:
            await until(lambda: agent.uplink.connected)
            assert hub.enrolled == 2
            assert agent.identity.welcome == stale


async def test_a_command_and_what_is_desired_reach_the_gateway(broker: Any, tmp_path: Path) -> None:
    async with hub_running(broker.port) as hub, agent_running(tmp_path / "gw", broker.port) as agent:
        await until(lambda: agent.uplink.connected)
        assert hub.client is not None
        now_ms = agent.clock.now_ms()
        await hub.client.publish(topics.cmd("school", "gw-1"), encode(Command(
            id="c-1", at_ms=now_ms, expires_ms=now_ms + 60_000, requester="guard", action="door_open", door="none")))
        await hub.client.publish(topics.cmd("school", "gw-1"), b"{")
        await hub.client.publish(topics.desired("school", "gw-1"), encode(Desired(version=7)), retain=True)
        await until(lambda: hub.results == ["refused"])
        await until(lambda: hub.births[-1].desired_version == 7)


async def test_a_gateway_stops_without_its_broker(broker: Any, tmp_path: Path) -> None:
    async with hub_running(broker.port), agent_running(tmp_path / "gw", broker.port) as agent:
        await until(lambda: agent.uplink.connected)
        await asyncio.to_thread(broker.kill)
        happen(agent, "kept")
    async with hub_running(broker.port) as hub, agent_running(tmp_path / "gw", broker.port):
        await asyncio.to_thread(broker.start)
        await until(lambda: hub.events == ["kept"])
