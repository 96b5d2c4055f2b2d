"""Configuration: what is accepted, and what good mistakes say."""

import pytest

from contract.configuration import ConfigurationMistakes, parse
from drivers.modbus.settings import (
    ModbusDiscovery,
    ModbusSettings,
    host_and_port,
    known_profiles,
    load_profile,
    unit_numbers,
)

POINT = "{name: a, kind: holding, address: 0}"


def read(text: str) -> ModbusSettings:
    return parse(text, "gw.yaml", ModbusSettings)


@pytest.mark.parametrize(("text", "words"), [
    (f"{{tcp: 'h:502', serial: /dev/x, points: [{POINT}]}}", "exactly one of tcp and serial"),
    (f"{{points: [{POINT}]}}", "exactly one of tcp and serial"),
    ("{tcp: 'h:502'}", "exactly one of profile and points"),
    (f"{{tcp: 'h:502', profile: campus-ahu, points: [{POINT}]}}", "exactly one of profile and points"),
    ("{tcp: 'h:502', profile: campus-aho}", "known are campus-ahu, campus-fire"),
    (f"{{tcp: h, points: [{POINT}]}}", "host:port"),
    (f"{{tcp: 'h:99999', points: [{POINT}]}}", "host:port"),
    (f"{{tcp: 'h:502', timeout: soon, points: [{POINT}]}}", '"500ms" or "2s"'),
    (f"{{tcp: 'h:502', unit: 248, points: [{POINT}]}}", "less than or equal to 247"),
    (f"{{tcp: 'h:502', points: [{POINT}, {POINT}]}}", "two points are called a"),
    ("{tcp: 'h:502', points: [{name: a, kind: input, address: 0, writable: true}]}", "can only be read"),
    ("{tcp: 'h:502', points: [{name: a, kind: input, address: 65536}]}", "less than or equal to 65535"),
    ("{tcp: 'h:502', points: [{name: a, kind: input, address: 65533, type: float64}]}", "behind the last address"),
    ("{tcp: 'h:502', points: [{name: a, kind: coil, address: 1, type: uint16}]}", "is of type bool"),
    ("{tcp: 'h:502', points: [{name: a, kind: input, address: 1, type: bit}]}", "belong together"),
    ("{tcp: 'h:502', points: [{name: a, kind: input, address: 1, bit: 3}]}", "belong together"),
    ("{tcp: 'h:502', points: [{name: a, kind: input, address: 1, scale: 0}]}", "scale 0"),
    ("{tcp: 'h:502', points: [{name: a, kind: input, address: 1, minimum: 3, maximum: 1}]}", "not below"),
    ("{tcp: 'h:502', points: [{name: a, kind: coil, address: 1, scale: 2}]}", "no scale"),
])
def test_a_mistake_says_what_is_allowed(text: str, words: str) -> None:
    with pytest.raises(ConfigurationMistakes) as caught:
        read(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(("written", "seconds"), [("500ms", 0.5), ("2s", 2.0), ("0.25", 0.25), ("1.5 s", 1.5)])
def test_times(written: str, seconds: float) -> None:
    assert read(f"{{tcp: 'h:502', timeout: {written}, profile: campus-ahu}}").timeout == seconds


def test_defaults_follow_the_kind() -> None:
    points, largest, gap = read("{serial: /dev/x, points: [{name: a, kind: coil, address: 1}, "
                                "{name: b, kind: input, address: 1}]}").model()
    assert [point.type for point in points] == ["bool", "uint16"]
    assert (largest, gap) == (125, 10)


@pytest.mark.parametrize("name", known_profiles())
def test_every_profile_is_sound_and_speaks_both_languages(name: str) -> None:
    profile = load_profile(name)
    assert profile.profile == name
    assert profile.source
    assert all(point.label and point.label.en and point.label.zh for point in profile.points)


def test_a_devices_settings_go_before_its_profiles() -> None:
    assert read("{tcp: 'h:502', profile: eastron-sdm630}").model()[1] == 60
    assert read("{tcp: 'h:502', profile: eastron-sdm630, largest_read: 40, gap: 0}").model()[1:] == (40, 0)


def test_the_four_meters_have_the_same_points() -> None:
    meters = [load_profile(f"campus-meter-{order}") for order in ("abcd", "cdab", "badc", "dcba")]
    assert len({tuple(point.name for point in meter.points) for meter in meters}) == 1
    for meter in meters:
        assert {point.order for point in meter.points if point.width > 1} == {meter.profile[-4:].upper()}


@pytest.mark.parametrize(("text", "numbers"), [("3", [3]), ("1-4", [1, 2, 3, 4]), ("5-6, 1,5", [1, 5, 6])])
def test_unit_numbers(text: str, numbers: list[int]) -> None:
    assert unit_numbers(text) == numbers


@pytest.mark.parametrize("text", ["", "0-3", "4-1", "1-300", "a", "1-", "1,,2"])
def test_wrong_unit_numbers(text: str) -> None:
    with pytest.raises(ConfigurationMistakes, match="units"):
        parse(f"{{units: '{text}'}}", "gw.yaml", ModbusDiscovery)


@pytest.mark.parametrize(("text", "parts"), [("a.b:502", ("a.b", 502)), ("[::1]:1502", ("::1", 1502))])
def test_addresses(text: str, parts: tuple[str, int]) -> None:
    assert host_and_port(text) == parts
