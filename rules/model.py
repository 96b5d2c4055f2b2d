"""What a rule is: YAML by hand or by a form, parsed with `contract.configuration.parse` into these models."""

import re
import string
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, TypeAdapter, field_validator, model_validator

from contract.configuration import Settings, parse
from contract.kinds import HUB_KINDS, KINDS
from contract.messages import Text
from rules import expressions
from rules.calendar import Condition
from rules.durations import Duration

PLACEHOLDERS: Final = frozenset({
    "value", "limit", "unit", "device", "door", "point", "zone", "place", "gateway", "reason", "text", "person",
    "count", "for",
})
"""What a message may hold in braces."""
Subject = Literal["point", "device", "door", "zone", "gateway", "person", "credential", "campus"]
Engine = Literal["access", "security", "energy"]
Team = Literal["gate", "security", "facilities"]
_RULE_ID: Final = re.compile(r"(access|security|energy)/[a-z0-9][a-z0-9_-]{0,62}\Z")


def _listed(value: object) -> object:
    return [value] if isinstance(value, str | int | float) else value


Patterns = Annotated[tuple[str, ...], BeforeValidator(_listed)]
"""One or several names; * and ? stand for any characters."""


class Scope(Settings):
    """Which points, devices, doors and places the rule is about. What is empty is not asked."""

    name: Patterns = ()
    """Names of points: power_kw, zone_*."""
    device: Patterns = ()
    door: Patterns = ()
    gateway: Patterns = ()
    zone: Patterns = ()
    place: Patterns = ()
    """building/floor/room; building-a/* is all of a building."""
    unit: Patterns = ()
    except_device: Patterns = ()


class EventPattern(Settings):
    """Which events: a kind and, if given, what their fields must be."""

    kind: str
    value: float | None = None
    reason: Patterns = ()
    where: str = ""
    """A CEL expression over the event's fields, for what the others cannot say."""

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        if kind not in KINDS and kind not in HUB_KINDS:
            raise ValueError(f"no such event; there are {', '.join([*KINDS, *HUB_KINDS])}")
        return kind

    @field_validator("where")
    @classmethod
    def _compiles(cls, where: str) -> str:
        expressions.check(where, expressions.EVENT_NAMES)
        return where


def _pattern(value: object) -> object:
    return {"kind": value} if isinstance(value, str) else value


Pattern = Annotated[EventPattern, BeforeValidator(_pattern)]
"""Written `door.forced` or {kind: access.denied, reason: [unknown_card]}."""
Aggregate = Literal["mean", "min", "max", "sum", "delta", "rate"]
_OVER: Final[dict[str, Aggregate]] = {
    "mean_over": "mean", "min_over": "min", "max_over": "max", "sum_over": "sum", "delta_over": "delta",
    "rate_over": "rate",
}


class Level(Settings):
    """A value, or an aggregate of it over a window, against a limit."""

    above: float | None = None
    below: float | None = None
    outside: tuple[float, float] | None = None
    equals: float | None = None
    clear: float | None = None
    """Where it clears again, for above and below; the limit itself when not given."""
    hysteresis: Annotated[float, Field(ge=0)] = 0.0
    """How far inside the limit it clears, instead of `clear`; for a band the only way."""
    mean_over: Duration | None = None
    """Mean weighted by time, as demand is billed."""
    min_over: Duration | None = None
    max_over: Duration | None = None
    sum_over: Duration | None = None
    delta_over: Duration | None = None
    """Last minus first: what a counter grew by."""
    rate_over: Duration | None = None
    """Change per hour."""

    @property
    def aggregate(self) -> tuple[Aggregate, int] | None:
        """Return what is computed over how many ms; None when the value itself is compared."""
        for field, name in _OVER.items():
            over: int | None = getattr(self, field)
            if over is not None:
                return name, over
        return None

    @model_validator(mode="after")
    def _one_of_each(self) -> "Level":
        limits = [self.above, self.below, self.outside, self.equals]
        if sum(limit is not None for limit in limits) != 1:
            raise ValueError("exactly one of above, below, outside, equals is wanted")
        if sum(getattr(self, field) is not None for field in _OVER) > 1:
            raise ValueError(f"at most one of {', '.join(_OVER)} is allowed")
        if any(getattr(self, field) == 0 for field in _OVER):
            raise ValueError("a window needs a length")
        self._check_clear()
        return self

    def _check_clear(self) -> None:
        if self.clear is not None and (self.hysteresis or (self.above is None and self.below is None)):
            raise ValueError("`clear` goes with above or below and without hysteresis")
        if self.clear is not None and self.above is not None and self.clear > self.above:
            raise ValueError("`clear` must not be higher than `above`")
        if self.clear is not None and self.below is not None and self.clear < self.below:
            raise ValueError("`clear` must not be lower than `below`")
        if self.outside is not None and self.outside[1] - self.outside[0] <= 2 * self.hysteresis:
            raise ValueError("the band [low, high] must be wider than twice the hysteresis")


