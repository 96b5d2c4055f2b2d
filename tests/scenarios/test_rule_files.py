"""Every rule of the example campus, with the timelines beside it."""

from pathlib import Path

import pytest

from contract.configuration import parse
from rules.calendar import Calendar, CalendarSettings
from rules.engine import RuleEngine
from rules.model import Rule, parse_rule
from rules.points import PointTable
from rules.testing import run_test

CONFIG = Path(__file__).parents[2] / "config"
FILES = sorted(path for path in (CONFIG / "rules").rglob("*.yaml") if not path.name.endswith(".test.yaml"))


@pytest.fixture(scope="module")
def rules() -> dict[str, Rule]:
    parsed = [parse_rule(path.read_text(encoding="utf-8"), str(path)) for path in FILES]
    return {rule.id: rule for rule in parsed}


@pytest.fixture(scope="module")
def calendar() -> Calendar:
    path = CONFIG / "calendar.yaml"
    return Calendar(parse(path.read_text(encoding="utf-8"), str(path), CalendarSettings))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_rule_and_its_timeline(path, rules, calendar):
    test = path.with_suffix(".test.yaml")
    assert test.exists(), f"{path.name} has no test beside it"
    assert f"{path.parent.name}/{path.stem}" in rules, "a rule's id is engine/name of its file"
    failures = run_test(test.read_text(encoding="utf-8"), str(test), rules, calendar)
    assert not failures, "\n".join(map(str, failures))


def test_all_rules_run_together(rules, calendar):
    assert RuleEngine(rules.values(), calendar, PointTable()).rules == tuple(rules.values())


def test_what_a_rule_suppresses_by_exists(rules):
    wished = {rule.suppress_when.rule for rule in rules.values() if rule.suppress_when}
    assert wished <= set(rules)


def test_a_wrong_expectation_is_found_with_its_line(rules, calendar):
    text = ("rule: access/door-forced\nsteps:\n"
            "  - {at: 0s, event: door.forced}\n  - {at: 5s, expect: none, says: window}\n")
    failures = run_test(text, "x.test.yaml", rules, calendar)
    assert [(failure.line, failure.what.split(": ")[1][:20]) for failure in failures] == [
        (4, "none expected, found"), (4, "a message with 'wind")]
