from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.messages import Event
from rules.access.door import (
    Contact,
    Door,
    DoorMode,
    DoorSettings,
    FireRelease,
    Granted,
    Order,
    Rex,
    Strike,
    Tick,
    next_deadline_ms,
    step,
)

SETTINGS = DoorSettings(id="d1", zone="a", strike_ms=5_000, held_ms=30_000)
T0 = 1_795_000_000_000
OPEN, CLOSED = Contact(open=True), Contact(open=False)


def play(*story, settings=SETTINGS):
    """Return (seconds, what) of all that came out, and the door; deadlines are ticked at their time."""
    door, told = Door(), []
    for at_s, given_ in story:
        now_ms = T0 + int(at_s * 1000)
        while (due_ms := next_deadline_ms(door)) and due_ms < now_ms:
            door, outputs = step(door, Tick(), settings, due_ms)
            told += [((due_ms - T0) / 1000, said(output)) for output in outputs]
        door, outputs = step(door, given_, settings, now_ms)
        told += [(at_s, said(output)) for output in outputs]
    return told, door


def said(output):
    if isinstance(output, Strike):
        return "strike on" if output.on else "strike off"
    assert isinstance(output, Event)
    assert (output.door, output.zone) == ("d1", "a")
    return f"{output.kind} {output.reason}".strip()


def test_a_passage():
    told, door = play((0, Granted(person="p1", name="Li Wei")), (2, OPEN), (6, CLOSED), (60, Tick()))
    assert told == [(0, "strike on"), (2, "door.opened grant"), (5, "strike off"), (6, "door.closed")]
    assert (door.last_person, door.last_passage_ms) == ("Li Wei", T0)
    assert next_deadline_ms(door) == 0


@pytest.mark.parametrize(("before", "reason"), [
    ([(0, Granted())], "grant"), ([(0, Rex())], "rex"), ([(0, Order("open"))], "command"),
    ([(0, Order("unlock"))], "unlocked"), ([(0, FireRelease(on=True))], "unlocked")])
def test_opened_with_a_reason(before, reason):
    told, _ = play(*before, (5, OPEN))
    assert (5, f"door.opened {reason}") in told
    assert all("forced" not in what for _, what in told)


@pytest.mark.parametrize("before", [[], [(0, Granted())], [(0, Rex())], [(0, Order("unlock")), (0, Order("normal"))],
                                    [(0, Order("lock"))]])
def test_forced(before):
    told, door = play(*before, (5.001, OPEN), (90, CLOSED))
    assert [what for at, what in told if at >= 5.001] == ["door.opened none", "door.forced", "door.closed"]
    assert not door.forced


def test_forced_names_who_passed_last():
    door, _ = step(Door(), Granted(person="p1", name="Li Wei"), SETTINGS, T0)
    _, outputs = step(door, OPEN, SETTINGS, T0 + 60_000)
    assert outputs[-1].data == {"last_person": "Li Wei", "last_passage_ms": float(T0)}


def test_a_leaf_that_bounces_is_not_forced():
    told, _ = play((0, Granted()), (4, OPEN), (9, CLOSED), (9.5, OPEN), (9.6, CLOSED), (12, OPEN))
    assert [what for at, what in told if at > 9] == [
        "door.opened grant", "door.closed", "door.opened none", "door.forced"]


def test_held():
    told, _ = play((0, Granted()), (1, OPEN), (31, Tick()), (99, Tick()), (100, CLOSED))
    assert [what for at, what in told if at > 5] == ["door.held", "door.closed"]
    _, outputs = step(Door(is_open=True, opened_ms=T0, held_due_ms=T0 + 30_000), Tick(), SETTINGS, T0 + 30_000)
    assert outputs[0].value == 30


def test_an_unlocked_door_is_not_held_until_it_is_locked_again():
    told, _ = play((0, Order("unlock", until_ms=T0 + 60_000)), (1, OPEN), (95, Tick()), (99, CLOSED))
    assert told == [(0, "strike on"), (0, "door.mode unlocked"), (1, "door.opened unlocked"), (60, "strike off"),
                    (60, "door.mode normal"), (90, "door.held"), (99, "door.closed")]


def test_a_forced_door_is_not_also_held():
    told, _ = play((0, OPEN), (99, Tick()))
    assert [what for _, what in told] == ["door.opened none", "door.forced"]


def test_lockdown_takes_the_strike_back_and_lets_people_out():
    told, _ = play((0, Granted()), (1, Order("lock")), (20, Rex()), (21, OPEN))
    assert told == [(0, "strike on"), (1, "strike off"), (1, "door.mode locked"), (20, "strike on"),
                    (21, "door.opened rex")]


def test_fire_beats_lockdown_and_gives_it_back():
    told, door = play((0, Order("lock")), (5, FireRelease(on=True)), (6, Order("lock")), (30, FireRelease(on=False)))
    assert told == [(0, "door.mode locked"), (5, "strike on"), (5, "door.mode released"), (30, "strike off"),
                    (30, "door.mode locked")]
    assert door.effective is DoorMode.LOCKED


def test_an_override_that_comes_after_its_end_does_nothing():
    told, door = play((10, Order("unlock", until_ms=T0 + 10_000)), (11, Order("lock", until_ms=T0 + 5_000)))
    assert (told, door.mode) == ([], DoorMode.NORMAL)


def test_a_rex_without_a_strike_still_counts():
    told, _ = play((0, Rex()), (1, OPEN), settings=DoorSettings(id="d1", zone="a", rex_strikes=False))
    assert [what for _, what in told] == ["door.opened rex"]


def test_a_strike_that_ends_just_as_another_begins_stays_on():
    door, _ = step(Door(), Granted(), SETTINGS, T0)
    door, outputs = step(door, Granted(), SETTINGS, T0 + 5_000)
    assert (door.strike, outputs) == (True, [])


INPUTS = st.sampled_from([Granted(person="p"), OPEN, CLOSED, Rex(), Order("open"), Order("unlock"), Order("lock"),
                          Order("normal"), Order("unlock", until_ms=T0 + 40_000), FireRelease(on=True),
                          FireRelease(on=False), Tick()])


@given(story=st.lists(st.tuples(st.integers(0, 20_000), INPUTS), max_size=40))
def test_whatever_happens(story):
    """Strike orders alternate and agree with the door; contact events alternate; fire always frees."""
    door, now_ms, strikes, contacts = Door(), T0, [], []
    for gap_ms, given_ in story:
        now_ms += gap_ms
        door, outputs = step(door, given_, SETTINGS, now_ms)
        strikes += [output.on for output in outputs if isinstance(output, Strike)]
        contacts += [output.kind for output in outputs
                     if isinstance(output, Event) and output.kind in ("door.opened", "door.closed")]
        assert door.strike is (strikes[-1] if strikes else False)
        assert door.strike or not door.fire
        due_ms = next_deadline_ms(door)
        assert not due_ms or due_ms > now_ms, "nothing due is left behind"
    assert all(before is not after for before, after in pairwise(strikes))
    assert all(before != after for before, after in pairwise(contacts))
    assert door.is_open is (contacts[-1:] == ["door.opened"])
