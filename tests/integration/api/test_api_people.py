"""People, cards, grants, passages, search and records through the API."""

from typing import Any

import pytest
from sqlalchemy import insert, select

from contract.sealing import credential_hash
from hub.audit import verify
from hub.tables import audit, cards, events, evidence

from .conftest import CARD_KEY, NOW_MS


def event(number: int, **fields: Any) -> dict[str, Any]:
    return {"gateway": "gw-main", "epoch": "e", "seq": number, "position": 0, "at_ms": NOW_MS + number,
            "received_ms": NOW_MS, **fields}


async def store_events(core: Any, *rows: dict[str, Any]) -> None:
    def work(connection: Any) -> None:
        for row in rows:
            connection.execute(insert(events).values(**row))

    await core.commit.change(work)


async def test_a_card_is_kept_only_as_a_keyed_hash(core: Any, session_of: Any) -> None:
    admin = await session_of("admin")
    answer = await admin.client.post("/api/people/t-01/cards", json={"number": "00 11:22-33 aa"})
    assert answer.status_code == 201
    assert [card["tail"] for card in answer.json()["cards"]] == ["461E", "33AA"]
    with core.store.read() as connection:
        stored = connection.execute(select(cards).where(cards.c.tail == "33AA")).one()
        everything = str(connection.execute(select(cards)).all()) + str(connection.execute(select(audit)).all())
    assert stored.credential == credential_hash(CARD_KEY, "card:112233AA")
    assert "112233AA" not in everything
    assert core.published == 1
    again = await admin.client.post("/api/people/t-02/cards", json={"number": "112233AA"})
    assert (again.status_code, again.json()["code"]) == (409, "exists")
    wrong = await admin.client.post("/api/people/t-02/cards", json={"number": "no hex"})
    assert (wrong.status_code, wrong.json()["fields"][0]["path"]) == (422, "number")
    assert core.published == 1


async def test_security_blocks_people_and_cards_but_changes_nothing_else(core: Any, session_of: Any) -> None:
    security = await session_of("security")
    blocked = await security.client.put("/api/people/t-01", json={"blocked": True, "reason": "lost"})
    assert blocked.json()["blocked"] is True
    card = blocked.json()["cards"][0]["id"]
    answer = await security.client.put(f"/api/cards/{card}", json={"blocked": True, "reason": "lost"})
    assert answer.json()["cards"][0] == {**blocked.json()["cards"][0], "blocked": True, "reason": "lost"}
    for change in ({"group": "staff"}, {"valid_until_ms": None}):
        refused = await security.client.put("/api/people/t-01", json={**change, "reason": "r"})
        assert refused.status_code == 403
    assert core.published == 2


async def test_grants_are_given_shown_and_taken_back(session_of: Any) -> None:
    admin = await session_of("admin")
    body = {"doors": "door-a101", "schedule": "always"}
    person = (await admin.client.post("/api/people/t-01/grants", json=body)).json()
    assert [(grant["doors"], grant["schedule"]) for grant in person["grants"]] == [("door-a101", "always")]
    assert {grant["doors"] for grant in person["inherited"]} >= {"zone:gate", "zone:lab"}
    for wrong, path in (
        ({"doors": "door-x", "schedule": "always"}, "doors"), ({"doors": "all", "schedule": "?"}, "schedule"),
    ):
        answer = await admin.client.post("/api/people/t-01/grants", json=wrong)
        assert (answer.status_code, answer.json()["fields"][0]["path"]) == (422, path)
    assert (await admin.client.delete(f"/api/grants/{person['inherited'][0]['id']}")).status_code == 404
    after = await admin.client.delete(f"/api/grants/{person['grants'][0]['id']}")
    assert after.json()["grants"] == []


async def test_people_are_found_by_name_latin_name_id_and_card(session_of: Any) -> None:
    security = await session_of("security")
    for q, person in (("曹伟", "t-01"), ("cao wei", "t-01"), ("t-01", "t-01"), ("461E", "t-01")):
        page = (await security.client.get("/api/people", params={"q": q})).json()
        assert person in [found["id"] for found in page["people"]], q
    page = (await security.client.get("/api/people", params={"group": "guards", "limit": 3})).json()
    assert (page["total"], len(page["people"])) == (8, 3)
    nothing = (await security.client.get("/api/people", params={"q": "100%_"})).json()
    assert nothing["total"] == 0


