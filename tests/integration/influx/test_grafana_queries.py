"""Every query of every dashboard, run against a real InfluxDB that our historian fed: each shows something."""

import itertools
import re
import time
from collections.abc import Iterator

import httpx
import numpy as np
import pytest

from contract import kinds
from contract.quality import Quality
from dashboards.grafana.panels import Look
from dashboards.grafana.provision import boards
from hub.historians.base import AlarmRow, EventRow, JournalBatch, PointMeta
from hub.historians.influx import InfluxHistorian
from hub.historians.influx_http import InfluxSettings

DATABASE = "grafana"
STEP_MS = 600_000
HOURS = 48
POINTS = {
    "meter": ("power_kw", "demand_kw", "energy_kwh", "power_factor", "voltage_l1", "voltage_l2"),
    "ahu": ("power_kw", "room_temp", "setpoint", "co2"),
    "lights": ("power_kw",),
}
METAS = {number: PointMeta(f"{kind}-{zone[-1]}", point, "kW", zone, f"{zone}/1f", "modbus")
         for number, (zone, (kind, point)) in enumerate(itertools.product(
             ("building-a", "building-b"), [(kind, point) for kind, points in POINTS.items() for point in points]), 1)}
EVENTS = {
    kinds.ACCESS_GRANTED: "granted", kinds.ACCESS_DENIED: "expired", kinds.DOOR_OPENED: "grant", kinds.DOOR_FORCED: "",
    kinds.DOOR_HELD: "", kinds.READER_TAMPER: "", kinds.CAMERA_LOST: "", kinds.CAMERA_COVERED: "",
    kinds.DEVICE_LOST: "mute", kinds.DEVICE_BACK: "",
}


def readings(end_ms: int) -> JournalBatch:
    """Two days of every point each ten minutes; the counter gains 2 a step; one reading in a hundred is mute."""
    steps = HOURS * 3_600_000 // STEP_MS
    points = np.tile(np.array(list(METAS), np.uint32), steps)
    step = np.repeat(np.arange(steps), len(METAS))
    quality = np.where(np.arange(len(points)) % 100 == 99, Quality.MUTE, 0).astype(np.uint8)
    return JournalBatch(1, 1, points, end_ms - (steps - 1 - step) * STEP_MS, step * 2.0, quality)


def events(end_ms: int) -> list[EventRow | AlarmRow]:
    rows: list[EventRow | AlarmRow] = [
        EventRow(id=n, at_ms=end_ms - n * 60_000, kind=kind, gateway="gw-main", device="reader-a101", door="door-a101",
                 zone="building-a", reason=reason, value=1.0)
        for n, (kind, reason) in enumerate(EVENTS.items(), 1)]
    rows += [AlarmRow(id=n, at_ms=end_ms - n * 60_000, alarm=n, rule="door-held", subject="door-a101", priority=1,
                      state="active", what="raised", place="building-a/1f", zone="building-a") for n in range(1, 4)]
    return rows


@pytest.fixture(scope="module")
def fed(shared_influxd) -> Iterator[tuple[str, int]]:
    """Return the address of the fed InfluxDB and the time of the newest reading."""
    end_ms = time.time_ns() // 1_000_000
    historian = InfluxHistorian(InfluxSettings(url=shared_influxd.url, database=DATABASE), METAS.__getitem__)
    assert historian.append(readings(end_ms)).refused == 0
    assert historian.append_events(events(end_ms)).refused == 0
    historian.close()
    yield shared_influxd.url, end_ms
    httpx.post(f"{shared_influxd.url}/query", data={"q": f"DROP DATABASE {DATABASE}"})


def ask(url: str, query: str) -> list[list]:
    answer = httpx.post(f"{url}/query", params={"db": DATABASE, "epoch": "ms"}, data={"q": query})
    result = answer.raise_for_status().json()["results"][0]
    assert "error" not in result, f"{query}: {result}"
    return [row for series in result.get("series", []) for row in series["values"]]


