"""The live stream (server-sent events): what changed, as soon as it is known, as far as the user's role may see it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Header
from fastapi.responses import StreamingResponse

from contract.messages import Text
from hub.api import shapes
from hub.api.access import Anyone, CoreOf, SessionsOf
from hub.api.core import LiveMessage, LiveStream, not_found
from hub.auth import Sessions, Signed

router = APIRouter(prefix="/stream", tags=["stream"])
HEARTBEAT_S: Final = 5.0
HEARTBEAT: Final = b": still here\n\n"
CHECK_SESSION_S: Final = 60.0
"""A stream whose session ended is closed after at most this."""
_GATE_DESK: Final = frozenset({"security", "gate", "admin"})
_TECHNICIAN: Final = frozenset({"installer", "facilities", "admin"})
SEEN_BY: Final[dict[str, frozenset[str]]] = {
    "passage": _GATE_DESK, "door": _GATE_DESK, "camera": _GATE_DESK, "device": _TECHNICIAN,
    "gateway": frozenset({"installer", "admin"}),
}
"""Events only some roles get; every other event goes to all."""


@router.get("", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {
    "schema": {"type": "string"}}}}})
async def open_stream(
    user: Anyone, core: CoreOf, sessions: SessionsOf, last_event_id: Annotated[str, Header()] = "",
) -> StreamingResponse:
    """Open the stream: events hello, status, alarm, passage, door, camera, device, gateway, command, values, resync."""
    stream = core.live.subscribe(user=user.username, last_id=last_event_id)
    return StreamingResponse(
        _frames(stream, user, sessions), media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


@router.put("/{stream}/points", status_code=204)
async def choose_points(stream: str, body: shapes.Interest, user: Anyone, core: CoreOf) -> None:
    """Say which points' values the stream should carry; replaces the earlier choice."""
    opened = core.live.stream(stream, user=user.username)
    if opened is None:
        raise not_found(Text("stream", "数据流"), stream)
    opened.set_points(body.points)


async def _frames(stream: LiveStream, user: Signed, sessions: Sessions) -> AsyncIterator[bytes]:
    """Write the stream's messages, and a comment when there was nothing for a while."""
    roles = frozenset(user.roles)
    loop = asyncio.get_running_loop()
    check_at = loop.time() + CHECK_SESSION_S
    messages = aiter(stream)
    waiting: asyncio.Task[LiveMessage | None] | None = None
    try:
        while True:
            waiting = waiting or loop.create_task(_next(messages), name="stream-next")
            done, _ = await asyncio.wait({waiting}, timeout=HEARTBEAT_S)
            if done:
                message, waiting = waiting.result(), None
                if message is None:
                    return
                if not roles.isdisjoint(SEEN_BY.get(message.event, roles)):
                    yield frame(message)
            else:
                yield HEARTBEAT
            if loop.time() >= check_at:
                check_at = loop.time() + CHECK_SESSION_S
                if not await sessions.lasts(user):
                    return
    finally:
        stream.close()
        if waiting is not None:
            waiting.cancel()


async def _next(messages: AsyncIterator[LiveMessage]) -> LiveMessage | None:
    return await anext(messages, None)


def frame(message: LiveMessage) -> bytes:
    """Write one server-sent event."""
    return b"event: %b\nid: %b\ndata: %b\n\n" % (message.event.encode(), message.id.encode(), message.body)
