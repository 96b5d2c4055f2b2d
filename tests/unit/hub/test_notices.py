"""Notices: sent once, tried again, never in silence. The channels are the lowest seam; the store is real."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select
from structlog.testing import capture_logs

from contract.configuration import ConfigurationMistakes, parse
from hub.commit import Committer
from hub.notify import BACKOFF_S, Notices, NotifySettings
from hub.settings import HubSettings
from hub.store import Store
from hub.tables import alarm_log, notices

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")  # in a library, not ours
ONE, TWO = "json://127.0.0.1:9/one-secret", "xml://127.0.0.1:9/two-secret"


class Channels:
    """Takes texts, or does not."""

    def __init__(self) -> None:
        self.broken: set[str] = set()
        self.taken: list[tuple[str, str]] = []
        self.tried = 0
        self.threads: set[str] = set()

    def send(self, url: str, title: str, body: str) -> bool:
        self.tried += 1
        self.threads.add(threading.current_thread().name)
        if url in self.broken:
            return False
        self.taken.append((url, title))
        return True


class Desk:
    """A store, a worker, and wall time in our hand."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "hub.db")
        self.commit = Committer(self.store, lambda: 500, interval_s=0.01)
        self.wall_ms = 1_000_000
        self.channels = Channels()
        self.settings = NotifySettings(gate=(ONE, TWO), security=(ONE,))
        self.worker = self.start()

    def start(self) -> Notices:
        return Notices(self.store, self.commit, self.settings, now_ms=lambda: 500, wall_ms=lambda: self.wall_ms,
                       notifier=self.channels)

    async def raise_one(self, audience: str) -> None:
        await self.commit.change(lambda connection: connection.execute(insert(notices).values(
            at_ms=400, alarm=3, audience=audience, title_en="Door forced", title_zh="强行开门")) and None)

    def rows(self) -> list[Any]:
        with self.store.read() as connection:
            return list(connection.execute(select(notices).order_by(notices.c.id)))

    def timeline(self) -> list[tuple[str, str]]:
        with self.store.read() as connection:
            return [(row.what, row.note) for row in connection.execute(select(alarm_log).order_by(alarm_log.c.id))]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path)
    running = asyncio.create_task(desk.commit.run())
    yield desk
    desk.commit.stop()
    await running
    desk.store.close()


async def test_a_notice_goes_to_every_channel_of_its_audience_once(desk: Desk) -> None:
    await desk.raise_one("gate")
    assert await desk.worker.send_waiting() == 1
    assert await desk.worker.send_waiting() == 0
    assert sorted(desk.channels.taken) == [(ONE, "强行开门 / Door forced"), (TWO, "强行开门 / Door forced")]
    assert desk.rows()[0].status == "sent"
    assert desk.timeline() == [("notified", "gate: json, xml")]
    assert "MainThread" not in desk.channels.threads


async def test_an_audience_without_a_channel_is_said_to_have_none(desk: Desk) -> None:
    await desk.raise_one("facilities")
    await desk.worker.send_waiting()
    assert (desk.rows()[0].status, desk.rows()[0].attempts) == ("none", 0)
    assert desk.channels.tried == 0


async def test_only_the_channel_that_failed_is_tried_again_later_each_time(desk: Desk) -> None:
    desk.channels.broken = {TWO}
    await desk.raise_one("gate")
    with capture_logs():
        await desk.worker.send_waiting()
        assert await desk.worker.send_waiting() == 0, "not before its time"
        desk.wall_ms += BACKOFF_S[0] * 1000
        assert await desk.worker.send_waiting() == 1
        desk.wall_ms += BACKOFF_S[0] * 1000
        assert await desk.worker.send_waiting() == 0, "the second wait is longer"
        desk.channels.broken = set()
        desk.wall_ms += BACKOFF_S[1] * 1000
        assert await desk.worker.send_waiting() == 1
    assert [url for url, _ in desk.channels.taken] == [ONE, TWO]
    assert desk.rows()[0].status == "sent"
    assert [what for what, _ in desk.timeline()] == ["notified", "notified"]


async def test_a_restart_between_tries_tells_nobody_twice(desk: Desk) -> None:
    desk.channels.broken = {TWO}
    await desk.raise_one("gate")
    with capture_logs():
        await desk.worker.send_waiting()
    desk.channels.broken = set()
    desk.settings = NotifySettings(gate=(TWO, ONE))
    desk.wall_ms += 10_000
    await desk.start().send_waiting()
    assert [url for url, _ in desk.channels.taken] == [ONE, TWO]


async def test_after_the_last_try_it_has_failed_and_the_alarm_says_so(desk: Desk) -> None:
    desk.channels.broken = {ONE}
    await desk.raise_one("security")
    with capture_logs() as logged:
        for _ in range(len(BACKOFF_S) + 1):
            assert await desk.worker.send_waiting() == 1
            desk.wall_ms += 1_000_000
        assert await desk.worker.send_waiting() == 0
    assert desk.channels.tried == len(BACKOFF_S) + 1
    assert desk.rows()[0].status == "failed"
    assert desk.timeline() == [("notice_failed", "security: json")]
    assert "secret" not in str(logged) + str(desk.rows()) + str(desk.timeline())


async def test_the_worker_wakes_for_a_new_notice_and_ends_when_cancelled(desk: Desk) -> None:
    running = asyncio.create_task(desk.worker.run())
    await desk.raise_one("security")
    desk.worker.wake()
    async with asyncio.timeout(10):
        while not desk.channels.taken:
            await asyncio.sleep(0.005)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


def test_a_channel_apprise_does_not_know_is_a_mistake_that_hides_the_address() -> None:
    with pytest.raises(ConfigurationMistakes) as error:
        parse("notify: {gate: ['nothing-like-it://token-123@host']}", "hub.yaml", HubSettings)
    assert error.value.mistakes[0].path == "notify.gate[0]"
    assert "token-123" not in str(error.value)
    assert "secret" not in repr(NotifySettings(gate=(ONE,)))
