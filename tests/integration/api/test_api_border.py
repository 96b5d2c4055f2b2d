"""What every answer has: headers, limits, problems, and the console's files."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from hub.api.limits import MAX_BODY_BYTES


@pytest.mark.parametrize("path", ["/", "/api/me", "/alarms/5", "/assets/none.js"])
async def test_security_headers_stand_on_every_answer(browser: Any, path: str) -> None:
    headers = (await browser.client.get(path)).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert "server" not in headers


async def test_a_large_body_is_refused_with_and_without_its_length(browser: Any) -> None:
    async def pieces() -> Any:
        for _ in range(MAX_BODY_BYTES // 100_000 + 2):
            yield b" " * 100_000

    declared = await browser.client.post("/api/sign-in", content=b" " * (MAX_BODY_BYTES + 1))
    undeclared = await browser.client.post("/api/sign-in", content=pieces(),
                                           headers={"Content-Type": "application/json"})
    assert [answer.status_code for answer in (declared, undeclared)] == [413, 413]
    assert declared.json()["code"] == "too_large"


async def test_an_unknown_api_path_is_a_problem_not_the_console(core: Any, browser: Any, session_of: Any) -> None:
    write_console(core)
    for path in ("/api/nothing", "/api/", "/api"):
        answer = await browser.client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    answer = await (await session_of("gate")).client.delete("/api/me")
    assert answer.status_code == 405


async def test_a_mistake_of_the_hub_is_a_problem_too(
    core: Any, session_of: Any, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(core, "status", lambda: 1 // 0)
    with capture_logs() as logged:
        answer = await (await session_of("gate")).client.get("/api/status")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "ZeroDivision" not in answer.text
    assert isinstance(logged[0]["exc_info"], ZeroDivisionError)


def write_console(core: Any) -> None:
    folder = core.settings.console
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>console</title>" + " " * 2000)
    (folder / "assets" / "app-1a2b.js").write_text("export {};" + " " * 2000)
    (folder.parent / "secret.txt").write_text("secret")


async def test_the_console_is_served_with_the_right_caching(core: Any, browser: Any) -> None:
    write_console(core)
    for path in ("/", "/index.html", "/alarms/5", "/people"):
        answer = await browser.client.get(path)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache"), path
        assert "console" in answer.text
    asset = await browser.client.get("/assets/app-1a2b.js", headers={"Accept-Encoding": "gzip"})
    assert asset.headers["content-type"].startswith("text/javascript")
    assert "immutable" in asset.headers["cache-control"]
    assert asset.headers["content-encoding"] == "gzip"
    same = await browser.client.get("/", headers={"If-None-Match": (await browser.client.get("/")).headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    (core.settings.console / "index.html").write_text("new build")
    assert (await browser.client.get("/")).text == "new build"


@pytest.mark.parametrize("path", ["/assets/none.js", "/favicon.ico", "/../secret.txt", "/%2e%2e/secret.txt",
                                  "/..%2fsecret.txt", "/assets/..%2f..%2fsecret.txt"])
async def test_what_is_not_there_or_outside_is_not_served(core: Any, browser: Any, path: str) -> None:
    write_console(core)
    answer = await browser.client.get(path)
    assert "secret" not in answer.text
    assert answer.status_code == 404


async def test_without_a_built_console_a_page_says_so_in_both_languages(browser: Any) -> None:
    answer = await browser.client.get("/")
    assert answer.status_code == 503
    assert "控制台尚未构建" in answer.text
    assert "not built" in answer.text
