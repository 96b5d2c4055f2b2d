"""One camera's ONVIF server: device, media and events (PullPoint). SOAP over HTTP; the WS-UsernameToken is checked."""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from aiohttp import encode_basic_auth, web

from simulator.cameras import soap
from simulator.cameras.picture import HEIGHT, WIDTH, Scene
from simulator.world import CameraHardware, World

_PATH: Final = "/onvif/device_service"
_LOOK_EVERY_S: Final = 0.2
_SERVICES: Final = {
    "http://www.onvif.org/ver10/device/wsdl": _PATH,
    "http://www.onvif.org/ver10/media/wsdl": "/onvif/media",
    "http://www.onvif.org/ver10/events/wsdl": "/onvif/events",
}
_TOPICS: Final = {
    "motion": ("tns1:RuleEngine/CellMotionDetector/Motion", "IsMotion"),
    "tamper": ("tns1:RuleEngine/TamperDetector/Tamper", "IsTamper"),
}
_SOAP: Final = "application/soap+xml"


@dataclass(slots=True)
class _Subscription:
    """A PullPoint: what its client was told last, and until when (monotonic seconds) it lives."""

    ends_s: float
    told: dict[str, bool] = field(default_factory=dict)


class OnvifServer:
    """Serves one camera; counts renewals, for whoever wants to see that they come."""

    def __init__(self, world: World, camera: CameraHardware, *, user: str, password: str, stream: str,
                 subscription_s: float) -> None:
        self._world, self._camera, self._stream = world, camera, stream
        self._user, self._password = user, password
        self._subscription_s = subscription_s
        self._subscriptions: dict[str, _Subscription] = {}
        self._runner: web.AppRunner | None = None
        self._base = ""
        self.url = ""
        self.renewals = 0
        self._answers: dict[str, Callable[[], str]] = {
            "GetDeviceInformation": self._device_information,
            "GetSystemDateAndTime": _date_and_time,
            "GetServices": self._services,
            "GetCapabilities": self._capabilities,
            "GetProfiles": self._profiles,
            "GetStreamUri": lambda: _uri("GetStreamUri", self._stream),
            "GetSnapshotUri": lambda: _uri("GetSnapshotUri", f"{self._base}/snapshot.jpg"),
            "CreatePullPointSubscription": self._subscribe,
        }

    async def start(self) -> None:
        """Listen on a free port of the loopback."""
        app = web.Application(client_max_size=65_536)
        app.router.add_get("/snapshot.jpg", self._snapshot)
        app.router.add_post("/onvif/subscription/{id}", self._on_subscription)
        app.router.add_post("/onvif/{service}", self._on_service)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._base = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self.url = self._base + _PATH

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def _on_service(self, request: web.Request) -> web.Response:
        call = await self._accept(request)
        answer = self._answers.get(call.operation)
        if answer is None:
            return _refuse("ActionNotSupported", f"{call.operation} is not implemented")
        return _reply(answer())

    async def _on_subscription(self, request: web.Request) -> web.Response:
        call = await self._accept(request)
        name = request.match_info["id"]
        subscription = self._subscriptions.get(name)
        if subscription is None or subscription.ends_s < time.monotonic():
            self._subscriptions.pop(name, None)
            return _refuse("InvalidArgVal", "no such subscription, or it has ended")
        match call.operation:
            case "PullMessages":
                return _reply(await self._pull(subscription, _seconds(call.text("Timeout"))))
            case "Renew":
                self.renewals += 1
                subscription.ends_s = time.monotonic() + self._subscription_s
                return _reply(_element("wsnt:RenewResponse", "".join(reversed(self._times("wsnt")))))
            case "Unsubscribe":
                del self._subscriptions[name]
                return _reply("<wsnt:UnsubscribeResponse/>")
            case "SetSynchronizationPoint":
                subscription.told.clear()
                return _reply("<tev:SetSynchronizationPointResponse/>")
            case _:
                return _refuse("ActionNotSupported", f"{call.operation} is not implemented")

    async def _accept(self, request: web.Request) -> soap.Call:
        """Read the request once the cable is in, and let nobody through without the password."""
        while self._camera.lost:  # noqa: ASYNC110 - the world's hardware is plain attributes
            await asyncio.sleep(_LOOK_EVERY_S)
        try:
            call = soap.parse(await request.read())
        except ValueError as error:
            raise web.HTTPBadRequest(text=soap.fault("WellFormed", str(error)), content_type=_SOAP) from error
        open_to_all = call.operation == "GetSystemDateAndTime"
        if not open_to_all and not soap.authorised(call, self._user, self._password, datetime.now(UTC)):
            raise web.HTTPBadRequest(text=soap.fault("NotAuthorized", "Sender not authorized"), content_type=_SOAP)
        return call

    async def _snapshot(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != encode_basic_auth(self._user, self._password):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": 'Basic realm="Campus camera"'})
        jpeg = Scene(self._camera).jpeg(self._world.now_ms(), time.monotonic())
        return web.Response(body=jpeg, content_type="image/jpeg")

    def _device_information(self) -> str:
        facts = {"Manufacturer": "Campus", "Model": "SIM-640", "FirmwareVersion": "1.0",
                 "SerialNumber": f"SIM-{self._camera.id}", "HardwareId": "1"}
        return _element("tds:GetDeviceInformationResponse", "".join(
            f"<tds:{name}>{value}</tds:{name}>" for name, value in facts.items()))

    def _services(self) -> str:
        return _element("tds:GetServicesResponse", "".join(
            f"<tds:Service><tds:Namespace>{namespace}</tds:Namespace><tds:XAddr>{self._base}{path}</tds:XAddr>"
            "<tds:Version><tt:Major>2</tt:Major><tt:Minor>60</tt:Minor></tds:Version></tds:Service>"
            for namespace, path in _SERVICES.items()))

    def _capabilities(self) -> str:
        def at(path: str) -> str:
            return f"<tt:XAddr>{self._base}{path}</tt:XAddr>"
        events = "".join(f"<tt:{name}>false</tt:{name}>" for name in (
            "WSSubscriptionPolicySupport", "WSPullPointSupport", "WSPausableSubscriptionManagerInterfaceSupport"))
        return _element("tds:GetCapabilitiesResponse", _element("tds:Capabilities", "".join([
            _element("tt:Device", at(_PATH)), _element("tt:Events", at("/onvif/events") + events),
            _element("tt:Media", at("/onvif/media") + "<tt:StreamingCapabilities/>")])))

    def _profiles(self) -> str:
        size = f"<tt:Resolution><tt:Width>{WIDTH}</tt:Width><tt:Height>{HEIGHT}</tt:Height></tt:Resolution>"
        encoder = ('<tt:VideoEncoderConfiguration token="encoder"><tt:Name>main</tt:Name><tt:UseCount>1</tt:UseCount>'
                   f"<tt:Encoding>JPEG</tt:Encoding>{size}<tt:Quality>4</tt:Quality></tt:VideoEncoderConfiguration>")
        return _element("trt:GetProfilesResponse",
                        f'<trt:Profiles token="main" fixed="true"><tt:Name>main</tt:Name>{encoder}</trt:Profiles>')

    def _subscribe(self) -> str:
        name = secrets.token_hex(8)
        now_s = time.monotonic()
        self._subscriptions = {key: kept for key, kept in self._subscriptions.items() if kept.ends_s > now_s}
        self._subscriptions[name] = _Subscription(now_s + self._subscription_s)
        address = f"<wsa5:Address>{self._base}/onvif/subscription/{name}</wsa5:Address>"
        return _element("tev:CreatePullPointSubscriptionResponse",
                        _element("tev:SubscriptionReference", address) + "".join(self._times("wsnt")))

    async def _pull(self, subscription: _Subscription, wait_s: float) -> str:
        """Wait for news, at most so long, and tell it."""
        until_s = time.monotonic() + min(wait_s, 60)
        while not (news := self._news(subscription)) and time.monotonic() < min(until_s, subscription.ends_s):  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_EVERY_S)
        return _element("tev:PullMessagesResponse", "".join([*self._times("tev"), *news]))

    def _news(self, subscription: _Subscription) -> list[str]:
        """What is true now and was not told, or told otherwise; nothing is told while the cable is out."""
        state = {"motion": self._camera.people > 0 and not self._camera.covered, "tamper": self._camera.covered}
        if self._camera.lost or state == subscription.told:
            return []
        operation = "Changed" if subscription.told else "Initialized"
        news = [_notification(kind, active, operation) for kind, active in state.items()
                if subscription.told.get(kind) != active]
        subscription.told = state
        return news

    def _times(self, prefix: str) -> tuple[str, str]:
        """Now and the subscription's end; the schema wants them in this order but for a renewal."""
        now = datetime.now(UTC)
        ends = soap.moment(now + timedelta(seconds=self._subscription_s))
        return (f"<{prefix}:CurrentTime>{soap.moment(now)}</{prefix}:CurrentTime>",
                f"<{prefix}:TerminationTime>{ends}</{prefix}:TerminationTime>")


