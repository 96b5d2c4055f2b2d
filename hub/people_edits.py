"""Changes to people, cards and grants. Each function returns the work of one commit, which answers the person's id."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from contract.messages import Text
from contract.sealing import credential_hash
from hub import audit
from hub.api import shapes
from hub.api.core import Refusal, not_found
from hub.people import TAIL, canonical_card
from hub.people_view import PERSON
from hub.tables import cards, doors, grants, people

Work = Callable[[Connection], str]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes something, and when (campus time, UTC ms)."""

    name: str
    at_ms: int

    def audit(self, connection: Connection, action: str, subject: str, **detail: object) -> None:
        audit.write(connection, at_ms=self.at_ms, actor=self.name, action=action, subject=subject, detail=detail)


def create(new: shapes.NewPerson, *, groups: Collection[str], actor: Actor) -> Work:
    """Add a person."""
    _check_groups(new.group, groups)

    def work(connection: Connection) -> str:
        if connection.scalar(select(people.c.id).where(people.c.id == new.id)) is not None:
            raise Refusal(409, "exists", Text(f"There is a person {new.id} already.", f"人员 {new.id} 已存在。"))
        connection.execute(insert(people).values(**new.model_dump()))
        actor.audit(connection, "person.create", new.id, name=new.name, group=new.group)
        return new.id

    return work


def edit(person: str, change: shapes.PersonEdit, *, groups: Collection[str], actor: Actor) -> Work:
    """Change what the edit names; valid_until_ms may be set to null, the others not."""
    values = change.model_dump(exclude_unset=True, exclude={"reason"})
    values = {name: value for name, value in values.items() if value is not None or name == "valid_until_ms"}
    if change.group is not None:
        _check_groups(change.group, groups)

    def work(connection: Connection) -> str:
        _check_person(connection, person)
        if values:
            connection.execute(update(people).where(people.c.id == person).values(**values))
        actor.audit(connection, "person.edit", person, reason=change.reason, **values)
        return person

    return work


def add_card(person: str, number: str, *, card_key: bytes, actor: Actor) -> Work:
    """Give a person a card. Its number is neither stored nor put into the audit log."""
    try:
        card = canonical_card(number)
    except ValueError as error:
        raise invalid("number", "", Text(str(error), "必须是十六进制卡号，例如 50B9ED461E")) from error
    credential = credential_hash(card_key, f"card:{card}")

    def work(connection: Connection) -> str:
        _check_person(connection, person)
        holder = connection.scalar(select(cards.c.person).where(cards.c.credential == credential))
        if holder is not None:
            raise Refusal(409, "exists", Text(f"{holder} holds this card already.", f"该卡已发给 {holder}。"))
        connection.execute(insert(cards).values(person=person, credential=credential, tail=card[-TAIL:]))
        actor.audit(connection, "card.add", person, tail=card[-TAIL:])
        return person

    return work


def block_card(card: int, change: shapes.BlockCard, *, actor: Actor) -> Work:
    """Block a card or let it work again."""

    def work(connection: Connection) -> str:
        row = connection.execute(select(cards.c.person, cards.c.tail).where(cards.c.id == card)).first()
        if row is None:
            raise not_found(Text("card", "卡"), card)
        connection.execute(update(cards).where(cards.c.id == card).values(
            blocked=change.blocked, reason=change.reason))
        actor.audit(connection, "card.block" if change.blocked else "card.unblock", row.person,
                    tail=row.tail, reason=change.reason)
        person: str = row.person
        return person

    return work


def add_grant(person: str, new: shapes.NewGrant, *, schedules: Collection[str], actor: Actor) -> Work:
    """Let a person through a door, the doors of a zone, or all."""
    if new.schedule not in schedules:
        known = ", ".join(sorted(schedules))
        raise invalid("schedule", new.schedule, Text(f"must be one of {known}", f"必须是以下之一：{known}"))

    def work(connection: Connection) -> str:
        _check_person(connection, person)
        if not new.doors.startswith("zone:") and new.doors != "all" and connection.scalar(
                select(doors.c.id).where(doors.c.id == new.doors)) is None:
            raise invalid("doors", new.doors, Text(
                "must be a door's id, zone: and a zone's id, or all", "必须是门的编号、zone:区域编号，或 all"))
        connection.execute(insert(grants).values(holder=f"person:{person}", **new.model_dump()))
        actor.audit(connection, "grant.add", person, **new.model_dump())
        return person

    return work


def remove_grant(grant: int, *, actor: Actor) -> Work:
    """Take back a person's own grant."""

    def work(connection: Connection) -> str:
        row = connection.execute(select(grants).where(grants.c.id == grant)).first()
        if row is None or not row.holder.startswith("person:"):
            raise not_found(Text("grant of a person", "个人授权"), grant)
        person: str = row.holder.removeprefix("person:")
        connection.execute(delete(grants).where(grants.c.id == grant))
        actor.audit(connection, "grant.remove", person, doors=row.doors, schedule=row.schedule)
        return person

    return work


def invalid(path: str, value: str, message: Text) -> Refusal:
    """Describe one wrong field."""
    return Refusal(422, "invalid", Text("Some fields are wrong.", "部分字段有误。"),
                   [shapes.FieldProblem(path=path, value=value, message=message)])


def _check_groups(group: str, groups: Collection[str]) -> None:
    for one in group.split(";"):
        if one not in groups:
            known = ", ".join(sorted(groups))
            raise invalid("group", one, Text(f"must be of {known}", f"必须属于：{known}"))


def _check_person(connection: Connection, person: str) -> None:
    if connection.scalar(select(people.c.id).where(people.c.id == person)) is None:
        raise not_found(PERSON, person)
