"""Real servers for tests: InfluxDB 1.6, VictoriaMetrics and Mosquitto, each on a free loopback port and its own folder.

A test asks for `influxd`, `victoria_metrics` or `mosquitto` (one of its own) or for a `start_...` factory (several, or
with options). Where a program is not installed the test is skipped, and fails when CAMPUSHUB_REQUIRE_ALL=1.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

READY_WITHIN_S = 20.0
LOOK_EVERY_S = 0.02


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def program(name: str) -> str:
    """Path of an installed program; skips the test, or fails it where everything has to run."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if found:
        return found
    if os.environ.get("CAMPUSHUB_REQUIRE_ALL") == "1":
        pytest.fail(f"{name} is not installed, and CAMPUSHUB_REQUIRE_ALL=1 wants it")
    pytest.skip(f"{name} is not installed")


@dataclass
class Server:
    """A server process that can be stopped, killed and started again on the same port and folder."""

    command: list[str]
    port: int
    folder: Path
    ready: Callable[["Server"], bool]
    environment: dict[str, str] = field(default_factory=dict)
    username: str = ""
    password: str = ""
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                             env=os.environ | self.environment)
        deadline = time.monotonic() + READY_WITHIN_S
        while not self.ready(self):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                pytest.fail(f"{self.command[0]} did not start:\n{self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(LOOK_EVERY_S)

    def stop(self) -> None:
        """End it as an operator would."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(READY_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answers_ping(server: Server) -> bool:
    try:
        return httpx.get(f"{server.url}/ping", timeout=1).status_code == 204
    except httpx.TransportError:
        return False


def answers_tcp(server: Server) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", server.port)) == 0


INFLUXD = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  auth-enabled = {auth}
  log-enabled = false
"""


def make_influxd(folder: Path, *, auth: bool = False) -> Server:
    """Make an InfluxDB 1.x server (not started); with `auth` it has one user, made at the first start."""
    folder.mkdir(parents=True, exist_ok=True)
    port, settings = free_port(), folder / "influxdb.conf"
    settings.write_text(INFLUXD.format(rpc=free_port(), port=port, folder=folder, auth=str(auth).lower()))
    server = Server([program("influxd"), "run", "-config", str(settings)], port, folder, answers_ping)
    if auth:
        server.username, server.password = "campus", "correct horse"
    return server


def make_victoria_metrics(folder: Path) -> Server:
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = [program("victoria-metrics"), f"-storageDataPath={folder / 'vm'}", f"-httpListenAddr=127.0.0.1:{port}",
               "-retentionPeriod=10y", "-dedup.minScrapeInterval=1ms", "-search.latencyOffset=0s",
               "-memory.allowedBytes=100MB"]
    return Server(command, port, folder, answers_ping)


def make_mosquitto(folder: Path, *, settings: str = "", users: dict[str, str] | None = None) -> Server:
    """Make a Mosquitto (not started): anonymous, or with these users and passwords; `settings` are further lines."""
    folder.mkdir(parents=True, exist_ok=True)
    port, file, passwords = free_port(), folder / "mosquitto.conf", folder / "passwords"
    lines = [f"listener {port} 127.0.0.1", "persistence true", f"persistence_location {folder}/",
             f"allow_anonymous {'false' if users else 'true'}"]
    if users:
        passwords.write_text("")
        passwords.chmod(0o600)
        for name, password in users.items():
            subprocess.run([program("mosquitto_passwd"), "-b", str(passwords), name, password], check=True,
                           capture_output=True)
        lines.append(f"password_file {passwords}")
    if os.geteuid() == 0:
        lines.append("user root")  # it would drop to a user who cannot read the test's folder
    file.write_text("\n".join([*lines, settings, ""]))
    return Server([program("mosquitto"), "-c", str(file)], port, folder, answers_tcp)


Starter = Callable[..., Server]


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Starter]:
    """Start a server made by one of the `make_` functions in a folder of its own; all end with the test."""
    servers: list[Server] = []

    def start(make: Callable[..., Server], **options: object) -> Server:
        server = make(tmp_path / f"server-{len(servers)}", **options)
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def start_influxd(start_server: Starter) -> Starter:
    def start(*, auth: bool = False) -> Server:
        server: Server = start_server(make_influxd, auth=auth)
        if auth:
            query = f"CREATE USER {server.username} WITH PASSWORD '{server.password}' WITH ALL PRIVILEGES"
            httpx.post(f"{server.url}/query", data={"q": query}).raise_for_status()
        return server

    return start


@pytest.fixture
def start_mosquitto(start_server: Starter) -> Starter:
    def start(*, settings: str = "", users: dict[str, str] | None = None) -> Server:
        server: Server = start_server(make_mosquitto, settings=settings, users=users)
        return server

    return start


@pytest.fixture
def influxd(start_influxd: Starter) -> Server:
    return start_influxd()


@pytest.fixture
def victoria_metrics(start_server: Starter) -> Server:
    server: Server = start_server(make_victoria_metrics)
    return server


@pytest.fixture
def mosquitto(start_mosquitto: Starter) -> Server:
    return start_mosquitto()


@pytest.fixture(scope="session")
def shared_influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return one InfluxDB for all tests that only need a database of their own."""
    server = make_influxd(tmp_path_factory.mktemp("influxd"))
    server.start()
    yield server
    server.stop()
