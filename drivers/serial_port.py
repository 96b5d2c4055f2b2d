"""A serial port in the event loop: bytes are handed over as they come, a vanished device is told once."""

import asyncio
import os
from collections.abc import Callable
from typing import Final

import serial

from drivers.base import DeviceUnreachable

_READ_BYTES: Final = 4096


class SerialPort:
    """An open port, held alone (no second program can open it while we do)."""

    def __init__(
        self, path: str, baudrate: int, on_bytes: Callable[[bytes], None], on_lost: Callable[[DeviceUnreachable], None],
    ) -> None:
        """Open the port; raise `DeviceUnreachable` when that fails. `on_lost` finds the port closed."""
        self.path, self.baudrate = path, baudrate
        self._on_bytes, self._on_lost = on_bytes, on_lost
        try:
            self._port: serial.Serial | None = serial.Serial(path, baudrate, timeout=0, exclusive=True)
        except (OSError, ValueError) as error:  # pyserial's own error is an OSError
            raise DeviceUnreachable(f"cannot open the serial port {path}: {error}") from error
        self._fd: int = self._port.fileno()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._on_readable)

    @property
    def closed(self) -> bool:
        """Closed by us or lost."""
        return self._port is None

    def write(self, content: bytes) -> None:
        """Send bytes; a port that fails at it is lost."""
        try:
            os.write(self._fd, content)
        except OSError as error:
            self._lose(error)

    def close(self) -> None:
        """Let go of the port; may be called again."""
        port, self._port = self._port, None
        if port:
            self._loop.remove_reader(self._fd)
            port.close()

    def _on_readable(self) -> None:
        try:
            received = os.read(self._fd, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(error)
            return
        if received:
            self._on_bytes(received)
        else:
            self._lose(None)

    def _lose(self, error: OSError | None) -> None:
        self.close()
        why = f": {error.strerror}" if error and error.strerror else ""
        self._on_lost(DeviceUnreachable(f"the serial port {self.path} is gone{why}"))
