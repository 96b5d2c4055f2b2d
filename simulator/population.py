"""People follow their timetables through the doors; when it is quiet, somebody runs an errand."""

import asyncio
import heapq
import itertools
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from simulator.people import Person
from simulator.site import DOOR, GROUNDS, MAIN_DOOR, OUTSIDE, ROOM_DOOR, ROOMS
from simulator.timetable import place_at, plan
from simulator.walking import Doorway, Passage
from simulator.weather import local_day, local_hour
from simulator.world import SignHardware

QUIET_S: Final = 12.0
"""Wall seconds without a passage after which somebody runs an errand."""
_SOON_MS: Final = 240_000
_QR_SHARE: Final = 0.06
_STRANGER_SHARE: Final = 0.06
_SWIPE_SHARE: Final = 0.5
_ROUNDS: Final = ("building-a", "building-b", "dorm", "canteen", "a-plant", "b-lab", "kitchen", "b101", "a201")
_NIGHT_ROUNDS: Final = ("dorm", OUTSIDE, "dorm", OUTSIDE, "dorm", OUTSIDE, "dorm", "a-plant")
"""At night a guard walks around the wall and looks in at the dormitory; the locked buildings only now and then."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One step of a way: where it ends and the door it leads through ("" for none)."""

    place: str
    door: str = ""
    leaving: bool = False


@dataclass(slots=True)
class Walker:
    """A person and the way still before them."""

    person: Person
    place: str
    legs: deque[Leg] = field(default_factory=deque)
    next_move_ms: int = 0

    @property
    def busy(self) -> bool:
        return bool(self.legs)


def way(person: Person, start: str, end: str) -> list[Leg]:
    """Return the legs from one place to another; only those with a key use a room's door."""
    legs: list[Leg] = []
    keeps_keys = person.kind != "student"
    start_building, end_building = ROOMS.get(start, start), ROOMS.get(end, end)
    if start not in (start_building, end):
        door = ROOM_DOOR.get(start, "") if keeps_keys else ""
        legs.append(Leg(start_building, door, leaving=bool(door)))
    if start_building != end_building:
        if start_building == OUTSIDE:
            legs.append(Leg(GROUNDS, "lane-1"))
        elif start_building in MAIN_DOOR:
            legs.append(Leg(GROUNDS, MAIN_DOOR[start_building], leaving=True))
        elif end_building == GROUNDS:
            legs.append(Leg(GROUNDS))
        if end_building == OUTSIDE:
            legs.append(Leg(OUTSIDE, "lane-2"))
        elif end_building != GROUNDS:
            legs.append(Leg(end_building, MAIN_DOOR.get(end_building, "")))
    if end not in (end_building, start):
        legs.append(Leg(end, ROOM_DOOR.get(end, "") if keeps_keys else ""))
    return legs


