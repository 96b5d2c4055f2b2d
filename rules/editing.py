"""Changing the limits that a rule opens for editing, within their bounds: the console's sliders.

The rule editor writes whole rules; it parses them with `model.parse_rule`.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from contract.messages import Text
from rules.model import Editable, Rule, limit_of
from rules.outcomes import number


class EditRefused(ValueError):
    """A change the rule does not allow; `problems` says why, by limit."""

    def __init__(self, problems: Mapping[str, Text]) -> None:
        self.problems = dict(problems)
        super().__init__("; ".join(f"{name}: {text.en}" for name, text in self.problems.items()))


def edited(rule: Rule, changes: Mapping[str, float]) -> Rule:
    """Return the rule with new limits (durations in seconds, `low` and `high` of a band).

    Raise `EditRefused` with every limit that is not open, out of bounds, or contradicts another.
    """
    problems = {name: problem for name, value in changes.items() if (problem := _problem(rule, name, value))}
    if problems:
        raise EditRefused(problems)
    content: dict[str, Any] = rule.model_dump(by_alias=True, exclude_none=True)
    for name, value in changes.items():
        _put(content, name, value)
    try:
        return Rule.model_validate(content)
    except ValidationError as error:
        what = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise EditRefused({name: Text(what, f"与其他限值矛盾：{what}") for name in changes}) from error


def limits_with_bounds(rule: Rule) -> list[tuple[str, float, Editable]]:
    """Return the limits open for editing: name, value now, bounds."""
    return [(name, limit_of(rule, name) or 0.0, bounds) for name, bounds in rule.edit.items()]


def _problem(rule: Rule, name: str, value: float) -> Text | None:
    bounds = rule.edit.get(name)
    if bounds is None:
        return Text("this limit is not open for editing", "此限值不可修改")
    if not bounds.min <= value <= bounds.max:
        low, high = number(bounds.min), number(bounds.max)
        return Text(f"must lie between {low} and {high} {bounds.unit}".rstrip(),
                    f"应在 {low} 到 {high} {bounds.unit}".rstrip() + "之间")
    steps = (value - bounds.min) / bounds.step
    if abs(steps - round(steps)) > 1e-6:
        return Text(f"goes in steps of {number(bounds.step)}", f"应为 {number(bounds.step)} 的步进")
    return None


def _put(content: dict[str, Any], name: str, value: float) -> None:
    when = content["when"]
    match name:
        case "for":
            content["for"] = f"{round(value * 1000)}ms"
        case "within" | "lasts":
            when[name] = f"{round(value * 1000)}ms"
        case "low" | "high":
            low, high = when["outside"]
            when["outside"] = (value, high) if name == "low" else (low, value)
        case "count":
            when[name] = round(value)
        case _:
            when[name] = value
