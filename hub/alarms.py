"""Alarms: one record for each rule and subject that needs someone, moved by the rules' outcomes and by operators."""

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Final, Literal

import msgspec
from sqlalchemy import Connection, desc, select

from contract.messages import Text
from hub import audit, tables
from hub.api import shapes
from hub.api.core import Refusal, not_found
from hub.commit import Committer
from hub.registry import Registry
from hub.site import Site
from rules import alarm as machine
from rules.alarm import Alarm, AlarmRefused, AlarmState, Moved, Step, Transition
from rules.model import Rule
from rules.outcomes import Cause, Kind, Outcome

WEEK_MS: Final = 7 * 86_400_000
MARKED: Final = "marked"
"""Stored state of an alarm that is normal but still shelved, suppressed or out of service: it is not over."""
Timeline = list[shapes.AlarmEntry]
Listed = list[shapes.Alarm]
_NOUN: Final = Text("alarm", "告警")
_STATES: Final[dict[AlarmState, Literal["pending", "active", "acknowledged", "cleared_unseen", "normal"]]] = {
    AlarmState.NORMAL: "normal", AlarmState.PENDING: "pending", AlarmState.ACTIVE: "active",
    AlarmState.ACKNOWLEDGED: "acknowledged", AlarmState.CLEARED: "cleared_unseen",
}
_PRIORITIES: Final[dict[int, Literal[1, 2, 3, 4]]] = {1: 1, 2: 2, 3: 3, 4: 4}


class AlarmRecord(msgspec.Struct, kw_only=True):
    """An alarm as it is kept: its state, and what its card shows."""

    id: int
    rule: str
    subject: str
    priority: int
    alarm: Alarm
    raised_ms: int
    changed_ms: int
    title: Text
    rule_title: Text
    todo: list[Text] = []
    call: Text | None = None
    why: list[Cause] = []
    value: float | None = None
    limit: float | None = None
    unit: str = ""
    device: str = ""
    door: str = ""
    zone: str = ""
    place: str = ""
    person: str = ""
    person_name: str = ""
    camera: str = ""
    still: int | None = None
    times_this_week: int = 1

    @property
    def open(self) -> bool:
        return not self.alarm.over


