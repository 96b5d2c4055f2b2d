"""The built console in Debian's Chromium against a fake hub."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

import hatch_build
from tests.e2e import fake_campus
from tests.e2e.fake_hub import FakeHub, serve

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
expect.set_options(timeout=8000)


@pytest.fixture(scope="session")
def console() -> None:
    """Build the console unless it is as it was."""
    hatch_build.build_console()


@pytest.fixture(scope="module")
def browser(console: None) -> Iterator[Browser]:
    """One browser a module: Playwright's loop must not outlive it, other tests bring their own."""
    if shutil.which(CHROMIUM) is None:
        if os.environ.get("CAMPUSHUB_REQUIRE_ALL") == "1":
            pytest.fail(f"{CHROMIUM} is absent, and CAMPUSHUB_REQUIRE_ALL=1 asks for every test")
        pytest.skip(f"{CHROMIUM} is absent; install Debian's chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def hub() -> FakeHub:
    return FakeHub(fake_campus.build())


@pytest.fixture
def address(hub: FakeHub) -> Iterator[str]:
    with serve(hub) as url:
        yield url


class Desk:
    """A browser profile at a place far from the site, signed in or not."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.context = context
        self.address = address
        self.problems: list[str] = []

    def page(self, path: str = "/") -> Page:
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda message: self.problems.append(message.text) if message.type == "error" else None)
        page.goto(self.address + path)
        return page

    def sign_in(self, user: str) -> None:
        self.context.add_cookies([{"name": "session", "value": user, "url": self.address}])

    def at(self, user: str, path: str) -> Page:
        """Open a screen as a user and wait until the hub has been heard."""
        self.sign_in(user)
        page = self.page(path)
        expect(page.get_by_test_id("glance")).to_be_visible()
        return page


@pytest.fixture
def desk(browser: Browser, address: str) -> Iterator[Desk]:
    context = browser.new_context(
        locale="en-US", timezone_id="America/New_York", viewport={"width": 1366, "height": 768}
    )
    yield Desk(context, address)
    context.close()