class Population:
    """Everyone, where they are and what they do next."""

    def __init__(self, people: Iterable[Person], doorways: Mapping[str, Doorway], signs: Mapping[str, SignHardware],
                 *, now_ms: int, speed: float, seed: int) -> None:
        self.walkers = [Walker(person, "") for person in people]
        self.present: Counter[str] = Counter()
        self._doorways = doorways
        self._sign_of_room = {sign.room: sign for sign in signs.values()}
        self._speed = speed
        self._seed = seed
        self._random = np.random.default_rng([seed, now_ms & 0xFFFF_FFFF])
        self._due: list[tuple[int, int, Callable[[int], None]]] = []
        self._order = itertools.count()
        self._planned_day = local_day(now_ms)
        self._last_passage_s = 0.0
        for walker in self.walkers:
            self._move(walker, place_at(walker.person, now_ms, self._planned_day, seed))
        self._plan_day(self._planned_day - 1, now_ms)
        self._plan_day(self._planned_day, now_ms)

    def tick(self, now_ms: int, wall_s: float) -> None:
        """Start whatever is due at this campus time."""
        while (day := self._planned_day + 1) <= local_day(now_ms):
            self._planned_day = day
            self._plan_day(day, now_ms)
        while self._due and self._due[0][0] <= now_ms:
            heapq.heappop(self._due)[2](now_ms)
        if wall_s - self._last_passage_s > QUIET_S:
            self._errand(now_ms, wall_s)

    def evacuate(self, now_ms: int) -> None:
        """Everyone in a building goes out to the grounds."""
        for walker in self.walkers:
            if not walker.busy and walker.place not in (OUTSIDE, GROUNDS):
                self._set_out(walker, GROUNDS, now_ms)

    def resume(self, now_ms: int) -> None:
        """Everyone on the grounds goes where the timetable has them."""
        for walker in self.walkers:
            if not walker.busy and walker.place == GROUNDS:
                self._set_out(walker, place_at(walker.person, now_ms, local_day(now_ms), self._seed), now_ms)

    def _plan_day(self, day: int, now_ms: int) -> None:
        for walker in self.walkers:
            for move in plan(walker.person, day, self._seed):
                if move.at_ms > now_ms:
                    self._at(move.at_ms, self._mover(walker, move.place))

    def _mover(self, walker: Walker, place: str) -> Callable[[int], None]:
        def start(now_ms: int) -> None:
            if walker.busy:
                self._at(now_ms + 40_000, start)
            else:
                self._set_out(walker, place, now_ms)
        return start

    def _set_out(self, walker: Walker, place: str, now_ms: int) -> None:
        walker.legs = deque(way(walker.person, walker.place, place))
        walker.next_move_ms = now_ms + _SOON_MS
        self._take_leg(walker, now_ms)

    def _take_leg(self, walker: Walker, now_ms: int) -> None:
        if not walker.legs:
            return
        leg = walker.legs[0]
        if not leg.door:
            self._arrive(walker, now_ms, passed=True)
            return
        self._last_passage_s = asyncio.get_running_loop().time()
        self._doorways[leg.door].queue(self._passage(walker, leg))

    def _passage(self, walker: Walker, leg: Leg) -> Passage:
        code = ""
        if DOOR[leg.door].line == "lane" and self._random.random() < _QR_SHARE:
            code = f"campus:{walker.person.id}"
        open_s = float(self._random.uniform(2.0, 5.0))

        def done(passed: bool) -> None:  # noqa: FBT001
            self._at(0, lambda now_ms: self._arrive(walker, now_ms, passed=passed))

        return Passage(walker.person.card, done, code, leaving=leg.leaving, open_s=open_s)

    def _arrive(self, walker: Walker, now_ms: int, *, passed: bool) -> None:
        if not passed:  # stays where they stand; the next lesson is another try
            walker.legs.clear()
            return
        self._move(walker, walker.legs.popleft().place)
        if walker.legs:
            pause_s = max(2.0 * self._speed, float(self._random.uniform(6.0, 25.0)))
            self._at(now_ms + int(pause_s * 1000), lambda at_ms: self._take_leg(walker, at_ms))
            return
        sign = self._sign_of_room.get(walker.place)
        if sign and walker.person.kind == "student" and self._random.random() < _SWIPE_SHARE:
            sign.swipes.put(walker.person.card)

    def _errand(self, now_ms: int, wall_s: float) -> None:
        """A guard's round at any hour; by day also somebody who forgot something; now and then the wrong door."""
        self._last_passage_s = wall_s
        if self._random.random() < _STRANGER_SHARE:
            self._wrong_door()
            return
        guards: list[Walker] = []
        others: list[Walker] = []
        for walker in self.walkers:
            if walker.busy or walker.place == OUTSIDE:
                continue
            (guards if walker.person.kind == "guard" else others).append(walker)
        by_day = 7.0 < local_hour(now_ms) < 21.0
        idle = others if by_day and others and self._random.random() < 0.6 else guards
        if not idle:
            return
        walker = idle[int(self._random.integers(len(idle)))]
        goal = self._goal(walker, by_day=by_day)
        home = walker.place
        there = way(walker.person, home, goal)
        walker.legs = deque([*there, *way(walker.person, goal, home)])
        self._take_leg(walker, now_ms)

    def _goal(self, walker: Walker, *, by_day: bool) -> str:
        goals: Sequence[str]
        if walker.person.kind == "guard":
            goals = _ROUNDS if by_day else _NIGHT_ROUNDS
        elif walker.place == GROUNDS:
            goals = [walker.person.building, "canteen"]
        else:
            goals = [GROUNDS]
        return goals[int(self._random.integers(len(goals)))]

    def _wrong_door(self) -> None:
        """A student tries a door that is none of theirs, or a stranger the gate."""
        def done(passed: bool) -> None:  # noqa: FBT001
            """Whoever it was goes away."""

        student = self.walkers[-1 - int(self._random.integers(100))].person
        door = ("door-b-lab", "door-a-plant", "door-kitchen", "lane-1")[int(self._random.integers(4))]
        card = student.card if door != "lane-1" else f"7F{int(self._random.integers(2**32)):08X}"
        self._doorways[door].queue(Passage(card, done, stranger=True))

    def _move(self, walker: Walker, place: str) -> None:
        if walker.place:
            self.present[walker.place] -= 1
        walker.place = place
        self.present[place] += 1

    def _at(self, at_ms: int, action: Callable[[int], None]) -> None:
        heapq.heappush(self._due, (at_ms, next(self._order), action))
