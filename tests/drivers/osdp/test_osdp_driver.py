"""The driver against simulated readers over real pseudo-terminals."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from contract.quality import Quality
from drivers.base import (
    DeviceError,
    DeviceGarbage,
    DeviceRefused,
    DeviceSilent,
    DeviceUnreachable,
    Driver,
    Factory,
    Streaming,
    Writable,
    WrongKey,
)
from drivers.osdp import OsdpFactory, OsdpSettings
from drivers.osdp.frames import code_of
from drivers.osdp.line import Line
from drivers.osdp.panel import PanelKey
from drivers.serial_port import SerialPort
from simulator.osdp import OsdpReader, osdp_lines
from simulator.world import DoorHardware, World

LINE = "osdp_line_1"
CMD_OUT = 0x68
NAMES = ("a101", "a102", "a103")


class Site:
    """Three readers on a line and the gateway's drivers for them."""

    def __init__(self, world, faults):
        self.world, self.faults = world, faults
        self.factory = OsdpFactory()
        self.doors = [world.doors[f"door-{name}"] for name in NAMES]
        self.readers = [self.factory.create(self.settings(number)) for number in range(len(NAMES))]

    def settings(self, number, **change):
        key = self.world.endpoints[f"osdp_key_{NAMES[number]}"]
        return OsdpSettings(**({"serial": self.world.endpoints[LINE], "address": number, "key": key} | change))


def in_use():
    """Open files, threads and tasks."""
    return len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), len(asyncio.all_tasks())


@pytest.fixture
async def site(tmp_path):
    world = World(doors={f"door-{name}": DoorHardware(f"door-{name}") for name in NAMES})
    lines = {LINE: [OsdpReader(name, f"door-{name}", number) for number, name in enumerate(NAMES)]}
    before = in_use()
    async with osdp_lines(world, lines, tmp_path) as faults:
        site = Site(world, faults)
        yield site
        for reader in site.readers:
            await reader.close()
        await site.factory.close()
    assert in_use() == before


async def soon(awaitable):
    return await asyncio.wait_for(awaitable, 5)


async def until(read, error=None):
    """Read again and again until the reader is there, or until it fails with this error."""
    async with asyncio.timeout(5):
        while True:
            try:
                samples = await read()
            except DeviceError as problem:
                if error and isinstance(problem, error):
                    return problem
            else:
                if not error:
                    return samples
            await asyncio.sleep(0.01)


def test_it_is_a_driver_family():
    factory = OsdpFactory()
    assert isinstance(factory, Factory)
    driver = factory.create(OsdpSettings(serial="/dev/none", address=0, insecure=True))
    assert isinstance(driver, Driver)
    assert isinstance(driver, Writable)
    assert isinstance(driver, Streaming)


async def test_reads_what_stands_at_the_door(site):
    site.doors[1].contact_open = True
    site.doors[1].tamper = True
    for reader in site.readers:
        await reader.open()
    samples = [await reader.read() for reader in site.readers]
    assert [list(sample.values) for sample in samples] == [[0, 0, 0, 0, 1], [0, 1, 0, 1, 1], [0, 0, 0, 0, 1]]
    assert all((sample.quality == Quality.GOOD).all() and not sample.problem for sample in samples)
    assert site.readers[0].identity == "00CA3B-1.1-00000001 fw 010000"


async def test_cards_and_pins_become_credentials(site):
    reader, door = site.readers[0], site.doors[0]
    await reader.open()
    await reader.read()
    events = reader.events()
    door.cards.put("0000ABCDEF")
    assert (await soon(anext(events))).text == "card:ABCDEF"
    for key in "12*1234#":
        door.keys.put(key)
    event = await soon(anext(events))
    assert (event.kind, event.text) == ("credential", "pin:1234")


