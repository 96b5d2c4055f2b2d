"""The example configuration describes the campus that was built."""

from pathlib import Path

import yaml

from contract.configuration import parse
from hub.site import Site
from simulator.site import CAMERAS, DOORS, SIGNS, UNITS

CONFIG = Path(__file__).parents[3] / "config"


def _gateway(name: str) -> dict[str, list[dict[str, object]]]:
    content: dict[str, list[dict[str, object]]] = yaml.safe_load((CONFIG / "gateways" / f"{name}.yaml").read_text())
    return content


def test_each_unit_stands_where_the_gateway_looks_for_it() -> None:
    configured = {}
    for gateway in ("gw-main", "gw-annex"):
        for device in _gateway(gateway)["devices"]:
            if isinstance(modbus := device.get("modbus"), dict):
                line = str(modbus.get("tcp") or modbus.get("serial")).strip("${}")
                configured[device["id"]] = (line, modbus["unit"], modbus["profile"])
    assert configured == {unit.id: (unit.line, unit.unit, unit.profile) for unit in UNITS if not unit.late}


def test_each_door_is_wired_as_it_was_built() -> None:
    main = _gateway("gw-main")
    devices = {device["id"]: device for device in main["devices"]}
    doors = {door["id"]: door for door in main["doors"]}
    assert list(doors) == [door.id for door in DOORS]
    for built in DOORS:
        door = doors[built.id]
        assert door.get("camera", "") == built.camera
        assert door.get("lane", False) == (built.line == "lane")
        if built.line.startswith("osdp"):
            reader = devices[f"reader-{built.id.removeprefix('door-')}"]["osdp"]
            assert isinstance(reader, dict)
            assert (reader["serial"], reader["address"]) == (f"${{{built.line}}}", built.address)
        else:
            assert door["strike"] == {"device": "io-doors", "point": f"strike_{built.address}"}
            assert door["contact"] == {"device": "io-doors", "point": f"contact_{built.address}"}


def test_cameras_and_signs_are_all_there() -> None:
    devices = _gateway("gw-main")["devices"]
    assert [device["id"] for device in devices if "camera" in device] == list(CAMERAS)
    assert [device["id"] for device in devices if "class_sign" in device] == list(SIGNS)


def test_every_place_and_zone_has_a_name_and_every_door_a_spot_on_the_plan() -> None:
    site = parse((CONFIG / "site.yaml").read_text(), "site.yaml", Site)
    assert set(site.doors) == {door.id for door in DOORS}
    assert set(site.cameras) == set(CAMERAS)
    zones = {zone.id for zone in site.zones}
    for gateway in ("gw-main", "gw-annex"):
        content = _gateway(gateway)
        for thing in (*content["devices"], *content.get("doors", [])):
            assert thing["zone"] in zones, thing["id"]
            assert all(part not in site.place_name(str(thing["place"])).zh
                       for part in str(thing["place"]).split("/")), thing["place"]
