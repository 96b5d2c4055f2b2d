"""The gateway's configuration: every mistake at once, with its line and what is allowed."""

from collections.abc import Iterator

import pytest
import structlog

from contract.configuration import ConfigurationMistakes
from edge_agent.config import load
from edge_agent.main import main

GOOD = """\
gateway: {id: gw-1, name: {en: G, zh: 网关}, site: school}
broker: {host: 127.0.0.1, port: "${port}"}
devices:
  - id: reader-1
    name: {en: R, zh: 读卡器}
    serial_card: {serial: /dev/ttyS0, kind: em4100}
  - id: meter-1
    name: {en: M, zh: 电表}
    every: 1s
    modbus: {tcp: "127.0.0.1:502", unit: 1, profile: campus-io}
doors:
  - id: door-1
    name: {en: D, zh: 门}
    readers: [reader-1]
    strike: {device: meter-1, point: strike_1}
"""


@pytest.fixture
def own_log() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def mistakes(text: str, **values: str) -> list[str]:
    with pytest.raises(ConfigurationMistakes) as caught:
        load(text, "gw.yaml", {"port": "1883", **values})
    return [str(mistake) for mistake in caught.value.mistakes]


def test_a_good_one_is_taken() -> None:
    settings = load(GOOD, "gw.yaml", {"port": "1883"})
    assert [device.family for device in settings.all_devices] == ["serial_card", "modbus"]
    assert settings.broker.port == 1883
    assert settings.doors[0].strike_time == 5000


@pytest.mark.parametrize(("old", "new", "line", "path", "says"), [
    ("kind: em4100", "kind: em41", 6, "devices[0].serial_card.kind", "'em4100'"),
    ("every: 1s", "every: 10", 9, "devices[1].every", "duration with its unit"),
    ("id: reader-1", "id: Reader 1", 4, "devices[0].id", "a-z"),
    ("id: meter-1", "id: reader-1", 7, "devices[1].id", "already the id of devices[0]"),
    ("readers: [reader-1]", "readers: [reader-9]", 14, "doors[0].readers[0]", "known: meter-1, reader-1"),
    ("device: meter-1", "device: meter-9", 15, "doors[0].strike.device", "known: meter-1, reader-1"),
    ("broker: {host: 127.0.0.1,", "broker: {hots: 127.0.0.1,", 2, "broker.hots", "unknown field"),
    ("    every: 1s\n", "    every: 1s\n    knx: {}\n", 10, "devices[1].knx", "unknown field"),
])
def test_a_mistake_names_its_line_and_what_is_allowed(old: str, new: str, line: int, path: str, says: str) -> None:
    told = mistakes(GOOD.replace(old, new, 1))
    assert any(text.startswith(f"gw.yaml:{line}: {path}") and says in text for text in told), told


def test_all_mistakes_are_told_at_once() -> None:
    told = mistakes(GOOD.replace("every: 1s", "every: 10").replace("kind: em4100", "kind: x"))
    assert len(told) == 2


def test_a_value_that_is_not_set_is_named() -> None:
    with pytest.raises(ConfigurationMistakes, match="port is set neither in the environment nor in the values file"):
        load(GOOD, "gw.yaml", {})


def test_a_secret_in_a_wrong_place_is_not_repeated() -> None:
    told = mistakes(GOOD.replace("kind: em4100}", "kind: em4100, password: hunter2}"))
    assert not any("hunter2" in text for text in told)


def test_the_process_prints_the_mistakes_and_ends_with_2(tmp_path, capsys, own_log) -> None:
    config = tmp_path / "gw.yaml"
    config.write_text(GOOD.replace("every: 1s", "every: 10").replace("${port}", "1883"))
    assert main(config, None, tmp_path / "data", None) == 2
    assert f"{config}:9: devices[1].every" in capsys.readouterr().err
    assert main(tmp_path / "absent.yaml", None, tmp_path / "data", None) == 2
