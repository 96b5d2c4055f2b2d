"""kill -9 of hub, broker and gateway at random, under load: what is lost or stored twice, counted at the end.

A gateway polls Modbus counters (no value ever comes twice) and a card reader. The ledger: everything its outbox ever
numbered against what the hub's disk holds. A kill counts as recovered when all that was numbered before it is stored
and something newer too; a quarter of the kills wait for that, the others fall into the recovery of the one before.
"""

import argparse
import json
import multiprocessing
import random
import secrets
import sqlite3
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from bench import fields
from bench.campus import HubProcess, Stored
from bench.figures import percentile
from bench.peers import say
from bench.servers import RunningBroker, Server, broker, python, running

_SETTLE_S: Final = 60.0
_RECOVERED_S: Final = 30.0
_WAITED_FOR: Final = 0.25
_GATEWAY: Final = "gw-bench"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--devices", type=int, default=10, help="of 100 registers each")
    parser.add_argument("--every", default="100ms", help="poll interval of each device")
    parser.add_argument("--seed", type=int, default=0, help="of the kills; 0: a new one, printed")


def measure(options: argparse.Namespace) -> dict[str, object]:
    """Run it once; return the figures."""
    seed = options.seed or secrets.randbelow(1_000_000) + 1
    say(f"seed {seed}")
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with tempfile.TemporaryDirectory(prefix="bench-outage-") as name:
        folder = Path(name)
        devices = context.Process(target=fields.run, args=(theirs, fields.Field(folder=folder, swipe_every_s=0.05)))
        devices.start()
        try:
            figures = _run(folder, ours, options, random.Random(seed))  # noqa: S311
        finally:
            ours.send("stop")
            devices.join(5)
    return figures | {"seed": seed}


def _run(folder: Path, devices: Connection, options: argparse.Namespace, rng: random.Random) -> dict[str, object]:
    served = broker(folder / "broker")
    hub = HubProcess(folder, served)
    served.start()
    edge_folder = folder / "gw"
    with running([served.server, hub.server]):
        hub.start()
        config = fields.gateway(served.port, served.users, hub.token, devices.recv(), units=options.devices,
                                every=options.every)
        (folder / "gw.yaml").write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
        edge = python("edge", ["edge_agent", "--config", str(folder / "gw.yaml"), "--data", str(edge_folder)], folder)
        campus = _Campus(hub, served, edge)
        with running([edge]):
            edge.start()
            edge.wait_for(lambda: campus.stored() > 0)
            recovered = _kill(campus, options.kills, rng)
            devices.send("freeze")
            devices.recv()
            settled_s = campus.settle()
    with closing(hub.stored()) as stored:
        return ledger(stored, edge_folder, recovered) | {
            "kills": options.kills, "settled_s": round(settled_s, 2), "broker": served.kind}


@dataclass(slots=True)
class _Campus:
    """The three that are killed, and how far the readings are."""

    hub: HubProcess
    served: RunningBroker
    edge: Server

    def kill(self, victim: str) -> None:
        """End one with SIGKILL and start it again at once."""
        match victim:
            case "hub":
                self.hub.server.kill()
                self.hub.start(wait=False)
            case "broker":
                self.served.server.kill()
                self.served.server.start()
            case _:
                self.edge.kill()
                self.edge.start()

    def numbered(self) -> int:
        """Return how many batches the outbox has numbered, all lanes."""
        return _look(self.hub.data.parent / "gw" / "outbox.db", "SELECT sum(last) FROM lanes")

    def stored(self) -> int:
        """Return how many of them the hub has on its disk."""
        return _look(self.hub.data / "state.db", f"SELECT sum(seq) FROM watermarks WHERE gateway = '{_GATEWAY}'")  # noqa: S608

    def wait_until(self, target: int, timeout_s: float) -> float:
        """Wait until so many batches are stored; return the seconds it took."""
        began_s = time.monotonic()
        while self.stored() < target:
            if time.monotonic() - began_s > timeout_s:
                raise TimeoutError(f"stands at {self.stored()} of {target} batches\nhub: {self.hub.server.tail()}\n"
                                   f"gateway: {self.edge.tail()}")
            time.sleep(0.01)
        return time.monotonic() - began_s

    def settle(self) -> float:
        """Wait until everything numbered is stored and nothing new comes; return the seconds it took."""
        began_s = time.monotonic()
        while True:
            before = self.numbered()
            self.wait_until(before, _SETTLE_S)
            time.sleep(0.5)
            if self.numbered() == before == self.stored():
                return time.monotonic() - began_s


def _kill(campus: _Campus, kills: int, rng: random.Random) -> dict[str, list[float]]:
    """Kill at random; return the recoveries that were waited for, by victim."""
    recovered: dict[str, list[float]] = {"hub": [], "broker": [], "edge": []}
    for number in range(1, kills + 1):
        time.sleep(rng.uniform(0.05, 0.6))
        victim = rng.choice(list(recovered))
        campus.kill(victim)
        target = campus.numbered() + 1
        if rng.random() < _WAITED_FOR or number == kills:
            took_s = campus.wait_until(target, _RECOVERED_S)
            recovered[victim].append(took_s)
            say(f"kill {number}: {victim}, recovered in {took_s:.2f} s")
        else:
            say(f"kill {number}: {victim}, not waited for")
    return recovered


def ledger(stored: Stored, edge_folder: Path, recovered: dict[str, list[float]]) -> dict[str, object]:
    """Compare what the outbox numbered with what is stored."""
    items = dict(_rows(edge_folder / "outbox.db", "SELECT lane, items FROM lanes"))
    numbered = items.get("live", 0) + items.get("backfill", 0)
    rows, different = stored.rows("SELECT count(*), count(DISTINCT (point, at_ms, value, quality)) FROM kept")
    events = stored.state.execute("SELECT count(*) FROM events").fetchone()[0]
    event_keys = stored.state.execute(
        "SELECT count(*) FROM (SELECT DISTINCT epoch, seq, position FROM events)").fetchone()[0]
    counted = stored.state.execute("SELECT coalesce(sum(lost), 0) FROM watermarks").fetchone()[0]
    times = [took_s for each in recovered.values() for took_s in each]
    return {
        "lost": numbered - int(different[0]) + items.get("event", 0) - event_keys,
        "duplicated": int(rows[0] - different[0]) + events - event_keys,
        "recovery_s": round(max(times), 2), "recovery_p50_s": round(percentile(times, 0.5), 2),
        **{f"recovery_{victim}_s": round(max(each), 2) for victim, each in recovered.items() if each},
        "readings": numbered, "backfilled": items.get("backfill", 0), "events": items.get("event", 0),
        "batches_the_hub_counts_as_lost": counted, "from_journal": stored.from_journal}


def _rows(path: Path, question: str) -> list[tuple[str, int]]:
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return database.execute(question).fetchall()
    finally:
        database.close()


def _look(path: Path, question: str) -> int:
    """Look into a database that somebody writes; 0 while there is none."""
    try:
        rows = _rows(path, question)
    except sqlite3.OperationalError:
        return 0
    value = rows[0][0] if rows else 0
    return int(value or 0)
