"""The driver on a serial line: two ptys with a cable, libmodbus at the other end."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from drivers.base import DeviceGarbage, DeviceSilent, DeviceUnreachable
from drivers.modbus import ModbusFactory
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.settings import ModbusDiscovery, ModbusSettings

from .conftest import Cable, registers, running, with_crc

POINTS = [{"name": "a", "kind": "holding", "address": 7, "writable": True},
          {"name": "b", "kind": "input", "address": 200, "type": "float64"},
          {"name": "c", "kind": "coil", "address": 3, "writable": True}]


def device(factory: ModbusFactory, cable: Cable, unit: int) -> ModbusDriver:
    return factory.create(ModbusSettings.model_validate(
        {"serial": cable.ours, "unit": unit, "timeout": "100ms", "points": POINTS}))


@pytest.fixture
def slave(libmodbus: Path, cable: Cable) -> Iterator[str]:
    """Unit 5, and no other, at the far end."""
    with running(libmodbus, "rtu", cable.theirs, "5") as line:
        assert line == "ready"
        yield line


@pytest.fixture
async def driver(factory: ModbusFactory, cable: Cable, slave: str) -> AsyncIterator[ModbusDriver]:
    driver = device(factory, cable, 5)
    await driver.open()
    yield driver
    await driver.close()


async def test_reads_and_writes(driver: ModbusDriver) -> None:
    assert (await driver.read()).values.tolist() == [1007, 21.5, 1]
    assert await driver.write("a", 3) == 3
    assert await driver.write("c", 0) == 0
    assert (await driver.read()).values.tolist() == [3, 21.5, 0]


def only_five(unit: int, pdu: bytes) -> bytes | None:
    return registers(unit, pdu) if unit == 5 else None


async def test_one_silent_slave_does_not_harm_the_other(factory: ModbusFactory, cable: Cable) -> None:
    cable.answer = only_five
    driver, missing = device(factory, cable, 5), device(factory, cable, 6)
    await driver.open()
    await missing.open()
    await driver.read()
    silent, samples = await asyncio.gather(missing.read(), driver.read(), return_exceptions=True)
    assert isinstance(silent, DeviceSilent)
    assert not isinstance(samples, BaseException)
    assert samples.values[0] == 5007
    assert (await driver.read()).values[0] == 5007


async def test_a_late_answer_is_not_taken_for_anothers(factory: ModbusFactory, cable: Cable) -> None:
    late: list[bytes] = []

    def answer(unit: int, pdu: bytes) -> bytes | None:
        if unit == 6:
            late.append(with_crc(bytes((6,)) + registers(6, pdu)))
            return None
        return registers(unit, pdu)
    cable.answer = answer
    driver, slow = device(factory, cable, 5), device(factory, cable, 6)
    await driver.open()
    await slow.open()
    with pytest.raises(DeviceSilent):
        await slow.read()
    reading = asyncio.create_task(driver.read())
    cable.arrive(late[0])
    assert (await reading).values[0] == 5007


async def test_a_wrong_checksum(cable: Cable, driver: ModbusDriver) -> None:
    cable.garble = lambda data: data[:-1] + bytes((data[-1] ^ 0xFF,))
    with pytest.raises(DeviceGarbage, match="checksum"):
        await driver.read()
    cable.garble = lambda data: data
    assert (await driver.read()).values[0] == 1007


async def test_half_a_frame(cable: Cable, driver: ModbusDriver) -> None:
    cable.garble = lambda data: data[:-3]
    with pytest.raises(DeviceGarbage, match="torn"):
        await driver.read()
    cable.garble = lambda data: data
    assert (await driver.read()).values[0] == 1007


async def test_cancelling_does_not_mix_up_answers(driver: ModbusDriver) -> None:
    for _ in range(3):
        reading = asyncio.create_task(driver.read())
        await asyncio.sleep(0.004)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        assert (await driver.read()).values.tolist() == [1007, 21.5, 1]


async def test_opens_and_closes_again_and_again(driver: ModbusDriver) -> None:
    for _ in range(2):
        await driver.close()
        await driver.close()
        await driver.open()
        await driver.open()
        assert (await driver.read()).values[0] == 1007


async def test_a_port_that_is_unplugged(cable: Cable, driver: ModbusDriver) -> None:
    await driver.read()
    cable.unplug()
    with pytest.raises((DeviceUnreachable, DeviceSilent)):
        await driver.read()
    with pytest.raises(DeviceUnreachable):
        await driver.read()


async def test_no_such_port(factory: ModbusFactory, tmp_path: Path) -> None:
    driver = factory.create(ModbusSettings.model_validate({"serial": str(tmp_path / "tty"), "points": POINTS}))
    with pytest.raises(DeviceUnreachable, match="tty"):
        await driver.open()


async def test_one_port_has_one_speed(factory: ModbusFactory, cable: Cable) -> None:
    device(factory, cable, 1)
    with pytest.raises(ValueError, match="9600 baud"):
        factory.create(ModbusSettings.model_validate({"serial": cable.ours, "baudrate": 19200, "points": POINTS}))


async def test_discovers_over_serial(factory: ModbusFactory, cable: Cable) -> None:
    cable.answer = only_five
    found = await factory.discover(ModbusDiscovery(serial=(cable.ours,), units="4-6", timeout=0.1))
    assert [candidate.settings["unit"] for candidate in found] == [5]
    driver = factory.create(ModbusSettings.model_validate(found[0].settings))
    await driver.open()
    assert (await driver.read()).values.tolist() == [5000]
