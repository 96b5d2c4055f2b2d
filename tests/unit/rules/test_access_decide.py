from datetime import date

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from rules.access import WORDS, DoorMode, PolicyIndex, Reason, decide
from rules.access.policy import (
    CredentialRow,
    DoorRow,
    GrantRow,
    PersonRow,
    PolicyError,
    Site,
    compile_policy,
    decode,
    encode,
)
from rules.calendar import Window

DAY_MS = 86_400_000
PEOPLE = [
    PersonRow(id="li", name="Li Wei", unit="A1", groups=("teachers",)),
    PersonRow(id="wang", name="Wang Fang", groups=("guards",)),
    PersonRow(id="chen", name="Chen", groups=("students",)),
    PersonRow(id="zhao", name="Zhao", groups=("teachers", "banned")),
    PersonRow(id="left", name="Left", groups=("teachers",), blocked=True),
    PersonRow(id="nobody", name="Nobody"),
]
CREDENTIALS = [*(CredentialRow(hash=f"card-{person.id}", person=person.id) for person in PEOPLE),
               CredentialRow(hash="card-lost", person="li", blocked=True),
               CredentialRow(hash="pin-duress", person="li", duress=True),
               CredentialRow(hash="card-of-nobody-known", person="gone")]


def window(days, start, end):
    return Window.model_validate({"days": days, "from": start, "to": end})


SCHEDULES = {"school": (window("school_day", "07:00", "18:00"),), "night": (window(["fri"], "22:00", "02:00"),)}
GRANTS = [
    GrantRow(group="teachers", doors=("lab", "hall")),
    GrantRow(group="students", doors=("hall",), schedule="school"),
    GrantRow(group="guards", lockdown=True),
    GrantRow(group="banned", doors=("lab",), deny=True),
    GrantRow(person="chen", doors=("lab",), schedule="night"),
    GrantRow(person="li", doors=("elsewhere",)),
]
DOORS = [DoorRow(id="hall"), DoorRow(id="lab", offline_groups=("guards",)), DoorRow(id="store")]


@pytest.fixture(scope="module")
def index(calendar, ten):
    site = Site(people=PEOPLE, credentials=CREDENTIALS, grants=GRANTS, schedules=SCHEDULES)
    policy = compile_policy(site, DOORS, calendar, version=3, issued_ms=ten - DAY_MS, valid_until_ms=ten + 6 * DAY_MS,
                            name="school", gateway="gw")
    return PolicyIndex(decode(encode(policy)))


def with_bounds(index, **bounds):
    policy = msgspec.structs.replace(index.policy, people=[
        msgspec.structs.replace(person, **bounds) for person in index.policy.people])
    return PolicyIndex(policy)


@pytest.mark.parametrize(("card", "door", "reason"), [
    ("card-li", "hall", Reason.GRANTED),
    ("card-li", "lab", Reason.GRANTED),
    ("card-chen", "hall", Reason.GRANTED),
    ("card-wang", "store", Reason.GRANTED),
    ("card-unknown", "hall", Reason.UNKNOWN_CARD),
    ("card-of-nobody-known", "hall", Reason.UNKNOWN_CARD),
    ("card-lost", "hall", Reason.BLOCKED_CARD),
    ("card-left", "hall", Reason.BLOCKED_PERSON),
    ("card-li", "store", Reason.NO_GRANT_FOR_DOOR),
    ("card-nobody", "hall", Reason.NO_GRANT_FOR_DOOR),
    ("card-zhao", "hall", Reason.GRANTED),
    ("card-zhao", "lab", Reason.DENIED_FOR_DOOR),
    ("card-chen", "lab", Reason.OUTSIDE_SCHEDULE),
    ("card-li", "elsewhere", Reason.UNKNOWN_DOOR),
])
def test_on_a_school_day_at_ten(index, ten, card, door, reason):
    decision = decide(index, door, card, ten)
    assert decision.reason is reason
    assert decision.granted is (reason is Reason.GRANTED)


@pytest.mark.parametrize(("day", "minute", "reason"), [
    ((2026, 11, 24), 419, Reason.OUTSIDE_SCHEDULE),
    ((2026, 11, 24), 420, Reason.GRANTED),
    ((2026, 11, 24), 1080, Reason.OUTSIDE_SCHEDULE),
    ((2026, 11, 28), 600, Reason.OUTSIDE_SCHEDULE),  # a Saturday
])
def test_schedule_in_school(calendar, index, day, minute, reason):
    assert decide(index, "hall", "card-chen", calendar.at(date(*day), minute)).reason is reason


