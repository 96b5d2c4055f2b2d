"""The InfluxDB historian against a real InfluxDB 1.6 (by `/write`) and a real VictoriaMetrics (by `/api/v2/write`)."""

import dataclasses
import time
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from pydantic import ValidationError

from contract.quality import Quality
from hub.historians.base import (
    AlarmRow,
    EventRow,
    Historian,
    HistorianDown,
    JournalBatch,
    KeepsEvents,
    PointMeta,
    QueryRefused,
)
from hub.historians.influx import InfluxHistorian
from hub.historians.influx_http import InfluxSettings

HOUR_MS = 3_600_000
METAS = {n: PointMeta(f"meter-{n}", "active_power", "kW", "building-a", "building-a/1f/power-room", "modbus")
         for n in range(1, 21)}
METAS[50] = PointMeta('sensor "5"', "it's, 室温=1", "°C", "zone b", "Building A, 1/f", "")


def make(server, **settings) -> InfluxHistorian:
    return InfluxHistorian(InfluxSettings(url=server.url, **settings), METAS.__getitem__)


@pytest.fixture
def historian(influxd) -> Iterator[InfluxHistorian]:
    historian = make(influxd)
    yield historian
    historian.close()


@pytest.fixture
def victoria(victoria_metrics) -> Iterator[InfluxHistorian]:
    historian = make(victoria_metrics)
    yield historian
    historian.close()


def batch(first: int, points, times_ms, values, quality=None) -> JournalBatch:
    n = len(points)
    return JournalBatch(first, first, np.asarray(points, np.uint32), np.asarray(times_ms, np.int64),
                        np.asarray(values, np.float64),
                        np.zeros(n, np.uint8) if quality is None else np.asarray(quality, np.uint8))


def second(number: int, start_ms: int) -> JournalBatch:
    """All twenty meters at one second; the value tells the second."""
    return batch(number, range(1, 21), [start_ms + number * 1000] * 20, [float(number)] * 20)


def influxql(server, query: str, database: str = "campus", **auth) -> list[list]:
    answer = httpx.post(f"{server.url}/query", params={"db": database, "epoch": "ms"}, data={"q": query}, **auth)
    series = answer.raise_for_status().json()["results"][0].get("series", [])
    return [row for one in series for row in one["values"]]


def count(server) -> int:
    rows = influxql(server, "SELECT count(value) FROM reading")
    return rows[0][1] if rows else 0


def exported(server, metric: str) -> list[tuple[int, float]]:
    """Raw samples of a VictoriaMetrics."""
    httpx.get(f"{server.url}/internal/force_flush").raise_for_status()
    answer = httpx.get(f"{server.url}/api/v1/export", params={"match[]": metric, "start": "0"})
    return sorted((at, value) for line in answer.text.splitlines()
                  for at, value in zip(httpx.Response(200, text=line).json()["timestamps"],
                                       httpx.Response(200, text=line).json()["values"], strict=True))


def now_ms() -> int:
    return time.time_ns() // 1_000_000 // 1000 * 1000


def test_it_is_a_historian_that_keeps_events(historian):
    assert isinstance(historian, Historian)
    assert isinstance(historian, KeepsEvents)


def test_what_is_written_reads_back_exactly(influxd, historian):
    rng, start = np.random.default_rng(3), now_ms()
    values = rng.normal(0, 1e3, 500)
    done = historian.append(batch(1, [50] * 500, start + np.arange(500) * 7, values))
    assert (done.written, done.skipped, done.refused) == (500, 0, 0)
    rows = influxql(influxd, "SELECT value FROM reading")
    assert rows == [[start + i * 7, value] for i, value in enumerate(values.tolist())]
    tags = influxql(influxd, "SHOW SERIES")
    assert len(tags) == 1
    assert influxql(influxd, "SELECT last(value), device, point, place, zone, unit FROM reading")[0][2:] == [
        'sensor "5"', "it's, 室温=1", "Building A, 1/f", "zone b", "°C"]


def test_the_same_batch_again_is_stored_once(influxd, historian):
    start = now_ms()
    for _ in range(3):
        historian.append(second(1, start))
    assert count(influxd) == 20


def test_bad_readings_leave_their_quality_and_no_value(influxd, historian):
    start = now_ms()
    done = historian.append(batch(1, [1, 1, 1, 1], start + np.arange(4), [1.0, np.nan, np.nan, 4.0],
                                  [0, Quality.MUTE, 0, Quality.HELD]))
    assert (done.written, done.skipped) == (3, 1)
    assert influxql(influxd, "SELECT value, q FROM reading") == [
        [start, 1.0, None], [start + 1, None, 33], [start + 3, 4.0, 16]]


