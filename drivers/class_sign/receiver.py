"""The HTTP server signs push their swipes to: `POST /push/{vendor}`. One for all signs of a gateway."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import structlog
from aiohttp import web

from drivers.base import Candidate, DeviceEvent, DeviceUnreachable
from drivers.class_sign import pushes
from drivers.class_sign import vendor as vendors
from drivers.class_sign.pushes import BadPush, Batch
from drivers.class_sign.vendor import Vendor

_MAX_BODY_BYTES: Final = 262_144
_BODY_WITHIN_S: Final = 5.0
_REMEMBERED: Final = 4_096
"""Swipes of a sign among which a doubled push is recognised."""
_MAX_CANDIDATES: Final = 64
_log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class Subscriber:
    """One configured sign, for the receiver."""

    password: str
    deliver: Callable[[DeviceEvent], None]
    seen: OrderedDict[tuple[str, str, int], None] = field(default_factory=OrderedDict)

    def is_new(self, key: tuple[str, str, int]) -> bool:
        """Tell whether this swipe was not seen before, and remember it."""
        if key in self.seen:
            return False
        self.seen[key] = None
        if len(self.seen) > _REMEMBERED:
            self.seen.popitem(last=False)
        return True


@dataclass(slots=True)
class Counts:
    """What came in since the start."""

    accepted: int = 0
    doubled: int = 0
    garbage: int = 0
    forged: int = 0
    unknown: int = 0


class Receiver:
    """Takes pushes, hands swipes of known signs to their drivers and remembers unknown signs as candidates."""

    def __init__(self) -> None:
        self.counts = Counts()
        self._signs: dict[tuple[str, str], Subscriber] = {}
        self._unknown: OrderedDict[tuple[str, str], Candidate] = OrderedDict()
        self._runner: web.AppRunner | None = None
        self._address = ""

    @property
    def address(self) -> str:
        """"127.0.0.1:8090" once it listens, else nothing."""
        return self._address

    def know(self, vendor: str, device: str, sign: Subscriber) -> None:
        """A driver speaks for this device id from now on."""
        self._signs[vendor, device] = sign
        self._unknown.pop((vendor, device), None)

    def candidates(self) -> list[Candidate]:
        """Return the signs that pushed and that nobody has configured."""
        return list(self._unknown.values())

    async def listen(self, address: str) -> str:
        """Listen at "host:port" (port 0: any free one) and return the real address; raise a `DeviceError` if taken.

        Called again with the same address it does nothing.
        """
        host, _, port = address.rpartition(":")
        if self._runner and address in (self._address, f"{host}:0"):
            return self._address
        await self.close()
        app = web.Application(client_max_size=_MAX_BODY_BYTES)
        app.router.add_post("/push/{vendor}", self._on_push)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, int(port)).start()
        except (OSError, ValueError) as error:
            await runner.cleanup()
            raise DeviceUnreachable(f"the signs' receiver can't listen at {address}: {error}") from error
        self._runner = runner
        self._address = f"{host}:{runner.addresses[0][1]}"
        return self._address

    async def close(self) -> None:
        """Stop listening."""
        runner, self._runner, self._address = self._runner, None, ""
        if runner:
            await runner.cleanup()

    async def _on_push(self, request: web.Request) -> web.Response:
        name = request.match_info["vendor"]
        vendor = vendors.load(name) if name in vendors.names() else None
        if vendor is None or vendor.push is None:
            return _answer(404, f"no vendor {name[:40]} that pushes")
        try:
            async with asyncio.timeout(_BODY_WITHIN_S):
                body = await request.read()
            batch = pushes.parse(body, vendor.push)
        except web.HTTPRequestEntityTooLarge:
            return self._garbage(413, f"the body exceeds {_MAX_BODY_BYTES} bytes")
        except TimeoutError:
            return self._garbage(408, f"the body did not come within {_BODY_WITHIN_S:g} s")
        except BadPush as error:
            return self._garbage(400, str(error))
        return self._take(name, vendor, batch, body, request)

    def _take(self, name: str, vendor: Vendor, batch: Batch, body: bytes, request: web.Request) -> web.Response:
        assert vendor.push
        known = {device: self._signs[name, device] for device in batch.devices if (name, device) in self._signs}
        signature = vendor.push.signature
        given = request.headers.get(signature.header, "") if signature else ""
        if signature and not all(pushes.signed(body, sign.password, given) for sign in known.values()):
            self.counts.forged += 1
            _log.warning("sign_push_forged", vendor=name, devices=sorted(known), peer=request.remote)
            return _answer(401, "the signature does not fit: the sign's password differs from the gateway's")
        for device, where in batch.devices.items():
            if device not in known:
                self._remember(name, device, where, request.remote or "")
        if batch.devices and not known:
            self.counts.unknown += 1
            return _answer(403, "nobody has approved this sign yet; keep the swipes and push again")
        fresh = self._deliver(batch, known)
        return _answer(200, "", accepted=fresh)

    def _deliver(self, batch: Batch, known: dict[str, Subscriber]) -> int:
        """Hand on what was not handed on before; return how many."""
        before = self.counts.accepted
        for swipe in batch.swipes:
            sign = known.get(swipe.device)
            if sign is None:
                continue
            if not sign.is_new(swipe.key):
                self.counts.doubled += 1
                continue
            self.counts.accepted += 1
            sign.deliver(DeviceEvent(kind="swipe", text=swipe.credential, device_ms=swipe.device_ms))
        return self.counts.accepted - before

    def _remember(self, vendor: str, device: str, where: str, peer: str) -> None:
        if len(self._unknown) >= _MAX_CANDIDATES:
            self._unknown.popitem(last=False)
        self._unknown[vendor, device] = Candidate(
            identity=f"{vendor} {device}", address=where or peer, model=vendor,
            evidence=f"pushed to the receiver as {device} from {peer}",
            settings={"http": where, "vendor": vendor, "device_id": device})

    def _garbage(self, status: int, why: str) -> web.Response:
        self.counts.garbage += 1
        return _answer(status, why)


def _answer(status: int, why: str, **more: int) -> web.Response:
    return web.json_response({"error": why, **more} if why else more, status=status)


