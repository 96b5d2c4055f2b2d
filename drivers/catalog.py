"""Every device family, a line each. A new family is one folder, one line here and one fixture folder."""

from importlib import import_module
from typing import Final, cast

from drivers.base import Factory

FAMILIES: Final[dict[str, str]] = {
    "modbus": "drivers.modbus:ModbusFactory",
    "osdp": "drivers.osdp:OsdpFactory",
    "serial_card": "drivers.serial_card:SerialCardFactory",
    "camera": "drivers.camera:CameraFactory",
    "class_sign": "drivers.class_sign:ClassSignFactory",
}
"""Loaded when first used: a gateway without cameras never loads OpenCV."""


def factory(family: str) -> type[Factory]:
    """Return the factory class of a family named in `FAMILIES`."""
    module, name = FAMILIES[family].split(":")
    return cast("type[Factory]", getattr(import_module(module), name))
