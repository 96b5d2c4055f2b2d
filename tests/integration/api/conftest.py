"""The API over a real store and committer; what stands behind it answers from a few canned things."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy import insert

from contract.configuration import parse
from contract.messages import DoorBirth, Text
from hub import audit, auth, people
from hub.api import shapes
from hub.api.app import create_app
from hub.api.core import ApiSettings, LiveMessage, not_found
from hub.commit import Committer
from hub.site import Site
from hub.store import Store
from hub.tables import doors, sessions, users

CONFIG = Path(__file__).parents[3] / "config"
NOW_MS = 1_796_000_000_000
CARD_KEY = b"k" * 32
PASSWORD = "correct horse battery"
T = Text("x", "某")


class Stream:
    """Plays what it is given, then waits until it is closed."""

    id = "stream-1"

    def __init__(self, messages: Iterable[LiveMessage]) -> None:
        self.messages = list(messages)
        self.points: list[int] = []
        self.closed = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[LiveMessage]:
        for message in self.messages:
            yield message
        await self.closed.wait()

    def set_points(self, points: Iterable[int]) -> None:
        self.points = list(points)

    def close(self) -> None:
        self.closed.set()


class Live:
    def __init__(self) -> None:
        self.messages: list[LiveMessage] = []
        self.open: Stream | None = None
        self.user = ""

    def subscribe(self, *, user: str, last_id: str = "") -> Stream:
        self.user, self.open = user, Stream(self.messages)
        return self.open

    def stream(self, identity: str, *, user: str) -> Stream | None:
        return self.open if self.open and identity == self.open.id and user == self.user else None


class Alarms:
    def __init__(self, core: "SmallCore") -> None:
        self._core = core
        self.asked: list[tuple[Any, ...]] = []

    def get(self, alarm: int) -> shapes.Alarm:
        if alarm != 1:
            raise not_found(Text("alarm", "告警"), alarm)
        return shapes.Alarm(
            id=1, rule="access/door-forced", rule_title=T, subject="door-a101", priority=1, state="active",
            raised_ms=1, changed_ms=1, title=Text("Door forced", "强行开门"), place="building-a/1f/a101",
            place_name=T, why=[], todo=[])

    def list(self, *, open_only: bool, limit: int) -> Any:
        return [self.get(1)]

    async def _act(self, alarm: int, *what: Any) -> shapes.Alarm:
        self.asked.append(what)
        await self._core.commit.change(lambda connection: audit.write(
            connection, at_ms=NOW_MS, actor="x", action=f"alarm.{what[0]}", subject=str(alarm)))
        return self.get(alarm)

    async def acknowledge(self, alarm: int, *, by: str, note: str) -> shapes.Alarm:
        return await self._act(alarm, "acknowledge", by, note)

    async def shelve(self, alarm: int, *, until_ms: int, by: str, reason: str) -> shapes.Alarm:
        return await self._act(alarm, "shelve", by, until_ms, reason)

    async def unshelve(self, alarm: int, *, by: str) -> shapes.Alarm:
        return await self._act(alarm, "unshelve", by)

    async def comment(self, alarm: int, *, by: str, note: str) -> shapes.Alarm:
        return await self._act(alarm, "comment", by, note)


class Rules:
    def get(self, rule: str) -> shapes.Rule:
        if rule not in ("energy/demand", "access/door-forced"):
            raise not_found(Text("rule", "规则"), rule)
        return shapes.Rule(id=rule, engine="energy" if rule.startswith("energy") else "access", title=T, sentence=T,
                           priority=2, enabled=True, version=1, changed_by="", changed_ms=0, limits=[], calendar="",
                           active=0, fired_24h=0)

    def list(self) -> Any:
        return [self.get("energy/demand")]

    async def save(self, rule: str, edit: shapes.RuleEdit, *, by: str) -> shapes.Rule:
        return self.get(rule)

    def versions(self, rule: str) -> Any:
        return [shapes.RuleVersion(version=1, changed_by="hub", changed_ms=1, reason="", body="")]

    def trial(self, rule: str, request: shapes.TrialRequest) -> shapes.Trial:
        return shapes.Trial(from_ms=0, to_ms=1, readings=0, events=0, fired=[])


class SmallCore:
    """hub.api.core.Core with one of everything."""

    def __init__(self, store: Store, commit: Committer, console: Path) -> None:
        self.store = store
        self.commit = commit
        site = parse((CONFIG / "site.yaml").read_text(), "site.yaml", Site)
        rights = people.read_rights((CONFIG / "people.yaml").read_text(), "people.yaml")
        self.settings = ApiSettings(site=site, people=rights, card_key=CARD_KEY, console=console)
        self.alarms = Alarms(self)
        self.rules = Rules()
        self.live = Live()
        self.commands: list[dict[str, Any]] = []
        self.published = 0

    def now_ms(self) -> int:
        return NOW_MS

    def status(self) -> shapes.Status:
        return shapes.Status(
            now_ms=NOW_MS, site=T, zone="Asia/Shanghai", speed=1, alarms={}, unacknowledged=0, doors_open=0,
            gateways_online=0, gateways=0, devices_lost=0, pending=0, readings_per_s=0, readings=0, events=0, lost=0,
            doubled=0, repeated=0, quarantined=0, historians=[])

    def totals(self) -> shapes.Totals:
        return shapes.Totals(decisions=0, alarms_raised=0, alarms_cleared=0)

    def doors(self) -> list[shapes.Door]:
        return [shapes.Door(
            id="door-a101", name=Text("Room A101", "A101教室"), place="", zone="", gateway="", lane=False, camera="",
            mode="normal", open=None, online=True, since_ms=0)]

    def cameras(self) -> list[shapes.Camera]:
        return [shapes.Camera(
            id="cam-a", name=T, place="", zone="", state="ok", motion=False, still=None, still_ms=None)]

    def devices(self) -> list[shapes.Device]:
        return [self.device("ahu-a1")]

    def device(self, device: str) -> shapes.DeviceDetail:
        if device != "ahu-a1":
            raise not_found(Text("device", "设备"), device)
        return shapes.DeviceDetail(
            id=device, gateway="gw-main", family="modbus", name=Text("Air handler A1", "A1空调机"), place="", zone="",
            model="", identity="", address="", state="live", online=True, seen_ms=None, points=2, events=[], values=[
                shapes.PointValue(id=1, name="setpoint", label=T, unit="°C", value=22, quality=0, quality_text=T,
                                  at_ms=1, every_ms=1000, writable=True, minimum=16, maximum=28),
                shapes.PointValue(id=2, name="supply", label=T, unit="°C", value=20, quality=0, quality_text=T,
                                  at_ms=1, every_ms=1000, writable=False, minimum=None, maximum=None)])

    def gateways(self) -> list[shapes.Gateway]:
        return [shapes.Gateway(
            id="gw-main", name=Text("Main gateway", "主网关"), state="approved", online=True, since_ms=None,
            software="", devices=1, skew_ms=None, policy_version=1, wanted_policy_version=1, code="123456", lost=0,
            doubled=0, repeated=0)]

    async def decide_device(self, device: str, *, approve: bool, by: str, reason: str) -> shapes.Device:
        return self.device(device)

    async def decide_gateway(self, gateway: str, *, approve: bool, by: str, reason: str) -> shapes.Gateway:
        return self.gateways()[0]

    async def new_token(self, *, by: str) -> shapes.EnrolToken:
        return shapes.EnrolToken(token="once", expires_ms=NOW_MS)

    async def send_command(self, **command: Any) -> shapes.CommandStatus:
        self.commands.append(command)
        return self.command("c1")

    def command(self, command: str) -> shapes.CommandStatus:
        return shapes.CommandStatus(id=command, action="door_open", target="door-a101", requester="x", at_ms=1,
                                    status="sent")

    def history(self, point: int, *, from_ms: int, to_ms: int, buckets: int) -> shapes.History:
        return shapes.History(point=point, device="", name="", label=T, unit="", start_ms=[], minimum=[], maximum=[],
                              mean=[], last=[], bad=[])

    def energy(self) -> shapes.Energy:
        return shapes.Energy(now_ms=1, demand_kw=None, power_kw=None, limit_kw=None, interval_start_ms=0,
                             interval_s=900, today_kwh=None, yesterday_kwh=None, curve=None, yesterday=None, meters=[])

    async def people_changed(self) -> None:
        self.published += 1


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
async def core(tmp_path: Path, cheap_passwords: None) -> AsyncIterator[SmallCore]:
    store = Store(tmp_path / "hub.db")
    commit = Committer(store, lambda: NOW_MS, interval_s=0.01)
    running = asyncio.create_task(commit.run())
    small = SmallCore(store, commit, tmp_path / "console")
    entries = people.read_people((CONFIG / "people.csv").read_text(), "people.csv", small.settings.people,
                                 small.settings.site.time_zone)
    birth = DoorBirth(id="door-a101", name=Text("Room A101", "A101教室"), zone="building-a", readers=["reader-a101"])
    lane = DoorBirth(id="lane-1", name=Text("Lane 1", "通道1"), zone="gate", readers=["lane-1-card"], lane=True)

    password_hash = auth.hash_password(PASSWORD)

    def fill(connection: Any) -> None:
        connection.execute(insert(users), [
            {"name": role, "shown": role, "password_hash": password_hash, "roles": role}
            for role in auth.ROLES])
        people.store_people(connection, entries, card_key=CARD_KEY, at_ms=NOW_MS)
        people.store_group_grants(connection, small.settings.people, at_ms=NOW_MS)
        connection.execute(insert(doors), [
            {"id": door.id, "gateway": "gw-main", "birth": msgspec.json.encode(door)} for door in (birth, lane)])

    await commit.change(fill)
    yield small
    commit.stop()
    await running
    store.close()


@pytest.fixture
def app(core: SmallCore) -> FastAPI:
    return create_app(core)


class Browser:
    """A signed-in (or not) user of the API."""

    def __init__(self, app: FastAPI, address: str = "127.0.0.1") -> None:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False, client=(address, 5))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://hub")

    async def sign_in(self, username: str, password: str = PASSWORD) -> httpx.Response:
        answer = await self.client.post("/api/sign-in", json={"username": username, "password": password})
        if answer.status_code == 200:
            self.client.headers["X-CSRF"] = answer.json()["csrf"]
        return answer


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[Browser]:
    browser = Browser(app)
    yield browser
    await browser.client.aclose()


@pytest.fixture
async def session_of(core: SmallCore, app: FastAPI) -> AsyncIterator[Any]:
    """Make a browser signed in with a role, without the slow password."""
    browsers: list[Browser] = []

    async def make(role: str) -> Browser:
        cookie = f"cookie-{role}-{len(browsers)}"
        wall_s = int(time.time())
        await core.commit.change(lambda connection: connection.execute(insert(sessions).values(
            id=auth.digest(cookie), user=role, csrf="proof", created_wall_s=wall_s, seen_wall_s=wall_s)) and None)
        browser = Browser(app)
        browser.client.cookies.set("campus_session", cookie)
        browser.client.headers["X-CSRF"] = "proof"
        browsers.append(browser)
        return browser

    yield make
    for browser in browsers:
        await browser.client.aclose()
