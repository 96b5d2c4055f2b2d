"""People at a door, one after another: card to the reader, wait for the strike, open, walk, close; or out by REX."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Final

from simulator.world import CameraHardware, DoorHardware, World

_PATIENCE_S: Final = 4.0
"""Campus seconds somebody waits for the strike."""
_PATIENCE_WALL_S: Final = 2.5
_SHORTEST_WALL_S: Final = 0.25
"""An input stands at least so long (wall time), so that a reader polled every 50 to 100 ms can see it."""
_CROWD: Final = 5
"""From so many waiting, those behind slip in with the one who opened."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Somebody who wants through a door."""

    card: str
    done: Callable[[bool], None]
    """Told whether they got through."""
    code: str = ""
    """QR text shown first; where it is not known, the card follows."""
    leaving: bool = False
    """By the exit button; no card needed."""
    stranger: bool = False
    """Must not get in: slips in behind nobody."""
    open_s: float = 3.0
    """Campus seconds the leaf stays open."""


class Doorway:
    """One door and its queue of people."""

    def __init__(self, world: World, door: DoorHardware, camera: CameraHardware | None = None, *, lane: bool) -> None:
        self.door = door
        self.jammed = False
        """The leaf stands open (a fault): people walk through."""
        self.passages = 0
        self.refused = 0
        self._world = world
        self._camera = camera
        self._lane = lane
        self._waiting: asyncio.Queue[Passage] = asyncio.Queue()
        self._struck = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        door.on_strike = self._strike

    def queue(self, passage: Passage) -> None:
        self._waiting.put_nowait(passage)

    @property
    def waiting(self) -> int:
        return self._waiting.qsize()

    async def run(self) -> None:
        """Serve the queue until cancelled."""
        while True:
            passage = await self._waiting.get()
            self._seen()
            passed = True if self.jammed else await self._pass(passage)
            self.passages += passed
            self.refused += not passed
            passage.done(passed)

    async def opens(self, seconds: float) -> None:
        """Open the leaf, let people walk for so many campus seconds, close it."""
        self.door.contact_open = True
        await self.pause(seconds)
        if not self.jammed:
            self.door.contact_open = False
        await self.pause(0.5)

    async def press(self) -> None:
        """Press the exit button."""
        self.door.rex = True
        await self.pause(0.4)

    async def pause(self, seconds: float) -> None:
        """Wait so many campus seconds, and long enough in wall time to be seen."""
        await asyncio.sleep(max(_SHORTEST_WALL_S, seconds / self._world.speed))

    async def _pass(self, passage: Passage) -> bool:
        if passage.leaving:
            await self.press()
            self._loop.call_later(_SHORTEST_WALL_S, self._release)
            self._follow()
            await self.opens(passage.open_s)
            return True
        if passage.stranger:
            await self._until_locked()
        if not (passage.code and await self._presents(self.door.codes, passage.code)) and not await self._presents(
                self.door.cards, passage.card):
            return False
        await self.pause(0.6)
        self._follow()
        await self.opens(passage.open_s)
        return True

    async def _presents(self, reader: SimpleQueue[str], text: str) -> bool:
        """Hold something to the reader; tell whether the strike comes."""
        self._struck.clear()
        reader.put(text)
        return await self._strike_comes()

    async def _strike_comes(self) -> bool:
        if self.door.strike:  # still released for the one before, or unlocked for the day
            await self.pause(0.4)
            return True
        patience_s = max(_PATIENCE_WALL_S, _PATIENCE_S / self._world.speed)
        try:
            async with asyncio.timeout(patience_s):  # wait_for would lose a cancellation that comes with the strike
                await self._struck.wait()
        except TimeoutError:
            return False
        return True

    async def _until_locked(self) -> None:
        for _ in range(20):
            if not self.door.strike:
                return
            await self.pause(0.5)

    def _follow(self) -> None:
        """In a crowd nobody waits for the door to close; at a lane everyone must."""
        if self._lane:
            return
        while self._waiting.qsize() > _CROWD:
            follower = self._waiting.get_nowait()
            self._seen()
            if follower.stranger:
                follower.done(False)
                continue
            self.passages += 1
            follower.done(True)

    def _strike(self, on: bool) -> None:  # noqa: FBT001
        """Told by the server, perhaps on a thread of its own."""
        if on:
            self._loop.call_soon_threadsafe(self._struck.set)

    def _release(self) -> None:
        self.door.rex = False

    def _seen(self) -> None:
        """For a while this person moves before the door's camera."""
        camera = self._camera
        if camera is None:
            return
        camera.people += 1

        def gone() -> None:
            camera.people = max(0, camera.people - 1)

        self._loop.call_later(max(3.0, 12.0 / self._world.speed), gone)
