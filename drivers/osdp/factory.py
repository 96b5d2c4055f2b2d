"""Makes OSDP readers and owns their lines."""

import re
from typing import Any, ClassVar, Final, Self

from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from contract.configuration import Settings
from drivers.osdp.line import Line
from drivers.osdp.link import Link
from drivers.osdp.panel import PanelKey
from drivers.osdp.reader import OsdpDriver

_KEY: Final = re.compile(r"[0-9A-Fa-f]{32}\Z")


class OsdpSettings(Settings):
    """A reader on a line. The key is the reader's own SCBK; there is no default one to fall back to."""

    model_config = ConfigDict(hide_input_in_errors=True)

    serial: str = Field(min_length=1)
    """Path of the serial device; readers with the same path share the line."""
    baudrate: int = Field(default=9600, ge=1200, le=460_800)
    address: int = Field(ge=0, le=126)
    key: SecretStr | None = None
    """32 hexadecimal digits."""
    insecure: bool = False
    """Speak in the clear to a reader that knows no secure channel: anybody on the wire can then open the door."""

    @field_validator("key")
    @classmethod
    def _is_hex(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and not _KEY.match(key.get_secret_value()):
            raise ValueError("a key is 32 hexadecimal digits")
        return key

    @model_validator(mode="after")
    def _is_decided(self) -> Self:
        if self.insecure and self.key:
            raise ValueError("insecure: true and a key contradict each other; remove one")
        if not self.insecure and not self.key:
            raise ValueError("key is required (or insecure: true, for a reader that knows no secure channel)")
        return self


class OsdpFactory:
    """Readers with the same serial path share one line, opened with the first and closed with the last."""

    settings: ClassVar[type[Settings]] = OsdpSettings

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}

    def create(self, settings: Any) -> OsdpDriver:
        """Make a reader from `OsdpSettings`; nothing is opened yet."""
        return OsdpDriver(_Place(self._lines, settings))

    async def close(self) -> None:
        """Close every line."""
        for line in list(self._lines.values()):
            line.close()


class _Place:
    """One reader's way to its line."""

    def __init__(self, lines: dict[str, Line], settings: OsdpSettings) -> None:
        self._lines, self._path = lines, settings.serial
        secret = bytes.fromhex(settings.key.get_secret_value()) if settings.key else None
        self._key = PanelKey(settings.address, settings.baudrate, secret)

    def join(self) -> Link:
        line = self._lines.get(self._path)
        if line is None:
            line = self._lines[self._path] = Line(self._path, self._key.baudrate, self._forget)
        return line.join(self._key)

    def leave(self, link: Link) -> None:
        link.close()
        line = self._lines.get(self._path)
        if line:
            line.leave(link)

    def _forget(self, line: Line) -> None:
        if self._lines.get(line.path) is line:
            del self._lines[line.path]
