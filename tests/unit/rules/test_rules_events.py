import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.messages import Event, Text
from rules.engine import RuleEngine
from rules.model import parse_rule
from rules.outcomes import Kind
from rules.points import PointTable, Thing
from rules.tracks import Phase

DOORS = [Thing(id=name, name=Text(name.upper(), name), zone=zone, place=f"{zone}/1f", gateway="gw")
         for name, zone in (("d1", "a"), ("d2", "a"), ("d3", "b"))]
CAMERAS = [Thing(id=name, name=Text(name, name), zone="a", gateway="gw") for name in ("c1", "c2")]


def make(body: str, name: str = "x"):
    return parse_rule(f"id: access/{name}\ntitle: {{en: X, zh: X}}\npriority: 2\n"
                      "message: {en: '{door}{device} {count}', zh: X}\n" + body, "x.yaml")


class Story:
    """An engine that is told events and ticked like the hub's."""

    def __init__(self, calendar, start_ms: int, *rules, state=None) -> None:
        self.engine = RuleEngine(rules, calendar, PointTable((), CAMERAS, DOORS), state)
        self.start_ms, self.calendar, self.rules = start_ms, calendar, rules
        self.engine.tick(start_ms)

    def at(self, at_s: float, kind: str = "", door: str = "d1", **fields):
        now_ms = self.start_ms + int(at_s * 1000)
        outcomes = self.engine.tick(now_ms)
        if kind:
            door = "" if "device" in fields else door
            outcomes += self.engine.event(Event(kind=kind, at_ms=now_ms, door=door, **fields), "gw", now_ms)
            outcomes += self.engine.tick(now_ms)
        return [(out.kind.value, out.subject) for out in outcomes]


@pytest.fixture
def story(calendar, ten):
    def build(*bodies: str) -> Story:
        return Story(calendar, ten, *(make(body, f"r{n}") for n, body in enumerate(bodies)))
    return build


def test_until_ends_it_for_the_same_subject_only(story):
    told = story("when: {event: door.forced, until: door.closed}\n")
    assert told.at(0, "door.forced") == [("raise", "door:d1")]
    assert told.at(1, "door.forced", "d2") == [("raise", "door:d2")]
    assert told.at(2, "door.forced") == [], "again while it stands"
    assert told.at(3, "door.closed", "d2") == [("clear", "door:d2")]
    assert told.at(4, "door.closed", "d2") == []


def test_without_until_it_lasts_a_while_from_the_last_one(story):
    told = story("when: {event: access.granted, lasts: 60s}\n")
    assert told.at(0, "access.granted") == [("raise", "door:d1")]
    assert told.at(50, "access.granted") == []
    assert told.at(109) == []
    assert told.at(110) == [("clear", "door:d1")]


def test_duration_of_an_event(story):
    told = story("when: {event: door.opened, until: door.closed}\nfor: 30s\n")
    assert told.at(0, "door.opened") == []
    assert told.engine.phase("access/r0", "door:d1") is Phase.PENDING
    assert told.at(29, "door.closed") == []
    assert told.at(40, "door.opened") == []
    assert told.at(70, "door.closed") == [("raise", "door:d1"), ("clear", "door:d1")]


def test_late_events_are_judged_by_their_own_time(story, ten):
    engine = story("when: {event: door.opened, until: door.closed}\nfor: 30s\n").engine
    late_ms = ten + 3_600_000
    told = [out.kind for at_s, kind in ((0, "door.opened"), (10, "door.closed"), (100, "door.opened"),
                                        (150, "door.closed"))
            for out in engine.event(Event(kind=kind, at_ms=ten + at_s * 1000, door="d1"), "gw", late_ms)]
    assert told == [Kind.RAISE, Kind.CLEAR], "only the second opening lasted for 30 s"


def test_scope_and_filters(story):
    told = story("scope: {zone: a}\nwhen: {event: {kind: access.denied, reason: unknown_card}}\n")
    assert told.at(0, "access.denied", "d3", reason="unknown_card") == [], "another zone"
    assert told.at(0, "access.denied", "d1", reason="expired") == [], "another reason"
    assert told.at(0, "access.denied", "d1", reason="unknown_card") == [("raise", "door:d1")]


@pytest.mark.parametrize(("by", "subject"), [
    ("door", "door:d1"), ("zone", "zone:a"), ("gateway", "gateway:gw"), ("person", "person:p7"),
    ("credential", "credential:ab"), ("campus", "campus")])
def test_whose_case_it_is(story, by, subject):
    told = story(f"when: {{event: access.denied, by: {by}}}\n")
    assert told.at(0, "access.denied", person="p7", credential="ab") == [("raise", subject)]


def test_count_within(story):
    told = story("when: {event: access.denied, count: 3, within: 60s}\n")
    assert [told.at(at_s, "access.denied") for at_s in (0, 30, 61)] == [[], [], []], "the first is too old by then"
    assert told.at(70, "access.denied", "d2") == []
    assert told.at(80, "access.denied") == [("raise", "door:d1")]
    assert told.at(139) == []
    assert told.at(140) == [("clear", "door:d1")]
    assert told.engine.subjects("access/r0") == [], "all is forgotten"


@settings(max_examples=100)
@given(gaps=st.lists(st.integers(1, 40), min_size=1, max_size=25), need=st.integers(2, 5))
def test_count_raises_when_and_only_when_so_many_lie_in_the_window(calendar, ten, gaps, need):
    told = Story(calendar, ten, make(f"when: {{event: access.denied, count: {need}, within: 60s}}\n"))
    times, up = [], False
    for gap in gaps:
        times.append(gap + (times[-1] if times else 0))
        outcomes = told.at(times[-1], "access.denied")
        up = (up or ("raise", "door:d1") in outcomes) and outcomes[-1:] != [("clear", "door:d1")]
        inside = [at for at in times if at > times[-1] - 60]
        assert (len(inside) >= need) <= up