def test_a_database_whose_type_conflicts_refuses_its_points_and_no_others(influxd, historian):
    """Somebody once wrote whole numbers into `reading`: of that week's shard nothing can be stored, all else can."""
    start = now_ms()
    old = start - 30 * 24 * HOUR_MS
    influxql(influxd, "CREATE DATABASE campus")
    answer = httpx.post(f"{influxd.url}/write", params={"db": "campus", "precision": "ms"},
                        content=f"reading,device=test value=1i {old}")
    assert answer.status_code == 204
    times = start + np.arange(200) * 10
    times[[13, 77, 78]] = old + np.arange(3)
    done = historian.append(batch(1, [1 + i % 20 for i in range(200)], times, np.arange(200) / 2))
    assert (done.written, done.refused) == (197, 3)
    assert "type conflict" in done.why[0]
    assert "device=meter-14," in done.why[0]  # the 14th reading is of meter 14
    assert influxql(influxd, f"SELECT count(value) FROM reading WHERE time >= {start}ms")[0][1] == 197


def test_readings_older_than_the_server_keeps_are_counted_and_hold_nothing_up(influxd, historian):
    start = now_ms()
    influxql(influxd, "CREATE DATABASE campus WITH DURATION 2h SHARD DURATION 1h")
    old = batch(1, [1] * 3000, start - 20 * HOUR_MS + np.arange(3000), np.ones(3000))
    done = historian.append(old)
    assert (done.written, done.refused) == (0, 3000)
    assert "retention" in done.why[0]
    assert "and 2999 more" in done.why[0]
    assert historian.append(second(2, start - 2000)).written == 20
    assert count(influxd) == 20


def test_many_scattered_refusals_are_all_counted_with_a_bounded_number_of_requests(influxd, historian):
    start = now_ms()
    influxql(influxd, "CREATE DATABASE campus WITH DURATION 2h SHARD DURATION 1h")
    times = start + np.arange(4000)
    times[::2] -= 20 * HOUR_MS
    done = historian.append(batch(1, [1] * 4000, times, np.ones(4000)))
    assert (done.written, done.refused) == (2000, 2000)
    assert len(done.why) == 5
    assert count(influxd) == 2000


def test_an_outage_in_the_middle_loses_nothing_and_doubles_nothing(influxd, historian):
    """The feeder's way: send, move the cursor when it returned, send the same again when it did not."""
    start, cursor, refusals = now_ms(), 0, 0
    while cursor < 12:
        if cursor == 5 and refusals == 0:
            influxd.kill()
        try:
            historian.append(second(cursor, start))
        except HistorianDown:
            refusals += 1
            if refusals == 3:
                influxd.start()
            continue
        cursor += 1
    assert refusals == 3
    assert count(influxd) == 12 * 20
    sums = influxql(influxd, "SELECT sum(value) FROM reading GROUP BY device")
    assert [row[1] for row in sums] == [sum(range(12))] * 20


class PowerCut:
    """A writer whose server is killed after so many requests."""

    def __init__(self, writer, server, after: int) -> None:
        self._writer, self._server, self.left = writer, server, after

    def write(self, body, precision) -> None:
        if self.left == 0:
            self._server.kill()
        self.left -= 1
        self._writer.write(body, precision)

    def close(self) -> None:
        self._writer.close()


@pytest.mark.parametrize("after", [1, 3, 9])
def test_a_batch_torn_by_a_power_cut_comes_again_and_is_stored_once(influxd, after):
    """The server dies between two requests of one batch: what it had is overwritten by itself."""
    historian = make(influxd, lines_per_request=100)
    whole = batch(1, [1] * 1000, now_ms() + np.arange(1000), np.arange(1000.0))
    kind, writer = historian._server()
    historian._found = kind, PowerCut(writer, influxd, after)
    with pytest.raises(HistorianDown, match="does not answer"):
        historian.append(whole)
    influxd.start()
    assert count(influxd) == after * 100
    assert historian.append(whole).written == 1000
    historian.close()
    assert influxql(influxd, "SELECT count(value), sum(value) FROM reading")[0][1:] == [1000, 499_500]


def test_a_database_dropped_meanwhile_is_made_again(influxd, historian):
    start = now_ms()
    historian.append(second(1, start))
    influxql(influxd, "DROP DATABASE campus")
    with pytest.raises(HistorianDown, match="has no database campus"):
        historian.append(second(2, start))
    assert historian.append(second(2, start)).written == 20


