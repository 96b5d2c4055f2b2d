"""One camera's video: a thread that takes every picture off the line and looks at a few of them.

Opening and reading block, and a picture nobody takes waits and grows old: so each camera has a thread that grabs
all the time and hands only the pictures it looks at to Python.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.base import DeviceError, DeviceRefused, DeviceSilent
from drivers.camera import rtsp_probe
from drivers.camera.analysis import shrink
from drivers.camera.settings import CameraSettings, with_login
from drivers.camera.watch import Change, Watch

# FFmpeg and OpenCV print addresses, log-in included.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
cv2.setNumThreads(1)
Picture = NDArray[np.uint8]
_OPTIONS: Final = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
_QUICK: Final = "fflags;nobuffer|analyzeduration;700000|fpsprobesize;2"
"""FFmpeg otherwise watches 20 frames or 5 s to guess a rate nobody needs."""
_RING_EVERY_S: Final = 0.5
RING_S: Final = 10.0
"""How far back `still_before` reaches."""
_RING_WIDTH: Final = 640
_RING_QUALITY: Final = 80
_RETRY_S: Final = (0.5, 1.0, 2.0, 5.0)
_FPS_OVER_S: Final = 2.0


class _Gate:
    """FFmpeg's options are one environment variable a process: cameras of the same transport open side by side."""

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._transport = ""
        self._opening = 0

    @contextmanager
    def opening(self, transport: str) -> Iterator[None]:
        with self._turn:
            self._turn.wait_for(lambda: self._opening == 0 or self._transport == transport)
            self._opening += 1
            self._transport = transport
            os.environ[_OPTIONS] = f"rtsp_transport;{transport}|{_QUICK}"
        try:
            yield
        finally:
            with self._turn:
                self._opening -= 1
                self._turn.notify_all()


_gate = _Gate()


@dataclass(frozen=True, slots=True)
class Still:
    """A recent picture as JPEG and when it was taken (monotonic seconds)."""

    at_s: float
    jpeg: bytes


