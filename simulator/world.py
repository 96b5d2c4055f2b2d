"""What is physically there: doors, cameras, class signs and points, as the protocol servers see them.

The campus (people, weather, loads) changes these objects; the servers (Modbus, OSDP, serial, ONVIF, RTSP, HTTP) show
them on the wire. Plain attributes, safe to read from a server's own thread; queues are `SimpleQueue`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue


@dataclass(slots=True)
class DoorHardware:
    """A door's leaf, lock and reader."""

    id: str
    contact_open: bool = False
    rex: bool = False
    strike: bool = False
    tamper: bool = False
    cards: SimpleQueue[str] = field(default_factory=SimpleQueue)
    """Card numbers held to the reader, as 10 hex digits (EM4100) that the reader has yet to report."""
    keys: SimpleQueue[str] = field(default_factory=SimpleQueue)
    """Keypad digits, "#" ends."""
    codes: SimpleQueue[str] = field(default_factory=SimpleQueue)
    """QR texts held to a gate lane's scanner."""
    led: str = "red"
    """What the reader shows: red, green, off."""
    on_strike: Callable[[bool], None] | None = None

    def set_strike(self, on: bool) -> None:  # noqa: FBT001
        """Energise or release the strike; the campus is told, since somebody may be waiting to walk in."""
        changed, self.strike = on != self.strike, on
        if changed and self.on_strike:
            self.on_strike(on)


@dataclass(slots=True)
class CameraHardware:
    """A camera and what stands before it."""

    id: str
    people: int = 0
    """How many people move in its view now."""
    covered: bool = False
    moved: bool = False
    lost: bool = False
    """Its network cable is out."""


@dataclass(slots=True)
class SignHardware:
    """A class sign on a wall."""

    id: str
    room: str
    online: bool = True
    brightness: int = 80
    battery: int = 100
    page: str = "timetable"
    text: str = ""
    swipes: SimpleQueue[str] = field(default_factory=SimpleQueue)
    """Card numbers (10 hex digits) swiped and not yet pushed."""


@dataclass(slots=True)
class World:
    """Everything there is. `endpoints` grows as the servers start: name to address."""

    doors: dict[str, DoorHardware] = field(default_factory=dict)
    cameras: dict[str, CameraHardware] = field(default_factory=dict)
    signs: dict[str, SignHardware] = field(default_factory=dict)
    endpoints: dict[str, str] = field(default_factory=dict)
    """"127.0.0.1:5020", "/tmp/x/tty-osdp-1", "http://127.0.0.1:8080": what a gateway's configuration needs."""
    now_ms: Callable[[], int] = lambda: 0
    """Campus time, UTC ms."""
    speed: float = 1.0
    """Campus seconds in a wall second."""
