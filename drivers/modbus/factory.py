"""Makes Modbus drivers and looks for devices nobody has configured."""

from collections.abc import Sequence
from typing import ClassVar

from pymodbus.transport import CommParams

from drivers.base import Candidate
from drivers.modbus.discover import Objects, scan
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.line import Line, parameters
from drivers.modbus.settings import ModbusDiscovery, ModbusSettings


class ModbusFactory:
    """Devices at one TCP address or on one serial port share a line."""

    settings: ClassVar[type[ModbusSettings]] = ModbusSettings
    discovery: ClassVar[type[ModbusDiscovery]] = ModbusDiscovery

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}
        self._created: dict[str, set[int]] = {}
        self._known: dict[str, dict[int, Objects]] = {}

    def create(self, settings: ModbusSettings) -> ModbusDriver:
        """Make a driver; raise ValueError when its serial port is already used at another speed."""
        address = settings.tcp or settings.serial or ""
        line = self._line(address, parameters(settings, tcp=settings.tcp, serial=settings.serial))
        self._created.setdefault(address, set()).add(settings.unit)
        return ModbusDriver(settings, line)

    async def discover(self, settings: ModbusDiscovery) -> Sequence[Candidate]:
        """Look once for answering units no driver was made of; an address nobody answers at has none."""
        found: list[Candidate] = []
        speed = {"baudrate": settings.baudrate, "parity": settings.parity, "stopbits": settings.stopbits}
        places: list[tuple[str, dict[str, object], CommParams]] = [
            (tcp, {"tcp": tcp}, parameters(settings, tcp=tcp, serial=None)) for tcp in settings.tcp]
        places += [(port, {"serial": port, **speed}, parameters(settings, tcp=None, serial=port))
                   for port in settings.serial]
        for address, suggested, params in places:
            found += await scan(self._lines.get(address) or Line(params), suggested, settings,
                                skip=self._created.get(address, set()), known=self._known.setdefault(address, {}))
        return found

    async def close(self) -> None:
        """Close every line."""
        for line in self._lines.values():
            line.close()
        self._lines.clear()
        self._created.clear()

    def _line(self, address: str, params: CommParams) -> Line:
        line = self._lines.setdefault(address, Line(params))
        if line.params != params:
            raise ValueError(f"{address} is used with other serial settings: {line.params.baudrate} baud, "
                             f"parity {line.params.parity}, {line.params.stopbits} stop bits")
        return line
