"""Alarms through the engine: from the event to the operator's hand, over restarts, and what they order."""

import re
from typing import Any

import pytest

from hub import tables
from hub.alarms import MARKED
from hub.api.core import Refusal
from hub.commands import EXPIRES_WALL_MS

NOW_MS = 1_796_000_000_000
MINUTE_MS = 60_000
Desk = Any  # tests/unit/hub/conftest.py


def held(desk: Desk, door: str = "door-1") -> None:
    desk.events(desk.event("door.held", door=door))


def closed(desk: Desk, door: str = "door-1") -> None:
    desk.events(desk.event("door.closed", door=door))


def states(desk: Desk) -> list[tuple[str, str]]:
    return [(record.subject, record.alarm.state.value) for record in desk.hub.alarms.records.values()]


def log(desk: Desk) -> list[tuple[str, str, str]]:
    return [(row.what, row.by, row.note) for row in desk.rows(tables.alarm_log)]


async def test_raised_acknowledged_and_cleared(desk: Desk) -> None:
    held(desk)
    assert states(desk) == [("door:door-1", "active")]
    shown = await desk.hub.alarms.acknowledge(1, by="li", note="on my way")
    assert (shown.state, shown.title.en, shown.door) == ("acknowledged", "Door 1 stands open", "door-1")
    closed(desk)
    assert states(desk) == []
    await desk.committed()
    assert log(desk) == [("raised", "", ""), ("acknowledged", "li", "on my way"), ("returned", "", "")]
    assert desk.audited() == [("li", "alarm.acknowledge", "1")]
    assert desk.hub.alarms.get(1).state == "normal"


async def test_an_alarm_nobody_saw_stays_until_somebody_has(desk: Desk) -> None:
    held(desk)
    closed(desk)
    assert desk.hub.alarms.get(1).state == "cleared_unseen"
    held(desk)
    assert desk.hub.alarms.get(1).state == "active", "the same alarm again, not a second one"
    closed(desk)
    await desk.hub.alarms.acknowledge(1, by="li", note="")
    assert states(desk) == []
    with pytest.raises(Refusal) as refused:
        await desk.hub.alarms.acknowledge(1, by="li", note="")
    assert refused.value.code == "alarm_over"
    with pytest.raises(Refusal) as unknown:
        await desk.hub.alarms.acknowledge(99, by="li", note="")
    assert unknown.value.status == 404


async def test_a_shelved_alarm_does_not_call_until_its_time_is_over(desk: Desk) -> None:
    held(desk)
    until_ms = NOW_MS + 10 * MINUTE_MS
    assert (await desk.hub.alarms.shelve(1, until_ms=until_ms, by="li", reason="repair")).shelved_until_ms == until_ms
    assert sum(desk.hub.status().alarms.values()) == 0
    desk.now_ms = until_ms - 1
    desk.hub.engine.tick()
    assert sum(desk.hub.status().alarms.values()) == 0
    desk.now_ms = until_ms
    desk.hub.engine.tick()
    assert desk.hub.status().alarms == {"1": 0, "2": 0, "3": 1, "4": 0}
    await desk.hub.alarms.shelve(1, until_ms=until_ms + MINUTE_MS, by="li", reason="")
    assert (await desk.hub.alarms.unshelve(1, by="wu")).shelved_until_ms is None


async def test_an_alarm_on_the_shelf_stays_there_over_a_restart_even_when_it_is_normal(desk: Desk) -> None:
    held(desk)
    await desk.hub.alarms.acknowledge(1, by="li", note="")
    await desk.hub.alarms.shelve(1, until_ms=NOW_MS + 10 * MINUTE_MS, by="li", reason="repair")
    closed(desk)
    await desk.committed()
    assert [row.state for row in desk.rows(tables.alarms)] == [MARKED]
    await desk.restart()
    held(desk)
    assert states(desk) == [("door:door-1", "active")]
    assert sum(desk.hub.status().alarms.values()) == 0, "still shelved"
    closed(desk)
    desk.now_ms += 10 * MINUTE_MS
    desk.hub.engine.tick()
    assert [alarm.state for alarm in desk.hub.alarms.list(open_only=True, limit=9)] == ["cleared_unseen"]


async def test_fire_can_be_neither_shelved_nor_suppressed(desk: Desk) -> None:
    desk.readings((3, 1.0))
    with pytest.raises(Refusal) as refused:
        await desk.hub.alarms.shelve(1, until_ms=NOW_MS + MINUTE_MS, by="li", reason="")
    assert refused.value.status == 409
    assert desk.hub.status().alarms["1"] == 1


async def test_what_a_lost_gateway_implies_is_suppressed_until_it_is_back(desk: Desk) -> None:
    desk.die()
    desk.events(desk.event("device.lost", device="meter", reason="timeout"))
    suppressed = next(alarm for alarm in desk.hub.alarms.list(open_only=True, limit=9) if alarm.device == "meter")
    assert suppressed.suppressed
    assert desk.hub.status().alarms == {"1": 0, "2": 1, "3": 0, "4": 0}
    desk.born(boot="b2")
    assert desk.hub.status().alarms["3"] == 1


async def test_a_comment_stands_in_the_timeline(desk: Desk) -> None:
    held(desk)
    shown = await desk.hub.alarms.comment(1, by="wu", note="guard sent")
    assert [(entry.what, entry.by, entry.note) for entry in shown.timeline][-1] == ("commented", "wu", "guard sent")


