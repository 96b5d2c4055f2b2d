"""The driver over TCP against a scripted peer: what goes wrong on a wire, and what must not."""

import asyncio
import struct
from pathlib import Path

import pytest

from contract.quality import Quality
from drivers.base import DeviceGarbage, DeviceRefused, DeviceSilent, DeviceUnreachable
from drivers.modbus import ModbusFactory
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.settings import ModbusSettings

from .conftest import Answer, Peer, frame, registers

POINTS = [{"name": f"p{i}", "kind": "holding", "address": i} for i in range(10)]
TIMEOUT_S = 0.08


def device(factory: ModbusFactory, peer: Peer, unit: int = 1, points: list[dict[str, object]] | None = None,
           **more: object) -> ModbusDriver:
    fields = {"tcp": f"127.0.0.1:{peer.port}", "unit": unit, "timeout": TIMEOUT_S, "points": points or POINTS, **more}
    return factory.create(ModbusSettings.model_validate(fields))


async def values_of(driver: ModbusDriver) -> list[float]:
    samples = await driver.read()
    assert not samples.problem
    return samples.values.tolist()  # type: ignore[no-any-return]


async def test_reads_and_opens_and_closes_again_and_again(factory: ModbusFactory, peer: Peer) -> None:
    driver = device(factory, peer)
    for _ in range(2):
        await driver.open()
        await driver.open()
        assert await values_of(driver) == [1000 + i for i in range(10)]
        await driver.close()
        await driver.close()
    assert peer.connections == 2


async def test_units_at_one_address_share_a_connection(factory: ModbusFactory, peer: Peer) -> None:
    drivers = [device(factory, peer, unit) for unit in (1, 2, 3)]
    for driver in drivers:
        await driver.open()
    rows = await asyncio.gather(*(values_of(driver) for driver in drivers for _ in range(5)))
    assert [row[0] for row in rows] == [1000] * 5 + [2000] * 5 + [3000] * 5
    await drivers[0].close()
    assert (await values_of(drivers[1]))[0] == 2000
    assert peer.connections == 1


async def test_turns_are_fair(factory: ModbusFactory, peer: Peer) -> None:
    drivers = [device(factory, peer, unit) for unit in (1, 2, 3)]
    for driver in drivers:
        await driver.open()
    await asyncio.gather(*(values_of(driver) for _ in range(6) for driver in drivers))
    units = [unit for unit, _ in peer.seen]
    assert all({*units[i:i + 3]} == {1, 2, 3} for i in range(0, 18, 3))


async def test_nobody_listens(factory: ModbusFactory, peer: Peer) -> None:
    await peer.stop()
    with pytest.raises(DeviceUnreachable, match=": Connection refused"):
        await device(factory, peer).open()


async def test_comes_back_after_the_server_does(factory: ModbusFactory, peer: Peer) -> None:
    driver = device(factory, peer)
    await driver.open()
    await driver.read()
    await peer.stop()
    with pytest.raises(DeviceUnreachable):
        await driver.read()
    with pytest.raises(DeviceUnreachable):
        await driver.read()
    await peer.start()
    assert (await values_of(driver))[0] == 1000


async def test_a_connection_cut_during_a_request(factory: ModbusFactory, peer: Peer) -> None:
    driver = device(factory, peer)
    await driver.open()

    async def cut(*_: object) -> None:
        peer.hang_up()
    peer.send = cut
    with pytest.raises(DeviceUnreachable, match="closed the connection"):
        await driver.read()
    peer.send = None
    assert (await values_of(driver))[0] == 1000


async def test_a_silent_device_and_its_late_answer(factory: ModbusFactory, peer: Peer) -> None:
    """The answer to the first request arrives just before the second's: it must not be taken for it."""
    driver = device(factory, peer)
    await driver.open()
    late: list[bytes] = []

    async def first_late(writer: asyncio.StreamWriter, tid: int, unit: int, pdu: bytes) -> None:
        if not late:
            late.append(frame(tid, unit, bytes((3, 20)) + b"\xEE" * 20))
        else:
            writer.write(late[0] + frame(tid, unit, registers(unit, pdu)))
    peer.send = first_late
    with pytest.raises(DeviceSilent, match="does not answer within 80 ms"):
        await driver.read()
    assert await values_of(driver) == [1000 + i for i in range(10)]
    assert await values_of(driver) == [1000 + i for i in range(10)]


