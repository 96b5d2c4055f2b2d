"""Durations and times of day as people write them: 90s, 15min, 2h, 7d; "07:30"."""

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_DURATION: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)\s*\Z")
_UNIT_MS: Final = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_CLOCK: Final = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)\Z")
MINUTES_A_DAY: Final = 1_440


def duration_ms(value: object) -> int:
    """Return milliseconds of "90s", "15min", "2h", or of 0; raise `ValueError` otherwise: a bare 10 is ambiguous."""
    if value == 0 and not isinstance(value, bool):
        return 0
    found = _DURATION.match(value) if isinstance(value, str) else None
    if not found:
        raise ValueError("a duration with its unit is wanted: 500ms, 90s, 15min, 2h or 7d")
    return round(float(found[1]) * _UNIT_MS[found[2]])


def duration_text(ms: int) -> str:
    """Write a duration in the largest unit that fits it without a fraction."""
    for unit in ("d", "h", "min", "s"):
        if ms and ms % _UNIT_MS[unit] == 0:
            return f"{ms // _UNIT_MS[unit]}{unit}"
    return f"{ms}ms"


_ZH: Final = {"d": "天", "h": "小时", "min": "分钟", "s": "秒", "ms": "毫秒"}


def duration_text_zh(ms: int) -> str:
    """Write a duration in Chinese: 15分钟."""
    text = duration_text(ms)
    number = text.rstrip("dhmins")
    return number + _ZH[text.removeprefix(number)]


def minute_of_day(value: object) -> int:
    """Return minutes since midnight of "07:30" ("24:00" is the day's end); raise `ValueError` otherwise.

    YAML 1.1 reads an unquoted 18:00 as the number 1080, which is the same minute, so a number is taken too.
    """
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MINUTES_A_DAY:
        return value
    found = _CLOCK.match(value) if isinstance(value, str) else None
    minute = int(found[1]) * 60 + int(found[2]) if found else MINUTES_A_DAY + 1
    if minute > MINUTES_A_DAY:
        raise ValueError('a time of day is wanted: "07:30", at most "24:00"')
    return minute


def clock_text(minute: int) -> str:
    """Write minutes since midnight as 07:30."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


Duration = Annotated[
    int, BeforeValidator(duration_ms), PlainSerializer(duration_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?(ms|s|min|h|d)$", "examples": ["90s", "15min"]}),
]
"""Milliseconds, written 90s, 15min, 2h."""
MinuteOfDay = Annotated[
    int, BeforeValidator(minute_of_day), PlainSerializer(clock_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d\d:\d\d$", "examples": ["07:30"]}),
]
"""Minutes since local midnight, written "07:30"."""
