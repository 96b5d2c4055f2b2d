"""A school's worth of realistic data in the shapes of the hub's API, for looking at the console without a hub."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from contract.messages import Text
from hub.api import shapes

BASE_MS = 1_795_500_202_000
"""2026-11-24 14:03:22 in Shanghai: the fake hub's clock starts here, so that pictures do not change."""
MINUTE = 60_000
HOUR = 60 * MINUTE
SHANGHAI_MIDNIGHT_MS = BASE_MS - (14 * HOUR + 3 * MINUTE + 22_000)


def both(en: str, zh: str) -> Text:
    return Text(en=en, zh=zh)


@dataclass
class Campus:
    """Everything the fake hub knows; tests change it and push what changed."""

    started: float = field(default_factory=time.monotonic)
    alarms: dict[int, shapes.Alarm] = field(default_factory=dict)
    doors: dict[str, shapes.Door] = field(default_factory=dict)
    cameras: dict[str, shapes.Camera] = field(default_factory=dict)
    devices: dict[str, shapes.Device] = field(default_factory=dict)
    gateways: dict[str, shapes.Gateway] = field(default_factory=dict)
    rules: dict[str, shapes.Rule] = field(default_factory=dict)
    people: dict[str, shapes.Person] = field(default_factory=dict)
    passages: list[shapes.Passage] = field(default_factory=list)
    points: dict[str, list[shapes.PointValue]] = field(default_factory=dict)
    audit: list[shapes.AuditLine] = field(default_factory=list)
    versions: dict[str, list[shapes.RuleVersion]] = field(default_factory=dict)
    grants: dict[str, list[shapes.Grant]] = field(default_factory=dict)
    next_id: int = 1000

    def now_ms(self) -> int:
        return BASE_MS + int((time.monotonic() - self.started) * 1000)

    def new_id(self) -> int:
        self.next_id += 1
        return self.next_id

    def status(self) -> shapes.Status:
        standing = [
            a for a in self.alarms.values() if a.state in {"active", "cleared_unseen"} and not a.shelved_until_ms
        ]
        return shapes.Status(
            now_ms=self.now_ms(),
            site=both("Riverside School", "滨江实验学校"),
            zone="Asia/Shanghai",
            speed=1.0,
            alarms={str(p): sum(a.priority == p for a in standing) for p in range(1, 5)},
            unacknowledged=len(standing),
            doors_open=sum(bool(d.open) for d in self.doors.values()),
            gateways_online=sum(g.online and g.state == "approved" for g in self.gateways.values()),
            gateways=sum(g.state == "approved" for g in self.gateways.values()),
            devices_lost=sum(d.state == "live" and not d.online for d in self.devices.values()),
            pending=sum(d.state == "pending" for d in self.devices.values())
            + sum(g.state == "pending" for g in self.gateways.values()),
            readings_per_s=1843.0,
            readings=159_204_311,
            events=48_120,
            lost=0,
            doubled=0,
            repeated=412,
            quarantined=2,
            historians=[
                shapes.HistorianStatus(name="duckdb", points_written=159_203_900, behind=0),
                shapes.HistorianStatus(name="influxdb", points_written=158_900_120, behind=31, problem="timeout"),
            ],
        )


def build(*, alarms: bool = True, people: int = 2400) -> Campus:
    campus = Campus()
    for fill in (_gateways, _doors, _cameras, _devices, _rules, _passages):
        fill(campus)
    _people(campus, people)
    if alarms:
        _alarms(campus)
    campus.grants["p00000"] = [shapes.Grant(id=1, doors="door-a101", schedule="school-days")]
    campus.audit = [
        shapes.AuditLine(
            id=3,
            at_ms=BASE_MS - 5 * MINUTE,
            actor="wang",
            action="alarm.acknowledge",
            subject="alarm/40",
            detail="checked on camera",
        ),
        shapes.AuditLine(
            id=2, at_ms=BASE_MS - 2 * HOUR, actor="admin", action="device.approve", subject="meter-c", detail=""
        ),
        shapes.AuditLine(
            id=1,
            at_ms=BASE_MS - 26 * HOUR,
            actor="chen",
            action="rule.edit",
            subject="energy-demand-limit",
            detail="limit 360 -> 380 kW",
        ),
    ]
    return campus


