"""A hub without a hub: the API's shapes over HTTP and SSE from a `Campus` in memory, serving the built console."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import cv2
import numpy as np
import uvicorn
from fake_campus import PLAN, Campus, energy, history
from fastapi import Cookie, FastAPI, HTTPException, Request, Response
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from pydantic import BaseModel

from contract.messages import Text
from hub.api import shapes

DIST = Path(__file__).parents[2] / "dashboards" / "console" / "dist"
CSRF = "csrf-for-tests"
USERS: dict[str, tuple[str, list[shapes.Role]]] = {
    "guard": ("王师傅", ["security"]),
    "gate": ("杨磊", ["gate"]),
    "facilities": ("陈工", ["facilities"]),
    "installer": ("赵工", ["installer"]),
    "admin": ("管理员", ["admin"]),
}


class FakeHub:
    """The API over a `Campus`. Tests call `push` from their own thread."""

    def __init__(self, campus: Campus) -> None:
        self.campus = campus
        self.loop: asyncio.AbstractEventLoop | None = None
        self.streams: dict[str, asyncio.Queue[tuple[str, str]]] = {}
        self.interest: dict[str, list[int]] = {}
        self.commands: dict[str, shapes.CommandStatus] = {}
        self.calls: list[tuple[str, str]] = []
        self.app = FastAPI(openapi_url="/api/openapi.json", docs_url=None, redoc_url=None)
        self.app.middleware("http")(self._guard)
        for routes in (_account, _overview, _alarms, _doors, _devices, _rules, _people, _records, _stream, _files):
            routes(self)

    async def _guard(self, request: Request, call_next: Any) -> Response:
        path = request.url.path
        open_path = path in {"/api/sign-in", "/api/openapi.json"} or not path.startswith("/api/")
        if request.method != "GET" and not open_path:
            self.calls.append((request.method, path))
            if request.headers.get("x-csrf") != CSRF:
                return problem(403, "csrf", "The page is out of date: load it again.", "页面已过期，请刷新。")
        if not open_path and request.cookies.get("session") not in USERS:
            return problem(401, "signed_out", "Please sign in.", "请先登录。")
        result: Response = await call_next(request)
        return result

    def push(self, event: str, shape: BaseModel) -> None:
        """Say something on every open stream, from any thread."""
        if self.loop:
            self.loop.call_soon_threadsafe(self._say, event, shape.model_dump_json())

    def _say(self, event: str, data: str) -> None:
        for queue in self.streams.values():
            queue.put_nowait((event, data))

    def change_alarm(self, alarm: shapes.Alarm) -> shapes.Alarm:
        self.campus.alarms[alarm.id] = alarm
        self.push("alarm", alarm)
        return alarm

    def command(self, action: str, target: str, *, value: float | None = None, evidence: int | None = None) -> shapes.CommandStatus:
        """Answer "sent" and confirm a moment later on the stream, as a gateway does."""
        status = shapes.CommandStatus(
            id=f"c{self.campus.new_id()}", action=action, target=target, requester="me", at_ms=self.campus.now_ms(),
            status="sent", value=value, evidence=evidence,
        )
        self.commands[status.id] = status
        done = status.model_copy(update={"status": "done"})
        asyncio.get_running_loop().call_later(0.4, self._finish, done)
        return status

    def _finish(self, done: shapes.CommandStatus) -> None:
        self.commands[done.id] = done
        self._say("command", done.model_dump_json())


def problem(status: int, code: str, en: str, zh: str) -> JSONResponse:
    return JSONResponse(shapes.Problem(code=code, message=Text(en=en, zh=zh)).model_dump(mode="json"), status_code=status)


class Refused(HTTPException):
    """An answer in the hub's Problem shape."""

    def __init__(self, status: int, code: str, en: str, zh: str) -> None:
        super().__init__(status, detail=shapes.Problem(code=code, message=Text(en=en, zh=zh)).model_dump(mode="json"))


