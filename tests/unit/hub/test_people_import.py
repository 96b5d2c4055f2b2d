"""Reading people.csv and people.yaml: every mistake, with its line."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import create_engine, select

from contract.configuration import ConfigurationMistakes, parse
from contract.sealing import credential_hash
from hub import people
from hub.site import Site
from hub.tables import audit, cards, grants, metadata

CONFIG = Path(__file__).parents[3] / "config"
ZONE = ZoneInfo("Asia/Shanghai")
HEAD = "id,name,name_en,kind,group,card,valid_until\n"
RIGHTS = """
schedules:
  always: {title: {en: Always, zh: 全天}, windows: [{days: any}]}
groups:
  staff: {title: {en: Staff, zh: 职员}, grants: [{doors: all, schedule: always}]}
  guards: {title: {en: Guards, zh: 保安}}
"""


def rights() -> people.PeopleFile:
    return people.read_rights(RIGHTS, "people.yaml")


def test_the_example_campus_is_without_mistakes_and_names_doors_and_zones_there_are() -> None:
    site = parse((CONFIG / "site.yaml").read_text(), "site.yaml", Site)
    read = people.read_rights((CONFIG / "people.yaml").read_text(), "people.yaml",
                              zones={zone.id for zone in site.zones})
    entries = people.read_people((CONFIG / "people.csv").read_text(), "people.csv", read, ZONE)
    assert len(entries) == 200
    assert len({entry.card for entry in entries}) == 200
    named = {grant.doors for group in read.groups.values() for grant in group.grants if ":" not in grant.doors}
    assert (named | set(read.offline)) - {"all"} <= set(site.doors)


def test_a_line_becomes_a_person() -> None:
    text = "\ufeff" + HEAD + "t-1,曹伟,Cao Wei,teacher,staff;guards,00ab12cd,2027-07-31\nt-2,李,,guard,guards,,\n"
    one, two = people.read_people(text, "people.csv", rights(), ZONE)
    assert one == people.PersonEntry("t-1", "曹伟", "Cao Wei", "teacher", "staff;guards", "AB12CD", 1_817_049_600_000)
    assert (two.card, two.valid_until_ms) == ("", None)


def test_all_mistakes_come_at_once_with_their_lines_and_without_card_numbers() -> None:
    text = HEAD + (
        "t-1,A,,teacher,staff,AB12,\n"
        "t-1,B,,teacher,staff,CD34,\n"
        "t-3,C,,robot,staff;nobody,EF56,2027-13-40\n"
        ",,,guard,guards,xyz,\n"
        "t-5,E,,guard,guards,00ab12,\n"
        "t-6,F\n"
        "t-7,G,,guard,guards,1234,,too many\n")
    with pytest.raises(ConfigurationMistakes) as error:
        people.read_people(text, "people.csv", rights(), ZONE)
    found = [(mistake.line, mistake.path) for mistake in error.value.mistakes]
    assert found == [(3, "id"), (4, "kind"), (4, "group"), (4, "valid_until"), (5, "id"), (5, "name"), (5, "card"),
                     (6, "card"), (7, "id"), (8, "id")]
    assert "line 2 already" in str(error.value)
    assert "xyz" not in str(error.value)


def test_a_wrong_first_line_is_said_once() -> None:
    with pytest.raises(ConfigurationMistakes, match="id,name,name_en"):
        people.read_people("name,id\nx,y\n", "people.csv", rights(), ZONE)


@pytest.mark.parametrize(("change", "line", "what"), [
    (("schedule: always", "schedule: sometimes"), 5, "no such schedule; there are always"),
    (("doors: all", "doors: 'zone:moon'"), 5, "no such zone; there are gate"),
    (("doors: all", "doors: 'room 5'"), 5, "should match"),
    (("{days: any}", "{days: someday}"), 3, "any"),
    (("{en: Guards, zh: 保安}", "{en: Guards}"), 6, "is required"),
    (("groups:", "offline: {door-1: [nobody]}\ngroups:"), 4, "no such group; there are staff, guards"),
])
def test_a_mistake_in_the_rights_names_its_line(change: tuple[str, str], line: int, what: str) -> None:
    with pytest.raises(ConfigurationMistakes, match=what) as error:
        people.read_rights(RIGHTS.replace(*change), "people.yaml", zones={"gate"})
    assert {mistake.line for mistake in error.value.mistakes} == {line}


def test_people_are_stored_once_and_group_grants_follow_the_file() -> None:
    key = b"k" * 32
    entries = people.read_people(HEAD + "t-1,A,,guard,guards,00AB12CD,\n", "people.csv", rights(), ZONE)
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        metadata.create_all(connection)
        assert people.store_people(connection, entries, card_key=key, at_ms=1) == 1
        assert people.store_people(connection, entries, card_key=key, at_ms=2) == 0
        assert people.store_group_grants(connection, rights(), at_ms=1)
        assert not people.store_group_grants(connection, rights(), at_ms=2)
        other = people.read_rights(RIGHTS.replace("doors: all", "doors: lane-1"), "people.yaml")
        assert people.store_group_grants(connection, other, at_ms=3)
        card = connection.execute(select(cards)).one()
        granted = connection.execute(select(grants.c.holder, grants.c.doors)).all()
        lines = list(connection.scalars(select(audit.c.action)))
    engine.dispose()
    assert (card.credential, card.tail) == (credential_hash(key, "card:AB12CD"), "12CD")
    assert [tuple(row) for row in granted] == [("group:staff", "lane-1")]
    assert lines == ["people.import", "grants.import", "grants.import"]
