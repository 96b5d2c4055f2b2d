"""A notice over a real socket, by apprise."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import insert, select
from structlog.testing import capture_logs

from hub.notify import Notices, NotifySettings
from hub.tables import notices

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")  # in a library, not ours


class Sink:
    """An HTTP server that keeps what is posted to it."""

    def __init__(self) -> None:
        self.status = "200 OK"
        self.bodies: list[dict[str, Any]] = []
        self.port = 0

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        self.bodies.append(json.loads(await reader.readexactly(length)))
        writer.write(f"HTTP/1.1 {self.status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    sink = Sink()
    server = await asyncio.start_server(sink.take, "127.0.0.1", 0)
    sink.port = server.sockets[0].getsockname()[1]
    yield sink
    server.close()
    await server.wait_closed()


async def test_a_notice_arrives_once_after_a_refusal(core: Any, sink: Sink) -> None:
    wall_ms = 0
    worker = Notices(core.store, core.commit, NotifySettings(gate=(f"json://127.0.0.1:{sink.port}/hook",)),
                     now_ms=core.now_ms, wall_ms=lambda: wall_ms)
    await core.commit.change(lambda connection: connection.execute(insert(notices).values(
        at_ms=1, alarm=1, audience="gate", title_en="Door forced", title_zh="强行开门")) and None)
    sink.status = "503 Busy"
    with capture_logs():
        await worker.send_waiting()
    assert len(sink.bodies) == 1
    sink.status, wall_ms = "200 OK", 60_000
    await worker.send_waiting()
    await worker.send_waiting()
    assert len(sink.bodies) == 2
    assert sink.bodies[1]["title"] == "强行开门 / Door forced"
    with core.store.read() as connection:
        assert connection.scalar(select(notices.c.status)) == "sent"
