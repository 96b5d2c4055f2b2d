"""What was built: buildings, rooms, doors and devices of the virtual campus, as tables.

The example configuration (config/gateways/*.yaml) describes the same site to the hub; a test compares the two.
"""

from dataclasses import dataclass
from typing import Final

UTC_OFFSET_MS: Final = 8 * 3_600_000
"""The campus stands in Asia/Shanghai, which has no summer time."""

OUTSIDE: Final = "outside"
GROUNDS: Final = "grounds"
BUILDINGS: Final = ("building-a", "building-b", "dorm", "canteen", "gatehouse")


@dataclass(frozen=True, slots=True)
class Door:
    """A door, what leads to it and how it is wired."""

    id: str
    inside: str
    """Building, or room, it leads to."""
    line: str
    """OSDP line; "serial" for a serial reader; "lane" for a gate lane."""
    address: int
    """OSDP address, or the channel (from 1) on the door I/O board."""
    camera: str = ""


DOORS: Final = (
    Door("door-a-main", "building-a", "osdp_line_1", 0, "cam-a"),
    Door("door-a101", "a101", "osdp_line_1", 1),
    Door("door-a201", "a201", "osdp_line_1", 2),
    Door("door-a-plant", "a-plant", "osdp_line_1", 3),
    Door("door-b-main", "building-b", "osdp_line_2", 0, "cam-b"),
    Door("door-b101", "b101", "osdp_line_2", 1),
    Door("door-b-lab", "b-lab", "osdp_line_2", 2),
    Door("door-dorm", "dorm", "osdp_line_2", 3),
    Door("door-canteen", "canteen", "serial", 1, "cam-canteen"),
    Door("door-kitchen", "kitchen", "serial", 2),
    Door("lane-1", GROUNDS, "lane", 3, "cam-gate"),
    Door("lane-2", OUTSIDE, "lane", 4, "cam-gate"),
)
DOOR: Final = {door.id: door for door in DOORS}
MAIN_DOOR: Final = {
    "building-a": "door-a-main", "building-b": "door-b-main", "dorm": "door-dorm", "canteen": "door-canteen",
}
"""The door one enters a building by."""
ROOM_DOOR: Final = {"a101": "door-a101", "a201": "door-a201", "b101": "door-b101", "b-lab": "door-b-lab",
                    "a-plant": "door-a-plant", "kitchen": "door-kitchen"}

ROOMS: Final = {
    "a101": "building-a", "a102": "building-a", "a201": "building-a", "a202": "building-a", "a-plant": "building-a",
    "b101": "building-b", "b102": "building-b", "b201": "building-b", "b202": "building-b", "b-lab": "building-b",
    "kitchen": "canteen",
}
CLASSROOMS: Final = {"A1": "a101", "A2": "a102", "A3": "a201", "A4": "a202",
                     "B1": "b101", "B2": "b102", "B3": "b201", "B4": "b202"}
"""Home room of each class."""

CAMERAS: Final = ("cam-gate", "cam-a", "cam-b", "cam-canteen")
SIGNS: Final = {"sign-a101": "a101", "sign-a102": "a102", "sign-a201": "a201",
                "sign-b101": "b101", "sign-b102": "b102", "sign-b201": "b201"}
LATE_SIGN: Final = ("sign-b202", "b202")


@dataclass(frozen=True, slots=True)
class Unit:
    """A Modbus device: where it listens, which register map it speaks and what it is."""

    id: str
    line: str
    """Name of its TCP server or serial line in the endpoints."""
    unit: int
    profile: str
    thing: str
    """What it measures or moves: a load, an air handler's zone, a pump, a lighting circuit."""
    late: bool = False
    """Appears some time after the start."""


UNITS: Final = (
    Unit("meter-main", "modbus_main", 1, "campus-meter-abcd", "main"),
    Unit("meter-canteen", "modbus_main", 2, "campus-meter-cdab", "canteen"),
    Unit("meter-dorm", "modbus_main", 3, "campus-meter-cdab", "dorm"),
    Unit("pump-chw", "modbus_main", 4, "campus-pump", "heating-1"),
    Unit("pump-chw-2", "modbus_main", 5, "campus-pump", "heating-2"),
    Unit("pump-water", "modbus_main", 6, "campus-pump", "water"),
    Unit("fire-panel", "modbus_main", 10, "campus-fire", "fire"),
    Unit("meter-a", "modbus_a", 1, "campus-meter-abcd", "building-a"),
    Unit("ahu-a1", "modbus_a", 2, "campus-ahu", "a1"),
    Unit("ahu-a2", "modbus_a", 3, "campus-ahu", "a2"),
    Unit("lights-a", "modbus_a", 4, "campus-lighting", "building-a"),
    Unit("ahu-a-hall", "modbus_a", 9, "campus-ahu", "a-hall", late=True),
    Unit("meter-b", "modbus_b", 1, "campus-meter-badc", "building-b"),
    Unit("ahu-b1", "modbus_b", 2, "campus-ahu", "b1"),
    Unit("ahu-b2", "modbus_b", 3, "campus-ahu", "b2"),
    Unit("lights-b", "modbus_b", 4, "campus-lighting", "building-b"),
    Unit("ahu-lab", "modbus_b", 5, "campus-ahu", "b-lab"),
    Unit("io-doors", "modbus_io", 1, "campus-io", "io"),
    Unit("ahu-canteen", "rtu_1", 1, "campus-ahu", "canteen"),
    Unit("meter-kitchen", "rtu_1", 2, "campus-meter-dcba", "kitchen"),
    Unit("lights-grounds", "rtu_1", 3, "campus-lighting", "grounds"),
    Unit("ahu-dorm", "rtu_2", 1, "campus-ahu", "dorm"),
    Unit("meter-server", "rtu_2", 2, "campus-meter-dcba", "server"),
    Unit("lights-dorm", "rtu_2", 3, "campus-lighting", "dorm"),
    Unit("meter-lab", "rtu_2", 4, "campus-meter-dcba", "b-lab"),
    Unit("meter-workshop", "rtu_2", 5, "campus-meter-dcba", "workshop", late=True),
    Unit("meter-annex", "modbus_annex", 1, "campus-meter-abcd", "annex"),
    Unit("ahu-annex", "modbus_annex", 2, "campus-ahu", "annex"),
    Unit("lights-annex", "modbus_annex", 3, "campus-lighting", "annex"),
)
