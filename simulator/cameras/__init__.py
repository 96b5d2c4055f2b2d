"""Simulated cameras: ONVIF (device, media, events) and RTSP with drawn pictures, on free ports of the loopback."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from simulator.cameras.onvif import OnvifServer
from simulator.cameras.picture import Scene
from simulator.cameras.rtsp import RtspServer
from simulator.world import CameraHardware, World

__all__ = ["USER", "serve_cameras"]
USER = "viewer"


@asynccontextmanager
async def serve_cameras(world: World, *, fps: float = 6.0, subscription_s: float = 60.0,
                        ) -> AsyncIterator[dict[str, OnvifServer]]:
    """Serve every camera of the world, as user `viewer`; yields their ONVIF servers by id.

    Writes `onvif_<id>` (http://.../onvif/device_service), `rtsp_<id>` and `camera_password` into the endpoints.
    An event subscription nobody renews ends after `subscription_s` wall seconds.
    """
    password = world.endpoints.setdefault("camera_password", secrets.token_urlsafe(12))
    async with AsyncExitStack() as stack:
        yield {camera.id: await stack.enter_async_context(_serve_one(world, camera, password, fps, subscription_s))
               for camera in world.cameras.values()}


@asynccontextmanager
async def _serve_one(world: World, camera: CameraHardware, password: str, fps: float,
                     subscription_s: float) -> AsyncIterator[OnvifServer]:
    rtsp = RtspServer(USER, password, lambda: camera.lost)
    await rtsp.start()
    onvif = OnvifServer(world, camera, user=USER, password=password, stream=rtsp.url,
                        subscription_s=subscription_s)
    await onvif.start()
    world.endpoints[f"rtsp_{camera.id}"] = rtsp.url
    world.endpoints[f"onvif_{camera.id}"] = onvif.url
    filming = asyncio.create_task(_film(world, camera, rtsp, fps), name=f"film {camera.id}")
    try:
        yield onvif
    finally:
        filming.cancel()
        await asyncio.gather(filming, return_exceptions=True)
        await onvif.stop()
        await rtsp.stop()


async def _film(world: World, camera: CameraHardware, rtsp: RtspServer, fps: float) -> None:
    """Draw and send pictures while somebody looks and the cable is in."""
    scene = Scene(camera)
    while True:
        if rtsp.watched and not camera.lost:
            now_s = time.monotonic()
            rtsp.send(scene.jpeg(world.now_ms(), now_s), now_s)
        await asyncio.sleep(1 / fps)
