"""The servers that are no Modbus: readers on OSDP and serial lines, cameras, class signs."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from simulator.cameras import serve_cameras
from simulator.osdp import OsdpReader, osdp_lines
from simulator.serial_readers import SerialReader, serial_readers
from simulator.site import DOORS
from simulator.world import SignHardware, World

_OSDP_LINES: Final = ("osdp_line_1", "osdp_line_2")
_SERIAL: Final = [
    SerialReader("serial_canteen", "door-canteen", "em4100"), SerialReader("serial_kitchen", "door-kitchen", "em4100"),
    SerialReader("lane_1_card", "lane-1", "em4100"), SerialReader("lane_1_qr", "lane-1", "qr"),
    SerialReader("lane_2_card", "lane-2", "em4100"), SerialReader("lane_2_qr", "lane-2", "qr"),
]


@dataclass(slots=True)
class Servers:
    """What runs besides the Modbus lines."""

    world: World

    @classmethod
    @asynccontextmanager
    async def serving(cls, world: World, run_dir: Path, *, cameras: bool) -> AsyncIterator[Self]:
        """Serve until the block ends; every address is in `world.endpoints` when it begins."""
        lines = {line: [OsdpReader(door.id.removeprefix("door-"), door.id, door.address)
                        for door in DOORS if door.line == line] for line in _OSDP_LINES}
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(osdp_lines(world, lines, run_dir))
            await stack.enter_async_context(serial_readers(world, _SERIAL, run_dir))
            if cameras:
                await stack.enter_async_context(serve_cameras(world))
            yield cls(world)

    async def add_sign(self, sign: SignHardware) -> None:
        """Mount one more class sign."""
        self.world.signs[sign.id] = sign