@pytest.mark.parametrize(("day", "minute", "open_"), [
    (27, 1319, False), (27, 1320, True), (28, 119, True), (28, 120, False)])
def test_schedule_over_midnight(calendar, index, day, minute, open_):
    assert decide(index, "lab", "card-chen", calendar.at(date(2026, 11, day), minute)).granted is open_


def test_validity(index, ten):
    assert decide(with_bounds(index, valid_until_ms=ten), "hall", "card-li", ten).reason is Reason.EXPIRED
    assert decide(with_bounds(index, valid_until_ms=ten + 1), "hall", "card-li", ten).granted
    assert decide(with_bounds(index, valid_from_ms=ten + 1), "hall", "card-li", ten).reason is Reason.NOT_YET_VALID


def test_an_old_policy_admits_nobody(index, ten):
    last_ms = index.policy.valid_until_ms - 1
    assert decide(index, "store", "card-wang", last_ms).granted
    decision = decide(index, "store", "card-wang", last_ms + 1)
    assert (decision.granted, decision.reason, decision.person.name) == (False, Reason.POLICY_TOO_OLD, "Wang Fang")
    assert decide(None, "store", "card-wang", ten).reason is Reason.NO_POLICY


def test_lockdown_admits_only_those_it_names(index, ten):
    assert decide(index, "lab", "card-li", ten, mode=DoorMode.LOCKED).reason is Reason.DOOR_LOCKED_DOWN
    assert decide(index, "store", "card-li", ten, mode=DoorMode.LOCKED).reason is Reason.DOOR_LOCKED_DOWN
    assert decide(index, "lab", "card-wang", ten, mode=DoorMode.LOCKED).granted


def test_offline_a_door_may_admit_fewer(index, ten):
    assert decide(index, "lab", "card-li", ten, offline=True).reason is Reason.OFFLINE_NARROWED
    assert decide(index, "lab", "card-wang", ten, offline=True).granted
    assert decide(index, "hall", "card-li", ten, offline=True).granted


@given(attempt=st.tuples(st.sampled_from(["hall", "lab", "x"]),
                         st.sampled_from([row.hash for row in CREDENTIALS] + ["x"])),
       days=st.integers(-50, 50), offline=st.booleans())
def test_fire_release_always_frees_and_lockdown_never_widens(index, ten, attempt, days, offline):
    now_ms, (door, card) = ten + days * DAY_MS, attempt
    assert decide(index, door, card, now_ms, mode=DoorMode.RELEASED, offline=offline).granted
    assert decide(None, door, card, now_ms, mode=DoorMode.RELEASED).granted
    locked = decide(index, door, card, now_ms, mode=DoorMode.LOCKED, offline=offline)
    normal = decide(index, door, card, now_ms, offline=offline)
    assert locked.granted <= normal.granted <= decide(index, door, card, now_ms).granted


def test_duress_opens_as_usual(index, ten):
    decision = decide(index, "hall", "pin-duress", ten)
    assert (decision.granted, decision.reason, decision.duress) == (True, Reason.GRANTED, True)
    assert decide(index, "store", "pin-duress", ten).granted is False


def test_only_the_gateways_doors_travel(index):
    assert set(index.policy.doors) == {"hall", "lab", "store"}
    assert "card-of-nobody-known" not in index.policy.credentials


def test_what_is_no_policy_is_refused(index):
    for body in (b"", b"nonsense", zstandard.compress(b"\x91\x01")):
        with pytest.raises(PolicyError, match="not a policy"):
            decode(body)
    with pytest.raises(PolicyError, match="format 9"):
        decode(encode(msgspec.structs.replace(index.policy, format=9)))
    with pytest.raises(PolicyError, match="does not hold"):
        decode(encode(msgspec.structs.replace(index.policy, people=[])))


@pytest.mark.parametrize("grant", [
    GrantRow(), GrantRow(person="li", group="teachers"), GrantRow(person="li", schedule="x")])
def test_grants_that_make_no_sense(calendar, ten, grant):
    site = Site(people=PEOPLE, credentials=[], grants=[grant], schedules={})
    with pytest.raises(PolicyError, match="grant"):
        compile_policy(site, DOORS, calendar, version=1, issued_ms=ten, valid_until_ms=ten, name="s", gateway="g")


def test_every_reason_has_words_in_both_languages():
    assert set(WORDS) == set(Reason)
    assert all(text.en and text.zh for words in WORDS.values() for text in words)
