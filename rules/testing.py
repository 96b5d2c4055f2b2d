"""Rules carry their tests: `*.test.yaml` beside each rule, a timeline of events and readings with what is expected.

    rule: access/door-held
    steps:
      - {at: 0s, event: door.held, expect: active}
      - {at: 40s, event: door.closed, expect: cleared}

An event named by its kind alone happens at door-1, device-1 or gateway-1. Pure: callers bring the texts.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from contract.configuration import Located, Path, Settings, dotted, parse
from contract.messages import Event, Text
from contract.quality import Quality
from rules import alarm as alarms
from rules.alarm import Alarm, AlarmState
from rules.calendar import Calendar
from rules.durations import Duration
from rules.engine import RuleEngine
from rules.model import Rule
from rules.outcomes import Kind, Outcome
from rules.points import Point, PointTable, Thing
from rules.tracks import Phase

Expected = Literal["none", "pending", "active", "acknowledged", "suppressed", "cleared"]
_RANK: Final[tuple[Expected, ...]] = ("none", "cleared", "pending", "suppressed", "acknowledged", "active")
DOOR, DEVICE, GATEWAY = "door-1", "device-1", "gateway-1"


class ReadingStep(Settings):
    """A reading; with `every` and `until` it comes again and again with the same value."""

    point: str
    value: float
    quality: Literal["GOOD", "HELD", "CLOCK", "RANGE", "GONE", "MUTE", "REFUSED", "WRONG_KEY", "GARBAGE"] = "GOOD"
    every: Duration | None = None
    until: Duration | None = None


class EventStep(Settings):
    """An event, with the fields that matter."""

    kind: str
    device: str | None = None
    door: str | None = None
    gateway: str = GATEWAY
    zone: str = ""
    person: str = ""
    credential: str = ""
    reason: str = ""
    value: float | None = None
    text: str = ""
    data: dict[str, str | float | bool] = Field(default_factory=dict)


def _event(value: object) -> object:
    return {"kind": value} if isinstance(value, str) else value


class TestStep(Settings):
    """What happens at a time after the start, and what is then expected."""

    at: Duration
    event: Annotated[EventStep | None, BeforeValidator(_event)] = None
    reading: ReadingStep | None = None
    acknowledge: str = ""
    """Somebody acknowledges the alarm."""
    restart: bool = False
    """The hub is killed and starts again from its stored state."""
    expect: Expected | None = None
    subject: str = ""
    """Whose alarm is meant; by default the one that has come furthest."""
    says: str = ""
    """Part of the alarm's English or Chinese message."""
    commands: tuple[str, ...] | None = None
    """Commands since the step before: "ahu-1.setpoint=26", "door-1:door_unlock"."""
    notifies: tuple[str, ...] | None = None


class TestThing(Settings):
    """A device or a door of the test's campus."""

    id: str
    zone: str = ""
    place: str = ""
    gateway: str = GATEWAY


class TestPoint(Settings):
    """A point of the test's campus, with what its rule's scope asks for."""

    point: str
    unit: str = ""
    zone: str = ""
    place: str = ""


class TestCase(Settings):
    """One timeline."""

    name: str = ""
    start: datetime = datetime(2026, 11, 24, 10, 0)  # noqa: DTZ001 - campus time
    """Campus time, by default a Tuesday at ten in term."""
    steps: Annotated[tuple[TestStep, ...], Field(min_length=1)]


class RuleTest(Settings):
    """One `*.test.yaml`: either `steps`, or several `cases`."""

    rule: str
    others: Annotated[tuple[str, ...], Field(alias="with")] = ()
    """Rules that take part, for suppression."""
    devices: tuple[TestThing, ...] = (TestThing(id=DEVICE),)
    doors: tuple[TestThing, ...] = (TestThing(id=DOOR),)
    points: tuple[TestPoint, ...] = ()
    start: datetime | None = None
    steps: tuple[TestStep, ...] = ()
    cases: tuple[TestCase, ...] = ()

    @model_validator(mode="after")
    def _one_form(self) -> "RuleTest":
        if bool(self.steps) == bool(self.cases):
            raise ValueError("either `steps` or `cases` are wanted")
        return self

    def timelines(self) -> list[tuple[Path, TestCase]]:
        """Return the cases with where they stand in the file."""
        if self.cases:
            return [(("cases", number), case) for number, case in enumerate(self.cases)]
        return [((), TestCase(steps=self.steps, start=self.start) if self.start else TestCase(steps=self.steps))]


