"""Each screen does its work, and none shows a raw key, a missing value or the other language."""

import json
import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e import fake_campus
from tests.e2e.conftest import Desk
from tests.e2e.fake_hub import FakeHub

LANGUAGES = Path(__file__).parents[2] / "dashboards" / "console" / "src" / "i18n"
SCREENS = [
    "overview",
    "alarms?open=alarm:41",
    "gate",
    "doors?open=door:door-lab-3",
    "cameras?open=camera:cam-lab",
    "energy",
    "devices?open=device:meter-a",
    "gateways?open=gateway:gw-sports",
    "rules?open=rule:energy-demand-limit",
    "people?open=person:p00000",
    "events",
    "users",
    "audit",
    "health",
]
NEVER_SHOWN = re.compile(r"undefined|NaN|\bnull\b|1970|Invalid|\[object")


def keys() -> set[str]:
    words = json.loads((LANGUAGES / "en.json").read_text())
    return {f"{group}.{key}" for group, entries in words.items() for key in entries}


def check_words(page: Page, screen: str, *, chinese: bool) -> None:
    text = page.inner_text("body")
    assert not NEVER_SHOWN.search(text), (screen, NEVER_SHOWN.search(text))
    assert not keys() & set(re.findall(r"[a-z_]+\.[a-zA-Z_]+", text)), screen
    assert bool(re.search(r"[\u4e00-\u9fff]", page.inner_text("nav"))) == chinese, screen


def test_every_screen_speaks_both_languages(desk: Desk) -> None:
    page = desk.at("admin", "/overview")
    for index, screen in enumerate(SCREENS):
        page.goto(f"{desk.address}/{screen}")
        expect(page.get_by_test_id("glance")).to_be_visible()
        if "open=" in screen:
            expect(page.locator(".card h2")).to_be_visible()
        expect(page.locator(".state .ant-spin"), screen).to_have_count(0)
        chinese = index % 2 == 1
        check_words(page, screen, chinese=chinese)
        page.get_by_test_id("language").click()
        expect(page.locator("html")).to_have_attribute("lang", "en" if chinese else "zh-CN")
        check_words(page, screen, chinese=not chinese)
    assert desk.problems == []


def test_live_values_follow(desk: Desk, hub: FakeHub) -> None:
    page = desk.at("installer", "/devices?open=device:meter-a")
    point = hub.campus.points["meter-a"][0]
    cell = page.locator(f"[data-point='{point.id}']")
    expect(cell).to_have_text(re.compile(r"\d+\.\d\d kW"))
    point.value = 501.5
    expect(cell).to_have_text(re.compile(r"50\d\.\d kW"))


def test_a_lost_devices_values_are_grey_with_their_age(desk: Desk, hub: FakeHub) -> None:
    page = desk.at("installer", "/devices?open=device:reader-dorm-1")
    point = hub.campus.points["reader-dorm-1"][0]
    row = page.locator("tr", has=page.locator(f"[data-point='{point.id}']"))
    expect(row.locator(".live")).to_have_class(re.compile("stale"))
    expect(row).to_contain_text("12 min old")
    expect(row).to_contain_text("reachable but mute")


def test_a_denied_passage_says_why_and_what_next(desk: Desk, hub: FakeHub) -> None:
    page = desk.at("gate", "/gate")
    newest = page.get_by_test_id("newest-passage")
    expect(newest).to_contain_text("Allowed")
    hub.push("passage", fake_campus.passage(hub.campus, 6, at_ms=hub.campus.now_ms(), denied=True))
    expect(newest).to_contain_text("Denied")
    expect(newest).to_contain_text("outside the permitted hours")
    expect(newest).to_contain_text("call the class teacher")


def test_letting_in_once_needs_a_reason_and_is_confirmed(desk: Desk, hub: FakeHub) -> None:
    page = desk.at("gate", "/gate")
    page.get_by_test_id("door-open").click()
    expect(page.get_by_test_id("reason-submit")).to_be_disabled()
    page.get_by_role("button", name="Forgot the card").click()
    page.get_by_test_id("reason-submit").click()
    expect(page.get_by_test_id("command")).to_have_attribute("data-status", "done")
    assert [path for _, path in hub.calls if path.endswith("/act")] == ["/api/doors/lane-2/act"]


def test_security_locks_a_door(desk: Desk, hub: FakeHub) -> None:
    page = desk.at("guard", "/doors?open=door:door-a101")
    page.get_by_test_id("door-lock").click()
    page.get_by_role("combobox", name="Reason").fill("Incident drill")
    page.get_by_test_id("reason-submit").click()
    expect(page.get_by_test_id("door-card")).to_have_attribute("data-mode", "locked")
    assert hub.campus.doors["door-a101"].mode == "locked"


