"""What each Modbus device shows and obeys: the physical thing behind the point names of its profile."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from simulator.physics import AUTO, CIRCUITS, OFF, AirHandler, Lighting, Meter, Pump
from simulator.world import DoorHardware


class Thing(Protocol):
    """A device as its register map sees it."""

    def values(self) -> dict[str, float]:
        """Every point by name, now."""
        ...

    def write(self, name: str, value: float) -> None:
        """Obey; the server lets only writable points and allowed values through."""


def _obeys_nothing(name: str) -> None:
    raise KeyError(name)


@dataclass(slots=True)
class MeterThing:
    """An electricity meter on one feeder; the phases carry unlike shares."""

    meter: Meter
    shares: tuple[float, float, float] = (0.345, 0.32, 0.335)

    def values(self) -> dict[str, float]:
        meter = self.meter
        apparent = meter.power_kw / meter.power_factor
        shown = {
            "power_kw": meter.power_kw, "reactive_kvar": meter.power_kw * meter.tangent, "apparent_kva": apparent,
            "power_factor": meter.power_factor, "frequency": meter.frequency_hz, "demand_kw": meter.demand_kw,
            "demand_max_kw": meter.peak_demand_kw, "energy_kwh": meter.energy_kwh, "energy_export_kwh": 0.0,
            "reactive_energy_kvarh": meter.reactive_kvarh, "meter_status": 0.0,
        }
        for phase, share in enumerate(self.shares, 1):
            voltage_v = meter.voltage_v + (0.0, -0.9, 0.6)[phase - 1]
            shown[f"voltage_l{phase}"] = voltage_v
            shown[f"power_l{phase}_kw"] = meter.power_kw * share
            shown[f"current_l{phase}"] = apparent * share * 1000.0 / voltage_v
        return shown

    def write(self, name: str, value: float) -> None:  # noqa: ARG002
        _obeys_nothing(name)


@dataclass(slots=True)
class AirHandlerThing:
    """An air handling unit."""

    ahu: AirHandler

    def values(self) -> dict[str, float]:
        ahu = self.ahu
        return {
            "supply_temp": ahu.supply_c, "return_temp": ahu.zone.temperature_c + 0.3,
            "room_temp": ahu.zone.temperature_c, "outdoor_temp": ahu.outdoor_c,
            "humidity": ahu.zone.humidity_percent, "co2": ahu.zone.co2_ppm, "fan_speed": ahu.fan_percent,
            "valve": abs(ahu.output) * 100.0,
            "filter_dp": ahu.filter_pa * (ahu.fan_percent / 100.0) ** 2, "power_kw": ahu.power_kw,
            "energy_kwh": ahu.energy_kwh, "alarm_filter": float(ahu.filter_pa > 250.0),
            "alarm_frost": float(ahu.supply_c < 3.0), "alarm_fan": 0.0, "alarm_sensor": 0.0,
            "setpoint": ahu.setpoint_c, "mode": float(ahu.mode), "fan_speed_command": ahu.fan_command_percent,
            "fan_on": float(ahu.switched_on), "fan_running": float(ahu.fan_percent > 0.0),
        }

    def write(self, name: str, value: float) -> None:
        match name:
            case "setpoint":
                self.ahu.setpoint_c = value
            case "mode":
                self.ahu.mode = int(value) if OFF <= value <= AUTO else AUTO
            case "fan_speed_command":
                self.ahu.fan_command_percent = value
            case "fan_on":
                self.ahu.switch(on=value != 0.0)
            case _:
                _obeys_nothing(name)


@dataclass(slots=True)
class PumpThing:
    """A pump behind a variable speed drive."""

    pump: Pump

    def values(self) -> dict[str, float]:
        pump = self.pump
        share = pump.speed_percent / 100.0
        return {
            "speed": 1480.0 * share, "speed_percent": pump.speed_percent, "flow": pump.flow_m3_h,
            "pressure": pump.pressure_bar, "pressure_in": 0.8 - 0.1 * share, "power_kw": pump.power_kw,
            "energy_kwh": pump.energy_kwh, "voltage": 400.0 * share, "frequency": 50.0 * share,
            "current": pump.power_kw * 1000.0 / (math.sqrt(3.0) * 400.0 * 0.86 * max(share, 0.3)),
            "motor_temp": 24.0 + 38.0 * share**2, "bearing_temp": 23.0 + 21.0 * share, "vibration": 0.1 + 1.9 * share,
            "running_hours": pump.runtime_h, "starts": float(pump.starts), "fault_code": 0.0,
            "speed_setpoint": pump.command_percent or max(20.0, pump.speed_percent), "run": float(pump.enabled),
            "running": float(pump.speed_percent > 0.0), "fault": 0.0, "remote": 1.0,
        }

    def write(self, name: str, value: float) -> None:
        match name:
            case "speed_setpoint":
                self.pump.command(value)
            case "run":
                self.pump.enabled = value != 0.0
            case _:
                _obeys_nothing(name)


@dataclass(slots=True)
class LightingThing:
    """A lighting panel with its daylight and motion sensors."""

    lighting: Lighting
    outside_lux: float = 0.0
    motion: tuple[bool, bool] = (False, False)

    def values(self) -> dict[str, float]:
        panel = self.lighting
        burning = sum(panel.on)
        shown = {f"circuit_{number}": float(on) for number, on in enumerate(panel.on, 1)}
        lamps_lux = 480.0 * burning / CIRCUITS * panel.level_percent / 100.0
        return shown | {
            "manual": float(panel.manual), "motion_1": float(self.motion[0]), "motion_2": float(self.motion[1]),
            "lux": min(60_000.0, lamps_lux + 0.02 * self.outside_lux), "lux_outside": self.outside_lux,
            "power_kw": panel.power_kw, "energy_kwh": panel.energy_kwh, "circuits_on": float(burning),
            "level": panel.level_percent,
        }

    def write(self, name: str, value: float) -> None:
        if name == "level":
            self.lighting.level_percent = value
        elif name.startswith("circuit_"):
            self.lighting.switch(int(name.removeprefix("circuit_")) - 1, on=value != 0.0)
        else:
            _obeys_nothing(name)


@dataclass(slots=True)
class FirePanel:
    """A fire alarm panel with sixteen zones; nobody may write to it."""

    zones_in_alarm: list[int] = field(default_factory=list)
    """From 1, the first one first."""

    def values(self) -> dict[str, float]:
        burning = self.zones_in_alarm
        shown = {f"zone_{zone}": float(zone in burning) for zone in range(1, 17)}
        alarm = float(bool(burning))
        return shown | {
            "alarm": alarm, "fault": 0.0, "disabled": 0.0, "mains_fault": 0.0, "battery_fault": 0.0,
            "sounders": alarm, "alarm_zones": float(len(burning)), "first_zone": float(burning[0] if burning else 0),
            "fault_count": 0.0, "battery_v": 27.3, "loop_current": 62.0 + 18.0 * len(burning),
        }

    def write(self, name: str, value: float) -> None:  # noqa: ARG002
        _obeys_nothing(name)


@dataclass(slots=True)
class DoorBoard:
    """The door I/O board of the doors that have no OSDP reader."""

    doors: list[DoorHardware]
    """Channel 1 first."""
    board_c: Callable[[], float] = lambda: 31.0

    def values(self) -> dict[str, float]:
        tamper = any(door.tamper for door in self.doors)
        shown = {"tamper": float(tamper), "supply_v": 12.6, "board_temp": self.board_c()}
        for channel, door in enumerate(self.doors, 1):
            shown[f"strike_{channel}"] = float(door.strike)
            shown[f"contact_{channel}"] = float(door.contact_open)
            shown[f"rex_{channel}"] = float(door.rex)
        return shown

    def write(self, name: str, value: float) -> None:
        if not name.startswith("strike_"):
            _obeys_nothing(name)
        self.doors[int(name.removeprefix("strike_")) - 1].set_strike(value != 0.0)
