"""Read YAML into a typed model, listing every mistake at once: file, line, path, value and what is allowed.

Pure: callers bring the text. `${NAME}` in a value is replaced from `values` (environment, or a values file).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

Path = tuple[str | int, ...]
T = TypeVar("T")
_PLACEHOLDER: Final = re.compile(r"\$\{([A-Za-z0-9_.:-]+)\}")
_SECRET: Final = re.compile(r"password|secret|token|notify|key\Z", re.IGNORECASE)
_SHOWN: Final = 60
_constructor = yaml.constructor.SafeConstructor()


class Settings(BaseModel):
    """Base of every configuration model: an unknown field is a mistake, not a wish."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong with a configuration."""

    file: str
    line: int
    """From 1; 0 when the file as a whole is meant."""
    path: str
    value: str
    what: str
    """What is wrong and what is allowed."""

    def __str__(self) -> str:
        shown = f" (is {self.value})" if self.value else ""
        return f"{self.file}:{self.line}: {self.path or 'file'}{shown}: {self.what}"


class ConfigurationMistakes(Exception):
    """A configuration that cannot be run, with all its mistakes."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = list(mistakes)
        super().__init__("\n".join(map(str, self.mistakes)))


class Located:
    """A parsed YAML document that remembers on which line each value stands."""

    def __init__(self, text: str, file: str, values: Mapping[str, str] | None = None) -> None:
        self.file = file
        self.lines: dict[Path, int] = {(): 1}
        self.mistakes: list[Mistake] = []
        self._values = values or {}
        try:
            node = yaml.compose(text, Loader=yaml.CSafeLoader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = mark.line + 1 if mark else 1
            self.mistakes.append(Mistake(file, line, "", "", f"not YAML: {getattr(error, 'problem', error)}"))
            self.content: Any = None
        else:
            self.content = self._build(node, ()) if node else None

    def mistake(self, path: Path, value: object, what: str) -> Mistake:
        """Describe a mistake at this path, on the line of the nearest value that exists."""
        known = path
        while known not in self.lines:
            known = known[:-1]
        return Mistake(self.file, self.lines[known], dotted(path), _shown(path, value), what)

    def _build(self, node: yaml.Node, path: Path) -> Any:
        self.lines[path] = node.start_mark.line + 1
        match node:
            case yaml.MappingNode():
                content: dict[str, Any] = {}
                for key_node, value_node in node.value:
                    key = str(self._scalar(key_node, path))
                    if key in content:
                        line = key_node.start_mark.line + 1
                        self.mistakes.append(
                            Mistake(self.file, line, dotted((*path, key)), "", "stands twice; keep one of them"))
                    content[key] = self._build(value_node, (*path, key))
                return content
            case yaml.SequenceNode():
                return [self._build(item, (*path, index)) for index, item in enumerate(node.value)]
            case _:
                return self._scalar(node, path)

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        try:
            value = _constructor.construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            self.mistakes.append(self.mistake(path, node.value, f"not a value: {error}"))
            return None
        if isinstance(value, str) and "${" in value:
            value = _PLACEHOLDER.sub(lambda found: self._placeholder(found[1], path), value)
        return value

    def _placeholder(self, name: str, path: Path) -> str:
        if name not in self._values:
            self.mistakes.append(self.mistake(path, "${" + name + "}",
                                              f"{name} is set neither in the environment nor in the values file"))
        return self._values.get(name, "")


def parse(
    text: str, file: str, kind: type[T] | TypeAdapter[T], values: Mapping[str, str] | None = None, *,
    check: Callable[[T, Located], Iterable[Mistake]] | None = None,
) -> T:
    """Return the typed configuration; raise `ConfigurationMistakes` with every mistake in it.

    check: looks at what no single field can know (references, doubled names) once every field is well.
    """
    located = Located(text, file, values)
    if located.content is None and located.mistakes:
        raise ConfigurationMistakes(located.mistakes)
    adapter = kind if isinstance(kind, TypeAdapter) else TypeAdapter(kind)
    try:
        result = adapter.validate_python(located.content)
    except ValidationError as error:
        raise ConfigurationMistakes([*located.mistakes, *mistakes_of(error, located)]) from error
    mistakes = [*located.mistakes, *(check(result, located) if check else ())]
    if mistakes:
        raise ConfigurationMistakes(mistakes)
    return result


def mistakes_of(error: ValidationError, located: Located) -> list[Mistake]:
    """Turn pydantic's errors into mistakes with their lines."""
    found = []
    for entry in error.errors(include_url=False, include_context=True):
        path = _real_path(entry["loc"], located.content)
        what = entry["msg"].removeprefix("Value error, ")
        if entry["type"] == "extra_forbidden":
            what = "unknown field; check its spelling or remove it"
        elif entry["type"] == "missing":
            what = "is required"
        elif located.content is None:
            what = "is empty"
        value = "" if entry["type"] in ("missing", "extra_forbidden") or not path else entry["input"]
        found.append(located.mistake(path, value, what))
    return found


def dotted(path: Path) -> str:
    """Write a path as people do: devices[3].connection.unit."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _real_path(loc: Path, content: Any) -> Path:
    """Drop the names of union members that pydantic puts into a path: they are not in the file."""
    path: list[str | int] = []
    for position, step in enumerate(loc):
        match content:
            case dict() if step in content:
                content = content[step]
            case list() if isinstance(step, int) and step < len(content):
                content = content[step]
            case _ if position < len(loc) - 1:
                continue
            case _:
                pass
        path.append(step)
    return tuple(path)


def _shown(path: Path, value: object) -> str:
    if any(isinstance(step, str) and _SECRET.search(step) for step in path):
        return ""
    text = "" if isinstance(value, dict | list) or value == "" else repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
