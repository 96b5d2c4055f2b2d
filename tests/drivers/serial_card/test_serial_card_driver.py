"""The driver against simulated readers over real pseudo-terminals."""

import asyncio
import threading
from pathlib import Path

import pytest
from pydantic import ValidationError

from drivers.base import DeviceUnreachable, Driver, Factory, Streaming
from drivers.serial_card import SerialCardFactory, SerialCardSettings
from simulator.serial_readers import HELD_FRAMES, SerialReader, serial_readers
from simulator.world import DoorHardware, World

CARD, QR = "lane_1_card", "lane_1_qr"


class Site:
    def __init__(self, world, faults):
        self.world, self.faults, self.door = world, faults, world.doors["lane-1"]
        self.factory = SerialCardFactory()
        self.card = self.make(CARD, "em4100")
        self.qr = self.make(QR, "qr")

    def make(self, endpoint, kind):
        return self.factory.create(SerialCardSettings(serial=self.world.endpoints[endpoint], kind=kind))


def in_use():
    """Open files, threads and tasks."""
    return len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), len(asyncio.all_tasks())


@pytest.fixture
async def site(tmp_path):
    world = World(doors={"lane-1": DoorHardware("lane-1")})
    readers = [SerialReader(CARD, "lane-1", "em4100"), SerialReader(QR, "lane-1", "qr")]
    before = in_use()
    async with serial_readers(world, readers, tmp_path) as faults:
        site = Site(world, faults)
        yield site
        await site.card.close()
        await site.qr.close()
        await site.factory.close()
    assert in_use() == before


async def soon(awaitable):
    return await asyncio.wait_for(awaitable, 5)


async def counted(reader, frames):
    """Wait until the reader has counted so many frames."""
    async with asyncio.timeout(5):
        while (await reader.read()).values[1] < frames:
            await asyncio.sleep(0.01)


def test_it_is_a_driver_family():
    assert isinstance(SerialCardFactory(), Factory)
    driver = SerialCardFactory().create(SerialCardSettings(serial="/dev/none", kind="qr"))
    assert isinstance(driver, Driver)
    assert isinstance(driver, Streaming)
    with pytest.raises(ValidationError, match=r"em4100.*qr"):
        SerialCardSettings(serial="/dev/none", kind="wiegand")


async def test_a_card_held_is_one_credential(site):
    await site.card.open()
    events = site.card.events()
    site.door.cards.put("0000ABCDEF")
    event = await soon(anext(events))
    assert (event.kind, event.text) == ("credential", "card:ABCDEF")
    await counted(site.card, HELD_FRAMES)
    site.door.cards.put("0000000001")
    assert (await soon(anext(events))).text == "card:1"


async def test_a_code_is_a_credential(site):
    await site.qr.open()
    events = site.qr.events()
    site.door.codes.put("visit-访客-7")
    assert (await soon(anext(events))).text == "qr:visit-访客-7"
    assert list((await site.qr.read()).values) == [1, 1, 0]


async def test_garbage_is_counted_and_passes(site):
    await site.card.open()
    events = site.card.events()
    site.faults.spoil(CARD, b"\x02\xff\x00garbage\x02of the line")
    site.door.cards.put("0000ABCDEF")
    assert (await soon(anext(events))).text == "card:ABCDEF"
    assert (await site.card.read()).values[2] > 0


async def test_what_was_held_to_a_reader_nobody_listened_to_is_gone(site):
    site.door.codes.put("old")
    async with asyncio.timeout(5):
        while not site.door.codes.empty():
            await asyncio.sleep(0.01)
    await site.qr.open()
    events = site.qr.events()
    site.door.codes.put("new")
    assert (await soon(anext(events))).text == "qr:new"


async def test_unplugged_it_is_lost_and_plugged_in_it_opens_again(site):
    await site.card.open()
    site.faults.cut(CARD)
    with pytest.raises(DeviceUnreachable, match="is gone"):
        await soon(anext(site.card.events()))
    with pytest.raises(DeviceUnreachable):
        await site.card.read()
    with pytest.raises(DeviceUnreachable, match="cannot open"):
        await site.card.open()
    site.faults.mend(CARD)
    await site.card.open()
    events = site.card.events()
    site.door.cards.put("0000ABCDEF")
    assert (await soon(anext(events))).text == "card:ABCDEF"


async def test_open_and_close_again_and_again(site):
    for _ in range(2):
        await site.card.open()
        await site.card.open()
        assert list((await site.card.read()).values) == [1, 0, 0]
        await site.card.close()
        await site.card.close()
    with pytest.raises(DeviceUnreachable, match="not open"):
        await site.card.read()


async def test_closing_ends_the_events(site):
    await site.card.open()

    async def collect():
        return [event async for event in site.card.events()]

    collecting = asyncio.create_task(collect())
    await asyncio.sleep(0)
    await site.card.close()
    assert await soon(collecting) == []


async def test_two_programs_cannot_listen_to_one_reader(site):
    await site.card.open()
    with pytest.raises(DeviceUnreachable, match="cannot open"):
        await site.make(CARD, "em4100").open()
