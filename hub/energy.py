"""The energy screen: running demand against its limit, today's curve beside yesterday's, and the meters."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from hub.api import shapes
from hub.historians.base import Buckets, Historian, HistorianDown, QueryRefused
from hub.history import history, unanswered
from hub.live import LastValues
from hub.registry import Device, Point, Registry
from hub.site import Site
from rules.model import Level, Rule

RULE: Final = "energy/demand"
"""The rule that knows the main meter, the limit and the demand interval."""
POWER: Final = "power_kw"
COUNTER: Final = "energy_kwh"
INTERVAL_MS: Final = 900_000
CURVE_BUCKETS: Final = 96


class EnergyView:
    """Reads the historian. Every method blocks, and raises `Refusal` when the historian does not answer."""

    def __init__(self, *, registry: Registry, last: LastValues, historian: Historian, site: Site,
                 rules: Callable[[], dict[str, Rule]], now_ms: Callable[[], int]) -> None:
        self._registry = registry
        self._last = last
        self._historian = historian
        self._site = site
        self._rules = rules
        self._now_ms = now_ms

    def shape(self) -> shapes.Energy:
        now_ms = self._now_ms()
        rule = self._rules().get(RULE)
        level = rule.when if rule and isinstance(rule.when, Level) else None
        interval_ms = level.mean_over if level and level.mean_over else INTERVAL_MS
        main = rule.scope.device[0] if rule and rule.scope.device else ""
        power = self._registry.point(main, POWER)
        start_ms = now_ms - now_ms % interval_ms
        today_ms, yesterday_ms = self._midnights(now_ms)
        return shapes.Energy(
            now_ms=now_ms, demand_kw=self._mean(power, start_ms, now_ms), power_kw=self._now(power),
            limit_kw=level.above if level else None, interval_start_ms=start_ms, interval_s=interval_ms // 1000,
            today_kwh=self._used(main, today_ms, now_ms), yesterday_kwh=self._used(main, yesterday_ms, today_ms),
            curve=self._curve(power, today_ms), yesterday=self._curve(power, yesterday_ms),
            meters=[self._meter(device, main, today_ms, now_ms) for device in list(self._registry.devices.values())
                    if self._registry.point(device.id, COUNTER)])

    def _midnights(self, now_ms: int) -> tuple[int, int]:
        """Return the local midnights that began today and yesterday, UTC ms."""
        local = datetime.fromtimestamp(now_ms / 1000, self._site.time_zone)
        today = local.replace(hour=0, minute=0, second=0, microsecond=0)
        return int(today.timestamp() * 1000), int((today - timedelta(days=1)).timestamp() * 1000)

    def _meter(self, device: Device, main: str, today_ms: int, now_ms: int) -> shapes.MeterLine:
        power = self._registry.point(device.id, POWER)
        return shapes.MeterLine(
            device=device.id, name=device.birth.name, place=device.birth.place, power_kw=self._now(power),
            today_kwh=self._used(device.id, today_ms, now_ms), main=device.id == main,
            at_ms=self._last.of(power.id)[2] if power else None)

    def _now(self, point: Point | None) -> float | None:
        return self._last.of(point.id)[0] if point else None

    def _mean(self, point: Point | None, from_ms: int, to_ms: int) -> float | None:
        """Mean over time: the means of short buckets, since readings come unevenly."""
        if point is None or to_ms <= from_ms:
            return None
        means = self._ask(point, from_ms, to_ms, 60).mean
        means = means[~np.isnan(means)]
        return float(means.mean()) if len(means) else self._now(point)

    def _used(self, device: str, from_ms: int, to_ms: int) -> float | None:
        """What a counter grew by; None when nothing is known of that time."""
        counter = self._registry.point(device, COUNTER)
        if counter is None or to_ms <= from_ms:
            return None
        found = self._ask(counter, from_ms, to_ms, 1)
        if not len(found) or np.isnan(found.maximum[0]):
            return None
        return float(found.maximum[0] - found.minimum[0])

    def _ask(self, point: Point, from_ms: int, to_ms: int, buckets: int) -> Buckets:
        try:
            return self._historian.query(point.id, from_ms, to_ms, buckets)
        except (HistorianDown, QueryRefused) as error:
            raise unanswered(error) from error

    def _curve(self, point: Point | None, midnight_ms: int) -> shapes.History | None:
        if point is None:
            return None
        device = self._registry.devices[point.device]
        return history(self._historian, point, device, midnight_ms, midnight_ms + 86_400_000, CURVE_BUCKETS)
