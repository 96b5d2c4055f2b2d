"""The hub's configuration (config/hub.yaml): parsed at the border, every mistake at once."""

import json
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, SecretStr

from contract.configuration import ConfigurationMistakes, Located, Mistake, Settings, parse
from hub.historians.influx_http import InfluxSettings
from hub.notify import NotifySettings
from hub.people import PeopleFile, PersonEntry, read_people
from hub.site import Site
from rules.calendar import Calendar, CalendarSettings, UnknownCondition
from rules.model import Rule, parse_rule

T = TypeVar("T")


class HttpSettings(Settings):
    """Where the console and the API are served."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8443
    """0: any free port."""


class BrokerSettings(Settings):
    """Which broker to use; without a host the embedded one."""

    host: str = ""
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    username: str = ""
    password: SecretStr = SecretStr("")
    gateway_username: str = ""
    """What approved gateways get, with a broker of one's own."""
    gateway_password: SecretStr = SecretStr("")


class HubSettings(Settings):
    """config/hub.yaml. Paths are relative to the file."""

    site: Path = Path("site.yaml")
    people: Path = Path("people.yaml")
    people_list: Path = Path("people.csv")
    calendar: Path = Path("calendar.yaml")
    rules: Path = Path("rules")
    http: HttpSettings = HttpSettings()
    broker: BrokerSettings = BrokerSettings()
    influx: InfluxSettings | None = None
    notify: NotifySettings = NotifySettings()
    policy_days: Annotated[int, Field(ge=1, le=30)] = 7
    """How long a gateway may decide by a policy without hearing from the hub."""
    journal_mb: Annotated[int, Field(ge=64)] = 4096
    """How much the journal keeps for a historian that is down."""


class Configuration:
    """Everything the hub is configured with."""

    def __init__(self, path: Path, *, influx: str = "") -> None:
        """Read all files; raise `ConfigurationMistakes` with the mistakes of all of them together."""
        mistakes: list[Mistake] = []
        values = dict(os.environ)

        def read(file: Path, kind: type[T]) -> T | None:
            return _attempt(lambda: parse(_text(file), str(file), kind, values), mistakes)

        hub = read(path, HubSettings) or HubSettings()
        folder = path.parent
        site = read(folder / hub.site, Site)
        people = read(folder / hub.people, PeopleFile)
        calendar = read(folder / hub.calendar, CalendarSettings)
        entries = _attempt(lambda: _people(folder / hub.people_list, site, people), mistakes)
        self.rules = _rules(folder / hub.rules, Calendar(calendar) if calendar else None, mistakes)
        to_influx = _attempt(lambda: _influx(influx), mistakes) if influx else hub.influx
        if mistakes or site is None or people is None or calendar is None or entries is None:
            raise ConfigurationMistakes(mistakes)
        self.hub = hub.model_copy(update={"influx": to_influx})
        self.site, self.people, self.calendar = site, people, Calendar(calendar)
        self.people_entries = entries
        """Who is imported into a hub that knows nobody yet."""


def _attempt(read: Callable[[], T], mistakes: list[Mistake]) -> T | None:
    """Read one file; None when it has mistakes, which go to the others."""
    try:
        return read()
    except ConfigurationMistakes as error:
        mistakes.extend(error.mistakes)
        return None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        what = error.strerror or str(error)
    except UnicodeDecodeError as error:
        what = f"is not UTF-8 (byte {error.start})"
    raise ConfigurationMistakes([Mistake(str(file), 0, "", "", f"cannot be read: {what}")])


def _people(file: Path, site: Site | None, people: PeopleFile | None) -> list[PersonEntry]:
    text = _text(file)
    return read_people(text, str(file), people, site.time_zone) if site and people else []


def _influx(url: str) -> InfluxSettings:
    return parse(json.dumps({"url": url}), "--influx", InfluxSettings)


def _rules(folder: Path, calendar: Calendar | None, mistakes: list[Mistake]) -> dict[str, tuple[Rule, str]]:
    """Return each rule with its text, by id."""
    if not folder.is_dir():
        mistakes.append(Mistake(str(folder), 0, "", "", "cannot be read: no such folder of rules"))
    rules: dict[str, tuple[Rule, str]] = {}
    for file in sorted(folder.glob("*/*.yaml")):
        if file.name.endswith(".test.yaml"):
            continue
        text = _attempt(partial(_text, file), mistakes)
        rule = _attempt(partial(_rule, text, file, calendar, rules), mistakes) if text is not None else None
        if text is not None and rule is not None:
            rules[rule.id] = (rule, text)
    return rules


def _rule(text: str, file: Path, calendar: Calendar | None, others: Mapping[str, object]) -> Rule:
    rule = parse_rule(text, str(file))
    located = Located(text, str(file))
    if rule.id in others:
        raise ConfigurationMistakes([located.mistake(("id",), rule.id, "is the id of another rule already")])
    try:
        if calendar:
            calendar.check(rule.calendar)
    except UnknownCondition as error:
        raise ConfigurationMistakes([located.mistake(("calendar",), rule.calendar, str(error))]) from error
    return rule
