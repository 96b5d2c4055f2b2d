"""Who wants to be where: whole days of the people in config/people.csv."""

from collections import Counter
from pathlib import Path

import pytest

from simulator import people
from simulator.population import Leg, way
from simulator.site import DOOR, GROUNDS, OUTSIDE, ROOMS
from simulator.timetable import place_at, plan
from simulator.weather import HOUR_MS, day_start_ms

WEDNESDAY = 20_782
SATURDAY = WEDNESDAY + 3
EVERYONE = people.load(Path(__file__).parents[3] / "config" / "people.csv")
BY_ID = {person.id: person for person in EVERYONE}


def _where(hour: float, day: int = WEDNESDAY) -> Counter[str]:
    now_ms = day_start_ms(day) + int(hour * HOUR_MS)
    return Counter(place_at(person, now_ms, day, 1) for person in EVERYONE)


def test_two_hundred_people_each_with_a_card_of_their_own() -> None:
    assert len(EVERYONE) == 200
    assert len({person.card for person in EVERYONE}) == len({person.id for person in EVERYONE}) == 200
    assert all(len(bytes.fromhex(person.card)) == 5 for person in EVERYONE)
    assert {person.group for person in EVERYONE} == {
        "staff", "teachers", "students-a", "students-b", "dorm", "guards", "canteen"}


@pytest.mark.parametrize(("hour", "places", "at_least"), [
    (3.0, {"dorm"}, 100),
    (10.3, set(ROOMS) - {"kitchen"}, 130),
    (12.2, {"canteen"}, 160),
    (20.0, {"a101", "a102", "a201", "a202", "b101", "b102", "b201", "b202"}, 95),
    (23.9, {"dorm"}, 100),
])
def test_a_school_day(hour: float, places: set[str], at_least: int) -> None:
    present = _where(hour)
    assert sum(present[place] for place in places) >= at_least


@pytest.mark.parametrize("hour", range(24))
def test_somebody_guards_at_every_hour(hour: float) -> None:
    guards = [person for person in EVERYONE if person.kind == "guard"]
    for day in range(WEDNESDAY, WEDNESDAY + 7):
        now_ms = day_start_ms(day) + int((hour + 0.5) * HOUR_MS)
        assert any(place_at(guard, now_ms, day, 1) == "gatehouse" for guard in guards)


def test_on_saturday_the_classrooms_are_empty_and_the_dormitory_is_not() -> None:
    present = _where(10.3, SATURDAY)
    assert present["a101"] == 0
    assert present["dorm"] > 30


def test_a_day_is_the_same_again_with_the_same_seed_only() -> None:
    person = BY_ID["s-a1-01"]
    assert plan(person, WEDNESDAY, 1) == plan(person, WEDNESDAY, 1)
    assert plan(person, WEDNESDAY, 1) != plan(person, WEDNESDAY, 2)


def test_moves_are_in_order_and_lead_to_known_places() -> None:
    known = {*ROOMS, *ROOMS.values(), "dorm", "canteen", "gatehouse", GROUNDS, OUTSIDE}
    for person in EVERYONE:
        moves = plan(person, WEDNESDAY, 1)
        assert moves == sorted(moves)
        assert {move.place for move in moves} <= known


@pytest.mark.parametrize(("who", "start", "end", "legs"), [
    ("s-a1-01", OUTSIDE, "a101", [Leg(GROUNDS, "lane-1"), Leg("building-a", "door-a-main"), Leg("a101")]),
    ("t-01", "building-b", "a101",
     [Leg(GROUNDS, "door-b-main", leaving=True), Leg("building-a", "door-a-main"), Leg("a101", "door-a101")]),
    ("t-01", "a101", "a101", []),
    ("t-01", "a101", "building-a", [Leg("building-a", "door-a101", leaving=True)]),
    ("g-01", "gatehouse", "kitchen", [Leg("canteen", "door-canteen"), Leg("kitchen", "door-kitchen")]),
    ("k-01", "kitchen", OUTSIDE,
     [Leg("canteen", "door-kitchen", leaving=True), Leg(GROUNDS, "door-canteen", leaving=True),
      Leg(OUTSIDE, "lane-2")]),
])
def test_ways_lead_through_doors(who: str, start: str, end: str, legs: list[Leg]) -> None:
    assert way(BY_ID[who], start, end) == legs


def test_every_way_ends_where_it_should() -> None:
    places = [*ROOMS, "building-a", "building-b", "dorm", "canteen", "gatehouse", GROUNDS, OUTSIDE]
    for start in places:
        for end in places:
            legs = way(BY_ID["t-01"], start, end)
            assert (legs[-1].place if legs else start) == end
            assert all(not leg.door or leg.door in DOOR for leg in legs)
