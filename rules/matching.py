"""Events against rules: which rules an event concerns, whose case it is, and what it does to it."""

from collections.abc import Iterable, Iterator
from functools import singledispatch

from contract.messages import Event
from rules import expressions
from rules.cases import Cases
from rules.model import Absent, Count, EventPattern, Happens, Rule, Sequence, Subject
from rules.outcomes import Cause, Outcome
from rules.points import PointTable, like


class RuleBook:
    """Rules by the kinds of event they listen to."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._by_kind: dict[str, list[Rule]] = {}
        for rule in rules:
            for kind in dict.fromkeys(pattern.kind for pattern in _patterns(rule.when)):
                self._by_kind.setdefault(kind, []).append(rule)

    def about(self, kind: str) -> list[Rule]:
        return self._by_kind.get(kind, [])


def react(cases: Cases, rule: Rule, event: Event, cause: Cause) -> list[Outcome]:
    """Return what follows when this event (described by `cause`) meets the rule."""
    return _react(rule.when, cases, rule, event, cause) if in_scope(rule, cause) else []


def in_scope(rule: Rule, cause: Cause) -> bool:
    """Tell whether the rule is about this event's device, door and place."""
    scope = rule.scope
    return (
        like(cause.device, scope.device) and like(cause.door, scope.door) and like(cause.gateway, scope.gateway)
        and like(cause.zone, scope.zone) and like(cause.place, scope.place)
        and not (scope.except_device and like(cause.device, scope.except_device))
    )


def subject_of(by: Subject | None, event: Event, cause: Cause) -> str:
    """Return whose case the event belongs to, as the subject of its outcomes."""
    if by == "campus":
        return "campus"
    if by == "credential":
        return f"credential:{event.credential}"
    if by is not None:
        return f"{by}:{getattr(cause, by, '')}"
    for name in ("door", "device", "zone", "gateway"):
        if identity := getattr(cause, name):
            return f"{name}:{identity}"
    return "campus"


def seeds(rule: Rule, table: PointTable) -> Iterator[tuple[str, Cause]]:
    """Yield the subjects an absence rule waits for even when they have never been heard of."""
    by = rule.when.by if isinstance(rule.when, Absent) else None
    doors = [] if by == "device" or (by is None and rule.scope.device) else list(table.doors.values())
    devices = [] if by == "door" or (by is None and not rule.scope.device) else list(table.devices.values())
    things = [*(("door", thing) for thing in doors), *(("device", thing) for thing in devices)]
    for word, thing in things:
        cause = Cause(what="", at_ms=0, door=thing.id if word == "door" else "", zone=thing.zone, place=thing.place,
                      device=thing.id if word == "device" else "", gateway=thing.gateway)
        if in_scope(rule, cause):
            yield subject_of(by, Event(kind="", at_ms=0), cause), cause


def _fits(pattern: EventPattern | None, event: Event, cause: Cause) -> bool:
    if pattern is None or pattern.kind != event.kind:
        return False
    if pattern.value is not None and event.value != pattern.value:
        return False
    if pattern.reason and event.reason not in pattern.reason:
        return False
    return not pattern.where or expressions.holds(pattern.where, _context(event, cause))


def _context(event: Event, cause: Cause) -> dict[str, object]:
    return {
        "kind": event.kind, "device": event.device, "door": event.door, "zone": cause.zone, "place": cause.place,
        "gateway": cause.gateway, "person": event.person, "reason": event.reason, "value": event.value,
        "text": event.text, "data": dict(event.data),
    }


@singledispatch
def _patterns(_when: object) -> list[EventPattern]:
    return []


@_patterns.register
def _(when: Happens) -> list[EventPattern]:
    return [when.event, *([when.until] if when.until else [])]


@_patterns.register
def _(when: Count) -> list[EventPattern]:
    return [when.event]


@_patterns.register
def _(when: Absent) -> list[EventPattern]:
    return [when.absent]


@_patterns.register
def _(when: Sequence) -> list[EventPattern]:
    return [*when.sequence, *([when.unless] if when.unless else [])]


@singledispatch
def _react(_when: object, cases: Cases, rule: Rule, event: Event, cause: Cause) -> list[Outcome]:
    raise TypeError(f"{rule.id} does not listen to events such as {event.kind} on {cause.device} ({cases})")


