from datetime import date
from pathlib import Path

import pytest

from contract.configuration import parse
from rules.calendar import Calendar, CalendarSettings

CALENDAR = Path(__file__).parents[3] / "config" / "calendar.yaml"


@pytest.fixture(scope="session")
def calendar() -> Calendar:
    return Calendar(parse(CALENDAR.read_text(encoding="utf-8"), str(CALENDAR), CalendarSettings))


@pytest.fixture(scope="session")
def ten(calendar) -> int:
    """A Tuesday in term at ten, UTC ms."""
    return calendar.at(date(2026, 11, 24), 600)
