"""Find credentials in what a serial reader writes. Pure: bytes in, credentials out; time is an argument."""

import re
from typing import Final, Protocol

STX: Final = 0x02
EM4100_BYTES: Final = 14
_EM4100: Final = re.compile(rb"\x02([0-9A-Fa-f]{10})([0-9A-Fa-f]{2})\x03")
MAX_LINE_BYTES: Final = 512
_LINE_END: Final = re.compile(rb"[\r\n]")
HELD_S: Final = 2.0
"""A credential seen again within this time was never taken away."""


class Parser(Protocol):
    """Gathers bytes and returns the credentials in them."""

    frames: int
    bad_frames: int

    def feed(self, received: bytes) -> list[str]: ...


class Em4100Parser:
    """`02 <10 hex> <2 hex: XOR of the five bytes> 03`. After a bad frame one byte is dropped, not fourteen."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self.frames = 0
        self.bad_frames = 0

    def feed(self, received: bytes) -> list[str]:
        """Return the cards whose frames are complete now, as `card:HEX`."""
        kept = self._kept
        kept += received
        cards: list[str] = []
        while (start := kept.find(STX)) >= 0:
            del kept[:start]
            if len(kept) < EM4100_BYTES:
                return cards
            card = _em4100_card(bytes(kept[:EM4100_BYTES]))
            if card is None:
                self.bad_frames += 1
                del kept[0]
            else:
                self.frames += 1
                cards.append(card)
                del kept[:EM4100_BYTES]
        kept.clear()
        return cards


class LineParser:
    """Lines of UTF-8 text ended by CR, LF or both; longer than 512 bytes or not printable is bad."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._overlong = False
        self.frames = 0
        self.bad_frames = 0

    def feed(self, received: bytes) -> list[str]:
        """Return the lines that are complete now, as `qr:<text>`."""
        *ended, begun = _LINE_END.split(bytes(self._kept) + received)
        codes = []
        for line in ended:
            if self._overlong or len(line) > MAX_LINE_BYTES:
                self._overlong = False
                self.bad_frames += 1
            elif line and (code := self._code(line)):
                codes.append(code)
        if len(begun) > MAX_LINE_BYTES:
            self._overlong, begun = True, b""
        self._kept = bytearray(begun)
        return codes

    def _code(self, line: bytes) -> str | None:
        try:
            text = line.decode().strip()
        except UnicodeDecodeError:
            text = ""
        if not text or not text.isprintable():
            self.bad_frames += 1
            return None
        self.frames += 1
        return f"qr:{text}"


class Presentations:
    """Tells a credential held to the reader, which reports it again and again, from one presented anew."""

    def __init__(self) -> None:
        self._last = ""
        self._seen_s = 0.0

    def is_new(self, credential: str, now_s: float) -> bool:
        """Take note of a report; False when the same credential was seen less than `HELD_S` ago."""
        held = credential == self._last and now_s - self._seen_s < HELD_S
        self._last, self._seen_s = credential, now_s
        return not held


def _em4100_card(frame: bytes) -> str | None:
    found = _EM4100.fullmatch(frame)
    if not found:
        return None
    check = 0
    for byte in bytes.fromhex(found[1].decode()):
        check ^= byte
    return f"card:{int(found[1], 16):X}" if check == int(found[2], 16) else None