def _gateways(campus: Campus) -> None:
    rows: list[tuple[str, str, str, Literal["pending", "approved", "revoked"], bool]] = [
        ("gw-main", "Main gateway", "主网关", "approved", True),
        ("gw-lab", "Laboratory building", "实验楼网关", "approved", True),
        ("gw-dorm", "Dormitory", "宿舍楼网关", "approved", False),
        ("gw-sports", "Sports hall", "体育馆网关", "pending", False),
    ]
    for index, (gid, en, zh, state, online) in enumerate(rows):
        campus.gateways[gid] = shapes.Gateway(
            id=gid,
            name=both(en, zh),
            state=state,
            online=online,
            since_ms=BASE_MS - (index + 1) * 3 * HOUR if state == "approved" else None,
            software="0.1.0",
            devices=[18, 9, 6, 0][index],
            skew_ms=[12.0, -4.0, None, None][index],
            policy_version=42 - (gid == "gw-dorm"),
            wanted_policy_version=42,
            code="481 902".replace(" ", ""),
            lost=0,
            doubled=0,
            repeated=412 if gid == "gw-main" else 0,
            backlog=[0, 0, 18_400, None][index],
        )


def _doors(campus: Campus) -> None:
    rows = [
        ("lane-1", "Main gate, lane 1", "正门1号通道", "gate/lane-1", 12, 14, True, False, True),
        ("lane-2", "Main gate, lane 2", "正门2号通道", "gate/lane-2", 18, 14, True, False, True),
        ("door-a101", "Room A101", "A101教室", "building-a/1f/a101", 46, 92, False, False, True),
        ("door-a-main", "Building A, main entrance", "A栋正门", "building-a/1f/hall", 60, 78, False, True, True),
        ("door-lab-3", "Chemistry laboratory 3", "化学实验室3", "lab/2f/chemistry-3", 132, 96, False, True, True),
        ("door-library", "Library", "图书馆", "library/1f/hall", 128, 40, False, False, True),
        ("door-dorm-1", "Dormitory 1, north entrance", "1号宿舍楼北门", "dorm/1f/north", 44, 40, False, None, False),
    ]
    for did, en, zh, place, x, y, lane, is_open, online in rows:
        campus.doors[did] = shapes.Door(
            id=did,
            name=both(en, zh),
            place=place,
            zone=place.split("/", maxsplit=1)[0],
            gateway="gw-dorm" if "dorm" in did else "gw-main",
            lane=lane,
            camera="cam-gate" if lane else "cam-lab",
            mode="unlocked" if did == "door-library" else "normal",
            open=is_open,
            online=online,
            since_ms=BASE_MS - 72_000,
            x=x,
            y=y,
        )


def _cameras(campus: Campus) -> None:
    rows: list[tuple[str, str, str, str, Literal["ok", "covered", "moved", "lost", "unknown"], bool, int, int]] = [
        ("cam-gate", "Main gate", "正门摄像机", "gate", "ok", True, 15, 22),
        ("cam-lab", "Laboratory, 2nd floor corridor", "实验楼二层走廊", "lab/2f/corridor", "covered", False, 140, 88),
        ("cam-canteen", "Canteen", "食堂摄像机", "canteen/1f/hall", "ok", False, 94, 24),
        ("cam-dorm", "Dormitory entrance", "宿舍楼入口", "dorm/1f/north", "lost", False, 40, 48),
    ]
    for cid, en, zh, place, state, motion, x, y in rows:
        campus.cameras[cid] = shapes.Camera(
            id=cid,
            name=both(en, zh),
            place=place,
            zone=place.split("/", maxsplit=1)[0],
            state=state,
            problem="timeout" if state == "lost" else "",
            motion=motion,
            still=None if state == "lost" else 7,
            still_ms=None if state == "lost" else BASE_MS - 40_000,
            x=x,
            y=y,
        )


