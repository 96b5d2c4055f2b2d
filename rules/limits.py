"""The hot path: limits of many points checked a batch at a time, so that only crossings reach Python.

For each point the array keeps the interval of values that change nothing (`stay`): up to the limit while the condition
does not hold, down to the clearing limit while it does. A reading outside its interval is a crossing. Several rules on
one point lie in several layers.
"""

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rules.model import Level

Interval = tuple[float, float]
EVERYTHING: Final[Interval] = (-math.inf, math.inf)
NOTHING: Final[Interval] = (math.inf, -math.inf)
"""No value stays inside: the next good reading is looked at, whatever it is."""
NO_RULE: Final = -1


def holds(level: Level, value: float, *, held: bool) -> bool:
    """Tell whether the condition holds for this value, given whether it held before (hysteresis)."""
    if level.equals is not None:
        return value == level.equals
    low, high = _edges(level, held=held)
    return value < low or value > high


def limit_for(level: Level, value: float) -> float:
    """Return the limit this value is held against."""
    for limit in (level.above, level.below, level.equals):
        if limit is not None:
            return limit
    low, high = level.outside or EVERYTHING
    return low if value < (low + high) / 2 else high


def stay(level: Level, value: float | None, *, held: bool) -> Interval:
    """Return the interval of values after which nothing has changed; `value` is the last one, None if not known."""
    if level.equals is not None:
        return _stay_equal(level.equals, value, held=held)
    low, high = _edges(level, held=held)
    if not held:
        return low, high
    if low == -math.inf or (value is not None and value > high):
        return _above(high), math.inf
    if high == math.inf or (value is not None and value < low):
        return -math.inf, _under(low)
    return NOTHING


def _edges(level: Level, *, held: bool) -> Interval:
    """Return the values between which the condition does not hold (any more)."""
    slack = level.hysteresis if held else 0.0
    if level.outside is not None:
        return level.outside[0] + slack, level.outside[1] - slack
    clear = level.clear if held else None
    if level.above is not None:
        return -math.inf, level.above - slack if clear is None else clear
    assert level.below is not None
    return level.below + slack if clear is None else clear, math.inf


def _stay_equal(wanted: float, value: float | None, *, held: bool) -> Interval:
    if held:
        return wanted, wanted
    if value is None:
        return NOTHING
    return (-math.inf, _under(wanted)) if value < wanted else (_above(wanted), math.inf)


def _above(edge: float) -> float:
    return math.nextafter(edge, math.inf)


def _under(edge: float) -> float:
    return math.nextafter(edge, -math.inf)


class Layer:
    """At most one rule a point: `rule[i]` is its position in the rule list, or `NO_RULE`."""

    def __init__(self, size: int) -> None:
        self.low: NDArray[np.float64] = np.full(size, -np.inf)
        self.high: NDArray[np.float64] = np.full(size, np.inf)
        self.rule: NDArray[np.int32] = np.full(size, NO_RULE, np.int32)

    def set(self, point: int, interval: Interval) -> None:
        self.low[point], self.high[point] = interval

    def crossed(self, points: NDArray[np.intp], values: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the positions in the batch of the readings outside their point's interval."""
        outside = values < self.low.take(points)
        outside |= values > self.high.take(points)
        return outside.nonzero()[0]


class Layers:
    """All layers of one table of points."""

    def __init__(self, size: int, scopes: Sequence[tuple[int, Sequence[int]]],
                 interval: Callable[[int, int], Interval]) -> None:
        """Lay the rules out: `scopes` are (rule, points), `interval(rule, point)` is where its point may stay."""
        self.size = size
        self.layers: list[Layer] = []
        for rule, points in scopes:
            for point in points:
                layer = self._free(point)
                layer.rule[point] = rule
                layer.set(point, interval(rule, point))

    def _free(self, point: int) -> Layer:
        for layer in self.layers:
            if layer.rule[point] == NO_RULE:
                return layer
        self.layers.append(Layer(self.size))
        return self.layers[-1]


def touched(points: NDArray[np.intp], crossed: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the positions of all readings of the points that crossed, in the batch's order.

    A point that crosses may cross back within the batch, so each of its readings is looked at one after the other. The
    others' intervals stood still all the time, which makes looking at them as arrays exact.
    """
    if len(crossed) == len(points):
        return crossed
    return np.isin(points, points[crossed]).nonzero()[0]
