import numpy as np
import pytest

from contract.messages import Event, Text
from contract.readings import Columns
from rules.model import parse_rule
from rules.points import Point, PointTable, Thing
from rules.trial import trial

TABLE = PointTable([Point(device="ahu-a1", name="fan_on")], [Thing(id="ahu-a1", name=Text("AHU", "机组"))],
                   [Thing(id="d1", name=Text("D1", "门1"))])
HOUR_MS = 3_600_000


def make(body: str):
    return parse_rule("id: energy/x\ntitle: {en: X, zh: X}\npriority: 3\nscope: {name: fan_on}\n"
                      "message: {en: '{device} {value}', zh: X}\n" + body, "x")


def columns(start_ms: int, values) -> Columns:
    values = np.array(values, float)
    return Columns(np.zeros(len(values), np.uint32), start_ms + np.arange(len(values)) * 60_000, values,
                   np.zeros(len(values), np.uint8))


@pytest.mark.parametrize("pieces", [1, 7, 500])
def test_the_calendar_turns_within_a_batch(calendar, ten, pieces):
    """A fan that runs for two days: raised each evening at 18:40, cleared each morning at 07:00."""
    rule = make("when: {equals: 1}\nfor: 10min\ncalendar: after_hours\n")
    whole = columns(ten, [1] * 2880)
    parts = [Columns(*(column[at:at + 2880 // pieces + 1] for column in (
        whole.points, whole.times_ms, whole.values, whole.quality)))
        for at in range(0, 2880, 2880 // pieces + 1)]
    found = [((episode.raised_ms - ten) / HOUR_MS, (episode.cleared_ms - ten) / HOUR_MS)
             for episode in trial(rule, calendar, TABLE, readings=parts)]
    assert found == [(pytest.approx(8 + 40 / 60), 21), (pytest.approx(32 + 40 / 60), 45)]


def test_readings(calendar, ten):
    [first, second] = trial(make("when: {above: 5}\n"), calendar, TABLE,
                            readings=[columns(ten, [1, 6, 7, 2]), columns(ten + HOUR_MS, [9])])
    assert (first.subject, first.raised_ms, first.cleared_ms, first.value) == (
        "point:ahu-a1/fan_on", ten + 60_000, ten + 180_000, 6)
    assert first.message.en == "AHU 6"
    assert (second.raised_ms, second.cleared_ms) == (ten + HOUR_MS, None)


def test_events_and_what_waits_at_the_end(calendar, ten):
    rule = make("when: {event: door.opened, until: door.closed}\nfor: 30s\nenabled: false\n"
                "actions: [{notify: gate}]\n")
    events = [(Event(kind=kind, at_ms=ten + at_s * 1000, door="d1"), "gw") for at_s, kind in (
        (0, "door.opened"), (40, "door.closed"), (50, "door.opened"), (60, "door.closed"), (100, "door.opened"))]
    found = trial(rule, calendar, TABLE, events=events, until_ms=ten + 200_000)
    assert [(episode.raised_ms - ten, episode.cleared_ms and episode.cleared_ms - ten) for episode in found] == [
        (30_000, 40_000), (130_000, None)]
    assert len(trial(rule, calendar, TABLE, events=events)) == 1, "without an end nothing more happens"


def test_many_readings_in_one_piece(calendar, ten):
    values = np.zeros(50_000)
    values[[10, 4_999, 5_000, 31_000]] = 9
    found = trial(make("when: {above: 5}\n"), calendar, TABLE, readings=[columns(ten, values)])
    assert [(episode.raised_ms - ten) // 60_000 for episode in found] == [10, 4_999, 31_000]
