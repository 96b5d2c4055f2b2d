"""What the HTTP API says and takes. Times are UTC ms; texts a user sees are in both languages."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from contract.messages import Text

Role = Literal["security", "gate", "facilities", "installer", "admin"]
Language = Literal["zh-CN", "en"]
Note = Annotated[str, Field(max_length=1000)]
Reason = Annotated[str, Field(min_length=1, max_length=300)]


class Shape(BaseModel):
    """Base of all: unknown fields are refused, and what has a default is always said."""

    model_config = ConfigDict(extra="forbid", json_schema_serialization_defaults_required=True)


class SignIn(Shape):
    username: Annotated[str, Field(max_length=100)]
    password: Annotated[str, Field(max_length=200)]


class Me(Shape):
    """Who is signed in. `csrf` goes into the X-CSRF header of every change."""

    username: str
    name: str
    roles: list[Role]
    language: Language
    csrf: str


class Problem(Shape):
    """Every error the API answers with: what, where, what to do."""

    code: str
    message: Text
    fields: list["FieldProblem"] = []


class FieldProblem(Shape):
    path: str
    value: str
    message: Text


class Status(Shape):
    """The top bar, which tells whether anything is wrong."""

    now_ms: int
    site: Text
    zone: str
    """IANA time zone of the site."""
    speed: float
    """Campus seconds in a wall second."""
    alarms: dict[str, int]
    """Alarms that need someone (active or cleared unseen), by priority "1".."4"."""
    unacknowledged: int
    doors_open: int
    gateways_online: int
    gateways: int
    devices_lost: int
    pending: int
    """Gateways and devices waiting for approval."""
    readings_per_s: float
    readings: int
    """Stored since the hub's data began."""
    events: int
    lost: int
    doubled: int
    repeated: int
    """Came again and were dropped: the proof that resending works."""
    quarantined: int
    historians: list["HistorianStatus"]
    store_problem: Text | None = None
    """Why nothing is being stored just now (full disk)."""


class Totals(Shape):
    """What happened since this hub process began."""

    decisions: int
    alarms_raised: int
    alarms_cleared: int


class HistorianStatus(Shape):
    name: str
    points_written: int
    behind: int
    """Journal entries it has yet to take."""
    problem: str = ""


class Step(Shape):
    text: Text


class AlarmEntry(Shape):
    """One line of an alarm's timeline."""

    at_ms: int
    what: str
    """raised, acknowledged, cleared, shelved, unshelved, notified, notice_failed, normal, commented."""
    by: str = ""
    note: str = ""


class Alarm(Shape):
    """An alarm with all its card shows."""

    id: int
    rule: str
    rule_title: Text
    subject: str
    priority: Literal[1, 2, 3, 4]
    state: Literal["pending", "active", "acknowledged", "cleared_unseen", "normal"]
    shelved_until_ms: int | None = None
    suppressed: bool = False
    raised_ms: int
    changed_ms: int
    title: Text
    place: str
    place_name: Text
    device: str = ""
    door: str = ""
    zone: str = ""
    person: str = ""
    person_name: str = ""
    value: float | None = None
    limit: float | None = None
    unit: str = ""
    why: list[Text]
    todo: list[Text]
    call: Text | None = None
    """Whom to call."""
    camera: str = ""
    """Device id of the camera that looks there."""
    still: int | None = None
    """Evidence id: /api/evidence/{still}."""
    times_this_week: int = 1
    shelvable: bool = True
    timeline: list[AlarmEntry] = []


class Acknowledge(Shape):
    note: Note = ""


class Shelve(Shape):
    minutes: Annotated[int, Field(ge=1, le=1440)]
    reason: Reason


class Passage(Shape):
    """One decision at a door, for the gate desk and the door's list."""

    id: int
    at_ms: int
    door: str
    door_name: Text
    lane: bool
    granted: bool
    reason: str
    reason_text: Text
    next_step: Text
    person: str = ""
    name: str = ""
    name_en: str = ""
    initials: str = ""
    group: str = ""
    photo: bool = False
    """/api/people/{person}/photo exists."""
    credential_tail: str = ""


class Door(Shape):
    id: str
    name: Text
    place: str
    zone: str
    gateway: str
    lane: bool
    camera: str
    mode: Literal["normal", "unlocked", "locked", "released"]
    open: bool | None
    """None: not known (gateway or reader lost)."""
    online: bool
    since_ms: int
    last: Passage | None = None
    x: float | None = None
    y: float | None = None


