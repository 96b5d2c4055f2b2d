"""Who wants to be where and when: pure functions of person, day and seed."""

import bisect
from dataclasses import dataclass
from typing import Final

import numpy as np

from simulator.people import Person
from simulator.site import CLASSROOMS, GROUNDS, OUTSIDE
from simulator.weather import day_start_ms, is_school_day

MINUTE_MS: Final = 60_000
LESSONS: Final = ("8:00", "8:55", "10:10", "11:05", "13:40", "14:35", "15:40", "16:35")
"""Beginnings of the lessons; each takes 45 minutes."""
_ROOMS: Final = tuple(CLASSROOMS.values())
_SHIFTS: Final = (("6:50", "15:05"), ("14:50", "23:05"), ("22:50", "31:05"))
"""Guards' shifts; hours past 24 belong to the next morning."""
_KITCHEN_SHIFTS: Final = (("4:40", "13:40"), ("9:30", "19:30"))


@dataclass(frozen=True, slots=True, order=True)
class Move:
    """From this moment (campus time, UTC ms) the person wants to be at `place`."""

    at_ms: int
    place: str


class _Day:
    """Collects one person's moves of a day, each a little early or late."""

    def __init__(self, person: Person, day: int, seed: int) -> None:
        self._start_ms = day_start_ms(day)
        self._random = np.random.default_rng([seed, day, *person.id.encode()])
        self.moves: list[Move] = []

    def go(self, clock: str, place: str, spread_min: float = 4.0) -> None:
        hours, minutes = clock.split(":")
        late_min = float(self._random.normal(0.0, spread_min / 2.0))
        late_min = min(spread_min, max(-spread_min, late_min))
        at_min = int(hours) * 60 + int(minutes) + late_min
        self.moves.append(Move(int(self._start_ms + at_min * MINUTE_MS), place))

    def chance(self, probability: float) -> bool:
        return bool(self._random.random() < probability)

    def pick(self, places: tuple[str, ...]) -> str:
        return places[int(self._random.integers(len(places)))]


def plan(person: Person, day: int, seed: int) -> list[Move]:
    """Return this person's moves of a campus day, in order; the night before ends where the last move led."""
    wishes = _Day(person, day, seed)
    school = is_school_day(day)
    match person.kind:
        case "student" if school:
            _school_day(person, wishes)
        case "student" if person.boarder:
            _boarder_weekend(wishes)
        case "teacher" if school:
            _teaching_day(person, wishes)
        case "staff" if school or wishes.chance(0.25):
            _office_day(wishes)
        case "guard":
            _guard_day(person, day, wishes)
        case "canteen":
            _kitchen_day(person, wishes)
        case _:
            pass
    return sorted(wishes.moves)


def place_at(person: Person, now_ms: int, day: int, seed: int) -> str:
    """Return where this person wants to be now; `day` is the campus day of `now_ms`."""
    moves = [*plan(person, day - 1, seed), *plan(person, day, seed)]
    position = bisect.bisect_right([move.at_ms for move in moves], now_ms)
    return moves[position - 1].place if position else home(person)


def home(person: Person) -> str:
    return "dorm" if person.boarder else OUTSIDE


def _school_day(person: Person, day: _Day) -> None:
    if person.boarder:
        day.go("6:45", "canteen", 14)
        day.go("7:35", person.room, 9)
    else:
        day.go("7:35", person.room, 15)
    if day.chance(0.3):
        day.go("9:42", GROUNDS, 3)
        day.go("10:05", person.room, 2)
    if day.chance(0.35):  # science class
        day.go("14:31", "b-lab" if person.building == "building-b" else "a201", 2)
        day.go("15:22", person.room, 2)
    day.go("11:56", "canteen", 6)
    day.go("12:32", "dorm" if person.boarder else GROUNDS, 10)
    day.go("13:30", person.room, 6)
    if not person.boarder:
        day.go("17:34", OUTSIDE, 13)
        return
    day.go("17:30", "canteen", 9)
    day.go("18:10", "dorm", 10)
    day.go("18:50", person.room, 9)
    day.go("21:30", "dorm", 14)


def _boarder_weekend(day: _Day) -> None:
    day.go("8:00", "canteen", 40)
    day.go("9:00", day.pick(("dorm", GROUNDS, "dorm")), 10)
    day.go("12:00", "canteen", 30)
    day.go("12:50", day.pick(("dorm", OUTSIDE, GROUNDS)), 15)
    day.go("17:40", "canteen", 25)
    day.go("18:40", "dorm", 15)


def _teaching_day(person: Person, day: _Day) -> None:
    day.go("7:30", person.building, 22)
    for number, lesson in enumerate(LESSONS):
        if (number + person.number) % 2:
            continue
        room = _ROOMS[(number * 3 + person.number) % len(_ROOMS)]
        day.go(_before(lesson, 4), room, 2)
        day.go(_before(lesson, -47), person.building, 2)
    day.go("11:57", "canteen", 5)
    day.go("12:35", person.building, 10)
    day.go("21:40" if person.number % 7 == 0 else "17:50", OUTSIDE, 25)


def _before(clock: str, minutes: int) -> str:
    hours, minute = clock.split(":")
    total = int(hours) * 60 + int(minute) - minutes
    return f"{total // 60}:{total % 60:02d}"


def _office_day(day: _Day) -> None:
    day.go("8:05", "building-a", 20)
    if day.chance(0.5):
        day.go("10:15", day.pick(("building-b", "a-plant", "canteen")), 30)
        day.go("11:00", "building-a", 8)
    day.go("11:55", "canteen", 8)
    day.go("12:40", "building-a", 10)
    if day.chance(0.4):
        day.go("14:40", day.pick(("dorm", "a-plant", "building-b")), 30)
        day.go("15:40", "building-a", 8)
    day.go("17:20", OUTSIDE, 20)


def _guard_day(person: Person, number: int, day: _Day) -> None:
    turn = (person.number + number) % 4
    if turn == 3:
        return  # a day off
    begin, end = _SHIFTS[turn]
    day.go(begin, "gatehouse", 5)
    day.go(end, OUTSIDE, 4)


def _kitchen_day(person: Person, day: _Day) -> None:
    if (person.number + int(is_school_day(0))) % 5 == 0 and day.chance(0.3):
        return
    begin, end = _KITCHEN_SHIFTS[person.number % 2]
    day.go(begin, "kitchen", 12)
    day.go(end, OUTSIDE, 12)
