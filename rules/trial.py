"""Try one rule on history: when would it have raised, and for how long."""

from collections.abc import Iterable, Iterator

import msgspec
import numpy as np

from contract.messages import Event, Text
from contract.readings import Columns
from rules.calendar import Calendar
from rules.engine import RuleEngine
from rules.model import Action, Rule
from rules.outcomes import Kind, Outcome
from rules.points import PointTable

_ROWS = 5_000
"""Readings looked at together: small enough that a stretch without a crossing costs no Python."""


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """Once that the rule would have raised."""

    subject: str
    raised_ms: int
    cleared_ms: int | None
    """None: not within the time looked at."""
    value: float | None
    message: Text


def trial(rule: Rule, calendar: Calendar, table: PointTable, *, readings: Iterable[Columns] = (),
          events: Iterable[tuple[Event, str]] = (), until_ms: int = 0) -> list[Episode]:
    """Return the episodes in order of raising.

    `readings` are in order of time, `events` too, each with its gateway. A rule listens to one of them, so they need
    not be interleaved. What waits at the end is carried on to `until_ms`.
    """
    alone = rule.model_copy(update={"actions": (Action(alarm=True),), "suppress_when": None, "enabled": True})
    engine = RuleEngine([alone], calendar, table)
    open_: dict[str, Outcome] = {}
    episodes: list[Episode] = []
    parts = (part for columns in readings for part in _cut(columns, alone, calendar))
    for outcome in _outcomes(engine, parts, events, until_ms):
        if outcome.kind is Kind.RAISE:
            open_[outcome.subject] = outcome
        elif outcome.kind is Kind.CLEAR and outcome.subject in open_:
            episodes.append(_episode(open_.pop(outcome.subject), outcome.at_ms))
    episodes += [_episode(raised, None) for raised in open_.values()]
    return sorted(episodes, key=lambda episode: (episode.raised_ms, episode.subject))


def _episode(raised: Outcome, cleared_ms: int | None) -> Episode:
    return Episode(subject=raised.subject, raised_ms=raised.at_ms, cleared_ms=cleared_ms, value=raised.value,
                   message=raised.message)


def _outcomes(engine: RuleEngine, parts: Iterable[Columns], events: Iterable[tuple[Event, str]],
              until_ms: int) -> Iterator[Outcome]:
    for part in parts:
        yield from _ticks(engine, int(part.times_ms[0]))
        yield from engine.readings(part.points, part.times_ms, part.values, part.quality, int(part.times_ms[-1]))
    for event, gateway in events:
        yield from _ticks(engine, event.at_ms)
        yield from engine.event(event, gateway, event.at_ms)
    yield from _ticks(engine, until_ms)


def _ticks(engine: RuleEngine, until_ms: int) -> Iterator[Outcome]:
    """Let each deadline happen at its own time, up to this one."""
    while (due_ms := engine.next_deadline_ms) and due_ms < until_ms:
        yield from engine.tick(due_ms)
    if until_ms:
        yield from engine.tick(until_ms)


def _cut(columns: Columns, rule: Rule, calendar: Calendar) -> Iterator[Columns]:
    """Cut readings where the rule's calendar opens or closes, and into handy lengths."""
    start, total = 0, len(columns)
    while start < total:
        change_ms = calendar.next_change_ms(rule.calendar, int(columns.times_ms[start]))
        before = int(np.searchsorted(columns.times_ms, change_ms))
        end = min(max(before, start + 1), start + _ROWS, total)
        yield Columns(columns.points[start:end], columns.times_ms[start:end], columns.values[start:end],
                      columns.quality[start:end])
        start = end