class Failure(msgspec.Struct, frozen=True):
    """One expectation that was not met."""

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}"


def run_test(text: str, file: str, rules: Mapping[str, Rule], calendar: Calendar) -> list[Failure]:
    """Run one `*.test.yaml`; empty: it passed. Raise `ConfigurationMistakes` when it cannot be read."""
    test = parse(text, file, RuleTest)
    located = Located(text, file)
    missing = [name for name in (test.rule, *test.others) if name not in rules]
    if missing:
        return [Failure(file, located.lines["rule",], f"there is no rule {', '.join(missing)}")]
    failures = []
    for path, case in test.timelines():
        run = _Run(test, case, [rules[name] for name in (test.rule, *test.others)], calendar)
        for number, step in enumerate(case.steps):
            steps: Path = (*path, "steps", number)
            failures += [Failure(file, located.lines[steps], f"{dotted(steps)} at {step.at / 1000:g}s: {what}")
                         for what in run.step(step)]
    return failures


class _Run:
    """One timeline on an engine of its own."""

    def __init__(self, test: RuleTest, case: TestCase, rules: list[Rule], calendar: Calendar) -> None:
        self.rule, self.rules, self.calendar = rules[0], rules, calendar
        self.start_ms = int(case.start.replace(tzinfo=ZoneInfo(calendar.settings.time_zone)).timestamp() * 1000)
        self.table = _campus(test, case)
        self.engine = RuleEngine(rules, calendar, self.table)
        self.state: dict[str, bytes] = {}
        self.alarms: dict[str, Alarm] = {}
        self.outcomes: list[Outcome] = []
        self.engine.tick(self.start_ms)

    def step(self, step: TestStep) -> list[str]:
        """Do one step and return what was not as expected."""
        self.outcomes = []
        at_ms = self.start_ms + step.at
        self._pass_time(at_ms)
        if step.restart:
            self.state |= self.engine.dirty_state()
            self.engine = RuleEngine(self.rules, self.calendar, self.table, self.state)
        if step.event is not None:
            self._take(self.engine.event(_to_event(step.event, at_ms), step.event.gateway, at_ms))
        if step.reading is not None:
            at_ms = self._read(step.reading, at_ms)
        self._take(self.engine.tick(at_ms))
        if step.acknowledge:
            for subject, alarm in self.alarms.items():
                if alarm.unseen:
                    self.alarms[subject], _ = alarms.acknowledge(alarm, by=step.acknowledge, now_ms=at_ms)
        return list(self._differences(step))

    def _pass_time(self, at_ms: int) -> None:
        """Let every deadline on the way happen at its own time, as in the hub."""
        while (due_ms := self.engine.next_deadline_ms) and due_ms < at_ms:
            self._take(self.engine.tick(due_ms))

    def _read(self, step: ReadingStep, at_ms: int) -> int:
        index = self.table.index(step.point)
        assert index is not None
        last_ms = self.start_ms + step.until if step.until is not None else at_ms
        for time_ms in range(at_ms, last_ms + 1, step.every or 1) if step.every else [at_ms]:
            self._pass_time(time_ms)
            self._take(self.engine.readings(
                np.array([index], np.uint32), np.array([time_ms], np.int64), np.array([step.value]),
                np.array([Quality[step.quality]], np.uint8), time_ms))
        return max(at_ms, last_ms)

    def _take(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.rule != self.rule.id:
                continue
            self.outcomes.append(outcome)
            alarm = self.alarms.get(outcome.subject, Alarm(unsilenceable=self.rule.unsuppressible))
            match outcome.kind:
                case Kind.RAISE | Kind.CLEAR:
                    abnormal = outcome.kind is Kind.RAISE
                    alarm, _ = alarms.observe(alarm, abnormal=abnormal, now_ms=outcome.at_ms)
                    by = outcome.suppressed_by
                    alarm, _ = (alarms.suppress(alarm, rule=by, now_ms=outcome.at_ms) if by else (alarm, ()))
                case Kind.SUPPRESS:
                    alarm, _ = alarms.suppress(alarm, rule=outcome.suppressed_by, now_ms=outcome.at_ms)
                case Kind.UNSUPPRESS:
                    alarm, _ = alarms.unsuppress(alarm, now_ms=outcome.at_ms)
            self.alarms[outcome.subject] = alarm

    def _differences(self, step: TestStep) -> Iterable[str]:
        if step.expect is not None:
            found = self._standing(step.subject)
            if found != step.expect:
                yield f"{step.expect} expected{f' of {step.subject}' if step.subject else ''}, found {found}"
        if step.says and not any(step.says in out.message.en or step.says in out.message.zh for out in self.outcomes):
            said = "; ".join(out.message.en for out in self.outcomes) or "nothing"
            yield f"a message with {step.says!r} expected, said was: {said}"
        commands = sorted(filter(None, map(_command, self.outcomes)))
        if step.commands is not None and commands != sorted(step.commands):
            yield f"commands {sorted(step.commands)} expected, found {commands}"
        teams = sorted(out.team for out in self.outcomes if out.kind is Kind.NOTIFY)
        if step.notifies is not None and teams != sorted(step.notifies):
            yield f"notices to {sorted(step.notifies)} expected, found {teams}"

    def _standing(self, subject: str) -> Expected:
        subjects = [subject] if subject else [*self.alarms, *self.engine.subjects(self.rule.id)]
        return max(map(self._one, subjects), key=_RANK.index, default="none")

    def _one(self, subject: str) -> Expected:
        alarm = self.alarms.get(subject, Alarm())
        match self.engine.phase(self.rule.id, subject):
            case Phase.PENDING:
                return "pending"
            case Phase.ACTIVE if alarm.suppressed_by:
                return "suppressed"
            case Phase.ACTIVE:
                return "acknowledged" if alarm.state is AlarmState.ACKNOWLEDGED else "active"
            case _:
                return "cleared" if alarm.state is AlarmState.CLEARED else "none"


def _campus(test: RuleTest, case: TestCase) -> PointTable:
    """Build the smallest campus in which the timeline can happen."""
    keys = {step.reading.point: TestPoint(point=step.reading.point) for step in case.steps if step.reading}
    keys |= {entry.point: entry for entry in test.points}
    points = []
    for key, entry in keys.items():
        device, _, name = key.rpartition("/")
        points.append(Point(device=device, name=name, unit=entry.unit, zone=entry.zone, place=entry.place,
                            gateway=GATEWAY))
    return PointTable(points, map(_thing, test.devices), map(_thing, test.doors))


def _thing(entry: TestThing) -> Thing:
    return Thing(id=entry.id, name=Text(entry.id, entry.id), zone=entry.zone, place=entry.place, gateway=entry.gateway)


def _to_event(step: EventStep, at_ms: int) -> Event:
    """Fill in where an event named by its kind alone happened."""
    fields: dict[str, Any] = {name: getattr(step, name) for name in (
        "kind", "zone", "person", "credential", "reason", "value", "text", "data")}
    at_door, of_gateway = step.kind.startswith(("door.", "access.")), step.kind.startswith("gateway.")
    here = step.device is None and step.door is None
    fields["door"] = step.door or (DOOR if at_door and here else "")
    fields["device"] = step.device or (DEVICE if here and not at_door and not of_gateway else "")
    return Event(at_ms=at_ms, **fields)


def _command(outcome: Outcome) -> str:
    order = outcome.command
    if order is None:
        return ""
    return f"{order.door}:{order.action}" if order.door else f"{order.device}.{order.point or order.action}" + (
        f"={order.value:g}" if order.value is not None else "")
