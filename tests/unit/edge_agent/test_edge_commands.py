"""Commands: once, in time, and each with its result."""

import pytest

from contract import kinds
from contract.messages import Command
from drivers.base import DeviceRefused, DeviceSilent
from edge_agent.commands import Commands
from edge_agent.config import device_model
from edge_agent.devices import Devices
from edge_agent.swipes import Swipes


@pytest.fixture
def commands(gateway) -> Commands:
    swipes = Swipes(gateway.policy, gateway.clock, lambda: None)
    devices = Devices(outbox=gateway.outbox, clock=gateway.clock, doors=gateway.doors, drivers=gateway.drivers,
                      swipes=swipes)
    return Commands(outbox=gateway.outbox, clock=gateway.clock, devices=devices, doors=gateway.doors)


def order(gateway, **fields: object) -> Command:
    now_ms = gateway.clock.now_ms()
    return Command(**{"id": "c-1", "at_ms": now_ms, "expires_ms": now_ms + 15_000, "requester": "guard", **fields})


async def results(gateway) -> list[tuple[object, ...]]:
    return [(event.command, event.reason, event.text, event.value)
            for event in await gateway.events() if event.kind == kinds.COMMAND_RESULT]


async def test_a_written_point_is_read_back(gateway, commands) -> None:
    async with gateway.running():
        await commands.take(order(gateway, action="write", device="reader-1", point="output_0", value=1.0))
        assert await results(gateway) == [("c-1", "done", "", 1.0)]


@pytest.mark.parametrize(("fields", "result"), [
    ({"action": "write", "device": "nobody", "point": "x", "value": 1.0}, ("refused", "there is no device nobody")),
    ({"action": "write", "device": "reader-1", "point": "output_0"}, ("refused", "a value is wanted")),
    ({"action": "door_open", "door": "door-9"}, ("refused", "there is no door door-9")),
    ({"action": "still", "device": "reader-1"}, ("refused", "reader-1 is no camera of this gateway")),
    ({"action": "show", "device": "reader-1"}, ("refused", "reader-1 is no sign of this gateway")),
    ({"action": "door_open", "door": "door-1", "expires_ms": 1}, ("expired", "it came after its time")),
])
async def test_what_cannot_be_done_says_why(gateway, commands, fields, result) -> None:
    async with gateway.running():
        await commands.take(order(gateway, **fields))
        assert [told[1:3] for told in await results(gateway)] == [result]
        assert gateway.reader.done == []


@pytest.mark.parametrize(("error", "reason"), [(DeviceSilent("mute"), "failed"), (DeviceRefused("no"), "refused")])
async def test_a_device_that_fails_is_told_from_one_that_refuses(gateway, commands, error, reason) -> None:
    async with gateway.running():
        gateway.reader.broken = error
        await commands.take(order(gateway, action="write", device="reader-1", point="output_0", value=1.0))
        assert [told[1:3] for told in await results(gateway)] == [(reason, str(error))]


async def test_a_doubled_command_is_done_once_and_answered_twice(gateway, commands) -> None:
    async with gateway.running():
        for _ in range(2):
            await commands.take(order(gateway, action="door_open", door="door-1"))
            await gateway.settle()
        assert [told[1] for told in await results(gateway)] == ["done", "done"]
        assert gateway.reader.done == [("output_0", 1.0)]


async def test_a_door_whose_strike_fails_is_a_failed_command(gateway, commands) -> None:
    async with gateway.running():
        gateway.reader.broken = DeviceSilent("mute")
        await commands.take(order(gateway, action="door_open", door="door-1"))
        assert [told[1:3] for told in await results(gateway)] == [("failed", "mute")]


class Lens:
    """A camera that is all picture."""

    points = ()

    async def still(self, quality: int = 80, width: int = 640) -> bytes:
        return b"jpeg now"

    async def still_before(self, seconds: float) -> bytes:
        return b"jpeg before"


async def test_a_still_comes_as_evidence_before_its_result(gateway, commands) -> None:
    devices = commands._devices
    settings = device_model().model_validate({
        "id": "cam-1", "name": {"en": "Camera", "zh": "摄像机"}, "zone": "gate", "camera": {"rtsp": "rtsp://h/s"}})
    async with gateway.running():
        await devices.add(settings)
        devices.served["cam-1"].driver = Lens()
        await commands.take(order(gateway, action="still", device="cam-1"))
        picture, result = await gateway.events()
    assert (picture.kind, picture.evidence, picture.reason, picture.zone, picture.command) == (
        kinds.CAMERA_STILL, b"jpeg now", "command", "gate", "c-1")
    assert (result.kind, result.reason) == (kinds.COMMAND_RESULT, "done")
