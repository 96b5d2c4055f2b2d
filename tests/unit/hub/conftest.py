"""A whole hub on a folder of its own, without any socket: what it would publish is looked at in its outbox."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from sqlalchemy import Table, select

from contract import readings, topics
from contract.clock import Clock
from contract.messages import (
    Ack,
    Birth,
    Command,
    Death,
    DeviceBirth,
    DoorBirth,
    Event,
    EventBatch,
    PointBirth,
    Text,
    encode,
)
from contract.topics import Lane
from hub.registry import Gateway
from hub.service import Hub
from hub.settings import Configuration
from hub.tables import audit

CONFIG = Path(__file__).parents[3] / "config"
NOW_MS = 1_796_000_000_000
SITE = "school"
EPOCH = "e1"
RULES = {
    "access/door-held.yaml": """
id: access/door-held
title: {en: Door held, zh: 开门超时}
priority: 3
when: {event: door.held, until: door.closed}
message: {en: "{door} stands open", zh: "{door}开门超时"}
actions: [{alarm: true}, {notify: gate}]
""",
    "energy/power.yaml": """
id: energy/power
title: {en: Power, zh: 功率}
priority: 2
scope: {name: power_kw}
when: {above: 100, clear: 90}
for: 60s
message: {en: "{value} kW", zh: "{value} kW"}
actions: [{alarm: true}, {notify: facilities}]
edit:
  above: {min: 50, max: 200, step: 10, unit: kW, label: {en: Limit, zh: 限值}}
""",
    "security/gateway-offline.yaml": """
id: security/gateway-offline
title: {en: Gateway offline, zh: 网关离线}
priority: 2
when: {event: gateway.lost, until: gateway.back}
message: {en: "{gateway} is away", zh: "{gateway}离线"}
""",
    "security/device-offline.yaml": """
id: security/device-offline
title: {en: Device offline, zh: 设备离线}
priority: 3
when: {event: device.lost, until: device.back}
message: {en: "{device} is lost", zh: "{device}失联"}
suppress_when: {rule: security/gateway-offline, by: gateway}
""",
    "security/fire.yaml": """
