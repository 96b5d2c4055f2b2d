"""The rules that run: their versions in the state database, edits with validation, and trials on history."""

from collections.abc import Callable, Mapping
from typing import Final, Literal, cast

import msgspec
import structlog
import yaml
from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import IntegrityError

from contract.configuration import ConfigurationMistakes
from contract.messages import Event, Text
from hub import audit, tables
from hub.alarms import AlarmBook
from hub.api import shapes
from hub.api.core import Refusal, not_found
from hub.commit import Committer
from hub.engine import Engine
from hub.historians.base import HistorianDown
from hub.historians.duckdb import DuckHistorian
from hub.history import unanswered
from hub.store import Store
from rules.calendar import Calendar, UnknownCondition
from rules.editing import EditRefused, edited, limits_with_bounds
from rules.model import Rule, parse_rule
from rules.sentence import sentence
from rules.trial import trial

DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
Listed = list[shapes.Rule]
Versions = list[shapes.RuleVersion]
Stored = list[tuple[Event, str]]
_log = structlog.get_logger()
Engines = Literal["access", "security", "energy"]


class Rulebook:
    """Every version is kept; the highest of each rule runs."""

    def __init__(self, *, committer: Committer, store: Store, alarms: AlarmBook, historian: DuckHistorian,
                 now_ms: Callable[[], int]) -> None:
        self.rules: dict[str, Rule] = {}
        self.engine: Engine | None = None
        """Set once it is made from these rules."""
        self._versions: dict[str, tuple[int, str, int]] = {}
        self._commit = committer
        self._store = store
        self._alarms = alarms
        self._historian = historian
        self._now_ms = now_ms

    def load(self, connection: Connection, files: Mapping[str, tuple[Rule, str]], calendar: Calendar) -> None:
        """Take up the stored rules; those in files that are new, or changed there since, are added as versions.

        Needs a writing connection.
        """
        for identity, (rule, text) in files.items():
            rows = connection.execute(select(tables.rules).where(tables.rules.c.id == identity).order_by(
                tables.rules.c.version)).all()
            from_file = [row.body for row in rows if row.changed_by == "file"]
            if not from_file or from_file[-1] != text:
                connection.execute(insert(tables.rules), {
                    "id": identity, "version": rows[-1].version + 1 if rows else 1, "enabled": rule.enabled,
                    "body": text, "changed_by": "file", "changed_ms": self._now_ms(), "reason": ""})
        newest = select(tables.rules.c.id, func.max(tables.rules.c.version).label("version")).group_by(
            tables.rules.c.id).subquery()
        rows = connection.execute(select(tables.rules).join(newest, (tables.rules.c.id == newest.c.id) & (
            tables.rules.c.version == newest.c.version))).all()
        for row in rows:
            if row.id in files:
                rule = _stored(row.body, row.id, calendar) or files[row.id][0]
                self.rules[row.id] = rule.model_copy(update={"enabled": row.enabled})
                self._versions[row.id] = (row.version, row.changed_by, row.changed_ms)

    def list(self) -> Listed:
        with self._store.read() as connection:
            fired = self._fired(connection)
        return [self._shape(rule, fired.get(rule.id, 0)) for rule in self.rules.values()]

    def get(self, rule: str) -> shapes.Rule:
        known = self._known(rule)
        with self._store.read() as connection:
            return self._shape(known, self._fired(connection).get(rule, 0))

    async def save(self, rule: str, edit: shapes.RuleEdit, *, by: str) -> shapes.Rule:
        known, (version, _, _) = self._known(rule), self._versions[rule]
        if edit.version != version:
            raise _changed_meanwhile(version)
        changed = _edited(known, edit.limits)
        if edit.enabled is not None:
            changed = changed.model_copy(update={"enabled": edit.enabled})
        now_ms = self._now_ms()
        row = {"id": rule, "version": version + 1, "enabled": changed.enabled, "body": _yaml(changed),
               "changed_by": by, "changed_ms": now_ms, "reason": edit.reason}

        def store(connection: Connection) -> None:
            connection.execute(insert(tables.rules), row)
            audit.write(connection, at_ms=now_ms, actor=by, action="rule.edit", subject=rule, detail={
                "version": version + 1, "limits": dict(edit.limits), "enabled": changed.enabled,
                "reason": edit.reason})

        try:
            await self._commit.change(store)
        except IntegrityError as error:  # somebody else's save of the same moment came first
            raise _changed_meanwhile(version + 1) from error
        self.rules[rule] = changed
        self._versions[rule] = (version + 1, by, now_ms)
        assert self.engine is not None
        self.engine.replace(self.rules)
        return self.get(rule)

    def versions(self, rule: str) -> Versions:
        self._known(rule)
        with self._store.read() as connection:
            rows = connection.execute(select(tables.rules).where(tables.rules.c.id == rule).order_by(
                tables.rules.c.version.desc())).all()
        return [shapes.RuleVersion(version=row.version, changed_by=row.changed_by, changed_ms=row.changed_ms,
                                   reason=row.reason, body=row.body) for row in rows]

    def trial(self, rule: str, request: shapes.TrialRequest) -> shapes.Trial:
        """Run the rule, changed as asked, over stored history. Blocking."""
        changed, to_ms = _edited(self._known(rule), request.limits), self._now_ms()
        from_ms = to_ms - request.hours * HOUR_MS
        assert self.engine is not None
        table = self.engine.table()
        points = table.in_scope(changed.scope) if changed.scope.name else []
        try:
            columns = self._historian.readings(points, from_ms, to_ms) if points else None
        except HistorianDown as error:
            raise unanswered(error) from error
        events = [] if points else self._events(from_ms)
        episodes = trial(changed, self.engine.calendar, table, readings=[columns] if columns else [], events=events,
                         until_ms=to_ms)
        return shapes.Trial(
            from_ms=from_ms, to_ms=to_ms, readings=len(columns) if columns else 0, events=len(events),
            fired=[shapes.TrialFire(subject=episode.subject, title=episode.message, raised_ms=episode.raised_ms,
                                    cleared_ms=episode.cleared_ms, value=episode.value) for episode in episodes])

    def _events(self, from_ms: int) -> Stored:
        table = tables.events
        with self._store.read() as connection:
            rows = connection.execute(select(table).where(table.c.at_ms >= from_ms).order_by(table.c.at_ms)).all()
        return [(Event(kind=row.kind, at_ms=row.at_ms, device=row.device, door=row.door, zone=row.zone,
                       person=row.person, credential=row.credential, reason=row.reason, value=row.value,
                       text=row.text, data=msgspec.json.decode(row.data)), row.gateway) for row in rows]

    def _known(self, rule: str) -> Rule:
        known = self.rules.get(rule)
        if known is None:
            raise not_found(Text("rule", "规则"), rule)
        return known

    def _fired(self, connection: Connection) -> dict[str, int]:
        since_ms = self._now_ms() - DAY_MS
        table = tables.alarms
        rows = connection.execute(select(table.c.rule, func.count()).where(table.c.raised_ms >= since_ms).group_by(
            table.c.rule)).all()
        return {row[0]: row[1] for row in rows}

    def _shape(self, rule: Rule, fired: int) -> shapes.Rule:
        version, by, changed_ms = self._versions[rule.id]
        return shapes.Rule(
            id=rule.id, engine=cast("Engines", rule.room), title=rule.title,
            sentence=sentence(rule), priority=rule.priority,
            enabled=rule.enabled, version=version, changed_by=by, changed_ms=changed_ms,
            limits=[shapes.EditableLimit(path=name, label=bounds.label, unit=bounds.unit, value=value,
                                         minimum=bounds.min, maximum=bounds.max, step=bounds.step)
                    for name, value, bounds in limits_with_bounds(rule)],
            calendar=rule.calendar if isinstance(rule.calendar, str) else str(rule.calendar),
            active=sum(record.rule == rule.id for record in self._alarms.records.values()), fired_24h=fired)