class Happens(Settings):
    """An event; it lasts until another event of the same subject, or for a while."""

    event: Pattern
    until: Pattern | None = None
    lasts: Duration = 60_000
    """How long it counts as present when no `until` ends it."""
    by: Subject | None = None
    """What a case is kept for; by default the event's door, or device, or zone, or gateway."""


class Count(Settings):
    """So many events within a time."""

    event: Pattern
    count: Annotated[int, Field(ge=2, le=1_000)]
    within: Duration
    by: Subject | None = None


class Absent(Settings):
    """An event that should come again and again does not."""

    absent: Pattern
    within: Duration
    by: Subject | None = None


class Sequence(Settings):
    """Events one after the other within a time, with `not` none of that kind in between.

    With a single event and a `not` it is: this, and not that within the time.
    """

    sequence: Annotated[tuple[Pattern, ...], Field(min_length=1, max_length=8)]
    within: Duration
    unless: Annotated[Pattern | None, Field(alias="not")] = None
    lasts: Duration = 60_000
    by: Subject | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> "Sequence":
        if len(self.sequence) == 1 and self.unless is None:
            raise ValueError("a sequence of one event needs a `not`, or write `event:` instead")
        return self


class Expression(Settings):
    """A CEL expression over a point's reading: value, name, unit, device, zone, place, hour, weekday."""

    cel: str

    @field_validator("cel")
    @classmethod
    def _compiles(cls, cel: str) -> str:
        expressions.check(cel, expressions.READING_NAMES)
        return cel


def _form(value: object) -> str:
    """Tell a condition's form by the word only it has."""
    keys = value if isinstance(value, dict) else set(type(value).model_fields) if isinstance(value, Settings) else ()
    for word in ("count", "absent", "sequence", "cel", "event"):
        if word in keys:
            return word
    return "level"


When = Annotated[
    Annotated[Level, Tag("level")] | Annotated[Happens, Tag("event")] | Annotated[Count, Tag("count")]
    | Annotated[Absent, Tag("absent")] | Annotated[Sequence, Tag("sequence")] | Annotated[Expression, Tag("cel")],
    Discriminator(_form),
]


class CommandOrder(Settings):
    """A command to one device, to one door or to many doors."""

    action: Literal["write", "door_open", "door_unlock", "door_lock", "door_normal",
                    "door_release", "door_restore", "still", "show"]
    device: str = ""
    """"{device}" is the subject's own device."""
    door: str = ""
    """"{door}" is the subject's own door."""
    doors: Patterns = ()
    """Names of doors; "all" is every door."""
    point: str = ""
    value: float | None = None
    text: str = ""
    lasts: Duration = 0
    """An override that ends by itself; 0: it does not."""

    @model_validator(mode="after")
    def _complete(self) -> "CommandOrder":
        aimed = [bool(self.device), bool(self.door), bool(self.doors)]
        if sum(aimed) != 1:
            raise ValueError("exactly one of device, door, doors is wanted")
        if self.action.startswith("door_") == bool(self.device):
            raise ValueError(f"{self.action} is for {'doors' if self.device else 'devices'}")
        if self.action == "write" and (not self.point or self.value is None):
            raise ValueError("write needs point and value")
        return self


class Action(Settings):
    """One thing to do: exactly one of alarm, command, notify."""

    alarm: bool = False
    command: CommandOrder | None = None
    notify: Team | None = None
    at: Literal["raise", "clear"] = "raise"
    """Not called `on`, which YAML reads as true."""

    @model_validator(mode="after")
    def _one(self) -> "Action":
        if sum((self.alarm, self.command is not None, self.notify is not None)) != 1:
            raise ValueError("exactly one of alarm, command, notify is wanted")
        return self


