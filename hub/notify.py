"""Tells people about alarms through whatever channel they read (WeCom, DingTalk, Feishu, ntfy, mail ...), by apprise.

The engine stages a notice in the same commit as its alarm; this worker sends it and stores what came of it. A notice is
sent by each channel of its audience at most once after success; one that fails is tried again, later each time.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal, Protocol
from urllib.parse import urlsplit

import apprise
import structlog
from pydantic import AfterValidator, Field
from sqlalchemy import Connection, insert, select, update

from contract.configuration import Settings
from hub.api.core import Reader, Writer
from hub.tables import alarm_log, notices

Outcome = Literal["sent", "failed", "none"]
BACKOFF_S: Final = (5, 15, 60, 300, 900)
"""Wall seconds before each further attempt; after the last the notice has failed."""
IDLE_S: Final = 1.0
SEND_TIMEOUT_S: Final = 20
_AT_ONCE: Final = 8
_log = structlog.get_logger()
logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it would write channel addresses, which are secrets


def _channel(url: str) -> str:
    if not apprise.Apprise.instantiate(url, suppress_exceptions=True):
        raise ValueError("is no channel apprise knows; its address begins with wecombot://, dingtalk://, ntfy:// ...")
    return url


ChannelUrl = Annotated[str, AfterValidator(_channel)]
Channels = tuple[ChannelUrl, ...]


class NotifySettings(Settings):
    """Channels of each audience: apprise addresses. They are secrets: take them from the environment by ${NAME}."""

    gate: Channels = Field(default=(), repr=False)
    security: Channels = Field(default=(), repr=False)
    facilities: Channels = Field(default=(), repr=False)

    def channels(self, audience: str) -> tuple[str, ...]:
        return {"gate": self.gate, "security": self.security, "facilities": self.facilities}.get(audience, ())


class Notifier(Protocol):
    """Sends one text by one channel. Blocking."""

    def send(self, url: str, title: str, body: str) -> bool:
        """Tell whether the channel took it."""
        ...


class AppriseNotifier:
    """Sends by apprise."""

    def send(self, url: str, title: str, body: str) -> bool:
        client = apprise.Apprise()
        client.add(url)
        return bool(client.notify(body=body, title=title, timeout=SEND_TIMEOUT_S))


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice that waits. `sent`: marks of the channels that have taken it."""

    id: int
    alarm: int
    audience: str
    title_en: str
    title_zh: str
    attempts: int
    sent: frozenset[str]


class Notices:
    """The worker. Run `run` as a task; it ends when cancelled and leaves nothing half-told."""

    def __init__(
        self, store: Reader, commit: Writer, settings: NotifySettings, *, now_ms: Callable[[], int],
        wall_ms: Callable[[], int], notifier: Notifier | None = None,
        told: Callable[[int, str, str], None] | None = None,
    ) -> None:
        """now_ms: campus time, for the alarm's timeline; wall_ms: for back-off.

        told: is called after each delivery with (alarm, "notified" or "notice_failed", note) and writes the alarm's
        timeline; without it the line goes straight into alarm_log.
        """
        self._store = store
        self._commit = commit
        self._settings = settings
        self._now_ms = now_ms
        self._wall_ms = wall_ms
        self._notifier = notifier or AppriseNotifier()
        self._told = told
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Say that there may be a new notice, so that it need not wait for the next look."""
        self._wake.set()

    async def run(self) -> None:
        """Send what waits, for ever."""
        while True:
            if not await self.send_waiting():
                try:
                    await asyncio.wait_for(self._wake.wait(), IDLE_S)
                except TimeoutError:
                    pass
                self._wake.clear()

    async def send_waiting(self) -> int:
        """Try what is due; return how many notices that were."""
        due = await asyncio.to_thread(self._due)
        if due:
            await asyncio.gather(*map(self._deliver, due))
        return len(due)

    def _due(self) -> list[Notice]:
        with self._store.read() as connection:
            rows = connection.execute(
                select(notices).where(notices.c.status == "waiting", notices.c.next_ms <= self._wall_ms())
                .order_by(notices.c.id).limit(_AT_ONCE)).all()
        return [Notice(row.id, row.alarm, row.audience, row.title_en, row.title_zh, row.attempts,
                       _sent(row.detail)) for row in rows]

    async def _deliver(self, notice: Notice) -> None:
        urls = self._settings.channels(notice.audience)
        if not urls:
            await self._close(notice, "none", "no channel")
            return
        waiting = [url for url in urls if _mark(url) not in notice.sent]
        title, body = f"{notice.title_zh} / {notice.title_en}", f"{notice.title_zh}\n{notice.title_en}"
        sending = (asyncio.to_thread(self._notifier.send, url, title, body) for url in waiting)
        took = [url for url, taken in zip(waiting, await asyncio.gather(*sending), strict=True) if taken]
        sent = notice.sent | set(map(_mark, took))
        if took:
            await self._note(notice, sent, f"{notice.audience}: {_schemes(took)}")
        failed = [url for url in urls if _mark(url) not in sent]
        if not failed:
            await self._close(notice, "sent", "")
        elif notice.attempts < len(BACKOFF_S):
            _log.warning("notice_delayed", notice=notice.id, audience=notice.audience, channel=_schemes(failed))
            await self._again(notice, sent)
        else:
            await self._close(notice, "failed", f"{notice.audience}: {_schemes(failed)}")

    async def _note(self, notice: Notice, sent: frozenset[str], note: str) -> None:
        """Store at once which channels took it: a crash from here on tells nobody twice."""

        def work(connection: Connection) -> None:
            connection.execute(update(notices).where(notices.c.id == notice.id).values(detail=_detail(sent)))
            self._line(connection, notice, "notified", note)

        await self._commit.change(work)
        if self._told and notice.alarm:
            self._told(notice.alarm, "notified", note)

    async def _again(self, notice: Notice, sent: frozenset[str]) -> None:
        next_ms = self._wall_ms() + BACKOFF_S[notice.attempts] * 1000
        await self._commit.change(lambda connection: connection.execute(
            update(notices).where(notices.c.id == notice.id).values(
                attempts=notice.attempts + 1, next_ms=next_ms, detail=_detail(sent))) and None)

    async def _close(self, notice: Notice, outcome: Outcome, note: str) -> None:
        def work(connection: Connection) -> None:
            values = {"status": outcome, "attempts": notice.attempts + (outcome != "none")}
            connection.execute(update(notices).where(notices.c.id == notice.id).values(**values))
            if outcome == "failed":
                self._line(connection, notice, "notice_failed", note)

        await self._commit.change(work)
        if outcome == "failed":
            _log.error("notice_failed", notice=notice.id, channel=note)
            if self._told and notice.alarm:
                self._told(notice.alarm, "notice_failed", note)

    def _line(self, connection: Connection, notice: Notice, what: str, note: str) -> None:
        if self._told is None and notice.alarm:
            connection.execute(insert(alarm_log).values(
                alarm=notice.alarm, at_ms=self._now_ms(), what=what, by="hub", note=note))


def _schemes(urls: Sequence[str]) -> str:
    """Name channels without their secrets: wecombot, ntfy."""
    return ", ".join(urlsplit(url).scheme for url in urls)


def _mark(url: str) -> str:
    """Return what stands for a channel in the notice's row: its address is a secret."""
    return hashlib.sha256(url.encode()).hexdigest()[:12]


def _detail(sent: frozenset[str]) -> str:
    return ",".join(sorted(sent))


def _sent(detail: str) -> frozenset[str]:
    return frozenset(detail.split(",")) - {""}
