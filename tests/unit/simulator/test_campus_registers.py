"""Types and word orders on the wire, limits of writing, and that every profile finds its values."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.campus import Campus
from simulator.lines import PROFILES, Lines
from simulator.main import make_world
from simulator.modbus_servers import Station, _spoil, crc16
from simulator.registers import Image, Refusal, Register, load_profile, reorder
from simulator.site import UNITS, Unit
from simulator.world import World


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def lines(world: World) -> Lines:
    return Lines(world, Campus(1, 1_795_579_200_000, Counter({"a101": 20})))


@pytest.mark.parametrize(("order", "wire"), [
    ("ABCD", "41AC0000"), ("CDAB", "000041AC"), ("BADC", "AC410000"), ("DCBA", "0000AC41"),
])
def test_a_float_in_each_order(order: str, wire: str) -> None:
    register = Register("x", "holding", 0, "float32", order)
    assert register.encode(21.5).hex().upper() == wire
    assert register.decode(bytes.fromhex(wire)) == 21.5


@pytest.mark.parametrize(("order", "wire"), [
    ("ABCD", "0102030405060708"), ("CDAB", "0708050603040102"), ("BADC", "0201040306050807"),
    ("DCBA", "0807060504030201"),
])
def test_sixty_four_bits_in_each_order(order: str, wire: str) -> None:
    assert reorder(bytes(range(1, 9)), order).hex() == wire


@given(st.sampled_from(["int16", "uint16", "int32", "uint32", "int64", "uint64"]),
       st.sampled_from(["ABCD", "CDAB", "BADC", "DCBA"]), st.floats(-1e7, 1e7), st.sampled_from([1.0, 0.1, 0.01]))
def test_whole_numbers_come_back_or_stand_at_their_limit(kind: str, order: str, value: float, scale: float) -> None:
    register = Register("x", "holding", 0, kind, order, scale=scale, offset=2.0)
    back = register.decode(register.encode(value))
    bits = register.words * 16
    low, high = (0, 2**bits - 1) if kind.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    limited = min(high * scale + 2.0, max(low * scale + 2.0, value))
    assert back == pytest.approx(limited, abs=scale, rel=1e-9)


def test_twenty_four_devices_of_about_five_hundred_points(lines: Lines) -> None:
    first = [unit for unit in UNITS if not unit.late and unit.line != "modbus_annex"]
    assert len(first) == 24
    assert 450 <= sum(len(lines.stations[unit.id].image.profile.registers) for unit in first) <= 550
    assert len({(unit.line, unit.unit) for unit in UNITS}) == len(UNITS)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.id)
def test_every_point_of_every_unit_has_a_value_it_can_show(lines: Lines, unit: Unit) -> None:
    image = lines.stations[unit.id].image
    shown = image.thing.values()
    for register in image.profile.registers:
        value = shown[register.name]
        if register.type in ("bool", "bit"):
            assert value in (0.0, 1.0)
            continue
        assert register.decode(register.encode(value)) == pytest.approx(value, abs=max(register.scale, 1e-3), rel=1e-6)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.id)
def test_every_writable_point_obeys(lines: Lines, unit: Unit) -> None:
    image = lines.stations[unit.id].image
    for register in image.profile.registers:
        if not register.writable:
            continue
        value = 1.0 if register.kind == "coil" else register.minimum + register.scale
        if register.kind == "coil":
            image.write_bits(register.address, [True])
        else:
            image.write_words(register.address, register.encode(value))
        assert image.thing.values()[register.name] == pytest.approx(value)


def test_registers_of_a_profile_do_not_overlap() -> None:
    for path in PROFILES.glob("campus-*.yaml"):
        for kind in ("holding", "input", "coil", "discrete"):
            spans = sorted((point.address, point.address + point.words) for point in load_profile(path).registers
                           if point.kind == kind and point.type != "bit")
            assert all(before[1] <= after[0] for before, after in pairwise(spans)), (path.name, kind)


def test_an_alarm_bit_stands_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("profile: x\npoints:\n- {name: low, kind: input, address: 0, type: bit, bit: 0}\n"
                    "- {name: high, kind: input, address: 0, type: bit, bit: 9}\n")

    class Bits:
        def values(self) -> dict[str, float]:
            return {"low": 0.0, "high": 1.0}

        def write(self, name: str, value: float) -> None:
            raise AssertionError

    assert Image(load_profile(path), Bits()).read_words("input", 0, 1) == b"\x02\x00"


@pytest.mark.parametrize(("request_hex", "reply_hex"), [
    ("04 0000 0001", "04 02"),  # input registers
    ("04 00C8 0001", "84 02"),  # no such address
    ("04 0000 0000", "84 03"),  # none asked for
    ("06 0000 03E8", "86 03"),  # setpoint 100.0 °C
    ("06 0005 0001", "86 02"),  # not there to write
    ("05 0000 1234", "85 03"),  # neither on nor off
    ("0F 0000 0010 01 FF", "8F 03"),  # fewer bytes than coils
    ("08 0000 0000", "88 01"),  # diagnostics
    ("04 00", "84 03"),  # cut off
    ("2B 0E 07 00", "AB 03"),  # no such kind of identification
])
def test_requests_get_the_specified_answers(lines: Lines, request_hex: str, reply_hex: str) -> None:
    reply = lines.stations["ahu-a1"].answer(bytes.fromhex(request_hex))
    assert reply.hex().startswith(bytes.fromhex(reply_hex).hex())


def test_the_fire_panel_cannot_be_written(lines: Lines) -> None:
    panel = lines.stations["fire-panel"].image
    for address in range(64):
        with pytest.raises(Refusal):
            panel.write_bits(address, [True])
        with pytest.raises(Refusal):
            panel.write_words(address, b"\0\1")


def test_a_strike_coil_reaches_its_door(lines: Lines, world: World) -> None:
    told: list[bool] = []
    world.doors["lane-1"].on_strike = told.append
    board = lines.stations["io-doors"]
    board.answer(bytes.fromhex("05 0002 FF00"))
    board.answer(bytes.fromhex("05 0002 FF00"))
    board.answer(bytes.fromhex("05 0002 0000"))
    assert told == [True, False]


def test_the_door_board_is_never_stale(lines: Lines, world: World) -> None:
    board = lines.stations["io-doors"]
    ask = bytes.fromhex("02 0000 0008")
    assert board.answer(ask)[2] == 0
    world.doors["door-canteen"].contact_open = True
    world.doors["lane-2"].rex = True
    assert board.answer(ask)[2] == 0b1000_0001


def test_garbage_is_never_the_true_answer(lines: Lines) -> None:
    station: Station = lines.stations["meter-kitchen"]
    for _ in range(9):
        true = station.answer(bytes.fromhex("04 0000 0004"))
        assert _spoil(station, true) != true


def test_the_checksum_is_the_specification_s() -> None:
    assert crc16(bytes.fromhex("010300000001")).hex() == "840a"