async def test_a_silent_unit_is_tried_over_a_new_connection(factory: ModbusFactory, peer: Peer) -> None:
    driver = device(factory, peer, timeout=0.02)
    await driver.open()
    peer.answer = lambda unit, pdu: None
    for _ in range(3):
        with pytest.raises(DeviceSilent):
            await driver.read()
    peer.answer = registers
    assert (await values_of(driver))[0] == 1000
    assert peer.connections == 2


async def test_a_dead_unit_rests_and_the_others_go_on(factory: ModbusFactory, peer: Peer) -> None:
    alive, dead = device(factory, peer, 1), device(factory, peer, 2)
    await alive.open()
    await dead.open()
    peer.answer = lambda unit, pdu: None if unit == 2 else registers(unit, pdu)
    await alive.read()
    with pytest.raises(DeviceSilent):
        await dead.read()
    reading = asyncio.create_task(dead.read())
    before = len(peer.seen)
    for _ in range(20):
        await alive.read()
    assert {unit for unit, _ in peer.seen[before:]} == {1}
    assert not reading.done()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


async def test_a_resting_unit_comes_back_by_a_write(factory: ModbusFactory, peer: Peer) -> None:
    points = [{"name": "strike", "kind": "coil", "address": 0, "writable": True}]
    alive, door = device(factory, peer, 1), device(factory, peer, 2, points)
    await alive.open()
    await door.open()
    await alive.read()
    peer.answer = lambda unit, pdu: None if unit == 2 else registers(unit, pdu)
    with pytest.raises(DeviceSilent):
        await door.read()
    peer.answer = registers
    assert await door.write("strike", 1) == 0
    assert await values_of(door) == [0]


@pytest.mark.parametrize("code", [10, 11])
async def test_a_gateway_saying_its_device_is_mute(factory: ModbusFactory, peer: Peer, code: int) -> None:
    driver = device(factory, peer)
    await driver.open()
    peer.answer = lambda unit, pdu: bytes((pdu[0] | 0x80, code))
    with pytest.raises(DeviceSilent, match="gateway"):
        await driver.read()


@pytest.mark.parametrize(("reply", "words"), [
    (bytes((3, 18)) + bytes(18), "18 bytes of values instead of 20"),
    (bytes((3, 20)) + bytes(18), "18 bytes of values instead of 20"),
    (bytes((4, 20)) + bytes(20), "instead of"),
    (bytes((3,)), "one byte"),
    (b"", "torn or no Modbus"),
])
async def test_a_short_or_wrong_answer(factory: ModbusFactory, peer: Peer, reply: bytes, words: str) -> None:
    driver = device(factory, peer)
    await driver.open()
    peer.answer = lambda unit, pdu: reply
    with pytest.raises(DeviceGarbage, match=words):
        await driver.read()
    peer.answer = registers
    assert (await values_of(driver))[0] == 1000


