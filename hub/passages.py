"""Decisions at doors as people read them: who, where, allowed or denied, why, and what to do next."""

import re
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, Select, select

from contract.kinds import ACCESS_DENIED, ACCESS_GRANTED
from contract.messages import DoorBirth, Text
from hub.api import shapes
from hub.tables import cards, doors, events, evidence, people
from rules.access import WORDS, Reason

_CJK: Final = re.compile(r"[\u4e00-\u9fff]")
_birth: Final = msgspec.json.Decoder(DoorBirth)


def find(
    connection: Connection, *, lane: bool | None = None, door: str = "", person: str = "", limit: int = 50,
) -> list[shapes.Passage]:
    """Return the newest passages, newest first; lane: only or no gate lanes."""
    births = door_births(connection)
    if lane is not None and not door:
        wanted = [birth.id for birth in births.values() if birth.lane == lane]
    else:
        wanted = [door] if door else []
    rows: list[Row[Any]] = []
    for kind in (ACCESS_GRANTED, ACCESS_DENIED):  # one walk down the index for each kind, no sort of everything
        statement = _passages().where(events.c.kind == kind)
        if wanted or lane is not None:
            statement = statement.where(events.c.door.in_(wanted))
        if person:
            statement = statement.where(events.c.person == person)
        rows += connection.execute(statement.order_by(events.c.at_ms.desc(), events.c.id.desc()).limit(limit)).all()
    rows.sort(key=lambda row: (row.at_ms, row.id), reverse=True)
    return [_passage(row, births.get(row.door)) for row in rows[:limit]]


def get(connection: Connection, event: int) -> shapes.Passage | None:
    """Return the passage an access event stands for, None when the event is none."""
    row = connection.execute(_passages().where(
        events.c.id == event, events.c.kind.in_((ACCESS_GRANTED, ACCESS_DENIED)))).first()
    return _passage(row, door_births(connection).get(row.door)) if row else None


def door_births(connection: Connection) -> dict[str, DoorBirth]:
    """Return what is known of each door, by its id."""
    return {row.id: _birth.decode(row.birth) for row in connection.execute(select(doors.c.id, doors.c.birth))}


def evidence_jpeg(connection: Connection, identity: int) -> bytes | None:
    """Return a stored picture."""
    return connection.scalar(select(evidence.c.jpeg).where(evidence.c.id == identity))


def initials(name: str, name_en: str) -> str:
    """Return what stands for a person without a photo: 曹伟 -> 曹伟, 欧阳小明 -> 小明, Li Wei -> LW."""
    if _CJK.search(name):
        return name[-2:]
    words = (name or name_en).split()
    return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper()


def _passages() -> Select[Any]:
    tail = select(cards.c.tail).where(cards.c.credential == events.c.credential).scalar_subquery()
    return select(
        events.c.id, events.c.at_ms, events.c.kind, events.c.door, events.c.person, events.c.reason, events.c.text,
        people.c.name, people.c.name_en, people.c.group, people.c.photo.is_not(None).label("photo"), tail.label("tail"),
    ).join(people, people.c.id == events.c.person, isouter=True)


def _passage(row: Row[Any], birth: DoorBirth | None) -> shapes.Passage:
    name, name_en = row.name or row.text, row.name_en or ""
    return shapes.Passage(
        id=row.id, at_ms=row.at_ms, door=row.door, door_name=birth.name if birth else Text(row.door, row.door),
        lane=bool(birth and birth.lane), granted=row.kind == ACCESS_GRANTED, reason=row.reason,
        reason_text=reason_text(row.reason), next_step=next_step(row.reason), person=row.person, name=name,
        name_en=name_en, initials=initials(name, name_en), group=row.group or "", photo=bool(row.photo),
        credential_tail=row.tail or "")


def reason_text(reason: str) -> Text:
    """Return a decision's reason in words."""
    return WORDS[Reason(reason)].what if reason in _REASONS else Text(reason.replace("_", " "), reason)


def next_step(reason: str) -> Text:
    """Return what a guard can do about a decision."""
    return WORDS[Reason(reason)].next_step if reason in _REASONS else _ASK


_REASONS: Final = frozenset(Reason)
_ASK: Final = Text("Ask the security room.", "请联系安保室。")