id: security/fire
title: {en: Fire, zh: 火警}
priority: 1
scope: {name: alarm}
when: {equals: 1}
message: {en: "Fire: {device}", zh: "{device}火警"}
unsuppressible: true
actions: [{alarm: true}, {command: {doors: all, action: door_release}}]
""",
}


def text(name: str) -> Text:
    return Text(name, name)


def write_config(folder: Path) -> Path:
    """Write a small configuration; return hub.yaml."""
    for name in ("site.yaml", "people.yaml", "people.csv", "calendar.yaml"):
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(CONFIG / name, folder / name)
    for name, rule in RULES.items():
        (folder / "rules" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "rules" / name).write_text(rule, encoding="utf-8")
    (folder / "hub.yaml").write_text("http: {port: 0}\n", encoding="utf-8")
    return folder / "hub.yaml"


class Sent(msgspec.Struct):
    """What the hub published."""

    topic: str
    payload: bytes
    retain: bool


class Desk:
    """A hub, its gateway gw-a, and campus time in our hand."""

    def __init__(self, folder: Path, configuration: Configuration) -> None:
        self.folder = folder
        self.now_ms = NOW_MS
        self.seqs: dict[Lane, int] = dict.fromkeys(Lane, 0)
        self.configuration = configuration
        self.alive = False
        self.open()

    def open(self) -> None:
        clock = Clock(lambda: self.now_ms / 1000)
        self.hub = Hub(self.configuration, self.folder / "state", clock, self.folder,
                       gateway_credentials=("gateway", "broker-password"))
        self.hub.load(lambda _connection: {})
        self.commits = asyncio.get_running_loop().create_task(self.hub.commit.run())
        self.alive = True

    async def close(self) -> None:
        if self.alive:
            self.alive = False
            self.hub.commit.stop()
            await self.commits
            for feeder in self.hub.feeders:
                await feeder.finish()
            self.hub.store.close()

    async def restart(self) -> None:
        """End the hub and start another on the same folder."""
        await self.close()
        self.open()

    async def committed(self) -> None:
        await self.hub.commit.change(lambda _connection: None)

    def sent(self, kind: str = "") -> list[Sent]:
        """Take what was published since the last look, on topics that end so."""
        found = [Sent(*message) for message in self.hub.link._out]
        self.hub.link._out.clear()
        return [message for message in found if message.topic.endswith(kind)]

    def acks(self) -> list[Ack]:
        return [msgspec.json.decode(message.payload, type=Ack) for message in self.sent("/ack")]

    def commands(self) -> list[Command]:
        return [msgspec.json.decode(message.payload, type=Command) for message in self.sent("/cmd")]

    def rows(self, table: Table) -> list[Any]:
        with self.hub.store.read() as connection:
            return list(connection.execute(select(table)).all())

    def audited(self) -> list[tuple[str, str, str]]:
        """Return (who, what, of what) of the audit log, without what the hub did itself."""
        return [(row.actor, row.action, row.subject) for row in self.rows(audit) if row.actor != "hub"]

    # What the gateway says.

    def approve(self, name: str = "gw-a") -> Gateway:
        gateway = Gateway(name, text(name), "approved", b"k" * 32)
        self.hub.registry.gateways[name] = gateway
        self.hub.registry.keep(gateway)
        return gateway

    def birth(self, name: str = "gw-a", *, epoch: str = EPOCH, boot: str = "b1", prefix: str = "",
              devices: list[DeviceBirth] | None = None, doors: list[DoorBirth] | None = None) -> Birth:
        meter = DeviceBirth(id=f"{prefix}meter", family="modbus", name=text("Meter"), zone="building-a",
                            points=[PointBirth(n=1, name="power_kw", unit="kW"), PointBirth(n=2, name="energy_kwh")])
        panel = DeviceBirth(id=f"{prefix}fire-panel", family="modbus", name=text("Panel"), zone="building-a",
                            points=[PointBirth(n=3, name="alarm")])
        return Birth(
            gateway=name, name=text(name), epoch=epoch, boot=boot, at_ms=self.now_ms,
            devices=[meter, panel] if devices is None else devices,
            doors=[DoorBirth(id=f"{prefix}door-{n}", name=text(f"Door {n}"), zone="building-a", readers=[])
                   for n in (1, 2)] if doors is None else doors)

    def born(self, name: str = "gw-a", **changed: Any) -> None:
        self.hub._message(topics.state(SITE, name), encode(self.birth(name, **changed)))

    def die(self, name: str = "gw-a", boot: str = "b1") -> None:
        self.hub._message(topics.state(SITE, name), encode(Death(gateway=name, boot=boot)))

    def events(self, *events: Event, seq: int = 0, floor: int = 1, epoch: str = EPOCH, name: str = "gw-a") -> None:
        self.seqs[Lane.EVENT] = seq or self.seqs[Lane.EVENT] + 1
        batch = EventBatch(epoch=epoch, seq=self.seqs[Lane.EVENT], floor=floor, sent_ms=self.now_ms,
                           events=list(events))
        self.hub._message(topics.up(SITE, name, Lane.EVENT), encode(batch))

    def event(self, kind: str, **fields: Any) -> Event:
        return Event(kind=kind, at_ms=self.now_ms, **fields)

    def readings(self, *values: tuple[int, float], seq: int = 0, floor: int = 1, lane: Lane = Lane.LIVE,
                 epoch: str = EPOCH, at_ms: int = 0, name: str = "gw-a") -> None:
        """Send one batch of (point number, value)."""
        self.seqs[lane] = seq or self.seqs[lane] + 1
        n = len(values)
        columns = readings.Columns(
            np.array([number for number, _ in values], "<u4"), np.full(n, at_ms or self.now_ms, np.int64),
            np.array([value for _, value in values], "<f8"), np.zeros(n, "u1"))
        batch = readings.pack(columns, epoch=epoch, seq=self.seqs[lane], floor=floor, sent_ms=self.now_ms)
        self.hub._message(topics.up(SITE, name, lane), readings.encode(batch))

    def point(self, name: str, device: str = "meter") -> int:
        point = self.hub.registry.point(device, name)
        assert point is not None
        return point.id


@pytest.fixture(scope="session")
def small_configuration(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    return Configuration(write_config(tmp_path_factory.mktemp("config")))


@pytest.fixture
async def desk(tmp_path: Path, small_configuration: Configuration) -> AsyncIterator[Desk]:
    """Return a running hub with one approved gateway that has said what it serves."""
    one = Desk(tmp_path, small_configuration)
    one.approve()
    one.born()
    await one.committed()
    one.sent()
    yield one
    await one.close()
