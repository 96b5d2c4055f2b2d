"""Configuration: every mistake at once, each with file, line, path, value and what is allowed; secrets never shown."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field, SecretStr

from campushub.rule_tests import run as run_rule_tests
from contract.configuration import ConfigurationMistakes, Mistake, Settings, parse
from hub.settings import Configuration
from rules.model import RULE, parse_rule
from rules.sentence import sentence

ROOT = Path(__file__).parents[2]


class Reader(Settings):
    id: str
    kind: Literal["em4100", "qr"] = "qr"
    every: Annotated[int, Field(ge=1, le=60)] = 1


class Door(Settings):
    name: str
    readers: tuple[Reader | int, ...] = ()


class Plant(Settings):
    """A model with every shape a configuration has."""

    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 1
    password: SecretStr = SecretStr("")
    doors: tuple[Door, ...] = ()
    names: dict[str, int] = Field(default_factory=dict)


def mistakes(text: str, **values: str) -> list[Mistake]:
    with pytest.raises(ConfigurationMistakes) as caught:
        parse(text, "plant.yaml", Plant, values)
    return caught.value.mistakes


CASES = [
    ("host: a\nport: 0", 2, "port", "0", "greater than or equal to 1"),
    ("host: a\nport: many", 2, "port", "'many'", "valid integer"),
    ("port: 5", 1, "host", "", "is required"),
    ("host: a\n\nhots: b", 3, "hots", "", "unknown field"),
    ("host: a\nhost: b", 2, "host", "", "stands twice"),
    ("host: a\ndoors:\n  - {name: d, name: e}", 3, "doors[0].name", "", "stands twice"),
    ("host: ${NOWHERE}", 1, "host", "'${NOWHERE}'", "NOWHERE is set neither"),
    ("host: a\ndoors:\n  - name: d\n    readers:\n      - id: r\n        kind: wiegand", 6, "doors[0].readers[0].kind",
     "'wiegand'", "'em4100' or 'qr'"),
    ("host: a\ndoors:\n  - readers: []", 3, "doors[0].name", "", "is required"),
    ("host: a\nnames:\n  x: 1\n  y: z", 4, "names.y", "'z'", "valid integer"),
    ("host: a\ndoors: 5", 2, "doors", "5", "valid tuple"),
    ("host: [a", 2, "", "", "not YAML"),
    ("host: a\n\tport: 1", 2, "", "", "not YAML"),
    ("host: a\nport: !!int x", 2, "port", "'x'", "not a value"),
    ("", 1, "", "", "is empty"),
    ("- a", 1, "", "", "valid dictionary"),
]


@pytest.mark.parametrize(("text", "line", "path", "value", "what"), CASES, ids=[case[0][:30] for case in CASES])
def test_each_kind_of_mistake_is_named(text: str, line: int, path: str, value: str, what: str) -> None:
    found = [mistake for mistake in mistakes(text) if mistake.path == path]
    assert found, mistakes(text)
    assert (found[0].file, found[0].line, found[0].value) == ("plant.yaml", line, value)
    assert what in found[0].what


def test_all_mistakes_come_at_once() -> None:
    found = mistakes("port: 0\nport: 99999\nextra: 1\n"
                     "doors:\n  - name: 5\n    readers: [{id: r, every: 100}, {kind: x}]\n"
                     'names: {a: "${MISSING}"}')
    assert {mistake.path for mistake in found} >= {
        "port", "host", "extra", "doors[0].name", "doors[0].readers[0].every", "doors[0].readers[1].id", "names.a"}
    assert str(found[0]).startswith("plant.yaml:2: port")


@pytest.mark.parametrize("text", ["host: a\npassword: [hunter2]", "host: a\npassword: {x: hunter2}",
                                  "host: a\nport: 0\npassword: hunter2", "host: a\nnotify_token: hunter2"])
def test_a_secret_is_never_shown(text: str) -> None:
    assert "hunter2" not in "\n".join(map(str, mistakes(text)))


def test_placeholders_are_filled_from_the_values() -> None:
    plant = parse("host: ${HOST}.example\npassword: ${PW}", "f", Plant, {"HOST": "a", "PW": "x"})
    assert (plant.host, plant.password.get_secret_value()) == ("a.example", "x")


# The hub's files.


@pytest.fixture
def config(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    return tmp_path / "config"


def refused(config: Path, **options: str) -> list[Mistake]:
    with pytest.raises(ConfigurationMistakes) as caught:
        Configuration(config / "hub.yaml", **options)
    return caught.value.mistakes


def test_the_mistakes_of_all_files_are_listed_together(config: Path) -> None:
    def change(name: str, old: str, new: str) -> None:
        file = config / name
        content = file.read_text(encoding="utf-8")
        assert old in content
        file.write_text(content.replace(old, new, 1), encoding="utf-8")

    change("hub.yaml", "policy_days: 7", "policy_days: 700")
    change("site.yaml", "zone: Asia/Shanghai", "zone: Asia/Nowhere")
    change("rules/energy/demand.yaml", "priority: 2", "priority: 9")
    change("rules/access/door-held.yaml", "id: access/door-held", "id: access/door-forced")
    (config / "rules/security/broken.yaml").write_bytes(b"\xff\xfe")
    found = {(Path(mistake.file).name, mistake.path) for mistake in refused(config)}
    assert found >= {("hub.yaml", "policy_days"), ("site.yaml", "site.zone"), ("demand.yaml", "priority"),
                     ("broken.yaml", "")}
    assert {name for name, path in found if path == "id"} == {"door-held.yaml"}


def test_a_calendar_condition_that_is_not_there_is_named_with_its_line(config: Path) -> None:
    file = config / "rules/energy/room-temperature.yaml"
    lines = file.read_text(encoding="utf-8").replace("calendar: school_hours", "calendar: exam_weeks").splitlines()
    file.write_text("\n".join(lines), encoding="utf-8")
    (mistake,) = refused(config)
    assert (mistake.path, mistake.value) == ("calendar", "'exam_weeks'")
    assert mistake.line == lines.index("calendar: exam_weeks") + 1


def test_people_are_checked_with_the_rest(config: Path) -> None:
    people = (config / "people.csv").read_text(encoding="utf-8").splitlines()
    (config / "people.csv").write_text("\n".join([*people[:2], "nonsense", *people[2:]]), encoding="utf-8")
    assert {Path(mistake.file).name for mistake in refused(config)} == {"people.csv"}


@pytest.mark.parametrize("missing", ["site.yaml", "people.csv", "calendar.yaml", "rules", "hub.yaml"])
def test_a_missing_file_is_named(config: Path, missing: str) -> None:
    (shutil.rmtree if missing == "rules" else os.remove)(config / missing)
    named = [mistake for mistake in refused(config) if Path(mistake.file).name == missing]
    assert len(named) == 1
    assert "cannot be read" in named[0].what


def test_an_influx_address_that_is_none_is_named(config: Path) -> None:
    (mistake,) = refused(config, influx="not an address")
    assert mistake.file == "--influx"


def test_rule_tests_refuse_a_wrong_configuration(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_rule_tests(config) == 0
    (config / "rules/energy/demand.yaml").write_text("id: x", encoding="utf-8")
    assert run_rule_tests(config) == 2
    assert "demand.yaml:1" in capsys.readouterr().err


def test_a_failing_rule_test_fails(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = config / "rules/energy/demand.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("above: 400", "above: 900"), encoding="utf-8")
    assert run_rule_tests(config) == 1
    assert "demand.test.yaml:" in capsys.readouterr().err


@pytest.mark.parametrize("file", [file for file in sorted((ROOT / "config/rules").glob("*/*.yaml"))
                                  if not file.name.endswith(".test.yaml")], ids=lambda file: file.stem)
def test_every_rule_reads_as_a_sentence(file: Path) -> None:
    said = sentence(parse_rule(file.read_text(encoding="utf-8"), str(file)))
    assert said.en.startswith("When ")
    assert ", then " in said.en
    assert said.zh.startswith("当")
    assert not any(wrong in said.en + said.zh for wrong in ("  ", " ,", "None", "()", "{"))


BASE = {"id": "energy/x", "title": {"en": "x", "zh": "某"}, "priority": 2, "message": {"en": "x", "zh": "某"},
        "scope": {"name": "power_kw", "device": "meter"}}
SENTENCES = [
    ({"above": 5, "mean_over": "15min"}, {}, "When the 15min mean of power_kw (meter) is above 5, then",
     "的15分钟平均高于 5时"),
    ({"outside": [1, 2]}, {"for": "90s"}, "is outside 1 to 2 for 90s, then", "超出 1 至 2持续90秒时"),
    ({"equals": 1}, {"calendar": "after_hours"}, "is 1 outside working hours, then", "等于 1（非工作时段）时"),
    ({"event": "door.forced", "count": 3, "within": "10min"}, {}, "door forced happens 3 times within 10min",
     "10分钟内强行开门达3次"),
    ({"absent": "device.back", "within": "1h"}, {}, "no device back comes within 1h", "1小时内没有设备恢复"),
    ({"sequence": ["door.opened", "door.closed"], "within": "5s"}, {}, "door opened, then door closed within 5s",
     "依次"),
    ({"equals": 1}, {"actions": [{"command": {"doors": "all", "action": "door_release"}},
                                 {"command": {"doors": "all", "action": "door_restore"}, "at": "clear"}]},
     "then release all doors, end the release of all doors once it is over.", "释放所有门，恢复后解除所有门的释放。"),
    ({"equals": 1},
     {"actions": [{"command": {"device": "{device}", "action": "write", "point": "setpoint", "value": 22}}]},
     "then set setpoint of the device to 22.", "将该设备的setpoint设为22。"),
    ({"cel": "value > 5.0"}, {}, "meets value > 5.0", "满足 value > 5.0"),
]


@pytest.mark.parametrize(("when", "more", "en", "zh"), SENTENCES, ids=[case[2][:30] for case in SENTENCES])
def test_conditions_in_words(when: dict[str, object], more: dict[str, object], en: str, zh: str) -> None:
    said = sentence(RULE.validate_python({**BASE, "when": when, **more}))
    assert en in said.en
    assert zh in said.zh


# The command line.


def hub(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "campushub", "hub", *arguments], cwd=ROOT, capture_output=True,
                          text=True, timeout=60, check=False)


def test_the_hub_lists_what_is_wrong_and_exits_with_2(config: Path, tmp_path: Path) -> None:
    (config / "hub.yaml").write_text("policy_days: 0\nbroker: {passwort: hunter2, port: 70000}\n", encoding="utf-8")
    done = hub("--config", str(config / "hub.yaml"), "--data", str(tmp_path / "data"))
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert f"{config / 'hub.yaml'}:1: policy_days (is 0): Input should be greater than or equal to 1" in lines
    assert any(":2: broker.passwort: unknown field" in line for line in lines)
    assert any(":2: broker.port (is 70000)" in line for line in lines)
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_in_use_is_told_and_exits_with_2(taken_port: int, tmp_path: Path) -> None:
    done = hub("--port", str(taken_port), "--data", str(tmp_path / "data"))
    assert done.returncode == 2
    assert f"http.port: 127.0.0.1:{taken_port} cannot be used (Address already in use)" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr
