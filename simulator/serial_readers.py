"""Serial readers: EM4100 card readers that repeat a frame while a card is held, and QR scanners that write a line."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final, Literal

from simulator.ptys import Pty
from simulator.world import World

HELD_FRAMES: Final = 5
"""A card is held for about half a second, and a reader repeats its frame every 100 ms."""
REPEAT_S: Final = 0.1
_LOOK_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class SerialReader:
    """A reader or scanner beside a door."""

    endpoint: str
    """Its path goes to `world.endpoints` under this name: `serial_canteen`, `lane_1_card`, `lane_1_qr` ..."""
    door: str
    """Id of the door in `world.doors`."""
    kind: Literal["em4100", "qr"]


@dataclass(slots=True)
class SerialFaults:
    """Plugs that can be pulled, by endpoint."""

    cut: Callable[[str], None] = lambda _endpoint: None
    """Pull the plug: the device vanishes."""
    mend: Callable[[str], object] = lambda _endpoint: None
    """Plug it in again, at the same path."""
    spoil: Callable[[str, bytes], None] = lambda _endpoint, _noise: None
    """Put these bytes on the wire, as bad wiring does."""


def em4100_frame(card: str) -> bytes:
    """Return the frame of a card number of 10 hex digits: `02 <10 hex> <2 hex xor> 03`."""
    check = 0
    for byte in bytes.fromhex(card):
        check ^= byte
    return b"\x02%s%02X\x03" % (card.upper().encode(), check)


@asynccontextmanager
async def serial_readers(world: World, readers: list[SerialReader], run_dir: Path) -> AsyncIterator[SerialFaults]:
    """Serve the readers until the block ends; their paths go into `world.endpoints`."""
    ports = {reader.endpoint: Pty(run_dir / f"tty-{reader.endpoint}") for reader in readers}
    faults = SerialFaults(cut=lambda name: ports[name].pull(), mend=lambda name: ports[name].plug(),
                          spoil=lambda name, noise: ports[name].write(noise))
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        for reader in readers:
            port = ports[reader.endpoint]
            port.plug()
            stack.callback(port.pull)
            world.endpoints[reader.endpoint] = str(port.path)
        serving = tasks.create_task(_serve(world, readers, ports), name="serial readers")
        yield faults
        serving.cancel()


async def _serve(world: World, readers: list[SerialReader], ports: Mapping[str, Pty]) -> None:
    """Look at every reader's queue in turn; a held card's repeats run beside it."""
    held: dict[str, asyncio.TimerHandle] = {}
    while True:
        for reader in readers:
            door, port = world.doors[reader.door], ports[reader.endpoint]
            queue = door.cards if reader.kind == "em4100" else door.codes
            text = _taken(queue)
            if text is None:
                continue
            if reader.kind == "qr":
                port.write(text.encode() + b"\r\n")
                continue
            if before := held.pop(reader.endpoint, None):
                before.cancel()
            _repeat(port, em4100_frame(text), HELD_FRAMES, held, reader.endpoint)
        await asyncio.sleep(_LOOK_S)


def _repeat(port: Pty, frame: bytes, times: int, held: dict[str, asyncio.TimerHandle], name: str) -> None:
    port.write(frame)
    if times > 1:
        loop = asyncio.get_running_loop()
        held[name] = loop.call_later(REPEAT_S, _repeat, port, frame, times - 1, held, name)


def _taken(queue: SimpleQueue[str]) -> str | None:
    try:
        return queue.get_nowait()
    except Empty:
        return None
