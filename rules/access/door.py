"""What a door does: a pure state machine. Inputs in, strike orders and events out; time is an argument (UTC ms).

Forced: the contact opens, and in the 5 s before it there was no grant, no REX and no command, and the door is not
unlocked. Nearly all false alarms of such doors come from leaves that bounce and from people who open slowly, so a door
that closed properly a second ago may open once more.
"""

from enum import StrEnum
from typing import Final, Literal

import msgspec

from contract import kinds
from contract.messages import Event

GRACE_MS: Final = 5_000
"""How long after a grant, a REX or a command the door may be opened, when the strike time is shorter."""
BOUNCE_MS: Final = 1_000


class DoorMode(StrEnum):
    """How a door behaves for everybody."""

    NORMAL = "normal"
    """Credentials decide."""
    UNLOCKED = "unlocked"
    LOCKED = "locked"
    """Lockdown: only those whose grant holds in lockdown."""
    RELEASED = "released"
    """Freed by the fire alarm; nothing overrides it."""


class DoorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A door as it is built."""

    id: str
    zone: str = ""
    strike_ms: int = 5_000
    held_ms: int = 30_000
    has_contact: bool = True
    """Without one a door can tell neither open, forced nor held."""
    slack_ms: int = 0
    """How much later than it happened an input may be known. Nearly nothing, but for a fast demonstration: there the
    wires' own milliseconds are campus seconds."""
    rex_strikes: bool = True
    """A REX energises the strike (no mechanical way out)."""


class Granted(msgspec.Struct, frozen=True):
    """Somebody may pass."""

    person: str = ""
    name: str = ""


class Contact(msgspec.Struct, frozen=True):
    """The door's leaf opened or closed."""

    open: bool


class Rex(msgspec.Struct, frozen=True):
    """Somebody inside asks to get out."""


class Order(msgspec.Struct, frozen=True):
    """A command from the hub or the desk; `until_ms` 0: no end (unlock and lock only)."""

    action: Literal["open", "unlock", "lock", "normal"]
    until_ms: int = 0


class FireRelease(msgspec.Struct, frozen=True):
    """The fire alarm frees the door, or is over."""

    on: bool


class Tick(msgspec.Struct, frozen=True):
    """Time has passed."""


Input = Granted | Contact | Rex | Order | FireRelease | Tick


class Strike(msgspec.Struct, frozen=True):
    """Energise (free) or release (lock) the strike."""

    on: bool


Output = Strike | Event


