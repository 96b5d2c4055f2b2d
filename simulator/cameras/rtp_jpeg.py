"""A JPEG picture cut into RTP packets (RFC 3550, RFC 2435). Pure: bytes in, bytes out."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

PAYLOAD_TYPE: Final = 26
CLOCK_HZ: Final = 90_000
_PACKET_BYTES: Final = 1_400
_RTP: Final = struct.Struct(">BBHII")
_JPEG: Final = struct.Struct(">IBBBB")
_TABLES: Final = struct.Struct(">BBH")
_START, _END, _TABLE, _FRAME, _SCAN = 0xD8, 0xD9, 0xDB, 0xC0, 0xDA


@dataclass(frozen=True, slots=True)
class JpegScan:
    """What RFC 2435 sends of a baseline JPEG; the receiver adds the standard Huffman tables itself."""

    width: int
    height: int
    kind: int
    """0: colour halved across (4:2:2); 1: halved both ways (4:2:0)."""
    tables: bytes
    """Quantisation tables of 64 bytes each, in the order of their numbers."""
    scan: bytes
    """Entropy-coded data, end marker included."""


def parse(jpeg: bytes) -> JpegScan:
    """Take a baseline JPEG apart; raise `ValueError` for anything else."""
    tables: dict[int, bytes] = {}
    width = height = kind = 0
    for marker, body, end in _segments(jpeg):
        if marker == _TABLE:
            for start in range(0, len(body), 65):
                tables[body[start]] = body[start + 1:start + 65]
        elif marker == _FRAME:
            height, width = struct.unpack_from(">HH", body, 1)
            kind = {0x21: 0, 0x22: 1}[body[7]]
        elif marker == _SCAN:
            return JpegScan(width, height, kind, b"".join(tables[number] for number in sorted(tables)), jpeg[end:])
    raise ValueError("a JPEG without a scan")


def _segments(jpeg: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Yield (marker, body, offset behind it) of each segment up to the scan."""
    if jpeg[:2] != bytes((0xFF, _START)):
        raise ValueError("not a JPEG")
    at = 2
    while at + 4 <= len(jpeg):
        _, marker, length = struct.unpack_from(">BBH", jpeg, at)
        yield marker, jpeg[at + 4:at + 2 + length], at + 2 + length
        at += 2 + length


def packets(picture: JpegScan, sequence: int, timestamp: int, source: int) -> list[bytes]:
    """Return the picture's RTP packets; `sequence` is the first one's number (16 bits), the last has the marker set."""
    made: list[bytes] = []
    offset = 0
    while offset < len(picture.scan):
        quality = 255  # the tables travel with the picture
        head = _JPEG.pack(offset, picture.kind, quality, picture.width // 8, picture.height // 8)
        if offset == 0:
            head += _TABLES.pack(0, 0, len(picture.tables)) + picture.tables
        part = picture.scan[offset:offset + _PACKET_BYTES - len(head)]
        offset += len(part)
        marker = 0x80 if offset >= len(picture.scan) else 0
        made.append(_RTP.pack(0x80, marker | PAYLOAD_TYPE, (sequence + len(made)) & 0xFFFF,
                              timestamp & 0xFFFFFFFF, source) + head + part)
    return made