def _devices(campus: Campus) -> None:
    rows: list[tuple[str, str, str, str, str, Literal["live", "pending", "blocked"], bool]] = [
        ("meter-a", "modbus", "Building A meter", "A栋总表", "building-a/1f/power-room", "live", True),
        ("meter-main", "modbus", "Main meter", "校园总表", "power/1f/switch-room", "live", True),
        ("ahu-library", "modbus", "Library air handling unit", "图书馆空调机组", "library/1f/plant", "live", True),
        ("reader-a101", "osdp", "Reader A101", "A101读卡器", "building-a/1f/a101", "live", True),
        ("reader-dorm-1", "osdp", "Dormitory 1 reader", "1号宿舍楼读卡器", "dorm/1f/north", "live", False),
        ("cam-gate", "camera", "Main gate camera", "正门摄像机", "gate", "live", True),
        ("sign-a101", "class_sign", "Class sign A101", "A101班牌", "building-a/1f/a101", "live", True),
        ("meter-new-17", "modbus", "Found: unit 17", "新发现：17号从站", "", "pending", True),
        (
            "sign-new-b203",
            "class_sign",
            "Found: class sign B203",
            "新发现：B203班牌",
            "building-b/2f/b203",
            "pending",
            True,
        ),
        ("reader-old", "serial_card", "Old canteen reader", "食堂旧读卡器", "canteen/1f/hall", "blocked", False),
    ]
    for did, family, en, zh, place, state, online in rows:
        lost = state == "live" and not online
        campus.devices[did] = shapes.Device(
            id=did,
            gateway="gw-dorm" if "dorm" in did else "gw-main",
            family=family,
            name=both(en, zh),
            place=place,
            zone=place.split("/", maxsplit=1)[0],
            model="campus-meter-abcd" if family == "modbus" else "",
            identity="Campus Instruments CM-3 #20311" if family == "modbus" else "",
            address="127.0.0.1:5020 unit 1",
            state=state,
            online=online,
            seen_ms=BASE_MS - 12 * MINUTE if lost else BASE_MS - 800,
            problem=both("reachable but mute: no answer in time", "可达但无应答：超时未回复") if lost else None,
            points=4,
        )
    number = 0
    for device in campus.devices.values():
        campus.points[device.id] = []
        for name, en, zh, unit, value, writable in _POINTS.get(device.family, _POINTS["modbus"]):
            number += 1
            stale = not device.online
            campus.points[device.id].append(
                shapes.PointValue(
                    id=number,
                    name=name,
                    label=both(en, zh),
                    unit=unit,
                    value=value,
                    quality=33 if stale else 0,
                    quality_text=both("reachable but mute: no answer in time", "可达但无应答：超时未回复")
                    if stale
                    else both("good", "正常"),
                    at_ms=BASE_MS - 12 * MINUTE if stale else BASE_MS - 700,
                    every_ms=1000,
                    writable=writable,
                    minimum=16.0 if writable else None,
                    maximum=28.0 if writable else None,
                    states={"0": both("closed", "关"), "1": both("open", "开")} if name == "input_0" else {},
                )
            )


_POINTS: dict[str, list[tuple[str, str, str, str, float | None, bool]]] = {
    "modbus": [
        ("power", "Active power", "有功功率", "kW", 84.25, False),
        ("energy", "Energy", "累计电量", "kWh", 1_204_331.5, False),
        ("voltage_a", "Voltage, phase A", "A相电压", "V", 229.84, False),
        ("setpoint", "Temperature setpoint", "温度设定值", "°C", 22.0, True),
    ],
    "osdp": [
        ("input_0", "Door contact", "门磁", "", 0, False),
        ("tamper", "Tamper", "防拆", "", 0, False),
        ("online", "Secure channel", "安全通道", "", 1, False),
    ],
    "class_sign": [
        ("brightness", "Brightness", "亮度", "%", 80, False),
        ("battery", "Battery", "电量", "%", 64, False),
    ],
}


