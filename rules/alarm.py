"""The life of an alarm, by ISA-18.2 / IEC 62682: pure functions, each returning the alarm after it.

    normal -> pending -> active -> acknowledged -> normal
                           |                         ^
                           +-> cleared, unseen ------+  (acknowledged)

Shelved, suppressed and out of service are marks beside the state: the alarm goes on living, it only does not call.
An alarm that cannot be silenced (fire, duress) takes neither of them.
"""

from enum import StrEnum

import msgspec


class AlarmState(StrEnum):
    """Where an alarm stands."""

    NORMAL = "normal"
    PENDING = "pending"
    """Abnormal, but not yet for its delay."""
    ACTIVE = "active"
    """Abnormal and nobody has said: seen."""
    ACKNOWLEDGED = "acknowledged"
    """Abnormal and seen."""
    CLEARED = "cleared"
    """Normal again, and nobody saw it while it lasted."""


class Step(StrEnum):
    """What happened to an alarm; the words of its history."""

    PENDING = "pending"
    RAISED = "raised"
    AGAIN = "again"
    """Abnormal again while cleared and unseen."""
    ACKNOWLEDGED = "acknowledged"
    CLEARED = "cleared"
    RETURNED = "returned"
    """Back to normal, seen."""
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    SUPPRESSED = "suppressed"
    UNSUPPRESSED = "unsuppressed"
    OUT_OF_SERVICE = "out_of_service"
    IN_SERVICE = "in_service"


