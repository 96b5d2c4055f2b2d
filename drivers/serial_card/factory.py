"""Makes serial card readers and QR scanners."""

from collections.abc import Callable
from typing import Any, ClassVar, Final, Literal

from pydantic import Field

from contract.configuration import Settings
from drivers.serial_card.parsing import Em4100Parser, LineParser, Parser
from drivers.serial_card.reader import SerialCardDriver


class SerialCardSettings(Settings):
    """A reader on a port of its own."""

    serial: str = Field(min_length=1)
    """Path of the serial device."""
    baudrate: int = Field(default=9600, ge=1200, le=460_800)
    kind: Literal["em4100", "qr"]


_PARSERS: Final[dict[str, Callable[[], Parser]]] = {"em4100": Em4100Parser, "qr": LineParser}


class SerialCardFactory:
    """Each reader has its own port, so nothing is shared."""

    settings: ClassVar[type[Settings]] = SerialCardSettings

    def create(self, settings: Any) -> SerialCardDriver:
        """Make a reader from `SerialCardSettings`; nothing is opened yet."""
        return SerialCardDriver(settings.serial, settings.baudrate, _PARSERS[settings.kind])

    async def close(self) -> None:
        """Nothing is shared, so nothing is left."""
