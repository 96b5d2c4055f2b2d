"""The school calendar: which kind of day it is, and whether a named condition or a weekly window holds now.

Chinese public holidays and their make-up workdays come from `chinesecalendar`. It knows the years the State Council has
announced; for later years weekdays and weekends decide, and `Calendar.known` says so.
"""

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import chinese_calendar
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from contract.configuration import Settings
from contract.messages import Text
from rules.durations import MinuteOfDay, clock_text


class DayKind(StrEnum):
    """What sort of day it is for the school."""

    SCHOOL_DAY = "school_day"
    """Lessons are held: a workday in term, make-up workdays included."""
    WORKDAY = "workday"
    """People work, no lessons: outside the terms."""
    WEEKEND = "weekend"
    HOLIDAY = "holiday"
    """A public holiday or a closure of the school's own."""


WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DayName = Literal[
    "mon", "tue", "wed", "thu", "fri", "sat", "sun", "school_day", "workday", "weekend", "holiday", "any",
]
BUILT_IN: Final = ("always", "school_hours", "work_hours", "after_hours", "lesson", *DayKind)
_HORIZON_DAYS: Final = 400
_KEPT_DAYS: Final = 512


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Days = Annotated[tuple[DayName, ...], BeforeValidator(_listed), Field(min_length=1)]


class Window(Settings):
    """Hours that return: from, to on days; `to` at or before `from` means the next day."""

    days: Days = ("any",)
    start: Annotated[MinuteOfDay, Field(alias="from")] = 0
    end: Annotated[MinuteOfDay, Field(alias="to")] = 1_440


Condition = str | Window
"""A named condition of the calendar, or a window of its own."""


class Hours(Settings):
    """From and to within one day."""

    start: Annotated[MinuteOfDay, Field(alias="from")]
    end: Annotated[MinuteOfDay, Field(alias="to")]

    @model_validator(mode="after")
    def _ordered(self) -> "Hours":
        if self.end <= self.start:
            raise ValueError("`to` must be later than `from`")
        return self


class Lesson(Hours):
    """One lesson of every school day."""

    name: Text


class Span(Settings):
    """Days from the first to the last, both included."""

    name: Text
    first: Annotated[date, Field(alias="from")]
    last: Annotated[date, Field(alias="to")]

    @model_validator(mode="after")
    def _ordered(self) -> "Span":
        if self.last < self.first:
            raise ValueError("`to` is before `from`")
        return self

    def holds(self, day: date) -> bool:
        return self.first <= day <= self.last


class MakeUpDay(Settings):
    """A day off by the week that is worked, by the school's own decision."""

    name: Text
    day: date


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{name} is no time zone; write one like Asia/Shanghai") from error
    return name


class CalendarSettings(Settings):
    """config/calendar.yaml."""

    time_zone: Annotated[str, AfterValidator(_zone)] = "Asia/Shanghai"
    public_holidays: Literal["china", "none"] = "china"
    school_hours: Hours
    work_hours: Hours
    terms: tuple[Span, ...] = ()
    lessons: tuple[Lesson, ...] = ()
    closures: tuple[Span, ...] = ()
    make_up_days: tuple[MakeUpDay, ...] = ()
    conditions: dict[str, tuple[Window, ...]] = Field(default_factory=dict)
    """Named conditions of the school's own: any of their windows."""

    @model_validator(mode="after")
    def _no_shadow(self) -> "CalendarSettings":
        for name in self.conditions:
            if name in BUILT_IN:
                raise ValueError(f"{name} is built in; give your condition another name")
        return self


class UnknownCondition(ValueError):
    """A condition the calendar does not name; its text lists those it does."""


