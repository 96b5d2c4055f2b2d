"""Decoding: every type in every order by hand, and against struct for any value."""

import math
import struct
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.quality import Quality
from drivers.modbus.decode import Decoder, encode, wire_positions
from drivers.modbus.plan import block_of, plan, span_of
from drivers.modbus.settings import WIDTHS, Order, PointSettings

ORDERS: tuple[Order, ...] = ("ABCD", "CDAB", "BADC", "DCBA")


def point(**fields: object) -> PointSettings:
    return PointSettings.model_validate({"name": "a", "kind": "holding", "address": 0, **fields})


def decoded(points: Sequence[PointSettings], wire: bytes) -> list[float]:
    values, quality = Decoder(points, [block_of(sorted({span_of(item) for item in points}))])(wire)
    assert not quality.any()
    return values.tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize(("kind", "order", "wire", "value"), [
    ("uint16", "ABCD", "FFFE", 65534), ("uint16", "CDAB", "FFFE", 65534),
    ("uint16", "BADC", "FEFF", 65534), ("uint16", "DCBA", "FEFF", 65534),
    ("int16", "ABCD", "FFFE", -2), ("int16", "BADC", "FEFF", -2),
    ("uint32", "ABCD", "01020304", 0x01020304), ("uint32", "CDAB", "03040102", 0x01020304),
    ("uint32", "BADC", "02010403", 0x01020304), ("uint32", "DCBA", "04030201", 0x01020304),
    ("int32", "ABCD", "FFFFFFFE", -2), ("int32", "CDAB", "FFFEFFFF", -2),
    ("float32", "ABCD", "41AC0000", 21.5), ("float32", "CDAB", "000041AC", 21.5),
    ("float32", "BADC", "AC410000", 21.5), ("float32", "DCBA", "0000AC41", 21.5),
    ("uint64", "ABCD", "0001020304050607", 0x0001020304050607), ("uint64", "CDAB", "0607040502030001", 0x1020304050607),
    ("uint64", "BADC", "0100030205040706", 0x1020304050607), ("uint64", "DCBA", "0706050403020100", 0x1020304050607),
    ("int64", "ABCD", "FFFFFFFFFFFFFFFE", -2),
    ("float64", "ABCD", "4035800000000000", 21.5), ("float64", "CDAB", "0000000080004035", 21.5),
    ("float64", "BADC", "3540008000000000", 21.5), ("float64", "DCBA", "0000000000803540", 21.5),
    ("bool", "ABCD", "0000", 0), ("bool", "ABCD", "0100", 1), ("bool", "ABCD", "0001", 1),
])
def test_types_and_orders(kind: str, order: str, wire: str, value: float) -> None:
    assert decoded([point(type=kind, order=order)], bytes.fromhex(wire)) == [value]


@pytest.mark.parametrize(("order", "wire"), [("ABCD", "0201"), ("BADC", "0102")])
def test_bits_of_a_register(order: str, wire: str) -> None:
    points = [point(name=f"b{bit}", type="bit", bit=bit, order=order, address=7) for bit in range(16)]
    assert [bit for bit, on in enumerate(decoded(points, bytes.fromhex(wire))) if on] == [0, 9]


def test_coils_count_from_the_lowest_bit() -> None:
    points = [point(name=f"c{i}", kind="coil", type="bool", address=20 + i) for i in range(10)]
    assert decoded(points, bytes((0b1000_0001, 0b10))) == [1, 0, 0, 0, 0, 0, 0, 1, 0, 1]


def test_scale_and_offset_keep_decimals_clean() -> None:
    points = [point(scale=0.1, offset=-40), point(name="b", address=1, scale=0.1),
              point(name="c", address=2, scale=2.5)]
    assert decoded(points, struct.pack(">3H", 615, 3, 4)) == [21.5, 0.3, 10]


def test_points_keep_their_order_over_several_blocks() -> None:
    points = [point(name="a", address=300, type="float32"), point(name="b", kind="coil", type="bool", address=9),
              point(name="c", address=0), point(name="d", kind="input", address=5, type="int32", order="DCBA"),
              point(name="e", kind="coil", type="bool", address=1)]
    blocks = plan(map(span_of, points))
    answers = {("coil", 1): bytes((1, 1)), ("holding", 0): b"\0\7", ("holding", 300): struct.pack(">f", 1.5),
               ("input", 5): struct.pack("<i", -9)}
    decoder = Decoder(points, blocks)
    raw = bytearray(decoder.size)
    for place in decoder.places:
        raw[place.start:place.end] = answers[place.block.kind, place.block.address]
    values, _ = decoder(raw)
    assert values.tolist() == [1.5, 1, 7, -9, 1]


