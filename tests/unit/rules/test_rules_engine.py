"""Readings: limits as arrays must say what looking at one reading after the other says."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.messages import Text
from contract.quality import Quality
from rules import limits
from rules.calendar import UnknownCondition
from rules.engine import RuleEngine
from rules.model import Level, parse_rule
from rules.outcomes import Kind
from rules.points import Point, PointTable, Thing
from rules.tracks import Phase


def make(body: str, name: str = "x"):
    return parse_rule(f"id: energy/{name}\ntitle: {{en: X, zh: 某}}\npriority: 2\nscope: {{name: [v, w]}}\n"
                      "message: {en: '{device} {value} {unit} over {limit}', zh: '{device}{value}'}\n" + body, "x.yaml")


def table(size: int = 4) -> PointTable:
    return PointTable([Point(device=f"d{n}", name="v", unit="kW", zone="z") for n in range(size)],
                      [Thing(id=f"d{n}", name=Text(f"Device {n}", f"设备{n}")) for n in range(size)])


class Feed:
    """An engine and a clock."""

    def __init__(self, engine: RuleEngine, start_ms: int) -> None:
        self.engine, self.start_ms = engine, start_ms

    def read(self, at_s: float, *values: float, point: int = 0, quality: Quality = Quality.GOOD, **more):
        n, at_ms = len(values), self.start_ms + int(at_s * 1000)
        return self.engine.readings(np.full(n, point, np.uint32), at_ms + np.arange(n), np.array(values),
                                    np.full(n, quality, np.uint8), at_ms, **more)

    def tick(self, at_s: float):
        return self.engine.tick(self.start_ms + int(at_s * 1000))


@pytest.fixture
def feed(calendar, ten):
    def build(*bodies: str, state=None, points: int = 4) -> Feed:
        rules = [make(body, f"r{n}") for n, body in enumerate(bodies)]
        return Feed(RuleEngine(rules, calendar, table(points), state), ten)
    return build


def kinds(outcomes):
    return [outcome.kind for outcome in outcomes]


@pytest.mark.parametrize(("when", "story"), [
    ("{above: 10}", [(10, ""), (10.1, "raise"), (11, ""), (10, "clear")]),
    ("{above: 10, clear: 8}", [(11, "raise"), (9, ""), (8, "clear"), (9, ""), (10.5, "raise")]),
    ("{above: 10, hysteresis: 1}", [(11, "raise"), (9.5, ""), (9, "clear")]),
    ("{below: 10}", [(10, ""), (9, "raise"), (10, "clear")]),
    ("{below: 10, clear: 12}", [(9, "raise"), (11, ""), (12, "clear")]),
    ("{outside: [10, 20], hysteresis: 1}", [(15, ""), (21, "raise"), (19.5, ""), (9, ""), (10.5, ""), (11, "clear")]),
    ("{outside: [10, 20]}", [(9, "raise"), (25, ""), (20, "clear")]),
    ("{equals: 1}", [(0, ""), (1, "raise"), (1, ""), (2, "clear"), (0, ""), (3, ""), (1, "raise")]),
    ("{cel: 'value > 10.0 && unit == \"kW\"'}", [(10, ""), (11, "raise"), (12, ""), (9, "clear")]),
])
def test_levels(feed, when, story):
    engine = feed(f"when: {when}\n")
    found = [[kind.value for kind in kinds(engine.read(at_s, value))] for at_s, (value, _) in enumerate(story)]
    assert found == [[expected] if expected else [] for _, expected in story]


def test_a_point_that_crosses_and_comes_back_within_a_batch_says_both(feed):
    engine = feed("when: {above: 10}\n")
    outcomes = engine.read(0, 5, 11, 12, 9, 8, 13)
    assert [(outcome.kind, outcome.at_ms - engine.start_ms) for outcome in outcomes] == [
        (Kind.RAISE, 1), (Kind.CLEAR, 3), (Kind.RAISE, 5)]


LEVELS = st.sampled_from(["{above: 5, clear: 3}", "{below: 4, hysteresis: 2}", "{outside: [2, 8], hysteresis: 1}",
                          "{equals: 5}", "{above: 5}"])


@settings(max_examples=150)
@given(levels=st.lists(LEVELS, min_size=1, max_size=3),
       readings=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 10), st.booleans()), max_size=60),
       cut=st.integers(1, 20))
def test_batches_say_what_single_readings_say(calendar, ten, levels, readings, cut):
    rules = [make(f"when: {level}\n", f"r{n}") for n, level in enumerate(levels)]
    whole, single = RuleEngine(rules, calendar, table()), RuleEngine(rules, calendar, table())
    points = np.array([point for point, _, _ in readings], np.uint32)
    values = np.array([value for _, value, _ in readings], float)
    quality = np.array([Quality.GONE if bad else 0 for _, _, bad in readings], np.uint8)
    times = ten + np.arange(len(readings))

    def told(engine: RuleEngine, step: int):
        outcomes = []
        for at in range(0, len(readings), step):
            part = slice(at, at + step)
            outcomes += engine.readings(points[part], times[part], values[part], quality[part], int(times[part][-1]))
        return sorted((out.at_ms, out.rule, out.subject, out.kind, out.value, out.limit) for out in outcomes)

    assert told(whole, cut) == told(single, 1)


@settings(max_examples=300)
@given(level=LEVELS, held=st.booleans(), value=st.integers(0, 10), after=st.integers(0, 10))
def test_inside_the_interval_nothing_changes(level, held, value, after):
    condition: Level = make(f"when: {level}\n").when
    now = limits.holds(condition, value, held=held)
    low, high = limits.stay(condition, value, held=now)
    assert (low <= after <= high) <= (limits.holds(condition, after, held=now) is now)
    assert low <= value <= high, "a reading that was just looked at is not looked at again"


def test_bad_readings_neither_raise_nor_clear(feed):
    engine = feed("when: {above: 10}\n")
    assert not engine.read(0, 99, quality=Quality.GARBAGE)
    assert kinds(engine.read(1, 99)) == [Kind.RAISE]
    assert not engine.read(2, 0, quality=Quality.GONE)
    assert not engine.read(3, math.nan)
    assert kinds(engine.read(4, 0, quality=Quality.HELD)) == [Kind.CLEAR]


def test_historical_readings_change_nothing(feed):
    engine = feed("when: {above: 10}\n")
    assert not engine.read(0, 99, historical=True)
    assert engine.engine.phase("energy/r0", "point:d0/v") is Phase.NORMAL


def test_points_beyond_the_table_are_passed_over(feed):
    engine = feed("when: {above: 10}\n")
    assert not engine.read(0, 99, point=4_000_000)
    assert kinds(engine.read(0, 99, point=3)) == [Kind.RAISE]


def test_duration_raises_at_its_own_time_even_without_a_reading(feed):
    engine = feed("when: {above: 10}\nfor: 30s\n")
    assert not engine.read(0, 11)
    assert engine.engine.next_deadline_ms == engine.start_ms + 30_000
    assert not engine.tick(29)
    [raised] = engine.tick(40)
    assert (raised.kind, raised.at_ms) == (Kind.RAISE, engine.start_ms + 30_000)
    assert raised.message == Text("Device 0 11 kW over 10", "设备011")
    assert [cause.what for cause in raised.why] == ["d0/v"]


def test_duration_is_judged_by_event_time_within_one_late_batch(feed):
    engine = feed("when: {above: 10}\nfor: 30s\n")
    points, times = np.zeros(3, np.uint32), engine.start_ms + np.array([0, 40_000, 41_000])
    outcomes = engine.engine.readings(points, times, np.array([11.0, 12.0, 9.0]), np.zeros(3, np.uint8),
                                      engine.start_ms + 99_000)
    assert [(out.kind, out.at_ms - engine.start_ms) for out in outcomes] == [(Kind.RAISE, 30_000), (Kind.CLEAR, 41_000)]
    times += 200_000
    times[1:] -= 30_000
    assert not engine.engine.readings(points, times, np.array([11.0, 9.0, 9.0]), np.zeros(3, np.uint8),
                                      engine.start_ms + 999_000)


def test_timers_survive_a_restart(feed):
    before = feed("when: {above: 10}\nfor: 30s\n", "when: {equals: 7}\n")
    before.read(0, 11)
    before.read(1, 7, point=1)
    state = before.engine.dirty_state()
    assert before.engine.dirty_state() == {}, "only what changed"
    after = feed("when: {above: 10}\nfor: 30s\n", "when: {equals: 7}\n", state=state)
    assert after.engine.phase("energy/r0", "point:d0/v") is Phase.PENDING
    assert kinds(after.tick(30)) == [Kind.RAISE]
    assert kinds(after.read(31, 8, point=1)) == [Kind.CLEAR]
    assert kinds(after.read(32, 9)) == [Kind.CLEAR]
    state |= after.engine.dirty_state()
    assert set(state.values()) == {b""}, "what is over is deleted"


def test_a_waiting_point_that_goes_bad_raises_only_when_it_is_good_again(feed):
    engine = feed("when: {above: 10}\nfor: 30s\n")
    engine.read(0, 11)
    engine.read(10, 11, quality=Quality.MUTE)
    assert not engine.tick(60)
    restarted = feed("when: {above: 10}\nfor: 30s\n", state=engine.engine.dirty_state())
    assert not restarted.tick(61)
    assert kinds(restarted.read(62, 12)) == [Kind.RAISE]
    engine.read(63, 9)
    assert engine.engine.phase("energy/r0", "point:d0/v") is Phase.NORMAL


def test_rules_of_one_point_do_not_disturb_each_other(feed):
    engine = feed("when: {above: 10}\n", "when: {above: 20}\n", "when: {below: 5}\n", "when: {cel: 'value > 15.0'}\n")
    told = [[(out.rule[-1], out.kind.value) for out in engine.read(at, value)] for at, value in enumerate([25, 12, 3])]
    assert told == [[("0", "raise"), ("1", "raise"), ("3", "raise")], [("1", "clear"), ("3", "clear")],
                    [("0", "clear"), ("2", "raise")]]


def test_calendar_opens_and_closes_what_holds(calendar, ten):
    engine = RuleEngine([make("when: {above: 10}\ncalendar: after_hours\n")], calendar, table())
    feed = Feed(engine, ten)
    assert not feed.read(0, 11)
    at_1830 = 8.5 * 3600
    assert not feed.tick(at_1830 - 1)
    [raised] = feed.tick(at_1830 + 5)
    assert raised.at_ms == ten + at_1830 * 1000
    [cleared] = feed.tick(21 * 3600 + 7)
    assert (cleared.kind, cleared.at_ms) == (Kind.CLEAR, ten + 21 * 3_600_000), "07:00 the next morning"


@pytest.mark.parametrize(("when", "values", "step_s", "raised_at_s"), [
    ("{above: 10, mean_over: 60s}", [0] * 60 + [20] * 60, 1, 90),
    ("{above: 10, max_over: 60s}", [0] * 80 + [20], 1, 80),
    ("{above: 5, min_over: 60s}", [0] * 10 + [20] * 90, 1, 71),
    ("{above: 100, delta_over: 60s}", list(range(50)) + list(range(50, 500, 5)), 1, None),
    ("{above: 3500, rate_over: 60s}", list(range(80)), 1, 54),
    ("{above: 100, sum_over: 60s}", [1] * 60 + [5] * 60, 1, None),
])
def test_aggregates(feed, when, values, step_s, raised_at_s):
    engine = feed(f"when: {when}\n")
    raised = [out.at_ms for at, value in enumerate(values) for out in engine.read(at * step_s, value)]
    assert raised, "it raises at all"
    at_s = (raised[0] - engine.start_ms) / 1000
    assert raised_at_s is None or abs(at_s - raised_at_s) <= 2


def test_mean_is_weighted_by_time(feed):
    engine = feed("when: {above: 10, mean_over: 60s}\n")
    for at in range(0, 60, 10):
        assert not engine.read(at, 2)
    for at in range(20):
        assert not engine.read(60 + at / 10, 500 if at == 0 else 2), "one reading of a tenth of a second among many"


def test_a_window_survives_a_restart(feed):
    body = "when: {above: 10, mean_over: 60s}\n"
    engine = feed(body)
    for at in range(70):
        engine.read(at, 9.9)
    restarted = feed(body, state=engine.engine.dirty_state())
    assert kinds([out for at in range(70, 75) for out in restarted.read(at, 50)]) == [Kind.RAISE]


def test_replaced_rules_keep_the_timers_of_the_unchanged(calendar, ten):
    slow, other = make("when: {above: 10}\nfor: 30s\n", "slow"), make("when: {above: 10}\n", "other")
    feed = Feed(RuleEngine([slow, other], calendar, table()), ten)
    assert kinds(feed.read(0, 15)) == [Kind.RAISE]
    stricter = make("when: {above: 20}\n", "other")
    told = feed.engine.replace_rules([slow, stricter], ten + 10_000)
    assert [(out.kind, out.rule) for out in told] == [(Kind.CLEAR, "energy/other")]
    assert [(out.kind, out.rule, out.at_ms) for out in feed.tick(30)] == [(Kind.RAISE, "energy/slow", ten + 30_000)]
    told = feed.engine.replace_rules([slow, make("when: {above: 12}\n", "other")], ten + 40_000)
    assert [(out.kind, out.rule) for out in told] == [(Kind.RAISE, "energy/other")], "by the value it has seen last"
    assert kinds(feed.engine.replace_rules([], ten + 50_000)) == [Kind.CLEAR, Kind.CLEAR]


def test_a_rule_that_is_gone_after_a_restart_clears(calendar, ten, feed):
    engine = feed("when: {above: 10}\n")
    engine.read(0, 11)
    after = Feed(RuleEngine([], calendar, table(), engine.engine.dirty_state()), ten)
    assert [(out.kind, out.rule, out.subject) for out in after.tick(1)] == [(Kind.CLEAR, "energy/r0", "point:d0/v")]
    assert set(after.engine.dirty_state().values()) == {b""}


def test_new_points_come_under_the_rules(feed):
    engine = feed("when: {above: 10}\nfor: 30s\n", points=2)
    engine.read(0, 11)
    engine.engine.points_changed(table(9))
    assert kinds(engine.tick(30)) == [Kind.RAISE]
    engine.read(31, 11, point=8)
    assert kinds(engine.tick(61)) == [Kind.RAISE]


def test_scope(calendar, ten):
    points = PointTable([Point(device="meter-a", name="power_kw", zone="a", place="a/1f/x", unit="kW"),
                         Point(device="meter-b", name="power_kw", zone="b", place="b/1f/x", unit="kW"), None,
                         Point(device="ahu-1", name="power_kw", zone="a", unit="kW"),
                         Point(device="ahu-1", name="power_l1_kw", zone="a", unit="kW")])
    for scope, found in (("{name: power_kw}", [0, 1, 3]), ("{name: 'power_*'}", [0, 1, 3, 4]),
                         ("{name: power_kw, device: meter-*}", [0, 1]), ("{name: power_kw, zone: a}", [0, 3]),
                         ("{name: power_kw, place: a/*}", [0]), ("{name: power_kw, except_device: [ahu-*]}", [0, 1]),
                         ("{name: power_kw, unit: MW}", []), ("{name: nothing}", [])):
        rule = parse_rule(f"id: energy/x\ntitle: {{en: X, zh: X}}\npriority: 1\nscope: {scope}\nwhen: {{above: 1}}\n"
                          "message: {en: X, zh: X}\n", "x")
        assert points.in_scope(rule.scope) == found, scope


def test_actions_without_an_alarm(feed):
    engine = feed("when: {above: 10}\nactions:\n"
                  "- {command: {device: '{device}', action: write, point: setpoint, value: 22}}\n"
                  "- {command: {device: ahu-9, action: write, point: setpoint, value: 24}, at: clear}\n")
    assert [(out.kind, out.command.device, out.command.value) for out in engine.read(0, 11)] == [
        (Kind.COMMAND, "d0", 22)]
    assert [(out.kind, out.command.device, out.command.value) for out in engine.read(1, 9)] == [
        (Kind.COMMAND, "ahu-9", 24)]


def test_wrong_rules_are_refused(calendar):
    with pytest.raises(UnknownCondition, match="holidays"):
        RuleEngine([make("when: {above: 1}\ncalendar: holidays\n")], calendar, table())
    with pytest.raises(ValueError, match="two rules are called energy/x"):
        RuleEngine([make("when: {above: 1}\n"), make("when: {above: 2}\n")], calendar, table())


def test_a_disabled_rule_sleeps(feed):
    assert not feed("when: {above: 10}\nenabled: false\n").read(0, 11)
