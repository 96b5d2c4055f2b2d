"""Weather over the campus: a pure function of the time, so that it needs no memory."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final

from simulator.site import UTC_OFFSET_MS

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
CAMPUS_ZONE: Final = timezone(timedelta(milliseconds=UTC_OFFSET_MS))
_YEAR_DAYS: Final = 365.2425
_MEAN_C: Final = 15.0
_SEASON_C: Final = 12.5
_DAILY_C: Final = 4.0
_COLDEST_DAY: Final = 20.0
_WARMEST_HOUR: Final = 15.0


@dataclass(frozen=True, slots=True)
class Weather:
    """What it is like outside."""

    outdoor_c: float
    humidity_percent: float
    sun: float
    """0 at night, 1 under a clear sky at noon."""


def local_hour(now_ms: int) -> float:
    """Hour of the campus day, 0 to 24."""
    return (now_ms + UTC_OFFSET_MS) % DAY_MS / HOUR_MS


def local_day(now_ms: int) -> int:
    """Number of the campus day since 1970."""
    return (now_ms + UTC_OFFSET_MS) // DAY_MS


def day_start_ms(day: int) -> int:
    """Midnight (UTC ms) at which this campus day begins."""
    return day * DAY_MS - UTC_OFFSET_MS


def is_school_day(day: int) -> bool:
    """Monday to Friday (day 0 was a Thursday)."""
    return (day + 3) % 7 < 5


def local_text(now_ms: int) -> str:
    """Campus time as people write it."""
    return f"{datetime.fromtimestamp(now_ms / 1000, tz=CAMPUS_ZONE):%Y-%m-%d %H:%M:%S}"


def weather(now_ms: int, seed: int) -> Weather:
    """Return the weather at this time: season, time of day, and fronts that pass in three to eleven days."""
    days = (now_ms + UTC_OFFSET_MS) / DAY_MS
    hour = days % 1.0 * 24.0
    phase = seed % 97
    front = 2.5 * math.sin(math.tau * days / 11.3 + phase) + 1.8 * math.sin(math.tau * days / 3.7 + 2.1 * phase)
    season = -_SEASON_C * math.cos(math.tau * (days % _YEAR_DAYS - _COLDEST_DAY) / _YEAR_DAYS)
    daily = _DAILY_C * math.cos(math.tau * (hour - _WARMEST_HOUR) / 24.0)
    gust = 0.3 * math.sin(math.tau * hour * 2.3) * math.sin(days * 7.7)
    cloud = 0.5 + 0.5 * math.sin(math.tau * days / 2.9 + phase)
    sun = max(0.0, math.sin(math.pi * (hour - 6.3) / 11.6)) * (1.0 - 0.6 * cloud)
    humidity = min(98.0, max(25.0, 68.0 + 14.0 * cloud - 3.0 * daily + 4.0 * math.sin(days)))
    return Weather(_MEAN_C + season + daily + front + gust, humidity, sun)
