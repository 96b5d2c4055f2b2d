"""What the fake hub answers on each path of the API."""

from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
from fastapi import Response

from contract.messages import Text
from hub.api import shapes
from tests.e2e.fake_campus import PLAN, Campus, energy, history
from tests.e2e.fake_problems import USERS, Refused

if TYPE_CHECKING:
    from tests.e2e.fake_hub import FakeHub


def _overview(hub: "FakeHub") -> None:
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
        people = [
            shapes.Found(kind="person", id=p.id, title=Text(en=f"{p.name} ({p.name_en})", zh=p.name), place=p.group)
            for p in list(campus.people.values())[:50]
        ]
        return [f for f in [*doors, *devices, *people] if q.lower() in f"{f.id} {f.title.en} {f.title.zh}".lower()][:20]


def _alarms(hub: "FakeHub") -> None:
    campus = hub.campus

    def changed(aid: int, what: str, note: str, **update: object) -> shapes.Alarm:
        now = campus.now_ms()
        entry = shapes.AlarmEntry(at_ms=now, what=what, by="me", note=note)
        old = campus.alarms[aid]
        return hub.change_alarm(
            old.model_copy(update={**update, "changed_ms": now, "timeline": [*old.timeline, entry]})
        )

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


def _doors(hub: "FakeHub") -> None:
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
    async def passages(
        *, lane: bool | None = None, door: str | None = None, person: str | None = None, limit: int = 20
    ) -> list[shapes.Passage]:
        rows = [
            p
            for p in campus.passages
            if (lane is None or p.lane == lane) and door in {None, p.door} and person in {None, p.person}
        ]
        return rows[:limit]

    @hub.app.get("/api/cameras")
    async def cameras() -> list[shapes.Camera]:
        return list(campus.cameras.values())

    @hub.app.post("/api/cameras/{camera}/still")
    async def still(camera: str, body: shapes.StillRequest) -> shapes.CommandStatus:
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


def _devices(hub: "FakeHub") -> None:
    campus = hub.campus

    @hub.app.get("/api/devices")
    async def devices() -> list[shapes.Device]:
        return list(campus.devices.values())

    @hub.app.get("/api/devices/{device}")
    async def device(device: str) -> shapes.DeviceDetail:
        found = campus.devices.get(device)
        if not found:
            raise Refused(404, "not_found", "There is no such device.", "没有该设备。")
        events = [
            shapes.EventLine(
                id=5,
                at_ms=campus.now_ms() - 900_000,
                kind="device.back",
                gateway=found.gateway,
                device=found.id,
                door="",
                zone=found.zone,
                person="",
                reason="",
                value=None,
                text="",
            )
        ]
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


