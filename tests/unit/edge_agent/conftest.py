"""A gateway without sockets: scripted devices at the lowest seam, everything above them real."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import pytest

from contract.clock import Clock
from contract.configuration import parse
from contract.messages import Event, EventBatch, SignedPolicy
from contract.sealing import credential_hash, public_of, sign
from contract.topics import Lane
from drivers.base import DeviceError, DeviceEvent, Driver, PointSpec, Samples
from edge_agent.config import DoorSettings
from edge_agent.doors import Doors
from edge_agent.outbox import Outbox
from edge_agent.policy import PolicyStore
from rules.access import policy as rights
from rules.calendar import Calendar, CalendarSettings

CALENDAR = Path(__file__).parents[3] / "config" / "calendar.yaml"
CARD_KEY = bytes(range(32))
SIGNING_KEY = bytes(range(32, 64))
NOON_MS = 1_790_000_000_000
DAY_MS = 86_400_000


@dataclass
class ScriptedReader:
    """A reader with a strike, a contact and an exit button, told by the test what to say and whether to obey."""

    done: list[object] = field(default_factory=list)
    """What it was told, in order."""
    broken: DeviceError | None = None
    values: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    said: asyncio.Queue[DeviceEvent] = field(default_factory=asyncio.Queue)
    gate: asyncio.Event | None = None
    """While set and not open, a write waits."""
    points: Sequence[PointSpec] = (PointSpec(name="output_0", writable=True), PointSpec(name="input_0"),
                                   PointSpec(name="input_1"))

    async def open(self) -> None:
        if self.broken:
            raise self.broken

    async def read(self) -> Samples:
        if self.broken:
            raise self.broken
        return Samples(np.array(self.values), np.zeros(3, np.uint8))

    async def write(self, point: str, value: float) -> float:
        if self.gate:
            await self.gate.wait()
        if self.broken:
            raise self.broken
        self.done.append((point, value))
        self.values[0] = value
        return value

    async def feedback(self, granted: bool) -> None:  # noqa: FBT001
        self.done.append("green" if granted else "red")

    async def events(self) -> AsyncIterator[DeviceEvent]:
        while True:
            yield await self.said.get()

    async def close(self) -> None:
        pass


@dataclass
class Wall:
    """A wall clock the test sets."""

    now_s: float = NOON_MS / 1000

    def __call__(self) -> float:
        return self.now_s


def signed_policy(version: int = 1, *, gateway: str = "gw-1", key: bytes = SIGNING_KEY,
                  doors: Sequence[str] = ("door-1",), valid_ms: int = DAY_MS) -> SignedPolicy:
    """One person, Li Wei, with the card AB12CD34 and the duress code 9911."""
    site = rights.Site(
        people=[rights.PersonRow(id="p-1", name="Li Wei", unit="Class 3-2")],
        credentials=[rights.CredentialRow(hash=credential_hash(CARD_KEY, "card:AB12CD34"), person="p-1"),
                     rights.CredentialRow(hash=credential_hash(CARD_KEY, "pin:9911"), person="p-1", duress=True)],
        grants=[rights.GrantRow(person="p-1")], schedules={})
    calendar = Calendar(parse(CALENDAR.read_text(encoding="utf-8"), str(CALENDAR), CalendarSettings))
    body = rights.encode(rights.compile_policy(
        site, [rights.DoorRow(id=door) for door in doors], calendar, version=version, issued_ms=NOON_MS,
        valid_until_ms=NOON_MS + valid_ms, name="school", gateway=gateway))
    return SignedPolicy(version=version, body=body, signature=sign(body, key))


@dataclass
class Gateway:
    """A door, its reader, and what came out of them."""

    folder: Path
    wall: Wall = field(default_factory=Wall)
    reader: ScriptedReader = field(default_factory=ScriptedReader)
    policy: PolicyStore = field(init=False)

    def __post_init__(self) -> None:
        self.clock = Clock(self.wall)
        self.outbox = Outbox(self.folder / "outbox.db", self.clock.now_ms)
        self.outbox.link_up = True
        self.policy = PolicyStore(self.folder, "gw-1")
        self.policy.trust(public_of(SIGNING_KEY))
        self.drivers: dict[str, Driver] = {"reader-1": self.reader}
        self.doors = Doors(
            [DoorSettings.model_validate({
                "id": "door-1", "name": {"en": "Door", "zh": "门"}, "zone": "hall", "readers": ["reader-1"],
                "strike": {"device": "reader-1", "point": "output_0"},
                "contact": {"device": "reader-1", "point": "input_0"},
                "rex": {"device": "reader-1", "point": "input_1"}, "held": "30s", "strike_time": "5s"})],
            drivers=self.drivers, policy=self.policy, outbox=self.outbox, clock=self.clock,
            card_key=lambda: CARD_KEY, folder=self.folder)
        self._read = 0

    async def settle(self) -> None:
        """Let everything that waits for nothing outside run its course."""
        for _ in range(20):
            await asyncio.sleep(0)

    async def events(self) -> list[Event]:
        """Return the events since the last call."""
        await self.settle()
        await self.outbox.flush()
        lane = self.outbox.lanes[Lane.EVENT]
        found: list[Event] = []
        for seq in range(self._read + 1, lane.last + 1):
            body = await self.outbox.payload(Lane.EVENT, seq, again=False)
            assert body is not None
            found += msgspec.json.decode(body, type=EventBatch).events
        self._read = lane.last
        return found

    async def kinds(self) -> list[str]:
        return [event.kind for event in await self.events()]

    @asynccontextmanager
    async def running(self, *jobs: Callable[[], Awaitable[None]]) -> AsyncIterator["Gateway"]:
        tasks = [asyncio.ensure_future(job()) for job in (self.doors.run, *jobs)]
        await self.settle()
        self.reader.done.clear()
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.outbox.stop()
            await self.outbox.run()


@pytest.fixture
def make_policy() -> Callable[..., SignedPolicy]:
    return signed_policy


@pytest.fixture
def make_gateway(tmp_path: Path) -> Callable[[], Gateway]:
    return lambda: Gateway(tmp_path)


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return Gateway(tmp_path)