class Editable(Settings):
    """A limit that people may change in the console, and how far."""

    min: float
    max: float
    step: Annotated[float, Field(gt=0)] = 1
    label: Text
    unit: str = ""


class SuppressWhen(Settings):
    """The alarm says nothing new while another rule's alarm stands that implies it."""

    rule: str
    by: Subject = "gateway"


LIMITS: Final = ("above", "below", "low", "high", "equals", "clear", "hysteresis", "count", "within", "for", "lasts")
"""Names of limits that `edit` may open: durations in seconds; low and high of a band."""


class Rule(Settings):
    """One rule."""

    id: str
    """engine/name."""
    title: Text
    engine: Engine | None = None
    """Follows from the id when not given."""
    priority: Literal[1, 2, 3, 4]
    """1 is the most urgent."""
    scope: Scope = Scope()
    when: When
    hold: Annotated[Duration, Field(alias="for")] = 0
    """How long the condition must hold before the rule raises."""
    calendar: Condition = "always"
    message: Text
    response: tuple[Text, ...] = ()
    """What to do, step by step."""
    call: Text | None = None
    """Role or name to call."""
    actions: tuple[Action, ...] = (Action(alarm=True),)
    edit: dict[str, Editable] = Field(default_factory=dict)
    suppress_when: SuppressWhen | None = None
    unsuppressible: bool = False
    """Fire and duress: can neither be shelved nor suppressed."""
    enabled: bool = True

    @field_validator("id")
    @classmethod
    def _named(cls, name: str) -> str:
        if not _RULE_ID.match(name):
            raise ValueError("engine/name is wanted, engine one of access, security, energy: access/door-forced")
        return name

    @field_validator("message")
    @classmethod
    def _known_placeholders(cls, message: Text) -> Text:
        for text in (message.en, message.zh):
            check_placeholders(text)
        return message

    @model_validator(mode="after")
    def _fits_together(self) -> "Rule":
        if self.engine not in (None, self.room):
            raise ValueError(f"the id says {self.room}, the engine {self.engine}")
        if isinstance(self.when, Level | Expression) and not self.scope.name:
            raise ValueError("a rule about values needs scope.name: which points it is about")
        if self.unsuppressible and self.suppress_when:
            raise ValueError("an unsuppressible rule cannot have suppress_when")
        for name in self.edit:
            if name not in LIMITS or limit_of(self, name) is None:
                raise ValueError(f"edit.{name}: the rule has no such limit; it has {', '.join(limits_of(self))}")
        return self

    @property
    def room(self) -> str:
        """The engine the rule belongs to: access, security or energy."""
        return self.id.partition("/")[0]


RULE: Final[TypeAdapter[Rule]] = TypeAdapter(Rule)


def parse_rule(text: str, file: str) -> Rule:
    """Return the rule in a file's text; raise `contract.configuration.ConfigurationMistakes` with all that is wrong."""
    return parse(text, file, RULE)


def check_placeholders(text: str) -> None:
    """Raise `ValueError` when a message names something in braces that messages do not know."""
    try:
        fields = [field for _, field, _, _ in string.Formatter().parse(text) if field is not None]
    except ValueError as error:
        raise ValueError(f"braces do not match in {text!r}") from error
    for field in fields:
        if field not in PLACEHOLDERS:
            raise ValueError(f"{{{field}}} is unknown; there are {', '.join(sorted(PLACEHOLDERS))}")


def limit_of(rule: Rule, name: str) -> float | None:
    """Return a limit by its name in `LIMITS` (durations in seconds); None when the rule has none of that name."""
    if name == "for":
        return rule.hold / 1000
    if name in ("low", "high"):
        band = rule.when.outside if isinstance(rule.when, Level) else None
        return band[name == "high"] if band else None
    value: Any = getattr(rule.when, name, None)
    if value is None:
        return None
    return value / 1000 if name in ("within", "lasts") else float(value)


def limits_of(rule: Rule) -> list[str]:
    """Return the names of the limits this rule has."""
    return [name for name in LIMITS if limit_of(rule, name) is not None]