def test_what_is_in_no_block_is_refused_and_no_number_is_out_of_range() -> None:
    points = [point(type="float32"), point(name="b", address=2), point(name="c", address=50)]
    values, quality = Decoder(points, plan(map(span_of, points[:2])))(struct.pack(">fH", math.nan, 7))
    assert quality.tolist() == [Quality.RANGE, Quality.GOOD, Quality.REFUSED]
    assert values[1] == 7
    assert np.isnan(values[[0, 2]]).all()


def test_the_largest_numbers_are_good_and_no_bytes_raise_a_warning() -> None:
    largest = 1.7976931348623157e308
    points = [point(type="float64"), point(name="b", address=4, type="float64"),
              point(name="c", address=8, type="float64", scale=10), point(name="d", address=12, type="float32")]
    wire = struct.pack(">3d", largest, largest, largest) + bytes.fromhex("7FA00000")
    values, quality = Decoder(points, plan(map(span_of, points)))(wire)
    assert values[:2].tolist() == [largest, largest]
    assert quality.tolist() == [Quality.GOOD, Quality.GOOD, Quality.RANGE, Quality.RANGE]


def test_values_are_fresh_and_quality_is_not_to_be_written() -> None:
    decoder = Decoder([point()], [block_of([span_of(point())])])
    first, quality = decoder(b"\0\1")
    second, _ = decoder(b"\0\2")
    assert (first.tolist(), second.tolist()) == ([1], [2])
    with pytest.raises(ValueError, match="read-only"):
        quality[0] = 1


_CODES = {"uint16": "H", "int16": "h", "uint32": "I", "int32": "i", "uint64": "Q", "int64": "q", "float32": "f",
          "float64": "d"}


def _values(kind: str) -> st.SearchStrategy[float]:
    if kind.startswith("float"):
        return st.floats(width=int(kind[5:]), allow_nan=False, allow_infinity=False)  # type: ignore[arg-type]
    bits = int(kind.lstrip("uint"))
    low, high = (0, 2**bits - 1) if kind.startswith("u") else (-(2**(bits - 1)), 2**(bits - 1) - 1)
    return st.integers(low, high)


cases = st.sampled_from(sorted(_CODES)).flatmap(
    lambda kind: st.tuples(st.just(kind), st.sampled_from(ORDERS), _values(kind)))


def on_the_wire(kind: str, order: Order, value: float) -> bytes:
    """Spell the order out with words and bytes, unlike the code under test."""
    words = [*struct.iter_unpack(">2s", struct.pack(">" + _CODES[kind], value))]
    plain = [word for (word,) in words]
    if order in ("CDAB", "DCBA"):
        plain.reverse()
    if order in ("BADC", "DCBA"):
        plain = [word[::-1] for word in plain]
    return b"".join(plain)


@given(st.lists(cases, min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_whatever_struct_encodes_the_plan_decodes(values: list[tuple[str, Order, float]], random: object) -> None:
    points, memory, address = [], bytearray(), 0
    for index, (kind, order, value) in enumerate(values):
        points.append(point(name=f"p{index}", address=address, type=kind, order=order))
        memory += on_the_wire(kind, order, value)
        address += WIDTHS[kind]
    random.shuffle(shuffled := list(range(len(points))))  # type: ignore[attr-defined]
    decoder = Decoder([points[i] for i in shuffled], plan(map(span_of, points)))
    raw = b"".join(memory[2 * place.block.address:2 * (place.block.address + place.block.count)]
                   for place in decoder.places)
    assert decoder(raw)[0].tolist() == [float(values[i][2]) for i in shuffled]


@given(cases)
def test_encoding_is_the_way_back(case: tuple[str, Order, float]) -> None:
    kind, order, value = case
    if abs(value) < 2**53:
        assert encode(point(type=kind, order=order), value) == on_the_wire(kind, order, value)


@pytest.mark.parametrize(("kind", "value"), [("uint16", -1), ("int16", 40000), ("float32", 1e300), ("uint32", 2.0**40)])
def test_a_value_that_does_not_fit_is_said_so(kind: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"does not fit into {kind}"):
        encode(point(type=kind), value)


def test_positions_are_a_permutation() -> None:
    for order in ORDERS:
        for width in (1, 2, 4):
            assert sorted(wire_positions(width, order)) == list(range(2 * width))
