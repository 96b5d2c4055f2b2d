"""What a camera says over ONVIF: who it is, where its video is, and its events (PullPoint, renewed)."""

import asyncio
import contextlib
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from zeep.exceptions import Error as ZeepError
from zeep.exceptions import Fault, TransportError

from drivers.base import DeviceError, DeviceGarbage, DeviceRefused, DeviceSilent, DeviceUnreachable
from drivers.camera.settings import CameraSettings
from drivers.camera.topics import Said, meaning, notices

_root = logging.getLogger()
_before = (_root.level, list(_root.handlers))
from onvif import ONVIFCamera  # noqa: E402
from onvif.exceptions import ONVIFError  # noqa: E402
from onvif.transport import ASYNC_TRANSPORT  # noqa: E402

_root.setLevel(_before[0])  # importing onvif sets up the whole process's logging: undo that
_root.handlers[:] = _before[1]
logging.getLogger("onvif").setLevel(logging.ERROR)
ASYNC_TRANSPORT._close_session = False  # noqa: SLF001 - it reads files only; closing it at exit prints a traceback

_SUBSCRIBED_FOR: Final = timedelta(seconds=75)
"""The library renews at four fifths."""
_PULL_FOR_S: Final = 5
_MANY: Final = 100
_RETRY_S: Final = (1.0, 5.0, 15.0, 60.0)
_ENOUGH_WIDTH: Final = 640
_NOT_AUTHORISED: Final = re.compile("not ?authori[sz]ed|failed ?authentication|unauthori[sz]ed", re.IGNORECASE)
_STRANGE: Final = (ZeepError, ONVIFError, AttributeError, LookupError, TypeError, ValueError)
"""What zeep raises when a reply is not what the schema says."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a camera says it is."""

    vendor: str
    model: str
    serial: str
    firmware: str


