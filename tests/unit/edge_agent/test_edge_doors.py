"""Doors at the gateway: strike first, then lights and events; modes that survive; devices that fail."""

import asyncio
from collections.abc import Callable

import numpy as np
import pytest

from contract import kinds
from drivers.base import DeviceSilent, Samples
from edge_agent.config import PointRef
from rules.access.door import DoorMode, Order

ON, OFF = ("output_0", 1.0), ("output_0", 0.0)


async def test_a_known_card_opens_before_anything_is_shown_or_told(gateway, make_policy) -> None:
    async with gateway.running():
        await gateway.policy.take(make_policy())
        gateway.doors.credential("reader-1", "card:AB12CD34")
        assert await gateway.kinds() == [kinds.ACCESS_GRANTED]
        assert gateway.reader.done == [ON, "green"]


async def test_the_event_names_the_person_and_never_the_number(gateway, make_policy) -> None:
    async with gateway.running():
        await gateway.policy.take(make_policy())
        gateway.doors.credential("reader-1", "card:AB12CD34")
        gateway.doors.credential("reader-1", "pin:9911")
        card, pin = await gateway.events()
    assert (card.person, card.text) == ("p-1", "Li Wei")
    assert (card.door, card.device, card.zone) == ("door-1", "reader-1", "hall")
    assert card.data == {"tail": "CD34", "unit": "Class 3-2"}
    assert len(card.credential) == 32
    assert "AB12CD34" not in repr(card)
    assert pin.data == {"unit": "Class 3-2", "duress": True}


@pytest.mark.parametrize(("policy", "card", "reason"), [
    ([1], "card:BADBADBAD", "unknown_card"), ([], "card:AB12CD34", "no_policy")])
async def test_who_is_denied(gateway, make_policy, policy: list[int], card: str, reason: str) -> None:
    async with gateway.running():
        for version in policy:
            await gateway.policy.take(make_policy(version))
        gateway.doors.credential("reader-1", card)
        [event] = await gateway.events()
    assert (event.kind, event.reason) == (kinds.ACCESS_DENIED, reason)
    assert gateway.reader.done == ["red"]


async def test_an_old_policy_opens_nothing(gateway, make_policy) -> None:
    async with gateway.running():
        await gateway.policy.take(make_policy())
        gateway.wall.now_s += 90_000
        gateway.doors.credential("reader-1", "card:AB12CD34")
        [event] = await gateway.events()
    assert event.reason == "policy_too_old"


async def test_the_strike_is_released_and_the_open_door_held(gateway, make_policy) -> None:
    async with gateway.running():
        await gateway.policy.take(make_policy())
        gateway.doors.input("reader-1", "input_0", 0)
        gateway.doors.credential("reader-1", "card:AB12CD34")
        gateway.doors.input("reader-1", "input_0", 1)
        assert await gateway.kinds() == [kinds.DOOR_CLOSED, kinds.ACCESS_GRANTED, kinds.DOOR_OPENED]
        gateway.wall.now_s += 31
        gateway.doors.controllers["door-1"]._tick()
        assert await gateway.kinds() == [kinds.DOOR_HELD]
    assert gateway.reader.done == [ON, "green", OFF]


async def test_a_deadline_comes_by_itself(gateway) -> None:
    gateway.clock.settings = gateway.clock.settings.__class__(
        anchor_wall_ms=0, anchor_campus_ms=0, speed=1_000.0)
    async with gateway.running():
        await gateway.doors.order("door-1", Order("open"))
        gateway.wall.now_s += 0.01
        async with asyncio.timeout(5):
            while gateway.reader.done != [ON, OFF]:
                await asyncio.sleep(0.005)


async def test_a_door_opened_without_a_reason_is_forced(gateway) -> None:
    async with gateway.running():
        gateway.doors.input("reader-1", "input_0", 0)
        gateway.doors.input("reader-1", "input_0", 1)
        assert await gateway.kinds() == [kinds.DOOR_CLOSED, kinds.DOOR_OPENED, kinds.DOOR_FORCED]


async def test_a_door_found_open_at_the_start_was_not_forced(gateway) -> None:
    async with gateway.running():
        gateway.doors.input("reader-1", "input_0", 1)
        assert await gateway.kinds() == [kinds.DOOR_OPENED]
        gateway.doors.input("reader-1", "input_0", 1)
        assert await gateway.kinds() == []
        gateway.wall.now_s += 31
        gateway.doors.controllers["door-1"]._tick()
        assert await gateway.kinds() == [kinds.DOOR_HELD]


async def test_inputs_also_come_as_polled_points(gateway) -> None:
    async with gateway.running():
        look = gateway.doors.watching("reader-1", ["output_0", "input_0", "input_1"])
        look(await gateway.reader.read())
        gateway.reader.values[2] = 1
        look(await gateway.reader.read())
        gateway.reader.values[1] = 1
        look(await gateway.reader.read())
        [at_start, opened] = await gateway.events()
    assert at_start.kind == kinds.DOOR_CLOSED
    assert (opened.kind, opened.reason) == (kinds.DOOR_OPENED, "rex")
    assert gateway.doors.watching("meter-1", ["power"]) is None


