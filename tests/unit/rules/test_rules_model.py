import pytest

from contract.configuration import ConfigurationMistakes
from rules.editing import EditRefused, edited, limits_with_bounds
from rules.expressions import ExpressionError, check, holds
from rules.model import RULE, Count, Happens, Level, limit_of, limits_of, parse_rule

HEAD = "id: energy/x\ntitle: {en: X, zh: 某}\npriority: 2\nmessage: {en: '{value}', zh: '{value}'}\n"
POINTS = "scope: {name: power_kw}\n"


def rule(body: str):
    return parse_rule(HEAD + body, "x.yaml")


def mistakes(body: str) -> str:
    with pytest.raises(ConfigurationMistakes) as caught:
        rule(body)
    return str(caught.value)


@pytest.mark.parametrize(("when", "kind"), [
    ("{above: 3}", Level),
    ("{event: door.forced}", Happens),
    ("{event: access.denied, count: 3, within: 60s}", Count),
])
def test_the_form_follows_from_its_word(when, kind):
    assert isinstance(rule(POINTS + f"when: {when}\n").when, kind)


@pytest.mark.parametrize(("body", "line", "what"), [
    (POINTS + "when: {above: 3, below: 1}\n", 6, "exactly one of above"),
    (POINTS + "when: {above: 3, clear: 4}\n", 6, "must not be higher"),
    (POINTS + "when: {below: 3, clear: 2}\n", 6, "must not be lower"),
    (POINTS + "when: {outside: [3, 4], hysteresis: 0.5}\n", 6, "wider than twice"),
    (POINTS + "when: {above: 3, mean_over: 5min, max_over: 5min}\n", 6, "at most one of"),
    (POINTS + "when: {above: 3, mean_over: 5}\n", 6, "a duration with its unit"),
    (POINTS + "when: {above: 3}\nfor: 10\n", 7, "a duration with its unit"),
    ("when: {above: 3}\n", 1, "needs scope.name"),
    (POINTS + "when: {event: door.smashed}\n", 6, "no such event; there are"),
    (POINTS + "when: {sequence: [door.opened], within: 5s}\n", 6, "needs a `not`"),
    (POINTS + "when: {cel: 'value >'}\n", 6, "not a CEL expression"),
    (POINTS + "when: {cel: 'valeu > 3.0'}\n", 6, "unknown names valeu"),
    (POINTS + "when: {event: {kind: gateway.clock, where: 'skew > 3.0'}}\n", 6, "unknown names skew"),
    (POINTS + "when: {above: 3}\nactions: [{command: {action: write, device: a}}]\n", 7, "write needs point and value"),
    (POINTS + "when: {above: 3}\nactions: [{command: {action: door_open, device: a}}]\n", 7, "door_open is for doors"),
    (POINTS + "when: {above: 3}\nactions: [{command: {action: still, device: a, door: b}}]\n", 7,
     "exactly one of device"),
    (POINTS + "when: {above: 3}\nactions: [{alarm: true, notify: gate}]\n", 7, "exactly one of alarm"),
    (POINTS + "when: {above: 3}\nunsuppressible: true\nsuppress_when: {rule: a}\n", 1, "cannot have suppress_when"),
    (POINTS + "when: {above: 3}\nedit: {below: {min: 1, max: 2, label: {en: a, zh: b}}}\n", 1, "it has above"),
    (POINTS + "when: {above: 3}\nengine: access\n", 1, "the id says energy"),
])
def test_mistakes(body, line, what):
    said = mistakes(body)
    assert f"x.yaml:{line}: " in said
    assert what in said


def test_a_message_names_only_what_there_is():
    text = HEAD.replace("'{value}', zh", "'{valeu}', zh") + POINTS + "when: {above: 3}\n"
    with pytest.raises(ConfigurationMistakes, match=r"x.yaml:4: message.*\{valeu\} is unknown"):
        parse_rule(text, "x.yaml")


def test_a_rule_survives_being_written_and_read():
    first = rule(POINTS + "when: {above: 3, mean_over: 15min}\nfor: 90s\n"
                 "calendar: {days: [mon, school_day], from: '07:00', to: '18:00'}\n")
    dumped = first.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert dumped["for"] == "90s"
    assert dumped["when"]["mean_over"] == "15min"
    assert dumped["calendar"]["from"] == "07:00"
    assert RULE.validate_python(dumped) == first


EDITABLE = POINTS + """when: {outside: [18, 26], hysteresis: 0.5}
for: 5min
edit:
  low: {min: 14, max: 30, step: 0.5, label: {en: low, zh: 低}}
  for: {min: 0, max: 3600, step: 60, unit: s, label: {en: for, zh: 持续}}
"""


def test_limits_by_name():
    under = rule(EDITABLE)
    assert limits_of(under) == ["low", "high", "hysteresis", "for"]
    assert [limit_of(under, name) for name in limits_of(under)] == [18, 26, 0.5, 300]
    assert [(name, now) for name, now, _ in limits_with_bounds(under)] == [("low", 18), ("for", 300)]


def test_editing_changes_only_what_is_open():
    after = edited(rule(EDITABLE), {"low": 19.5, "for": 120})
    assert after.when.outside == (19.5, 26)
    assert after.hold == 120_000
    with pytest.raises(EditRefused) as caught:
        edited(rule(EDITABLE), {"low": 13, "for": 90, "high": 27})
    assert {name: text.en for name, text in caught.value.problems.items()} == {
        "low": "must lie between 14 and 30", "for": "goes in steps of 60", "high": "this limit is not open for editing"}


def test_editing_refuses_what_contradicts_another_limit():
    with pytest.raises(EditRefused, match="wider than twice"):
        edited(rule(EDITABLE), {"low": 26})


def test_expressions():
    check("value > 3.0 && [1.0, 2.0].exists(x, x < value)", frozenset({"value"}))
    assert holds("value > 3.0", {"value": 4.0})
    assert not holds("value > 3.0", {"value": 2.0})
    assert not holds("data.speed > 3.0", {"data": {}}), "a missing field does not hold"
    assert not holds("value > 3.0", {"value": None})
    assert not holds("value", {"value": 1.0}), "only true is true"
    with pytest.raises(ExpressionError, match="unknown names x"):
        check("x > 3", frozenset({"value"}))
