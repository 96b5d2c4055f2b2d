"""Places as people call them, and the plan."""

from pathlib import Path

import pytest

from contract.configuration import ConfigurationMistakes, parse
from contract.messages import Text
from hub.site import Site

TEXT = (Path(__file__).parents[3] / "config" / "site.yaml").read_text()
SITE = parse(TEXT, "site.yaml", Site)


@pytest.mark.parametrize(("place", "name"), [
    ("building-b/2f/b-lab", Text("Teaching building B / 2F / Chemistry lab", "B栋教学楼 / 二层 / 化学实验室")),
    ("building-a/2f", Text("Teaching building A / 2F", "A栋教学楼 / 二层")),
    ("building-a/9f/x", Text("Teaching building A / 9f / x", "A栋教学楼 / 9f / x")),
    ("dorm", Text("Dormitory", "学生宿舍")), ("", Text("", "")),
])
def test_a_place_is_named_in_both_languages(place: str, name: Text) -> None:
    assert SITE.place_name(place) == name


def test_zones_have_names() -> None:
    assert SITE.zone_name("plant") == Text("Plant and server room", "配电与网络机房")
    assert SITE.zone_name("gatehouse") == Text("Main gate", "校门")
    assert SITE.zone_name("moon") == Text("moon", "moon")


def test_the_plan_holds_every_place_within_its_size() -> None:
    plan = SITE.as_plan()
    assert {place.id for place in plan.places} == {building.id for building in SITE.buildings}
    assert {place.zone for place in plan.places if place.id == "gatehouse"} == {"gate"}
    for place in plan.places:
        assert place.x + place.width <= plan.width
        assert place.y + place.height <= plan.height


@pytest.mark.parametrize(("change", "path"), [
    (("zone: Asia/Shanghai", "zone: Asia/Shangri-La"), "site.zone"), (("width: 240", "width: 0"), "plan.width"),
    (("kind: area", "kind: lake"), "buildings[6].kind"),
    (("lane-1: {x: 116, y: 9}", "lane-1: {x: 116}"), "doors.lane-1.y"),
])
def test_a_mistake_names_its_path(change: tuple[str, str], path: str) -> None:
    with pytest.raises(ConfigurationMistakes) as error:
        parse(TEXT.replace(*change), "site.yaml", Site)
    assert path in [mistake.path for mistake in error.value.mistakes]
