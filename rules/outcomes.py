"""What the engine says: raise, clear, command, notify, suppress, unsuppress; with the reason and the words."""

from enum import StrEnum
from string import Formatter
from typing import NamedTuple

import msgspec

from contract.messages import Event, Text
from contract.quality import WORDS, Quality
from rules.access.reasons import WORDS as REASONS
from rules.access.reasons import Reason
from rules.durations import duration_text, duration_text_zh
from rules.model import CommandOrder, Happens, Level, Rule
from rules.points import Point, PointTable


class Kind(StrEnum):
    """What an outcome asks for."""

    RAISE = "raise"
    CLEAR = "clear"
    COMMAND = "command"
    NOTIFY = "notify"
    SUPPRESS = "suppress"
    """The alarm stands, but another one implies it."""
    UNSUPPRESS = "unsuppress"


class Cause(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A reading or an event that led to an outcome."""

    what: str
    """An event's kind, or a point's device/name."""
    at_ms: int
    device: str = ""
    door: str = ""
    zone: str = ""
    place: str = ""
    gateway: str = ""
    person: str = ""
    reason: str = ""
    text: str = ""
    value: float | None = None


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One thing the engine decided."""

    kind: Kind
    rule: str
    subject: str
    """point:device/name, device:id, door:id, zone:id, gateway:id, person:id, credential:hash or campus."""
    at_ms: int
    """Event time, UTC."""
    priority: int
    message: Text
    value: float | None = None
    limit: float | None = None
    why: tuple[Cause, ...] = ()
    suppressed_by: str = ""
    """On raise and suppress: the rule whose alarm implies this one."""
    command: CommandOrder | None = None
    """On command: what to do; device or door is filled in, never a placeholder and never `doors`."""
    team: str = ""
    """On notify: gate, security or facilities."""


def cause_of_event(event: Event, gateway: str, table: PointTable) -> Cause:
    """Describe an event; the zone and place of its door or device stand in where it names none."""
    thing = table.doors.get(event.door) or table.devices.get(event.device)
    return Cause(
        what=event.kind, at_ms=event.at_ms, device=event.device, door=event.door, gateway=gateway,
        zone=event.zone or (thing.zone if thing else ""), place=thing.place if thing else "",
        person=event.person, reason=event.reason, text=event.text, value=event.value,
    )


def cause_of_reading(point: Point, at_ms: int, value: float) -> Cause:
    """Describe a reading."""
    return Cause(what=point.key, at_ms=at_ms, device=point.device, zone=point.zone, place=point.place,
                 gateway=point.gateway, value=value)


class Figures(NamedTuple):
    """The numbers a message may name."""

    value: float | None
    limit: float | None
    times: int


def words(rule: Rule, table: PointTable, cause: Cause | None, figures: Figures) -> Text:
    """Fill the rule's message in both languages; what is not known is left empty."""
    cause = cause or Cause(what="", at_ms=0)
    index = table.index(cause.what)
    point = table.points[index] if index is not None else None
    device, door = table.devices.get(cause.device), table.doors.get(cause.door)
    hold_ms = rule.hold or _window_ms(rule)
    reason, zone = _reason(cause.reason), table.zones.get(cause.zone) or Text(cause.zone, cause.zone)
    fields = {
        "value": number(figures.value), "limit": number(figures.limit), "unit": point.unit if point else "",
        "point": point.name if point else "", "place": cause.place, "gateway": cause.gateway,
        "text": cause.text, "person": cause.person, "count": str(figures.times),
    }
    return Text(
        _fill(rule.message.en, fields | {
            "device": device.name.en if device else cause.device, "door": door.name.en if door else cause.door,
            "zone": zone.en, "reason": reason.en, "for": duration_text(hold_ms)}),
        _fill(rule.message.zh, fields | {
            "device": device.name.zh if device else cause.device, "door": door.name.zh if door else cause.door,
            "zone": zone.zh, "reason": reason.zh, "for": duration_text_zh(hold_ms)}),
    )


def _reason(reason: str) -> Text:
    """Write the reason of a lost device or of a refused card in words."""
    if reason in REASONS:
        return REASONS[Reason(reason)].what
    quality = Quality.__members__.get(reason.upper())
    return Text(*WORDS[quality]) if quality is not None else Text(reason, reason)


def number(value: float | None) -> str:
    """Write a value shortly: at most two decimals, none that say nothing."""
    if value is None:
        return ""
    return f"{value:.2f}".rstrip("0").rstrip(".") if abs(value) < 1e9 else f"{value:.3g}"


def _window_ms(rule: Rule) -> int:
    when = rule.when
    if isinstance(when, Level):
        return when.aggregate[1] if when.aggregate else 0
    if isinstance(when, Happens):
        return 0
    return int(getattr(when, "within", 0))


def _fill(text: str, fields: dict[str, str]) -> str:
    return Formatter().vformat(text, (), fields)
