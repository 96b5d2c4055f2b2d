"""Cut the bytes of an OSDP line into frames (SIA OSDP 2.2, section 5.9). Pure.

A frame: SOM 0x53, address, length (2 bytes, little-endian), control, data, CRC-16 or a one-byte checksum.
"""

from typing import Final

SOM: Final = 0x53
REPLY: Final = 0x80
"""Set in the address byte of what a reader sends."""
_HEADER_BYTES: Final = 5
_MAX_BYTES: Final = 1440
_USES_CRC: Final = 0x04
_HAS_SECURITY_BLOCK: Final = 0x08
_SEQUENCE: Final = 0x03
_BUSY: Final = 0x79


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        table.append(crc & 0xFFFF)
    return tuple(table)


_CRC: Final = _crc_table()


def crc16(content: bytes) -> int:
    """Return OSDP's CRC: polynomial 0x1021, start value 0x1D0F, not reflected."""
    crc = 0x1D0F
    for byte in content:
        crc = ((crc << 8) & 0xFFFF) ^ _CRC[(crc >> 8) ^ byte]
    return crc


def is_whole(frame: bytes) -> bool:
    """Tell whether the check bytes at the end of a frame fit the rest."""
    if frame[4] & _USES_CRC:
        return crc16(frame[:-2]) == int.from_bytes(frame[-2:], "little")
    return sum(frame) & 0xFF == 0


def code_of(frame: bytes) -> int:
    """Return the command or reply code (never encrypted), behind the security block if there is one.

    What libosdp sends has a mark byte (0xFF) in front.
    """
    start = frame.index(SOM)
    code = start + _HEADER_BYTES
    if frame[start + 4] & _HAS_SECURITY_BLOCK:
        code += frame[code]
    return frame[code]


def answers(reply: bytes, command: bytes, address: int) -> bool:
    """Tell whether this is the reader's reply to this command, not a late one to an earlier command.

    A reply repeats its command's sequence number; "busy" always has 0.
    """
    control = command[command.index(SOM) + 4]
    same = not (reply[4] ^ control) & _SEQUENCE
    return reply[1] == address | REPLY and (same or code_of(reply) == _BUSY)


class Splitter:
    """Gathers bytes as they come and returns whole frames; whatever lies between them is skipped."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self.bad_frames = 0

    def feed(self, received: bytes) -> list[bytes]:
        """Return the frames that are complete now, in order. After a broken one only a byte is dropped."""
        kept = self._kept
        kept += received
        frames: list[bytes] = []
        while (start := kept.find(SOM)) >= 0:
            del kept[:start]
            if len(kept) < _HEADER_BYTES:
                return frames
            length = kept[2] | kept[3] << 8
            if not _HEADER_BYTES + 2 <= length <= _MAX_BYTES:
                del kept[0]
                continue
            if len(kept) < length:
                return frames
            frame = bytes(kept[:length])
            if is_whole(frame):
                frames.append(frame)
                del kept[:length]
            else:
                self.bad_frames += 1
                del kept[0]
        kept.clear()
        return frames

    def forget(self) -> None:
        """Drop an unfinished frame: what comes next is a new one."""
        self._kept.clear()
