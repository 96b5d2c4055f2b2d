"""Who may do what: every route with every role. A route that is missing here fails."""

from typing import Any

import pytest
from fastapi import FastAPI

from hub.api.app import openapi
from hub.auth import ROLES

ALL = set(ROLES)
OPERATORS = {"security", "gate", "facilities", "admin"}
GATE = {"security", "gate", "admin"}
ENERGY = {"facilities", "security", "admin"}
TECHNICIANS = {"installer", "facilities", "admin"}
INSTALLERS = {"installer", "admin"}
SECURITY = {"security", "admin"}
ADMIN = {"admin"}

MAY: dict[str, set[str]] = {
    "sign_out": ALL, "get_me": ALL, "choose_language": ALL, "change_password": ALL, "get_status": ALL,
    "get_totals": ALL,
    "get_plan": ALL, "search_everything": ALL, "get_command": ALL, "list_alarms": ALL, "get_alarm": ALL,
    "acknowledge_alarm": OPERATORS, "shelve_alarm": OPERATORS, "unshelve_alarm": OPERATORS,
    "comment_alarm": OPERATORS, "list_doors": GATE, "act_on_door": GATE, "list_passages": GATE,
    "list_cameras": GATE, "take_still": GATE, "get_evidence": GATE, "list_devices": TECHNICIANS,
    "get_device": TECHNICIANS, "decide_device": INSTALLERS, "write_point": {"facilities", "admin"},
    "list_gateways": INSTALLERS, "decide_gateway": INSTALLERS, "create_token": INSTALLERS, "get_history": ALL,
    "get_energy": ENERGY, "list_rules": ENERGY, "get_rule": ENERGY, "save_rule": {"facilities", "admin"},
    "try_rule": ENERGY, "list_rule_versions": ENERGY, "list_people": SECURITY, "create_person": ADMIN,
    "get_person": SECURITY, "edit_person": SECURITY, "get_photo": GATE, "add_card": ADMIN, "block_card": SECURITY,
    "add_grant": ADMIN, "remove_grant": ADMIN, "list_schedules": SECURITY,
    "list_events": {"security", "installer", "admin"}, "list_quarantine": INSTALLERS, "list_audit": ADMIN,
    "check_audit": ADMIN, "list_users": ADMIN, "create_user": ADMIN, "edit_user": ADMIN, "open_stream": ALL,
    "choose_points": ALL,
}
OPEN_TO_NOBODY_SIGNED_IN = {"sign_in"}
BODIES: dict[str, dict[str, Any]] = {
    "choose_language": {"language": "en"}, "change_password": {"old": "a", "new": "b" * 12},
    "acknowledge_alarm": {"note": ""}, "shelve_alarm": {"minutes": 5, "reason": "r"}, "comment_alarm": {"note": "n"},
    "act_on_door": {"action": "open", "reason": "r"}, "take_still": {}, "decide_device": {"approve": True},
    "write_point": {"point": "setpoint", "value": 21, "reason": "r"}, "decide_gateway": {"approve": True},
    "save_rule": {"version": 1, "reason": "r"}, "try_rule": {}, "edit_person": {"blocked": True, "reason": "r"},
    "create_person": {"id": "new-1", "name": "n", "kind": "staff", "group": "staff"},
    "add_card": {"number": "ABCD1234"}, "block_card": {"blocked": True, "reason": "r"},
    "add_grant": {"doors": "all", "schedule": "always"},
    "create_user": {"username": "new", "name": "n", "roles": ["gate"]}, "edit_user": {"name": "other"},
    "choose_points": {"points": [1]},
}
PARAMETERS = {
    "alarm": "1", "door": "door-a101", "camera": "cam-a", "evidence": "1", "device": "ahu-a1", "gateway": "gw-main",
    "point": "1", "rule": "energy/demand", "person": "t-01", "card": "1", "grant": "1", "username": "gate",
    "stream": "s", "command": "c",
}
QUERIES = {"search_everything": {"q": "a"}, "get_history": {"from_ms": "0", "to_ms": "1000"}}


def operations() -> list[tuple[str, str, str]]:
    return [(operation["operationId"], method.upper(), path)
            for path, methods in openapi()["paths"].items() for method, operation in methods.items()]


def test_every_route_is_decided_here() -> None:
    assert {name for name, _, _ in operations()} == set(MAY) | OPEN_TO_NOBODY_SIGNED_IN


async def test_every_route_with_every_role(app: FastAPI, session_of: Any) -> None:
    wrong = []
    for role in ROLES:
        browser = await session_of(role)
        for name, method, path in operations():
            if name in OPEN_TO_NOBODY_SIGNED_IN | {"sign_out", "open_stream"}:
                continue  # the last two: tests of their own
            answer = await browser.client.request(
                method, path.format(**PARAMETERS), json=BODIES.get(name), params=QUERIES.get(name))
            may = answer.status_code not in (401, 403)
            if may != (role in MAY[name]) or answer.status_code >= 500:
                wrong.append((role, name, answer.status_code, answer.text))
            if name == "edit_user":  # its sessions are untouched by a new name, so that gate goes on
                assert answer.status_code in (200, 403)
    assert wrong == []


async def test_nothing_answers_without_a_session(browser: Any) -> None:
    for name, method, path in operations():
        if name not in OPEN_TO_NOBODY_SIGNED_IN:
            answer = await browser.client.request(
                method, path.format(**PARAMETERS), json=BODIES.get(name), params=QUERIES.get(name))
            assert (name, answer.status_code, answer.json()["code"]) == (name, 401, "signed_out")


@pytest.mark.parametrize("header", [None, "", "wrong"])
async def test_no_change_without_its_csrf_header(session_of: Any, header: str | None) -> None:
    browser = await session_of("admin")
    del browser.client.headers["X-CSRF"]
    headers = {} if header is None else {"X-CSRF": header}
    for name, method, path in operations():
        if method != "GET" and name not in OPEN_TO_NOBODY_SIGNED_IN:
            answer = await browser.client.request(
                method, path.format(**PARAMETERS), json=BODIES.get(name), headers=headers)
            assert (name, answer.status_code, answer.json()["code"]) == (name, 403, "csrf")


async def test_a_change_sent_by_another_site_is_refused(session_of: Any) -> None:
    browser = await session_of("admin")
    answer = await browser.client.post("/api/alarms/1/acknowledge", json={}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


async def test_the_gate_desk_opens_a_door_but_does_not_unlock_it(core: Any, session_of: Any) -> None:
    gate, security = await session_of("gate"), await session_of("security")
    for action in ("unlock", "lock", "normal"):
        body = {"action": action, "reason": "delivery", "minutes": 10}
        assert (await gate.client.post("/api/doors/door-a101/act", json=body)).status_code == 403
    assert core.commands == []
    answer = await security.client.post(
        "/api/doors/door-a101/act", json={"action": "unlock", "reason": "delivery", "minutes": 10})
    assert answer.status_code == 200
    assert core.commands[0]["action"] == "door_unlock"
    assert core.commands[0]["until_ms"] == core.now_ms() + 600_000


async def test_facilities_tune_energy_rules_and_security_the_others(session_of: Any) -> None:
    facilities, security = await session_of("facilities"), await session_of("security")
    body = {"version": 1, "reason": "r"}
    assert (await facilities.client.put("/api/rules/energy/demand", json=body)).status_code == 200
    assert (await facilities.client.put("/api/rules/access/door-forced", json=body)).status_code == 403
    assert (await security.client.put("/api/rules/access/door-forced", json=body)).status_code == 200
    assert (await security.client.put("/api/rules/energy/demand", json=body)).status_code == 403