def _account(hub: FakeHub) -> None:
    app = hub.app

    @app.exception_handler(Refused)
    async def refused(_request: Request, error: Refused) -> JSONResponse:
        return JSONResponse(error.detail, status_code=error.status_code)

    @app.post("/api/sign-in")
    async def sign_in(body: shapes.SignIn, response: Response) -> shapes.Me:
        if body.username not in USERS or body.password != "correct-horse":
            raise Refused(401, "wrong_password", "Unknown name or wrong password.", "用户名或密码错误。")
        response.set_cookie("session", body.username, httponly=True, samesite="strict")
        return me_of(body.username)

    @app.post("/api/sign-out", status_code=204)
    async def sign_out(response: Response) -> None:
        response.delete_cookie("session")

    @app.get("/api/me")
    async def me(session: Annotated[str, Cookie()]) -> shapes.Me:
        return me_of(session)

    @app.put("/api/me/language")
    async def language(body: shapes.LanguageChoice, session: Annotated[str, Cookie()]) -> shapes.Me:
        return me_of(session).model_copy(update={"language": body.language})


def me_of(user: str) -> shapes.Me:
    name, roles = USERS[user]
    return shapes.Me(username=user, name=name, roles=roles, language="en", csrf=CSRF)


def _overview(hub: FakeHub) -> None:
    campus = hub.campus

    @hub.app.get("/api/status")
    async def status() -> shapes.Status:
        return campus.status()

    @hub.app.get("/api/plan")
    async def plan() -> shapes.Plan:
        return PLAN

    @hub.app.get("/api/energy")
    async def energy_now() -> shapes.Energy:
        return energy(campus)

    @hub.app.get("/api/search")
    async def search(q: str) -> list[shapes.Found]:
        doors = [shapes.Found(kind="door", id=d.id, title=d.name, place=d.place) for d in campus.doors.values()]
        devices = [shapes.Found(kind="device", id=d.id, title=d.name, place=d.place) for d in campus.devices.values()]
        people = [shapes.Found(kind="person", id=p.id, title=Text(en=f"{p.name} ({p.name_en})", zh=p.name), place=p.group)
                  for p in list(campus.people.values())[:50]]
        return [f for f in [*doors, *devices, *people] if q.lower() in f"{f.id} {f.title.en} {f.title.zh}".lower()][:20]


def _alarms(hub: FakeHub) -> None:
    campus = hub.campus

    def changed(aid: int, what: str, note: str, **update: object) -> shapes.Alarm:
        now = campus.now_ms()
        entry = shapes.AlarmEntry(at_ms=now, what=what, by="me", note=note)
        old = campus.alarms[aid]
        return hub.change_alarm(old.model_copy(update={**update, "changed_ms": now, "timeline": [*old.timeline, entry]}))

    @hub.app.get("/api/alarms")
    async def alarms(state: Literal["open", "all"] = "open", limit: int = 500) -> list[shapes.Alarm]:
        rows = sorted(campus.alarms.values(), key=lambda a: -a.raised_ms)
        return [a for a in rows if state == "all" or a.state != "normal"][:limit]

    @hub.app.get("/api/alarms/{alarm}")
    async def alarm(alarm: int) -> shapes.Alarm:
        return campus.alarms[alarm]

    @hub.app.post("/api/alarms/{alarm}/acknowledge")
    async def acknowledge(alarm: int, body: shapes.Acknowledge) -> shapes.Alarm:
        state = "normal" if campus.alarms[alarm].state == "cleared_unseen" else "acknowledged"
        return changed(alarm, "acknowledged", body.note, state=state)

    @hub.app.post("/api/alarms/{alarm}/shelve")
    async def shelve(alarm: int, body: shapes.Shelve) -> shapes.Alarm:
        return changed(alarm, "shelved", body.reason, shelved_until_ms=campus.now_ms() + body.minutes * 60_000)

    @hub.app.post("/api/alarms/{alarm}/unshelve")
    async def unshelve(alarm: int) -> shapes.Alarm:
        return changed(alarm, "unshelved", "", shelved_until_ms=None)

    @hub.app.post("/api/alarms/{alarm}/comment")
    async def comment(alarm: int, body: shapes.Comment) -> shapes.Alarm:
        return changed(alarm, "commented", body.note)


