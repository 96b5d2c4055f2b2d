"""The snapshot of rights a gateway decides by: only its doors, with an age limit, small and quick to look up.

Wire form: zstd-compressed MessagePack (arrays, no field names). A day of the calendar is carried with its kind and its
midnights, so the edge needs neither the calendar nor a time zone database.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

import msgspec
import zstandard

from rules.access.reasons import Reason
from rules.calendar import WEEKDAYS, Calendar, Window

FORMAT: Final = 1
MAX_BODY_BYTES: Final = 64_000_000
_HORIZON_DAYS: Final = 62
_DAY_MS: Final = 86_400_000
ALWAYS: Final = -1
"""Index of the schedule that never closes."""


class PolicyError(ValueError):
    """A policy that cannot be read or does not hang together."""


class Person(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Somebody who holds credentials. Times are UTC ms, 0: no bound."""

    id: str
    name: str
    unit: str = ""
    """Class or department, shown beside the name."""
    groups: tuple[int, ...] = ()
    valid_from_ms: int = 0
    valid_until_ms: int = 0
    blocked: bool = False


class Credential(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a keyed hash stands for."""

    person: int
    blocked: bool = False
    duress: bool = False
    """Opens as usual and calls for help silently."""


class Grant(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A person or a group may pass (or, denying, may not) when a schedule is open."""

    schedule: int
    """Index into the policy's schedules, or `ALWAYS`."""
    deny: bool = False
    lockdown: bool = False
    """Holds in lockdown too: guards, rescue."""


class DoorPolicy(msgspec.Struct, array_like=True):
    """Who may pass one door."""

    groups: dict[int, list[Grant]] = {}
    people: dict[int, list[Grant]] = {}
    offline_groups: list[int] | None = None
    """While the hub cannot be reached only these groups are admitted; None: everybody as usual."""


class Schedule(msgspec.Struct, array_like=True):
    """Weekly hours: (days, from minute, to minute) each; `days` as in `calendar.Window`."""

    name: str
    windows: list[tuple[tuple[str, ...], int, int]]


class Day(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One local day."""

    start_ms: int
    end_ms: int
    weekday: str
    kind: str


class Policy(msgspec.Struct, array_like=True, kw_only=True):
    """Everything a gateway needs to decide."""

    format: int = FORMAT
    version: int
    issued_ms: int
    valid_until_ms: int
    site: str
    gateway: str
    groups: list[str]
    people: list[Person]
    credentials: dict[str, Credential]
    """By keyed hash, hex."""
    schedules: list[Schedule]
    doors: dict[str, DoorPolicy]
    days: list[Day]


class PersonRow(msgspec.Struct, frozen=True, kw_only=True):
    """A person as the hub keeps them."""

    id: str
    name: str
    unit: str = ""
    groups: tuple[str, ...] = ()
    valid_from_ms: int = 0
    valid_until_ms: int = 0
    blocked: bool = False


class CredentialRow(msgspec.Struct, frozen=True, kw_only=True):
    """A credential as the hub keeps it."""

    hash: str
    person: str
    blocked: bool = False
    duress: bool = False


class GrantRow(msgspec.Struct, frozen=True, kw_only=True):
    """A grant as the hub keeps it: exactly one of person and group; `doors` empty means all."""

    person: str = ""
    group: str = ""
    doors: tuple[str, ...] = ()
    schedule: str = ""
    """Name of a schedule; "": always."""
    deny: bool = False
    lockdown: bool = False


class DoorRow(msgspec.Struct, frozen=True, kw_only=True):
    """A door of the gateway; `offline_groups` None: admits offline as online."""

    id: str
    offline_groups: tuple[str, ...] | None = None


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """All that the hub knows about rights."""

    people: Sequence[PersonRow]
    credentials: Sequence[CredentialRow]
    grants: Sequence[GrantRow]
    schedules: dict[str, tuple[Window, ...]]


def compile_policy(site: Site, doors: Iterable[DoorRow], calendar: Calendar, *, version: int, issued_ms: int,
                   valid_until_ms: int, name: str, gateway: str) -> Policy:
    """Narrow the site's rights to one gateway's doors. Raise `PolicyError` when a grant names what there is not."""
    people = {person.id: index for index, person in enumerate(site.people)}
    groups = {group: index for index, group in enumerate(sorted({g for p in site.people for g in p.groups}))}
    schedules = {schedule: index for index, schedule in enumerate(site.schedules)}
    policy = Policy(
        version=version, issued_ms=issued_ms, valid_until_ms=valid_until_ms, site=name, gateway=gateway,
        groups=list(groups),
        people=[Person(row.id, row.name, row.unit, tuple(groups[group] for group in row.groups), row.valid_from_ms,
                       row.valid_until_ms, row.blocked) for row in site.people],
        credentials={row.hash: Credential(people[row.person], row.blocked, row.duress)
                     for row in site.credentials if row.person in people},
        schedules=[Schedule(title, [(window.days, window.start, window.end) for window in windows])
                   for title, windows in site.schedules.items()],
        doors={door.id: DoorPolicy(offline_groups=None if door.offline_groups is None else [
            groups[group] for group in door.offline_groups if group in groups]) for door in doors},
        days=_days(calendar, issued_ms, valid_until_ms),
    )
    for row in site.grants:
        _grant(policy, row, people, groups, schedules)
    return policy


def _grant(policy: Policy, row: GrantRow, people: dict[str, int], groups: dict[str, int],
           schedules: dict[str, int]) -> None:
    if bool(row.person) == bool(row.group):
        raise PolicyError(f"a grant needs a person or a group, not both: {row}")
    if row.schedule and row.schedule not in schedules:
        raise PolicyError(f"a grant names the schedule {row.schedule}; there are {', '.join(schedules)}")
    grant = Grant(schedules[row.schedule] if row.schedule else ALWAYS, row.deny, row.lockdown)
    holder = people.get(row.person) if row.person else groups.get(row.group)
    if holder is None:
        return  # somebody who left, a group with nobody in it
    for door in row.doors or policy.doors:
        if door in policy.doors:
            target = policy.doors[door].people if row.person else policy.doors[door].groups
            target.setdefault(holder, []).append(grant)


def _days(calendar: Calendar, issued_ms: int, valid_until_ms: int) -> list[Day]:
    """Return the days the policy may be used on, from the day before, at most two months."""
    first = calendar.local(issued_ms).date() - timedelta(days=1)
    count = min(_HORIZON_DAYS, (valid_until_ms - issued_ms) // _DAY_MS + 4)
    days = (first + timedelta(days=ahead) for ahead in range(count))
    return [Day(calendar.at(day, 0), calendar.at(day, 1_440), WEEKDAYS[day.weekday()], calendar.day_kind(day).value)
            for day in days]


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Policy)


def encode(policy: Policy) -> bytes:
    """Return the body of a `contract.messages.SignedPolicy`."""
    return zstandard.ZstdCompressor(level=9).compress(_encoder.encode(policy))


def decode(body: bytes) -> Policy:
    """Read a body whose signature was checked; raise `PolicyError` when it is none."""
    try:
        policy = _decoder.decode(zstandard.ZstdDecompressor().decompress(body, max_output_size=MAX_BODY_BYTES))
    except (msgspec.MsgspecError, zstandard.ZstdError) as error:
        raise PolicyError(f"not a policy: {error}") from error
    if policy.format != FORMAT:
        raise PolicyError(f"policy format {policy.format}, this side reads {FORMAT}")
    if any(not 0 <= credential.person < len(policy.people) for credential in policy.credentials.values()):
        raise PolicyError("a credential names a person the policy does not hold")
    return policy


class PolicyIndex:
    """A policy ready to decide by: the schedules of a day are laid out once."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._starts = [day.start_ms for day in policy.days]
        self._hours: list[list[tuple[int, int]]] = []
        self._hours_of = -1

    def is_open(self, schedule: int, now_ms: int) -> bool:
        """Tell whether a schedule is open now."""
        if schedule == ALWAYS:
            return True
        day = bisect_right(self._starts, now_ms) - 1
        if not (0 <= day < len(self._starts) and now_ms < self.policy.days[day].end_ms):
            return False
        if day != self._hours_of:
            self._hours = [self._lay_out(entry, day) for entry in self.policy.schedules]
            self._hours_of = day
        return any(start <= now_ms < end for start, end in self._hours[schedule])

    def _lay_out(self, schedule: Schedule, day: int) -> list[tuple[int, int]]:
        """Return the hours [from, to) that touch this day: its own and what the night before brings along."""
        return [hours for at in (day - 1, day) if at >= 0 for hours in _hours(schedule, self.policy.days[at])]


def _hours(schedule: Schedule, day: Day) -> list[tuple[int, int]]:
    names = {"any", day.weekday, day.kind}
    return [
        (day.start_ms + start * 60_000, day.start_ms + (end if end > start else end + 1_440) * 60_000)
        for days, start, end in schedule.windows if not names.isdisjoint(days)
    ]


def too_old(policy: Policy, now_ms: int) -> Reason | None:
    """Return the reason when the policy's age limit has passed."""
    return Reason.POLICY_TOO_OLD if now_ms >= policy.valid_until_ms else None
