"""The messages of contract version 1.

Control messages and events are JSON; readings are columnar MessagePack (see `readings`). Unknown fields are ignored,
an unknown version is refused. Times are UTC in milliseconds since 1970 (`_ms`).
"""

from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

import msgspec

VERSION: Final = 1
MAX_PAYLOAD_BYTES: Final = 8_000_000
"""Larger messages are refused unread."""


class ContractError(ValueError):
    """A message that breaks the contract; its text says how, for the quarantine."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text a user sees, in both languages."""

    en: str
    zh: str


class Event(msgspec.Struct, omit_defaults=True, kw_only=True):
    """Something that happened once at a gateway (kinds: docs/asyncapi.yaml and `contract.kinds`)."""

    kind: str
    at_ms: int
    device: str = ""
    door: str = ""
    zone: str = ""
    person: str = ""
    credential: str = ""
    """Keyed hash of the credential, hex; the number itself never leaves the gateway."""
    reason: str = ""
    value: float | None = None
    text: str = ""
    command: str = ""
    """Id of the command this is the result of."""
    evidence: bytes = b""
    """A JPEG (base64 on the wire)."""
    data: dict[str, str | float | bool] = {}


class EventBatch(msgspec.Struct, kw_only=True):
    """Events of the event lane, in order."""

    v: int = VERSION
    epoch: str
    seq: int
    floor: int
    """Oldest seq of this lane the gateway still keeps: what is below can't be asked for."""
    sent_ms: int
    events: list[Event]


class Ack(msgspec.Struct, omit_defaults=True, kw_only=True):
    """Hub to gateway: everything of a lane up to `seq` is stored durably."""

    v: int = VERSION
    lane: str
    epoch: str
    seq: int
    resend: bool = False
    """Something between seq and what came is missing: send again from seq + 1."""
    need_birth: bool = False
    """The hub does not know these point numbers: publish the birth again."""
    lost: int = 0
    """Readings or events of this lane that the hub counts as lost so far."""


class PointBirth(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One point a device exposes and the number that stands for it in this gateway's batches."""

    n: int
    """Given once and never reused within an epoch."""
    name: str
    unit: str = ""
    label: Text | None = None
    writable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    states: dict[str, Text] = {}
    """Names of an enumeration's values, by value."""
    every_ms: int = 1000
    """Taken at least this often; older than three times this is stale."""


class DeviceBirth(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One device a gateway serves, or has found and asks about."""

    id: str
    family: str
    """modbus, osdp, serial_card, camera, class_sign."""
    name: Text
    place: str = ""
    """building/floor/room."""
    zone: str = ""
    model: str = ""
    identity: str = ""
    """What the device says it is: vendor, model, serial number."""
    address: str = ""
    state: Literal["live", "pending", "blocked"] = "live"
    points: list[PointBirth] = []


class DoorBirth(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One door the gateway decides for."""

    id: str
    name: Text
    place: str = ""
    zone: str = ""
    readers: list[str]
    """Device ids of its readers."""
    lane: bool = False
    """A gate lane (turnstile), shown at the gate desk."""
    held_s: float = 30
    strike_s: float = 5
    camera: str = ""
    """Device id of the camera that looks at it."""


class Birth(msgspec.Struct, tag="birth", tag_field="kind", omit_defaults=True, kw_only=True):
    """Retained on `state`: the gateway is up, and this is what it serves."""

    v: int = VERSION
    gateway: str
    name: Text
    epoch: str
    boot: str
    at_ms: int
    software: str = ""
    policy_version: int = 0
    desired_version: int = 0
    devices: list[DeviceBirth] = []
    doors: list[DoorBirth] = []


class Death(msgspec.Struct, tag="death", tag_field="kind", omit_defaults=True, kw_only=True):
    """Retained on `state`, as will or at a clean stop: the gateway is down."""

    v: int = VERSION
    gateway: str
    boot: str
    planned: bool = False


class SignedPolicy(msgspec.Struct, kw_only=True):
    """A door policy snapshot: `body` is zstd-compressed MessagePack of `rules.access.Policy`."""

    version: int
    body: bytes
    signature: bytes
    """Ed25519 over body, 64 bytes."""


class Desired(msgspec.Struct, omit_defaults=True, kw_only=True):
    """Retained, hub to gateway: what it should run."""

    v: int = VERSION
    version: int
    approved: list[str] = []
    """Ids of found devices that may go live."""
    blocked: list[str] = []
    policy: SignedPolicy | None = None


class Command(msgspec.Struct, omit_defaults=True, kw_only=True):
    """Hub to gateway. Its result comes back as an event of kind `command.result`."""

    v: int = VERSION
    id: str
    at_ms: int
    expires_ms: int
    """After this the gateway answers `expired` and does nothing."""
    requester: str
    """The user or rule that asked."""
    action: Literal["write", "door_open", "door_unlock", "door_lock", "door_normal",
                    "door_release", "door_restore", "still", "show"]
    """door_release frees a door for the fire alarm, over every mode; door_restore ends that."""
    device: str = ""
    door: str = ""
    point: str = ""
    value: float | None = None
    text: str = ""
    until_ms: int = 0
    """When the effect ends by itself (an override); 0: it does not."""
    reason: str = ""


class EnrolRequest(msgspec.Struct, omit_defaults=True, kw_only=True):
    """An unknown gateway introduces itself."""

    v: int = VERSION
    gateway: str
    name: Text
    public_key: bytes
    """X25519, 32 bytes: answers are sealed to it."""
    token: str = ""
    """SHA-256 (hex) of token and public key together: the one-time token itself is not sent."""
    software: str = ""
    devices: int = 0
    """How many devices it could serve."""


class EnrolReply(msgspec.Struct, omit_defaults=True, kw_only=True):
    """The hub's answer; `sealed` holds a `Welcome` only the asking gateway can open."""

    v: int = VERSION
    gateway: str
    status: Literal["pending", "approved", "refused"]
    reason: str = ""
    sealed: bytes = b""


class Welcome(msgspec.Struct, kw_only=True):
    """What an approved gateway needs to take part (JSON, sealed)."""

    username: str
    password: str
    card_key: bytes
    """HMAC key that turns card numbers into the policy's credential hashes, 32 bytes."""
    policy_key: bytes
    """Ed25519 public key that signs policies, 32 bytes."""


State = Birth | Death
M = TypeVar("M", bound=msgspec.Struct)
_encoder = msgspec.json.Encoder()
_decoders: dict[object, msgspec.json.Decoder[Any]] = {}


def encode(message: msgspec.Struct) -> bytes:
    """Encode a message as JSON."""
    return _encoder.encode(message)


def decode(payload: bytes | bytearray | memoryview, kind: type[M]) -> M:
    """Decode JSON into a message of this kind; raise `ContractError` when it breaks the contract."""
    message: M = _decode(payload, kind)
    return message


def decode_state(payload: bytes) -> State:
    """Decode a gateway's birth or death."""
    message: State = _decode(payload, State)
    return message


def _decode(payload: bytes | bytearray | memoryview, kind: Any) -> Any:
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ContractError(f"message of {len(payload)} bytes, at most {MAX_PAYLOAD_BYTES} are taken")
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    try:
        message = decoder.decode(payload)
    except msgspec.MsgspecError as error:
        raise ContractError(f"not a valid message: {error}") from error
    if message.v != VERSION:
        raise ContractError(f"contract version {message.v}, this side speaks version {VERSION}")
    return message