async def test_passages_say_who_why_and_what_to_do(core: Any, session_of: Any) -> None:
    key = credential_hash(CARD_KEY, "card:FFFF")
    with core.store.read() as connection:
        held = connection.execute(select(cards).where(cards.c.person == "t-01")).one()
    await store_events(
        core,
        event(1, kind="access.granted", door="lane-1", person="t-01", credential=held.credential, reason="granted"),
        event(2, kind="access.denied", door="door-a101", credential=key, reason="unknown_card"),
        event(3, kind="door.opened", door="lane-1", reason="grant"),
        event(4, kind="access.denied", door="lane-1", person="t-01", reason="a_reason_of_tomorrow"))
    gate = await session_of("gate")
    new, denied, granted = (await gate.client.get("/api/passages")).json()
    assert (granted["granted"], granted["name"], granted["initials"], granted["lane"]) == (True, "曹伟", "曹伟", True)
    assert granted["credential_tail"] == "461E"
    assert (denied["granted"], denied["reason_text"]["zh"]) == (False, "未登记的卡")
    assert denied["next_step"]["en"]
    assert new["reason_text"]["en"] == "a reason of tomorrow"
    for query, expected in (({"lane": "true"}, [4, 1]), ({"lane": "false"}, [2]), ({"door": "door-a101"}, [2]),
                            ({"person": "t-01"}, [4, 1]), ({"limit": "1"}, [4])):
        found = (await gate.client.get("/api/passages", params=query)).json()
        assert [passage["at_ms"] - NOW_MS for passage in found] == expected, query


async def test_a_picture_comes_as_jpeg_and_a_missing_photo_as_404(core: Any, session_of: Any) -> None:
    await core.commit.change(lambda connection: connection.execute(
        insert(evidence).values(at_ms=1, device="cam-a", jpeg=b"\xff\xd8pic")) and None)
    gate = await session_of("gate")
    answer = await gate.client.get("/api/evidence/1")
    assert (answer.headers["content-type"], answer.content) == ("image/jpeg", b"\xff\xd8pic")
    assert (await gate.client.get("/api/evidence/2")).json()["code"] == "not_found"
    assert (await gate.client.get("/api/people/t-01/photo")).status_code == 404


@pytest.mark.parametrize(("role", "q", "kinds"), [
    ("admin", "a101", {"door", "alarm"}), ("security", "曹", {"person"}), ("gate", "曹", set()),
    ("installer", "空调", {"device"}), ("facilities", "demand", {"rule"}), ("gate", "demand", set()),
    ("installer", "gw-main", {"gateway"}),
])
async def test_the_search_finds_what_the_role_may_see(session_of: Any, role: str, q: str, kinds: set[str]) -> None:
    browser = await session_of(role)
    found = (await browser.client.get("/api/search", params={"q": q})).json()
    assert {item["kind"] for item in found} == kinds


async def test_events_page_backwards_and_by_family(core: Any, session_of: Any) -> None:
    await store_events(core, *(event(n, kind="camera.motion" if n % 2 else "device.lost") for n in range(1, 8)))
    security = await session_of("security")
    first = (await security.client.get("/api/events", params={"limit": 3})).json()
    then = (await security.client.get("/api/events", params={"limit": 3, "before": first[-1]["id"]})).json()
    assert [line["at_ms"] - NOW_MS for line in first + then] == [7, 6, 5, 4, 3, 2]
    cameras = (await security.client.get("/api/events", params={"kind": "camera."})).json()
    assert {line["kind"] for line in cameras} == {"camera.motion"}


async def test_every_change_leaves_a_line_and_the_log_is_whole(core: Any, session_of: Any) -> None:
    admin = await session_of("admin")
    await admin.client.put("/api/people/t-01", json={"blocked": True, "reason": "lost card"})
    line = (await admin.client.get("/api/audit", params={"q": "person.", "limit": 1})).json()[0]
    assert (line["actor"], line["action"], line["subject"]) == ("admin", "person.edit", "t-01")
    assert "lost card" in line["detail"]
    check = (await admin.client.get("/api/audit/check")).json()
    assert check["broken"] is None
    assert check["lines"] >= 3
    with core.store.read() as connection:
        assert verify(connection) is None


async def test_a_refused_change_leaves_no_line(core: Any, session_of: Any) -> None:
    admin = await session_of("admin")
    before = (await admin.client.get("/api/audit/check")).json()
    body = {"id": "t-01", "name": "n", "kind": "staff", "group": "staff"}
    assert (await admin.client.post("/api/people", json=body)).status_code == 409
    assert (await admin.client.get("/api/audit/check")).json() == before


@pytest.mark.parametrize(("body", "path"), [
    ({"point": "setpoint", "value": 40, "reason": "r"}, "value"),
    ({"point": "supply", "value": 20, "reason": "r"}, "point"),
])
async def test_a_write_outside_the_points_limits_is_refused_in_words(
    core: Any, session_of: Any, body: dict[str, Any], path: str,
) -> None:
    facilities = await session_of("facilities")
    answer = await facilities.client.post("/api/devices/ahu-a1/write", json=body)
    assert (answer.status_code, answer.json()["fields"][0]["path"]) == (422, path)
    assert core.commands == []
