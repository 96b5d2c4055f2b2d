"""Patience with dead units: what they cost and how soon they are back."""

from drivers.modbus.rest import Rests, Unit

FAST_S = 0.002


def spent_on_the_dead(rests: Rests, dead: list[Unit], *, until: float, alive: Unit | None) -> float:
    """Run a line where the living answer all the time and probes go out when due; return seconds spent on the dead."""
    now, spent = 0.0, 0.0
    while now < until:
        due = [unit for unit in dead if unit.probe_at <= now]
        for unit in due:
            cost = rests.timeout_s(unit)
            spent += cost
            now += cost
            rests.missed(unit, now)
        if alive:
            rests.answered(alive, FAST_S, now)
        now += 0.02
    return spent


def test_dead_units_cost_a_hundredth_of_a_busy_line() -> None:
    alive, dead = Unit(1, 0.5), [Unit(number, 0.5) for number in range(2, 7)]
    rests = Rests([alive, *dead])
    rests.answered(alive, FAST_S, 0.0)
    first = spent_on_the_dead(rests, dead, until=3, alive=alive)
    assert 2.5 <= first < 2.6
    later = spent_on_the_dead(rests, dead, until=603, alive=alive)
    assert 0 < later <= 6.6


def test_a_unit_that_answered_gets_a_second_chance_at_once_and_a_short_one() -> None:
    alive, unit = Unit(1, 0.5), Unit(2, 0.5)
    rests = Rests([alive, unit])
    rests.answered(alive, FAST_S, 0.0)
    rests.answered(unit, FAST_S, 0.0)
    rests.missed(unit, 1.0)
    assert unit.probe_at == 0
    assert rests.timeout_s(unit) == 0.05
    rests.missed(unit, 1.1)
    assert unit.probe_at > 1.1 + 4


def test_a_slow_unit_is_given_its_time() -> None:
    rests = Rests([Unit(1, 0.5), unit := Unit(2, 0.5)])
    rests.answered(unit, 0.1, 0.0)
    rests.missed(unit, 1.0)
    assert rests.timeout_s(unit) == 0.4


def test_a_unit_that_became_slow_gets_its_whole_time_now_and_then() -> None:
    rests = Rests([Unit(1, 0.5), unit := Unit(2, 0.5)])
    rests.answered(unit, FAST_S, 0.0)
    patience = []
    for now in range(8):
        rests.missed(unit, float(now))
        patience.append(rests.timeout_s(unit))
    assert patience == [0.05, 0.05, 0.05, 0.5] * 2


def test_alone_on_its_line_a_unit_never_rests() -> None:
    rests = Rests([unit := Unit(1, 0.5)])
    for now in range(10):
        rests.missed(unit, float(now))
    assert unit.probe_at == 0
    assert rests.timeout_s(unit) == 0.5


def test_when_one_comes_back_the_others_are_asked_soon() -> None:
    units = [Unit(number, 0.5) for number in range(1, 41)]
    rests = Rests(units)
    for unit in units:
        rests.answered(unit, FAST_S, 0.0)
    for unit in units[1:] * 2:
        rests.missed(unit, 5.0)
    assert max(unit.probe_at for unit in units) > 100
    rests.answered(units[7], FAST_S, 60.0)
    assert units[7].probe_at == 0
    assert max(unit.probe_at for unit in units) < 60 + 25


def test_a_wholly_dead_line_is_probed_often() -> None:
    units = [Unit(number, 0.5) for number in range(1, 6)]
    rests = Rests(units)
    for unit in units:
        rests.missed(unit, 0.0)
    assert max(unit.probe_at for unit in units) <= 5.0
