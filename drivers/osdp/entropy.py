"""Real randomness for libosdp's handshakes.

The wheel takes the challenge of a secure channel (RND.A) from C's `rand()` and never seeds it: every process begins
with the same challenges. Whoever recorded one session could then answer for a reader, replaying a card with a valid
MAC. So the state of `rand()` is filled from the kernel's generator before each handshake (31 words: no seed to guess).
"""

import ctypes
import os
from typing import Final

_WORDS: Final = 32
_state = (ctypes.c_uint32 * _WORDS)()
"""C keeps using this memory as its state; the first word is its own."""
_libc = ctypes.CDLL(None)
_libc.initstate.argtypes = [ctypes.c_uint, ctypes.c_void_p, ctypes.c_size_t]
_libc.initstate.restype = ctypes.c_void_p


def renew() -> None:
    """Make what C's `rand()` returns next unpredictable."""
    _libc.initstate(1, _state, ctypes.sizeof(_state))
    ctypes.memmove(ctypes.addressof(_state) + 4, os.urandom((_WORDS - 1) * 4), (_WORDS - 1) * 4)