def _notification(kind: str, active: bool, operation: str) -> str:  # noqa: FBT001
    topic, name = _TOPICS[kind]
    dialect = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"
    source = '<tt:Source><tt:SimpleItem Name="VideoSourceConfigurationToken" Value="source"/></tt:Source>'
    data = f'<tt:Data><tt:SimpleItem Name="{name}" Value="{str(active).lower()}"/></tt:Data>'
    message = f'<tt:Message UtcTime="{soap.moment(datetime.now(UTC))}" PropertyOperation="{operation}">'
    return (f'<wsnt:NotificationMessage><wsnt:Topic Dialect="{dialect}">{topic}</wsnt:Topic>'
            f"<wsnt:Message>{message}{source}{data}</tt:Message></wsnt:Message></wsnt:NotificationMessage>")


def _date_and_time() -> str:
    now = datetime.now(UTC)
    clock = (f"<tt:Time><tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute>"
             f"<tt:Second>{now.second}</tt:Second></tt:Time>")
    date = f"<tt:Date><tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day></tt:Date>"
    return _element("tds:GetSystemDateAndTimeResponse", _element(
        "tds:SystemDateAndTime", "<tt:DateTimeType>NTP</tt:DateTimeType><tt:DaylightSavings>false</tt:DaylightSavings>"
        + _element("tt:UTCDateTime", clock + date)))


def _uri(operation: str, uri: str) -> str:
    return _element(f"trt:{operation}Response", _element("trt:MediaUri", (
        f"<tt:Uri>{uri}</tt:Uri><tt:InvalidAfterConnect>false</tt:InvalidAfterConnect>"
        "<tt:InvalidAfterReboot>false</tt:InvalidAfterReboot><tt:Timeout>PT0S</tt:Timeout>")))


def _element(name: str, content: str) -> str:
    return f"<{name}>{content}</{name}>"


def _seconds(duration: str) -> float:
    """Read the seconds of a duration like PT5S; 5 when it is written otherwise."""
    digits = duration.removeprefix("PT").removesuffix("S")
    return float(digits) if digits.replace(".", "", 1).isdigit() else 5.0


def _reply(body: str) -> web.Response:
    return web.Response(text=soap.envelope(body), content_type=_SOAP)


def _refuse(subcode: str, reason: str) -> web.Response:
    return web.Response(status=400, text=soap.fault(subcode, reason), content_type=_SOAP)
