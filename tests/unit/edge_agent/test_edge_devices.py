"""Devices: what they tell becomes events; those that were found are served once approved, also after a restart."""

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar

import pytest

from contract import kinds
from contract.messages import Event
from contract.topics import valid_name
from drivers.base import Candidate, DeviceEvent
from drivers.modbus.settings import ModbusSettings
from edge_agent.config import DiscoveryBase, device_model
from edge_agent.devices import Devices
from edge_agent.discovery import Discovery, found_id
from edge_agent.swipes import Swipes

METER = Candidate(identity="Acme Meter 7", address="h:1 unit 7", model="campus-io",
                  settings={"tcp": "h:1", "unit": 7, "profile": "campus-io"})


class Family:
    """Every device of this family is the one scripted reader; what can be found is told by the test."""

    settings: ClassVar[Any] = ModbusSettings
    discovery: ClassVar[Any] = DiscoveryBase

    def __init__(self, reader: Any, *found: Candidate) -> None:
        self.reader, self.found, self.created = reader, list(found), list[Any]()

    def create(self, settings: Any) -> Any:
        self.created.append(settings)
        return self.reader

    async def discover(self, settings: Any) -> Sequence[Candidate]:
        return [candidate for candidate in self.found if not self.created]

    async def close(self) -> None:
        pass


def devices_of(gateway: Any, family: Family) -> Devices:
    gateway.drivers.clear()
    devices = Devices(outbox=gateway.outbox, clock=gateway.clock, doors=gateway.doors, drivers=gateway.drivers,
                      swipes=Swipes(gateway.policy, gateway.clock, gateway.doors._card_key))
    devices._factories = {"modbus": family}
    return devices


async def settings_of(device: str = "reader-1") -> Any:
    return device_model().model_validate({
        "id": device, "name": {"en": "R", "zh": "读"}, "zone": "hall", "every": "1s",
        "modbus": {"tcp": "h:1", "unit": 1, "profile": "campus-io"}})


async def told(gateway: Any, devices: Devices, *events: DeviceEvent) -> list[Event]:
    await devices.add(await settings_of())
    async with gateway.running(devices.run):
        for event in events:
            gateway.reader.said.put_nowait(event)
        found: list[Event] = await gateway.events()
    return [event for event in found if event.kind not in (kinds.DEVICE_BACK, kinds.DOOR_CLOSED)]


@pytest.mark.parametrize(("said", "kind"), [
    (DeviceEvent(kind="motion", name="gate", value=1.0), kinds.CAMERA_MOTION),
    (DeviceEvent(kind="covered", value=1.0), kinds.CAMERA_COVERED),
    (DeviceEvent(kind="moved", value=0.0), kinds.CAMERA_MOVED),
    (DeviceEvent(kind="lost", value=1.0, text="frozen"), kinds.CAMERA_LOST),
    (DeviceEvent(kind="tamper", value=1.0), kinds.READER_TAMPER),
])
async def test_what_a_device_tells(gateway, said: DeviceEvent, kind: str) -> None:
    [event] = await told(gateway, devices_of(gateway, Family(gateway.reader)), said)
    assert (event.kind, event.device, event.zone, event.value, event.text) == (
        kind, "reader-1", "hall", said.value, said.text)
    assert event.data == ({"area": "gate"} if said.name else {})


async def test_a_card_at_a_reader_reaches_its_strike(gateway, make_policy) -> None:
    await gateway.policy.take(make_policy())
    [event] = await told(gateway, devices_of(gateway, Family(gateway.reader)),
                         DeviceEvent(kind="credential", text="card:AB12CD34"))
    assert event.kind == kinds.ACCESS_GRANTED
    assert gateway.reader.done[-2:] == [("output_0", 1.0), "green"]


async def test_a_swipe_at_a_sign_names_the_person(gateway, make_policy) -> None:
    await gateway.policy.take(make_policy())
    at_ms = gateway.clock.now_ms() - 5_000
    [event] = await told(gateway, devices_of(gateway, Family(gateway.reader)),
                         DeviceEvent(kind="swipe", text="card:AB12CD34", device_ms=at_ms))
    assert (event.kind, event.person, event.text, event.at_ms) == (kinds.SIGN_SWIPE, "p-1", "Li Wei", at_ms)
    assert "AB12CD34" not in repr(event)


async def test_a_signs_wrong_clock_is_not_believed(gateway) -> None:
    [event] = await told(gateway, devices_of(gateway, Family(gateway.reader)),
                         DeviceEvent(kind="swipe", text="card:1", device_ms=gateway.clock.now_ms() + 8 * 3_600_000))
    assert event.at_ms == gateway.clock.now_ms()


def test_a_found_device_has_a_stable_valid_name() -> None:
    names = [found_id(family, identity) for family, identity in (
        ("modbus", "Acme Meter 7"), ("class_sign", "电子班牌 #9"), ("modbus", "x" * 200), ("modbus", ""))]
    assert all(valid_name(name) for name in names)
    assert len(set(names)) == 4
    assert names[0] == found_id("modbus", "Acme Meter 7")


@pytest.fixture
def family(gateway) -> Family:
    return Family(gateway.reader, METER)


def discovery_of(gateway: Any, devices: Devices, announced: list[int]) -> Discovery:
    looking = DiscoveryBase.model_validate({"every": "10ms"})
    object.__setattr__(looking, "modbus", DiscoveryBase())
    return Discovery(looking, devices, gateway.folder, lambda: announced.append(1))


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_found_device_waits_for_approval_and_survives_a_restart(make_gateway) -> None:
    gateway, announced = make_gateway(), list[int]()
    family = Family(gateway.reader, METER)
    devices = devices_of(gateway, family)
    discovery = discovery_of(gateway, devices, announced)
    name = found_id("modbus", METER.identity)
    async with gateway.running(devices.run, discovery.run):
        await until(discovery.pending)
        [birth] = discovery.pending()
        assert (birth.id, birth.state, birth.address) == (name, "pending", "h:1 unit 7")
        assert announced
        assert not family.created, "nothing is served before somebody approves it"
        await discovery.desired([name, "somebody-else"], [])
        assert [served.state for served in devices.births()] == ["live"]
        assert discovery.pending() == []
        assert family.created[0].unit == 7
    after = make_gateway()
    later = devices_of(after, Family(after.reader))
    restored = discovery_of(after, later, announced)
    await restored.restore()
    async with after.running(later.run):
        assert list(later.served) == [name]
        await restored.desired([], [name])
        assert not later.served, "blocked: no longer served"
    assert not discovery_of(after, later, announced)._kept


async def test_a_blocked_device_is_left_out(gateway, family) -> None:
    devices = devices_of(gateway, family)
    discovery = discovery_of(gateway, devices, [])
    async with gateway.running(devices.run, discovery.run):
        await until(discovery.pending)
        await discovery.desired([], [found_id("modbus", METER.identity)])
        assert discovery.pending() == []


async def test_settings_that_cannot_be_used_leave_it_pending(gateway) -> None:
    sign = Candidate(identity="sign 9", address="", settings={"http": "", "vendor": "campus-sign"})
    devices = devices_of(gateway, Family(gateway.reader, sign))
    discovery = discovery_of(gateway, devices, [])
    async with gateway.running(devices.run, discovery.run):
        await until(discovery.pending)
        await discovery.desired([found_id("modbus", "sign 9")], [])
        assert [birth.state for birth in discovery.pending()] == ["pending"]