class DoorAct(Shape):
    action: Literal["open", "unlock", "lock", "normal"]
    reason: Reason
    minutes: Annotated[int | None, Field(ge=1, le=1440)] = None
    """After this unlock or lock end by themselves."""


class CommandStatus(Shape):
    id: str
    action: str
    target: str
    requester: str
    at_ms: int
    status: Literal["sent", "done", "failed", "refused", "expired"]
    detail: str = ""
    value: float | None = None
    evidence: int | None = None


class Camera(Shape):
    id: str
    name: Text
    place: str
    zone: str
    state: Literal["ok", "covered", "moved", "lost", "unknown"]
    problem: str = ""
    motion: bool
    still: int | None
    """Newest evidence id."""
    still_ms: int | None
    x: float | None = None
    y: float | None = None


class PointValue(Shape):
    id: int
    name: str
    label: Text
    unit: str
    value: float | None
    quality: int
    """contract.quality.Quality"""
    quality_text: Text
    at_ms: int | None
    every_ms: int
    writable: bool
    minimum: float | None
    maximum: float | None
    states: dict[str, Text] = {}


class Device(Shape):
    id: str
    gateway: str
    family: str
    name: Text
    place: str
    zone: str
    model: str
    identity: str
    address: str
    state: Literal["live", "pending", "blocked"]
    online: bool
    problem: Text | None = None
    """Why it is lost, in words."""
    seen_ms: int | None
    points: int


class DeviceDetail(Device):
    values: list[PointValue]
    events: list["EventLine"]


class WritePoint(Shape):
    point: str
    value: float
    reason: Reason


class Gateway(Shape):
    id: str
    name: Text
    state: Literal["pending", "approved", "revoked"]
    online: bool
    since_ms: int | None
    software: str
    devices: int
    skew_ms: float | None
    policy_version: int
    wanted_policy_version: int
    code: str
    """Six digits from its public key, shown at both ends, to compare before approving."""
    lost: int
    doubled: int | None
    """None: not known. What is stored twice is told for the whole site (Status), by the historian's own count."""
    repeated: int
    backlog: int | None = None
    """Readings the gateway still keeps for the hub, as far as known."""


class Decide(Shape):
    """Approve or refuse something that waits."""

    approve: bool
    reason: str = ""


class EventLine(Shape):
    id: int
    at_ms: int
    kind: str
    gateway: str
    device: str
    door: str
    zone: str
    person: str
    reason: str
    value: float | None
    text: str
    evidence: int | None = None


class History(Shape):
    """One point in a fixed number of buckets; null where there is nothing."""

    point: int
    device: str
    name: str
    label: Text
    unit: str
    start_ms: list[int]
    minimum: list[float | None]
    maximum: list[float | None]
    mean: list[float | None]
    last: list[float | None]
    bad: list[int]
    """Readings of bad quality in the bucket."""


class Energy(Shape):
    now_ms: int
    demand_kw: float | None
    """Mean of the running demand interval so far."""
    power_kw: float | None
    limit_kw: float | None
    interval_start_ms: int
    interval_s: int
    today_kwh: float | None
    yesterday_kwh: float | None
    curve: History | None
    yesterday: History | None
    meters: list["MeterLine"]


class MeterLine(Shape):
    device: str
    name: Text
    place: str
    power_kw: float | None
    today_kwh: float | None
    at_ms: int | None
    main: bool


class EditableLimit(Shape):
    path: str
    label: Text
    unit: str
    value: float | str
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None


class Rule(Shape):
    id: str
    engine: Literal["access", "security", "energy"]
    title: Text
    sentence: Text
    """The rule in words."""
    priority: int
    enabled: bool
    version: int
    changed_by: str
    changed_ms: int
    limits: list[EditableLimit]
    calendar: str
    active: int
    """Alarms it has raised and that are still there."""
    fired_24h: int


class RuleEdit(Shape):
    version: int
    """The version the edit started from; another one in between is a conflict (409)."""
    enabled: bool | None = None
    limits: dict[str, float | str] = {}
    reason: Reason


class TrialRequest(Shape):
    limits: dict[str, float | str] = {}
    hours: Annotated[int, Field(ge=1, le=720)] = 24


class TrialFire(Shape):
    subject: str
    title: Text
    raised_ms: int
    cleared_ms: int | None
    value: float | None


class Trial(Shape):
    """What the rule would have done."""

    from_ms: int
    to_ms: int
    readings: int
    events: int
    fired: list[TrialFire]


class RuleVersion(Shape):
    version: int
    changed_by: str
    changed_ms: int
    reason: str
    body: str


