"""Card readers and QR scanners that write to a serial port by themselves (EM4100/RDM6300 frames, lines of text)."""

from drivers.serial_card.factory import SerialCardFactory, SerialCardSettings
from drivers.serial_card.reader import SerialCardDriver

__all__ = ["SerialCardDriver", "SerialCardFactory", "SerialCardSettings"]