def _rules(campus: Campus) -> None:
    rows: list[tuple[str, Literal["access", "security", "energy"], str, str, int, bool, str, str]] = [
        (
            "energy-demand-limit",
            "energy",
            "Demand near the limit",
            "需量接近限值",
            2,
            True,
            "When the demand of the main meter is above 380 kW for 2 min on school days, then alarm P2.",
            "当校园总表的需量高于380 kW并持续2分钟（上课日），则产生2级告警。",
        ),
        (
            "access-door-held",
            "access",
            "Door held open",
            "开门超时",
            3,
            True,
            "When a door stays open for longer than 30 s, then alarm P3.",
            "当门打开超过30秒，则产生3级告警。",
        ),
        (
            "access-door-forced",
            "access",
            "Door forced",
            "强行开门",
            1,
            True,
            "When a door opens with no grant and no REX in the 5 s before, then alarm P1.",
            "当门在此前5秒内既无授权也无出门按钮而打开，则产生1级告警。",
        ),
        (
            "security-camera-covered",
            "security",
            "Camera covered",
            "镜头遮挡",
            2,
            False,
            "When a camera is covered for 10 s, then alarm P2.",
            "当摄像机镜头被遮挡10秒，则产生2级告警。",
        ),
    ]
    for rid, engine, en, zh, priority, enabled, sentence, sentence_zh in rows:
        campus.rules[rid] = shapes.Rule(
            id=rid,
            engine=engine,
            title=both(en, zh),
            sentence=both(sentence, sentence_zh),
            priority=priority,
            enabled=enabled,
            version=3,
            changed_by="chen",
            changed_ms=BASE_MS - 26 * HOUR,
            limits=[
                shapes.EditableLimit(
                    path="condition.above",
                    label=both("Limit", "限值"),
                    unit="kW" if engine == "energy" else "",
                    value=380.0,
                    minimum=50.0,
                    maximum=800.0,
                    step=5.0,
                ),
                shapes.EditableLimit(path="for", label=both("For at least", "持续至少"), unit="", value="2min"),
            ],
            calendar="school-days 07:00-18:00" if engine == "energy" else "",
            active=1 if priority < 3 else 0,
            fired_24h=[2, 14, 1, 0][len(campus.rules)],
        )
        campus.versions[rid] = [
            shapes.RuleVersion(
                version=v,
                changed_by="chen",
                changed_ms=BASE_MS - (4 - v) * 26 * HOUR,
                reason=["first version", "tighter after the audit", "new contract with the grid"][v - 1],
                body=f"id: {rid}\npriority: {priority}\ncondition:\n  above: {320 + 20 * v}\nfor: 2min\n",
            )
            for v in (3, 2, 1)
        ]


_NAMES = [
    ("李伟", "Li Wei", "teacher", "teachers"),
    ("王芳", "Wang Fang", "teacher", "teachers"),
    ("张敏", "Zhang Min", "student", "grade-7-2"),
    ("刘洋", "Liu Yang", "student", "grade-8-1"),
    ("陈静", "Chen Jing", "staff", "kitchen"),
    ("杨磊", "Yang Lei", "guard", "guards"),
    ("阿卜杜热合曼·买买提江", "Abdurahman Memetjan-Christophersen", "student", "grade-9-international-2"),
]


def _people(campus: Campus, count: int) -> None:
    for index in range(count):
        name, name_en, kind, group = _NAMES[index % len(_NAMES)]
        pid = f"p{index:05d}"
        campus.people[pid] = shapes.Person(
            id=pid,
            name=name,
            name_en=name_en,
            initials=name[:1],
            kind=kind,
            group=group,
            photo=False,
            blocked=index % 97 == 5,
            valid_until_ms=None,
            cards=[shapes.Card(id=index + 1, tail=f"{index * 7919 % 65536:04X}", kind="card", blocked=index % 50 == 9)],
        )


def _passages(campus: Campus) -> None:
    for index in range(20):
        campus.passages.append(passage(campus, index, at_ms=BASE_MS - (20 - index) * 9_000, denied=index % 6 == 3))
    campus.passages.reverse()
    for door in campus.doors.values():
        door.last = next((p for p in campus.passages if p.door == door.id), None)


def passage(campus: Campus, index: int, *, at_ms: int, denied: bool = False) -> shapes.Passage:
    name, name_en, _kind, group = _NAMES[index % len(_NAMES)]
    door = list(campus.doors.values())[index % 2]
    return shapes.Passage(
        id=campus.new_id(),
        at_ms=at_ms,
        door=door.id,
        door_name=door.name,
        lane=door.lane,
        granted=not denied,
        reason="outside_schedule" if denied else "granted",
        reason_text=both("outside the permitted hours", "不在允许的时段内")
        if denied
        else both("access granted", "准许通行"),
        next_step=both("Ask for the leave slip or call the class teacher.", "请查看请假条，或联系班主任。")
        if denied
        else both("", ""),
        person=f"p{index:05d}",
        name=name,
        name_en=name_en,
        initials=name[:1],
        group=group,
        credential_tail="3F0A",
    )