def test_a_wrong_password_is_said_and_is_nowhere_shown(start_influxd, caplog):
    server = start_influxd(auth=True)
    wrong = make(server, username=server.username, password="wrong guess")
    with pytest.raises(HistorianDown, match="does not accept the user") as said:
        wrong.append(second(1, now_ms()))
    assert "wrong guess" not in str(said.value) + caplog.text + repr(wrong._http)
    wrong.close()
    right = make(server, username=server.username, password=server.password, database="building one")
    assert right.append(second(1, now_ms())).written == 20
    assert right.query(3, now_ms() - HOUR_MS, now_ms() + HOUR_MS, 10).last.tolist() == [1.0]
    right.close()


def test_compressed_requests_are_understood(influxd):
    historian = make(influxd, gzip=True)
    historian.append(second(1, now_ms()))
    historian.close()
    assert count(influxd) == 20


@pytest.mark.parametrize("url", ["http://user:secret@localhost:8086", "localhost:8086", "http://h/?token=1", "ftp://h"])
def test_an_address_with_a_secret_or_without_a_scheme_is_refused(url):
    with pytest.raises(ValidationError) as refused:
        InfluxSettings(url=url)
    assert refused.value.error_count() == 1


def test_a_token_and_a_password_together_are_refused():
    with pytest.raises(ValidationError, match="not both"):
        InfluxSettings(url="http://localhost:8086", token="t", username="u")


def ramp(start: int) -> JournalBatch:
    """A minute of one point each second: 0, 1, 2 ... with the seconds 20 to 29 mute."""
    quality = np.zeros(60, np.uint8)
    quality[20:30] = Quality.MUTE
    values = np.where(quality, np.nan, np.arange(60.0))
    return batch(1, [50] * 60, start + np.arange(60) * 1000, values, quality)


@pytest.mark.parametrize("kind", ["historian", "victoria"])
def test_a_range_reads_back_in_buckets(kind, request):
    historian: InfluxHistorian = request.getfixturevalue(kind)
    start = now_ms() - 100_777
    historian.append(ramp(start))
    if kind == "victoria":
        httpx.get(f"{historian._settings.url}/internal/force_flush")
    found = historian.query(50, start, start + 60_000, 6)
    assert found.times_ms.tolist() == [start + i * 10_000 for i in range(6)]
    good = [0, 1, 3, 4, 5]
    assert found.minimum[good].tolist() == [i * 10 for i in good]
    assert found.maximum[good].tolist() == found.last[good].tolist() == [i * 10 + 9 for i in good]
    assert found.mean[good].tolist() == [i * 10 + 4.5 for i in good]
    assert np.isnan([found.minimum[2], found.maximum[2], found.mean[2], found.last[2]]).all()
    assert found.bad.tolist() == [0, 0, 10, 0, 0, 0]
    assert len(historian.query(1, start, start + 60_000, 6)) == 0


def test_a_question_the_server_refuses_is_told_from_an_outage(influxd, historian):
    historian.append(second(1, now_ms()))
    with pytest.raises(QueryRefused, match="refuses the query"):
        historian.query(1, 0, 10**30, 1)
    influxd.stop()
    with pytest.raises(HistorianDown):
        historian.query(1, 0, 1000, 1)


def test_victoria_metrics_takes_the_same_bytes_and_survives_a_restart(victoria_metrics, victoria):
    start = now_ms() - 60_000
    for number in range(3):
        victoria.append(second(number, start))
    victoria_metrics.stop()
    with pytest.raises(HistorianDown):
        victoria.append(second(3, start))
    victoria_metrics.start()
    for number in (2, 3):  # 2 comes again: its acknowledgement is taken to be lost
        victoria.append(second(number, start))
    samples = exported(victoria_metrics, 'reading_value{device="meter-7",zone="building-a"}')
    assert samples == [(start + n * 1000, float(n)) for n in range(4)]


def test_events_and_alarms_are_stored_each_once(influxd, historian):
    at = now_ms()
    rows = [EventRow(id=n, at_ms=at, kind="access.denied", door="door-a101", zone="building-a", reason="expired")
            for n in range(40, 45)]
    alarm = AlarmRow(id=9, at_ms=at, alarm=3, rule="door-held", subject="door-a101", priority=2, state="active",
                     what="raised")
    later = dataclasses.replace(alarm, state="acknowledged")
    for alarm_row in (alarm, later):
        assert historian.append_events([*rows, alarm_row]).written == 6
    assert influxql(influxd, "SELECT count(id) FROM event WHERE kind = 'access.denied' AND door = 'door-a101'") == [
        [0, 5]]
    assert influxql(influxd, "SELECT alarm, priority, state FROM alarm") == [[at, 3, "2", "acknowledged"]]
