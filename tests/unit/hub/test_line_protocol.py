"""The bytes sent to InfluxDB: layout, escaping, qualities, and what cannot be written."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.quality import Quality
from hub.historians.base import AlarmRow, EventRow, JournalBatch, PointMeta
from hub.historians.line_protocol import ReadingLines, event_lines, tag_value

METER = PointMeta("meter-a", "active_power", "kW", "building-a", "building-a/1f/power-room", "modbus")
ROOM = PointMeta("room", "温度", "°C", "", "Building A, 1=F", "")
METER_SERIES = ("reading,device=meter-a,family=modbus,place=building-a/1f/power-room,point=active_power,unit=kW,"
                "zone=building-a")
ROOM_SERIES = r"reading,device=room,place=Building\ A\,\ 1\=F,point=温度,unit=°C"
METAS = {7: METER, 8: ROOM}


def batch(*rows: tuple[int, int, float, int]) -> JournalBatch:
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    return JournalBatch(1, 1, np.array(columns[0], np.uint32), np.array(columns[1], np.int64),
                        np.array(columns[2], np.float64), np.array(columns[3], np.uint8))


def written(*rows: tuple[int, int, float, int]) -> tuple[list[str], int]:
    lines = ReadingLines(METAS.__getitem__).lines(batch(*rows))
    return lines.body(0, len(lines)).decode().splitlines(), lines.skipped


def test_a_good_reading_is_a_float_at_its_millisecond():
    assert written((7, 1_700_000_000_123, 12.5, 0), (8, 1_700_000_000_124, 21.0, 0)) == (
        [f"{METER_SERIES} value=12.5 1700000000123", f"{ROOM_SERIES} value=21.0 1700000000124"], 0)


def test_an_uncertain_reading_carries_its_quality():
    assert written((7, 5, 12.5, Quality.HELD)) == ([f"{METER_SERIES} value=12.5,q=16i 5"], 0)


@pytest.mark.parametrize("value", [12.5, math.nan, math.inf])
def test_of_a_bad_reading_only_the_quality_is_written(value):
    assert written((7, 5, value, Quality.MUTE)) == ([f"{METER_SERIES} q=33i 5"], 0)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_no_line_can_hold_is_skipped_and_counted(value):
    assert written((7, 5, value, 0), (7, 6, 1.0, 0), (7, 7, value, Quality.HELD)) == (
        [f"{METER_SERIES} value=1.0 6"], 2)


def test_an_empty_batch_and_one_that_cannot_be_written_give_no_lines():
    assert written() == ([], 0)
    assert written((7, 5, math.nan, 0)) == ([], 1)


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 2**43))
def test_a_value_reads_back_as_it_was(value, time_ms):
    [line], _ = written((7, time_ms, value, 0))
    _, field, time = line.split(" ")
    assert float(field.removeprefix("value=")) == value
    assert int(time) == time_ms


def test_parts_of_a_batch_are_whole_lines():
    lines = ReadingLines(METAS.__getitem__).lines(batch(*[(7, i, i / 2, 0) for i in range(10)]))
    assert lines.body(0, 3) + lines.body(3, 10) == lines.body(0, 10)
    assert lines.body(4, 5).decode() == f"{METER_SERIES} value=2.0 4\n"


def test_a_point_that_changes_its_zone_is_written_with_the_new_one():
    metas = {7: METER}
    formatter = ReadingLines(metas.__getitem__)
    formatter.lines(batch((7, 1, 1.0, 0)))
    metas[7] = PointMeta("meter-a", "active_power", zone="canteen")
    assert formatter.lines(batch((7, 1, 1.0, 0))).body(0, 1) == (
        b"reading,device=meter-a,point=active_power,zone=canteen value=1.0 1\n")


def test_a_point_nobody_knows_is_kept_under_its_number():
    assert written((99, 5, 1.0, 0))[0] == ["reading,device=unknown,point=point-99 value=1.0 5"]


@pytest.mark.parametrize(("text", "escaped"), [
    ("plain", "plain"), ("a,b=c d", r"a\,b\=c\ d"), ("back\\", "back/"), ("two\nlines", r"two\ lines"),
])
def test_tags_are_escaped(text, escaped):
    assert tag_value(text) == escaped


def test_events_have_a_time_of_their_own():
    rows = [EventRow(id=41, at_ms=1000, kind="access.denied", door="door-a101", reason="expired"),
            EventRow(id=42, at_ms=1000, kind="door.held", door="door-a101", value=31.0),
            AlarmRow(id=7, at_ms=1000, alarm=3, rule="door-held", subject="door-a101", priority=2, state="active",
                     what="raised", zone="building-a")]
    lines = event_lines(rows)
    assert lines.body(0, 3).decode().splitlines() == [
        "event,door=door-a101,kind=access.denied,reason=expired id=41i 1000000041",
        "event,door=door-a101,kind=door.held id=42i,value=31.0 1000000042",
        ("alarm,priority=2,rule=door-held,subject=door-a101,what=raised,zone=building-a "
         'id=7i,alarm=3i,state="active" 1000000007'),
    ]
