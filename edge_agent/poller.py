"""The poller owns time: when each device is read, what counts as changed, when one that is lost is tried again.

Each device has a task of its own, so that a dead one never slows another.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import structlog
from numpy.typing import NDArray

from contract import kinds
from contract.clock import Clock
from contract.messages import Event
from contract.quality import WORDS, Quality
from drivers.base import DeviceError, DeviceUnreachable, Driver, PointSpec, Samples
from edge_agent.outbox import Outbox

RETRY_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Wall seconds between attempts to reach a lost device."""
ROOM_S: Final = 0.01
"""Wall seconds between looks whether the outbox has room again, for devices polled flat out."""
PATIENCE: Final = 2
"""Failures in a row before a device counts as lost: one late answer is no news."""
_log = structlog.get_logger()


class Changes:
    """What of a device's samples is worth sending: changes beyond the deadband, and everything once a refresh."""

    def __init__(self, points: Sequence[PointSpec], refresh_ms: int) -> None:
        self._deadband = np.array([point.deadband for point in points])
        self._plain = not self._deadband.any()
        self._refresh_ms = refresh_ms
        self._values = np.full(len(points), np.nan)
        self._quality = np.full(len(points), 255, np.uint8)
        self._sent_ms = -refresh_ms

    def pick(self, samples: Samples, now_ms: int) -> NDArray[np.intp] | None:
        """Return the positions to send; None means all of them."""
        values, quality = samples.values, samples.quality
        if now_ms - self._sent_ms >= self._refresh_ms:
            self._sent_ms = now_ms
            self._values, self._quality = values, quality
            return None
        changed = values != self._values if self._plain else ~(np.abs(values - self._values) <= self._deadband)
        changed |= quality != self._quality
        positions: NDArray[np.intp] = changed.nonzero()[0]
        if len(positions) == len(values):
            self._values, self._quality = values, quality
            return None
        if len(positions):
            self._values = self._values.copy()
            self._quality = self._quality.copy()
            self._values[positions] = values[positions]
            self._quality[positions] = quality[positions]
        return positions


class DevicePoller:
    """Reads one device again and again, and says once when it is lost and once when it is back."""

    def __init__(
        self, device: str, driver: Driver, *, numbers: NDArray[np.uint32], every_ms: int, refresh_ms: int,
        outbox: Outbox, clock: Clock, on_samples: Callable[[Samples], None] | None = None,
    ) -> None:
        self.device = device
        self.driver = driver
        self.online: bool | None = None
        self.problem = ""
        self._numbers = numbers
        self._every_ms = every_ms
        self._changes = Changes(driver.points, refresh_ms)
        self._outbox = outbox
        self._clock = clock
        self._on_samples = on_samples
        self._failures = 0
        self._values = np.full(len(driver.points), np.nan)

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            try:
                await self.driver.open()
                await self._poll()
            except DeviceError as error:
                self._failed(error)
            finally:
                await self.driver.close()
            await asyncio.sleep(RETRY_S[min(self._failures, len(RETRY_S)) - 1])

    async def _poll(self) -> None:
        loop = asyncio.get_running_loop()
        interval_s = self._clock.wall_s(self._every_ms)
        due = loop.time()
        while True:
            try:
                samples = await self.driver.read()
            except DeviceUnreachable:
                raise
            except DeviceError as error:
                self._failed(error)
                if interval_s == 0:
                    await asyncio.sleep(0)
            else:
                self._read(samples)
            if not interval_s:
                while not self._outbox.has_room:  # noqa: ASYNC110  # room comes and goes by itself
                    await asyncio.sleep(ROOM_S)
            else:
                due = max(due + interval_s, loop.time())
                await asyncio.sleep(due - loop.time())

    def _read(self, samples: Samples) -> None:
        if self.online is not True or self._failures:
            self._back()
        if samples.problem != self.problem:
            self.problem = samples.problem
            if samples.problem:
                _log.warning("device_problem", device=self.device, problem=samples.problem)
        self._values = samples.values
        self._send(samples)
        if self._on_samples:
            self._on_samples(samples)

    def _send(self, samples: Samples) -> None:
        now_ms = self._clock.now_ms()
        positions = self._changes.pick(samples, now_ms)
        if positions is None:
            self._outbox.add_readings(self._numbers, now_ms, samples.values, samples.quality)
        elif len(positions):
            self._outbox.add_readings(self._numbers[positions], now_ms, samples.values[positions],
                                      samples.quality[positions])

    def _failed(self, error: DeviceError) -> None:
        self._failures += 1
        if self.online is False or (self._failures < PATIENCE and self.online and error.quality is not Quality.GONE):
            return
        self.online = False
        self.problem = str(error)
        reason = error.quality.name.lower()
        _log.warning("device_lost", device=self.device, reason=reason, why=str(error))
        self._outbox.add_event(Event(
            kind=kinds.DEVICE_LOST, at_ms=self._clock.now_ms(), device=self.device, reason=reason,
            text=str(error) or WORDS[error.quality][0]))
        self._send(Samples(self._values, np.full(len(self._numbers), error.quality, np.uint8)))

    def _back(self) -> None:
        if self.online is not True:
            _log.info("device_back", device=self.device)
            self._outbox.add_event(Event(kind=kinds.DEVICE_BACK, at_ms=self._clock.now_ms(), device=self.device))
        self.online, self._failures, self.problem = True, 0, ""