class VideoStream:
    """Keeps a camera's stream open and looks at it; lives from `start` to `stop`, on a thread of its own."""

    def __init__(self, settings: CameraSettings, watch: Watch, tell: Callable[[Change], None]) -> None:
        """`tell` is called on the stream's thread with what began or ended, kind "lost" included."""
        self._settings, self._watch, self._tell = settings, watch, tell
        self._stopping = threading.Event()
        self.settled = threading.Event()
        """Set once the first try to open has succeeded or failed."""
        self._thread: threading.Thread | None = None
        self._url = ""
        self._learn = False
        self.problem: DeviceError | None = None
        """Why there is no picture; None while there is."""
        self.fps = 0.0
        self._newest: tuple[float, Picture] | None = None
        self._ring: deque[Still] = deque(maxlen=round(RING_S / _RING_EVERY_S))

    def start(self, url: str) -> None:
        """Begin to show `url` (without log-in)."""
        self._url = url
        self._stopping.clear()
        self.settled.clear()
        self._thread = threading.Thread(target=self._run, name=f"camera {url}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; blocks for as long as FFmpeg does, at most the time-out."""
        self._stopping.set()
        if self._thread:
            self._thread.join()
        self._thread = self._newest = None
        self._ring.clear()

    def learn(self) -> None:
        """Take the next picture as the right view."""
        self._learn = True

    def still(self, quality: int, width: int) -> bytes:
        """Return the newest picture as JPEG; raise `DeviceSilent` when it is too old. Costs about 1 ms of CPU."""
        newest = self._newest
        age_s = time.monotonic() - newest[0] if newest else 0
        if newest is None or self.problem or age_s > self._settings.timeout_s + 1 / self._settings.fps:
            raise DeviceSilent(f"no picture for {age_s:.0f} s" if newest else "no picture yet")
        return encode(newest[1], quality, width)

    def still_before(self, seconds: float) -> bytes:
        """Return the picture of so many seconds ago, or the oldest kept; raise `DeviceSilent` when there is none."""
        wanted_s = time.monotonic() - seconds
        stills = list(self._ring)
        if not stills:
            raise DeviceSilent("no picture yet")
        return min(stills, key=lambda still: abs(still.at_s - wanted_s)).jpeg

    def _run(self) -> None:
        """Open, show, and when the stream ends open again, until stopped."""
        failures = 0
        while not self._stopping.is_set():
            try:
                self._show()
            except DeviceError as error:
                self._lose(error)
                failures = 0 if self.problem is None else failures + 1
            self.settled.set()
            self._stopping.wait(_RETRY_S[min(failures, len(_RETRY_S) - 1)])

    def _lose(self, error: DeviceError) -> None:
        """Tell of the loss once; a stream that is back within the time-out was not lost."""
        told = self.problem is not None
        just_now = self._newest is not None and time.monotonic() - self._newest[0] < self._settings.timeout_s
        if just_now and not isinstance(error, DeviceRefused):
            return
        self.problem, self.fps = error, 0.0
        if not told:
            self._tell(Change("lost", "", 1.0, str(error)))

    def _show(self) -> None:
        """Open the stream and look at it until it breaks off; raise a `DeviceError` then."""
        settings, password = self._settings, self._settings.password.get_secret_value()
        rtsp_probe.greet(self._url, settings.timeout_s)
        capture = self._open(with_login(self._url, settings.username, password))
        if capture is None:
            rtsp_probe.explain(self._url, settings.username, password, settings.timeout_s)
            raise DeviceSilent(f"the camera describes its stream and sends no picture over {settings.transport}")
        try:
            self._look(capture)
        finally:
            capture.release()

    def _open(self, url: str) -> cv2.VideoCapture | None:
        wait_ms = round(self._settings.timeout_s * 1000)
        with _gate.opening(self._settings.transport):
            capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG, [
                cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, wait_ms + 2000, cv2.CAP_PROP_READ_TIMEOUT_MSEC, wait_ms,
                cv2.CAP_PROP_N_THREADS, 1])
        if capture.isOpened():
            return capture
        capture.release()
        return None

    def _look(self, capture: cv2.VideoCapture) -> None:
        self._watch.resume()
        every_s = 1 / self._settings.fps
        due_s = ring_due_s = 0.0
        taken: deque[float] = deque(maxlen=64)
        while not self._stopping.is_set():
            if not capture.grab():
                raise DeviceSilent("the stream broke off or sends no more pictures")
            now_s = time.monotonic()
            taken.append(now_s)
            if now_s < due_s:
                continue
            due_s = max(due_s + every_s, now_s + every_s / 2)
            done, decoded = capture.retrieve()
            if not done:
                raise DeviceSilent("the pictures can't be decoded")
            picture = np.asarray(decoded, np.uint8)
            self.fps = _rate(taken, now_s)
            if now_s >= ring_due_s:
                ring_due_s = now_s + _RING_EVERY_S
                self._ring.append(Still(now_s, encode(picture, _RING_QUALITY, _RING_WIDTH)))
            self._take(picture, now_s)

    def _take(self, picture: Picture, now_s: float) -> None:
        if self._learn:
            self._learn = False
            self._watch.learn()
        self._newest = (now_s, picture)
        if self.problem is not None:
            self.problem = None
            self._tell(Change("lost", "", 0.0, "pictures again"))
        for change in self._watch.look(shrink(picture), now_s):
            self._tell(change)
        self.settled.set()


def encode(picture: Picture, quality: int, width: int) -> bytes:
    """Return a JPEG at most `width` pixels wide; `quality` is 1 to 100."""
    height, full = picture.shape[:2]
    if full > width:
        picture = np.asarray(cv2.resize(picture, (width, round(height * width / full)),
                                        interpolation=cv2.INTER_AREA), np.uint8)
    _, buffer = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return buffer.tobytes()


def _rate(taken: deque[float], now_s: float) -> float:
    """Pictures a second over the last two seconds."""
    recent = [at_s for at_s in taken if now_s - at_s <= _FPS_OVER_S]
    return (len(recent) - 1) / (now_s - recent[0]) if len(recent) > 1 else 0.0
