"""A hub without a hub: the API's shapes over HTTP and SSE from a `Campus` in memory, serving the built console."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import Cookie, FastAPI, Request, Response
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from pydantic import BaseModel

from hub.api import shapes
from tests.e2e.fake_campus import Campus
from tests.e2e.fake_problems import USERS, Refused, problem
from tests.e2e.fake_routes import ROUTES

DIST = Path(__file__).parents[2] / "dashboards" / "console" / "dist"
CSRF = "csrf-for-tests"


class FakeHub:
    """The API over a `Campus`. Tests call `push` from their own thread."""

    def __init__(self, campus: Campus) -> None:
        self.campus = campus
        self.loop: asyncio.AbstractEventLoop | None = None
        self.streams: dict[str, asyncio.Queue[tuple[str, str]]] = {}
        self.interest: dict[str, list[int]] = {}
        self.commands: dict[str, shapes.CommandStatus] = {}
        self.calls: list[tuple[str, str]] = []
        self.app = FastAPI(openapi_url="/api/openapi.json", docs_url=None, redoc_url=None)
        self.app.middleware("http")(self._guard)
        for routes in (_account, *ROUTES, _stream, _files):
            routes(self)

    async def _guard(self, request: Request, call_next: Any) -> Response:
        path = request.url.path
        open_path = path in {"/api/sign-in", "/api/openapi.json"} or not path.startswith("/api/")
        if request.method != "GET" and not open_path:
            self.calls.append((request.method, path))
            if request.headers.get("x-csrf") != CSRF:
                return problem(403, "csrf", "The page is out of date: load it again.", "页面已过期，请刷新。")
        if not open_path and request.cookies.get("session") not in USERS:
            return problem(401, "signed_out", "Please sign in.", "请先登录。")
        result: Response = await call_next(request)
        return result

    def push(self, event: str, shape: BaseModel) -> None:
        """Say something on every open stream, from any thread."""
        if self.loop:
            self.loop.call_soon_threadsafe(self._say, event, shape.model_dump_json())

    def _say(self, event: str, data: str) -> None:
        for queue in self.streams.values():
            queue.put_nowait((event, data))

    def change_alarm(self, alarm: shapes.Alarm) -> shapes.Alarm:
        self.campus.alarms[alarm.id] = alarm
        self.push("alarm", alarm)
        return alarm

    def command(
        self, action: str, target: str, *, value: float | None = None, evidence: int | None = None
    ) -> shapes.CommandStatus:
        """Answer "sent" and confirm a moment later on the stream, as a gateway does."""
        status = shapes.CommandStatus(
            id=f"c{self.campus.new_id()}",
            action=action,
            target=target,
            requester="me",
            at_ms=self.campus.now_ms(),
            status="sent",
            value=value,
            evidence=evidence,
        )
        self.commands[status.id] = status
        done = status.model_copy(update={"status": "done"})
        asyncio.get_running_loop().call_later(0.4, self._finish, done)
        return status

    def _finish(self, done: shapes.CommandStatus) -> None:
        self.commands[done.id] = done
        self._say("command", done.model_dump_json())


def _account(hub: FakeHub) -> None:
    app = hub.app

    @app.exception_handler(Refused)
    async def refused(_request: Request, error: Refused) -> JSONResponse:
        return JSONResponse(error.detail, status_code=error.status_code)

    @app.post("/api/sign-in")
    async def sign_in(body: shapes.SignIn, response: Response) -> shapes.Me:
        if body.username not in USERS or body.password != "correct-horse":
            raise Refused(401, "wrong_password", "Unknown name or wrong password.", "用户名或密码错误。")
        response.set_cookie("session", body.username, httponly=True, samesite="strict")
        return me_of(body.username)

    @app.post("/api/sign-out", status_code=204)
    async def sign_out(response: Response) -> None:
        response.delete_cookie("session")

    @app.get("/api/me")
    async def me(session: Annotated[str, Cookie()]) -> shapes.Me:
        return me_of(session)

    @app.put("/api/me/language")
    async def language(body: shapes.LanguageChoice, session: Annotated[str, Cookie()]) -> shapes.Me:
        return me_of(session).model_copy(update={"language": body.language})


def me_of(user: str) -> shapes.Me:
    name, roles = USERS[user]
    return shapes.Me(username=user, name=name, roles=roles, language="en", csrf=CSRF)


def _stream(hub: FakeHub) -> None:
    campus = hub.campus

    async def lines(sid: str) -> AsyncIterator[str]:
        hub.loop = asyncio.get_running_loop()
        queue: asyncio.Queue[tuple[str, str]] = asyncio.Queue(1000)
        hub.streams[sid] = queue
        hello = shapes.StreamHello(stream=sid, boot="b1", now_ms=campus.now_ms())
        queue.put_nowait(("hello", hello.model_dump_json()))
        try:
            while True:
                queue.put_nowait(("status", campus.status().model_dump_json()))
                queue.put_nowait(("values", _values(campus, hub.interest.get(sid, [])).model_dump_json()))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1.0):
                        while True:
                            event, data = await queue.get()
                            yield f"id: b1-{campus.new_id()}\nevent: {event}\ndata: {data}\n\n"
        finally:
            hub.streams.pop(sid, None)

    @hub.app.get("/api/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(
            lines(f"s{campus.new_id()}"), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    @hub.app.put("/api/stream/{stream}/points", status_code=204)
    async def interest(stream: str, body: shapes.Interest) -> None:
        hub.interest[stream] = body.points


def _values(campus: Campus, points: list[int]) -> shapes.LiveValues:
    now = campus.now_ms()
    wanted = [p for values in campus.points.values() for p in values if p.id in points and p.quality < 32]
    return shapes.LiveValues(
        now_ms=now,
        points=[p.id for p in wanted],
        quality=[p.quality for p in wanted],
        at_ms=[now - 300 for _ in wanted],
        values=[None if p.value is None else round(p.value * (1 + (now // 1000 % 7) / 1000), 2) for p in wanted],
    )


def _files(hub: FakeHub) -> None:
    @hub.app.get("/{path:path}", include_in_schema=False)
    async def page(path: str) -> FileResponse:
        file = DIST / path
        return FileResponse(file if path and file.is_file() else DIST / "index.html")


@contextlib.contextmanager
def serve(hub: FakeHub, port: int = 0) -> Iterator[str]:
    """Run the hub on loopback in a thread; gives its address. Leaving cuts every open stream at once."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    server = uvicorn.Server(
        uvicorn.Config(hub.app, log_level="critical", ws="none", lifespan="off", timeout_graceful_shutdown=0)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)
        sock.close()
