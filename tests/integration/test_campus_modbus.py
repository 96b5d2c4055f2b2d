"""The campus's Modbus servers against pymodbus: every type and word order, several units behind one line, faults."""

import os
import struct
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.client.base import ModbusBaseClient
from pymodbus.exceptions import ModbusIOException
from pymodbus.pdu.mei_message import ReadDeviceInformationResponse

from simulator.campus import Campus
from simulator.lines import Lines
from simulator.main import make_world
from simulator.registers import Register
from simulator.site import UNITS, Unit
from simulator.world import World

NOW_MS = 1_795_579_200_000
FORMATS = {"int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "uint64": "Q", "float32": "f", "float64": "d"}


class Site:
    """The Modbus part of a campus, and clients to its lines."""

    def __init__(self) -> None:
        self.world: World = make_world()
        self.campus = Campus(1, NOW_MS, Counter({"a101": 20, "b101": 18, "dorm": 10}))
        self.campus.settle()
        self.lines = Lines(self.world, self.campus)
        self.clients: dict[str, ModbusBaseClient] = {}

    async def client(self, line: str) -> ModbusBaseClient:
        if line not in self.clients:
            address = self.world.endpoints[line]
            if line.startswith("rtu_"):
                client: ModbusBaseClient = AsyncModbusSerialClient(address, baudrate=115_200, timeout=0.3, retries=0)
            else:
                host, port = address.split(":")
                client = AsyncModbusTcpClient(host, port=int(port), timeout=0.3, retries=0)
            assert await client.connect()
            self.clients[line] = client
        return self.clients[line]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    site = Site()
    await site.lines.start(tmp_path, {})
    try:
        yield site
    finally:
        for client in site.clients.values():
            client.close()
        await site.lines.stop()


def _expected_order(order: str, plain: bytes) -> bytes:
    """Written apart from the simulator's: positions of the bytes, two a register."""
    words = [plain[at:at + 2] for at in range(0, len(plain), 2)]
    swapped = [word[::-1] for word in words]
    return b"".join({"ABCD": words, "CDAB": words[::-1], "BADC": swapped, "DCBA": swapped[::-1]}[order])


async def _read(client: ModbusBaseClient, unit: int, register: Register) -> float:
    if register.kind in ("coil", "discrete"):
        ask = client.read_coils if register.kind == "coil" else client.read_discrete_inputs
        reply = await ask(register.address, count=1, device_id=unit)
        assert not reply.isError(), reply
        return float(reply.bits[0])
    ask_words = client.read_holding_registers if register.kind == "holding" else client.read_input_registers
    reply = await ask_words(register.address, count=register.words, device_id=unit)
    assert not reply.isError(), reply
    if register.type == "bit":
        return float(reply.registers[0] >> register.bit & 1)
    wire = struct.pack(f">{register.words}H", *reply.registers)
    plain = _expected_order(register.order, wire)
    return float(struct.unpack(">" + FORMATS[register.type], plain)[0]) * register.scale + register.offset


PROFILES = {unit.profile: unit for unit in UNITS if not unit.late}


@pytest.mark.parametrize("unit", PROFILES.values(), ids=PROFILES.keys())
async def test_every_point_of_every_profile_reads_as_it_is(site: Site, unit: Unit) -> None:
    client = await site.client(unit.line)
    image = site.lines.stations[unit.id].image
    for register in image.profile.registers:
        shown = image.thing.values()[register.name]
        read = await _read(client, unit.unit, register)
        assert read == pytest.approx(shown, abs=register.scale * 0.51, rel=1e-6), register


def test_all_four_orders_and_many_types_are_in_use(tmp_path: Path) -> None:
    registers = [point for unit in UNITS for point in Lines(make_world(), Campus(1, NOW_MS)).stations[unit.id]
                 .image.profile.registers]
    assert {point.order for point in registers if point.words > 1} == {"ABCD", "CDAB", "BADC", "DCBA"}
    assert {point.type for point in registers} >= {*FORMATS, "bit", "bool"}


async def test_a_new_setpoint_moves_the_room(site: Site) -> None:
    client = await site.client("modbus_a")
    before_c = site.campus.ahus["a1"].zone.temperature_c
    assert not (await client.write_register(0, 260, device_id=2)).isError()
    site.campus.advance(NOW_MS + 2 * 3_600_000)
    site.lines.look()
    reply = await client.read_input_registers(2, count=1, device_id=2)
    assert reply.registers[0] / 10 > before_c + 3
    assert (await client.write_register(0, 900, device_id=2)).exception_code == 3


async def test_coils_switch_lamps_and_strikes(site: Site) -> None:
    client = await site.client("modbus_a")
    assert not (await client.write_coils(0, [True] * 12, device_id=4)).isError()
    site.campus.advance(NOW_MS + 1000)
    assert site.campus.lights["building-a"].power_kw == pytest.approx(12 * 0.85)
    board = await site.client("modbus_io")
    assert not (await board.write_coil(3, True, device_id=1)).isError()
    assert site.world.doors["lane-2"].strike
    assert (await board.read_coils(0, count=4, device_id=1)).bits[:4] == [False, False, False, True]


async def test_a_device_names_itself_and_its_serial_number(site: Site) -> None:
    client = await site.client("rtu_2")
    reply = await client.read_device_information(read_code=3, object_id=0, device_id=4)
    assert isinstance(reply, ReadDeviceInformationResponse)
    assert reply.information[0] == b"Campus Virtual"
    assert reply.information[5] == b"campus-meter-dcba"
    assert reply.information[0x80].startswith(b"CV4")


async def test_a_silent_unit_leaves_its_neighbours_on_the_line_alone(site: Site) -> None:
    client = await site.client("rtu_2")
    site.lines.stations["meter-server"].silent = True
    with pytest.raises(ModbusIOException):
        await client.read_input_registers(0, count=2, device_id=2)
    assert not (await client.read_input_registers(0, count=2, device_id=4)).isError()


async def test_garbage_never_passes_for_an_answer_on_a_serial_line(site: Site) -> None:
    client = await site.client("rtu_1")
    site.lines.stations["meter-kitchen"].garbage = True
    for _ in range(2):
        with pytest.raises(ModbusIOException):
            await client.read_input_registers(0, count=8, device_id=2)
    site.lines.stations["meter-kitchen"].garbage = False
    assert not (await client.read_input_registers(0, count=8, device_id=2)).isError()


async def test_a_late_unit_answers_once_it_is_there(site: Site) -> None:
    late = next(unit for unit in UNITS if unit.id == "ahu-a-hall")
    client = await site.client("modbus_a")
    assert (await client.read_input_registers(0, count=1, device_id=late.unit)).exception_code == 0x0B
    site.lines.appear(late)
    assert not (await client.read_input_registers(0, count=1, device_id=late.unit)).isError()


async def test_torn_and_foreign_bytes_do_not_stop_a_serial_line(site: Site) -> None:
    port = os.open(site.world.endpoints["rtu_1"], os.O_WRONLY | os.O_NOCTTY)
    os.write(port, b"\x01\x04\xff")
    os.close(port)
    client = await site.client("rtu_1")
    replies = 0
    for _ in range(3):
        try:
            reply = await client.read_input_registers(0, count=2, device_id=1)
        except ModbusIOException:
            continue
        replies += not reply.isError()
    assert replies >= 2
