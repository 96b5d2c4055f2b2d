"""First-order physics: a zone of air with a heat pump in its air handler, and energy as the integral of power."""

import math
from dataclasses import dataclass, field
from typing import Final

PERSON_KW: Final = 0.09
"""Heat a sitting person gives off."""
_AIR_KJ_PER_M3_K: Final = 1.2
_HEATING_RISE_K: Final = 16.0
_COOLING_DROP_K: Final = 12.0
_COIL_TAU_S: Final = 60.0
_FRESH_PPM: Final = 420.0
_PERSON_PPM_M3_PER_S: Final = 5.0
"""18 l/h of CO2 a person: 5 ml/s, so 5 ppm m3/s."""
_GAIN_PER_K: Final = 0.35
_RESET_S: Final = 600.0
_COP: Final = 3.2

OFF, COOL, HEAT, FAN, AUTO = range(5)
_OUTPUTS: Final = {OFF: (0.0, 0.0), COOL: (-1.0, 0.0), HEAT: (0.0, 1.0), FAN: (0.0, 0.0), AUTO: (-1.0, 1.0)}
"""Lowest and highest output of the coil in each mode."""
CIRCUITS: Final = 12
_OVERRIDE_S: Final = 3600.0


@dataclass(slots=True)
class Zone:
    """Air, walls and what leaks through them, as one lump."""

    volume_m3: float
    loss_kw_per_k: float
    capacity_kj_per_k: float
    temperature_c: float = 20.0
    co2_ppm: float = 600.0
    humidity_percent: float = 50.0

    def step(self, dt_s: float, *, outdoor_c: float, gain_kw: float, people: int, fresh_m3_s: float) -> None:
        """Let `dt_s` pass: relax exactly to the balance of gains and losses, so that no step is too long."""
        balance_c = outdoor_c + gain_kw / self.loss_kw_per_k
        decay = math.exp(-dt_s * self.loss_kw_per_k / self.capacity_kj_per_k)
        self.temperature_c = balance_c + (self.temperature_c - balance_c) * decay
        change_m3_s = fresh_m3_s + self.volume_m3 * 0.3 / 3600.0
        balance_ppm = _FRESH_PPM + people * _PERSON_PPM_M3_PER_S / change_m3_s
        decay = math.exp(-dt_s * change_m3_s / self.volume_m3)
        self.co2_ppm = balance_ppm + (self.co2_ppm - balance_ppm) * decay


@dataclass(slots=True)
class AirHandler:
    """An air handler with its zone: fan, heat pump coil, outside air damper, filter and its own controller."""

    zone: Zone
    air_m3_s: float
    fan_kw: float
    switched_on: bool = False
    """By its own hours or by command; a command holds until the hours next change."""
    held_off: bool = False
    """Switched off by command: not even people or frost make it run."""
    in_hours: bool = False
    mode: int = AUTO
    running: bool = False
    setpoint_c: float = 21.0
    setback_c: float = 15.0
    fan_command_percent: float = 0.0
    """0 = automatic."""
    fan_percent: float = 0.0
    damper_percent: float = 0.0
    output: float = 0.0
    """-1 full cooling, +1 full heating."""
    supply_c: float = 18.0
    filter_pa: float = 90.0
    runtime_h: float = 0.0
    power_kw: float = 0.0
    outdoor_c: float = 10.0
    energy_kwh: float = 0.0
    _integral: float = field(default=0.0, repr=False)

    def switch(self, *, on: bool) -> None:
        """Switch it by command."""
        self.switched_on, self.held_off = on, not on

    def step(self, dt_s: float, *, outdoor_c: float, people: int, other_gain_kw: float, in_hours: bool,
             warm_up: bool = False) -> None:
        """Let `dt_s` pass: control, move air, heat or cool, and count what the fan and compressor take.

        It runs when switched on, for people, to be warm when its hours begin (`warm_up`), and against the cold.
        """
        self.outdoor_c = outdoor_c
        if in_hours != self.in_hours:
            self.in_hours = self.switched_on = in_hours
            self.held_off = False
        comfort = self.switched_on or warm_up or people > 0
        cold = self.zone.temperature_c < self.setback_c - (0.0 if self.running else 1.0)
        self.running = not self.held_off and self.mode != OFF and (comfort or cold)
        self._control(dt_s, self.setpoint_c if comfort else self.setback_c + 0.5)
        flow_m3_s = self.air_m3_s * self.fan_percent / 100.0
        rise_k = self.output * (_HEATING_RISE_K if self.output > 0 else _COOLING_DROP_K)
        mixed_c = self.zone.temperature_c
        self.supply_c += (mixed_c + rise_k - self.supply_c) * (1.0 - math.exp(-dt_s / _COIL_TAU_S))
        thermal_kw = flow_m3_s * _AIR_KJ_PER_M3_K * (self.supply_c - mixed_c)
        fresh_m3_s = flow_m3_s * self.damper_percent / 100.0
        ventilation_kw = fresh_m3_s * _AIR_KJ_PER_M3_K * (outdoor_c - mixed_c) * 0.35  # the rest is recovered
        gain_kw = people * PERSON_KW + other_gain_kw + thermal_kw + ventilation_kw
        self.zone.step(dt_s, outdoor_c=outdoor_c, gain_kw=gain_kw, people=people, fresh_m3_s=fresh_m3_s)
        self.power_kw = self.fan_kw * (self.fan_percent / 100.0) ** 3 + abs(thermal_kw) / _COP
        self.energy_kwh += self.power_kw * dt_s / 3600.0
        if self.running:
            self.runtime_h += dt_s / 3600.0
            self.filter_pa = min(320.0, self.filter_pa + dt_s / 3600.0 * 0.05)

    def _control(self, dt_s: float, wanted_c: float) -> None:
        """Proportional and integral on temperature; the damper follows CO2; the fan follows the greater need."""
        if not self.running:
            self.fan_percent = self.damper_percent = self.output = self._integral = 0.0
            return
        error_k = wanted_c - self.zone.temperature_c
        if abs(error_k) < 0.3:
            error_k = 0.0
        self._integral = min(1.0, max(-1.0, self._integral + error_k * _GAIN_PER_K * dt_s / _RESET_S))
        lowest, highest = _OUTPUTS[self.mode]
        self.output = min(highest, max(lowest, error_k * _GAIN_PER_K + self._integral))
        stuffy = min(1.0, max(0.0, (self.zone.co2_ppm - 700.0) / 500.0))
        self.damper_percent = 15.0 + 85.0 * stuffy
        need = max(abs(self.output), stuffy)
        self.fan_percent = self.fan_command_percent or 40.0 + 60.0 * need


