"""The frame and the alarms: signing in, live, acknowledge, shelve, cut off, one connection."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from contract.messages import Text
from tests.e2e import fake_campus
from tests.e2e.conftest import Desk
from tests.e2e.fake_hub import FakeHub, serve

OPENAPI = json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text())


def test_fake_hub_speaks_the_hubs_api(hub: FakeHub) -> None:
    for path, methods in hub.app.openapi()["paths"].items():
        assert path in OPENAPI["paths"], path
        assert set(methods) <= set(OPENAPI["paths"][path]), path


def test_signing_in(desk: Desk) -> None:
    page = desk.page("/alarms")
    page.get_by_test_id("username").fill("guard")
    page.get_by_test_id("password").fill("wrong")
    page.get_by_test_id("sign-in").click()
    expect(page.get_by_role("alert")).to_have_text("Unknown name or wrong password.")
    page.get_by_test_id("password").fill("correct-horse")
    page.get_by_test_id("sign-in").click()
    expect(page.get_by_test_id("alarm-row")).to_have_count(6)


def test_a_new_alarm_shows_at_once_and_first(desk: Desk, hub: FakeHub) -> None:
    page = desk.at("guard", "/alarms")
    expect(page.get_by_test_id("count-p1")).to_have_text(re.compile("P1 *1$"))
    hub.change_alarm(fake_campus.alarm(77, priority=1, state="active", at_ms=hub.campus.now_ms()))
    expect(page.get_by_test_id("alarm-row").first).to_have_attribute("data-alarm", "77")
    expect(page.get_by_test_id("count-p1")).to_have_text(re.compile("P1 *2$"))


def test_acknowledging_with_a_note(desk: Desk, hub: FakeHub) -> None:
    page = desk.at("guard", "/alarms")
    page.locator("[data-alarm='41'] .what").click()
    card = page.get_by_test_id("alarm-card")
    expect(card).to_contain_text("Look at the camera.")
    expect(card).to_contain_text("no grant and no REX")
    page.get_by_test_id("alarm-note").fill("Nobody there")
    page.get_by_test_id("acknowledge").click()
    expect(card).to_have_attribute("data-state", "acknowledged")
    expect(card).to_contain_text("Nobody there")
    assert ("POST", "/api/alarms/41/acknowledge") in hub.calls


def test_by_keyboard(desk: Desk, hub: FakeHub) -> None:
    page = desk.at("guard", "/alarms")
    expect(page.get_by_test_id("alarm-row")).to_have_count(6)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(page.locator("[data-testid=alarm-row][data-alarm='39']")).to_have_attribute("data-state", "acknowledged")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("alarm-card")).to_have_attribute("data-alarm", "39")
    assert hub.campus.alarms[41].state == "active"


def test_shelving_asks_for_minutes_and_a_reason(desk: Desk, hub: FakeHub) -> None:
    page = desk.at("guard", "/alarms?open=alarm:39/shelve")
    expect(page.get_by_test_id("reason-submit")).to_be_disabled()
    page.get_by_role("button", name="False alarm").click()
    page.get_by_test_id("reason-submit").click()
    expect(page.get_by_test_id("alarm-card")).to_contain_text("shelved")
    assert hub.campus.alarms[39].timeline[-1].note == "False alarm"


def test_what_can_never_be_shelved_says_so(desk: Desk) -> None:
    page = desk.at("guard", "/alarms?open=alarm:41")
    expect(page.get_by_test_id("shelve")).to_be_disabled()


def test_two_tabs_share_one_connection(desk: Desk, hub: FakeHub) -> None:
    first = desk.at("guard", "/alarms")
    second = desk.at("guard", "/overview")
    hub.change_alarm(fake_campus.alarm(78, priority=2, state="active", at_ms=hub.campus.now_ms()))
    expect(first.locator("[data-testid=alarm-row][data-alarm='78']")).to_be_visible()
    expect(second.locator("[data-testid=newest-alarm][data-alarm='78']")).to_be_visible()
    assert len(hub.streams) == 1


def test_without_shared_workers_tabs_follow_a_leader(desk: Desk, hub: FakeHub) -> None:
    desk.context.add_init_script("delete globalThis.SharedWorker")
    first = desk.at("guard", "/alarms")
    second = desk.at("guard", "/alarms")
    assert len(hub.streams) == 1
    first.close()
    hub.change_alarm(fake_campus.alarm(79, priority=2, state="active", at_ms=hub.campus.now_ms()))
    expect(second.locator("[data-testid=alarm-row][data-alarm='79']")).to_be_visible()


def test_cut_off_shows_and_nothing_can_be_done(browser: Browser, hub: FakeHub) -> None:
    with serve(hub) as address:
        desk = Desk(browser.new_context(locale="en-US"), address)
        page = desk.at("guard", "/alarms?open=alarm:41")
        expect(page.get_by_test_id("acknowledge")).to_be_enabled()
    expect(page.get_by_test_id("cut-bar")).to_contain_text("The hub is cut off", timeout=15_000)
    expect(page.get_by_test_id("acknowledge")).to_be_disabled()
    assert page.get_by_test_id("glance").evaluate("e => getComputedStyle(e).filter") == "grayscale(1)"
    with serve(hub, port=int(address.rpartition(":")[2])):
        expect(page.get_by_test_id("cut-bar")).to_be_hidden(timeout=15_000)
        expect(page.get_by_test_id("acknowledge")).to_be_enabled()
    desk.context.close()


def test_times_are_the_sites_not_the_browsers(desk: Desk, hub: FakeHub) -> None:
    alarm = hub.campus.alarms[41]
    alarm.why[0] = Text(en=f"Contact opened at {{{alarm.raised_ms}}}.", zh=f"{{{alarm.raised_ms}}}门磁断开。")
    page = desk.at("admin", "/alarms?open=alarm:41")
    expect(page.get_by_test_id("alarm-card")).to_contain_text("Contact opened at 14:02:10.")
    page.goto(f"{desk.address}/events")
    expect(page.locator(".ant-table-row time").first).to_have_text(re.compile(r"^14:0\d:\d\d$"))


@pytest.mark.parametrize(
    ("user", "first"),
    [
        ("guard", "overview"),
        ("gate", "gate"),
        ("facilities", "energy"),
        ("installer", "devices"),
        ("admin", "overview"),
    ],
)
def test_a_role_sees_its_own_first(desk: Desk, user: str, first: str) -> None:
    page = desk.at(user, "/")
    expect(page).to_have_url(f"{desk.address}/{first}")
    expect(page.locator("nav a").first).to_have_attribute("data-testid", f"menu-{first}")


def test_search_opens_what_was_found(desk: Desk) -> None:
    page = desk.at("guard", "/alarms")
    page.keyboard.press("/")
    page.keyboard.type("chemistry")
    expect(page.locator(".ant-select-item-option").first).to_contain_text("Chemistry laboratory 3")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("door-card")).to_have_attribute("data-door", "door-lab-3")


def language_of(page: Page) -> str:
    return str(page.evaluate("document.documentElement.lang"))


def test_language_and_theme_are_kept(desk: Desk) -> None:
    page = desk.at("guard", "/alarms")
    page.get_by_test_id("language").click()
    expect(page.get_by_test_id("menu-alarms")).to_have_text("告警")
    page.get_by_test_id("theme").click()
    page.reload()
    expect(page.get_by_test_id("menu-alarms")).to_have_text("告警")
    assert language_of(page) == "zh-CN"
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
