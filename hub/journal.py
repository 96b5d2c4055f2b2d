"""The journal's body: readings as columns, bytes of a column split by significance, zstd level 1 (about 11 bytes)."""

import struct
import threading
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import zstandard
from numpy.typing import NDArray

from contract.readings import Columns

_HEAD = struct.Struct("<BBIq")  # version, flags, n, base_ms
_VERSION = 1
_WIDE_TIMES = 1  # times as i8 instead of u4
_HAS_QUALITY = 2
_tools = threading.local()
NOTHING: Final = Columns(np.zeros(0, "<u4"), np.zeros(0, np.int64), np.zeros(0), np.zeros(0, "u1"))
"""No readings at all."""


def encode(batches: Sequence[Columns]) -> bytes:
    """Pack all readings of one commit, in order of arrival."""
    points = np.concatenate([batch.points for batch in batches])
    times_ms = np.concatenate([batch.times_ms for batch in batches])
    base_ms = int(times_ms.min())
    offsets = times_ms - base_ms
    flags = 0
    if int(offsets.max()) < 1 << 32:
        offsets = offsets.astype("<u4")
    else:
        flags |= _WIDE_TIMES
    parts = [_split(points.astype("<u4", copy=False)), _split(offsets),
             _split(np.concatenate([batch.values for batch in batches]))]
    if any(batch.quality.any() for batch in batches):
        flags |= _HAS_QUALITY
        parts.append(np.concatenate([batch.quality for batch in batches]).tobytes())
    return _HEAD.pack(_VERSION, flags, len(points), base_ms) + _compressor().compress(b"".join(parts))


def decode(body: bytes) -> Columns:
    """Unpack what `encode` packed; raise `ValueError` when it is not that."""
    if len(body) < _HEAD.size:
        raise ValueError(f"journal entry of {len(body)} bytes")
    version, flags, n, base_ms = _HEAD.unpack_from(body)
    if version != _VERSION:
        raise ValueError(f"journal entry of version {version}, this hub reads version {_VERSION}")
    try:
        plain = memoryview(_decompressor().decompress(memoryview(body)[_HEAD.size:]))
    except zstandard.ZstdError as error:
        raise ValueError(f"journal entry is damaged: {error}") from error
    width = 8 if flags & _WIDE_TIMES else 4
    if len(plain) != n * (12 + width + bool(flags & _HAS_QUALITY)):
        raise ValueError(f"journal entry of {len(plain)} bytes for {n} readings")
    points: NDArray[np.uint32] = _join(plain[:4 * n], "<u4", n)
    offsets = _join(plain[4 * n:(4 + width) * n], "<i8" if width == 8 else "<u4", n)
    values: NDArray[np.float64] = _join(plain[(4 + width) * n:(12 + width) * n], "<f8", n)
    quality = np.frombuffer(plain[(12 + width) * n:], "u1") if flags & _HAS_QUALITY else np.zeros(n, "u1")
    return Columns(points, offsets.astype(np.int64) + base_ms, values, quality)


def _split(column: NDArray[Any]) -> bytes:
    return column.view("u1").reshape(len(column), column.itemsize).T.tobytes()


def _join(plain: memoryview, dtype: str, n: int) -> NDArray[Any]:
    split = np.frombuffer(plain, "u1").reshape(np.dtype(dtype).itemsize, n)
    return np.ascontiguousarray(split.T).view(dtype).reshape(n)


def _compressor() -> zstandard.ZstdCompressor:
    if not hasattr(_tools, "compressor"):
        _tools.compressor = zstandard.ZstdCompressor(level=1)
    return _tools.compressor  # type: ignore[no-any-return]


def _decompressor() -> zstandard.ZstdDecompressor:
    if not hasattr(_tools, "decompressor"):
        _tools.decompressor = zstandard.ZstdDecompressor()
    return _tools.decompressor  # type: ignore[no-any-return]