class Door(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Where a door stands. It can be written down and taken up again. Times of 0: not."""

    mode: DoorMode = DoorMode.NORMAL
    """Never `RELEASED`: that is `fire`, see `effective`."""
    mode_until_ms: int = 0
    fire: bool = False
    is_open: bool = False
    strike: bool = False
    strike_until_ms: int = 0
    entitled_until_ms: int = 0
    """Until then an opening has its reason."""
    entitled_by: str = ""
    """grant, rex or command."""
    closed_ms: int = 0
    """When it last closed after a proper opening."""
    held_due_ms: int = 0
    opened_ms: int = 0
    forced: bool = False
    """Open by force now."""
    last_person: str = ""
    last_passage_ms: int = 0

    @property
    def effective(self) -> DoorMode:
        """The mode that counts now."""
        return DoorMode.RELEASED if self.fire else self.mode

    @property
    def free(self) -> bool:
        """Anybody may walk through."""
        return self.effective in (DoorMode.UNLOCKED, DoorMode.RELEASED)


Moved = tuple[Door, list[Output]]


def step(door: Door, given: Input, settings: DoorSettings, now_ms: int) -> Moved:
    """Return the door after one input, and what to do, in order. Deadlines up to now happen first."""
    before, (door, outputs) = door, _pass_time(door, settings, now_ms)
    match given:
        case Granted():
            after = _entitle(door, "grant", settings, now_ms, strike=True)
            after = msgspec.structs.replace(after, last_person=given.name or given.person, last_passage_ms=now_ms)
        case Rex():
            after = _entitle(door, "rex", settings, now_ms, strike=settings.rex_strikes)
        case Order(action="open"):
            after = _entitle(door, "command", settings, now_ms, strike=True)
        case Order() if given.action != "normal" and 0 < given.until_ms <= now_ms:
            after = door  # an override that came after its own end
        case Order():
            mode = {"unlock": DoorMode.UNLOCKED, "lock": DoorMode.LOCKED}.get(given.action, DoorMode.NORMAL)
            after = _set_mode(door, mode, given.until_ms if given.action != "normal" else 0, settings, now_ms)
        case FireRelease():
            after = _hold_anew(msgspec.structs.replace(door, fire=given.on), settings, now_ms)
        case Contact():
            after, told = _contact(door, given, settings, now_ms)
            outputs += told
        case Tick():
            after = door
    return _finish(before, after, settings, now_ms, outputs)


def next_deadline_ms(door: Door) -> int:
    """When `Tick` is due; 0 when nothing waits."""
    return min((ms for ms in (door.strike_until_ms, door.held_due_ms, door.mode_until_ms) if ms), default=0)


def _pass_time(door: Door, settings: DoorSettings, now_ms: int) -> Moved:
    outputs: list[Output] = []
    if door.strike_until_ms and door.strike_until_ms <= now_ms:
        door = msgspec.structs.replace(door, strike_until_ms=0)
    if door.mode_until_ms and door.mode_until_ms <= now_ms:
        door = _set_mode(door, DoorMode.NORMAL, 0, settings, now_ms)
    if door.held_due_ms and door.held_due_ms <= now_ms:
        door = msgspec.structs.replace(door, held_due_ms=0)
        outputs.append(Event(kind=kinds.DOOR_HELD, at_ms=now_ms, door=settings.id, zone=settings.zone,
                             value=(now_ms - door.opened_ms) / 1000))
    return door, outputs


def _entitle(door: Door, by: str, settings: DoorSettings, now_ms: int, *, strike: bool) -> Door:
    return msgspec.structs.replace(
        door, entitled_by=by, entitled_until_ms=now_ms + max(GRACE_MS, settings.strike_ms) + settings.slack_ms,
        strike_until_ms=now_ms + settings.strike_ms if strike else door.strike_until_ms,
    )


def _set_mode(door: Door, mode: DoorMode, until_ms: int, settings: DoorSettings, now_ms: int) -> Door:
    after = msgspec.structs.replace(door, mode=mode, mode_until_ms=until_ms)
    if mode is DoorMode.LOCKED:
        after = msgspec.structs.replace(after, strike_until_ms=0)
    return _hold_anew(after, settings, now_ms)


def _hold_anew(door: Door, settings: DoorSettings, now_ms: int) -> Door:
    """A free door is not held; one that ceases to be free while open counts from now."""
    if door.free or not door.is_open:
        return msgspec.structs.replace(door, held_due_ms=0)
    if door.held_due_ms or door.forced:
        return door
    return msgspec.structs.replace(door, held_due_ms=now_ms + settings.held_ms + settings.slack_ms)


def _contact(door: Door, contact: Contact, settings: DoorSettings, now_ms: int) -> Moved:
    if contact.open == door.is_open:
        return door, []
    event = Event(kind=kinds.DOOR_CLOSED, at_ms=now_ms, door=settings.id, zone=settings.zone)
    if not contact.open:
        closed_ms = 0 if door.forced else now_ms
        after = msgspec.structs.replace(door, is_open=False, forced=False, held_due_ms=0, closed_ms=closed_ms)
        return after, [event]
    why = _entitlement(door, now_ms)
    opened = msgspec.structs.replace(door, is_open=True, opened_ms=now_ms, forced=not why)
    event = msgspec.structs.replace(event, kind=kinds.DOOR_OPENED, reason=why or "none")
    if why:
        return _hold_anew(opened, settings, now_ms), [event]
    forced = Event(kind=kinds.DOOR_FORCED, at_ms=now_ms, door=settings.id, zone=settings.zone, data={
        "last_person": door.last_person, "last_passage_ms": float(door.last_passage_ms)})
    return opened, [event, forced]


def _entitlement(door: Door, now_ms: int) -> str:
    """Return why the door may be opened now; "" when it may not."""
    if door.free:
        return "unlocked"
    if now_ms <= door.entitled_until_ms:
        return door.entitled_by
    bounced = door.closed_ms and now_ms - door.closed_ms <= BOUNCE_MS
    return (door.entitled_by or "unlocked") if bounced else ""


def _finish(before: Door, after: Door, settings: DoorSettings, now_ms: int, outputs: list[Output]) -> Moved:
    """Work out the strike and tell a change of mode."""
    strike = after.free or after.strike_until_ms > 0
    if strike != before.strike:
        outputs.insert(0, Strike(strike))
    if after.effective is not before.effective:
        outputs.append(Event(kind=kinds.DOOR_MODE, at_ms=now_ms, door=settings.id, zone=settings.zone,
                             reason=after.effective.value))
    return (after if strike == after.strike else msgspec.structs.replace(after, strike=strike)), outputs
