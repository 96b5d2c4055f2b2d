"""Modbus TCP and RTU. A point is read through these files: settings -> plan -> driver -> line -> wire -> decode."""

from drivers.modbus.factory import ModbusFactory

__all__ = ["ModbusFactory"]
