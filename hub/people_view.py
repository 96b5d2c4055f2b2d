"""People as the console shows them."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, func, or_, select

from contract.messages import Text
from hub import passages
from hub.api import shapes
from hub.api.core import not_found
from hub.tables import cards, grants, people

PERSON: Final = Text("person", "人员")
_PASSAGES_SHOWN: Final = 20
_SHOWN = (people.c.id, people.c.name, people.c.name_en, people.c.kind, people.c.group, people.c.blocked,
          people.c.valid_until_ms, people.c.photo.is_not(None).label("photo"))


def page(connection: Connection, *, q: str, group: str, offset: int, limit: int) -> shapes.PersonPage:
    """Return people whose name or id holds q, or a card of whom ends with it."""
    statement = select(*_SHOWN)
    if q:
        by_card = select(cards.c.person).where(cards.c.tail == q.upper())
        statement = statement.where(or_(
            *(column.icontains(q, autoescape=True) for column in (people.c.name, people.c.name_en, people.c.id)),
            people.c.id.in_(by_card)))
    if group:
        statement = statement.where((";" + people.c.group + ";").contains(f";{group};", autoescape=True))
    total = connection.scalar(select(func.count()).select_from(statement.subquery())) or 0
    rows = connection.execute(statement.order_by(people.c.id).offset(offset).limit(limit)).all()
    held = _cards(connection, [row.id for row in rows])
    return shapes.PersonPage(total=total, people=[shapes.Person(**_fields(row, held[row.id])) for row in rows])


def detail(connection: Connection, person: str) -> shapes.PersonDetail:
    """Return a person with cards, grants and last passages; `Refusal` 404 when there is none."""
    row = connection.execute(select(*_SHOWN).where(people.c.id == person)).first()
    if row is None:
        raise not_found(PERSON, person)
    groups = [f"group:{group}" for group in row.group.split(";")]
    return shapes.PersonDetail(
        **_fields(row, _cards(connection, [person])[person]),
        grants=_grants(connection, select(grants).where(grants.c.holder == f"person:{person}")),
        inherited=_grants(connection, select(grants).where(grants.c.holder.in_(groups), grants.c.deny.is_(False))),
        passages=passages.find(connection, person=person, limit=_PASSAGES_SHOWN))


def photo(connection: Connection, person: str) -> bytes | None:
    """Return the person's photo (JPEG), None when there is none."""
    return connection.scalar(select(people.c.photo).where(people.c.id == person))


def _fields(row: Row[Any], held: list[shapes.Card]) -> dict[str, Any]:
    return {**row._mapping, "initials": passages.initials(row.name, row.name_en), "cards": held}  # noqa: SLF001


def _cards(connection: Connection, persons: Sequence[str]) -> defaultdict[str, list[shapes.Card]]:
    held: defaultdict[str, list[shapes.Card]] = defaultdict(list)
    for row in connection.execute(select(cards).where(cards.c.person.in_(persons)).order_by(cards.c.id)):
        held[row.person].append(shapes.Card(
            id=row.id, tail=row.tail, kind=row.kind, blocked=row.blocked, reason=row.reason))
    return held


def _grants(connection: Connection, statement: Select[Any]) -> list[shapes.Grant]:
    return [shapes.Grant(id=row.id, doors=row.doors, schedule=row.schedule, valid_until_ms=row.valid_until_ms)
            for row in connection.execute(statement.order_by(grants.c.id))]
