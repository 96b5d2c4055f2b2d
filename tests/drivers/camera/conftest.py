"""A world with cameras, and peers that misbehave."""

import asyncio
import contextlib
import time

import pytest

from drivers.camera import CameraFactory, CameraSettings
from simulator.cameras import USER, serve_cameras
from simulator.world import CameraHardware, World


@pytest.fixture
def world():
    names = ("cam-a", "cam-b", "cam-c", "cam-d", "cam-e", "cam-f")
    return World(cameras={name: CameraHardware(name) for name in names}, now_ms=lambda: int(time.time() * 1000))


@pytest.fixture
async def servers(world):
    async with serve_cameras(world, fps=10, subscription_s=1) as servers:
        yield servers


@pytest.fixture
def make(world, servers):
    """Make a camera's driver; give settings to overrule."""
    def made(name="cam-a", **settings):
        base = {"onvif": world.endpoints[f"onvif_{name}"], "username": USER,
                "password": world.endpoints["camera_password"], "timeout_s": 1, "fps": 10}
        return CameraFactory().create(CameraSettings(**{**base, **settings}))
    return made


@contextlib.asynccontextmanager
async def _opened(camera):
    await camera.open()
    try:
        yield camera
    finally:
        await camera.close()


async def _wait_for(camera, *wanted):
    """Take events until each of these (kind, value) came; return them in order."""
    left, seen = set(wanted), []
    async for event in camera.events():
        seen.append(event)
        left.discard((event.kind, event.value))
        if not left:
            return seen
    raise AssertionError(f"closed before {left}")


@contextlib.asynccontextmanager
async def _peer(answer):
    """A TCP server that answers every request with these bytes; None accepts and says nothing, b"" hangs up."""
    tasks = set()

    async def serve(reader, writer):
        tasks.add(asyncio.current_task())
        try:
            while await reader.read(65536):
                if answer is not None:
                    writer.write(answer)
                    await writer.drain()
                    if not answer:
                        break
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)


@pytest.fixture
def opened():
    return _opened


@pytest.fixture
def wait_for():
    return _wait_for


@pytest.fixture
def peer():
    return _peer