def test_approving_a_found_device(desk: Desk, hub: FakeHub) -> None:
    page = desk.at("installer", "/devices")
    row = page.locator("[data-device='meter-new-17']")
    expect(page.get_by_test_id("device-row").first).to_have_attribute("data-state", "pending")
    row.get_by_test_id("approve").click()
    expect(row).to_have_attribute("data-state", "live")
    assert hub.campus.devices["meter-new-17"].state == "live"


def test_blocking_a_device_needs_a_second_of_holding(desk: Desk, hub: FakeHub) -> None:
    page = desk.at("installer", "/devices")
    row = page.locator("[data-device='sign-new-b203']")
    row.get_by_test_id("block").click()
    assert hub.campus.devices["sign-new-b203"].state == "pending"
    row.get_by_test_id("block").click(delay=1200)
    expect(row).to_have_attribute("data-state", "blocked")


def test_approving_a_gateway_by_its_code(desk: Desk, hub: FakeHub) -> None:
    page = desk.at("installer", "/gateways")
    row = page.locator("[data-gateway='gw-sports']")
    expect(row).to_contain_text("481 902")
    row.get_by_test_id("approve").click()
    expect(row).to_have_attribute("data-state", "approved")
    page.get_by_test_id("new-token").click()
    expect(page.get_by_test_id("token")).to_contain_text("K7QM")
    assert hub.campus.gateways["gw-sports"].state == "approved"


def edit_limit(page: Page, value: str) -> None:
    page.get_by_test_id("limit-condition.above").locator("input").or_(
        page.locator("input[data-testid='limit-condition.above']")
    ).first.fill(value)


def test_trying_a_rule_follows_what_is_typed(desk: Desk) -> None:
    page = desk.at("facilities", "/rules?open=rule:energy-demand-limit")
    page.get_by_test_id("trial").click()
    expect(page.get_by_test_id("trial-result")).to_have_attribute("data-fired", "5")
    edit_limit(page, "400")
    expect(page.get_by_test_id("trial-result")).to_have_attribute("data-fired", "3")
    edit_limit(page, "9999")
    expect(page.get_by_test_id("rule-card")).to_contain_text("must be at most 800")
    expect(page.get_by_test_id("rule-save")).to_be_disabled()


def test_a_conflicting_rule_edit_names_who_was_first(desk: Desk, hub: FakeHub) -> None:
    page = desk.at("facilities", "/rules?open=rule:energy-demand-limit")
    edit_limit(page, "400")
    rules = hub.campus.rules
    rules["energy-demand-limit"] = rules["energy-demand-limit"].model_copy(update={"version": 4})
    page.get_by_test_id("rule-save").click()
    page.get_by_role("button", name="Season").click()
    page.get_by_test_id("reason-submit").click()
    expect(page.get_by_test_id("rule-conflict")).to_contain_text("chen changed this rule to version 4")
    page.get_by_role("button", name="Load the newer one").click()
    expect(page.get_by_test_id("rule-card")).to_have_attribute("data-version", "4")


def test_many_people_cost_few_rows_and_are_found(desk: Desk) -> None:
    page = desk.at("admin", "/people")
    expect(page.get_by_test_id("people-total")).to_have_text("2,400 people")
    assert page.get_by_test_id("person-row").count() < 80
    page.get_by_test_id("people-search").fill("p00042")
    expect(page.get_by_test_id("person-row")).to_have_count(1)


def test_blocking_a_lost_card(desk: Desk) -> None:
    page = desk.at("guard", "/people?open=person:p00001")
    page.get_by_test_id("block-card").click()
    page.get_by_role("button", name="Lost", exact=True).click()
    page.get_by_test_id("reason-submit").click()
    expect(page.get_by_test_id("card")).to_have_attribute("data-blocked", "true")


def test_writing_a_setpoint(desk: Desk, hub: FakeHub) -> None:
    page = desk.at("facilities", "/devices?open=device:ahu-library")
    page.get_by_test_id("write-setpoint").click()
    page.locator(".ant-input-number input").first.fill("21.5")
    page.get_by_role("button", name="Comfort").click()
    expect(page.get_by_test_id("reason-submit")).to_have_text("Set to 21.50 °C")
    page.get_by_test_id("reason-submit").click()
    expect(page.get_by_test_id("command")).to_have_attribute("data-status", "done")
    assert ("POST", "/api/devices/ahu-library/write") in hub.calls


def test_a_still_on_demand(desk: Desk) -> None:
    page = desk.at("guard", "/cameras?open=camera:cam-gate")
    page.get_by_test_id("take-still").click()
    expect(page.get_by_test_id("command")).to_have_attribute("data-status", "done")
    expect(page.locator(".still img")).to_have_attribute("src", "/api/evidence/8")


def test_empty_lists_say_what_would_be_here(desk: Desk, hub: FakeHub) -> None:
    hub.campus.alarms.clear()
    page = desk.at("guard", "/alarms")
    expect(page.get_by_text("No open alarms. New ones appear here at once.")).to_be_visible()
