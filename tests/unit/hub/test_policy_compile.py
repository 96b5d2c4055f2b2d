"""From people and grants to the policy a door decides by."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Connection, create_engine, insert, update

from contract.configuration import parse
from contract.messages import DoorBirth, Text
from contract.sealing import SealError, credential_hash, public_of, verify
from hub import people
from hub.site import Site
from hub.tables import cards, doors, grants, metadata
from hub.tables import people as people_table
from rules.access import PolicyIndex, Reason, decide
from rules.access.policy import decode
from rules.calendar import Calendar, CalendarSettings

CONFIG = Path(__file__).parents[3] / "config"
SITE = parse((CONFIG / "site.yaml").read_text(), "site.yaml", Site)
RIGHTS = people.read_rights((CONFIG / "people.yaml").read_text(), "people.yaml")
CALENDAR = Calendar(parse((CONFIG / "calendar.yaml").read_text(), "calendar.yaml", CalendarSettings))
SIGNING_KEY, CARD_KEY = b"s" * 32, b"c" * 32
NOON = CALENDAR.at(date(2026, 11, 24), 12 * 60)
HOUR = 3_600_000


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        metadata.create_all(connection)
        entries = people.read_people((CONFIG / "people.csv").read_text(), "people.csv", RIGHTS, SITE.time_zone)
        people.store_people(connection, entries, card_key=CARD_KEY, at_ms=1)
        people.store_group_grants(connection, RIGHTS, at_ms=1)
        for door, zone, gateway in (("lane-1", "gate", "gw-main"), ("door-a-plant", "plant", "gw-main"),
                                    ("door-dorm", "dorm", "gw-main"), ("door-annex", "annex", "gw-annex")):
            birth = DoorBirth(id=door, name=Text(door, door), zone=zone, readers=[])
            connection.execute(insert(doors).values(id=door, gateway=gateway, birth=msgspec.json.encode(birth)))
        yield connection
    engine.dispose()


def compiled(connection: Connection, now_ms: int = NOON) -> people.Compiled:
    return people.compile_policies(connection, RIGHTS, CALENDAR, version=7, now_ms=now_ms, site="school",
                                   signing_key=SIGNING_KEY)


def reason(connection: Connection, person: str, door: str, now_ms: int = NOON, *, offline: bool = False) -> Reason:
    policies = compiled(connection, now_ms).policies
    gateway = "gw-annex" if door == "door-annex" else "gw-main"
    held = connection.execute(cards.select().where(cards.c.person == person)).first()
    assert held is not None
    index = PolicyIndex(decode(policies[gateway].body))
    return decide(index, door, held.credential, now_ms, offline=offline).reason


def test_each_gateway_gets_its_own_doors_signed(connection: Connection) -> None:
    policies = compiled(connection).policies
    assert sorted(policies) == ["gw-annex", "gw-main"]
    for gateway, signed in policies.items():
        verify(signed.body, signed.signature, public_of(SIGNING_KEY))
        with pytest.raises(SealError):
            verify(signed.body + b"x", signed.signature, public_of(SIGNING_KEY))
        policy = decode(signed.body)
        assert (policy.version, policy.gateway, policy.site) == (7, gateway, "school")
        assert policy.valid_until_ms == NOON + people.VALID_MS
    assert sorted(decode(policies["gw-main"].body).doors) == ["door-a-plant", "door-dorm", "lane-1"]


@pytest.mark.parametrize(("person", "door", "hour", "expected"), [
    ("t-01", "lane-1", 12, Reason.GRANTED), ("t-01", "lane-1", 2, Reason.OUTSIDE_SCHEDULE),
    ("t-01", "door-a-plant", 12, Reason.NO_GRANT_FOR_DOOR), ("t-01", "door-annex", 12, Reason.NO_GRANT_FOR_DOOR),
    ("g-01", "door-annex", 2, Reason.GRANTED), ("s-a1-01", "door-dorm", 22, Reason.GRANTED),
    ("s-a1-03", "door-dorm", 12, Reason.NO_GRANT_FOR_DOOR), ("s-a4-17", "lane-1", 12, Reason.EXPIRED),
])
def test_the_example_rights_decide_as_meant(
    connection: Connection, person: str, door: str, hour: int, expected: Reason,
) -> None:
    assert reason(connection, person, door, NOON + (hour - 12) * HOUR) is expected


def test_blocking_a_person_or_a_card_counts_at_the_next_compile(connection: Connection) -> None:
    connection.execute(update(cards).where(cards.c.person == "t-01").values(blocked=True))
    assert reason(connection, "t-01", "lane-1") is Reason.BLOCKED_CARD
    connection.execute(update(people_table).where(people_table.c.id == "t-02").values(blocked=True))
    assert reason(connection, "t-02", "lane-1") is Reason.BLOCKED_PERSON


def test_a_grant_of_ones_own_holds_until_its_end_and_the_end_is_known(connection: Connection) -> None:
    end = NOON + HOUR
    connection.execute(insert(grants).values(
        holder="person:t-01", doors="zone:plant", schedule="always", valid_until_ms=end))
    assert reason(connection, "t-01", "door-a-plant") is Reason.GRANTED
    assert compiled(connection).again_ms == end
    assert reason(connection, "t-01", "door-a-plant", end) is Reason.NO_GRANT_FOR_DOOR
    assert compiled(connection, end).again_ms == end + people.RENEW_MS


@pytest.mark.parametrize("wanted", ["zone:nowhere", "door-of-another-campus"])
def test_a_grant_for_doors_there_are_not_opens_nothing(connection: Connection, wanted: str) -> None:
    connection.execute(insert(grants).values(holder="person:t-01", doors=wanted, schedule="always"))
    assert reason(connection, "t-01", "door-a-plant") is Reason.NO_GRANT_FOR_DOOR
    connection.execute(insert(grants).values(holder="person:t-01", doors="all", schedule="removed_since"))
    assert reason(connection, "t-01", "door-a-plant") is Reason.NO_GRANT_FOR_DOOR


def test_a_denying_grant_beats_the_groups(connection: Connection) -> None:
    connection.execute(insert(grants).values(holder="person:t-01", doors="lane-1", schedule="always", deny=True))
    assert reason(connection, "t-01", "lane-1") is Reason.DENIED_FOR_DOOR


def test_a_door_cut_off_admits_only_the_groups_named(connection: Connection) -> None:
    connection.execute(insert(grants).values(holder="person:t-01", doors="door-a-plant", schedule="always"))
    assert reason(connection, "t-01", "door-a-plant", offline=True) is Reason.OFFLINE_NARROWED
    assert reason(connection, "g-01", "door-a-plant", offline=True) is Reason.GRANTED


def test_no_card_number_leaves_the_hub(connection: Connection) -> None:
    body = msgspec.msgpack.encode(decode(compiled(connection).policies["gw-main"].body))
    assert b"50B9ED461E" not in body
    assert credential_hash(CARD_KEY, "card:50B9ED461E").encode() in body
