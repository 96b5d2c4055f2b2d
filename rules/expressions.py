"""CEL, where a rule writes it. The library is optional at the edge, so it is imported when the first rule needs it."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Protocol

READING_NAMES: Final = frozenset({"value", "name", "unit", "device", "zone", "place", "hour", "weekday"})
EVENT_NAMES: Final = frozenset({
    "kind", "device", "door", "zone", "place", "gateway", "person", "reason", "value", "text", "data",
})
_BOUND: Final = re.compile(r"\.(?:all|exists|exists_one|map|filter)\(\s*(\w+)\s*,")
"""Names a comprehension binds itself."""


class Program(Protocol):
    """A compiled expression."""

    def execute(self, context: dict[str, object]) -> object: ...

    def variables(self) -> list[str]: ...


class ExpressionError(ValueError):
    """An expression that cannot be compiled or evaluated."""


@lru_cache(maxsize=1024)
def compiled(expression: str) -> Program:
    """Return the compiled expression; raise `ExpressionError` when it is none or CEL is not installed."""
    try:
        import cel  # noqa: PLC0415 - optional at the edge
    except ImportError as error:
        raise ExpressionError("expressions need the package common-expression-language") from error
    try:
        program: Program = cel.compile(expression)
    except ValueError as error:
        raise ExpressionError(f"not a CEL expression: {error}") from error
    return program


def check(expression: str, names: frozenset[str]) -> None:
    """Raise `ExpressionError` when the expression does not compile or uses a name it will not be given."""
    if not expression:
        return
    unknown = set(compiled(expression).variables()) - names - set(_BOUND.findall(expression))
    if unknown:
        raise ExpressionError(f"unknown names {', '.join(sorted(unknown))}; there are {', '.join(sorted(names))}")


def holds(expression: str, context: Mapping[str, object]) -> bool:
    """Evaluate; an expression that fails on these values (a missing field, another type) does not hold."""
    try:
        return compiled(expression).execute(dict(context)) is True
    except (RuntimeError, TypeError, ValueError, LookupError, ArithmeticError):
        return False