async def test_inputs_and_tamper_are_told_as_they_change(site):
    reader, door = site.readers[0], site.doors[0]
    await reader.open()
    await reader.read()
    events = reader.events()
    told = []
    for attribute, value in (("contact_open", True), ("rex", True), ("contact_open", False), ("tamper", True)):
        setattr(door, attribute, value)
        event = await soon(anext(events))
        told.append((event.kind, event.name, event.value))
    assert told == [("input", "input_0", 1), ("input", "input_1", 1), ("input", "input_0", 0), ("tamper", "tamper", 1)]
    assert list((await reader.read()).values) == [0, 0, 1, 1, 1]


async def test_strike_goes_out_and_is_read_back(site):
    reader, door = site.readers[0], site.doors[0]
    await reader.open()
    await reader.read()
    assert await reader.write("output_0", 1) == 1
    assert door.strike
    assert await reader.write("output_0", 0) == 0
    assert not door.strike


async def test_a_pulse_ends_by_itself(site):
    reader, door = site.readers[0], site.doors[0]
    ended = asyncio.Event()
    door.on_strike = lambda on: None if on else ended.set()
    await reader.open()
    await reader.read()
    assert await reader.pulse("output_0", 0.1) == 1
    await soon(ended.wait())


@pytest.mark.parametrize(("call", "words"), [
    (lambda reader: reader.write("output_1", 1), "output_0 can"),
    (lambda reader: reader.write("output_0", 2), "takes 0 or 1"),
    (lambda reader: reader.pulse("output_0", 26), "25.5"),
])
async def test_what_cannot_be_done_is_refused(site, call, words):
    await site.readers[0].open()
    with pytest.raises(DeviceRefused, match=words):
        await call(site.readers[0])


async def test_decision_shows_at_the_reader(site):
    reader, door = site.readers[0], site.doors[0]
    await reader.open()
    await reader.read()
    await reader.feedback(granted=True)
    async with asyncio.timeout(2):
        while door.led != "green":
            await asyncio.sleep(0.005)


async def test_a_dead_reader_slows_no_other(site):
    site.faults.silent.add("a101")
    for reader in site.readers:
        await reader.open()
    dead = await until(site.readers[0].read, DeviceSilent)
    assert "address 0" in str(dead)
    await site.readers[1].read()
    events = site.readers[1].events()
    for number in range(4):
        site.doors[1].cards.put(f"{number + 1:010X}")
        assert (await soon(anext(events))).text == f"card:{number + 1:X}"
        assert await site.readers[1].write("output_0", number % 2) == number % 2


async def test_a_reader_that_fell_silent_is_told_once_and_comes_back(site):
    reader, door = site.readers[0], site.doors[0]
    await reader.open()
    await reader.read()
    door.contact_open = True
    events = reader.events()
    assert (await soon(anext(events))).value == 1
    site.faults.silent.add("a101")
    with pytest.raises(DeviceSilent, match="does not answer"):
        await soon(anext(events))
    with pytest.raises(DeviceSilent):
        await reader.read()
    with pytest.raises(DeviceSilent):
        await reader.write("output_0", 1)
    door.cards.put("0000000001")
    door.contact_open = False
    await asyncio.sleep(0.01)
    site.faults.silent.clear()
    assert list((await until(reader.read)).values) == [0, 0, 0, 0, 1]
    event = await soon(anext(reader.events()))
    assert (event.name, event.value) == ("input_0", 0), "the door was closed meanwhile"


async def test_wrong_key_is_told_in_words_and_mended(site):
    reader = site.readers[0]
    site.faults.wrong_key.add("a101")
    await reader.open()
    problem = await until(reader.read, WrongKey)
    assert "another key" in str(problem)
    assert site.world.endpoints["osdp_key_a101"] not in str(problem)
    site.faults.wrong_key.clear()
    await until(reader.read)


async def test_a_reader_restarted_with_another_key_meanwhile_is_noticed(site):
    reader = site.readers[0]
    await reader.open()
    await reader.read()
    site.faults.wrong_key.add("a101")
    with pytest.raises(WrongKey):
        await soon(anext(reader.events()))


