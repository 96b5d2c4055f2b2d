"""Signing in: right and wrong, limits, ends."""

from typing import Any

import pytest
from sqlalchemy import select, update

from hub import auth
from hub.tables import audit, sessions, users

from .conftest import PASSWORD, Browser


async def test_signing_in_sets_a_cookie_of_which_only_the_hash_is_stored(core: Any, browser: Any) -> None:
    answer = await browser.sign_in("gate")
    assert answer.status_code == 200
    assert answer.json()["roles"] == ["gate"]
    cookie = answer.headers["set-cookie"]
    for part in ("HttpOnly", "SameSite=strict", "Path=/", "Max-Age=43200"):
        assert part in cookie
    value = browser.client.cookies["campus_session"]
    with core.store.read() as connection:
        stored = connection.execute(select(sessions)).one()
    assert stored.id == auth.digest(value)
    assert value not in str(stored)
    assert (await browser.client.get("/api/me")).json()["username"] == "gate"


async def test_wrong_password_unknown_user_and_disabled_user_look_the_same(core: Any, browser: Any) -> None:
    await core.commit.change(lambda connection: connection.execute(
        update(users).where(users.c.name == "installer").values(disabled=True)) and None)
    answers = [await browser.sign_in("gate", "wrong"), await browser.sign_in("nobody", PASSWORD),
               await browser.sign_in("installer", PASSWORD)]
    assert {(answer.status_code, answer.text) for answer in answers} == {(401, answers[0].text)}
    assert answers[0].json()["code"] == "wrong_password"


async def test_the_sixth_attempt_waits_even_with_the_right_password(app: Any, browser: Any) -> None:
    for _ in range(5):
        assert (await browser.sign_in("gate", "wrong")).status_code == 401
    answer = await browser.sign_in("gate")
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert (await browser.sign_in("security")).status_code == 200, "another user at the same desk may go on"
    elsewhere = Browser(app, "127.0.0.2")
    assert (await elsewhere.sign_in("gate")).status_code == 200, "nobody can lock a user out from somewhere else"
    await elsewhere.client.aclose()


async def test_signing_out_ends_the_session(browser: Any) -> None:
    await browser.sign_in("gate")
    cookie = browser.client.cookies["campus_session"]
    assert (await browser.client.post("/api/sign-out")).status_code == 204
    browser.client.cookies.set("campus_session", cookie)
    assert (await browser.client.get("/api/me")).status_code == 401


async def test_a_session_ends_after_twelve_hours_without_use(core: Any, session_of: Any) -> None:
    browser = await session_of("gate")

    async def age(seconds: int) -> None:
        await core.commit.change(lambda connection: connection.execute(
            update(sessions).values(seen_wall_s=sessions.c.seen_wall_s - seconds)) and None)

    await age(auth.IDLE_S - 100)
    assert (await browser.client.get("/api/me")).status_code == 200, "and being used, it starts anew"
    await age(auth.IDLE_S - 100)
    assert (await browser.client.get("/api/me")).status_code == 200
    await age(auth.IDLE_S + 1)
    assert (await browser.client.get("/api/me")).status_code == 401


async def test_language_and_password_are_ones_own_to_change(browser: Any) -> None:
    await browser.sign_in("gate")
    assert (await browser.client.put("/api/me/language", json={"language": "en"})).json()["language"] == "en"
    assert (await browser.client.get("/api/me")).json()["language"] == "en"
    wrong = await browser.client.put("/api/me/password", json={"old": "wrong", "new": "twelve letters"})
    assert (wrong.status_code, wrong.json()["fields"][0]["path"]) == (422, "old")
    changed = await browser.client.put("/api/me/password", json={"old": PASSWORD, "new": "twelve letters"})
    assert changed.status_code == 204
    assert (await browser.client.get("/api/me")).status_code == 200, "this session stays"
    assert (await browser.sign_in("gate")).status_code == 401
    assert (await browser.sign_in("gate", "twelve letters")).status_code == 200


async def test_a_new_user_signs_in_with_the_password_shown_once(core: Any, app: Any, session_of: Any) -> None:
    admin = await session_of("admin")
    body = {"username": "wang", "name": "王强", "roles": ["gate", "security"]}
    created = (await admin.client.post("/api/users", json=body)).json()
    new = Browser(app)
    assert (await new.sign_in("wang", created["password"])).json()["roles"] == ["gate", "security"]
    await admin.client.put("/api/users/wang", json={"disabled": True})
    assert (await new.client.get("/api/me")).status_code == 401, "a disabled user's sessions end at once"
    await new.client.aclose()
    with core.store.read() as connection:
        everything = str(connection.execute(select(users)).all()) + str(connection.execute(select(audit)).all())
    assert created["password"] not in everything
    assert (await admin.client.post("/api/users", json=body)).status_code == 409


async def test_the_last_admin_stays(session_of: Any) -> None:
    admin = await session_of("admin")
    for change in ({"disabled": True}, {"roles": ["gate"]}):
        answer = await admin.client.put("/api/users/admin", json=change)
        assert (answer.status_code, answer.json()["code"]) == (409, "last_admin")
    assert (await admin.client.get("/api/me")).status_code == 200


@pytest.mark.parametrize(("body", "path"), [
    ({"username": "gate"}, "password"), ({"username": 5, "password": "x"}, "username"),
    ({"username": "gate", "password": "x", "extra": 1}, "extra"),
    ({"username": "g" * 101, "password": "x"}, "username"),
])
async def test_a_wrong_body_names_its_field_in_both_languages(browser: Any, body: dict[str, Any], path: str) -> None:
    answer = await browser.client.post("/api/sign-in", json=body)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["fields"][0]["path"]) == (422, "invalid", path)
    assert problem["message"]["zh"]
    assert problem["fields"][0]["message"]["en"]
    assert problem["fields"][0]["message"]["zh"]
