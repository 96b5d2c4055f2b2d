from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.configuration import ConfigurationMistakes, parse
from rules.calendar import Calendar, CalendarSettings, DayKind, UnknownCondition, Window
from rules.durations import clock_text, duration_ms, duration_text, minute_of_day

HOURS = 'school_hours: {from: "07:00", to: "18:30"}\nwork_hours: {from: "08:00", to: "17:30"}\n'


def window(days, start="00:00", end="24:00"):
    return Window.model_validate({"days": days, "from": start, "to": end})


@pytest.mark.parametrize(("day", "kind"), [
    ("2026-11-24", DayKind.SCHOOL_DAY),   # a Tuesday in term
    ("2026-10-01", DayKind.HOLIDAY),      # National Day, a Thursday
    ("2026-10-10", DayKind.SCHOOL_DAY),   # a Saturday worked for it
    ("2026-10-24", DayKind.WEEKEND),
    ("2026-10-23", DayKind.HOLIDAY),      # the school's own closure
    ("2026-11-14", DayKind.SCHOOL_DAY),   # the school's own make-up day, a Saturday
    ("2026-08-03", DayKind.WORKDAY),      # a Monday in the summer
])
def test_day_kind(calendar, day, kind):
    assert calendar.day_kind(date.fromisoformat(day)) is kind


def test_years_not_announced_fall_back_to_weekdays_and_say_so(calendar):
    assert not calendar.known(date(2090, 10, 2))
    assert calendar.day_kind(date(2090, 10, 2)) is DayKind.WORKDAY  # a Monday outside all terms
    assert calendar.day_kind(date(2090, 10, 1)) is DayKind.WEEKEND
    assert calendar.known(date(2026, 10, 1))


@pytest.mark.parametrize(("condition", "day", "clock", "holds"), [
    ("school_hours", "2026-11-24", "07:00", True),
    ("school_hours", "2026-11-24", "18:30", False),
    ("after_hours", "2026-11-24", "18:30", True),
    ("after_hours", "2026-11-24", "06:59", True),
    ("after_hours", "2026-11-24", "12:00", False),
    ("after_hours", "2026-10-24", "12:00", True),
    ("after_hours", "2026-08-03", "09:00", False),
    ("after_hours", "2026-08-03", "17:30", True),
    ("work_hours", "2026-08-03", "09:00", True),
    ("lesson", "2026-11-24", "08:50", False),
    ("lesson", "2026-11-24", "08:55", True),
    ("night", "2026-11-24", "00:30", True),   # begun the evening before
    ("night", "2026-11-24", "05:30", False),
    ("weekend", "2026-10-25", "23:59", True),
    ("always", "2026-10-25", "23:59", True),
    (window("tue", "10:00", "12:00"), "2026-11-24", "11:59", True),
    (window("tue", "10:00", "12:00"), "2026-11-25", "11:59", False),
    (window(["fri"], "22:00", "02:00"), "2026-11-28", "01:59", True),
    (window(["fri"], "22:00", "02:00"), "2026-11-27", "01:59", False),
])
def test_conditions(calendar, condition, day, clock, holds):
    at_ms = calendar.at(date.fromisoformat(day), minute_of_day(clock))
    assert calendar.matches(condition, at_ms) is holds


CONDITIONS = ["school_hours", "after_hours", "lesson", "night", "weekend", "holiday", "school_day", "canteen_hours"]


@given(condition=st.sampled_from(CONDITIONS), minute=st.integers(0, 365 * 1440))
def test_a_condition_stands_still_until_its_next_change(calendar, condition, minute):
    fresh = Calendar(calendar.settings)
    at_ms = calendar.at(date(2026, 1, 1), 0) + minute * 60_000
    holds, change_ms = fresh.matches(condition, at_ms), fresh.next_change_ms(condition, at_ms)
    assert change_ms > at_ms
    again = Calendar(calendar.settings)
    if change_ms - at_ms < 390 * 86_400_000:  # later than that it only says: not before
        assert again.matches(condition, change_ms) is not holds
    assert again.matches(condition, change_ms - 1) is holds
    assert again.matches(condition, (at_ms + change_ms) // 2) is holds


def test_summer_time_moves_the_hours():
    settings = parse(HOURS + "time_zone: Europe/Berlin\npublic_holidays: none\n", "c", CalendarSettings)
    berlin = Calendar(settings)
    hours = window("any", "07:00", "08:00")
    assert berlin.matches(hours, berlin.at(date(2026, 3, 28), 450))
    assert berlin.at(date(2026, 3, 29), 450) - berlin.at(date(2026, 3, 28), 450) == 23 * 3_600_000
    assert berlin.matches(hours, berlin.at(date(2026, 3, 29), 450))


def test_unknown_condition_names_the_known_ones(calendar, ten):
    with pytest.raises(UnknownCondition, match="school_hours"):
        calendar.matches("scool_hours", ten)


def test_mistakes_have_their_lines():
    text = HOURS.replace("18:30", "06:00") + "time_zone: Asia/Shanghi\nconditions: {weekend: []}\n"
    with pytest.raises(ConfigurationMistakes) as caught:
        parse(text, "calendar.yaml", CalendarSettings)
    said = str(caught.value)
    assert "calendar.yaml:1: school_hours" in said
    assert "calendar.yaml:3: time_zone" in said


def test_a_condition_must_not_shadow_a_built_in_one():
    with pytest.raises(ConfigurationMistakes, match="weekend is built in"):
        parse(HOURS + "conditions: {weekend: []}\n", "c", CalendarSettings)


@pytest.mark.parametrize(("text", "ms"), [("90s", 90_000), ("15min", 900_000), ("2h", 7_200_000), ("1.5s", 1_500),
                                          ("7d", 604_800_000), ("250ms", 250), (0, 0)])
def test_durations(text, ms):
    assert duration_ms(text) == ms
    assert duration_ms(duration_text(ms)) == ms


@pytest.mark.parametrize("wrong", ["90", 90, "15 m", "", None, True, "-3s"])
def test_durations_need_their_unit(wrong):
    with pytest.raises(ValueError, match="unit"):
        duration_ms(wrong)


@pytest.mark.parametrize(("text", "minute"), [("07:30", 450), ("7:30", 450), ("24:00", 1440), (1080, 1080),
                                              ("00:00", 0)])
def test_times_of_day(text, minute):
    assert minute_of_day(text) == minute
    assert minute_of_day(clock_text(minute)) == minute


@pytest.mark.parametrize("wrong", ["24:01", "7:60", "noon", -1, 1441, True])
def test_no_times_of_day(wrong):
    with pytest.raises(ValueError, match="time of day"):
        minute_of_day(wrong)