def _doors(hub: FakeHub) -> None:
    campus = hub.campus

    @hub.app.get("/api/doors")
    async def doors() -> list[shapes.Door]:
        return list(campus.doors.values())

    @hub.app.post("/api/doors/{door}/act")
    async def act(door: str, body: shapes.DoorAct) -> shapes.CommandStatus:
        modes = {"unlock": "unlocked", "lock": "locked", "normal": "normal"}
        if body.action in modes:
            campus.doors[door] = campus.doors[door].model_copy(update={"mode": modes[body.action]})
            hub.push("door", campus.doors[door])
        return hub.command(f"door.{body.action}", door)

    @hub.app.get("/api/passages")
    async def passages(lane: bool | None = None, door: str | None = None, person: str | None = None,
                       limit: int = 20) -> list[shapes.Passage]:
        rows = [p for p in campus.passages if (lane is None or p.lane == lane) and door in {None, p.door} and person in {None, p.person}]
        return rows[:limit]

    @hub.app.get("/api/cameras")
    async def cameras() -> list[shapes.Camera]:
        return list(campus.cameras.values())

    @hub.app.post("/api/cameras/{camera}/still")
    async def still(camera: str, body: shapes.StillRequest) -> shapes.CommandStatus:  # noqa: ARG001
        campus.cameras[camera] = campus.cameras[camera].model_copy(update={"still": 8, "still_ms": campus.now_ms()})
        hub.push("camera", campus.cameras[camera])
        return hub.command("camera.still", camera, evidence=8)

    @hub.app.get("/api/evidence/{evidence}")
    async def evidence(evidence: int) -> Response:
        return Response(_still(evidence), media_type="image/jpeg")


