"""Which registers to ask for together. Pure.

Points become spans (what one point takes, shared by points on the same registers), spans become blocks (one request).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from drivers.modbus.settings import Kind, PointSettings

FUNCTIONS: Final[dict[Kind, int]] = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
"""Function code that reads each kind."""
LARGEST_BITS: Final = 2000
"""Most coils or discrete inputs in one request (Modbus application protocol 1.1b3, 6.1)."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Registers (or bits) that are only useful together."""

    kind: Kind
    address: int
    count: int

    @property
    def end(self) -> int:
        return self.address + self.count


@dataclass(frozen=True, slots=True)
class Block:
    """One read request and the spans it serves, in order of address."""

    kind: Kind
    address: int
    count: int
    spans: tuple[Span, ...]

    @property
    def is_bits(self) -> bool:
        return self.kind in ("coil", "discrete")

    @property
    def payload_bytes(self) -> int:
        """Length of the values in the answer."""
        return (self.count + 7) // 8 if self.is_bits else 2 * self.count

    @property
    def request(self) -> bytes:
        """The PDU that asks for it."""
        return bytes((FUNCTIONS[self.kind],)) + self.address.to_bytes(2) + self.count.to_bytes(2)

    @property
    def words(self) -> str:
        """What it asks for, as an installer says it: "holding 40" or "holding 40-49"."""
        last = self.address + self.count - 1
        return f"{self.kind} {self.address}" if self.count == 1 else f"{self.kind} {self.address}-{last}"


def span_of(point: PointSettings) -> Span:
    return Span(point.kind, point.address, point.width)


def plan(spans: Iterable[Span], *, largest_registers: int = 125, gap: int = 10) -> tuple[Block, ...]:
    """Merge spans into as few blocks as the limits allow, in order of kind and address.

    `gap` is the most unwanted registers between two spans of a block; bits count a sixteenth, as they do on the wire.
    """
    blocks: list[Block] = []
    run: list[Span] = []
    end = 0
    for span in sorted(set(spans)):
        is_bits = span.kind in ("coil", "discrete")
        largest = LARGEST_BITS if is_bits else largest_registers
        fits = (run and span.kind == run[0].kind and span.address - end <= (16 * gap if is_bits else gap)
                and max(end, span.end) - run[0].address <= largest)
        if run and not fits:
            blocks.append(block_of(run))
            run = []
        end = max(end, span.end) if run else span.end
        run.append(span)
    if run:
        blocks.append(block_of(run))
    return tuple(blocks)


def block_of(spans: Sequence[Span]) -> Block:
    """Return the block that covers these spans of one kind, sorted by address."""
    start, end = spans[0].address, max(span.end for span in spans)
    return Block(spans[0].kind, start, end - start, tuple(spans))


def halves(block: Block) -> tuple[Block, Block] | None:
    """Split a block a device refuses between two spans; None when it is one span, which then is what it refuses."""
    middle = len(block.spans) // 2
    if not middle:
        return None
    return block_of(block.spans[:middle]), block_of(block.spans[middle:])