def _alarms(campus: Campus) -> None:
    campus.alarms[41] = alarm(41, priority=1, state="active", at_ms=BASE_MS - 72_000)
    rows: list[tuple[int, int, str, str, str, str, str]] = [
        (40, 2, "acknowledged", "Demand near the limit", "需量接近限值", "energy-demand-limit", "power/1f/switch-room"),
        (39, 2, "active", "Camera covered", "镜头遮挡", "security-camera-covered", "lab/2f/corridor"),
        (38, 3, "cleared_unseen", "Door held open", "开门超时", "access-door-held", "building-a/1f/hall"),
        (37, 3, "active", "Device lost", "设备失联", "system-device-lost", "dorm/1f/north"),
        (36, 4, "active", "Gateway clock off", "网关时钟偏差", "system-clock", "dorm/1f/north"),
    ]
    for aid, priority, state, en, zh, rule, place in rows:
        item = alarm(aid, priority=priority, state=state, at_ms=BASE_MS - (42 - aid) * 11 * MINUTE)
        item.title, item.rule_title, item.rule, item.place = both(en, zh), both(en, zh), rule, place
        parts = place.split("/")
        named = [PLAN.names["/".join(parts[: depth + 1])] for depth in range(len(parts))]
        item.place_name = both(" / ".join(name.en for name in named), " / ".join(name.zh for name in named))
        item.times_this_week, item.person, item.person_name, item.still = 1, "", "", None
        item.todo = item.todo[:2]
        campus.alarms[aid] = item
    campus.alarms[40].value, campus.alarms[40].limit, campus.alarms[40].unit = 391.2, 380.0, "kW"
    campus.alarms[37].shelved_until_ms = BASE_MS + 40 * MINUTE


def alarm(aid: int, *, priority: int, state: str, at_ms: int) -> shapes.Alarm:
    """A door forced at the chemistry laboratory, unless the caller changes it."""
    return shapes.Alarm.model_validate(
        {
            "id": aid,
            "rule": "access-door-forced",
            "rule_title": both("Door forced", "强行开门"),
            "subject": "door-lab-3",
            "priority": priority,
            "state": state,
            "raised_ms": at_ms,
            "changed_ms": at_ms,
            "title": both("Door forced", "强行开门"),
            "place": "lab/2f/chemistry-3",
            "place_name": both("Laboratory building / 2F / Chemistry 3", "实验楼 / 2层 / 化学实验室3"),
            "door": "door-lab-3",
            "device": "reader-lab-3",
            "zone": "lab",
            "person": "p00000",
            "person_name": "李伟",
            "why": [
                both(
                    "Contact opened at 14:02:10.140; no grant and no REX in the 5 s before.",
                    "14:02:10.140门磁断开；此前5秒内无授权、无出门按钮。",
                ),
                both("Last passage: Li Wei, teacher, 13:58, granted.", "上次通行：李伟，教师，13:58，准许。"),
            ],
            "todo": [
                both("Look at the camera.", "查看摄像机画面。"),
                both("Send the guard on duty.", "派值班保安到场。"),
                both("Lock the corridor.", "锁闭走廊门。"),
                both("Write down what you found.", "记录处置结果。"),
            ],
            "call": {"en": "Master Wang 138-0000-0000", "zh": "王师傅 138-0000-0000"},
            "camera": "cam-lab",
            "still": 7,
            "times_this_week": 2,
            "shelvable": priority > 1,
            "timeline": [
                {"at_ms": at_ms, "what": "raised"},
                {"at_ms": at_ms + 1500, "what": "notified", "by": "wecom", "note": "王师傅"},
                *(
                    [{"at_ms": at_ms + 60_000, "what": "acknowledged", "by": "wang", "note": "已派人"}]
                    if state == "acknowledged"
                    else []
                ),
            ],
        }
    )


