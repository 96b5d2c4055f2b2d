"""The campus as physics: weather, air, lamps, pumps and what they draw, stepped in campus time."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from simulator.physics import CIRCUITS, AirHandler, Lighting, Meter, Pump, Zone
from simulator.site import BUILDINGS, ROOMS
from simulator.weather import Weather, is_school_day, local_day, local_hour, weather

LONGEST_STEP_S: Final = 30.0
"""Campus seconds a single step of the physics may bridge."""
_LONGEST_GAP_S: Final = 6 * 3600.0
"""After a longer stop the campus carries on as after this one."""


@dataclass(frozen=True, slots=True)
class _Feeder:
    """A metered branch: what always burns, what each person adds, what hangs below it."""

    base_kw: float
    person_kw: float = 0.0
    lights: str = ""
    ahus: tuple[str, ...] = ()
    pumps: tuple[str, ...] = ()
    below: tuple[str, ...] = ()


_FEEDERS: Final[dict[str, _Feeder]] = {  # a branch stands after those below it
    "server": _Feeder(6.8),
    "kitchen": _Feeder(3.2),
    "workshop": _Feeder(1.1),
    "b-lab": _Feeder(1.6, 0.25, ahus=("b-lab",)),
    "annex": _Feeder(1.2, 0.1, "annex", ("annex",)),
    "building-a": _Feeder(4.5, 0.11, "building-a", ("a1", "a2", "a-hall"), (), ("server",)),
    "building-b": _Feeder(4.0, 0.11, "building-b", ("b1", "b2"), (), ("b-lab", "workshop")),
    "dorm": _Feeder(6.0, 0.09, "dorm", ("dorm",)),
    "canteen": _Feeder(2.5, 0.04, "", ("canteen",), (), ("kitchen",)),
    "main": _Feeder(3.0, 0.0, "grounds", (), ("heating-1", "heating-2", "water"),
                    ("building-a", "building-b", "dorm", "canteen", "annex")),
}
_ZONE_ROOMS: Final = {"a1": ("a101", "a102"), "a2": ("a201", "a202"), "b1": ("b101", "b102"), "b2": ("b201", "b202"),
                      "b-lab": ("b-lab",), "canteen": ("canteen",), "dorm": ("dorm",), "annex": ("annex",),
                      "a-hall": ("building-a",)}


def _air_handlers() -> dict[str, AirHandler]:
    def unit(volume_m3: float, loss_kw_per_k: float, air_m3_s: float, fan_kw: float, setback_c: float) -> AirHandler:
        return AirHandler(Zone(volume_m3, loss_kw_per_k, volume_m3 * 14.0), air_m3_s, fan_kw, setback_c=setback_c)

    return {
        "a1": unit(900, 0.75, 1.6, 2.2, 15), "a2": unit(900, 0.85, 1.6, 2.2, 15),
        "a-hall": unit(600, 0.7, 1.1, 1.5, 14), "b1": unit(900, 0.75, 1.6, 2.2, 15),
        "b2": unit(900, 0.9, 1.6, 2.2, 15), "b-lab": unit(450, 0.5, 1.2, 1.8, 16),
        "canteen": unit(1800, 1.3, 2.6, 4.0, 14), "dorm": unit(3200, 2.2, 2.4, 3.2, 18),
        "annex": unit(700, 0.7, 1.0, 1.4, 14),
    }


@dataclass(slots=True)
class Campus:
    """Everything that draws power or keeps warm. `present` counts people by place (room, building, ...)."""

    seed: int
    now_ms: int
    present: Counter[str] = field(default_factory=Counter)
    weather: Weather = field(init=False)
    ahus: dict[str, AirHandler] = field(default_factory=_air_handlers)
    lights: dict[str, Lighting] = field(init=False)
    pumps: dict[str, Pump] = field(init=False)
    meters: dict[str, Meter] = field(init=False)
    extra_kw: dict[str, float] = field(default_factory=dict)
    """Load on a feeder that nothing explains (a fault)."""
    _random: np.random.Generator = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng([self.seed, 7])
        self.weather = weather(self.now_ms, self.seed)
        self.lights = {name: Lighting(kw) for name, kw in
                       (("building-a", 0.85), ("building-b", 0.8), ("dorm", 0.6), ("grounds", 0.45), ("annex", 0.4))}
        self.pumps = {"heating-1": Pump(7.5, 48.0), "heating-2": Pump(7.5, 48.0), "water": Pump(4.0, 20.0)}
        self.meters = {}
        for place, (name, feeder) in enumerate(_FEEDERS.items()):
            counted_kwh = 1_100.0 * feeder.base_kw + sum(self.meters[part].energy_kwh for part in feeder.below)
            self.meters[name] = Meter(energy_kwh=counted_kwh, power_factor=0.91 + 0.007 * place)

    def building_people(self, building: str) -> int:
        """People in a building, its rooms included."""
        return self.present[building] + sum(self.present[room] for room, of in ROOMS.items() if of == building)

    def settle(self) -> None:
        """Bring air and lamps to what the last six hours made of them, without counting any energy."""
        kept = {name: (meter.energy_kwh, meter.reactive_kvarh, meter.peak_demand_kw)
                for name, meter in self.meters.items()}
        target_ms = self.now_ms
        for ahu in self.ahus.values():
            ahu.zone.temperature_c = 18.0
        self.now_ms -= int(_LONGEST_GAP_S * 1000)
        while self.now_ms < target_ms:
            self.advance(min(target_ms, self.now_ms + 120_000))
        for name, (energy_kwh, reactive_kvarh, peak_kw) in kept.items():
            meter = self.meters[name]
            meter.energy_kwh, meter.reactive_kvarh, meter.peak_demand_kw = energy_kwh, reactive_kvarh, peak_kw

    def advance(self, now_ms: int) -> None:
        """Let the campus live until `now_ms` (campus time, UTC ms)."""
        gap_s = (now_ms - self.now_ms) / 1000.0
        if gap_s <= 0:
            return
        if gap_s > _LONGEST_GAP_S:
            gap_s, self.now_ms = _LONGEST_GAP_S, now_ms - int(_LONGEST_GAP_S * 1000)
        steps = math.ceil(gap_s / LONGEST_STEP_S)
        for _ in range(steps):
            self.now_ms += round(gap_s / steps * 1000)
            self._step(gap_s / steps)
        self.now_ms = now_ms

    def _step(self, dt_s: float) -> None:
        self.weather = weather(self.now_ms, self.seed)
        hour = local_hour(self.now_ms)
        school = is_school_day(local_day(self.now_ms))
        self._move_air(dt_s, hour, school=school)
        self._light(dt_s, hour)
        heat = sum(abs(ahu.output) for ahu in self.ahus.values()) / len(self.ahus)
        for name in ("heating-1", "heating-2"):
            self.pumps[name].step(dt_s, heat)
        taps = 0.08 + 0.7 * _bump(hour, 7.0, 0.8) + 0.4 * _bump(hour, 12.0, 1.0) + 0.9 * _bump(hour, 21.5, 1.0)
        self.pumps["water"].step(dt_s, taps)
        self._measure(dt_s, hour, school=school)

    def _move_air(self, dt_s: float, hour: float, *, school: bool) -> None:
        for name, ahu in self.ahus.items():
            people = sum(self.present[room] for room in _ZONE_ROOMS[name])
            match name:
                case "dorm":
                    in_hours = True
                case "canteen":
                    in_hours = 7.0 <= hour < 18.5
                case _:
                    in_hours = school and 7.0 <= hour < 18.0
            warm_up = 5.4 < hour < 7.0 and (school or name == "canteen")
            other_kw = 0.5 + 3.0 * self.weather.sun * ahu.zone.loss_kw_per_k
            ahu.step(dt_s, outdoor_c=self.weather.outdoor_c, people=people, other_gain_kw=other_kw,
                     in_hours=in_hours, warm_up=warm_up)
            wet = 38.0 + 0.25 * self.weather.humidity_percent + min(12.0, people * 0.4)
            ahu.zone.humidity_percent += (wet - ahu.zone.humidity_percent) * (1.0 - math.exp(-dt_s / 900.0))

    def _light(self, dt_s: float, hour: float) -> None:
        dark = 1.0 - min(1.0, self.weather.sun * 1.6)
        for name, panel in self.lights.items():
            people = self.building_people(name) if name in BUILDINGS else self.present[name]
            if name == "grounds":
                wanted = 0 if self.weather.sun > 0.05 else CIRCUITS if hour > 5.0 or hour < 0.5 else CIRCUITS // 2
            elif name == "dorm" and not 6.4 < hour < 22.6:
                wanted = 2
            else:
                wanted = 1 + round((CIRCUITS - 1) * min(1.0, people / 40.0) * (0.35 + 0.65 * dark)) if people else 1
            panel.step(dt_s, wanted)

    def _measure(self, dt_s: float, hour: float, *, school: bool) -> None:
        frequency_hz = 50.0 + 0.02 * float(self._random.standard_normal())
        flicker = self._random.standard_normal(len(_FEEDERS))
        cooking = 34.0 * _bump(hour, 6.2, 0.9) + 52.0 * _bump(hour, 11.0, 1.1) + 40.0 * _bump(hour, 16.8, 1.0)
        boilers = 16.0 * _bump(hour, 7.0, 0.7) + 24.0 * _bump(hour, 21.6, 1.0)
        shop = 6.0 * (school and 8.0 < hour < 17.0)
        timed = {"kitchen": cooking if school else cooking * 0.55, "dorm": boilers, "workshop": shop}
        drawn: dict[str, float] = {}
        for place, (name, feeder) in enumerate(_FEEDERS.items()):
            people = self.building_people(name) if name in BUILDINGS else self.present[name]
            own_kw = feeder.base_kw + feeder.person_kw * people + timed.get(name, 0.0)
            own_kw *= 1.0 + 0.012 * float(flicker[place])
            own_kw += self.lights[feeder.lights].power_kw if feeder.lights else 0.0
            own_kw += sum(self.ahus[ahu].power_kw for ahu in feeder.ahus)
            own_kw += sum(self.pumps[pump].power_kw for pump in feeder.pumps)
            own_kw += self.extra_kw.get(name, 0.0)
            drawn[name] = own_kw + sum(drawn[part] for part in feeder.below)
        for place, (name, power_kw) in enumerate(drawn.items()):
            voltage_v = 233.0 - 0.018 * drawn["main"] - 0.01 * power_kw + 0.25 * float(flicker[place])
            self.meters[name].step(dt_s, power_kw, voltage_v=voltage_v, frequency_hz=frequency_hz)

    def memory(self) -> dict[str, dict[str, float]]:
        """Return what must survive a restart: counters, temperatures and what was commanded."""
        kept = {f"meter {name}": {"energy_kwh": meter.energy_kwh, "reactive_kvarh": meter.reactive_kvarh,
                                  "peak_demand_kw": meter.peak_demand_kw, "demand_kw": meter.demand_kw}
                for name, meter in self.meters.items()}
        kept |= {f"ahu {name}": {"energy_kwh": ahu.energy_kwh, "runtime_h": ahu.runtime_h, "filter_pa": ahu.filter_pa,
                                 "setpoint_c": ahu.setpoint_c, "temperature_c": ahu.zone.temperature_c,
                                 "co2_ppm": ahu.zone.co2_ppm, "mode": ahu.mode,
                                 "switched_on": float(ahu.switched_on), "held_off": float(ahu.held_off),
                                 "in_hours": float(ahu.in_hours)}
                 for name, ahu in self.ahus.items()}
        kept |= {f"pump {name}": {"energy_kwh": pump.energy_kwh, "runtime_h": pump.runtime_h, "starts": pump.starts,
                                  "enabled": float(pump.enabled)}
                 for name, pump in self.pumps.items()}
        kept |= {f"lights {name}": {"energy_kwh": panel.energy_kwh, "level_percent": panel.level_percent}
                 for name, panel in self.lights.items()}
        return kept

    def remember(self, kept: Mapping[str, Mapping[str, float]]) -> None:
        """Take up `memory` again; what it does not name stays as it is."""
        things: dict[str, object] = {f"meter {name}": meter for name, meter in self.meters.items()}
        things |= {f"pump {name}": pump for name, pump in self.pumps.items()}
        things |= {f"lights {name}": panel for name, panel in self.lights.items()}
        for name, ahu in self.ahus.items():
            things[f"ahu {name}"] = ahu
            of_zone = {key: value for key, value in kept.get(f"ahu {name}", {}).items() if key in _ZONE_MEMORY}
            _take_up(ahu.zone, of_zone)
        for name, thing in things.items():
            _take_up(thing, {key: value for key, value in kept.get(name, {}).items() if key not in _ZONE_MEMORY})


_ZONE_MEMORY: Final = ("temperature_c", "co2_ppm")


def _take_up(thing: object, kept: Mapping[str, float]) -> None:
    for key, value in kept.items():
        if hasattr(thing, key):
            setattr(thing, key, type(getattr(thing, key))(value))  # a switch comes back as a bool, a count as an int


def _bump(hour: float, centre: float, width: float) -> float:
    """A smooth hill of height 1 around an hour of the day."""
    return math.exp(-(((hour - centre) / width) ** 2))
