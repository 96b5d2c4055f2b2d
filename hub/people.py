"""People, cards and grants: the configuration, its import at the start, and the door policies compiled from them."""

import csv
import io
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import msgspec
from pydantic import Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError
from sqlalchemy import Connection, delete, insert, select

from contract.configuration import ConfigurationMistakes, Located, Mistake, Path, Settings, parse
from contract.messages import DoorBirth, SignedPolicy, Text
from contract.sealing import credential_hash, sign
from hub import audit
from hub.api import shapes
from hub.tables import cards, doors, grants, people
from rules.access import policy as access
from rules.calendar import Calendar, Window

COLUMNS: Final = ("id", "name", "name_en", "kind", "group", "card", "valid_until")
KINDS: Final = ("student", "teacher", "staff", "guard", "canteen", "visitor")
TAIL: Final = 4
"""How many characters of a card's number are kept to tell cards apart."""
VALID_MS: Final = 72 * 3_600_000
"""Age limit of a policy: a gateway cut off for longer admits nobody."""
RENEW_MS: Final = 12 * 3_600_000
"""A policy is issued anew at least this often."""
_birth: Final = msgspec.json.Decoder(DoorBirth)


class ScheduleEntry(Settings):
    """When a grant holds: in any of these hours; `days` as in the calendar (school_day, weekend, mon ...)."""

    title: Text
    windows: Annotated[tuple[Window, ...], Field(min_length=1)]


class GrantEntry(Settings):
    """What a group may pass, and when."""

    doors: Annotated[str, Field(pattern=r"^(all|zone:[a-z0-9_-]+|[a-z0-9_-]+)$")]
    """Door id, zone:ID or all."""
    schedule: str
    deny: bool = False
    lockdown: bool = False
    """Holds in lockdown too."""


class GroupEntry(Settings):
    title: Text
    grants: tuple[GrantEntry, ...] = ()


class PeopleFile(Settings):
    """config/people.yaml: schedules, groups, what each group may enter, and whom doors admit while cut off."""

    schedules: dict[str, ScheduleEntry]
    groups: dict[str, GroupEntry]
    offline: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Door id -> the only groups it admits while its gateway cannot reach the hub."""

    @model_validator(mode="after")
    def _names_exist(self) -> "PeopleFile":
        """Name every group and schedule that is meant and not there, each on its own path."""
        wrong = []
        for group, entry in self.groups.items():
            wrong += [_unknown(("groups", group, "grants", number, "schedule"), grant.schedule, "schedule",
                               self.schedules)
                      for number, grant in enumerate(entry.grants) if grant.schedule not in self.schedules]
        for door, admitted in self.offline.items():
            wrong += [_unknown(("offline", door, number), group, "group", self.groups)
                      for number, group in enumerate(admitted) if group not in self.groups]
        if wrong:
            raise ValidationError.from_exception_data("people", wrong)
        return self

    @property
    def group_ids(self) -> frozenset[str]:
        return frozenset(self.groups)

    @property
    def schedule_ids(self) -> frozenset[str]:
        return frozenset(self.schedules)

    @property
    def schedule_shapes(self) -> list[shapes.Schedule]:
        return [shapes.Schedule(id=name, title=entry.title) for name, entry in self.schedules.items()]


def _unknown(path: Path, value: str, kind: str, known: Collection[str]) -> InitErrorDetails:
    error = PydanticCustomError("unknown_name", "no such {kind}; there are {known}", {
        "kind": kind, "known": ", ".join(known)})
    return InitErrorDetails(type=error, loc=path, input=value)


@dataclass(frozen=True, slots=True)
class PersonEntry:
    """A line of config/people.csv."""

    id: str
    name: str
    name_en: str
    kind: str
    group: str
    """One or more groups, joined by ";"."""
    card: str
    """Upper-case hex without leading zeros, or empty."""
    valid_until_ms: int | None


@dataclass(frozen=True, slots=True)
class Compiled:
    """Policies by gateway, and when they must be compiled anew even if nobody changes anything (UTC ms)."""

    policies: dict[str, SignedPolicy]
    again_ms: int


def read_rights(text: str, file: str, *, zones: Collection[str] = ()) -> PeopleFile:
    """Parse config/people.yaml; raise `ConfigurationMistakes` with all mistakes. zones: those of the site."""
    rights = parse(text, file, PeopleFile)
    located = Located(text, file)
    mistakes = [
        located.mistake(("groups", group, "grants", number, "doors"), grant.doors,
                        f"no such zone; there are {', '.join(sorted(zones))}")
        for group, entry in rights.groups.items() for number, grant in enumerate(entry.grants)
        if zones and grant.doors.startswith("zone:") and grant.doors.removeprefix("zone:") not in zones]
    if mistakes:
        raise ConfigurationMistakes(mistakes)
    return rights


def read_people(text: str, file: str, rights: PeopleFile, zone: ZoneInfo) -> list[PersonEntry]:
    """Parse config/people.csv; raise `ConfigurationMistakes` with every mistake and its line.

    valid_until is a day of the site; the person may enter on it, and not after.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise ConfigurationMistakes([Mistake(file, 1, "", "", f"the first line must be {','.join(COLUMNS)}")])
    mistakes: list[Mistake] = []
    seen: dict[str, int] = {}
    found = []
    for row in reader:
        line = reader.line_num
        wrong = list(_mistakes_of(row, rights))
        for key in (row["id"], f"card {_card(row['card'] or '')}" if row["card"] else ""):
            if key and key in seen:
                wrong.append(("card" if key.startswith("card ") else "id", f"stands on line {seen[key]} already"))
            seen.setdefault(key, line)
        mistakes += [Mistake(file, line, column, "" if column == "card" else repr(row.get(column)), what)
                     for column, what in wrong]
        if not wrong:
            found.append(PersonEntry(row["id"], row["name"], row["name_en"], row["kind"], row["group"],
                                     _card(row["card"]) or "", _end_of_day(row["valid_until"], zone)))
    if mistakes:
        raise ConfigurationMistakes(mistakes)
    return found