@_react.register
def _(when: Happens, cases: Cases, rule: Rule, event: Event, cause: Cause) -> list[Outcome]:
    subject = subject_of(when.by, event, cause)
    if _fits(when.until, event, cause):
        return cases.observe(rule, subject, holds=False, at_ms=event.at_ms, cause=cause)
    if not _fits(when.event, event, cause):
        return []
    if when.until is None:
        return _momentary(cases, rule, subject, cause, when.lasts)
    return cases.observe(rule, subject, holds=True, at_ms=event.at_ms, value=event.value, cause=cause)


@_react.register
def _(when: Count, cases: Cases, rule: Rule, event: Event, cause: Cause) -> list[Outcome]:
    if not (_fits(when.event, event, cause) and cases.calendar.matches(rule.calendar, event.at_ms)):
        return []
    subject, at_ms = subject_of(when.by, event, cause), event.at_ms
    outcomes = cases.catch_up(rule, subject, at_ms)
    track = cases.open(rule, subject)
    track.times = [*(ms for ms in track.times if ms > at_ms - when.within), at_ms][-when.count:]
    track.wake_ms = at_ms + when.within
    if len(track.times) >= when.count:
        return outcomes + _momentary(cases, rule, subject, cause, when.within)
    track.note(cause)
    cases.keep(rule, subject, track)
    return outcomes


@_react.register
def _(when: Absent, cases: Cases, rule: Rule, event: Event, cause: Cause) -> list[Outcome]:
    if not _fits(when.absent, event, cause):
        return []
    subject = subject_of(when.by, event, cause)
    outcomes = cases.observe(rule, subject, holds=False, at_ms=event.at_ms, cause=cause)
    await_again(cases, rule, subject, cause, event.at_ms)
    return outcomes


@_react.register
def _(when: Sequence, cases: Cases, rule: Rule, event: Event, cause: Cause) -> list[Outcome]:
    subject, at_ms = subject_of(when.by, event, cause), event.at_ms
    track = cases.track(rule.id, subject)
    outcomes = cases.catch_up(rule, subject, at_ms)
    steps = track.times if track is not None else []
    if steps and _fits(when.unless, event, cause):
        _step(cases, rule, subject, [], cause)
        return outcomes
    if len(steps) < len(when.sequence) and _fits(when.sequence[len(steps)], event, cause):
        if not cases.calendar.matches(rule.calendar, at_ms):
            return outcomes
        steps = [*steps, at_ms]
    elif _fits(when.sequence[0], event, cause):
        steps = [at_ms]
    else:
        return outcomes
    if len(steps) < len(when.sequence) or len(steps) == 1:
        _step(cases, rule, subject, steps, cause)
    else:
        _step(cases, rule, subject, [], cause)
        outcomes += _momentary(cases, rule, subject, cause, when.lasts)
    return outcomes


def _step(cases: Cases, rule: Rule, subject: str, steps: list[int], cause: Cause) -> None:
    """Note how far a sequence has come."""
    assert isinstance(rule.when, Sequence)
    track = cases.open(rule, subject)
    track.times, track.wake_ms = steps, steps[0] + rule.when.within if steps else 0
    if steps:
        track.note(cause)
    cases.keep(rule, subject, track)


def _momentary(cases: Cases, rule: Rule, subject: str, cause: Cause, lasts_ms: int) -> list[Outcome]:
    """Let a condition hold for a while from its event on; outside the rule's calendar it does not count."""
    if not cases.calendar.matches(rule.calendar, cause.at_ms):
        return []
    outcomes = cases.observe(rule, subject, holds=True, at_ms=cause.at_ms, value=cause.value, cause=cause)
    track = cases.open(rule, subject)
    track.end_ms = cause.at_ms + lasts_ms
    cases.keep(rule, subject, track)
    return outcomes


def await_again(cases: Cases, rule: Rule, subject: str, cause: Cause, at_ms: int) -> None:
    """Start an absence rule's clock anew."""
    assert isinstance(rule.when, Absent)
    track = cases.open(rule, subject)
    track.wake_ms = at_ms + rule.when.within
    track.causes = [cause]
    cases.keep(rule, subject, track)
