"""From what a reader reports to canonical credentials. Pure: time is an argument."""

from typing import Final

_PARITY_LENGTHS: Final = (26, 34)
"""Wiegand formats with one parity bit at each end."""
MAX_DIGITS: Final = 16
PAUSE_S: Final = 10.0
"""Keys further apart than this do not belong to one PIN."""
_ENTER: Final = b"#\r"
_CLEAR: Final = b"*\x7f"


def card_credential(content: bytes, bits: int, *, wiegand: bool) -> str | None:
    """Return `card:HEX` of a raw card read, `bits` long and left-aligned in `content`; None for a misread.

    Reported as Wiegand, the parity bits of 26 and 34 bits are checked and taken off, so that the number is the card's.
    """
    if not 0 < bits <= len(content) * 8:
        return None
    number = int.from_bytes(content, "big") >> (len(content) * 8 - bits)
    if wiegand and bits in _PARITY_LENGTHS:
        half = bits // 2
        if (number >> half).bit_count() % 2 or not (number & ((1 << half) - 1)).bit_count() % 2:
            return None
        number = (number >> 1) & ((1 << (bits - 2)) - 1)
    return f"card:{number:X}"


class Keypad:
    """Collects digits until "#"; "*" begins again, as does a long pause."""

    def __init__(self) -> None:
        self._digits = ""
        self._last_s = 0.0

    def press(self, keys: bytes, now_s: float) -> list[str]:
        """Take keys (ASCII digits; enter is "#" or 0x0D, clear "*" or 0x7F); return the `pin:` credentials ended."""
        if now_s - self._last_s > PAUSE_S:
            self._digits = ""
        self._last_s = now_s
        ended = []
        for key in keys:
            if key in _ENTER:
                if 0 < len(self._digits) <= MAX_DIGITS:
                    ended.append(f"pin:{self._digits}")
                self._digits = ""
            elif key in _CLEAR:
                self._digits = ""
            elif 0x30 <= key <= 0x39 and len(self._digits) <= MAX_DIGITS:
                self._digits += chr(key)
        return ended
