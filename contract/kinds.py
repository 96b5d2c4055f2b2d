"""The closed list of event kinds a gateway sends, each with the fields it fills."""

from typing import Final

ACCESS_GRANTED: Final = "access.granted"
ACCESS_DENIED: Final = "access.denied"
DOOR_OPENED: Final = "door.opened"
DOOR_CLOSED: Final = "door.closed"
DOOR_FORCED: Final = "door.forced"
DOOR_HELD: Final = "door.held"
DOOR_MODE: Final = "door.mode"
READER_TAMPER: Final = "reader.tamper"
CAMERA_MOTION: Final = "camera.motion"
CAMERA_COVERED: Final = "camera.covered"
CAMERA_MOVED: Final = "camera.moved"
CAMERA_LOST: Final = "camera.lost"
CAMERA_STILL: Final = "camera.still"
DEVICE_LOST: Final = "device.lost"
DEVICE_BACK: Final = "device.back"
SIGN_SWIPE: Final = "sign.swipe"
COMMAND_RESULT: Final = "command.result"

KINDS: Final[dict[str, str]] = {
    ACCESS_GRANTED: "door, device, person, credential, reason=granted; text: name of the person",
    ACCESS_DENIED: "door, device, person if known, credential, reason: one of rules.access.Reason",
    DOOR_OPENED: "door; reason: grant, rex, unlocked, command or none",
    DOOR_CLOSED: "door",
    DOOR_FORCED: "door: opened with no grant and no REX before; data.last_person, data.last_passage_ms",
    DOOR_HELD: "door: open longer than its limit; value: seconds open",
    DOOR_MODE: "door; reason: normal, unlocked, locked or released",
    READER_TAMPER: "device, value 1 opened, 0 closed",
    CAMERA_MOTION: "device, zone, value 1 begins, 0 ends",
    CAMERA_COVERED: "device, value 1 begins, 0 ends",
    CAMERA_MOVED: "device, value 1 begins, 0 ends",
    CAMERA_LOST: "device, value 1 lost, 0 back; text: why",
    CAMERA_STILL: "device, evidence: JPEG; reason: what it was taken for",
    DEVICE_LOST: "device; reason: a quality's name in lower case; text: in words",
    DEVICE_BACK: "device",
    SIGN_SWIPE: "device, person, credential: a swipe at a class sign",
    COMMAND_RESULT: "command, device or door, reason: done, failed, expired or refused; text: why; value: read back",
}

GATEWAY_LOST: Final = "gateway.lost"
GATEWAY_BACK: Final = "gateway.back"
GATEWAY_CLOCK: Final = "gateway.clock"

HUB_KINDS: Final[dict[str, str]] = {
    GATEWAY_LOST: "gateway went away: its will, or silence; text: why",
    GATEWAY_BACK: "gateway is up again",
    GATEWAY_CLOCK: "value: skew of its clock against the hub's in seconds (positive: ahead)",
}
"""Events the hub itself raises about gateways; the gateway is given beside the event."""