@pytest.mark.parametrize("noise", [
    b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0\1\0\0\0\x17\1\3\x14half", bytes(5000) + b"x"])
async def test_noise_instead_of_modbus(factory: ModbusFactory, peer: Peer, noise: bytes) -> None:
    driver = device(factory, peer)
    await driver.open()

    async def shout(writer: asyncio.StreamWriter, *_: object) -> None:
        writer.write(noise)
    peer.send = shout
    with pytest.raises((DeviceGarbage, DeviceSilent)):
        await driver.read()
    peer.send = None
    assert (await values_of(driver))[0] == 1000


async def test_an_answer_in_pieces(factory: ModbusFactory, peer: Peer) -> None:
    driver = device(factory, peer)
    await driver.open()

    async def dribble(writer: asyncio.StreamWriter, tid: int, unit: int, pdu: bytes) -> None:
        whole = frame(tid, unit, registers(unit, pdu))
        for at in range(0, len(whole), 9):
            writer.write(whole[at:at + 9])
            await asyncio.sleep(0.001)
    peer.send = dribble
    assert await values_of(driver) == [1000 + i for i in range(10)]


def refusing(*addresses: int, hidden: tuple[int, ...] = ()) -> Answer:
    """Answer reads but those that touch these holding registers."""
    def answer(unit: int, pdu: bytes) -> bytes:
        address, count = struct.unpack(">HH", pdu[1:5])
        if any(address <= bad < address + count for bad in addresses + hidden):
            return bytes((pdu[0] | 0x80, 2))
        return registers(unit, pdu)
    return answer


async def test_only_the_register_that_refuses_is_bad(factory: ModbusFactory, peer: Peer) -> None:
    points = [{"name": f"p{i}", "kind": "holding", "address": i} for i in range(100)]
    driver = device(factory, peer, points=points)
    await driver.open()
    peer.answer = refusing(40)
    samples = await driver.read()
    assert samples.problem == "holding 40 refuses: exception 2 (it has no such address)"
    assert [i for i, quality in enumerate(samples.quality) if quality] == [40]
    assert samples.quality[40] == Quality.REFUSED
    assert samples.values[[39, 41]].tolist() == [1039, 1041]
    peer.seen.clear()
    assert (await driver.read()).quality[40] == Quality.REFUSED
    assert len(peer.seen) == 2


async def test_a_refused_gap_is_read_around(factory: ModbusFactory, peer: Peer) -> None:
    points = [{"name": f"p{i}", "kind": "holding", "address": 2 * i} for i in range(8)]
    driver = device(factory, peer, points=points)
    await driver.open()
    peer.answer = refusing(hidden=(7,))
    assert await values_of(driver) == [1000 + 2 * i for i in range(8)]
    peer.seen.clear()
    await driver.read()
    assert len(peer.seen) == 2


async def test_a_device_that_refuses_everything(factory: ModbusFactory, peer: Peer) -> None:
    driver = device(factory, peer)
    await driver.open()
    peer.answer = lambda unit, pdu: bytes((pdu[0] | 0x80, 1))
    with pytest.raises(DeviceRefused, match=r"holding 0 refuses: exception 1 .*and 6 more"):
        await driver.read()


async def test_what_refused_is_tried_again_later(factory: ModbusFactory, peer: Peer) -> None:
    driver = device(factory, peer)
    await driver.open()
    peer.answer = refusing(4)
    assert (await driver.read()).problem
    peer.answer = registers
    assert (await driver.read()).problem
    driver._forget_at = 0
    assert await values_of(driver) == [1000 + i for i in range(10)]


WRITABLE: list[dict[str, object]] = [
    {"name": "strike", "kind": "coil", "address": 3, "writable": True},
    {"name": "setpoint", "kind": "holding", "address": 4, "type": "int16", "scale": 0.1, "writable": True,
     "minimum": 16, "maximum": 28, "unit": "°C"},
    {"name": "limit", "kind": "holding", "address": 6, "type": "float32", "order": "CDAB", "writable": True},
    {"name": "enable", "kind": "holding", "address": 9, "type": "bit", "bit": 9, "writable": True},
    {"name": "count", "kind": "holding", "address": 10},
]


def memory() -> tuple[dict[int, int], Answer]:
    """A device whose registers keep what is written; its one coil too."""
    words: dict[int, int] = {}

    def answer(unit: int, pdu: bytes) -> bytes:
        address, count = struct.unpack(">HH", pdu[1:5])
        match pdu[0]:
            case 1:
                return bytes((1, 1, words.get(-1, 0)))
            case 3:
                return bytes((3, 2 * count)) + b"".join(words.get(address + i, 0).to_bytes(2) for i in range(count))
            case 5:
                words[-1] = int(count == 0xFF00)
            case 6:
                words[address] = count
            case 16:
                words.update({address + i: int.from_bytes(pdu[6 + 2 * i:8 + 2 * i]) for i in range(count)})
        return pdu[:5]
    return words, answer


async def test_writes_by_type_and_reads_back(factory: ModbusFactory, peer: Peer) -> None:
    words, peer.answer = memory()
    words[9] = 0x8001
    driver = device(factory, peer, points=WRITABLE)
    await driver.open()
    assert await driver.write("strike", 1) == 1
    assert await driver.write("setpoint", 21.5) == 21.5
    assert await driver.write("limit", -3.25) == -3.25
    assert await driver.write("enable", 1) == 1
    assert [pdu[0] for _, pdu in peer.seen] == [5, 1, 6, 3, 16, 3, 3, 6, 3]
    assert (words[4], words[6], words[7], words[9]) == (215, 0, 0xC050, 0x8201)
    assert (await values_of(driver))[:4] == [1, 21.5, -3.25, 1]


@pytest.mark.parametrize(("name", "value", "words"), [
    ("setpoint", 30, "30 is outside the allowed range 16 to 28 °C"),
    ("setpoint", float("nan"), "nan is outside the allowed range"),
    ("strike", 2, "outside the allowed range 0 to 1"),
    ("limit", 1e300, "does not fit into float32"),
    ("count", 1, "can only be read"),
    ("nothing", 1, "there is no point nothing"),
])
async def test_a_write_that_is_not_allowed_is_not_sent(
        factory: ModbusFactory, peer: Peer, name: str, value: float, words: str) -> None:
    driver = device(factory, peer, points=WRITABLE)
    await driver.open()
    with pytest.raises(DeviceRefused, match=words):
        await driver.write(name, value)
    assert not peer.seen


async def test_a_write_the_device_refuses(factory: ModbusFactory, peer: Peer) -> None:
    driver = device(factory, peer, points=WRITABLE)
    await driver.open()
    peer.answer = lambda unit, pdu: bytes((pdu[0] | 0x80, 3))
    with pytest.raises(DeviceRefused, match=r"holding 4 \(setpoint\) refuses 20: exception 3"):
        await driver.write("setpoint", 20)


async def test_a_write_goes_before_waiting_reads(factory: ModbusFactory, peer: Peer) -> None:
    drivers = [device(factory, peer, unit) for unit in range(1, 9)]
    door = device(factory, peer, 9, WRITABLE)
    for driver in (*drivers, door):
        await driver.open()
    reads = [asyncio.create_task(driver.read()) for driver in drivers]
    await asyncio.sleep(0)
    await door.write("strike", 1)
    await asyncio.gather(*reads)
    assert [unit for unit, _ in peer.seen][:2] == [1, 9]


async def test_a_write_does_not_wait_for_a_dead_units_probe(factory: ModbusFactory, peer: Peer) -> None:
    alive, dead = device(factory, peer, 1, WRITABLE), device(factory, peer, 2, timeout=5)
    await alive.open()
    await dead.open()
    asked = asyncio.Event()

    def answer(unit: int, pdu: bytes) -> bytes | None:
        if unit == 2:
            asked.set()
            return None
        return registers(unit, pdu)
    peer.answer = answer
    dead._unit.misses = 4
    probe = asyncio.create_task(dead.read())
    await asked.wait()
    await asyncio.wait_for(alive.write("strike", 0), 2)
    with pytest.raises(DeviceSilent, match="given up"):
        await probe


async def test_cancelling_a_read_leaves_the_line_usable(factory: ModbusFactory, peer: Peer) -> None:
    drivers = [device(factory, peer, unit) for unit in (1, 2)]
    for driver in drivers:
        await driver.open()
    peer.answer = lambda unit, pdu: None
    reads = [asyncio.create_task(driver.read()) for driver in drivers for _ in range(2)]
    await asyncio.sleep(0.01)
    for read in reads:
        read.cancel()
    await asyncio.gather(*reads, return_exceptions=True)
    peer.answer = registers
    assert (await values_of(drivers[0]))[0] == 1000
    assert (await values_of(drivers[1]))[0] == 2000


async def test_nothing_is_left_behind(peer: Peer) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))
    before, tasks = descriptors(), asyncio.all_tasks()
    factory = ModbusFactory()
    driver = device(factory, peer)
    await driver.open()
    await driver.read()
    peer.answer = lambda unit, pdu: None
    with pytest.raises(DeviceSilent):
        await driver.read()
    reading = asyncio.create_task(driver.read())
    await asyncio.sleep(0.01)
    await driver.close()
    with pytest.raises(DeviceUnreachable, match="was closed"):
        await reading
    await factory.close()
    await peer.stop()
    await asyncio.sleep(0.02)
    assert asyncio.all_tasks() - tasks == set()
    assert descriptors() <= before
