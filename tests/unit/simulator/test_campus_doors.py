"""People at a door, and trouble: a fake gateway grants or refuses what is held to the reader."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from simulator import people
from simulator.campus import Campus
from simulator.faults import TARGETS, WANTED, Faults, UnknownFault
from simulator.lines import Lines
from simulator.main import PEOPLE, make_world
from simulator.population import Population
from simulator.site import DOORS, GROUNDS
from simulator.walking import Doorway, Passage
from simulator.world import DoorHardware, World

NOW_MS = 1_795_579_200_000  # Wednesday 2026-11-25, 12:00 at the campus
SPEED = 60.0


class Rig:
    """The campus without servers, with a gateway that is a loop."""

    def __init__(self) -> None:
        self.world: World = make_world()
        self.now_ms = NOW_MS
        self.world.now_ms, self.world.speed = (lambda: self.now_ms), SPEED
        cameras = self.world.cameras
        self.doorways = {door.id: Doorway(self.world, self.world.doors[door.id], cameras.get(door.camera),
                                          lane=door.line == "lane") for door in DOORS}
        self.population = Population(people.load(PEOPLE), self.doorways, self.world.signs, now_ms=NOW_MS, speed=SPEED,
                                     seed=1)
        self.campus = Campus(1, NOW_MS, self.population.present)
        self.lines = Lines(self.world, self.campus)
        self.faults = Faults(self.world, self.campus, self.doorways, self.lines.stations, self.lines.fire_panel,
                             self.population)
        self.read: list[tuple[str, str]] = []
        self.seen: list[tuple[str, str, bool]] = []
        self.grants: Callable[[str, str], bool] = lambda _door, _card: True

    async def gateway(self) -> None:
        """Look at every door as a poll would: credentials, contacts, exit buttons."""
        last: dict[tuple[str, str], bool] = {}
        while True:
            for door in self.world.doors.values():
                for queue in (door.cards, door.codes):
                    while not queue.empty():
                        self._decide(door, queue.get())
                for name, value in (("contact", door.contact_open), ("rex", door.rex)):
                    if last.get((door.id, name), False) != value:
                        last[door.id, name] = value
                        self.seen.append((door.id, name, value))
            await asyncio.sleep(0.01)

    def _decide(self, door: DoorHardware, card: str) -> None:
        self.read.append((door.id, card))
        if self.grants(door.id, card):
            door.set_strike(True)
            asyncio.get_running_loop().call_later(0.1, door.set_strike, False)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0.005)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with running() as rig:
        yield rig


@asynccontextmanager
async def running() -> AsyncIterator[Rig]:
    rig = Rig()
    tasks = [asyncio.create_task(doorway.run()) for doorway in rig.doorways.values()]
    tasks.append(asyncio.create_task(rig.gateway()))
    try:
        yield rig
    finally:
        rig.faults.clear()
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def test_card_strike_contact_then_inside(rig: Rig) -> None:
    outcome: list[bool] = []
    rig.doorways["door-a-main"].queue(Passage("50B9ED461E", outcome.append))
    await rig.until(lambda: bool(outcome))
    assert rig.read == [("door-a-main", "50B9ED461E")]
    assert outcome == [True]
    await rig.until(lambda: len(rig.seen) == 2)
    assert rig.seen == [("door-a-main", "contact", True), ("door-a-main", "contact", False)]
    assert rig.world.cameras["cam-a"].people == 1


async def test_without_a_grant_nobody_opens(rig: Rig) -> None:
    rig.grants = lambda _door, _card: False
    outcome: list[bool] = []
    rig.doorways["door-a-main"].queue(Passage("50B9ED461E", outcome.append))
    await rig.until(lambda: bool(outcome))
    assert outcome == [False]
    assert rig.seen == []


async def test_a_code_that_is_not_known_is_followed_by_the_card(rig: Rig) -> None:
    rig.grants = lambda _door, text: not text.startswith("campus:")
    outcome: list[bool] = []
    rig.doorways["lane-1"].queue(Passage("50B9ED461E", outcome.append, "campus:t-01"))
    await rig.until(lambda: bool(outcome))
    assert rig.read == [("lane-1", "campus:t-01"), ("lane-1", "50B9ED461E")]
    assert outcome == [True]


async def test_leaving_presses_the_button_first(rig: Rig) -> None:
    outcome: list[bool] = []
    rig.doorways["door-a-main"].queue(Passage("", outcome.append, leaving=True))
    await rig.until(lambda: bool(outcome) and len(rig.seen) == 4)
    assert rig.read == []
    assert [(name, value) for _, name, value in rig.seen][:2] == [("rex", True), ("contact", True)]


async def test_a_crowd_follows_at_a_door_and_never_at_a_lane(rig: Rig) -> None:
    door, lane = rig.doorways["door-canteen"], rig.doorways["lane-1"]
    outcome: list[bool] = []
    for _ in range(8):
        door.queue(Passage("50B9ED461E", outcome.append))
        lane.queue(Passage("50B9ED461E", outcome.append))
    await rig.until(lambda: door.door.contact_open and lane.door.contact_open)
    assert (door.waiting, lane.waiting) == (5, 7)


async def test_people_move_by_the_timetable_through_the_doors(rig: Rig) -> None:
    before = Counter(rig.population.present)
    assert before["canteen"] > 140
    rig.now_ms = NOW_MS + 30 * 60_000

    def somebody_left() -> bool:
        rig.now_ms += 5_000
        rig.population.tick(rig.now_ms, 0.0)
        return rig.population.present["canteen"] < before["canteen"]

    await rig.until(somebody_left)
    assert rig.population.present[GROUNDS] > before[GROUNDS]
    assert sum(rig.population.present.values()) == 200
    assert any(door == "door-canteen" and name == "rex" for door, name, _ in rig.seen)


async def test_in_the_quiet_of_the_night_somebody_walks(rig: Rig) -> None:
    rig.population.tick(NOW_MS - 9 * 3_600_000, 1000.0)
    await rig.until(lambda: bool(rig.read or rig.seen))


async def test_door_forced_opens_with_nothing_before_it_and_is_over(rig: Rig) -> None:
    rig.faults.begin("door-forced")
    await rig.until(lambda: not rig.faults.active and len(rig.seen) == 2)
    assert rig.read == []
    assert rig.seen == [("door-b-lab", "contact", True), ("door-b-lab", "contact", False)]


async def test_door_held_stays_open_until_cleared_while_people_walk_through(rig: Rig) -> None:
    rig.faults.begin("door-held", "door-a-main")
    await rig.until(lambda: ("door-a-main", "rex", False) in rig.seen)
    outcome: list[bool] = []
    rig.doorways["door-a-main"].queue(Passage("50B9ED461E", outcome.append))
    await rig.until(lambda: bool(outcome))
    assert rig.world.doors["door-a-main"].contact_open
    assert rig.seen == [("door-a-main", "rex", True), ("door-a-main", "contact", True), ("door-a-main", "rex", False)]
    assert rig.faults.clear("door-held") == ["door-held"]
    assert not rig.world.doors["door-a-main"].contact_open


async def test_bad_cards_are_five_and_unknown(rig: Rig) -> None:
    rig.faults.begin("bad-cards")
    await rig.until(lambda: not rig.faults.active and len(rig.read) == 5)
    known = {walker.person.card for walker in rig.population.walkers}
    assert len({card for _, card in rig.read} - known) == 5


async def test_demand_peak_lifts_the_meters_and_leaves_with_clear(rig: Rig) -> None:
    rig.campus.settle()
    usual_kw = rig.campus.meters["main"].power_kw
    rig.faults.begin("demand-peak")
    rig.campus.advance(rig.campus.now_ms + 1000)
    assert rig.campus.meters["main"].power_kw > usual_kw + 300
    rig.faults.clear()
    rig.campus.advance(rig.campus.now_ms + 1000)
    assert rig.campus.meters["main"].power_kw < usual_kw + 50


async def test_fire_cameras_and_meters_are_undone_by_clear(rig: Rig) -> None:
    for name in ("fire", "camera-cover", "camera-move", "meter-silent", "meter-garbage"):
        rig.faults.begin(name)
    assert rig.lines.fire_panel.values()["alarm"] == 1.0
    assert rig.world.cameras["cam-a"].covered
    assert rig.world.cameras["cam-gate"].moved
    assert rig.lines.stations["meter-server"].silent
    assert rig.lines.stations["meter-kitchen"].garbage
    assert len(rig.faults.clear()) == 5
    assert rig.lines.fire_panel.values()["alarm"] == 0.0
    assert not any(camera.covered or camera.moved for camera in rig.world.cameras.values())
    assert not any(station.silent or station.garbage for station in rig.lines.stations.values())


async def test_fire_empties_the_buildings(rig: Rig) -> None:
    rig.faults.begin("fire")

    def many_are_out() -> bool:
        rig.now_ms += 1000
        rig.population.tick(rig.now_ms, 0.0)
        return rig.population.present[GROUNDS] > 150

    await rig.until(many_are_out)
    assert rig.read == []


async def test_what_others_must_do_is_only_listed(rig: Rig) -> None:
    for name in WANTED:
        rig.faults.begin(name)
    assert set(rig.faults.active) == set(WANTED)
    assert rig.faults.clear("clock-skew") == ["clock-skew"]
    assert rig.faults.clear("clock-skew") == []


async def test_an_unknown_fault_or_target_says_what_there_is(rig: Rig) -> None:
    with pytest.raises(UnknownFault, match="door-forced"):
        rig.faults.begin("earthquake")
    with pytest.raises(UnknownFault, match="door-a-main"):
        rig.faults.begin("door-held", "meter-a")


def test_every_default_target_exists() -> None:
    world = make_world()
    units = Lines(world, Campus(1, NOW_MS)).stations
    elsewhere = {"gw-main", "gw-annex", "broker"}
    assert {target for target in TARGETS.values() if target not in elsewhere} <= {*world.doors, *world.cameras, *units}