class AlarmBook:
    """All alarms that are not over, and the way to those that are."""

    def __init__(
        self, *, committer: Committer, registry: Registry, site: Site, now_ms: Callable[[], int],
        read: Callable[[], AbstractContextManager[Connection]], publish: Callable[[shapes.Alarm], None],
    ) -> None:
        self.records: dict[int, AlarmRecord] = {}
        self.raised = 0
        self.cleared = 0
        self.on_raise: Callable[[AlarmRecord], None] | None = None
        self._commit = committer
        self._registry = registry
        self._site = site
        self._now_ms = now_ms
        self._read = read
        self._publish = publish
        self._by_subject: dict[tuple[str, str], int] = {}
        self._recent: dict[tuple[str, str], deque[int]] = {}
        self._timelines: dict[int, list[shapes.AlarmEntry]] = {}
        self._next = 1

    def load(self, connection: Connection) -> None:
        """Take up the alarms where they were."""
        since_ms = self._now_ms() - WEEK_MS
        newest = connection.scalar(select(tables.alarms.c.id).order_by(desc(tables.alarms.c.id)).limit(1))
        self._next = (newest or 0) + 1
        open_states = [*(state for state in _STATES.values() if state != "normal"), MARKED]
        for row in connection.execute(select(tables.alarms.c.body).where(tables.alarms.c.state.in_(open_states))):
            record = msgspec.json.decode(row.body, type=AlarmRecord)
            self._keep(record)
            self._timelines[record.id] = _timeline(connection, record.id)
        recent = select(tables.alarms.c.rule, tables.alarms.c.subject, tables.alarms.c.raised_ms)
        for row in connection.execute(recent.where(tables.alarms.c.raised_ms >= since_ms)):
            self._recent.setdefault((row.rule, row.subject), deque()).append(row.raised_ms)

    def take(self, outcome: Outcome, rule: Rule | None) -> AlarmRecord | None:
        """Move the alarm an outcome is about; return it when there is one."""
        record = self.find(outcome.rule, outcome.subject)
        if record is None:
            if outcome.kind is not Kind.RAISE or rule is None:
                return None
            record = self._new(outcome, rule)
        if outcome.kind is Kind.RAISE:
            record.title, record.why = outcome.message, list(outcome.why)
            record.value, record.limit = outcome.value, outcome.limit
        self._move(record, _moved(record.alarm, outcome))
        if outcome.kind is Kind.RAISE:
            self.raised += 1
            if self.on_raise:
                self.on_raise(record)
        elif outcome.kind is Kind.CLEAR:
            self.cleared += 1
        return record

    def find(self, rule: str, subject: str) -> AlarmRecord | None:
        """Return the open alarm of a rule and a subject."""
        return self.records.get(self._by_subject.get((rule, subject), 0))

    def note(self, record: AlarmRecord, what: str, *, by: str = "", note: str = "") -> None:
        """Add a line to an alarm's timeline."""
        now_ms = self._now_ms()
        self._log(record, shapes.AlarmEntry(at_ms=now_ms, what=what, by=by, note=note))
        self._stage(record)

    def illustrate(self, alarm: int, evidence: int) -> None:
        """Put a camera still on an alarm's card."""
        record = self.records.get(alarm)
        if record is not None:
            record.still = evidence
            self._stage(record)

    def expire(self) -> None:
        """Take back from the shelf what has lain there long enough."""
        now_ms = self._now_ms()
        for record in list(self.records.values()):
            self._move(record, machine.expire(record.alarm, now_ms=now_ms))

    # What the API asks (hub.api.core.Alarms).

    def list(self, *, open_only: bool, limit: int) -> Listed:
        if open_only:
            records: Iterable[AlarmRecord] = self.records.values()
        else:
            with self._read() as connection:
                rows = connection.execute(
                    select(tables.alarms.c.body).order_by(desc(tables.alarms.c.raised_ms)).limit(limit)).all()
            stored = (msgspec.json.decode(row.body, type=AlarmRecord) for row in rows)
            records = [self.records.get(record.id, record) for record in stored]
        ordered = sorted(records, key=lambda record: (not record.alarm.unseen, -record.raised_ms))
        return [self.shape(record) for record in ordered[:limit]]

    def get(self, alarm: int) -> shapes.Alarm:
        record = self.records.get(alarm)
        if record is None:
            with self._read() as connection:
                body = connection.scalar(select(tables.alarms.c.body).where(tables.alarms.c.id == alarm))
                if body is None:
                    raise not_found(_NOUN, alarm)
                timeline = _timeline(connection, alarm)
            return self.shape(msgspec.json.decode(body, type=AlarmRecord), timeline)
        return self.shape(record)

    async def acknowledge(self, alarm: int, *, by: str, note: str) -> shapes.Alarm:
        return await self._act(alarm, "alarm.acknowledge", by, note,
                               lambda found: machine.acknowledge(found, by=by, now_ms=self._now_ms(), note=note))

    async def shelve(self, alarm: int, *, until_ms: int, by: str, reason: str) -> shapes.Alarm:
        return await self._act(alarm, "alarm.shelve", by, reason, lambda found: machine.shelve(
            found, until_ms=until_ms, by=by, now_ms=self._now_ms(), note=reason))

    async def unshelve(self, alarm: int, *, by: str) -> shapes.Alarm:
        return await self._act(alarm, "alarm.unshelve", by, "",
                               lambda found: machine.unshelve(found, by=by, now_ms=self._now_ms()))

    async def comment(self, alarm: int, *, by: str, note: str) -> shapes.Alarm:
        record = self._open(alarm)
        self.note(record, "commented", by=by, note=note)
        await self._audited("alarm.comment", by, alarm, note)
        return self.shape(record)

    def shape(self, record: AlarmRecord, timeline: Timeline | None = None) -> shapes.Alarm:
        """Return all that the alarm's card shows."""
        alarm = record.alarm
        return shapes.Alarm(
            id=record.id, rule=record.rule, rule_title=record.rule_title, subject=record.subject,
            priority=_PRIORITIES[record.priority], state=_STATES[alarm.state],
            shelved_until_ms=alarm.shelved_until_ms or None, suppressed=bool(alarm.suppressed_by),
            raised_ms=record.raised_ms, changed_ms=record.changed_ms, title=record.title, place=record.place,
            place_name=self._site.place_name(record.place), device=record.device, door=record.door, zone=record.zone,
            person=record.person, person_name=record.person_name, value=record.value, limit=record.limit,
            unit=record.unit, why=[self._why(cause) for cause in record.why], todo=record.todo, call=record.call,
            camera=record.camera, still=record.still, times_this_week=record.times_this_week,
            shelvable=not alarm.unsilenceable,
            timeline=self._timelines.get(record.id, []) if timeline is None else timeline,
        )

    def counts(self) -> tuple[dict[str, int], int]:
        """Return (alarms that need someone by priority, how many of them nobody has acknowledged)."""
        by_priority = {str(priority): 0 for priority in _PRIORITIES}
        unseen = 0
        for record in self.records.values():
            if not record.alarm.silent and record.alarm.state is not AlarmState.NORMAL:
                by_priority[str(record.priority)] += 1
                unseen += record.alarm.unseen
        return by_priority, unseen

    def _new(self, outcome: Outcome, rule: Rule) -> AlarmRecord:
        cause = outcome.why[-1] if outcome.why else Cause(what="", at_ms=outcome.at_ms)
        door = self._registry.doors.get(cause.door)
        device = self._registry.devices.get(cause.device)
        point = self._registry.point(cause.device, cause.what.rpartition("/")[2])
        key = (outcome.rule, outcome.subject)
        recent = self._recent.setdefault(key, deque())
        while recent and recent[0] < outcome.at_ms - WEEK_MS:
            recent.popleft()
        recent.append(outcome.at_ms)
        record = AlarmRecord(
            id=self._next, rule=rule.id, subject=outcome.subject, priority=rule.priority,
            alarm=Alarm(unsilenceable=rule.unsuppressible), raised_ms=outcome.at_ms, changed_ms=outcome.at_ms,
            title=outcome.message, rule_title=rule.title, todo=list(rule.response), call=rule.call,
            unit=point.birth.unit if point else "", device=cause.device, door=cause.door,
            zone=cause.zone or (door.birth.zone if door else device.birth.zone if device else ""),
            place=cause.place or (door.birth.place if door else device.birth.place if device else ""),
            person=cause.person, person_name=cause.text if cause.person else "", camera=self._camera(cause),
            times_this_week=len(recent),
        )
        self._next += 1
        self._keep(record)
        return record

    def _camera(self, cause: Cause) -> str:
        """Find the camera that looks there: the device itself, the door's own, or one in the same place."""
        device = self._registry.devices.get(cause.device)
        if device and device.birth.family == "camera":
            return device.id
        door = self._registry.doors.get(cause.door)
        if door and door.birth.camera:
            return door.birth.camera
        zone = cause.zone or (device.birth.zone if device else "")
        cameras = (other.id for other in self._registry.devices.values()
                   if other.birth.family == "camera" and zone and other.birth.zone == zone)
        return next(cameras, "")

    def _why(self, cause: Cause) -> Text:
        """Write a cause as a line: what, when it was, and its value. Times are shown by the console in its zone."""
        what = cause.what
        device = self._registry.devices.get(cause.device)
        point = self._registry.point(cause.device, what.rpartition("/")[2])
        en, zh = what, _KIND_ZH.get(what, what)
        if point and device:
            label = point.birth.label or Text(point.birth.name, point.birth.name)
            unit = f" {point.birth.unit}" if point.birth.unit else ""
            value = "" if cause.value is None else f" = {cause.value:g}{unit}"
            en, zh = f"{device.birth.name.en}: {label.en}{value}", f"{device.birth.name.zh}：{label.zh}{value}"
        else:
            en = _KIND_EN.get(what, what)
            thing = self._registry.doors.get(cause.door) or device
            if thing:
                en, zh = f"{thing.birth.name.en}: {en}", f"{thing.birth.name.zh}：{zh}"
            details = [part for part in (cause.reason, cause.text) if part]
            if details:
                en, zh = f"{en} ({', '.join(details)})", f"{zh}（{'，'.join(details)}）"
        return Text(f"{{{cause.at_ms}}} {en}", f"{{{cause.at_ms}}} {zh}")

    async def _act(self, alarm: int, action: str, by: str, note: str, move: Callable[[Alarm], Moved]) -> shapes.Alarm:
        record = self._open(alarm)
        try:
            moved = move(record.alarm)
        except AlarmRefused as error:
            raise Refusal(409, "not_allowed", Text(str(error), f"不允许：{error}")) from error
        self._move(record, moved, forget=False)
        await self._audited(action, by, alarm, note)
        if not record.open:
            self._forget(record)
        return self.shape(record)

    async def _audited(self, action: str, by: str, alarm: int, note: str) -> None:
        now_ms = self._now_ms()
        await self._commit.change(lambda connection: audit.write(
            connection, at_ms=now_ms, actor=by, action=action, subject=str(alarm), detail={"note": note}))

    def _open(self, alarm: int) -> AlarmRecord:
        record = self.records.get(alarm)
        if record is None:
            self.get(alarm)
            raise Refusal(409, "alarm_over", Text("This alarm is over already.", "该告警已结束。"))
        return record

    def _move(self, record: AlarmRecord, moved: Moved, *, forget: bool = True) -> None:
        after, history = moved
        if not history:
            return
        record.alarm = after
        for transition in history:
            record.changed_ms = max(record.changed_ms, transition.at_ms)
            self._log(record, _entry(transition))
        self._stage(record)
        if forget and not record.open:
            self._forget(record)

    def _log(self, record: AlarmRecord, entry: shapes.AlarmEntry) -> None:
        self._timelines.setdefault(record.id, []).append(entry)
        self._commit.stage.insert(tables.alarm_log, {
            "alarm": record.id, "at_ms": entry.at_ms, "what": entry.what, "by": entry.by, "note": entry.note})

    def _stage(self, record: AlarmRecord) -> None:
        self._commit.stage.put(tables.alarms, {
            "id": record.id, "rule": record.rule, "subject": record.subject, "priority": record.priority,
            "state": MARKED if record.open and record.alarm.state is AlarmState.NORMAL else _STATES[record.alarm.state],
            "raised_ms": record.raised_ms, "changed_ms": record.changed_ms,
            "body": msgspec.json.encode(record)})
        self._commit.wake(urgent=True)
        self._publish(self.shape(record))

    def _keep(self, record: AlarmRecord) -> None:
        self.records[record.id] = record
        self._by_subject[record.rule, record.subject] = record.id

    def _forget(self, record: AlarmRecord) -> None:
        self.records.pop(record.id, None)
        self._timelines.pop(record.id, None)
        if self._by_subject.get((record.rule, record.subject)) == record.id:
            del self._by_subject[record.rule, record.subject]


