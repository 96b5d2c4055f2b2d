"""A class sign as a driver: asked how it is, told what to show, and listened to for swipes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

import aiohttp
import msgspec
import numpy as np

from contract.messages import Text
from contract.quality import Quality
from drivers.base import (
    DeviceEvent,
    DeviceGarbage,
    DeviceRefused,
    DeviceSilent,
    DeviceUnreachable,
    PointSpec,
    Samples,
)
from drivers.class_sign import vendor as vendors
from drivers.class_sign.pushes import look_up
from drivers.class_sign.receiver import Receiver, Subscriber
from drivers.class_sign.settings import SignSettings
from drivers.class_sign.vendor import Filled, RequestTemplate
from drivers.feed import Feed

POINTS: Final = (
    PointSpec(name="online", label=Text("Online", "在线"), states={"1": Text("yes", "是"), "0": Text("no", "否")}),
    PointSpec(name="battery", unit="%", label=Text("Battery", "电量"), minimum=0, maximum=100),
    PointSpec(name="brightness", unit="%", label=Text("Brightness", "亮度"), writable=True, minimum=0, maximum=100),
    PointSpec(name="screen_on", label=Text("Screen", "屏幕"), writable=True, minimum=0, maximum=1,
              states={"1": Text("on", "开"), "0": Text("off", "关")}),
)
_MAX_REPLY_BYTES: Final = 1_000_000


class ClassSign:
    """One class sign. It is in the receiver's books from `open` on, and stays there while it can't be reached."""

    def __init__(self, settings: SignSettings, receiver: Receiver) -> None:
        self.settings = settings
        self.model = ""
        self.device_id = settings.device_id
        self._vendor = vendors.load(settings.vendor)
        self._receiver = receiver
        self._session: aiohttp.ClientSession | None = None
        self._feed = Feed()
        self._subscriber = Subscriber(settings.password.get_secret_value(), self._feed.push)
        if self.device_id:
            receiver.know(settings.vendor, self.device_id, self._subscriber)

    @property
    def points(self) -> Sequence[PointSpec]:
        return POINTS

    async def open(self) -> None:
        """Ask the sign who it is; raise a `DeviceError` when it does not say."""
        await self._hang_up()
        self._feed.reopen()
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self.settings.timeout_s))
        try:
            status = await self._status()
        except BaseException:
            await self._hang_up()
            raise
        self.model = str(look_up(status, self._vendor.status.model or "") or "")
        self.device_id = self.settings.device_id or str(look_up(status, self._vendor.status.device_id) or "")
        self._receiver.know(self.settings.vendor, self.device_id, self._subscriber)

    async def read(self) -> Samples:
        """Ask how the sign is; raise a `DeviceError` when it does not say."""
        status = await self._status()
        values, quality = np.zeros(len(POINTS)), np.zeros(len(POINTS), np.uint8)
        values[0] = 1
        missing = []
        for position, point in enumerate(POINTS[1:], 1):
            value = self._value(status, point.name)
            if value is None:
                quality[position] = Quality.GARBAGE
                missing.append(point.name)
            else:
                values[position] = value
        return Samples(values, quality, f"the sign does not tell {', '.join(missing)}" if missing else "")

    async def write(self, point: str, value: float) -> float:
        """Set brightness (%) or screen_on (0, 1) and return what the sign reads back."""
        template = next((made for name, made in self._vendor.write.items() if name == point), None)
        if template is None:
            raise DeviceRefused(f"signs of {self.settings.vendor} can't set {point}")
        limit = 100 if point == "brightness" else 1
        if not 0 <= value <= limit:
            raise DeviceRefused(f"{point} must be between 0 and {limit}, not {value:g}")
        scale = self._vendor.status.scale.get("brightness", 1.0) if point == "brightness" else 1.0
        await self._ask(template, {"value": round(value / scale), "on": value > 0})
        read_back = self._value(await self._status(), point)
        if read_back is None:
            raise DeviceGarbage(f"the sign does not tell {point}")
        return read_back

    async def show(self, text: str, until_ms: int) -> None:
        """Show a notice until then (UTC ms, campus time); an empty text takes it away. Raises a `DeviceError`.

        Signs of vendors whose mapping does not use `until_ms` show it until they are told otherwise.
        """
        if self._vendor.show is None:
            raise DeviceRefused(f"signs of {self.settings.vendor} can't show a notice")
        await self._ask(self._vendor.show, {"text": text, "until_ms": until_ms})

    async def shown(self) -> str:
        """Return the notice on the screen, empty when there is none; raise a `DeviceError`."""
        path = self._vendor.status.shown
        if path is None:
            raise DeviceRefused(f"signs of {self.settings.vendor} do not tell what they show")
        text = look_up(await self._status(), path)
        if not isinstance(text, str):
            raise DeviceGarbage("the sign does not tell what it shows")
        return text

    def events(self) -> AsyncIterator[DeviceEvent]:
        """Yield swipes until closed; those pushed meanwhile wait for the next call."""
        return self._feed.events()

    async def close(self) -> None:
        """Let go of the connection; swipes pushed meanwhile are kept."""
        await self._hang_up()
        self._feed.close()

    async def _hang_up(self) -> None:
        session, self._session = self._session, None
        if session:
            await session.close()

    def _value(self, status: object, point: str) -> float | None:
        paths = {str(name): path for name, path in self._vendor.status.points.items()}
        scales = {str(name): scale for name, scale in self._vendor.status.scale.items()}
        value = look_up(status, paths[point]) if point in paths else None
        return float(value) * scales.get(point, 1.0) if isinstance(value, int | float) else None

    async def _status(self) -> object:
        body = await self._ask(self._vendor.status.request, {})
        try:
            status = msgspec.json.decode(body)
        except (msgspec.DecodeError, RecursionError) as error:
            raise DeviceGarbage(f"the answer of {self.settings.http} is not JSON") from error
        if look_up(status, self._vendor.status.device_id) is None:
            raise DeviceGarbage(f"the answer of {self.settings.http} is not that of a {self.settings.vendor} sign")
        return status

    async def _ask(self, template: RequestTemplate, values: dict[str, Filled]) -> bytes:
        if self._session is None:
            raise DeviceUnreachable("the sign is not open")
        where = self.settings.http
        query, json = template.filled(values)
        headers = self._log_in(query)
        try:
            async with self._session.request(template.method, where + template.path, params=query, headers=headers,
                                             json=json or None, allow_redirects=False) as reply:
                body = await reply.content.read(_MAX_REPLY_BYTES)
                self._judge(reply.status)
        except TimeoutError as error:
            raise DeviceSilent(f"the sign at {where} does not answer within {self.settings.timeout_s:g} s") from error
        except (aiohttp.ClientConnectorError, ConnectionError) as error:
            raise DeviceUnreachable(f"nothing answers at {where}") from error
        except (aiohttp.ClientError, asyncio.IncompleteReadError, ValueError) as error:
            raise DeviceGarbage(f"what answers at {where} does not speak HTTP ({type(error).__name__})") from error
        return body

    def _log_in(self, query: dict[str, str]) -> dict[str, str]:
        """Put the password where the vendor wants it: into the query, or into the headers returned."""
        auth, password = self._vendor.auth, self.settings.password.get_secret_value()
        match auth.kind:
            case "query":
                query[auth.name] = password
                return {}
            case "header":
                return {auth.name: password}
            case "basic":
                return {"Authorization": aiohttp.encode_basic_auth(auth.name, password)}

    def _judge(self, status: int) -> None:
        if status in (401, 403):
            raise DeviceRefused(f"the sign at {self.settings.http} refuses the password")
        if status >= 500:
            raise DeviceSilent(f"the sign at {self.settings.http} answers with {status}")
        if status >= 300:
            raise DeviceRefused(f"the sign at {self.settings.http} answers with {status}")
