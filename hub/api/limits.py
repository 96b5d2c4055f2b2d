"""What every request and answer passes: a size limit, a check where a change comes from, and security headers."""

from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contract.messages import Text
from hub.api.access import SAFE_METHODS
from hub.api.errors import problem

MAX_BODY_BYTES: Final = 1_000_000
_TOO_LARGE: Final = ("too_large", Text("The request is too large.", "请求过大。"))
_FOREIGN: Final = ("csrf", Text("Another site sent this request.", "该请求来自其他网站。"))
SECURITY_HEADERS: Final = {
    "Content-Security-Policy":
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "font-src 'self' data:; connect-src 'self'; worker-src 'self'; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
"""Styles may be inline, since the component library writes them at run time; scripts may not."""


class Border:
    """ASGI middleware around the whole app."""

    def __init__(self, app: ASGIApp, *, tls: bool = False) -> None:
        self._app = app
        self._headers = dict(SECURITY_HEADERS)
        if tls:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/api/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        headers = Headers(scope=scope)
        if scope["method"] not in SAFE_METHODS and headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            await problem(403, *_FOREIGN)(scope, receive, send_safely)
        elif _declared_bytes(headers) > MAX_BODY_BYTES:
            await problem(413, *_TOO_LARGE)(scope, receive, send_safely)
        else:
            await self._app(scope, _bounded(receive), send_safely)


def _declared_bytes(headers: Headers) -> int:
    declared = headers.get("content-length", "0")
    return int(declared) if declared.isdecimal() else 0


def _bounded(receive: Receive) -> Receive:
    """Count what comes without a declared length."""
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MAX_BODY_BYTES:
            raise HTTPException(413)
        return message

    return bounded
