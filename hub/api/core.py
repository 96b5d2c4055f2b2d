"""What the HTTP API needs from the hub's core. `hub.service` fulfils it; tests bring a small one of their own.

Methods without `async` are called on the event loop and answer from memory or by a short read, unless they are marked
*blocking*: those are called in a worker thread. Every method that changes something takes who asked (`by`), returns
when the change is durable, and writes its line with `hub.audit.write` in the same commit. What can't be done is raised
as `Refusal`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, TypeVar

from sqlalchemy import Connection

from contract.messages import Text
from hub.api import shapes
from hub.people import PeopleFile
from hub.site import Site

T = TypeVar("T")
AlarmList = list[shapes.Alarm]
RuleList = list[shapes.Rule]
RuleVersions = list[shapes.RuleVersion]
Action = Literal["write", "door_open", "door_unlock", "door_lock", "door_normal", "door_release",
                 "door_restore", "still", "show"]


class Refusal(Exception):
    """A request that is not done, with the HTTP status and the words for whoever asked."""

    def __init__(
        self, status: int, code: str, message: Text, fields: Sequence[shapes.FieldProblem] = (), *,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(f"{code}: {message.en}")
        self.status = status
        self.code = code
        self.message = message
        self.fields = list(fields)
        self.retry_after_s = retry_after_s


def not_found(kind: Text, identity: object) -> Refusal:
    """Describe that there is no such thing; kind: e.g. Text("door", "门")."""
    return Refusal(404, "not_found", Text(f"There is no {kind.en} {identity}.", f"没有{kind.zh} {identity}。"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """What the API is told once, at the start."""

    site: Site
    people: PeopleFile
    card_key: bytes
    """Key of `contract.sealing.credential_hash`, 32 bytes."""
    console: Path
    """Folder of the built console (index.html, assets/)."""
    secure_cookie: bool = False
    """The hub is served over TLS, so the session cookie may travel over nothing else."""


class Reader(Protocol):
    """The state database, for reading (hub.store.Store)."""

    def read(self) -> AbstractContextManager[Connection]: ...


class Writer(Protocol):
    """The one writer (hub.commit.Committer)."""

    def change(self, work: Callable[[Connection], T], /) -> Awaitable[T]:
        """Run work inside the next commit, in a savepoint, on the writer thread; return when it is durable."""
        ...


class Alarms(Protocol):
    def list(self, *, open_only: bool, limit: int) -> AlarmList:
        """Return alarms, those that need someone first, then newest first."""
        ...

    def get(self, alarm: int) -> shapes.Alarm: ...

    async def acknowledge(self, alarm: int, *, by: str, note: str) -> shapes.Alarm: ...

    async def shelve(self, alarm: int, *, until_ms: int, by: str, reason: str) -> shapes.Alarm: ...

    async def unshelve(self, alarm: int, *, by: str) -> shapes.Alarm: ...

    async def comment(self, alarm: int, *, by: str, note: str) -> shapes.Alarm: ...


class Rules(Protocol):
    def list(self) -> RuleList: ...

    def get(self, rule: str) -> shapes.Rule: ...

    async def save(self, rule: str, edit: shapes.RuleEdit, *, by: str) -> shapes.Rule:
        """Store a new version and run it; `Refusal` 409 unless edit.version is the newest, 422 with field problems."""
        ...

    def versions(self, rule: str) -> RuleVersions:
        """Return every version, newest first."""
        ...

    def trial(self, rule: str, request: shapes.TrialRequest) -> shapes.Trial:
        """Run the rule, changed as asked, over stored history. Blocking."""
        ...


class LiveMessage(NamedTuple):
    """One event of the stream; `body` is the JSON of its shape, made once and shared by all streams."""

    event: str
    id: str
    """<boot>-<seq>"""
    body: bytes


class LiveStream(Protocol):
    """One listener's bounded queue. Iterating ends when the hub stops or the stream is closed."""

    @property
    def id(self) -> str: ...

    def __aiter__(self) -> AsyncIterator[LiveMessage]: ...

    def set_points(self, points: Sequence[int]) -> None:
        """Say which points' values this stream wants (event `values`)."""
        ...

    def close(self) -> None: ...


class Live(Protocol):
    def subscribe(self, *, user: str, last_id: str = "") -> LiveStream:
        """Open a stream; its first message is `hello`. last_id: what a returning browser saw last."""
        ...

    def stream(self, identity: str, *, user: str) -> LiveStream | None:
        """Return an open stream of this user, None when there is none."""
        ...


class Core(Protocol):
    """The hub behind the API."""

    @property
    def store(self) -> Reader: ...
    @property
    def commit(self) -> Writer: ...
    @property
    def settings(self) -> ApiSettings: ...
    @property
    def alarms(self) -> Alarms: ...
    @property
    def rules(self) -> Rules: ...
    @property
    def live(self) -> Live: ...

    def now_ms(self) -> int:
        """Return campus time, UTC ms."""
        ...

    def status(self) -> shapes.Status: ...

    def totals(self) -> shapes.Totals: ...

    def doors(self) -> list[shapes.Door]: ...

    def cameras(self) -> list[shapes.Camera]: ...

    def devices(self) -> list[shapes.Device]: ...

    def device(self, device: str) -> shapes.DeviceDetail: ...

    def gateways(self) -> list[shapes.Gateway]: ...

    async def decide_device(self, device: str, *, approve: bool, by: str, reason: str) -> shapes.Device: ...

    async def decide_gateway(self, gateway: str, *, approve: bool, by: str, reason: str) -> shapes.Gateway: ...

    async def new_token(self, *, by: str) -> shapes.EnrolToken:
        """Make a one-time token by which a new gateway is approved without asking."""
        ...

    async def send_command(
        self, *, requester: str, action: Action, device: str = "", door: str = "", point: str = "",
        value: float | None = None, text: str = "", until_ms: int = 0, reason: str = "",
    ) -> shapes.CommandStatus:
        """Store a command and send it to the gateway that serves the device or door."""
        ...

    def command(self, command: str) -> shapes.CommandStatus: ...

    def history(self, point: int, *, from_ms: int, to_ms: int, buckets: int) -> shapes.History:
        """Read one point from the historian. Blocking."""
        ...

    def energy(self) -> shapes.Energy:
        """Return demand, energy and meters of today. Blocking."""
        ...

    async def people_changed(self) -> None:
        """Compile the policies anew (`hub.people.compile_policies`) and publish them to the gateways."""
        ...