async def test_a_cut_line_is_lost_for_all_and_can_be_opened_again(site):
    for reader in site.readers:
        await reader.open()
        await reader.read()
    site.faults.cut(LINE)
    for reader in site.readers:
        with pytest.raises(DeviceUnreachable, match="is gone"):
            await soon(anext(reader.events()))
        with pytest.raises(DeviceUnreachable):
            await reader.read()
        with pytest.raises(DeviceUnreachable, match="cannot open"):
            await reader.open()
    site.faults.mend(LINE)
    for reader in site.readers:
        await reader.open()
    assert [(await reader.read()).values[-1] for reader in site.readers] == [1, 1, 1]


async def test_open_and_close_again_and_again(site):
    reader = site.readers[0]
    with pytest.raises(DeviceUnreachable):
        await reader.read()
    for _ in range(2):
        await reader.open()
        await reader.open()
        await reader.read()
        await reader.close()
        await reader.close()


async def test_closing_ends_the_events_and_whatever_waits(site):
    reader = site.readers[0]
    site.faults.silent.add("a101")
    await reader.open()

    async def collect():
        return [event async for event in reader.events()]

    collecting = asyncio.create_task(collect())
    writing = asyncio.create_task(reader.write("output_0", 1))
    await asyncio.sleep(0)
    await reader.close()
    assert await soon(collecting) == []
    with pytest.raises(DeviceUnreachable):
        await soon(writing)


async def test_the_strike_is_the_next_on_the_wire_after_its_card(site, monkeypatch):
    sent = []
    write = SerialPort.write

    def noted(port, frame):
        sent.append((frame[2], code_of(frame)))
        write(port, frame)

    monkeypatch.setattr(SerialPort, "write", noted)
    for reader in site.readers:
        await reader.open()
        await reader.read()
    events = site.readers[0].events()
    for number in range(5):
        site.doors[0].cards.put(f"{number + 1:010X}")
        await soon(anext(events))
        sent.clear()
        await site.readers[0].write("output_0", number % 2)
        assert sent[0] == (0, CMD_OUT)


async def test_after_a_card_the_line_stays_free_for_its_strike(site):
    line = Line(site.world.endpoints[LINE], 9600, lambda _line: None)
    link, other = (line.join(PanelKey(number, 9600, bytes(16))) for number in (0, 1))
    now = asyncio.get_running_loop().time()
    link.online = True
    assert line._next(now) is not None
    line._hold()
    assert line._next(now) is None, "no poll now"
    link.order({}, urgent=True)
    assert line._next(now) is link
    link.urgent.clear()
    line.close()
    assert other.problem


async def test_noise_on_the_line_passes(site):
    reader = site.readers[0]
    await reader.open()
    await reader.read()
    far = os.open(site.world.endpoints[LINE], os.O_RDWR | os.O_NOCTTY)
    events = reader.events()
    os.write(far, b"\x53\x00\x09\x00noise")
    os.close(far)
    site.doors[0].cards.put("0000000007")
    assert (await soon(anext(events))).text == "card:7"


async def test_answers_that_cannot_be_read_are_told_apart_from_silence(site):
    reader = site.readers[0]
    await reader.open()
    await reader.read()
    site.faults.garbled.add("a101")
    with pytest.raises(DeviceGarbage, match="baud rate"):
        await soon(anext(reader.events()))
    site.faults.garbled.clear()
    await until(reader.read)


async def test_two_readers_cannot_share_an_address_nor_differ_in_baud_rate(site):
    await site.readers[0].open()
    with pytest.raises(DeviceRefused, match="taken by another"):
        await site.factory.create(site.settings(0)).open()
    with pytest.raises(DeviceRefused, match="9600 baud"):
        await site.factory.create(site.settings(1, baudrate=19200)).open()


async def test_without_a_key_a_secure_reader_lets_nobody_in(site):
    insecure = site.factory.create(site.settings(0, key=None, insecure=True))
    await insecure.open()
    with pytest.raises((DeviceSilent, DeviceRefused, WrongKey)):
        await insecure.write("output_0", 1)
    assert not site.doors[0].strike
    await insecure.close()
