"""The driver against servers others wrote: libmodbus and pymodbus; and discovery."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pymodbus.pdu.device import ModbusDeviceIdentification
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from contract.quality import Quality
from drivers.base import DeviceSilent, Discovering, Driver, Factory, Writable
from drivers.modbus import ModbusFactory
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.settings import ModbusDiscovery, ModbusSettings

from .conftest import Peer, registers, running

POINTS = [
    {"name": "word", "kind": "holding", "address": 7, "writable": True},
    {"name": "wide", "kind": "holding", "address": 200, "type": "float64"},
    {"name": "narrow", "kind": "input", "address": 210, "type": "float32"},
    {"name": "on", "kind": "coil", "address": 3, "writable": True},
    {"name": "off", "kind": "discrete", "address": 4},
    {"name": "outside", "kind": "input", "address": 300},
]


def device(factory: ModbusFactory, port: int | str, unit: int = 1, **more: object) -> ModbusDriver:
    return factory.create(ModbusSettings.model_validate(
        {"tcp": f"127.0.0.1:{port}", "unit": unit, "timeout": "200ms", "points": POINTS, **more}))


def test_what_the_gateway_asks_of_a_family() -> None:
    factory = ModbusFactory()
    assert isinstance(factory, Factory)
    assert isinstance(factory, Discovering)


async def test_libmodbus(libmodbus: Path, factory: ModbusFactory) -> None:
    with running(libmodbus, "tcp", "2") as port:
        driver, silent = device(factory, port), device(factory, port, 2)
        assert isinstance(driver, Driver)
        assert isinstance(driver, Writable)
        await driver.open()
        samples = await driver.read()
        assert samples.values[:5].tolist() == [1007, 21.5, -3.25, 1, 0]
        assert samples.quality.tolist() == [0, 0, 0, 0, 0, Quality.REFUSED]
        assert samples.problem == "input 300 refuses: exception 2 (it has no such address)"
        assert await driver.write("word", 65535) == 65535
        assert await driver.write("on", 0) == 0
        await silent.open()
        with pytest.raises(DeviceSilent):
            await silent.read()
        assert (await driver.read()).values[0] == 65535
        await factory.close()


IDENTITY = ModbusDeviceIdentification(info_name={"VendorName": "Campus Virtual", "ProductCode": "CV-AHU",
                                                 "ModelName": "campus-ahu"})


@pytest.fixture
async def pymodbus_port() -> AsyncIterator[int]:
    words = SimData(0, count=40, values=215, datatype=DataType.REGISTERS)
    bits = SimData(0, count=16, values=True, datatype=DataType.BITS)
    server = ModbusTcpServer([SimDevice(3, ([bits], [bits], [words], [words]))], address=("127.0.0.1", 0),
                             identity=IDENTITY, ignore_missing_devices=True)
    await server.listen()
    yield server.transport.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    await server.shutdown()


async def test_pymodbus_serves_a_whole_profile(pymodbus_port: int, factory: ModbusFactory) -> None:
    driver = device(factory, pymodbus_port, 3, points=None, profile="campus-ahu")
    await driver.open()
    samples = await driver.read()
    by_name = dict(zip((point.name for point in driver.points), samples.values.tolist(), strict=True))
    assert not samples.quality.any()
    assert (by_name["supply_temp"], by_name["co2"], by_name["alarm_filter"], by_name["alarm_fan"]) == (21.5, 215, 1, 1)
    assert by_name["alarm_sensor"] == 0
    assert by_name["fan_on"] == 1
    assert await driver.write("setpoint", 25) == 25
    await factory.close()


async def test_discovers_what_a_unit_says_of_itself(pymodbus_port: int, factory: ModbusFactory) -> None:
    wanted = ModbusDiscovery(tcp=(f"127.0.0.1:{pymodbus_port}",), units="3", timeout=0.1)
    [found] = await factory.discover(wanted)
    assert found.identity == f"Campus Virtual campus-ahu at 127.0.0.1:{pymodbus_port} unit 3"
    assert found.settings == {"tcp": f"127.0.0.1:{pymodbus_port}", "unit": 3, "profile": "campus-ahu"}
    driver = factory.create(ModbusSettings.model_validate(found.settings))
    assert driver.points
    assert await factory.discover(wanted) == []
    await factory.close()


def identifying(unit: int, pdu: bytes) -> bytes | None:
    """Unit 1 tells its serial number on a second page, unit 2 knows no identification, unit 3 is cut off."""
    if pdu[0] != 0x2B:
        return registers(unit, pdu) if unit < 4 else None
    if unit == 1:
        first = bytes((0x2B, 14, 3, 0x83, 0xFF, 0x80, 2)) + b"\0\3Abc" + b"\1\2X1"
        return first if pdu[3] == 0 else bytes((0x2B, 14, 3, 0x83, 0, 0, 1)) + b"\x80\3S17"
    return bytes((0xAB, 1)) if unit == 2 else bytes((0x2B, 14, 3, 0x83, 0, 0, 3)) + b"\0"


async def test_identities(peer: Peer, factory: ModbusFactory) -> None:
    peer.answer = identifying
    wanted = ModbusDiscovery(tcp=(f"127.0.0.1:{peer.port}",), units="1-4", timeout=0.05)
    found = await factory.discover(wanted)
    where = f"at 127.0.0.1:{peer.port} unit"
    assert [candidate.identity for candidate in found] == ["Abc X1 S17", f"Modbus device {where} 2",
                                                           f"Modbus device {where} 3"]
    peer.seen.clear()
    assert [candidate.identity for candidate in await factory.discover(wanted)] == [item.identity for item in found]
    assert {pdu[0] for _, pdu in peer.seen} == {3}
    assert peer.connections == 2


async def test_a_scan_over_a_shared_line_lets_polls_go_on(peer: Peer, factory: ModbusFactory) -> None:
    peer.answer = lambda unit, pdu: registers(unit, pdu) if unit == 1 else None
    driver = device(factory, peer.port, points=POINTS[:1])
    await driver.open()
    await driver.read()
    scan = asyncio.create_task(factory.discover(
        ModbusDiscovery(tcp=(f"127.0.0.1:{peer.port}",), units="1-3", timeout=0.5)))
    reads = 0
    while not scan.done():
        await driver.read()
        reads += 1
        await asyncio.sleep(0)
    assert scan.result() == []
    assert reads > 50
    assert peer.connections == 1


async def test_discovery_where_nobody_listens(peer: Peer, factory: ModbusFactory) -> None:
    await peer.stop()
    assert await factory.discover(ModbusDiscovery(tcp=(f"127.0.0.1:{peer.port}",), units="1-3")) == []
