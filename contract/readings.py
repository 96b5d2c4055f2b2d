"""The columnar readings batch: 16 bytes a reading, decoded into numpy views without an object for each reading.

On the wire it is MessagePack: a map whose columns are little-endian byte strings of equal length in
items. A batch holds n readings: `points` u32[n] (numbers from the birth), `offsets` i32[n] (ms after base_ms),
`values` f64[n] and `quality` u8[n], or empty when all are good.
"""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from contract.messages import MAX_PAYLOAD_BYTES, VERSION, ContractError

POINT: Final = np.dtype("<u4")
OFFSET: Final = np.dtype("<i4")
VALUE: Final = np.dtype("<f8")
QUALITY: Final = np.dtype("u1")
BYTES_PER_READING: Final = POINT.itemsize + OFFSET.itemsize + VALUE.itemsize


class Columns(msgspec.Struct, frozen=True, gc=False):
    """Readings as columns of one length n."""

    points: NDArray[np.uint32]
    times_ms: NDArray[np.int64]
    """UTC, source time."""
    values: NDArray[np.float64]
    quality: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.points)


class ReadingsBatch(msgspec.Struct, kw_only=True, gc=False):
    """One batch of a live or backfill lane, as it is on the wire."""

    v: int = VERSION
    epoch: str
    seq: int
    floor: int
    """Oldest seq of this lane the gateway still keeps."""
    sent_ms: int
    base_ms: int
    points: bytes
    offsets: bytes
    values: bytes
    quality: bytes = b""

    def __len__(self) -> int:
        return len(self.points) // POINT.itemsize


class _Envelope(msgspec.Struct, gc=False):
    v: int


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(ReadingsBatch)
_envelope = msgspec.msgpack.Decoder(_Envelope)


def pack(columns: Columns, *, epoch: str, seq: int, floor: int, sent_ms: int) -> ReadingsBatch:
    """Put columns into a batch. Readings more than 24 days apart do not fit one batch: `ContractError`."""
    base_ms = int(columns.times_ms[0]) if len(columns) else 0
    offsets = columns.times_ms - base_ms
    if len(columns) and int(np.abs(offsets).max()) > np.iinfo(np.int32).max:
        raise ContractError("readings more than 24 days apart in one batch; cut the batch by time")
    return ReadingsBatch(
        epoch=epoch, seq=seq, floor=floor, sent_ms=sent_ms, base_ms=base_ms,
        points=columns.points.astype(POINT, copy=False).tobytes(),
        offsets=offsets.astype(OFFSET).tobytes(),
        values=columns.values.astype(VALUE, copy=False).tobytes(),
        quality=columns.quality.tobytes() if columns.quality.any() else b"",
    )


def encode(batch: ReadingsBatch) -> bytes:
    """Encode a batch as MessagePack."""
    return _encoder.encode(batch)


def decode(payload: bytes | bytearray | memoryview) -> ReadingsBatch:
    """Decode and check a batch; raise `ContractError` when it breaks the contract."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ContractError(f"message of {len(payload)} bytes, at most {MAX_PAYLOAD_BYTES} are taken")
    try:
        batch = _decoder.decode(payload)
    except msgspec.MsgspecError as error:
        raise ContractError(_why(payload, error)) from error
    if batch.v != VERSION:
        raise ContractError(f"contract version {batch.v}, this side speaks version {VERSION}")
    n = len(batch.points) // POINT.itemsize
    sizes = (len(batch.points), len(batch.offsets), len(batch.values), len(batch.quality))
    if sizes[:3] != (n * POINT.itemsize, n * OFFSET.itemsize, n * VALUE.itemsize) or sizes[3] not in (0, n):
        raise ContractError(f"columns of unequal length: {sizes} bytes of points, offsets, values, quality")
    if batch.seq < 1 or batch.floor < 1 or batch.floor > batch.seq:
        raise ContractError(f"seq {batch.seq} and floor {batch.floor}: 1 <= floor <= seq is required")
    return batch


def columns(batch: ReadingsBatch) -> Columns:
    """Views over the batch's bytes (times and an all-good quality are new arrays)."""
    points = np.frombuffer(batch.points, POINT)
    quality = np.frombuffer(batch.quality, QUALITY) if batch.quality else np.zeros(len(points), QUALITY)
    times_ms = np.frombuffer(batch.offsets, OFFSET) + np.int64(batch.base_ms)
    return Columns(points, times_ms, np.frombuffer(batch.values, VALUE), quality)


def _why(payload: bytes | bytearray | memoryview, error: msgspec.MsgspecError) -> str:
    """A newer version is likely to fail on its fields first: name the version rather than the field."""
    try:
        version = _envelope.decode(payload).v
    except msgspec.MsgspecError:
        return f"not a readings batch: {error}"
    if version != VERSION:
        return f"contract version {version}, this side speaks version {VERSION}"
    return f"not a readings batch: {error}"