async def test_a_strike_that_fails_is_told_and_put_right_later(gateway, make_policy) -> None:
    async with gateway.running():
        await gateway.policy.take(make_policy())
        gateway.reader.broken = DeviceSilent("no answer")
        gateway.doors.credential("reader-1", "card:AB12CD34")
        [event] = await gateway.events()
        assert event.data["strike"] == "no answer"
        gateway.wall.now_s += 6
        gateway.doors.controllers["door-1"]._tick()
        await gateway.settle()
        gateway.reader.broken = None
        striker = gateway.doors.controllers["door-1"].striker
        striker._written_s = 0
        striker.seen(1.0)
        await gateway.settle()
    assert gateway.reader.done == ["green", OFF]


async def test_a_device_that_forgot_is_told_again(gateway) -> None:
    async with gateway.running():
        await gateway.doors.order("door-1", Order("unlock"))
        striker = gateway.doors.controllers["door-1"].striker
        striker._written_s = 0
        striker.seen(0.0)
        await gateway.settle()
    assert gateway.reader.done == [ON, ON]


async def test_a_strike_that_came_too_late_is_never_sent(gateway) -> None:
    async with gateway.running():
        gateway.reader.gate = asyncio.Event()
        shut = gateway.doors.controllers["door-1"].order(Order("unlock"))
        await gateway.settle()
        gateway.doors.controllers["door-1"].order(Order("normal"))
        gateway.doors.controllers["door-1"].order(Order("open"))
        last = gateway.doors.controllers["door-1"].order(Order("lock"))
        gateway.reader.gate.set()
        await asyncio.gather(shut, last)
    assert gateway.reader.done == [ON, OFF]


async def test_a_lockdown_survives_a_restart(make_gateway: Callable, make_policy) -> None:
    before = make_gateway()
    async with before.running():
        await before.policy.take(make_policy())
        assert await before.doors.order("door-1", Order("lock")) == ""
        assert await before.kinds() == [kinds.DOOR_MODE]
    after = make_gateway()
    async with after.running():
        assert after.doors.controllers["door-1"].door.mode is DoorMode.LOCKED
        after.doors.credential("reader-1", "card:AB12CD34")
        reasons = [event.reason for event in await after.events() if event.kind == kinds.ACCESS_DENIED]
    assert reasons == ["door_locked_down"]
    assert after.policy.version == 1, "the policy survived too"


async def test_an_unlock_that_ended_while_the_gateway_was_off_is_over(make_gateway: Callable) -> None:
    before = make_gateway()
    async with before.running():
        await before.doors.order("door-1", Order("unlock", before.clock.now_ms() + 60_000))
    after = make_gateway()
    after.wall.now_s += 61
    async with after.running():
        assert after.doors.controllers["door-1"].door.mode is DoorMode.NORMAL
        assert after.reader.values[0] == 0
        assert not after.doors.controllers["door-1"].striker.wanted


def fire_panel(gateway) -> Callable[[float, int], None]:
    """Let the gateway's doors watch a fire panel; return what says a value with a quality."""
    gateway.doors._fire = PointRef(device="fire-panel", point="alarm")
    look = gateway.doors.watching("fire-panel", ["fault", "alarm"])
    assert look is not None
    return lambda value, quality=0: look(Samples(np.array([0.0, value]), np.array([0, quality], np.uint8)))


async def test_the_fire_panel_frees_the_door_without_a_hub_and_only_a_good_reading_ends_it(gateway) -> None:
    say = fire_panel(gateway)
    async with gateway.running():
        await gateway.doors.order("door-1", Order("lock"))
        say(1.0)
        assert (await gateway.kinds())[-1] == kinds.DOOR_MODE
        assert gateway.reader.done[-1] == ON
        assert gateway.doors.controllers["door-1"].door.effective is DoorMode.RELEASED
        say(0.0, 33)
        assert gateway.doors.controllers["door-1"].door.free
        say(0.0)
        await gateway.kinds()
        assert gateway.reader.done[-1] == OFF
        assert gateway.doors.controllers["door-1"].door.mode is DoorMode.LOCKED


async def test_a_door_stays_free_until_panel_and_hub_have_both_ended_it(gateway) -> None:
    say = fire_panel(gateway)
    async with gateway.running():
        say(1.0)
        await gateway.doors.release("door-1", on=True)
        say(0.0)
        assert gateway.doors.controllers["door-1"].door.free
        await gateway.doors.release("door-1", on=False)
        assert not gateway.doors.controllers["door-1"].door.free
        assert await gateway.doors.release("door-9", on=True) is None
