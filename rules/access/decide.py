"""May this credential pass this door now? Pure; a few microseconds."""

from collections.abc import Iterator

import msgspec

from rules.access.door import DoorMode
from rules.access.policy import DoorPolicy, Grant, Person, PolicyIndex, too_old
from rules.access.reasons import Reason


class Decision(msgspec.Struct, frozen=True, gc=False):
    """What was decided and why."""

    granted: bool
    reason: Reason
    person: Person | None = None
    duress: bool = False
    """The credential calls for help: open as usual and raise a silent alarm."""


def decide(index: PolicyIndex | None, door: str, credential_hash: str, now_ms: int, *,
           mode: DoorMode = DoorMode.NORMAL, offline: bool = False) -> Decision:
    """Decide one attempt at one door.

    `index` is None when the gateway has no policy. Fire release always frees; an unlocked door lets everybody pass; an
    old policy admits nobody; a denying grant beats any other. `offline`: the hub cannot be reached.
    """
    credential = index.policy.credentials.get(credential_hash) if index else None
    person = index.policy.people[credential.person] if index and credential else None
    duress = bool(credential and credential.duress)
    if mode is DoorMode.RELEASED:
        return Decision(True, Reason.FIRE_RELEASE, person, duress)
    if mode is DoorMode.UNLOCKED:
        return Decision(True, Reason.UNLOCKED, person, duress)
    if index is None:
        return Decision(False, Reason.NO_POLICY)
    if reason := too_old(index.policy, now_ms):
        return Decision(False, reason, person)
    if credential is None or person is None:
        return Decision(False, Reason.UNKNOWN_CARD)
    reason = _personal(person, now_ms) if not credential.blocked else Reason.BLOCKED_CARD
    if reason is None:
        reason = _at_door(index, door, credential.person, person, now_ms, locked=mode is DoorMode.LOCKED,
                          offline=offline)
    return Decision(reason is Reason.GRANTED, reason, person, duress and reason is Reason.GRANTED)


def _personal(person: Person, now_ms: int) -> Reason | None:
    if person.blocked:
        return Reason.BLOCKED_PERSON
    if now_ms < person.valid_from_ms:
        return Reason.NOT_YET_VALID
    if person.valid_until_ms and now_ms >= person.valid_until_ms:
        return Reason.EXPIRED
    return None


def _at_door(index: PolicyIndex, door: str, number: int, person: Person, now_ms: int, *, locked: bool,
             offline: bool) -> Reason:
    rights = index.policy.doors.get(door)
    if rights is None:
        return Reason.UNKNOWN_DOOR
    reason = Reason.NO_GRANT_FOR_DOOR
    for grant in _grants(rights, number, person):
        if not index.is_open(grant.schedule, now_ms):
            reason = Reason.OUTSIDE_SCHEDULE if reason is Reason.NO_GRANT_FOR_DOOR and not grant.deny else reason
        elif grant.deny:
            return Reason.DENIED_FOR_DOOR
        elif locked and not grant.lockdown:
            reason = Reason.DOOR_LOCKED_DOWN if reason is not Reason.GRANTED else reason
        else:
            reason = Reason.GRANTED
    if reason is Reason.GRANTED and offline and rights.offline_groups is not None:
        admitted = not set(rights.offline_groups).isdisjoint(person.groups)
        return Reason.GRANTED if admitted else Reason.OFFLINE_NARROWED
    return Reason.DOOR_LOCKED_DOWN if locked and reason is not Reason.GRANTED else reason


def _grants(rights: DoorPolicy, number: int, person: Person) -> Iterator[Grant]:
    """Yield the grants that concern a person at a door: their own and their groups'."""
    yield from rights.people.get(number, ())
    for group in person.groups:
        yield from rights.groups.get(group, ())
