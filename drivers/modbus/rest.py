"""When to ask a unit that does not answer, so that dead units never cost the living more than a little. Pure.

Times are seconds of any steady clock.
"""

from dataclasses import dataclass, field
from typing import Final

BUSY_SHARE: Final = 0.01
"""Part of a line's time that probes of dead units may take while others answer."""
HOPEFUL_SHARE: Final = 0.1
"""The same, when a unit has just come back and the others may follow."""
IDLE_SHARE: Final = 0.5
"""The same, while nobody on the line answers."""
_ALIVE_S: Final = 10.0
_QUICK_S: Final = 0.05
_FULL_PROBE: Final = 4
"""Every so many probes wait the whole time-out: the unit may just have become slow."""
_FADING: Final = 0.999


@dataclass(slots=True, eq=False)
class Unit:
    """One unit number on a line, as it has behaved so far."""

    number: int
    timeout_s: float
    slowest_s: float = 0.0
    """Its slowest answer, slowly forgotten; 0 when it never answered."""
    misses: int = 0
    """Requests in a row without an answer."""
    probe_at: float = 0.0
    """When it is asked next, while it rests; 0 when it does not rest."""


@dataclass(slots=True)
class Rests:
    """The units of one line."""

    units: list[Unit] = field(default_factory=list)
    slowest_s: float = 0.0
    _booked: float = 0.0
    _answered_at: float = float("-inf")

    def timeout_s(self, unit: Unit) -> float:
        """Return how long to wait for the unit's next answer.

        Once it missed and others wait for the line, that is shorter than its time-out: judged by what answers take.
        """
        if unit.misses % _FULL_PROBE == 0 or len(self.units) < 2:
            return unit.timeout_s
        return self.quick_s(unit)

    def quick_s(self, unit: Unit) -> float:
        """Return a time in which the unit would answer, if it is like the others on the line."""
        return min(unit.timeout_s, max(_QUICK_S, 4 * unit.slowest_s, 4 * self.slowest_s))

    def answered(self, unit: Unit, took_s: float, now: float) -> None:
        """Note an answer."""
        self._answered_at = now
        unit.slowest_s = max(took_s, unit.slowest_s * _FADING)
        self.slowest_s = max(took_s, self.slowest_s * _FADING)
        if unit.misses:
            self._came_back(unit, now)

    def missed(self, unit: Unit, now: float) -> None:
        """Note a time-out: a unit that answered before gets a second chance, others rest."""
        unit.misses += 1
        if len(self.units) < 2 or (unit.slowest_s and unit.misses < 2):
            return
        self._book(unit, now, BUSY_SHARE if now - self._answered_at < _ALIVE_S else IDLE_SHARE)

    def _came_back(self, unit: Unit, now: float) -> None:
        was_resting, unit.misses, unit.probe_at = bool(unit.probe_at), 0, 0.0
        if was_resting:
            self._booked = now
            for other in self.units:
                if other.probe_at:
                    self._book(other, now, HOPEFUL_SHARE)

    def _book(self, unit: Unit, now: float, share: float) -> None:
        """Give the unit the next free turn: probes one behind the other take `share` of the time."""
        unit.probe_at = self._booked = max(now, self._booked) + self.timeout_s(unit) / share