def _still(number: int) -> bytes:
    """A corridor with a door and somebody in it."""
    picture = np.full((360, 640, 3), 70, np.uint8)
    cv2.rectangle(picture, (0, 250), (640, 360), (58, 58, 58), -1)
    cv2.rectangle(picture, (400, 90), (500, 270), (110, 112, 116), -1)
    cv2.ellipse(picture, (250, 220), (26, 70), 0, 0, 360, (40, 42, 48), -1)
    cv2.circle(picture, (250, 135), 22, (120, 130, 150), -1)
    cv2.putText(picture, f"CAM {number}", (16, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (200, 200, 200), 2)
    return bytes(cv2.imencode(".jpg", picture)[1])


def _devices(hub: FakeHub) -> None:
    campus = hub.campus

    @hub.app.get("/api/devices")
    async def devices() -> list[shapes.Device]:
        return list(campus.devices.values())

    @hub.app.get("/api/devices/{device}")
    async def device(device: str) -> shapes.DeviceDetail:
        found = campus.devices.get(device)
        if not found:
            raise Refused(404, "not_found", "There is no such device.", "没有该设备。")
        events = [shapes.EventLine(id=5, at_ms=campus.now_ms() - 900_000, kind="device.back", gateway=found.gateway, device=found.id,
                                   door="", zone=found.zone, person="", reason="", value=None, text="")]
        return shapes.DeviceDetail(**found.model_dump(), values=campus.points[device], events=events)

    @hub.app.post("/api/devices/{device}/decide")
    async def decide(device: str, body: shapes.Decide) -> shapes.Device:
        decided = campus.devices[device].model_copy(update={"state": "live" if body.approve else "blocked"})
        campus.devices[device] = decided
        hub.push("device", decided)
        return decided

    @hub.app.post("/api/devices/{device}/write")
    async def write(device: str, body: shapes.WritePoint) -> shapes.CommandStatus:
        return hub.command(f"write {body.point}", device, value=body.value)

    @hub.app.get("/api/points/{point}/history")
    async def point_history(point: int, from_ms: int, to_ms: int, buckets: int = 300) -> shapes.History:
        device, found = next((d, p) for d, ps in campus.points.items() for p in ps if p.id == point)
        return history(found, device, from_ms=from_ms, to_ms=to_ms, buckets=buckets)

    @hub.app.get("/api/gateways")
    async def gateways() -> list[shapes.Gateway]:
        return list(campus.gateways.values())

    @hub.app.post("/api/gateways/{gateway}/decide")
    async def decide_gateway(gateway: str, body: shapes.Decide) -> shapes.Gateway:
        state = "approved" if body.approve else "revoked"
        decided = campus.gateways[gateway].model_copy(update={"state": state, "online": body.approve})
        campus.gateways[gateway] = decided
        hub.push("gateway", decided)
        return decided

    @hub.app.post("/api/gateways/tokens")
    async def token() -> shapes.EnrolToken:
        return shapes.EnrolToken(token="K7QM-2XVD-9TRA-44HC", expires_ms=campus.now_ms() + 3_600_000)


def _rules(hub: FakeHub) -> None:
    campus = hub.campus

    @hub.app.get("/api/rules")
    async def rules() -> list[shapes.Rule]:
        return list(campus.rules.values())

    @hub.app.put("/api/rules/{rule:path}")
    async def edit(rule: str, body: shapes.RuleEdit) -> shapes.Rule:
        old = campus.rules[rule]
        if body.version != old.version:
            raise Refused(409, "conflict", f"{old.changed_by} changed this rule to version {old.version} meanwhile.",
                          f"{old.changed_by}已将该规则改为第{old.version}版。")
        limits = [limit.model_copy(update={"value": body.limits.get(limit.path, limit.value)}) for limit in old.limits]
        enabled = old.enabled if body.enabled is None else body.enabled
        new = old.model_copy(update={"enabled": enabled, "version": old.version + 1, "limits": limits, "changed_by": "me"})
        campus.rules[rule] = new
        return new

    @hub.app.post("/api/rules/{rule:path}/trial")
    async def trial(rule: str, body: shapes.TrialRequest) -> shapes.Trial:
        now, hours = campus.now_ms(), body.hours
        limit = float(body.limits.get("condition.above", 380.0))
        fired = [
            shapes.TrialFire(subject="meter-main", title=campus.rules[rule].title, raised_ms=now - index * 5_400_000 - 600_000,
                             cleared_ms=None if index == 0 else now - index * 5_400_000, value=400.5 - index)
            for index in range(max(0, int((430 - limit) // 10)))
        ]
        return shapes.Trial(from_ms=now - hours * 3_600_000, to_ms=now, readings=86_400 * 4, events=3120, fired=fired)

    @hub.app.get("/api/rules/{rule:path}/versions")
    async def versions(rule: str) -> list[shapes.RuleVersion]:
        return campus.versions[rule]

    @hub.app.get("/api/rules/{rule:path}")
    async def rule(rule: str) -> shapes.Rule:
        return campus.rules[rule]


def _people(hub: FakeHub) -> None:
    campus = hub.campus

    @hub.app.get("/api/people")
    async def people(q: str = "", group: str = "", offset: int = 0, limit: int = 100) -> shapes.PersonPage:
        rows = [p for p in campus.people.values() if q.lower() in f"{p.id} {p.name} {p.name_en}".lower() and group in {"", p.group}]
        return shapes.PersonPage(total=len(rows), people=rows[offset : offset + limit])

    @hub.app.get("/api/people/{person}")
    async def get_person(person: str) -> shapes.PersonDetail:
        found = campus.people.get(person)
        if not found:
            raise Refused(404, "not_found", "There is no such person.", "没有该人员。")
        return shapes.PersonDetail(
            **found.model_dump(), grants=campus.grants.get(person, []),
            inherited=[shapes.Grant(id=2, doors="zone:building-a", schedule="always")],
            passages=[p for p in campus.passages if p.person == person],
        )

    @hub.app.put("/api/people/{person}")
    async def edit_person(person: str, body: shapes.PersonEdit) -> shapes.PersonDetail:
        update = body.model_dump(exclude_none=True, exclude={"reason"})
        campus.people[person] = campus.people[person].model_copy(update=update)
        return await get_person(person)

    @hub.app.post("/api/people", status_code=201)
    async def new_person(body: shapes.NewPerson) -> shapes.PersonDetail:
        campus.people[body.id] = shapes.Person(**body.model_dump(), initials=body.name[:1], photo=False, blocked=False, cards=[])
        return await get_person(body.id)

    @hub.app.put("/api/cards/{card}")
    async def edit_card(card: int, body: shapes.BlockCard) -> shapes.PersonDetail:
        for found in campus.people.values():
            for index, held in enumerate(found.cards):
                if held.id == card:
                    found.cards[index] = held.model_copy(update={"blocked": body.blocked, "reason": body.reason})
                    return await get_person(found.id)
        raise Refused(404, "not_found", "There is no such card.", "没有该卡片。")

    @hub.app.post("/api/people/{person}/cards", status_code=201)
    async def new_card(person: str, body: shapes.NewCard) -> shapes.PersonDetail:
        campus.people[person].cards.append(shapes.Card(id=campus.new_id(), tail=body.number[-4:], kind="card", blocked=False))
        return await get_person(person)

    @hub.app.post("/api/people/{person}/grants", status_code=201)
    async def add_grant(person: str, body: shapes.NewGrant) -> shapes.PersonDetail:
        campus.grants.setdefault(person, []).append(shapes.Grant(id=campus.new_id(), **body.model_dump()))
        return await get_person(person)

    @hub.app.delete("/api/grants/{grant}")
    async def remove_grant(grant: int) -> shapes.PersonDetail:
        for person, held in campus.grants.items():
            if any(g.id == grant for g in held):
                campus.grants[person] = [g for g in held if g.id != grant]
                return await get_person(person)
        raise Refused(404, "not_found", "There is no such grant.", "没有该授权。")

    @hub.app.get("/api/schedules")
    async def schedules() -> list[shapes.Schedule]:
        return [shapes.Schedule(id="always", title=Text(en="Always", zh="全天")),
                shapes.Schedule(id="school-days", title=Text(en="School days 7-18", zh="上课日7-18点"))]


def _records(hub: FakeHub) -> None:
    campus = hub.campus

    @hub.app.get("/api/commands/{command}")
    async def command(command: str) -> shapes.CommandStatus:
        return hub.commands[command]

    @hub.app.get("/api/events")
    async def events(kind: str = "", limit: int = 200) -> list[shapes.EventLine]:
        rows = [shapes.EventLine(id=n, at_ms=campus.now_ms() - n * 7000, kind="door.opened" if n % 2 else "door.closed", gateway="gw-main",
                                 device="reader-a101", door="door-a101", zone="building-a", person="", reason="", value=None, text="")
                for n in range(200)]
        return [r for r in rows if r.kind.startswith(kind)][:limit]

    @hub.app.get("/api/quarantine")
    async def quarantine() -> list[shapes.QuarantineLine]:
        return [shapes.QuarantineLine(id=1, at_ms=campus.now_ms() - 3_600_000, topic="campus/v1/school/gw-main/up/live",
                                      reason="truncated: 12 bytes missing at offset 88", size=812, count=2)]

    @hub.app.get("/api/audit")
    async def audit(q: str = "") -> list[shapes.AuditLine]:
        return [line for line in campus.audit if q in f"{line.actor} {line.action} {line.subject}"]

    @hub.app.get("/api/audit/check")
    async def check() -> shapes.AuditCheck:
        return shapes.AuditCheck(lines=len(campus.audit), broken=None)


def _stream(hub: FakeHub) -> None:
    campus = hub.campus

    async def lines(sid: str) -> AsyncIterator[str]:
        hub.loop = asyncio.get_running_loop()
        queue: asyncio.Queue[tuple[str, str]] = asyncio.Queue(1000)
        hub.streams[sid] = queue
        hello = shapes.StreamHello(stream=sid, boot="b1", now_ms=campus.now_ms())
        queue.put_nowait(("hello", hello.model_dump_json()))
        try:
            while True:
                queue.put_nowait(("status", campus.status().model_dump_json()))
                queue.put_nowait(("values", _values(campus, hub.interest.get(sid, [])).model_dump_json()))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1.0):
                        while True:
                            event, data = await queue.get()
                            yield f"id: b1-{campus.new_id()}\nevent: {event}\ndata: {data}\n\n"
        finally:
            hub.streams.pop(sid, None)

    @hub.app.get("/api/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(lines(f"s{campus.new_id()}"), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    @hub.app.put("/api/stream/{stream}/points", status_code=204)
    async def interest(stream: str, body: shapes.Interest) -> None:
        hub.interest[stream] = body.points


def _values(campus: Campus, points: list[int]) -> shapes.LiveValues:
    now = campus.now_ms()
    wanted = [p for values in campus.points.values() for p in values if p.id in points and p.quality < 32]
    return shapes.LiveValues(
        now_ms=now, points=[p.id for p in wanted], quality=[p.quality for p in wanted], at_ms=[now - 300 for _ in wanted],
        values=[None if p.value is None else round(p.value * (1 + (now // 1000 % 7) / 1000), 2) for p in wanted],
    )


def _files(hub: FakeHub) -> None:
    @hub.app.get("/{path:path}", include_in_schema=False)
    async def page(path: str) -> FileResponse:
        file = DIST / path
        return FileResponse(file if path and file.is_file() else DIST / "index.html")


@contextlib.contextmanager
def serve(hub: FakeHub, port: int = 0) -> Iterator[str]:
    """Run the hub on loopback in a thread; gives its address. Leaving cuts every open stream at once."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    server = uvicorn.Server(uvicorn.Config(hub.app, log_level="warning", ws="none", lifespan="off", timeout_graceful_shutdown=0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)
        sock.close()