async def test_what_led_to_an_alarm_is_stored_with_it(desk: Desk) -> None:
    desk.readings((3, 1.0))
    await desk.restart()
    shown = desk.hub.alarms.get(1)
    assert (shown.value, shown.limit, shown.device, shown.zone) == (1.0, 1.0, "fire-panel", "building-a")
    assert [re.sub(r"\{.*\} ", "", why.en) for why in shown.why] == ["Panel: alarm = 1"]
    assert [entry.what for entry in shown.timeline] == ["raised"]


async def test_a_running_for_duration_survives_a_restart(desk: Desk) -> None:
    """home-assistant/core#56642: the timer of `for:` must not begin anew, nor be forgotten."""
    desk.readings((1, 150.0))
    desk.now_ms += 50_000
    await desk.restart()
    desk.born()
    assert states(desk) == []
    desk.now_ms += 9_999
    desk.hub.engine.tick()
    assert states(desk) == [], "59.999 s"
    desk.now_ms += 1
    desk.hub.engine.tick()
    assert states(desk) == [("point:meter/power_kw", "active")]
    await desk.restart()
    desk.hub.engine.tick()
    assert states(desk) == [("point:meter/power_kw", "active")], "and is raised once"
    desk.readings((1, 50.0))
    assert desk.hub.alarms.get(1).state == "cleared_unseen"
    assert len(desk.rows(tables.notices)) == 1


async def test_a_duration_that_ran_out_while_the_hub_was_down_raises_at_its_own_time(desk: Desk) -> None:
    desk.readings((1, 150.0))
    await desk.close()
    desk.now_ms += 3_600_000
    desk.open()
    desk.hub.engine.tick()
    (record,) = desk.hub.alarms.records.values()
    assert record.raised_ms == NOW_MS + MINUTE_MS


async def test_alarm_numbers_go_on_after_a_restart(desk: Desk) -> None:
    held(desk, "door-1")
    closed(desk, "door-1")
    await desk.hub.alarms.acknowledge(1, by="li", note="")
    await desk.restart()
    held(desk, "door-2")
    await desk.restart()
    held(desk, "door-1")
    assert sorted(desk.hub.alarms.records) == [2, 3]
    assert desk.hub.alarms.get(3).times_this_week == 2


async def test_each_raise_leaves_one_notice(desk: Desk) -> None:
    held(desk)
    held(desk)
    await desk.restart()
    desk.events(desk.event("door.held", door="door-1"), seq=2)  # comes again after the restart
    await desk.committed()
    assert [(row.audience, row.alarm, row.title_en) for row in desk.rows(tables.notices)] == [
        ("gate", 1, "Door 1 stands open")]


# What they order, and how commands end.


async def test_a_rules_order_for_all_doors_reaches_every_door_known_by_now(desk: Desk) -> None:
    doors = desk.birth().doors
    desk.born(doors=[*doors, type(doors[0])(id="door-new", name=doors[0].name, readers=[])])  # no new point with it
    await desk.committed()
    desk.sent()
    desk.readings((3, 1.0))
    assert desk.commands() == [], "not before it is stored"
    await desk.committed()
    sent = desk.commands()
    assert sorted(command.door for command in sent) == ["door-1", "door-2", "door-new"]
    assert {(command.action, command.requester) for command in sent} == {("door_release", "rule:security/fire")}


async def send(desk: Desk) -> Any:
    status = await desk.hub.send_command(requester="li", action="door_open", door="door-1", reason="visitor")
    await desk.committed()
    return status


async def test_a_command_is_sent_and_its_result_taken(desk: Desk) -> None:
    status = await send(desk)
    assert status.status == "sent"
    (command,) = desk.commands()
    assert (command.id, command.action, command.door) == (status.id, "door_open", "door-1")
    assert desk.audited() == [("li", "command.door_open", "door-1")]
    desk.events(desk.event("command.result", command=status.id, reason="done", text="opened"))
    await desk.committed()
    assert (desk.hub.command(status.id).status, desk.hub.command(status.id).detail) == ("done", "opened")


async def test_another_gateway_cannot_answer_for_it(desk: Desk) -> None:
    status = await send(desk)
    desk.approve("gw-b")
    desk.events(desk.event("command.result", command=status.id, reason="done"), name="gw-b", seq=1)
    await desk.committed()
    assert desk.hub.command(status.id).status == "sent"


async def test_no_answer_expires_and_a_late_one_still_counts(desk: Desk) -> None:
    status = await send(desk)
    desk.now_ms += EXPIRES_WALL_MS
    desk.hub.commands.expire()
    await desk.committed()
    assert desk.hub.command(status.id).status == "sent", "the answer may be under way"
    desk.now_ms += EXPIRES_WALL_MS
    desk.hub.commands.expire()
    await desk.committed()
    assert desk.hub.command(status.id).status == "expired"
    desk.events(desk.event("command.result", command=status.id, reason="done"))
    await desk.committed()
    assert desk.hub.command(status.id).status == "done"


async def test_a_gateway_that_is_back_gets_what_is_still_worth_doing(desk: Desk) -> None:
    first = await send(desk)
    desk.now_ms += EXPIRES_WALL_MS - 1
    second = await send(desk)
    await desk.restart()
    desk.now_ms += 1
    desk.born(boot="b2")
    assert [command.id for command in desk.commands()] == [second.id]
    assert first.id != second.id


async def test_nothing_is_sent_to_a_gateway_that_is_away_or_a_door_that_is_not(desk: Desk) -> None:
    desk.die()
    with pytest.raises(Refusal) as away:
        await send(desk)
    assert away.value.status == 503
    with pytest.raises(Refusal) as unknown:
        await desk.hub.send_command(requester="li", action="door_open", door="nowhere")
    assert unknown.value.status == 404
