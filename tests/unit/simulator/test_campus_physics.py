"""Energy is the integral of power, air answers its air handler, a restart forgets nothing."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.campus import Campus
from simulator.physics import HEAT, OFF, AirHandler, Lighting, Meter, Pump, Zone
from simulator.weather import HOUR_MS, day_start_ms, is_school_day, local_day, local_hour, weather

WEDNESDAY = 20_782  # 2026-11-25
NOON = day_start_ms(WEDNESDAY) + 12 * HOUR_MS


def test_the_campus_day_is_told_right() -> None:
    assert local_day(NOON) == WEDNESDAY
    assert local_hour(NOON) == 12.0
    assert [is_school_day(WEDNESDAY + more) for more in range(7)] == [True, True, True, False, False, True, True]


@given(st.lists(st.tuples(st.floats(0.1, 60), st.floats(0, 500)), min_size=1, max_size=40))
def test_energy_is_the_integral_of_power(pieces: list[tuple[float, float]]) -> None:
    meter = Meter(energy_kwh=1000.0)
    for dt_s, power_kw in pieces:
        meter.step(dt_s, power_kw, voltage_v=230, frequency_hz=50)
    expected = 1000.0 + sum(dt_s * power_kw for dt_s, power_kw in pieces) / 3600
    assert meter.energy_kwh == pytest.approx(expected)
    assert meter.peak_demand_kw <= max(power for _, power in pieces) + 1e-9


def _air_handler() -> AirHandler:
    return AirHandler(Zone(900, 0.75, 12_600, temperature_c=15.0), air_m3_s=1.6, fan_kw=2.2)


def _run(ahu: AirHandler, hours: float, *, outdoor_c: float = 5.0, people: int = 20) -> None:
    for _ in range(int(hours * 360)):
        ahu.step(10.0, outdoor_c=outdoor_c, people=people, other_gain_kw=0.5, in_hours=True)


def test_a_room_reaches_its_setpoint_and_follows_a_new_one() -> None:
    ahu = _air_handler()
    _run(ahu, 3)
    assert ahu.zone.temperature_c == pytest.approx(21.0, abs=0.7)
    ahu.setpoint_c = 24.0
    _run(ahu, 3)
    assert ahu.zone.temperature_c == pytest.approx(24.0, abs=0.7)


def test_switched_off_a_room_cools_towards_the_weather_and_draws_nothing() -> None:
    ahu = _air_handler()
    _run(ahu, 2)
    ahu.mode = OFF
    _run(ahu, 24, people=0)
    assert ahu.zone.temperature_c == pytest.approx(5.0 + 0.5 / 0.75, abs=0.1)
    assert ahu.power_kw == 0.0


def test_a_command_holds_until_the_hours_change() -> None:
    ahu = _air_handler()
    _run(ahu, 1)
    ahu.switch(on=False)
    _run(ahu, 1)
    assert not ahu.running
    for in_hours in (False, True):
        ahu.step(10.0, outdoor_c=5.0, people=0, other_gain_kw=0.5, in_hours=in_hours)
    assert ahu.switched_on
    assert ahu.running


def test_heating_only_never_cools() -> None:
    ahu = _air_handler()
    ahu.mode = HEAT
    _run(ahu, 6, outdoor_c=33.0)
    assert ahu.zone.temperature_c > 30.0


def test_people_spoil_the_air_and_the_fan_answers() -> None:
    empty, full = _air_handler(), _air_handler()
    _run(empty, 2, people=0, outdoor_c=19.0)
    _run(full, 2, people=45, outdoor_c=19.0)
    assert full.zone.co2_ppm > empty.zone.co2_ppm + 200
    assert full.fan_percent > empty.fan_percent


@given(st.floats(0.5, 3600), st.floats(-20, 45), st.floats(-20, 45))
def test_no_step_is_too_long_for_the_air(dt_s: float, start_c: float, outdoor_c: float) -> None:
    zone = Zone(900, 0.75, 12_600, temperature_c=start_c)
    zone.step(dt_s, outdoor_c=outdoor_c, gain_kw=0.0, people=0, fresh_m3_s=1.0)
    assert min(start_c, outdoor_c) - 1e-9 <= zone.temperature_c <= max(start_c, outdoor_c) + 1e-9


def test_a_pump_obeys_a_speed_for_an_hour() -> None:
    pump = Pump(7.5, 48)
    pump.command(80)
    for _ in range(60):
        pump.step(10, demand=0.0)
    assert pump.speed_percent == pytest.approx(80, abs=0.1)
    assert pump.power_kw == pytest.approx(7.5 * 0.8**3, rel=0.01)
    for _ in range(400):
        pump.step(10, demand=0.0)
    assert (pump.speed_percent, pump.starts) == (0.0, 1)


def test_a_lamp_keeps_a_command_until_the_schedule_speaks() -> None:
    panel = Lighting(0.5)
    panel.step(1, wanted=4)
    panel.switch(11, on=True)
    panel.step(3600, wanted=4)
    assert panel.power_kw == pytest.approx(2.5)
    assert panel.manual
    panel.step(1, wanted=3)
    assert sum(panel.on) == 3
    assert not panel.manual


def _campus(hour: float, **present: int) -> Campus:
    places = {name.replace("_", "-"): count for name, count in present.items()}
    campus = Campus(1, day_start_ms(WEDNESDAY) + int(hour * HOUR_MS), Counter(places))
    campus.settle()
    return campus


def test_loads_follow_people() -> None:
    full, empty = _campus(10, a101=20, a102=20, a201=20), _campus(10)
    assert full.meters["building-a"].power_kw > empty.meters["building-a"].power_kw + 5


def test_the_main_meter_counts_what_the_branches_count_and_more() -> None:
    campus = _campus(10, a101=20)
    branches = ("building-a", "building-b", "dorm", "canteen", "annex")
    before = {name: meter.energy_kwh for name, meter in campus.meters.items()}
    for _ in range(60):
        campus.advance(campus.now_ms + 60_000)
    counted = {name: meter.energy_kwh - before[name] for name, meter in campus.meters.items()}
    assert min(counted.values()) > 0
    own = campus.lights["grounds"].power_kw + sum(pump.power_kw for pump in campus.pumps.values()) + 3.0
    assert counted["main"] - sum(counted[name] for name in branches) == pytest.approx(own, rel=0.3)


def test_rooms_are_warm_when_school_begins_and_air_handlers_off_after_it() -> None:
    assert min(ahu.zone.temperature_c for ahu in _campus(7.0, dorm=100).ahus.values()) > 18.0
    evening = _campus(18.6, dorm=100, a101=10)
    assert [name for name, ahu in evening.ahus.items() if ahu.switched_on] == ["dorm"]
    assert evening.ahus["a1"].running


def test_settling_counts_nothing() -> None:
    assert _campus(10).meters["main"].energy_kwh == Campus(1, NOON).meters["main"].energy_kwh


@settings(max_examples=5, deadline=None)
@given(st.integers(1, 8 * 3600))
def test_memory_carries_on_and_counters_never_go_back(stop_s: int) -> None:
    campus = _campus(9, b101=18)
    campus.ahus["b1"].setpoint_c = 19.0
    campus.ahus["b1"].switch(on=False)
    campus.pumps["water"].enabled = False
    kept = campus.memory()
    again = Campus(1, campus.now_ms)
    again.remember(kept)
    assert again.memory() == kept
    assert again.ahus["b1"].held_off is True
    again.advance(again.now_ms + stop_s * 1000)
    for name, meter in again.meters.items():
        assert meter.energy_kwh > campus.meters[name].energy_kwh


def test_weather_is_colder_at_night_and_in_winter() -> None:
    night = [weather(day_start_ms(WEDNESDAY + day) + 4 * HOUR_MS, 1) for day in range(30)]
    noon = [weather(day_start_ms(WEDNESDAY + day) + 14 * HOUR_MS, 1) for day in range(30)]
    summer = [weather(day_start_ms(WEDNESDAY + 240 + day) + 14 * HOUR_MS, 1) for day in range(30)]
    assert all(cold.outdoor_c < warm.outdoor_c < hot.outdoor_c
               for cold, warm, hot in zip(night, noon, summer, strict=True))
    assert all(hour.sun == 0 for hour in night)
    assert min(hour.sun for hour in noon) > 0.2