class OnvifSession:
    """One camera's ONVIF side; `said` tells what the camera says of itself, True begins and False ends."""

    def __init__(self, settings: CameraSettings, said: Callable[[Said], None]) -> None:
        self._settings, self._said = settings, said
        where = urlsplit(settings.onvif)
        self._host = f"{where.scheme}://{where.hostname}"
        self._port = where.port or (443 if where.scheme == "https" else 80)
        self._where = f"{where.hostname}:{self._port}"
        self._camera: Any = None
        self._active: dict[str, Said] = {}
        self.identity: Identity | None = None
        self.problem: DeviceError | None = None
        """Why ONVIF does not work now; None while it does."""

    async def connect(self) -> str:
        """Log in and return the RTSP address of the smallest sufficient stream; raise a `DeviceError`."""
        settings = self._settings
        await self.disconnect()
        try:
            with self._errors():
                async with asyncio.timeout(settings.timeout_s * 2):
                    self._camera = ONVIFCamera(self._host, self._port, settings.username or None,
                                               settings.password.get_secret_value() or None,
                                               no_cache=True, adjust_time=True)
                    await self._camera.update_xaddrs()
                    self.identity = await self._identify()
                    url = await self._stream_uri()
        except DeviceError as error:
            self.problem = error
            await self.disconnect()
            raise
        self.problem = None
        return url

    async def disconnect(self) -> None:
        """Let go of every connection."""
        camera, self._camera = self._camera, None
        if camera:
            with contextlib.suppress(OSError, aiohttp.ClientError):
                await camera.close()

    async def run(self) -> None:
        """Pull events until cancelled; a camera without events service, or one that fails, is asked again later."""
        failures = 0
        while True:
            try:
                if self._camera is None:
                    await self.connect()
                await self._pull_all()
            except DeviceError as error:
                failures = 1 if self.problem is None else failures + 1
                self.problem = error
                self._end_all()
                await self.disconnect()
            await asyncio.sleep(_RETRY_S[min(failures, len(_RETRY_S) - 1)])

    async def _pull_all(self) -> None:
        """Subscribe and pull until something fails; raise a `DeviceError` then."""
        with self._errors():
            async with asyncio.timeout(self._settings.timeout_s * 2):
                manager = await self._camera.create_pullpoint_manager(_SUBSCRIBED_FOR, lambda: None)
            self.problem = None
            try:
                while True:
                    await self._pull(manager.get_service())
            finally:
                with contextlib.suppress(TimeoutError, *_STRANGE, aiohttp.ClientError, OSError):
                    async with asyncio.timeout(1):
                        await manager.shutdown()

    async def _pull(self, service: Any) -> None:
        async with asyncio.timeout(_PULL_FOR_S + self._settings.timeout_s):
            reply = await service.PullMessages({"Timeout": timedelta(seconds=_PULL_FOR_S), "MessageLimit": _MANY})
        for notice in notices(reply):
            said = meaning(notice)
            if said and said.active != (said.source in self._active):
                if said.active:
                    self._active[said.source] = said
                else:
                    del self._active[said.source]
                self._said(said)

    def _end_all(self) -> None:
        """Whatever the camera said last, it says nothing now."""
        for said in self._active.values():
            self._said(Said(said.kind, said.source, active=False, topic=said.topic))
        self._active.clear()

    async def _identify(self) -> Identity:
        told = await (await self._camera.create_devicemgmt_service()).GetDeviceInformation()
        return Identity(*(str(getattr(told, name, None) or "")
                          for name in ("Manufacturer", "Model", "SerialNumber", "FirmwareVersion")))

    async def _stream_uri(self) -> str:
        if self._settings.rtsp:
            return self._settings.rtsp
        media = await self._camera.create_media_service()
        profiles = await media.GetProfiles()
        if not profiles:
            raise DeviceGarbage(f"the camera at {self._where} names no media profile")
        setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
        reply = await media.GetStreamUri({"StreamSetup": setup, "ProfileToken": _best(profiles).token})
        where = urlsplit(str(reply.Uri))
        if where.scheme != "rtsp" or not where.hostname:
            raise DeviceGarbage(f"the camera at {self._where} names no RTSP address of its stream")
        netloc = where.netloc.rpartition("@")[2]  # some cameras put a log-in into it
        return where._replace(netloc=netloc).geturl()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn the libraries' errors into ours."""
        try:
            yield
        except TimeoutError as error:
            raise DeviceSilent(f"ONVIF at {self._where} does not answer in time") from error
        except (aiohttp.ClientConnectorError, ConnectionError) as error:
            raise DeviceUnreachable(f"nothing answers ONVIF at {self._where}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise DeviceSilent(f"ONVIF at {self._where} breaks off: {type(error).__name__}") from error
        except _STRANGE as error:
            raise self._named(error) from error

    def _named(self, error: Exception) -> DeviceError:
        code = error.status_code if isinstance(error, TransportError) else None
        words = f"{error} {error.code} {error.subcodes}" if isinstance(error, Fault) else ""
        if code in (401, 403) or _NOT_AUTHORISED.search(words):
            return DeviceRefused(f"the camera at {self._where} refuses user name {self._settings.username or '(none)'} "
                                 "or its password over ONVIF: set username and password")
        if isinstance(error, Fault):
            return DeviceRefused(f"the camera at {self._where} refuses over ONVIF: {str(error)[:120]}")
        return DeviceGarbage(f"what answers at {self._where} does not speak ONVIF ({type(error).__name__})")


def _best(profiles: list[Any]) -> Any:
    """The narrowest profile that is wide enough, since each picture is decoded; otherwise the widest."""
    def width(profile: Any) -> int:
        encoder = getattr(profile, "VideoEncoderConfiguration", None)
        return int(getattr(getattr(encoder, "Resolution", None), "Width", 0) or 0)
    enough = [profile for profile in profiles if width(profile) >= _ENOUGH_WIDTH]
    return min(enough, key=width) if enough else max(profiles, key=width)