def _rules(hub: "FakeHub") -> None:
    campus = hub.campus

    @hub.app.get("/api/rules")
    async def rules() -> list[shapes.Rule]:
        return list(campus.rules.values())

    @hub.app.put("/api/rules/{rule:path}")
    async def edit(rule: str, body: shapes.RuleEdit) -> shapes.Rule:
        old = campus.rules[rule]
        if body.version != old.version:
            raise Refused(
                409,
                "conflict",
                f"{old.changed_by} changed this rule to version {old.version} meanwhile.",
                f"{old.changed_by}已将该规则改为第{old.version}版。",
            )
        limits = [limit.model_copy(update={"value": body.limits.get(limit.path, limit.value)}) for limit in old.limits]
        enabled = old.enabled if body.enabled is None else body.enabled
        new = old.model_copy(
            update={"enabled": enabled, "version": old.version + 1, "limits": limits, "changed_by": "me"}
        )
        campus.rules[rule] = new
        return new

    @hub.app.post("/api/rules/{rule:path}/trial")
    async def trial(rule: str, body: shapes.TrialRequest) -> shapes.Trial:
        now, hours = campus.now_ms(), body.hours
        limit = float(body.limits.get("condition.above", 380.0))
        fired = [
            shapes.TrialFire(
                subject="meter-main",
                title=campus.rules[rule].title,
                raised_ms=now - index * 5_400_000 - 600_000,
                cleared_ms=None if index == 0 else now - index * 5_400_000,
                value=400.5 - index,
            )
            for index in range(max(0, int((430 - limit) // 10)))
        ]
        return shapes.Trial(from_ms=now - hours * 3_600_000, to_ms=now, readings=86_400 * 4, events=3120, fired=fired)

    @hub.app.get("/api/rules/{rule:path}/versions")
    async def versions(rule: str) -> list[shapes.RuleVersion]:
        return campus.versions[rule]

    @hub.app.get("/api/rules/{rule:path}")
    async def rule(rule: str) -> shapes.Rule:
        return campus.rules[rule]


def person_detail(campus: Campus, person: str) -> shapes.PersonDetail:
    found = campus.people.get(person)
    if not found:
        raise Refused(404, "not_found", "There is no such person.", "没有该人员。")
    return shapes.PersonDetail(
        **found.model_dump(),
        grants=campus.grants.get(person, []),
        inherited=[shapes.Grant(id=2, doors="zone:building-a", schedule="always")],
        passages=[p for p in campus.passages if p.person == person],
    )


def _people(hub: "FakeHub") -> None:
    campus = hub.campus

    @hub.app.get("/api/people")
    async def people(q: str = "", group: str = "", offset: int = 0, limit: int = 100) -> shapes.PersonPage:
        rows = [
            p
            for p in campus.people.values()
            if q.lower() in f"{p.id} {p.name} {p.name_en}".lower() and group in {"", p.group}
        ]
        return shapes.PersonPage(total=len(rows), people=rows[offset : offset + limit])

    @hub.app.get("/api/people/{person}")
    async def get_person(person: str) -> shapes.PersonDetail:
        return person_detail(campus, person)

    @hub.app.put("/api/people/{person}")
    async def edit_person(person: str, body: shapes.PersonEdit) -> shapes.PersonDetail:
        update = body.model_dump(exclude_none=True, exclude={"reason"})
        campus.people[person] = campus.people[person].model_copy(update=update)
        return person_detail(campus, person)

    @hub.app.post("/api/people", status_code=201)
    async def new_person(body: shapes.NewPerson) -> shapes.PersonDetail:
        campus.people[body.id] = shapes.Person(
            **body.model_dump(), initials=body.name[:1], photo=False, blocked=False, cards=[]
        )
        return person_detail(campus, body.id)


def _access(hub: "FakeHub") -> None:
    campus = hub.campus

    @hub.app.put("/api/cards/{card}")
    async def edit_card(card: int, body: shapes.BlockCard) -> shapes.PersonDetail:
        for found in campus.people.values():
            for index, held in enumerate(found.cards):
                if held.id == card:
                    found.cards[index] = held.model_copy(update={"blocked": body.blocked, "reason": body.reason})
                    return person_detail(campus, found.id)
        raise Refused(404, "not_found", "There is no such card.", "没有该卡片。")

    @hub.app.post("/api/people/{person}/cards", status_code=201)
    async def new_card(person: str, body: shapes.NewCard) -> shapes.PersonDetail:
        campus.people[person].cards.append(
            shapes.Card(id=campus.new_id(), tail=body.number[-4:], kind="card", blocked=False)
        )
        return person_detail(campus, person)

    @hub.app.post("/api/people/{person}/grants", status_code=201)
    async def add_grant(person: str, body: shapes.NewGrant) -> shapes.PersonDetail:
        campus.grants.setdefault(person, []).append(shapes.Grant(id=campus.new_id(), **body.model_dump()))
        return person_detail(campus, person)

    @hub.app.delete("/api/grants/{grant}")
    async def remove_grant(grant: int) -> shapes.PersonDetail:
        person = next(person for person, held in campus.grants.items() if any(g.id == grant for g in held))
        campus.grants[person] = [g for g in campus.grants[person] if g.id != grant]
        return person_detail(campus, person)

    @hub.app.get("/api/schedules")
    async def schedules() -> list[shapes.Schedule]:
        return [
            shapes.Schedule(id="always", title=Text(en="Always", zh="全天")),
            shapes.Schedule(id="school-days", title=Text(en="School days 7-18", zh="上课日7-18点")),
        ]


def _records(hub: "FakeHub") -> None:
    campus = hub.campus

    @hub.app.get("/api/commands/{command}")
    async def command(command: str) -> shapes.CommandStatus:
        return hub.commands[command]

    @hub.app.get("/api/events")
    async def events(kind: str = "", limit: int = 200) -> list[shapes.EventLine]:
        rows = [
            shapes.EventLine(
                id=n,
                at_ms=campus.now_ms() - n * 7000,
                kind="door.opened" if n % 2 else "door.closed",
                gateway="gw-main",
                device="reader-a101",
                door="door-a101",
                zone="building-a",
                person="",
                reason="",
                value=None,
                text="",
            )
            for n in range(200)
        ]
        return [r for r in rows if r.kind.startswith(kind)][:limit]

    @hub.app.get("/api/quarantine")
    async def quarantine() -> list[shapes.QuarantineLine]:
        return [
            shapes.QuarantineLine(
                id=1,
                at_ms=campus.now_ms() - 3_600_000,
                topic="campus/v1/school/gw-main/up/live",
                reason="truncated: 12 bytes missing at offset 88",
                size=812,
                count=2,
            )
        ]

    @hub.app.get("/api/audit")
    async def audit(q: str = "") -> list[shapes.AuditLine]:
        return [line for line in campus.audit if q in f"{line.actor} {line.action} {line.subject}"]

    @hub.app.get("/api/audit/check")
    async def check() -> shapes.AuditCheck:
        return shapes.AuditCheck(lines=len(campus.audit), broken=None)


def _users(hub: "FakeHub") -> None:
    def user(name: str) -> shapes.User:
        full, roles = USERS[name]
        return shapes.User(username=name, name=full, roles=roles, language="zh-CN", disabled=False)

    @hub.app.get("/api/users")
    async def users() -> list[shapes.User]:
        return [user(name) for name in USERS]

    @hub.app.put("/api/users/{username}")
    async def edit(username: str, body: shapes.UserEdit) -> shapes.UserCreated:
        return shapes.UserCreated(user=user(username), password="kite-anchor-plum" if body.new_password else "")


ROUTES = (_overview, _alarms, _doors, _devices, _rules, _people, _access, _records, _users)