@dataclass(slots=True)
class Meter:
    """A three-phase energy meter: what flows now, what has flowed, and the mean over the demand interval."""

    nominal_v: float = 230.0
    power_factor: float = 0.94
    power_kw: float = 0.0
    energy_kwh: float = 0.0
    reactive_kvarh: float = 0.0
    demand_kw: float = 0.0
    peak_demand_kw: float = 0.0
    voltage_v: float = 230.0
    frequency_hz: float = 50.0

    def step(self, dt_s: float, power_kw: float, *, voltage_v: float, frequency_hz: float) -> None:
        """Count `dt_s` at this power; the demand is a sliding mean with a time constant of 5 minutes."""
        self.energy_kwh += power_kw * dt_s / 3600.0
        self.reactive_kvarh += power_kw * self.tangent * dt_s / 3600.0
        first = self.demand_kw == 0.0
        self.demand_kw = power_kw if first else power_kw + (self.demand_kw - power_kw) * math.exp(-dt_s / 300.0)
        self.peak_demand_kw = max(self.peak_demand_kw, self.demand_kw)
        self.power_kw, self.voltage_v, self.frequency_hz = power_kw, voltage_v, frequency_hz

    @property
    def tangent(self) -> float:
        """Reactive power for each unit of active power."""
        return math.sqrt(1.0 / self.power_factor**2 - 1.0)


@dataclass(slots=True)
class Pump:
    """A pump with a drive: what it moves follows its speed, what it takes the cube of it."""

    rated_kw: float
    rated_m3_h: float
    enabled: bool = True
    command_percent: float = 0.0
    """Speed somebody set; it lapses after an hour. 0 = automatic."""
    speed_percent: float = 0.0
    power_kw: float = 0.0
    energy_kwh: float = 0.0
    runtime_h: float = 0.0
    starts: int = 0
    _command_left_s: float = field(default=0.0, repr=False)

    def command(self, percent: float) -> None:
        """Set the speed by hand for an hour."""
        self.command_percent, self._command_left_s = percent, _OVERRIDE_S

    def step(self, dt_s: float, demand: float) -> None:
        """Let `dt_s` pass with a demand of 0 to 1."""
        self._command_left_s -= dt_s
        if self._command_left_s <= 0.0:
            self.command_percent = 0.0
        wanted = 0.0
        if self.enabled and (demand > 0.0 or self.command_percent):
            wanted = self.command_percent or 30.0 + 70.0 * min(1.0, demand)
        self.starts += wanted > 0.0 and self.speed_percent == 0.0
        self.speed_percent += (wanted - self.speed_percent) * (1.0 - math.exp(-dt_s / 8.0))
        if self.speed_percent < 1.0:
            self.speed_percent = 0.0
        self.power_kw = self.rated_kw * (self.speed_percent / 100.0) ** 3
        self.energy_kwh += self.power_kw * dt_s / 3600.0
        if self.speed_percent:
            self.runtime_h += dt_s / 3600.0

    @property
    def flow_m3_h(self) -> float:
        return self.rated_m3_h * self.speed_percent / 100.0

    @property
    def pressure_bar(self) -> float:
        """Static height and what the speed adds."""
        return 0.8 + 2.4 * (self.speed_percent / 100.0) ** 2


@dataclass(slots=True)
class Lighting:
    """A lighting panel: its schedule switches when its wish changes, a command holds until then."""

    circuit_kw: float
    on: list[bool] = field(default_factory=lambda: [False] * CIRCUITS)
    level_percent: float = 100.0
    manual: bool = False
    """A circuit was switched by command and the schedule has not spoken since."""
    power_kw: float = 0.0
    energy_kwh: float = 0.0
    _wanted: int = field(default=-1, repr=False)

    def step(self, dt_s: float, wanted: int) -> None:
        """Let `dt_s` pass; the schedule wants so many circuits on."""
        if wanted != self._wanted:
            self._wanted, self.manual = wanted, False
            self.on = [circuit < wanted for circuit in range(CIRCUITS)]
        self.power_kw = self.circuit_kw * sum(self.on) * self.level_percent / 100.0
        self.energy_kwh += self.power_kw * dt_s / 3600.0

    def switch(self, circuit: int, *, on: bool) -> None:
        """Switch one circuit (from 0) by command."""
        self.on[circuit], self.manual = on, True