class Card(Shape):
    id: int
    tail: str
    """Its last four characters."""
    kind: str
    blocked: bool
    reason: str = ""


class Grant(Shape):
    id: int
    doors: str
    """Door id, zone:ID or "all"."""
    schedule: str
    valid_until_ms: int | None = None


class Person(Shape):
    id: str
    name: str
    name_en: str
    initials: str
    kind: str
    group: str
    photo: bool
    blocked: bool
    valid_until_ms: int | None
    cards: list[Card]


class PersonDetail(Person):
    grants: list[Grant]
    inherited: list[Grant]
    """From the groups the person is in."""
    passages: list[Passage]


class PersonPage(Shape):
    total: int
    people: list[Person]


class NewPerson(Shape):
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
    name: Annotated[str, Field(min_length=1, max_length=80)]
    name_en: Annotated[str, Field(max_length=80)] = ""
    kind: Literal["student", "teacher", "staff", "guard", "canteen", "visitor"]
    group: Annotated[str, Field(max_length=80)]
    """One or more groups, joined by ";"."""
    valid_until_ms: int | None = None


class NewCard(Shape):
    number: Annotated[str, Field(min_length=4, max_length=20)]
    """As printed or read; stored only as a keyed hash."""


class BlockCard(Shape):
    blocked: bool
    reason: Reason


class NewGrant(Shape):
    doors: Annotated[str, Field(max_length=80)]
    schedule: Annotated[str, Field(max_length=80)]
    valid_until_ms: int | None = None


class PersonEdit(Shape):
    blocked: bool | None = None
    group: str | None = None
    valid_until_ms: int | None = None
    reason: Reason


class Schedule(Shape):
    id: str
    title: Text


class AuditLine(Shape):
    id: int
    at_ms: int
    actor: str
    action: str
    subject: str
    detail: str


class QuarantineLine(Shape):
    id: int
    at_ms: int
    topic: str
    reason: str
    size: int
    count: int
    """How many like it since."""


class PlanPlace(Shape):
    id: str
    name: Text
    kind: Literal["building", "area"]
    zone: str
    x: float
    y: float
    width: float
    height: float


class Plan(Shape):
    """The site's plan in metres, y upwards, for Leaflet's CRS.Simple."""

    width: float
    height: float
    places: list[PlanPlace]
    names: dict[str, Text] = {}
    """Name of each place by its path (building, building/floor, building/floor/room) and of each zone by its id."""


class Found(Shape):
    """One line of the search over everything (the / key)."""

    kind: Literal["person", "door", "device", "rule", "alarm", "gateway", "camera"]
    id: str
    title: Text
    place: str = ""


class StreamHello(Shape):
    """First message of the stream (event `hello`)."""

    stream: str
    boot: str
    now_ms: int


class Interest(Shape):
    """Points a stream wants live: PUT /api/stream/{stream}/points."""

    points: Annotated[list[int], Field(max_length=5000)]


class LiveValues(Shape):
    """Event `values` of the stream: columns of equal length, only what changed, a few times a second."""

    now_ms: int
    points: list[int]
    values: list[float | None]
    quality: list[int]
    at_ms: list[int]


class LanguageChoice(Shape):
    language: Language


class PasswordChange(Shape):
    old: Annotated[str, Field(max_length=200)]
    new: Annotated[str, Field(min_length=10, max_length=200)]


class Comment(Shape):
    note: Annotated[str, Field(min_length=1, max_length=1000)]


class StillRequest(Shape):
    reason: Annotated[str, Field(max_length=300)] = ""


class EnrolToken(Shape):
    """A one-time enrolment token; shown once."""

    token: str
    expires_ms: int


class AuditCheck(Shape):
    """Whether the audit log is whole."""

    lines: int
    broken: int | None
    """Id of the first line that does not fit the one before it; null: all fit."""


class User(Shape):
    """Someone who may sign in."""

    username: str
    name: str
    roles: list[Role]
    language: Language
    disabled: bool


class NewUser(Shape):
    username: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,39}$")]
    name: Annotated[str, Field(min_length=1, max_length=80)]
    roles: Annotated[list[Role], Field(min_length=1)]
    language: Language = "zh-CN"


class UserCreated(Shape):
    user: User
    password: str
    """Generated; shown once, stored only as a hash."""


class UserEdit(Shape):
    name: Annotated[str | None, Field(min_length=1, max_length=80)] = None
    roles: Annotated[list[Role] | None, Field(min_length=1)] = None
    disabled: bool | None = None
    new_password: bool = False
    """Generate a new password, returned once; the user's sessions end."""