def _moved(alarm: Alarm, outcome: Outcome) -> Moved:
    match outcome.kind:
        case Kind.RAISE if outcome.suppressed_by and not alarm.unsilenceable:
            marked, first = machine.suppress(alarm, rule=outcome.suppressed_by, now_ms=outcome.at_ms)
            after, then = machine.observe(marked, abnormal=True, now_ms=outcome.at_ms)
            return after, (*first, *then)
        case Kind.RAISE:
            return machine.observe(alarm, abnormal=True, now_ms=outcome.at_ms)
        case Kind.CLEAR:
            return machine.observe(alarm, abnormal=False, now_ms=outcome.at_ms)
        case Kind.SUPPRESS if not alarm.unsilenceable:
            return machine.suppress(alarm, rule=outcome.suppressed_by, now_ms=outcome.at_ms)
        case Kind.UNSUPPRESS:
            return machine.unsuppress(alarm, now_ms=outcome.at_ms)
        case _:
            return alarm, ()


def _entry(transition: Transition) -> shapes.AlarmEntry:
    what = "raised" if transition.step is Step.AGAIN else str(transition.step)
    return shapes.AlarmEntry(at_ms=transition.at_ms, what=what, by=transition.by, note=transition.note)


def _timeline(connection: Connection, alarm: int) -> list[shapes.AlarmEntry]:
    rows = connection.execute(
        select(tables.alarm_log).where(tables.alarm_log.c.alarm == alarm).order_by(tables.alarm_log.c.id)).all()
    return [shapes.AlarmEntry(at_ms=row.at_ms, what=row.what, by=row.by, note=row.note) for row in rows]


_KIND_EN: Final = {
    "door.forced": "opened with no grant and no exit request before", "door.held": "open longer than allowed",
    "access.denied": "denied", "camera.covered": "view covered", "camera.moved": "view moved",
    "camera.lost": "no picture", "camera.motion": "motion", "device.lost": "does not answer",
    "gateway.lost": "gateway away", "gateway.clock": "clock off", "reader.tamper": "reader opened",
}
_KIND_ZH: Final = {
    "door.forced": "无授权且无出门请求而被打开", "door.held": "开门超时", "access.denied": "拒绝通行",
    "camera.covered": "镜头被遮挡", "camera.moved": "镜头移位", "camera.lost": "视频丢失", "camera.motion": "有移动",
    "device.lost": "无应答", "gateway.lost": "网关离线", "gateway.clock": "时钟偏差", "reader.tamper": "读卡器被拆",
}
