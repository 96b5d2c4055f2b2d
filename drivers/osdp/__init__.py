"""OSDP card readers (IEC 60839-11-5) on RS-485 lines, several to a line, secure channel required."""

from drivers.osdp.factory import OsdpFactory, OsdpSettings
from drivers.osdp.reader import OsdpDriver

__all__ = ["OsdpDriver", "OsdpFactory", "OsdpSettings"]