def _mistakes_of(row: Mapping[str, str | None], rights: PeopleFile) -> Iterable[tuple[str, str]]:
    """Yield (column, what is wrong) for one line."""
    if None in row or None in row.values():
        yield "id", f"must have {len(COLUMNS)} columns"
        return
    if not row["id"]:
        yield "id", "is required"
    if not row["name"]:
        yield "name", "is required"
    if row["kind"] not in KINDS:
        yield "kind", f"must be one of {', '.join(KINDS)}"
    for group in (row["group"] or "").split(";"):
        if group not in rights.groups:
            yield "group", f"no such group; people.yaml has {', '.join(rights.groups)}"
    if row["card"] and _card(row["card"]) is None:
        yield "card", "must be the card's number in hexadecimal, such as 50B9ED461E"
    try:
        _end_of_day(row["valid_until"] or "", ZoneInfo("UTC"))
    except ValueError:
        yield "valid_until", "must be a day like 2027-07-31, or empty"


def _card(number: str) -> str | None:
    """Return a card's number as readers report it, None when it is none."""
    try:
        return canonical_card(number) if number else None
    except ValueError:
        return None


def canonical_card(number: str) -> str:
    """Return a card's number as readers report it: upper-case hex without leading zeros; ValueError if it is none."""
    text = number.strip().replace(":", "").replace(" ", "").replace("-", "").upper().lstrip("0")
    if not text or not set(text) <= set("0123456789ABCDEF"):
        raise ValueError("must be the card's number in hexadecimal, such as 50B9ED461E")
    return text


def _end_of_day(day: str, zone: ZoneInfo) -> int | None:
    if not day:
        return None
    midnight = datetime.combine(datetime.strptime(day, "%Y-%m-%d").date() + timedelta(days=1), time(), zone)  # noqa: DTZ007  # the site's zone is put in
    return int(midnight.timestamp() * 1000)


def store_people(connection: Connection, entries: Iterable[PersonEntry], *, card_key: bytes, at_ms: int) -> int:
    """Store people and cards if there are none yet; return how many. The first start's import."""
    if connection.scalar(select(people.c.id).limit(1)) is not None:
        return 0
    entries = list(entries)
    if not entries:
        return 0
    connection.execute(insert(people), [
        {"id": entry.id, "name": entry.name, "name_en": entry.name_en, "kind": entry.kind, "group": entry.group,
         "valid_until_ms": entry.valid_until_ms} for entry in entries])
    held = [{"person": entry.id, "credential": credential_hash(card_key, f"card:{entry.card}"),
             "tail": entry.card[-TAIL:]} for entry in entries if entry.card]
    if held:
        connection.execute(insert(cards), held)
    audit.write(connection, at_ms=at_ms, actor="hub", action="people.import", subject="people.csv",
                detail={"people": len(entries), "cards": len(held)})
    return len(entries)


