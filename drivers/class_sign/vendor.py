"""What differs between vendors of class signs, as data: one YAML file a vendor in `vendors/`."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Final, Literal

from pydantic import Field

from contract.configuration import Settings, parse
from contract.messages import Text

_FOLDER: Final = files("drivers.class_sign").joinpath("vendors")
Filled = str | int | float | bool
Path = Annotated[str, Field(min_length=1)]
"""Where a value stands in a JSON reply: keys, parted by dots."""


class Auth(Settings):
    """How the password travels: HTTP Basic (`name` is the user), a header or a query parameter called `name`."""

    kind: Literal["basic", "header", "query"]
    name: str


class RequestTemplate(Settings):
    """One request; values may be "{text}", "{until_ms}", "{value}", "{on}" or "{on?word:other word}"."""

    method: Literal["GET", "POST", "PUT"]
    path: Annotated[str, Field(pattern="^/")]
    query: dict[str, str] = Field(default_factory=dict)
    json_: dict[str, str] = Field(default_factory=dict, alias="json")

    def filled(self, values: Mapping[str, Filled]) -> tuple[dict[str, str], dict[str, Filled]]:
        """Return (query, JSON body) with the values put in; a lone placeholder keeps its type in JSON."""
        query = {name: _as_text(_fill(template, values)) for name, template in self.query.items()}
        return query, {name: _fill(template, values) for name, template in self.json_.items()}


class Status(Settings):
    """How the sign tells how it is; `scale` turns its numbers into ours."""

    request: RequestTemplate
    device_id: Path
    model: Path | None = None
    points: dict[Literal["battery", "brightness", "screen_on"], Path]
    scale: dict[Literal["battery", "brightness"], float] = Field(default_factory=dict)
    shown: Path | None = None
    """The notice on the screen; without it the sign can't be asked what it shows."""


class Signature(Settings):
    """Pushes are signed: HMAC-SHA-256 of the body by the sign's password, as hex in this header."""

    header: str


class Push(Settings):
    """How pushed swipes look. `device`, `sequence` and `address` stand at each record or once at the batch."""

    records: Path
    device: Path
    card: Path
    card_as: Literal["hex", "hex reversed", "decimal"]
    time: Path
    time_as: str
    """A strptime format, or "ms" or "s" since 1970."""
    time_zone: Literal["UTC", "Asia/Shanghai"]
    """Of a time written as text. Platforms call a field UTC and mean Beijing: look at a push before you decide."""
    sequence: Path | None = None
    address: Path | None = None
    """Where the sign can be polled, if it says so."""
    signature: Signature | None = None
    """Without it whoever reaches the receiver can forge a swipe: give such signs a network of their own."""


class Vendor(Settings):
    """One vendor's mapping."""

    title: Text
    auth: Auth
    status: Status
    write: dict[Literal["brightness", "screen_on"], RequestTemplate] = Field(default_factory=dict)
    show: RequestTemplate | None = None
    push: Push | None = None


def names() -> list[str]:
    """Return the vendors there is a mapping for."""
    return sorted(file.name.removesuffix(".yaml") for file in _FOLDER.iterdir() if file.name.endswith(".yaml"))


@cache
def load(name: str) -> Vendor:
    """Read a vendor's mapping; raises `ConfigurationMistakes` when it is wrong."""
    file = _FOLDER.joinpath(f"{name}.yaml")
    return parse(file.read_text("utf-8"), file.name, Vendor)


def _fill(template: str, values: Mapping[str, Filled]) -> Filled:
    if not template.startswith("{") or not template.endswith("}"):
        return template
    name, choice, words = template[1:-1].partition("?")
    if not choice:
        return values[name]
    yes, _, no = words.partition(":")
    return yes if values[name] else no


def _as_text(value: Filled) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