def test_sequence(story):
    told = story("when: {sequence: [access.granted, door.opened, door.held], within: 60s, lasts: 10s}\n")
    assert [told.at(at, kind) for at, kind in ((0, "access.granted"), (5, "door.opened"))] == [[], []]
    assert told.at(30, "door.held") == [("raise", "door:d1")]
    assert told.at(40) == [("clear", "door:d1")]
    told.at(100, "access.granted")
    told.at(101, "door.opened")
    assert told.at(161, "door.held") == [], "too late"
    assert told.at(170, "door.opened") == [], "not the first step"
    assert told.at(171, "door.held") == []


def test_sequence_with_something_that_must_not_come_between(story):
    told = story("when: {sequence: [access.granted, door.held], within: 60s, not: door.closed}\n")
    told.at(0, "access.granted")
    told.at(5, "door.closed")
    assert told.at(30, "door.held") == []
    told.at(40, "access.granted")
    assert told.at(70, "door.held") == [("raise", "door:d1")]


def test_this_and_then_not_that(story, calendar, ten):
    body = "when: {sequence: [access.granted], not: door.opened, within: 10s, lasts: 60s}\n"
    told = story(body)
    told.at(0, "access.granted")
    assert told.at(5, "door.opened") == []
    assert told.at(20) == []
    told.at(30, "access.granted")
    again = Story(calendar, ten + 35_000, *told.rules, state=told.engine.dirty_state())
    assert again.at(4) == []
    assert again.at(5) == [("raise", "door:d1")], "a restart in between changes nothing"
    assert again.at(65) == [("clear", "door:d1")]


def test_absence_is_noticed_of_doors_never_heard_of(story):
    told = story("scope: {door: [d1, d2]}\nwhen: {absent: door.closed, within: 60s, by: door}\n")
    told.at(30, "door.closed", "d1")
    assert told.at(60) == [("raise", "door:d2")]
    assert told.at(90) == [("raise", "door:d1")]
    assert told.at(95, "door.closed", "d2") == [("clear", "door:d2")]
    assert told.at(155) == [("raise", "door:d2")], "the clock starts anew"


def test_absence_survives_a_restart(story, calendar, ten):
    told = story("scope: {door: d1}\nwhen: {absent: door.closed, within: 60s, by: door}\n")
    told.at(30, "door.closed")
    again = Story(calendar, ten + 80_000, *told.rules, state=told.engine.dirty_state())
    assert again.at(9) == []
    assert again.at(10) == [("raise", "door:d1")]


def test_outside_its_calendar_a_moment_does_not_count(story):
    told = story("when: {event: access.denied, lasts: 5h}\ncalendar: after_hours\n",
                 "when: {event: access.denied, count: 2, within: 12h}\ncalendar: after_hours\n")
    told.at(0, "access.denied")
    assert told.at(9 * 3600) == [], "19:00: what happened at ten has nothing to do with it"
    assert told.at(9 * 3600 + 60, "access.denied") == [("raise", "door:d1")]


def test_cel_over_an_event(story):
    told = story("""when: {event: {kind: access.denied, where: 'data.tries > 2.0 && zone == "a"'}}\n""")
    assert told.at(0, "access.denied", data={"tries": 2.0}) == []
    assert told.at(1, "access.denied") == [], "a field that is missing does not match"
    assert told.at(2, "access.denied", data={"tries": 3.0}) == [("raise", "door:d1")]


LOST = """when: {event: device.lost, until: device.back}
suppress_when: {rule: access/r1, by: gateway}
actions: [{alarm: true}, {notify: gate}]
"""
GATEWAY = "when: {event: gateway.lost, until: gateway.back}\n"


def test_suppression_comes_and_goes_with_the_other_alarm(story):
    told = story(LOST, GATEWAY)
    assert told.at(0, "device.lost", device="c1") == [("raise", "device:c1"), ("notify", "device:c1")]
    assert told.at(1, "gateway.lost", "") == [("raise", "gateway:gw"), ("suppress", "device:c1")]
    [raised] = told.engine.event(Event(kind="device.lost", at_ms=told.start_ms + 2000, device="c2"), "gw", 0)
    assert (raised.kind, raised.suppressed_by) == (Kind.RAISE, "access/r1"), "and no notice"
    assert told.at(3, "device.back", device="c2") == [("clear", "device:c2")]
    assert told.at(4, "gateway.back", "") == [("clear", "gateway:gw"), ("unsuppress", "device:c1")]


def test_suppression_ends_with_the_rule_that_implied(story):
    told = story(LOST, GATEWAY)
    told.at(0, "gateway.lost", "")
    told.at(1, "device.lost", device="c1")
    outcomes = told.engine.replace_rules([told.rules[0]], told.start_ms + 5000)
    assert [(out.kind, out.subject) for out in outcomes] == [
        (Kind.CLEAR, "gateway:gw"), (Kind.UNSUPPRESS, "device:c1")]


def test_why_is_short_and_newest_last(story, ten):
    engine = story("when: {event: access.denied, count: 9, within: 60s}\n").engine
    for at in range(9):
        outcomes = engine.event(Event(kind="access.denied", at_ms=ten + at, door="d1", reason=f"r{at}"), "gw", ten)
    [raised] = outcomes
    assert [cause.reason for cause in raised.why] == ["r4", "r5", "r6", "r7", "r8"]
    assert raised.message.en == "D1 9"
