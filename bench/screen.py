"""From a change at a device to the DOM of the console in Chromium, while the hub takes 50,000 readings a second.

Two kinds of change, by turns: a register that the gateway polls every 50 ms (waiting for the poll is in the figure),
and a card held to a reader, whose decision shows at the gate desk. Hub, broker, gateway, load and devices are processes
of their own; the times of the change and of the DOM come from the machine's one wall clock. `idle_*`: the same
before the load, what the way costs by itself.
"""

import argparse
import json
import multiprocessing
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, sync_playwright

from bench import fields, load
from bench.campus import HubProcess
from bench.figures import percentile
from bench.peers import say
from bench.servers import NotReady, RunningBroker, broker, python, running

_CONSOLE: Final = Path(__file__).parent.parent / "dashboards" / "console" / "dist" / "index.html"
_WARM_UP_S: Final = 3.0
_SHOWN_MS: Final = 10_000
_WATCH: Final = """() => {
  window.seen = [];
  let last = "";
  const look = () => {
    const value = document.querySelector("[data-testid=device-card] .points .num");
    const passage = document.querySelector("[data-testid=newest-passage]");
    const now = `${value ? value.textContent : ""}|${passage ? passage.dataset.passage : ""}`;
    if (now !== last) { last = now; window.seen.push([Date.now(), ...now.split("|")]); }
  };
  look();
  new MutationObserver(look).observe(document.body, {subtree: true, childList: true, characterData: true,
                                                     attributes: true});
}"""
_SEEN: Final = """([from, at, before]) => { const hit = window.seen.slice(from).find((line) => line[at] !== before);
  return hit ? [hit[0], window.seen.length] : null; }"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--changes", type=int, default=70, help="half of them registers, half cards")
    parser.add_argument("--rate", type=float, default=50_000.0, help="readings a second meanwhile")
    parser.add_argument("--every", default="50ms", help="poll interval of the device that changes")


def measure(options: argparse.Namespace) -> dict[str, object]:
    """Run it once; return the figures."""
    if not _CONSOLE.exists():
        raise NotReady("the console is not built: make console")
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with tempfile.TemporaryDirectory(prefix="bench-screen-") as name:
        folder = Path(name)
        devices = context.Process(target=fields.run, args=(theirs, fields.Field(folder=folder)))
        devices.start()
        try:
            return _run(folder, ours, options)
        finally:
            ours.send("stop")
            devices.join(5)


def _run(folder: Path, devices: Connection, options: argparse.Namespace) -> dict[str, object]:
    served = broker(folder / "broker")
    hub = HubProcess(folder, served, rules=100, devices=100)
    with running([served.server, hub.server]):
        served.start()
        hub.start()
        config = fields.gateway(served.port, served.users, hub.token, devices.recv(), units=1, every=options.every,
                                registers=4)
        (folder / "gw.yaml").write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
        devices.send(("set", 1, 100))
        devices.recv()
        edge = python("edge", ["edge_agent", "--config", str(folder / "gw.yaml"), "--data", str(folder / "gw")], folder)
        with running([edge]):
            edge.start()
            with hub.signed_in() as http:
                token = http.post("/api/gateways/tokens").raise_for_status().json()["token"]
                edge.wait_for(lambda: http.get("/api/devices/m1").is_success)
            with _console(hub) as page:
                say("without load")
                idle = _changes(page, devices, options.changes // 4)
                with _loaded(served, token, folder, options.rate) as sent:
                    time.sleep(_WARM_UP_S)
                    say(f"with {options.rate:,.0f} readings/s")
                    took = _changes(page, devices, options.changes)
    return _figures(took, sent[0], served.kind) | {
        "idle_p50_ms": round(percentile(idle.all, 0.5), 1), "idle_p99_ms": round(percentile(idle.all, 0.99), 1)}


@dataclass(slots=True)
class _Took:
    """Milliseconds from change to DOM."""

    values: list[float] = field(default_factory=list)
    events: list[float] = field(default_factory=list)

    @property
    def all(self) -> list[float]:
        return self.values + self.events


def _figures(took: _Took, sent: load.Sent, kind: str) -> dict[str, object]:
    every = took.all
    return {
        "p50_ms": round(percentile(every, 0.5), 1), "p99_ms": round(percentile(every, 0.99), 1),
        "max_ms": round(max(every), 1), "value_p50_ms": round(percentile(took.values, 0.5), 1),
        "value_p99_ms": round(percentile(took.values, 0.99), 1),
        "event_p50_ms": round(percentile(took.events, 0.5), 1),
        "event_p99_ms": round(percentile(took.events, 0.99), 1), "changes": len(every),
        "readings_per_s": round(sent.readings / sent.seconds), "broker": kind}


@contextmanager
def _loaded(served: RunningBroker, token: str, folder: Path, rate: float) -> Iterator[list[load.Sent]]:
    """Load the hub for the length of the block; what was sent is in the list afterwards."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    plan = load.Plan(port=served.port, enrol_password=served.users["enrol"], token=token, folder=folder / "gw-load",
                     batch=5_000, rate=rate)
    generator = context.Process(target=load.run, args=(theirs, plan))
    generator.start()
    sent: list[load.Sent] = []
    try:
        ours.recv()
        ours.send("go")
        yield sent
        ours.send("stop")
        sent.append(ours.recv())
    finally:
        generator.join(2)
        generator.terminate()


@contextmanager
def _console(hub: HubProcess) -> Iterator[Page]:
    """Open the gate desk with the card of the device that changes, signed in, watched."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise NotReady("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context(locale="en-US", viewport={"width": 1366, "height": 768})
        context.request.post(f"{hub.url}/api/sign-in", data={"username": "admin", "password": hub.password})
        page = context.new_page()
        page.goto(f"{hub.url}/gate?open=device:m1")
        page.wait_for_selector("[data-testid=device-card] .points .num")
        page.evaluate(_WATCH)
        yield page
        browser.close()


def _changes(page: Page, devices: Connection, count: int) -> _Took:
    took, rng, value = _Took(), random.Random(1), 100  # noqa: S311
    for number in range(count):
        time.sleep(rng.uniform(0.1, 0.3))
        column = 1 if number % 2 == 0 else 2
        begin = page.evaluate("() => window.seen.length")
        before = page.evaluate("(at) => window.seen.at(-1)[at]", column)
        if column == 1:
            value = value + 1 if value < 900 else 100
            devices.send(("set", 1, value))
        else:
            devices.send(("swipe", 1000 + number))
        _, changed_ms = devices.recv()
        shown = page.wait_for_function(_SEEN, arg=[begin, column, before], timeout=_SHOWN_MS, polling=20).json_value()
        (took.values if column == 1 else took.events).append(shown[0] - changed_ms)
    return took