def choices(url: str, board: dict) -> dict[str, list[str]]:
    """What Grafana would offer under each variable."""
    return {variable["name"]: [row[1] for row in ask(url, variable["query"])]
            for variable in board["templating"]["list"]}


def filled_in(query: str, end_ms: int, chosen: dict[str, list[str]]) -> str:
    """Fill in what Grafana fills in: the range, the interval, and several chosen values as one expression."""
    query = query.replace("$timeFilter", f"time >= {end_ms - HOURS * 3_600_000}ms and time <= {end_ms}ms")
    query = query.replace("$__interval", "10m")
    for name, values in chosen.items():
        query = query.replace(f"${name}", "(" + "|".join(map(re.escape, values)) + ")")
    return query


BOARDS = boards(Look())
PANELS = [pytest.param(uid, panel, id=f"{uid}-{panel['id']}") for uid, board in BOARDS.items()
          for panel in board["panels"]]


@pytest.mark.parametrize(("uid", "panel"), PANELS)
def test_a_panel_shows_what_was_stored(uid, panel, fed):
    url, end_ms = fed
    [target] = panel["targets"]
    query = filled_in(target["query"], end_ms, choices(url, BOARDS[uid]))
    assert "$" not in re.sub(r"\$/", "/", query), "a variable nobody fills in"
    rows = ask(url, query)
    assert any(value not in (None, 0) for row in rows for value in row[1:]), f"nothing to see: {query}"


@pytest.mark.parametrize("uid", BOARDS)
def test_every_variable_offers_something_and_is_used(uid, fed):
    url, _ = fed
    queries = " ".join(panel["targets"][0]["query"] for panel in BOARDS[uid]["panels"])
    for name, values in choices(url, BOARDS[uid]).items():
        assert values, name
        assert f"/^${name}$/" in queries


def panel_named(uid: str, title: str) -> str:
    board = boards(Look(chinese=False))[uid]
    [query] = [panel["targets"][0]["query"] for panel in board["panels"] if panel["title"] == title]
    return query


def test_a_choice_of_one_zone_shows_that_zone_only(fed):
    url, end_ms = fed
    query = panel_named("campushub-campus", "Room temperature").replace("device fill", "zone fill")
    answer = httpx.post(f"{url}/query", params={"db": DATABASE},
                        data={"q": filled_in(query, end_ms, {"zone": ["building-b"]})})
    assert [series["tags"] for series in answer.json()["results"][0]["series"]] == [{"zone": "building-b"}]


def test_the_energy_of_a_day_is_what_its_meter_gained(fed):
    """A counter that gains 2 kWh each ten minutes gains 12 in an hour and 288 in a whole day."""
    url, end_ms = fed
    for title, whole in (("Energy each hour", 12), ("Energy each day", 288)):
        query = filled_in(panel_named("campushub-energy", title), end_ms, {"meter": ["meter-a"]})
        gained = [row[1] for row in ask(url, query)]
        assert whole in gained
        assert max(gained) <= whole + 2  # a mute reading at a bucket's end moves one step to the next


def test_a_day_begins_at_the_campus_midnight(fed):
    url, end_ms = fed
    query = filled_in(panel_named("campushub-energy", "Energy each day"), end_ms, {"meter": ["meter-a"]})
    assert {row[0] // 1000 % 86_400 for row in ask(url, query)} == {16 * 3600}  # 16:00 UTC


def test_texts_are_in_the_language_asked_for():
    chinese, english = BOARDS["campushub-energy"], boards(Look(chinese=False))["campushub-energy"]
    assert (chinese["title"], english["title"]) == ("用电", "Energy")
    assert [p["targets"] for p in chinese["panels"]] == [p["targets"] for p in english["panels"]]
    for board in boards(Look(chinese=False)).values():
        for panel in board["panels"]:
            assert panel["title"].isascii()
