"""The live stream over a real server: what comes, for whom, and that nothing hangs."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import uvicorn

from hub.api import stream
from hub.api.core import LiveMessage


def message(event: str, number: int, **body: Any) -> LiveMessage:
    return LiveMessage(event, f"boot-{number}", json.dumps(body).encode())


@pytest.fixture
async def server(core: Any, app: Any) -> AsyncIterator[tuple[str, uvicorn.Server]]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    running = asyncio.create_task(server.serve([listener]))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", server
    server.should_exit = True
    if core.live.open:
        core.live.open.close()
    await running
    listener.close()


async def read_until(lines: AsyncIterator[str], ending: str) -> list[str]:
    read = []
    async with asyncio.timeout(10):
        async for line in lines:
            read.append(line)
            if line.startswith(ending):
                return read
    raise AssertionError(f"the stream ended without {ending}: {read}")


async def test_a_role_gets_what_it_may_see_in_order_with_ids(core: Any, server: Any, session_of: Any) -> None:
    core.live.messages = [
        message("hello", 1, stream="stream-1"), message("passage", 2, name="曹伟"), message("gateway", 3),
        message("device", 4), message("alarm", 5)]
    seen = {}
    for role in ("gate", "installer", "facilities"):
        browser = await session_of(role)
        async with httpx.AsyncClient(cookies=browser.client.cookies) as client, client.stream(
                "GET", f"{server[0]}/api/stream") as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = await read_until(answer.aiter_lines(), "id: boot-5")
        seen[role] = [line.removeprefix("event: ") for line in lines if line.startswith("event")]
    assert seen == {"gate": ["hello", "passage", "alarm"], "installer": ["hello", "gateway", "device", "alarm"],
                    "facilities": ["hello", "device", "alarm"]}


async def test_quiet_streams_say_that_they_are_there(
    monkeypatch: pytest.MonkeyPatch, server: Any, session_of: Any,
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.05)
    browser = await session_of("gate")
    async with httpx.AsyncClient(cookies=browser.client.cookies) as client, client.stream(
            "GET", f"{server[0]}/api/stream") as answer:
        lines = answer.aiter_lines()
        await read_until(lines, ":")
        await read_until(lines, ":")


async def test_a_stream_ends_with_its_session(
    monkeypatch: pytest.MonkeyPatch, core: Any, server: Any, session_of: Any,
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.05)
    monkeypatch.setattr(stream, "CHECK_SESSION_S", 0.0)
    browser = await session_of("gate")
    async with httpx.AsyncClient(cookies=browser.client.cookies) as client, client.stream(
            "GET", f"{server[0]}/api/stream") as answer:
        lines = answer.aiter_lines()
        await read_until(lines, ":")
        await browser.client.post("/api/sign-out")
        async with asyncio.timeout(10):
            assert [line async for line in lines if line and not line.startswith(":")] == []
    assert core.live.open.closed.is_set()


async def test_the_server_stops_at_once_when_the_hub_closes_its_streams(
    core: Any, server: Any, session_of: Any,
) -> None:
    core.live.messages = [message("hello", 1)]
    browser = await session_of("gate")
    async with httpx.AsyncClient(cookies=browser.client.cookies) as client, client.stream(
            "GET", f"{server[0]}/api/stream") as answer:
        lines = answer.aiter_lines()
        await read_until(lines, "data:")
        server[1].should_exit = True
        core.live.open.close()
        async with asyncio.timeout(10):
            assert [line async for line in lines if line] == []


async def test_points_are_chosen_on_ones_own_stream_only(core: Any, server: Any, session_of: Any) -> None:
    core.live.messages = [message("hello", 1)]
    gate, security = await session_of("gate"), await session_of("security")
    async with httpx.AsyncClient(cookies=gate.client.cookies) as client, client.stream(
            "GET", f"{server[0]}/api/stream") as answer:
        await read_until(answer.aiter_lines(), "data:")
        refused = await security.client.put("/api/stream/stream-1/points", json={"points": [5]})
        taken = await gate.client.put("/api/stream/stream-1/points", json={"points": [1, 2]})
    assert (refused.status_code, taken.status_code) == (404, 204)
    assert core.live.open.points == [1, 2]
