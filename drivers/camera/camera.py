"""A camera as a driver: video watched on its own thread, ONVIF beside it; each may fail without the other."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import ClassVar, Final

import numpy as np

from contract.messages import Text
from contract.quality import Quality
from drivers.base import DeviceError, DeviceEvent, DeviceRefused, DeviceSilent, PointSpec, Samples
from drivers.camera.analysis import masks_of
from drivers.camera.onvif_session import Identity, OnvifSession
from drivers.camera.settings import CameraSettings
from drivers.camera.stream import VideoStream
from drivers.camera.topics import Said
from drivers.camera.watch import Change, Watch
from drivers.feed import Feed

_OFF_ON: Final = {"0": Text("no", "否"), "1": Text("yes", "是")}
POINTS: Final = (
    PointSpec(name="online", label=Text("Picture", "画面在线"), states=_OFF_ON),
    PointSpec(name="fps", unit="1/s", label=Text("Frame rate", "帧率"), minimum=0, deadband=1),
    PointSpec(name="motion", label=Text("Motion", "移动侦测"), states=_OFF_ON),
    PointSpec(name="covered", label=Text("Covered", "镜头遮挡"), states=_OFF_ON),
    PointSpec(name="moved", label=Text("Moved", "镜头移位"), states=_OFF_ON),
    PointSpec(name="brightness", unit="%", label=Text("Brightness", "亮度"), minimum=0, maximum=100, deadband=2),
    PointSpec(name="sharpness", unit="%", label=Text("Sharpness", "清晰度"), minimum=0, maximum=100, deadband=2),
    PointSpec(name="learn_view", label=Text("Accept this view", "接受当前画面"), writable=True, minimum=0, maximum=1,
              states=_OFF_ON),
)
_PICTURE: Final = "picture"
"""Who says so: our own look at the picture, rather than the camera over ONVIF."""


class Camera:
    """One camera. `events` and `read` work while it is open; a stream that breaks off is opened again by itself."""

    def __init__(self, settings: CameraSettings) -> None:
        self.settings = settings
        self._watch = Watch(masks_of(settings.zones))
        self._stream = VideoStream(settings, self._watch, self._from_thread)
        self._onvif = OnvifSession(settings, self._on_said) if settings.onvif else None
        self._pulling: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._feed = Feed()
        self._told: dict[tuple[str, str], set[str]] = {}

    @property
    def points(self) -> Sequence[PointSpec]:
        return POINTS

    @property
    def identity(self) -> Identity | None:
        """What the camera says it is; None without ONVIF."""
        return self._onvif.identity if self._onvif else None

    async def open(self) -> None:
        """Connect both ways. Raises a `DeviceError` when the log-in is refused or neither way works."""
        self._loop = asyncio.get_running_loop()
        self._feed.reopen()
        url, problem = self.settings.rtsp, None
        if self._onvif:
            try:
                url = await self._onvif.connect()
            except DeviceError as error:
                if not url:
                    raise
                problem = error
        self._stream.start(url)
        try:
            settled = await asyncio.to_thread(self._stream.settled.wait, 3 * self.settings.timeout_s + 3)
            self._judge_opening(problem, settled=settled)
        except BaseException:
            await self.close()
            raise
        if self._onvif:
            self._pulling = asyncio.create_task(self._onvif.run(), name=f"ONVIF events {self.settings.onvif}")

    def _judge_opening(self, onvif_problem: DeviceError | None, *, settled: bool) -> None:
        video_problem = self._stream.problem if settled else DeviceSilent("no picture in time")
        if video_problem is None:
            return
        if isinstance(video_problem, DeviceRefused) or self._onvif is None or onvif_problem is not None:
            raise video_problem

    async def read(self) -> Samples:
        """Return what the last picture told; raises a `DeviceError` when there is neither video nor ONVIF."""
        video, onvif = self._stream.problem, self._onvif.problem if self._onvif else None
        if video and (self._onvif is None or onvif):
            raise video
        values = np.zeros(len(POINTS))
        quality = np.full(len(POINTS), video.quality if video else Quality.GOOD, np.uint8)
        quality[0] = quality[-1] = Quality.GOOD
        scores = self._watch.scores
        if video is None and scores:
            states = (self._is_on("motion"), self._is_on("covered"), self._is_on("moved"))
            values[:7] = (not self._is_on("lost"), self._stream.fps, *states, 100 * scores.brightness,
                          100 * scores.sharpness)
        words = [f"no picture: {video}" if video else "", f"video works, ONVIF does not: {onvif}" if onvif else ""]
        return Samples(values, quality, "; ".join(filter(None, words)))

    async def write(self, point: str, value: float) -> float:
        """Set `learn_view` to 1 to take the present view as the right one; it reads back 0 once taken."""
        if point != "learn_view":
            raise DeviceRefused(f"a camera has no settable point {point}; only learn_view")
        if value:
            self._stream.learn()
        return value

    def events(self) -> AsyncIterator[DeviceEvent]:
        """Yield what begins and ends, until closed; what was not taken waits for the next call."""
        return self._feed.events()

    async def still(self, quality: int = 80, width: int = 640) -> bytes:
        """Return the newest picture as JPEG; raise `DeviceSilent` when it is older than the time-out."""
        return self._stream.still(quality, width)

    async def still_before(self, seconds: float) -> bytes:
        """Return the JPEG of so many (wall) seconds ago, at most ten; raise `DeviceSilent` when there is none."""
        return self._stream.still_before(seconds)

    async def close(self) -> None:
        """End the thread and the connections; waits for FFmpeg, at most about the time-out."""
        if self._pulling:
            self._pulling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._pulling
            self._pulling = None
        if self._onvif:
            await self._onvif.disconnect()
        await asyncio.to_thread(self._stream.stop)
        self._loop = None
        self._feed.close()

    def _is_on(self, kind: str) -> bool:
        return any(sources for (told, _), sources in self._told.items() if told == kind)

    def _from_thread(self, change: Change) -> None:
        if loop := self._loop:
            with contextlib.suppress(RuntimeError):  # the loop may be gone while the thread ends
                loop.call_soon_threadsafe(self._on_change, change)

    def _on_change(self, change: Change) -> None:
        kind, source = ("lost", "frozen") if change.kind == "frozen" else (change.kind, _PICTURE)
        self._tell(kind, change.name, source, change.text, active=change.value > 0)

    def _on_said(self, said: Said) -> None:
        text = f"the camera says so ({said.topic})" if said.active else "the camera says it is over"
        self._tell(said.kind, "", said.source, text, active=said.active)

    def _tell(self, kind: str, name: str, source: str, text: str, *, active: bool) -> None:
        """Queue an event when the first source says so, and when the last one takes it back."""
        sources = self._told.setdefault((kind, name), set())
        before = bool(sources)
        if active:
            sources.add(source)
        else:
            sources.discard(source)
        if bool(sources) == before:
            return
        self._feed.push(DeviceEvent(kind=kind, name=name, value=float(active), text=text))


class CameraFactory:
    """Makes cameras; they share nothing."""

    settings: ClassVar[type[CameraSettings]] = CameraSettings

    def create(self, settings: CameraSettings) -> Camera:
        """Make a camera's driver; nothing is opened yet."""
        return Camera(settings)

    async def close(self) -> None:
        """Nothing is shared."""
