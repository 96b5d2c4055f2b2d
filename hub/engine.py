"""The engine's place in the hub: what ingest learned goes through the rules.

Their outcomes become alarms, commands and notices, staged into the same commit as the readings and events behind them.
"""

from collections.abc import Callable, Mapping

import numpy as np
import structlog
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, select

from contract.messages import Event, Text
from hub import tables
from hub.alarms import AlarmBook
from hub.commit import Committer, Stage
from hub.registry import Registry
from rules.calendar import Calendar
from rules.engine import RuleEngine
from rules.model import CommandOrder, Rule
from rules.outcomes import Kind, Outcome
from rules.points import Point as RulePoint
from rules.points import PointTable, Thing

_log = structlog.get_logger()


class Engine:
    """One rule engine over all points; its indices are the hub's point ids."""

    def __init__(
        self, *, rules: Mapping[str, Rule], calendar: Calendar, registry: Registry, alarms: AlarmBook,
        committer: Committer, now_ms: Callable[[], int], on_command: Callable[[CommandOrder, str], None],
        zones: Mapping[str, Text] | None = None,
    ) -> None:
        """on_command: sends what a rule orders; its second argument is the rule's id. zones: names of the zones."""
        self._zones = dict(zones or {})
        self.rules = dict(rules)
        self.calendar = calendar
        self.outcomes = 0
        self._registry = registry
        self._alarms = alarms
        self._commit = committer
        self._now_ms = now_ms
        self._on_command = on_command
        self._engine: RuleEngine | None = None
        self._stale = False
        registry.on_change.append(self._table_changed)
        committer.before.append(self._stage_state)

    def load(self, connection: Connection) -> None:
        """Take up every timer and window where it was."""
        state = {row.key: row.value for row in connection.execute(select(tables.rule_state)) if row.value}
        self._engine = RuleEngine(self.rules.values(), self.calendar, self.table(), state)

    def readings(
        self, points: NDArray[np.uint32], times_ms: NDArray[np.int64], values: NDArray[np.float64],
        quality: NDArray[np.uint8], *, historical: bool,
    ) -> None:
        """Run a batch through the rules; columns of one length, `points` being hub ids."""
        outcomes = self._ready().readings(points, times_ms, values, quality, self._now_ms(), historical=historical)
        if outcomes:
            self._apply(outcomes)

    def event(self, event: Event, gateway: str) -> None:
        self._apply(self._ready().event(event, gateway, self._now_ms()))

    def tick(self) -> None:
        """Let what is due happen."""
        self._apply(self._ready().tick(self._now_ms()))
        self._alarms.expire()

    def replace(self, rules: Mapping[str, Rule]) -> None:
        """Put other rules in force; unchanged ones keep their timers."""
        engine = self._ready()
        before = self.rules
        self.rules = dict(rules)
        outcomes = engine.replace_rules(rules.values(), self._now_ms())
        self._apply(outcomes, before)

    def table(self) -> PointTable:
        """Return the points by hub id with the devices and doors, as the rules see them."""
        registry = self._registry
        known = list(registry.points.values())  # copies: a trial asks from another thread
        points: list[RulePoint | None] = [None] * (max((point.id for point in known), default=0) + 1)
        for point in known:
            device = registry.devices.get(point.device)
            points[point.id] = RulePoint(
                device=point.device, name=point.birth.name, unit=point.birth.unit,
                zone=device.birth.zone if device else "", place=device.birth.place if device else "",
                gateway=device.gateway if device else "")
        devices = [Thing(id=device.id, name=device.birth.name, zone=device.birth.zone, place=device.birth.place,
                         gateway=device.gateway) for device in list(registry.devices.values())]
        doors = [Thing(id=door.id, name=door.birth.name, zone=door.birth.zone, place=door.birth.place,
                       gateway=door.gateway) for door in list(registry.doors.values())]
        return PointTable(points, devices, doors, self._zones)

    def _ready(self) -> RuleEngine:
        assert self._engine is not None, "load comes first"
        if self._stale:
            self._stale = False
            self._engine.points_changed(self.table())
        return self._engine

    def _table_changed(self) -> None:
        self._stale = True

    def _apply(self, outcomes: list[Outcome], before: Mapping[str, Rule] | None = None) -> None:
        self.outcomes += len(outcomes)
        for outcome in outcomes:
            rule = self.rules.get(outcome.rule) or (before or {}).get(outcome.rule)
            match outcome.kind:
                case Kind.COMMAND if outcome.command is not None:
                    self._on_command(outcome.command, outcome.rule)
                case Kind.NOTIFY:
                    self._notify(outcome)
                case _:
                    self._alarms.take(outcome, rule)

    def _notify(self, outcome: Outcome) -> None:
        record = self._alarms.find(outcome.rule, outcome.subject)
        self._commit.stage.insert(tables.notices, {
            "at_ms": self._now_ms(), "alarm": record.id if record else 0, "audience": outcome.team,
            "title_en": outcome.message.en, "title_zh": outcome.message.zh})
        self._commit.wake(urgent=True)

    def _stage_state(self, stage: Stage) -> None:
        if self._engine is None:
            return
        for key, value in self._engine.dirty_state().items():
            stage.put(tables.rule_state, {"key": key, "value": value})


def forget_empty_state(connection: Connection) -> None:
    """Drop the keys the engine has given up (stored as empty bytes)."""
    connection.execute(delete(tables.rule_state).where(tables.rule_state.c.value == b""))