def _stored(body: str, identity: str, calendar: Calendar) -> Rule | None:
    """Parse a stored rule; None when this version of the hub does not take it any more, which is logged."""
    try:
        rule = parse_rule(body, identity)
        calendar.check(rule.calendar)
    except (ConfigurationMistakes, UnknownCondition) as error:
        _log.error("stored_rule_refused", rule=identity, why=str(error))
        return None
    return rule


def _changed_meanwhile(version: int) -> Refusal:
    return Refusal(409, "changed_meanwhile", Text(
        f"Somebody saved version {version} meanwhile; look at it and edit again.",
        f"其间已有人保存了版本 {version}，请查看后重新修改。"))


def _edited(rule: Rule, limits: Mapping[str, float | str]) -> Rule:
    """Return the rule with new limits; `Refusal` 422 names each that may not be."""
    texts = {name: Text("a number is wanted", "应为数字") for name, value in limits.items() if isinstance(value, str)}
    try:
        if texts:
            raise EditRefused(texts)
        return edited(rule, {name: float(value) for name, value in limits.items()})
    except EditRefused as error:
        fields = [shapes.FieldProblem(path=name, value=str(limits[name]), message=text)
                  for name, text in error.problems.items()]
        raise Refusal(422, "limits", Text("Some limits may not be so.", "部分限值不符合要求。"), fields) from error


def _yaml(rule: Rule) -> str:
    content = rule.model_dump(mode="json", by_alias=True, exclude_none=True)
    return yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
