"""A whole hub as a process for a measurement: the example campus's configuration, the bench's broker, more rules."""

import json
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb
import httpx
import numpy as np
import yaml
from numpy.typing import NDArray

from bench.servers import HOST, RunningBroker, Server, python
from hub import journal

SITE: Final = "school"
_EXAMPLE: Final = Path(__file__).parent.parent / "config"


class HubProcess:
    """`campushub hub` in a folder of its own. `start` may be called again after a kill."""

    def __init__(self, folder: Path, broker: RunningBroker, *, rules: int = 0, devices: int = 0) -> None:
        """rules: how many plain rules to add, spread over the points of devices `d0` ... `d{devices - 1}`."""
        self.data = folder / "hub"
        self.password = secrets.token_urlsafe(9)
        self._ready = folder / "ready.json"
        config = folder / "config"
        shutil.copytree(_EXAMPLE, config)
        settings = yaml.safe_load((config / "hub.yaml").read_text(encoding="utf-8"))
        settings |= {"http": {"host": HOST, "port": 0}, "broker": {
            "host": HOST, "port": broker.port, "username": "hub", "password": broker.users["hub"],
            "gateway_username": "gateway", "gateway_password": broker.users["gateway"]}}
        (config / "hub.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        _add_rules(config / "rules" / "energy", rules, devices)
        self.server: Server = python(
            "hub", ["campushub", "hub", "--config", str(config / "hub.yaml"), "--data", str(self.data),
                    "--ready-file", str(self._ready)], folder, {"CAMPUSHUB_DEMO_PASSWORD": self.password})

    @property
    def ready(self) -> bool:
        return self._ready.exists()

    def start(self, *, wait: bool = True) -> None:
        self._ready.unlink(missing_ok=True)
        self.server.start()
        if wait:
            self.server.wait_for(lambda: self.ready)

    @property
    def url(self) -> str:
        return str(json.loads(self._ready.read_bytes())["url"])

    @property
    def token(self) -> str:
        """A token that enrols one gateway."""
        return str(json.loads(self._ready.read_bytes())["token"])

    @contextmanager
    def signed_in(self) -> Iterator[httpx.Client]:
        with httpx.Client(base_url=self.url, timeout=20, trust_env=False) as client:
            answer = client.post("/api/sign-in", json={"username": "admin", "password": self.password})
            client.headers["X-CSRF"] = answer.raise_for_status().json()["csrf"]
            yield client

    def stored(self) -> "Stored":
        """Return what is stored; only after the hub has ended."""
        return Stored(self.data)


class Stored:
    """The readings of a hub that has ended: the historian's rows, and the journal's beyond its cursor."""

    def __init__(self, data: Path) -> None:
        self.state = sqlite3.connect(f"file:{data / 'state.db'}?mode=ro", uri=True)
        self.history = duckdb.connect(str(data / "history.duckdb"))
        self.history.execute("CREATE TEMP TABLE kept AS SELECT * FROM recent UNION ALL SELECT * FROM history")
        position = self.history.execute("SELECT position FROM cursor").fetchall()[0][0]
        self.from_journal = 0
        for (body,) in self.state.execute("SELECT body FROM journal WHERE id > ? ORDER BY id", (position,)):
            columns = journal.decode(body)
            left_over = {"point": columns.points, "at_ms": columns.times_ms, "value": columns.values,
                         "quality": columns.quality}
            self.history.execute("INSERT INTO kept SELECT point, at_ms, value, quality FROM left_over")
            self.from_journal += len(columns)
            del left_over

    def rows(self, question: str) -> list[NDArray[np.int64]]:
        """Ask about `kept` (point, at_ms, value, quality); return the columns."""
        return [np.asarray(column) for column in self.history.execute(question).fetchnumpy().values()]

    def close(self) -> None:
        self.history.close()
        self.state.close()


def _add_rules(folder: Path, rules: int, devices: int) -> None:
    """Write plain rules: a level with hysteresis each, over every rules-th device, raised by a value nobody sends."""
    for number in range(rules):
        text = {"en": f"Bench {number}: {{value}}", "zh": f"基准 {number}: {{value}}"}
        rule = {"id": f"energy/bench-{number}", "title": text, "priority": 4, "message": text,
                "scope": {"device": [f"d{device}" for device in range(number, devices, rules)], "name": "p*"},
                "when": {"above": 1e6 + number, "hysteresis": 5}}
        (folder / f"bench-{number}.yaml").write_text(yaml.safe_dump(rule, allow_unicode=True), encoding="utf-8")