class Transition(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One entry of an alarm's history."""

    at_ms: int
    step: Step
    state: AlarmState
    """The state after it."""
    by: str = ""
    """Who did it; "" when nobody did."""
    note: str = ""


class Alarm(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One alarm of one rule and subject."""

    state: AlarmState = AlarmState.NORMAL
    since_ms: int = 0
    """When it entered its state."""
    raised_ms: int = 0
    """When it last became active; 0: never."""
    raises: int = 0
    """How often it became active since it was last normal."""
    acknowledged_by: str = ""
    shelved_until_ms: int = 0
    """0: not shelved."""
    shelved_by: str = ""
    suppressed_by: str = ""
    """The rule whose alarm implies this one; "": none."""
    out_of_service: bool = False
    unsilenceable: bool = False
    """Fire and duress: cannot be shelved, suppressed or taken out of service."""

    @property
    def silent(self) -> bool:
        """Marked so that it does not call anybody."""
        return bool(self.shelved_until_ms or self.suppressed_by or self.out_of_service)

    @property
    def unseen(self) -> bool:
        """Somebody has yet to acknowledge it."""
        return self.state in (AlarmState.ACTIVE, AlarmState.CLEARED)

    @property
    def over(self) -> bool:
        """Nothing of it need be kept: normal and without marks."""
        return self.state is AlarmState.NORMAL and not self.silent


class AlarmRefused(ValueError):
    """What was asked is not allowed for this alarm; the text says why."""


Moved = tuple[Alarm, tuple[Transition, ...]]
"""The alarm after it, and what to write into its history (empty: nothing changed)."""


def observe(alarm: Alarm, *, abnormal: bool, now_ms: int, delay_ms: int = 0) -> Moved:
    """Take one look at the alarm's condition; it must last `delay_ms` before the alarm is active."""
    match alarm.state, abnormal:
        case AlarmState.NORMAL, True if delay_ms > 0:
            return _enter(alarm, AlarmState.PENDING, Step.PENDING, now_ms)
        case (AlarmState.NORMAL | AlarmState.PENDING), True if _long_enough(alarm, now_ms, delay_ms):
            return _raise(alarm, Step.RAISED, now_ms)
        case AlarmState.CLEARED, True:
            return _raise(alarm, Step.AGAIN, now_ms)  # never back to pending: an unseen alarm stays
        case (AlarmState.PENDING | AlarmState.ACKNOWLEDGED), False:
            return _enter(alarm, AlarmState.NORMAL, Step.RETURNED, now_ms)
        case AlarmState.ACTIVE, False:
            return _enter(alarm, AlarmState.CLEARED, Step.CLEARED, now_ms)
        case _:
            return alarm, ()


def acknowledge(alarm: Alarm, *, by: str, now_ms: int, note: str = "") -> Moved:
    """Somebody has seen it. Raise `AlarmRefused` when there is nothing to acknowledge."""
    match alarm.state:
        case AlarmState.ACTIVE:
            return _enter(alarm, AlarmState.ACKNOWLEDGED, Step.ACKNOWLEDGED, now_ms, by=by, note=note)
        case AlarmState.CLEARED:
            return _enter(alarm, AlarmState.NORMAL, Step.ACKNOWLEDGED, now_ms, by=by, note=note)
        case _:
            raise AlarmRefused(f"the alarm is {alarm.state}: there is nothing to acknowledge")


def shelve(alarm: Alarm, *, until_ms: int, by: str, now_ms: int, note: str = "") -> Moved:
    """An operator lays it aside for a time. Raise `AlarmRefused` when it may not be, or has no end ahead."""
    _may_be_silenced(alarm, "shelved")
    if until_ms <= now_ms:
        raise AlarmRefused("shelving needs an end that lies ahead")
    after = msgspec.structs.replace(alarm, shelved_until_ms=until_ms, shelved_by=by)
    return _marked(after, Step.SHELVED, now_ms, by=by, note=note)


def unshelve(alarm: Alarm, *, by: str = "", now_ms: int, note: str = "") -> Moved:
    """Take it back from the shelf; nothing happens when it is not there."""
    if not alarm.shelved_until_ms:
        return alarm, ()
    after = msgspec.structs.replace(alarm, shelved_until_ms=0, shelved_by="")
    return _marked(after, Step.UNSHELVED, now_ms, by=by, note=note)


def expire(alarm: Alarm, *, now_ms: int) -> Moved:
    """Take it back from the shelf when its time there is over."""
    if alarm.shelved_until_ms and alarm.shelved_until_ms <= now_ms:
        return unshelve(alarm, now_ms=alarm.shelved_until_ms)
    return alarm, ()


def suppress(alarm: Alarm, *, rule: str, now_ms: int) -> Moved:
    """Another rule's alarm implies it. Raise `AlarmRefused` for fire and duress."""
    _may_be_silenced(alarm, "suppressed")
    if alarm.suppressed_by == rule:
        return alarm, ()
    return _marked(msgspec.structs.replace(alarm, suppressed_by=rule), Step.SUPPRESSED, now_ms, note=rule)


def unsuppress(alarm: Alarm, *, now_ms: int) -> Moved:
    """Nothing implies it any more."""
    if not alarm.suppressed_by:
        return alarm, ()
    return _marked(msgspec.structs.replace(alarm, suppressed_by=""), Step.UNSUPPRESSED, now_ms)


def set_service(alarm: Alarm, *, in_service: bool, by: str, now_ms: int, note: str = "") -> Moved:
    """Take it out of service (maintenance) or back. Raise `AlarmRefused` for fire and duress."""
    if in_service is not alarm.out_of_service:
        return alarm, ()
    if not in_service:
        _may_be_silenced(alarm, "taken out of service")
    after = msgspec.structs.replace(alarm, out_of_service=not in_service)
    return _marked(after, Step.IN_SERVICE if in_service else Step.OUT_OF_SERVICE, now_ms, by=by, note=note)


def _long_enough(alarm: Alarm, now_ms: int, delay_ms: int) -> bool:
    return alarm.state is AlarmState.NORMAL or now_ms - alarm.since_ms >= delay_ms


def _may_be_silenced(alarm: Alarm, what: str) -> None:
    if alarm.unsilenceable:
        raise AlarmRefused(f"fire and duress can never be {what}")


def _raise(alarm: Alarm, step: Step, now_ms: int) -> Moved:
    raised = msgspec.structs.replace(alarm, raised_ms=now_ms, raises=alarm.raises + 1)
    return _enter(raised, AlarmState.ACTIVE, step, now_ms)


def _enter(alarm: Alarm, state: AlarmState, step: Step, now_ms: int, *, by: str = "", note: str = "") -> Moved:
    after = msgspec.structs.replace(
        alarm, state=state, since_ms=now_ms,
        acknowledged_by=by if state is AlarmState.ACKNOWLEDGED else "",
        raises=0 if state is AlarmState.NORMAL else alarm.raises,
    )
    return _marked(after, step, now_ms, by=by, note=note)


def _marked(after: Alarm, step: Step, now_ms: int, *, by: str = "", note: str = "") -> Moved:
    return after, (Transition(at_ms=now_ms, step=step, state=after.state, by=by, note=note),)
