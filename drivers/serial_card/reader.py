"""A serial card reader or QR scanner as a driver."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

import numpy as np
import structlog

from contract.messages import Text
from contract.quality import Quality
from drivers.base import DeviceEvent, DeviceUnreachable, PointSpec, Samples
from drivers.feed import Feed
from drivers.serial_card.parsing import Parser, Presentations
from drivers.serial_port import SerialPort

POINTS: Final = (
    PointSpec(name="online", label=Text(en="Online", zh="在线"),
              states={"0": Text(en="no", zh="否"), "1": Text(en="yes", zh="是")}),
    PointSpec(name="frames", label=Text(en="Frames read", zh="读取次数"), minimum=0),
    PointSpec(name="bad_frames", label=Text(en="Misreads", zh="误读次数"), minimum=0),
)

log = structlog.get_logger(__name__)


class SerialCardDriver:
    """A reader that reports by itself. Unplugged: `DeviceUnreachable`; close, and open again later."""

    points: Sequence[PointSpec] = POINTS

    def __init__(self, path: str, baudrate: int, parser: Callable[[], Parser]) -> None:
        self._path, self._baudrate = path, baudrate
        self._make_parser = parser
        self._parser = parser()
        self._presentations = Presentations()
        self._feed = Feed()
        self._port: SerialPort | None = None

    async def open(self) -> None:
        """Open the port; raise `DeviceUnreachable` when it is not there."""
        await self.close()
        self._parser = self._make_parser()
        self._feed = Feed()
        self._port = SerialPort(self._path, self._baudrate, self._on_bytes, self._on_lost)

    async def read(self) -> Samples:
        """Return the counts since the port was opened; raise `DeviceUnreachable` when it is gone."""
        self._require()
        values = np.array([1.0, self._parser.frames, self._parser.bad_frames])
        return Samples(values, np.full(len(POINTS), Quality.GOOD, np.uint8))

    async def events(self) -> AsyncIterator[DeviceEvent]:
        """Yield each credential presented, once however long it is held."""
        async for event in self._feed.events():
            yield event

    async def close(self) -> None:
        """Let go of the port."""
        port, self._port = self._port, None
        if port:
            port.close()
        self._feed.close()

    def _require(self) -> SerialPort:
        if self._port is None or self._port.closed:
            raise DeviceUnreachable(f"the serial port {self._path} is not open")
        return self._port

    def _on_bytes(self, received: bytes) -> None:
        now = asyncio.get_running_loop().time()
        for credential in self._parser.feed(received):
            if self._presentations.is_new(credential, now):
                self._feed.push(DeviceEvent(kind="credential", text=credential))

    def _on_lost(self, problem: DeviceUnreachable) -> None:
        log.warning("reader lost", port=self._path, why=str(problem))
        self._feed.push(problem)
        self._feed.close()
