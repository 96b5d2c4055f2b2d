"""Simulated class signs: a REST interface with a password each, and pushes of swipes to a receiver."""

import asyncio
import hashlib
import hmac
import json
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from queue import Empty
from typing import Final

import aiohttp
from aiohttp import encode_basic_auth, web
from aiohttp.typedefs import Handler

from simulator.world import SignHardware, World

_BEIJING: Final = timezone(timedelta(hours=8))
_LOOK_EVERY_S: Final = 0.2
_HEARTBEAT_S: Final = 10.0
_MAX_BATCH: Final = 50
_NOTICE_PAGE: Final = "notice"
_USUAL_PAGE: Final = "timetable"


@dataclass(slots=True)
class _Push:
    """A batch until the receiver has it; the number stays the same however often it is sent."""

    sequence: int
    records: list[dict[str, str]] = field(default_factory=list)


class SignServer:
    """One sign: its server, its screen and its pushes."""

    def __init__(self, world: World, sign: SignHardware, password: str) -> None:
        self._world, self._sign, self._password = world, sign, password
        self._until_ms = 0
        self._runner: web.AppRunner | None = None
        self._waiting: _Push | None = None
        self._sequence = 0
        self.screen_on = True
        self.url = ""

    async def start(self) -> None:
        """Listen on a free port of the loopback."""
        app = web.Application(client_max_size=65_536, middlewares=[self._guard])
        app.router.add_get("/api/status", self._status)
        app.router.add_put("/api/screen", self._set_screen)
        app.router.add_post("/api/notice", self._set_notice)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def push_for_ever(self, receiver: Callable[[], str | None]) -> None:
        """Push what was swiped, and that the sign is there every ten seconds; what is not taken is pushed again."""
        beat_s = 0.0
        loop = asyncio.get_running_loop()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session:
            while True:
                address = receiver() if self._sign.online else None
                push = self._next_push(due=loop.time() >= beat_s) if address else None
                if address and push:
                    beat_s = loop.time() + _HEARTBEAT_S
                    await self._send(session, address, push)
                await asyncio.sleep(_LOOK_EVERY_S)

    def _next_push(self, *, due: bool) -> _Push | None:
        """Return the batch that waits, or a new one if there is something to tell."""
        if self._waiting:
            return self._waiting
        when = datetime.fromtimestamp(self._world.now_ms() / 1000, UTC).astimezone(_BEIJING)
        records: list[dict[str, str]] = []
        while len(records) < _MAX_BATCH:
            try:
                records.append({"cardID": self._sign.swipes.get_nowait(), "checkingTime": f"{when:%Y-%m-%d %H:%M:%S}"})
            except Empty:
                break
        if not records and not due:
            return None
        self._sequence += 1
        self._waiting = _Push(self._sequence, records)
        return self._waiting

    async def _send(self, session: aiohttp.ClientSession, address: str, push: _Push) -> None:
        content = {"deviceID": self._sign.id, "seq": push.sequence, "http": self.url, "records": push.records}
        body = json.dumps(content).encode()
        signature = hmac.new(self._password.encode(), body, hashlib.sha256).hexdigest()
        url = f"{address if '://' in address else 'http://' + address}/push/campus-sign"
        try:
            async with session.post(url, data=body, headers={"X-Sign-Signature": signature}) as reply:
                taken = reply.status == 200
        except (aiohttp.ClientError, TimeoutError):
            taken = False
        if taken or not push.records:
            self._waiting = None

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        while not self._sign.online:  # noqa: ASYNC110 - the world's hardware is plain attributes
            await asyncio.sleep(_LOOK_EVERY_S)
        if request.headers.get("Authorization") != encode_basic_auth("admin", self._password):
            return web.json_response({"error": "wrong password"}, status=401)
        return await handler(request)

    async def _status(self, _request: web.Request) -> web.Response:
        self._turn_page()
        sign = self._sign
        return web.json_response({
            "deviceID": sign.id, "model": "CS-10", "room": sign.room, "battery": sign.battery,
            "brightness": sign.brightness, "screenOn": self.screen_on, "page": sign.page, "text": sign.text})

    async def _set_screen(self, request: web.Request) -> web.Response:
        wish = await _json(request)
        brightness, screen_on = wish.get("brightness"), wish.get("screenOn")
        if isinstance(brightness, int) and not isinstance(brightness, bool) and 0 <= brightness <= 100:
            self._sign.brightness = brightness
        elif isinstance(screen_on, bool):
            self.screen_on = screen_on
        else:
            return web.json_response({"error": "brightness 0..100 or screenOn true/false"}, status=400)
        return web.json_response({})

    async def _set_notice(self, request: web.Request) -> web.Response:
        wish = await _json(request)
        text, until_ms = wish.get("text"), wish.get("until")
        if not isinstance(text, str) or not isinstance(until_ms, int):
            return web.json_response({"error": "text and until (ms) are wanted"}, status=400)
        self._sign.text, self._until_ms = text, until_ms
        self._sign.page = _NOTICE_PAGE if text else _USUAL_PAGE
        return web.json_response({})

    def _turn_page(self) -> None:
        """Go back to the timetable when a notice is over."""
        if self._sign.page == _NOTICE_PAGE and self._world.now_ms() >= self._until_ms:
            self._sign.text, self._sign.page = "", _USUAL_PAGE


async def _json(request: web.Request) -> dict[str, object]:
    try:
        content = await request.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


@asynccontextmanager
async def serve_signs(world: World, receiver: Callable[[], str | None]) -> AsyncIterator[None]:
    """Serve every sign of the world, those that are added to `world.signs` later too.

    Writes `sign_<id>` ("http://127.0.0.1:port") and `sign_password` into the endpoints. `receiver` returns where swipes
    are pushed to ("127.0.0.1:8090"), or None while there is nobody to push to.
    """
    password = world.endpoints.setdefault("sign_password", secrets.token_urlsafe(12))
    servers: dict[str, SignServer] = {}
    pushing: list[asyncio.Task[None]] = []

    async def install() -> None:
        for sign in [sign for sign in world.signs.values() if sign.id not in servers]:
            server = servers[sign.id] = SignServer(world, sign, password)
            await server.start()
            world.endpoints[f"sign_{sign.id}"] = server.url
            pushing.append(asyncio.create_task(server.push_for_ever(receiver), name=f"pushes of {sign.id}"))

    async def install_later() -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            await install()

    await install()
    installing = asyncio.create_task(install_later(), name="new signs")
    try:
        yield
    finally:
        for task in (installing, *pushing):
            task.cancel()
        await asyncio.gather(installing, *pushing, return_exceptions=True)
        for server in servers.values():
            await server.stop()