def history(point: shapes.PointValue, device: str, *, from_ms: int, to_ms: int, buckets: int) -> shapes.History:
    """A day-shaped curve around the point's value, with an hour missing in the middle of it."""
    step = max(1, (to_ms - from_ms) // buckets)
    starts = [from_ms + index * step for index in range(buckets)]
    curve = _curve(point.value or 0.0)
    mean = [None if 0.48 < index / buckets < 0.52 else curve(at) for index, at in enumerate(starts)]
    spread = abs(point.value or 0.0) * 0.03
    return shapes.History(
        point=point.id,
        device=device,
        name=point.name,
        label=point.label,
        unit=point.unit,
        start_ms=starts,
        minimum=[None if v is None else v - spread for v in mean],
        maximum=[None if v is None else v + spread for v in mean],
        mean=mean,
        last=mean,
        bad=[3 if v is None else 0 for v in mean],
    )


def _curve(size: float) -> Callable[[int], float]:
    def at(ms: int) -> float:
        hour = (ms - SHANGHAI_MIDNIGHT_MS) / HOUR % 24
        day = math.exp(-(((hour - 11) / 4.5) ** 2)) + 0.6 * math.exp(-(((hour - 19) / 1.8) ** 2))
        return round(size * (0.35 + 0.65 * day + 0.02 * math.sin(hour * 9)), 2)

    return at


def energy(campus: Campus) -> shapes.Energy:
    main = shapes.PointValue(
        id=9001,
        name="power",
        label=both("Active power", "有功功率"),
        unit="kW",
        value=340.0,
        quality=0,
        quality_text=both("good", "正常"),
        at_ms=campus.now_ms(),
        every_ms=1000,
        writable=False,
        minimum=None,
        maximum=None,
    )
    now = campus.now_ms()
    today = history(main, "meter-main", from_ms=SHANGHAI_MIDNIGHT_MS, to_ms=now, buckets=168)
    yesterday = history(
        main, "meter-main", from_ms=SHANGHAI_MIDNIGHT_MS - 24 * HOUR, to_ms=SHANGHAI_MIDNIGHT_MS, buckets=288
    )
    rows = [
        ("meter-main", "Main meter", "校园总表", 342.1, 3120.4, True),
        ("meter-a", "Building A", "A栋", 84.3, 702.8, False),
        ("meter-lab", "Laboratory building", "实验楼", 61.0, 590.2, False),
        ("meter-dorm", "Dormitory", "宿舍楼", None, 310.5, False),
    ]
    return shapes.Energy(
        now_ms=now,
        demand_kw=348.6,
        power_kw=342.1,
        limit_kw=380.0,
        interval_start_ms=now - now % (15 * MINUTE),
        interval_s=900,
        today_kwh=3120.4,
        yesterday_kwh=5240.9,
        curve=today,
        yesterday=yesterday,
        meters=[
            shapes.MeterLine(
                device=d,
                name=both(en, zh),
                place="",
                power_kw=kw,
                today_kwh=kwh,
                at_ms=now - (14 * MINUTE if kw is None else 900),
                main=is_main,
            )
            for d, en, zh, kw, kwh, is_main in rows
        ],
    )


PLAN = shapes.Plan(
    width=170.0,
    height=120.0,
    names={
        path: both(en, zh)
        for path, en, zh in [
            ("gate", "Main gate", "正门"),
            ("gate/lane-1", "Lane 1", "1号通道"),
            ("gate/lane-2", "Lane 2", "2号通道"),
            ("building-a", "Building A", "A栋教学楼"),
            ("building-a/1f", "1F", "一层"),
            ("building-a/1f/a101", "Room A101", "A101教室"),
            ("building-a/1f/hall", "Hall", "门厅"),
            ("building-a/1f/power-room", "Power room", "配电室"),
            ("building-b", "Building B", "B栋教学楼"),
            ("building-b/2f", "2F", "二层"),
            ("building-b/2f/b203", "Room B203", "B203教室"),
            ("lab", "Laboratory building", "实验楼"),
            ("lab/2f", "2F", "二层"),
            ("lab/2f/chemistry-3", "Chemistry 3", "化学实验室3"),
            ("lab/2f/corridor", "Corridor", "走廊"),
            ("library", "Library", "图书馆"),
            ("library/1f", "1F", "一层"),
            ("library/1f/hall", "Hall", "大厅"),
            ("library/1f/plant", "Plant room", "机房"),
            ("canteen", "Canteen", "食堂"),
            ("canteen/1f", "1F", "一层"),
            ("canteen/1f/hall", "Dining hall", "餐厅"),
            ("dorm", "Dormitory", "宿舍楼"),
            ("dorm/1f", "1F", "一层"),
            ("dorm/1f/north", "North entrance", "北门"),
            ("power", "Power house", "配电房"),
            ("power/1f", "1F", "一层"),
            ("power/1f/switch-room", "Switch room", "配电室"),
        ]
    },
    places=[
        shapes.PlanPlace(
            id=i,
            name=both(en, zh),
            kind="area" if i in {"gate", "field"} else "building",
            zone=i,
            x=x,
            y=y,
            width=w,
            height=h,
        )
        for i, en, zh, x, y, w, h in [
            ("gate", "Main gate", "正门", 6.0, 6.0, 20.0, 16.0),
            ("building-a", "Building A", "A栋教学楼", 36.0, 78.0, 54.0, 28.0),
            ("lab", "Laboratory building", "实验楼", 116.0, 76.0, 36.0, 32.0),
            ("library", "Library", "图书馆", 114.0, 32.0, 34.0, 24.0),
            ("canteen", "Canteen", "食堂", 78.0, 12.0, 30.0, 22.0),
            ("dorm", "Dormitory", "宿舍楼", 30.0, 34.0, 30.0, 22.0),
        ]
    ],
)
