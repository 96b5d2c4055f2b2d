"""The rule engine: readings (as arrays), events and ticks in, outcomes out. Pure; time is an argument.

Plain comparisons are limit arrays (`limits`), so only crossings reach Python. Aggregates and expressions are followed
point by point, but only for the points in their scope. Deadlines are event time; `tick` lets them happen. `dirty_state`
gives what to write into the next commit, and the constructor takes it back.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.messages import Event
from contract.quality import BAD
from rules import expressions, limits
from rules.calendar import Calendar
from rules.cases import Cases
from rules.limits import Layer, Layers
from rules.matching import RuleBook, await_again, react, seeds
from rules.model import Absent, Expression, Level, Rule
from rules.outcomes import Outcome, cause_of_event, cause_of_reading
from rules.points import NO_POINT, PointTable
from rules.tracks import Phase
from rules.windows import Windows

Indices = NDArray[np.intp]
NEVER_MS: Final = 1 << 62


class RuleEngine:
    """Evaluates rules; keeps where each stands with each of its subjects."""

    def __init__(self, rules: Iterable[Rule], calendar: Calendar, table: PointTable,
                 state: Mapping[str, bytes] | None = None) -> None:
        """Take up the rules where `state` left them.

        Raise `calendar.UnknownCondition` when a rule names a calendar condition there is not, `ValueError` when two
        rules have one id.
        """
        self._calendar = calendar
        self._rules = _checked(rules, calendar)
        self._cases = Cases(calendar, table, {rule.id: rule for rule in self._rules}, state or {})
        self._windows = Windows(state or {})
        self._unseeded = True
        self._waiting: set[int] = set()
        """Points with a level that holds but has not raised yet."""
        self._lay_out(table)

    def _lay_out(self, table: PointTable) -> None:
        """Compile rules and points into arrays."""
        self._table = self._cases.table = table
        self._book = RuleBook(self._rules)
        size = len(table)
        scopes = [(position, table.in_scope(rule.scope)) for position, rule in enumerate(self._rules)]
        plain = [(position, points) for position, points in scopes if _is_plain(self._rules[position])]
        self._layers = Layers(size, plain, self._interval)
        self._followers: dict[int, list[Rule]] = {}
        self._followed = np.zeros(size, np.bool_)
        self._lengths: dict[str, set[int]] = {}
        for position, points in scopes:
            if _is_followed(self._rules[position]):
                self._followed[points] = True
                for point in points:
                    self._followers.setdefault(point, []).append(self._rules[position])
        self._measure_windows()
        self._timed = [rule for rule in self._rules if rule.calendar != "always"]
        self._flips = {rule.id: 0 for rule in self._timed}
        self._next_flip_ms = 0 if self._timed else NEVER_MS
        self._remember(size)

    def _measure_windows(self) -> None:
        """Note which lengths of window each followed point needs; a point has one window a length."""
        for point, rules in self._followers.items():
            for rule in rules:
                aggregate = rule.when.aggregate if isinstance(rule.when, Level) else None
                if aggregate:
                    self._lengths.setdefault(self._key(point), set()).add(aggregate[1])
        self._windows.retain(self._lengths)

    def _remember(self, size: int) -> None:
        """Make room for the last value and time of each point; what is known stays."""
        values, times = np.full(size, np.nan), np.zeros(size, np.int64)
        if hasattr(self, "_last"):
            known = min(size, len(self._last))
            values[:known], times[:known] = self._last[:known], self._last_ms[:known]
        self._last: NDArray[np.float64] = values
        self._last_ms: NDArray[np.int64] = times

    def _interval(self, position: int, point: int) -> limits.Interval:
        """Where a point may stay, by what its track says; a paused track wants to see the next value."""
        rule = self._rules[position]
        track = self._cases.track(rule.id, self._subject(point))
        assert isinstance(rule.when, Level)
        if track is not None and track.phase is Phase.PENDING:
            if not track.due_ms:
                return limits.NOTHING
            self._waiting.add(point)
        return limits.stay(rule.when, None, held=track is not None and track.holds)

    # Readings.

    def readings(self, points: NDArray[np.uint32], times_ms: NDArray[np.int64], values: NDArray[np.float64],
                 quality: NDArray[np.uint8], now_ms: int, *, historical: bool = False) -> list[Outcome]:
        """Take a batch of readings in, in order; columns of one length, `points` being indices of the table.

        Bad readings neither raise nor clear. Historical ones (late, from an outage) change nothing: what they would
        have raised is stale. Indices beyond the table are passed over. `now_ms` lets deadlines before it happen.
        """
        if historical or not len(points):
            return self.tick(now_ms)
        indices = points.astype(np.intp)
        fit = quality < BAD
        if int(indices.max()) >= len(self._table):
            fit &= indices < len(self._table)
        if not fit.all():
            self._pause(indices[~fit])
            indices, times_ms, values = indices[fit], times_ms[fit], values[fit]
        self._last[indices] = values
        self._last_ms[indices] = times_ms
        outcomes = self._look(indices, times_ms, values)
        followed = self._followed.take(indices).nonzero()[0] if self._followers else ()
        for at in followed:
            outcomes += self._follow(int(indices[at]), float(values[at]), int(times_ms[at]))
        return outcomes + self.tick(now_ms)

    def _look(self, indices: Indices, times_ms: NDArray[np.int64], values: NDArray[np.float64]) -> list[Outcome]:
        """Check all layers; only points that crossed are looked at one reading after the other."""
        outcomes: list[Outcome] = []
        for layer in self._layers.layers:
            crossed = layer.crossed(indices, values)
            if not len(crossed):
                continue
            for at in limits.touched(indices, crossed).tolist():
                outcomes += self._cross(layer, int(indices[at]), float(values[at]), int(times_ms[at]))
        return outcomes

    def _cross(self, layer: Layer, point: int, value: float, at_ms: int) -> list[Outcome]:
        rule = self._rules[layer.rule[point]]
        if layer.low[point] <= value <= layer.high[point]:
            return []
        level, subject = rule.when, self._subject(point)
        assert isinstance(level, Level)
        track = self._cases.track(rule.id, subject)
        holds = limits.holds(level, value, held=track is not None and track.holds)
        layer.set(point, limits.stay(level, value, held=holds))
        return self._level(rule, point, value, at_ms, holds=holds)

    def _level(self, rule: Rule, point: int, value: float, at_ms: int, *, holds: bool) -> list[Outcome]:
        subject, level = self._subject(point), rule.when
        limit = limits.limit_for(level, value) if isinstance(level, Level) else None
        cause = cause_of_reading(self._table.points[point] or NO_POINT, at_ms, value)
        outcomes = self._cases.observe(rule, subject, holds=holds, at_ms=at_ms, value=value, limit=limit, cause=cause)
        if self._cases.phase(rule.id, subject) is Phase.PENDING:
            self._waiting.add(point)
        return outcomes

    def _follow(self, point: int, value: float, at_ms: int) -> list[Outcome]:
        """Aggregates and expressions of one point."""
        outcomes: list[Outcome] = []
        key = self._key(point)
        windows = {over_ms: self._windows.add(key, over_ms, value, at_ms) for over_ms in self._lengths.get(key, ())}
        for rule in self._followers[point]:
            track = self._cases.track(rule.id, self._subject(point))
            held = track is not None and track.holds
            seen: float | None = value
            if isinstance(rule.when, Level) and rule.when.aggregate:
                name, over_ms = rule.when.aggregate
                seen = windows[over_ms].value(name)
                holds = seen is not None and limits.holds(rule.when, seen, held=held)
            else:
                assert isinstance(rule.when, Expression)
                holds = expressions.holds(rule.when.cel, self._context(point, value, at_ms))
            paused = track is not None and track.phase is Phase.PENDING and not track.due_ms
            if seen is not None and (holds != held or paused):
                outcomes += self._level(rule, point, seen, at_ms, holds=holds)
        return outcomes

    def _context(self, point: int, value: float, at_ms: int) -> dict[str, object]:
        known, local = self._table.points[point] or NO_POINT, self._calendar.local(at_ms)
        return {"value": value, "name": known.name, "unit": known.unit, "device": known.device, "zone": known.zone,
                "place": known.place, "hour": local.hour, "weekday": local.isoweekday()}

    def _pause(self, indices: Indices) -> None:
        """Bad readings: what waits on these points waits on, until a good reading says more."""
        if not self._waiting:
            return
        for point in self._waiting.intersection(indices.tolist()):
            self._waiting.discard(point)
            for rule in self._followers.get(point, ()):
                self._cases.pause(rule, self._subject(point))
            for layer in self._layers.layers:
                position = int(layer.rule[point])
                if position != limits.NO_RULE and self._cases.pause(self._rules[position], self._subject(point)):
                    layer.set(point, limits.NOTHING)

    def _key(self, point: int) -> str:
        return (self._table.points[point] or NO_POINT).key

    def _subject(self, point: int) -> str:
        return f"point:{self._key(point)}"

    # Events and time.

    def event(self, event: Event, gateway: str, now_ms: int) -> list[Outcome]:
        """Take one event in. Only its own subject's deadlines happen first: a late event is judged by its own time."""
        rules = self._book.about(event.kind)
        if not rules:
            return []
        self._seed(now_ms)
        cause = cause_of_event(event, gateway, self._table)
        return [outcome for rule in rules for outcome in react(self._cases, rule, event, cause)]

    def tick(self, now_ms: int) -> list[Outcome]:
        """Let every deadline up to now happen: durations, ends, absences, and the calendar's own changes."""
        outcomes = self._seed(now_ms)
        if self._next_flip_ms <= now_ms:
            outcomes += self._turn(now_ms)
        return outcomes + self._cases.expire(now_ms)

    def _turn(self, now_ms: int) -> list[Outcome]:
        """Judge the rules again whose calendar has opened or closed."""
        outcomes: list[Outcome] = []
        for rule in self._timed:
            flip_ms = self._flips[rule.id]
            if flip_ms <= now_ms:
                for at_ms in (flip_ms, now_ms) if flip_ms else (now_ms,):
                    outcomes += self._cases.expire(at_ms)  # what came due before the calendar turned comes first
                    outcomes += self._cases.settle(rule, at_ms)
                self._flips[rule.id] = self._calendar.next_change_ms(rule.calendar, now_ms)
        self._next_flip_ms = min(self._flips.values(), default=NEVER_MS)
        return outcomes

    @property
    def next_deadline_ms(self) -> int:
        """When the next `tick` is due at the latest; 0 when nothing waits."""
        flip_ms = self._next_flip_ms if self._next_flip_ms < NEVER_MS else 0
        return min((ms for ms in (self._cases.next_ms, flip_ms) if ms), default=0)

    def _seed(self, now_ms: int) -> list[Outcome]:
        """Once after the start or a change: begin to wait for what should come, drop what no rule owns."""
        if not self._unseeded:
            return []
        self._unseeded = False
        for rule in self._rules:
            if isinstance(rule.when, Absent):
                for subject, cause in seeds(rule, self._table):
                    if self._cases.track(rule.id, subject) is None:
                        await_again(self._cases, rule, subject, cause, now_ms)
        return [outcome for owner in self._cases.orphans() for outcome in self._cases.forget(owner, now_ms)]

    def phase(self, rule: str, subject: str) -> Phase:
        """Tell whether a rule is normal, pending or active for a subject."""
        return self._cases.phase(rule, subject)

    def subjects(self, rule: str) -> list[str]:
        """Return the subjects a rule has something to remember of."""
        return [subject for subject, _ in self._cases.of(rule)]

    # Change and memory.

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules in force."""
        return tuple(self._rules)

    def replace_rules(self, rules: Iterable[Rule], now_ms: int) -> list[Outcome]:
        """Put other rules in force; an unchanged rule keeps its timers. Return what clears and what holds at once.

        The last value of each point is judged by the new rules; events are not seen again.
        """
        before, after = {rule.id: rule for rule in self._rules}, _checked(rules, self._calendar)
        kept = {rule.id for rule in after if before.get(rule.id) == rule}
        outcomes = [out for name in before if name not in kept for out in self._cases.forget(name, now_ms)]
        self._rules = after
        self._cases.rules = {rule.id: rule for rule in after}
        self._lay_out(self._table)
        self._unseeded = True
        known = self._last_ms.nonzero()[0]
        times = np.full(len(known), now_ms, np.int64)
        return outcomes + self._look(known, times, self._last[known]) + self.tick(now_ms)

    def points_changed(self, table: PointTable) -> None:
        """Take another table of points, devices and doors; an index keeps its meaning, new ones may follow."""
        self._lay_out(table)
        self._unseeded = True

    def dirty_state(self) -> dict[str, bytes]:
        """Return what changed since the last call, by key, for the next commit; empty bytes: delete the key."""
        return self._cases.dirty_state() | self._windows.dirty_state()


def _checked(rules: Iterable[Rule], calendar: Calendar) -> list[Rule]:
    """Return the enabled rules; refuse two of one id and conditions the calendar does not know."""
    enabled = [rule for rule in rules if rule.enabled]
    names = [rule.id for rule in enabled]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"two rules are called {', '.join(twice)}")
    for rule in enabled:
        calendar.check(rule.calendar)
    return enabled


def _is_plain(rule: Rule) -> bool:
    return isinstance(rule.when, Level) and rule.when.aggregate is None


def _is_followed(rule: Rule) -> bool:
    return isinstance(rule.when, Expression) or (isinstance(rule.when, Level) and rule.when.aggregate is not None)
