"""All tracks: they raise, clear, wait and are remembered here. The engine tells what it saw, `Cases` what follows."""

import heapq
from collections.abc import Mapping

from contract.messages import Text
from rules.calendar import Calendar
from rules.model import Absent, Action, CommandOrder, Rule, Sequence, Subject
from rules.outcomes import Cause, Figures, Kind, Outcome, words
from rules.points import PointTable, like
from rules.tracks import Phase, Track, decoder, encoder

Key = tuple[str, str]
"""(rule, subject)."""
_PREFIX = "t|"


class Cases:
    """Tracks by (rule, subject), their deadlines, and which of them changed since they were last written down."""

    def __init__(self, calendar: Calendar, table: PointTable, rules: Mapping[str, Rule],
                 state: Mapping[str, bytes]) -> None:
        self.calendar = calendar
        self.table = table
        self.rules = dict(rules)
        self._tracks: dict[str, dict[str, Track]] = {}
        """By rule, then by subject."""
        self._active: dict[str, set[str]] = {}
        self._dirty: set[Key] = set()
        self._heap: list[tuple[int, Key]] = []
        for name, body in state.items():
            if name.startswith(_PREFIX) and body:
                rule, _, subject = name.removeprefix(_PREFIX).partition("|")
                self._restore((rule, subject), decoder.decode(body))

    def _restore(self, key: Key, track: Track) -> None:
        self._tracks.setdefault(key[0], {})[key[1]] = track
        if track.active:
            self._active.setdefault(key[0], set()).add(key[1])
        self._push(key, track)

    # What is known.

    def track(self, rule: str, subject: str) -> Track | None:
        return self._tracks.get(rule, {}).get(subject)

    def phase(self, rule: str, subject: str) -> Phase:
        track = self.track(rule, subject)
        return track.phase if track else Phase.NORMAL

    def of(self, rule: str) -> list[tuple[str, Track]]:
        """Return this rule's subjects with their tracks."""
        return list(self._tracks.get(rule, {}).items())

    def orphans(self) -> list[str]:
        """Return the rules that are gone but have left tracks."""
        return [name for name in self._tracks if name not in self.rules]

    @property
    def next_ms(self) -> int:
        """The nearest deadline; 0 when there is none."""
        while self._heap:
            ms, key = self._heap[0]
            track = self.track(*key)
            if track is not None and track.next_ms == ms:
                return ms
            heapq.heappop(self._heap)
        return 0

    def dirty_state(self) -> dict[str, bytes]:
        """Return what changed since the last call; empty bytes: forget the key."""
        state = {}
        for key in self._dirty:
            track = self.track(*key)
            state[f"{_PREFIX}{key[0]}|{key[1]}"] = encoder.encode(track) if track else b""
        self._dirty.clear()
        return state

    # What happens.

    def open(self, rule: Rule, subject: str) -> Track:
        """Return the track, making it when there is none; follow with `keep` once it is changed."""
        return self._tracks.setdefault(rule.id, {}).setdefault(subject, Track())

    def keep(self, rule: Rule, subject: str, track: Track) -> None:
        """Note that a track changed: it will be written down, its deadline watched; an idle one is dropped."""
        key = (rule.id, subject)
        self._dirty.add(key)
        if track.idle:
            self._tracks.get(rule.id, {}).pop(subject, None)
        else:
            self._push(key, track)

    def observe(self, rule: Rule, subject: str, *, holds: bool, at_ms: int, value: float | None = None,
                limit: float | None = None, cause: Cause | None = None) -> list[Outcome]:
        """Take in that the condition holds, or does not, from this time on."""
        track = self.track(rule.id, subject)
        if track is None and not holds:
            return []
        track = track or self.open(rule, subject)
        outcomes = self._catch_up(rule, subject, track, at_ms)
        if cause is not None and (holds or track.active):
            track.note(cause)
        track.holds = holds
        if holds and not track.active:
            track.value, track.limit = value, limit
        elif not holds:
            track.end_ms = 0
        outcomes += self._settle(rule, subject, track, at_ms)
        self.keep(rule, subject, track)
        return outcomes

    def catch_up(self, rule: Rule, subject: str, until_ms: int) -> list[Outcome]:
        """Let the deadlines of one track up to this time happen."""
        track = self.track(rule.id, subject)
        if track is None or not track.next_ms or track.next_ms > until_ms:
            return []
        outcomes = self._catch_up(rule, subject, track, until_ms)
        self.keep(rule, subject, track)
        return outcomes

    def settle(self, rule: Rule, at_ms: int) -> list[Outcome]:
        """Judge all of a rule's tracks again: its calendar has opened or closed at this time."""
        outcomes = []
        for subject, track in self.of(rule.id):
            outcomes += self._settle(rule, subject, track, at_ms)
            self.keep(rule, subject, track)
        return outcomes

    def pause(self, rule: Rule, subject: str) -> bool:
        """Stop a waiting track's clock: its value is not known any more. Tell whether it was waiting."""
        track = self.track(rule.id, subject)
        if track is None or not track.due_ms:
            return False
        track.due_ms = 0
        self.keep(rule, subject, track)
        return True

    def expire(self, now_ms: int) -> list[Outcome]:
        """Let every deadline up to now happen."""
        outcomes = []
        while (ms := self.next_ms) and ms <= now_ms:
            _, key = heapq.heappop(self._heap)
            track, rule = self.track(*key), self.rules.get(key[0])
            if rule is None or track is None:
                continue
            outcomes += self._catch_up(rule, key[1], track, now_ms)
            self.keep(rule, key[1], track)
        return outcomes

    def forget(self, rule: str, now_ms: int) -> list[Outcome]:
        """Drop all of a rule's tracks; what was active clears."""
        outcomes = []
        for subject, track in self._tracks.pop(rule, {}).items():
            self._dirty.add((rule, subject))
            if track.active:
                self._active[rule].discard(subject)
                known = self.rules.get(rule)
                outcomes.append(Outcome(kind=Kind.CLEAR, rule=rule, subject=subject, at_ms=now_ms,
                                        priority=known.priority if known else 4,
                                        message=known.title if known else Text(rule, rule)))
                outcomes += self._suppress_others(rule, now_ms)
        return outcomes

    def _push(self, key: Key, track: Track) -> None:
        if track.next_ms:
            heapq.heappush(self._heap, (track.next_ms, key))

    def _catch_up(self, rule: Rule, subject: str, track: Track, until_ms: int) -> list[Outcome]:
        """Let the track's own deadlines up to this time happen, in their order."""
        outcomes: list[Outcome] = []
        while (ms := track.next_ms) and ms <= until_ms:
            if ms == track.due_ms:
                track.due_ms = 0
            elif ms == track.end_ms:
                track.end_ms, track.holds = 0, False
            else:
                self._wake(rule, track)
            outcomes += self._settle(rule, subject, track, ms)
        return outcomes

    def _wake(self, rule: Rule, track: Track) -> None:
        """An absence is complete, or a count or sequence too old to go on."""
        at_ms, track.wake_ms = track.wake_ms, 0
        match rule.when:
            case Absent():
                track.holds = True
            case Sequence() if len(rule.when.sequence) == 1 and self.calendar.matches(rule.calendar, at_ms):
                track.holds, track.end_ms = True, at_ms + rule.when.lasts
        track.times = []

    def _settle(self, rule: Rule, subject: str, track: Track, at_ms: int) -> list[Outcome]:
        """Raise, wait or clear, by condition, calendar and duration."""
        if track.holds and self.calendar.matches(rule.calendar, at_ms):
            if track.active:
                return []
            track.since_ms = track.since_ms or at_ms
            due_ms = track.since_ms + rule.hold
            if due_ms <= at_ms:
                track.due_ms, track.active = 0, True
                self._active.setdefault(rule.id, set()).add(subject)
                return self._raised(rule, subject, track, due_ms)
            track.due_ms = due_ms
            return []
        track.since_ms = track.due_ms = 0
        if not track.active:
            return []
        track.active = track.suppressed = False
        self._active[rule.id].discard(subject)
        return [
            self._outcome(Kind.CLEAR, rule, subject, track, at_ms),
            *self._acts(rule, subject, track, at_ms, at="clear"),
            *self._suppress_others(rule.id, at_ms),
        ] if _alarms(rule) else self._acts(rule, subject, track, at_ms, at="clear")

    # What follows from a raise or a clear.

    def _raised(self, rule: Rule, subject: str, track: Track, at_ms: int) -> list[Outcome]:
        by = self._suppressor(rule, track)
        track.suppressed = bool(by)
        outcomes = self._acts(rule, subject, track, at_ms, at="raise")
        if not _alarms(rule):
            return outcomes
        raised = self._outcome(Kind.RAISE, rule, subject, track, at_ms, suppressed_by=by)
        return [raised, *outcomes, *self._suppress_others(rule.id, at_ms)]

    def _acts(self, rule: Rule, subject: str, track: Track, at_ms: int, *, at: str) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for action in rule.actions:
            if action.at != at:
                continue
            outcomes += [self._outcome(Kind.COMMAND, rule, subject, track, at_ms, command=order)
                         for order in self._orders(action, track)]
            if action.notify and not track.suppressed:
                outcomes.append(self._outcome(Kind.NOTIFY, rule, subject, track, at_ms, team=action.notify))
        return outcomes

    def _orders(self, action: Action, track: Track) -> list[CommandOrder]:
        """Aim a command: fill in the subject's own device or door, and name each door of many."""
        order = action.command
        if order is None:
            return []
        cause = track.causes[-1] if track.causes else Cause(what="", at_ms=0)
        if order.doors:
            patterns = ("*",) if "all" in order.doors else order.doors
            doors = [door for door in self.table.doors if like(door, patterns)]
            return [order.model_copy(update={"doors": (), "door": door}) for door in doors]
        device = order.device.replace("{device}", cause.device)
        door = order.door.replace("{door}", cause.door)
        return [order.model_copy(update={"device": device, "door": door})] if device or door else []

    def _outcome(self, kind: Kind, rule: Rule, subject: str, track: Track, at_ms: int, *, suppressed_by: str = "",
                 command: CommandOrder | None = None, team: str = "") -> Outcome:
        cause = track.causes[-1] if track.causes else None
        return Outcome(
            kind=kind, rule=rule.id, subject=subject, at_ms=at_ms, priority=rule.priority,
            message=words(rule, self.table, cause, Figures(track.value, track.limit, len(track.times))),
            value=track.value, limit=track.limit, why=tuple(track.causes), suppressed_by=suppressed_by,
            command=command, team=team,
        )

    def _suppressor(self, rule: Rule, track: Track) -> str:
        """Return the rule whose standing alarm implies this one; "" when none does."""
        wish = rule.suppress_when
        if wish is None or not self._active.get(wish.rule):
            return ""
        mine = _whose(track, wish.by)
        others = (self._tracks[wish.rule][subject] for subject in self._active[wish.rule])
        return wish.rule if any(_whose(other, wish.by) == mine for other in others) else ""

    def _suppress_others(self, rule: str, at_ms: int) -> list[Outcome]:
        """Mark or free, now that this rule's alarm came or went, the alarms it implies."""
        outcomes = []
        for other in self.rules.values():
            if other.suppress_when is None or other.suppress_when.rule != rule:
                continue
            for subject in sorted(self._active.get(other.id, ())):
                track = self._tracks[other.id][subject]
                by = self._suppressor(other, track)
                if bool(by) != track.suppressed:
                    track.suppressed = bool(by)
                    self.keep(other, subject, track)
                    kind = Kind.SUPPRESS if by else Kind.UNSUPPRESS
                    outcomes.append(self._outcome(kind, other, subject, track, at_ms, suppressed_by=by))
        return outcomes


def _alarms(rule: Rule) -> bool:
    return any(action.alarm for action in rule.actions)


def _whose(track: Track, by: Subject) -> str:
    """Return what two alarms must share for one to imply the other."""
    return str(getattr(track.causes[-1], by, "")) if track.causes else ""
