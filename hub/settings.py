"""The hub's configuration (config/hub.yaml): parsed at the border, every mistake at once."""

import os
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, SecretStr

from contract.configuration import ConfigurationMistakes, Mistake, Settings, parse
from hub.historians.influx_http import InfluxSettings
from hub.notify import NotifySettings
from hub.people import PeopleFile
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
            try:
                return parse(file.read_text(encoding="utf-8"), str(file), kind, values)
            except OSError as error:
                mistakes.append(Mistake(str(file), 0, "", "", f"cannot be read: {error.strerror}"))
            except ConfigurationMistakes as error:
                mistakes.extend(error.mistakes)
            return None

        hub = read(path, HubSettings) or HubSettings()
        folder = path.parent
        site = read(folder / hub.site, Site)
        people = read(folder / hub.people, PeopleFile)
        calendar = read(folder / hub.calendar, CalendarSettings)
        self.rules = _rules(folder / hub.rules, Calendar(calendar) if calendar else None, mistakes)
        if mistakes or site is None or people is None or calendar is None:
            raise ConfigurationMistakes(mistakes)
        self.hub = hub.model_copy(update={"influx": InfluxSettings.model_validate({"url": influx})}) if influx else hub
        self.site, self.people, self.calendar = site, people, Calendar(calendar)
        self.people_list = folder / hub.people_list


def _rules(folder: Path, calendar: Calendar | None, mistakes: list[Mistake]) -> dict[str, tuple[Rule, str]]:
    """Return each rule with its text, by id."""
    rules: dict[str, tuple[Rule, str]] = {}
    for file in sorted(folder.glob("*/*.yaml")):
        if file.name.endswith(".test.yaml"):
            continue
        text = file.read_text(encoding="utf-8")
        try:
            rule = parse_rule(text, str(file))
            if calendar:
                calendar.check(rule.calendar)
        except ConfigurationMistakes as error:
            mistakes.extend(error.mistakes)
        except UnknownCondition as error:
            mistakes.append(Mistake(str(file), 0, "calendar", "", str(error)))
        else:
            if rule.id in rules:
                mistakes.append(Mistake(str(file), 1, "id", rule.id, "is the id of another rule already"))
            rules[rule.id] = (rule, text)
    return rules