class Calendar:
    """Answers about days and hours; each day's hours are worked out once."""

    def __init__(self, settings: CalendarSettings) -> None:
        self.settings = settings
        self._zone = ZoneInfo(settings.time_zone)
        self._make_up = {entry.day for entry in settings.make_up_days}
        self._kinds: dict[date, DayKind] = {}
        self._windows = _named_windows(settings)
        self._open: dict[Condition, tuple[int, int, bool]] = {}
        """The stretch of time [from, to) last asked about for each condition, and whether it holds in it."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return every condition that has a name."""
        return ("always", *self._windows)

    def check(self, condition: Condition) -> None:
        """Raise `UnknownCondition` when the calendar does not name this condition."""
        if isinstance(condition, str) and condition not in self.names:
            raise UnknownCondition(f"the calendar knows no {condition}; it knows {', '.join(self.names)}")

    def known(self, day: date) -> bool:
        """Tell whether the public holidays of this day's year are announced (otherwise weekdays decide)."""
        if self.settings.public_holidays == "none":
            return True
        years = [known.year for known in (min(chinese_calendar.holidays), max(chinese_calendar.holidays))]
        return bool(years[0] <= day.year <= years[1])

    def day_kind(self, day: date) -> DayKind:
        """Return the kind of this local day."""
        kind = self._kinds.get(day)
        if kind is None:
            if len(self._kinds) >= _KEPT_DAYS:
                self._kinds.clear()
            kind = self._kinds[day] = self._work_out(day)
        return kind

    def local(self, at_ms: int) -> datetime:
        """Return local time."""
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self._zone)

    def at(self, day: date, minute: int) -> int:
        """Return UTC ms of this minute of a local day (1440 is the next midnight)."""
        wall = datetime(day.year, day.month, day.day, tzinfo=self._zone) + timedelta(minutes=minute)
        return int(wall.timestamp() * 1000)

    def matches(self, condition: Condition, at_ms: int) -> bool:
        """Tell whether the condition holds at this time (UTC ms)."""
        return self._stretch(condition, at_ms)[2]

    def next_change_ms(self, condition: Condition, at_ms: int) -> int:
        """Return when the condition next begins or ceases to hold after this time (at most 400 days ahead)."""
        return self._stretch(condition, at_ms)[1]

    def _stretch(self, condition: Condition, at_ms: int) -> tuple[int, int, bool]:
        if condition == "always":
            return 0, 1 << 62, True
        stretch = self._open.get(condition)
        if stretch is None or not stretch[0] <= at_ms < stretch[1]:
            stretch = self._open[condition] = self._find_stretch(condition, at_ms)
        return stretch

    def _find_stretch(self, condition: Condition, at_ms: int) -> tuple[int, int, bool]:
        """Lay out the condition's intervals from the day before, until one begins or ends after `at_ms`."""
        self.check(condition)
        windows = (condition,) if isinstance(condition, Window) else self._windows[condition]
        first = self.local(at_ms).date() - timedelta(days=1)
        intervals: list[list[int]] = []
        for ahead in range(_HORIZON_DAYS):
            day = first + timedelta(days=ahead)
            _merge(intervals, self._intervals(windows, day))
            edges = [edge for interval in intervals for edge in interval]
            position = bisect_right(edges, at_ms)
            # An interval that ends at the last midnight laid out may go on: look one day further.
            if position < len(edges) and (position % 2 == 0 or edges[position] < self.at(day, 1_440)):
                start = edges[position - 1] if position else self.at(first + timedelta(days=1), 0)
                return start, edges[position], position % 2 == 1
        edges = [edge for interval in intervals for edge in interval]
        holds = bisect_right(edges, at_ms) % 2 == 1
        return at_ms, self.at(first + timedelta(days=_HORIZON_DAYS), 0), holds

    def _intervals(self, windows: tuple[Window, ...], day: date) -> list[tuple[int, int]]:
        kind = self.day_kind(day)
        names = {"any", kind.value, WEEKDAYS[day.weekday()]}
        return [
            (self.at(day, window.start), self.at(day, window.end if window.end > window.start else window.end + 1_440))
            for window in windows if not names.isdisjoint(window.days)
        ]

    def _work_out(self, day: date) -> DayKind:
        if any(span.holds(day) for span in self.settings.closures):
            return DayKind.HOLIDAY
        if day not in self._make_up:
            if self.settings.public_holidays == "china" and self.known(day):
                if not chinese_calendar.is_workday(day):
                    return DayKind.HOLIDAY if day in chinese_calendar.holidays else DayKind.WEEKEND
            elif day.weekday() >= 5:
                return DayKind.WEEKEND
        in_term = any(span.holds(day) for span in self.settings.terms)
        return DayKind.SCHOOL_DAY if in_term else DayKind.WORKDAY


def _merge(intervals: list[list[int]], more: list[tuple[int, int]]) -> None:
    """Add intervals of one more day, joining those that touch or overlap; the list stays in order."""
    for start, end in sorted(more):
        if intervals and start <= intervals[-1][1]:
            intervals[-1][1] = max(intervals[-1][1], end)
        else:
            intervals.append([start, end])


def _named_windows(settings: CalendarSettings) -> dict[str, tuple[Window, ...]]:
    def window(days: list[DayName], start: int, end: int) -> Window:
        return Window.model_validate({"days": days, "from": clock_text(start), "to": clock_text(end)})

    school, work = settings.school_hours, settings.work_hours
    return {
        **{kind.value: (window([kind.value], 0, 1_440),) for kind in DayKind},
        "school_hours": (window(["school_day"], school.start, school.end),),
        "work_hours": (window(["school_day", "workday"], work.start, work.end),),
        "after_hours": (
            window(["school_day"], 0, school.start) if school.start else window(["weekend"], 0, 1_440),
            window(["school_day"], school.end, 1_440),
            window(["workday"], 0, work.start) if work.start else window(["weekend"], 0, 1_440),
            window(["workday"], work.end, 1_440),
            window(["weekend", "holiday"], 0, 1_440),
        ),
        "lesson": tuple(window(["school_day"], lesson.start, lesson.end) for lesson in settings.lessons),
        **settings.conditions,
    }
