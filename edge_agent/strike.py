"""A door's strike: what it should be, put through in order, told when it failed, and tried until it is so."""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, runtime_checkable

import structlog

from contract.messages import Event
from drivers.base import DeviceError, DeviceUnreachable, Driver, Writable
from edge_agent.outbox import Outbox

RETRY_S: Final = 10.0
"""Wall seconds between attempts to put a strike where it should be, while its device says nothing."""
SETTLE_S: Final = 2.0
"""So long after a write the device's reports may still be those from before it."""
_log = structlog.get_logger()


@runtime_checkable
class Answering(Protocol):
    """A reader that can show the decision."""

    async def feedback(self, granted: bool) -> None: ...  # noqa: FBT001


@dataclass(frozen=True, slots=True)
class Reply:
    """What to show at the reader that was used."""

    driver: Driver | None
    granted: bool


@dataclass(slots=True)
class _Job:
    """What to tell once the strike is where it should be, or could not be put there."""

    events: list[Event]
    reply: Reply | None
    done: asyncio.Future[str]
    strikes: bool


@dataclass(slots=True)
class Striker:
    """Serves one strike. `want` says what it should be; `tell` what to tell once that was tried.

    Only the last wish counts: one that came too late is never sent, or a door would open after it was locked.
    """

    device: str
    point: str
    drivers: Mapping[str, Driver]
    outbox: Outbox
    door: str
    wanted: bool = False
    is_so: bool = False
    """The device was told what is wanted and did not object."""
    _jobs: deque[_Job] = field(default_factory=deque)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _lost: bool | None = None
    """None until it worked once."""
    _written_s: float = 0.0
    _asked: bool = False

    def want(self, *, on: bool) -> None:
        """The strike should be on (free) or off from now on."""
        self.wanted, self.is_so, self._asked = on, False, True
        self._news.set()

    def tell(self, events: list[Event], reply: Reply | None) -> asyncio.Future[str]:
        """After what is wanted was tried: show the decision and tell events. The future: why it failed, or ""."""
        done: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        if not events and reply is None and not self._asked:
            done.set_result("")
            return done
        self._jobs.append(_Job(events, reply, done, self._asked))
        self._asked = False
        self._news.set()
        return done

    def seen(self, value: float) -> None:
        """The device reports its output: one that restarted has forgotten what it was told."""
        if asyncio.get_running_loop().time() - self._written_s < SETTLE_S:
            return
        if self.is_so and (value != 0) != self.wanted:
            _log.warning("strike_differs", door=self.door, wanted=self.wanted)
            self.is_so = False
        if not self.is_so:
            self._news.set()

    async def run(self) -> None:
        """Serve until cancelled. What was not told by then is told then."""
        try:
            while True:
                self._news.clear()
                while self._jobs:
                    await self._serve(self._jobs[0])
                    self._jobs.popleft()
                if not self.is_so and not self._news.is_set():
                    await self._put()
                await self._wait()
        finally:
            for job in self._jobs:
                self._tell(job, "the gateway stopped")

    async def _wait(self) -> None:
        try:
            await asyncio.wait_for(self._news.wait(), None if self.is_so else RETRY_S)
        except TimeoutError:
            pass

    async def _serve(self, job: _Job) -> None:
        why = await self._put() if job.strikes and not self.is_so else ""
        if job.reply and isinstance(job.reply.driver, Answering):
            try:
                await job.reply.driver.feedback(job.reply.granted)
            except DeviceError as error:
                _log.info("feedback_failed", door=self.door, why=str(error))
        self._tell(job, why)

    def _tell(self, job: _Job, why: str) -> None:
        for event in job.events:
            if why and job.strikes:
                event.data = {**event.data, "strike": why}
            self.outbox.add_event(event)
        job.events = []
        if not job.done.done():
            job.done.set_result(why)

    async def _put(self) -> str:
        """Tell the device; return why it failed, "" when it obeyed."""
        on = self.wanted
        try:
            driver = self.drivers.get(self.device)
            if not isinstance(driver, Writable):
                raise DeviceUnreachable(f"{self.device} is not there or can't be written")
            await driver.write(self.point, float(on))
        except DeviceError as error:
            if self._lost is False:
                _log.error("strike_failed", door=self.door, device=self.device, on=on, why=str(error))
                self._lost = True
            return str(error) or type(error).__name__
        finally:
            self._written_s = asyncio.get_running_loop().time()
        if self._lost:
            _log.info("strike_back", door=self.door)
        self._lost = False
        self.is_so = on == self.wanted
        return ""
