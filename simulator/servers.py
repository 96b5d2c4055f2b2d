"""The servers that are no Modbus: readers on OSDP and serial lines, cameras, class signs."""

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from simulator.cameras import serve_cameras
from simulator.osdp import OsdpReader, osdp_lines
from simulator.serial_readers import SerialReader, serial_readers
from simulator.signs import serve_signs
from simulator.site import DOORS
from simulator.world import World

_OSDP_LINES: Final = ("osdp_line_1", "osdp_line_2")
_SERIAL: Final = [
    SerialReader("serial_canteen", "door-canteen", "em4100"), SerialReader("serial_kitchen", "door-kitchen", "em4100"),
    SerialReader("lane_1_card", "lane-1", "em4100"), SerialReader("lane_1_qr", "lane-1", "qr"),
    SerialReader("lane_2_card", "lane-2", "em4100"), SerialReader("lane_2_qr", "lane-2", "qr"),
]


_KEPT: Final = ("camera_password", "sign_password", "sign_receiver_port")


@asynccontextmanager
async def serving(world: World, run_dir: Path, former: Mapping[str, str], *, cameras: bool) -> AsyncIterator[None]:
    """Serve until the block ends; every address is in `world.endpoints` when it begins.

    `former` are the endpoints of the last run in the folder: its passwords hold. Signs added to the world are mounted.
    """
    world.endpoints |= {name: former[name] for name in _KEPT if name in former}
    port = world.endpoints.setdefault("sign_receiver_port", str(_free_port()))
    lines = {line: [OsdpReader(door.id.removeprefix("door-"), door.id, door.address)
                    for door in DOORS if door.line == line] for line in _OSDP_LINES}
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(osdp_lines(world, lines, run_dir))
        await stack.enter_async_context(serial_readers(world, _SERIAL, run_dir))
        await stack.enter_async_context(serve_signs(world, lambda: f"127.0.0.1:{port}"))
        if cameras:
            await stack.enter_async_context(serve_cameras(world))
        yield


def _free_port() -> int:
    """Return a port for the gateway to receive the signs' pushes at."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port
