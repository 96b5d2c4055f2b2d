"""The block planner: a table and its promises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.modbus.plan import Span, halves, plan


def spans(kind: str, *pairs: tuple[int, int]) -> list[Span]:
    return [Span(kind, address, count) for address, count in pairs]  # type: ignore[arg-type]


@pytest.mark.parametrize(("wanted", "blocks"), [
    ([], []),
    (spans("holding", (0, 1), (1, 2), (3, 4)), [("holding", 0, 7)]),
    (spans("holding", (0, 1), (11, 1)), [("holding", 0, 12)]),
    (spans("holding", (0, 1), (12, 1)), [("holding", 0, 1), ("holding", 12, 1)]),
    (spans("input", (0, 1), (0, 1), (0, 2)), [("input", 0, 2)]),
    (spans("input", *((i, 1) for i in range(130))), [("input", 0, 125), ("input", 125, 5)]),
    (spans("input", (0, 100), (100, 26)), [("input", 0, 100), ("input", 100, 26)]),
    (spans("coil", (0, 1), (160, 1)), [("coil", 0, 161)]),
    (spans("coil", (0, 1), (162, 1)), [("coil", 0, 1), ("coil", 162, 1)]),
    (spans("coil", *((i, 1) for i in range(2001))), [("coil", 0, 2000), ("coil", 2000, 1)]),
    (spans("coil", (1, 1)) + spans("input", (2, 1)), [("coil", 1, 1), ("input", 2, 1)]),
    (spans("holding", (0, 4), (1, 1), (4, 1)), [("holding", 0, 5)]),
    (spans("holding", (65532, 4)), [("holding", 65532, 4)]),
])
def test_plans(wanted: list[Span], blocks: list[tuple[str, int, int]]) -> None:
    assert [(block.kind, block.address, block.count) for block in plan(wanted)] == blocks


kinds = st.sampled_from(["holding", "input", "coil", "discrete"])
widths = st.sampled_from([1, 2, 4])
some_spans = st.lists(st.builds(lambda kind, address, width: Span(kind, address, width if kind[0] in "hi" else 1),
                                kinds, st.integers(0, 600) | st.integers(64000, 65531), widths), max_size=60)


@given(some_spans, st.integers(4, 125), st.integers(0, 30))
def test_every_span_is_read_once_within_the_limits(wanted: list[Span], largest: int, gap: int) -> None:
    blocks = plan(wanted, largest_registers=largest, gap=gap)
    assert sorted(span for block in blocks for span in block.spans) == sorted(set(wanted))
    for block in blocks:
        assert 1 <= block.count <= (2000 if block.is_bits else largest)
        for span in block.spans:
            assert block.kind == span.kind
            assert block.address <= span.address
            assert span.end <= block.address + block.count


@given(some_spans)
def test_halving_ends_at_single_spans_and_loses_none(wanted: list[Span]) -> None:
    work = list(plan(wanted))
    single: list[Span] = []
    while work:
        block = work.pop()
        parts = halves(block)
        if parts:
            work += parts
        else:
            single += block.spans
    assert sorted(single) == sorted(set(wanted))


def test_a_request_and_its_words() -> None:
    [block] = plan(spans("input", (40, 10)))
    assert block.request == bytes((4, 0, 40, 0, 10))
    assert block.payload_bytes == 20
    assert block.words == "input 40-49"