def store_group_grants(connection: Connection, rights: PeopleFile, *, at_ms: int) -> bool:
    """Make the groups' grants those of people.yaml, at each start; tell whether anything changed."""
    of_groups = grants.c.holder.startswith("group:")
    wanted = {(f"group:{name}", grant.doors, grant.schedule, grant.deny, grant.lockdown)
              for name, group in rights.groups.items() for grant in group.grants}
    stored = {tuple(row) for row in connection.execute(select(
        grants.c.holder, grants.c.doors, grants.c.schedule, grants.c.deny, grants.c.lockdown).where(of_groups))}
    if stored == wanted:
        return False
    connection.execute(delete(grants).where(of_groups))
    if wanted:
        names = ("holder", "doors", "schedule", "deny", "lockdown")
        connection.execute(insert(grants), [dict(zip(names, row, strict=True)) for row in sorted(wanted)])
    audit.write(connection, at_ms=at_ms, actor="hub", action="grants.import", subject="people.yaml",
                detail={"added": len(wanted - stored), "removed": len(stored - wanted)})
    return True


def compile_policies(
    connection: Connection, rights: PeopleFile, calendar: Calendar, *, version: int, now_ms: int, site: str,
    signing_key: bytes, valid_ms: int = VALID_MS,
) -> Compiled:
    """Compile and sign the policy of each gateway that has doors.

    version: higher than any before; now_ms: campus time; signing_key: Ed25519, 32 bytes. What has ended is left out:
    a grant that is over, so `again_ms` is no later than the next end of a grant.
    """
    by_gateway: dict[str, list[DoorBirth]] = {}
    for row in connection.execute(select(doors.c.gateway, doors.c.birth)):
        by_gateway.setdefault(row.gateway, []).append(_birth.decode(row.birth))
    persons = _persons(connection)
    credentials = [access.CredentialRow(hash=row.credential, person=row.person, blocked=row.blocked)
                   for row in connection.execute(select(cards))]
    schedules = {name: entry.windows for name, entry in rights.schedules.items()}
    policies = {}
    for gateway, births in by_gateway.items():
        compiled = access.compile_policy(
            access.Site(people=persons, credentials=credentials, schedules=schedules,
                        grants=_grants(connection, births, rights, now_ms)),
            [access.DoorRow(id=birth.id, offline_groups=rights.offline.get(birth.id)) for birth in births],
            calendar, version=version, issued_ms=now_ms, valid_until_ms=now_ms + valid_ms, name=site, gateway=gateway)
        body = access.encode(compiled)
        policies[gateway] = SignedPolicy(version=version, body=body, signature=sign(body, signing_key))
    return Compiled(policies, min(now_ms + RENEW_MS, _next_end_ms(connection, now_ms)))


def _persons(connection: Connection) -> list[access.PersonRow]:
    columns = (people.c.id, people.c.name, people.c.group, people.c.blocked, people.c.valid_until_ms)
    return [access.PersonRow(id=row.id, name=row.name, unit=row.group, groups=tuple(row.group.split(";")),
                             valid_until_ms=row.valid_until_ms or 0, blocked=row.blocked)
            for row in connection.execute(select(*columns).order_by(people.c.id))]


def _grants(
    connection: Connection, births: list[DoorBirth], rights: PeopleFile, now_ms: int,
) -> list[access.GrantRow]:
    """Return the grants that say something about these doors."""
    found = []
    for row in connection.execute(select(grants).order_by(grants.c.id)):
        over = row.valid_until_ms is not None and row.valid_until_ms <= now_ms
        meant = tuple(birth.id for birth in births if _means(row.doors, birth))
        if over or not meant or row.schedule not in rights.schedules:  # a schedule that is gone opens nothing
            continue
        kind, _, holder = row.holder.partition(":")
        found.append(access.GrantRow(
            person=holder if kind == "person" else "", group=holder if kind == "group" else "", doors=meant,
            schedule=row.schedule, deny=row.deny, lockdown=row.lockdown))
    return found


def _means(wanted: str, birth: DoorBirth) -> bool:
    return wanted in ("all", birth.id, f"zone:{birth.zone}")


def _next_end_ms(connection: Connection, now_ms: int) -> int:
    end = connection.scalar(select(grants.c.valid_until_ms).where(grants.c.valid_until_ms > now_ms)
                            .order_by(grants.c.valid_until_ms).limit(1))
    return end if end is not None else now_ms + RENEW_MS
