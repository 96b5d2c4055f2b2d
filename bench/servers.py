"""Processes as in life: the broker (Mosquitto, or the embedded one), the hub, a gateway. Started, killed, ended."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.peers import free_port
from hub.broker import prepare

HOST: Final = "127.0.0.1"
READY_S: Final = 20.0
END_S: Final = 8.0
_LOOK_S: Final = 0.01


class NotReady(Exception):
    """A process did not come up; the text holds the end of its log."""


class Server:
    """A process that can be ended, killed and started again; its output goes to a log."""

    def __init__(self, name: str, command: Sequence[str], log: Path, *, env: dict[str, str] | None = None) -> None:
        self.name = name
        self._command = list(command)
        self._log = log
        self._env = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # our own programs
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._env)

    def wait_for(self, ready: Callable[[], object]) -> None:
        """Wait until it is ready; raise `NotReady`."""
        deadline = time.monotonic() + READY_S
        while not ready():
            if not self.alive or time.monotonic() > deadline:
                raise NotReady(f"{self.name} did not come up:\n{self.tail()}")
            time.sleep(_LOOK_S)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """End it as an operator would."""
        if self._process is None or not self.alive:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def tail(self, lines: int = 12) -> str:
        text = self._log.read_text(errors="replace") if self._log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


def python(name: str, arguments: Sequence[str], folder: Path, env: dict[str, str] | None = None) -> Server:
    """Make a process of ours: `python -m ...` (not started)."""
    return Server(name, [sys.executable, "-m", *arguments], folder / f"{name}.log", env=env)


@dataclass(frozen=True, slots=True)
class RunningBroker:
    """The broker and who may use it."""

    server: Server
    kind: str
    """mosquitto or iotcore."""
    port: int
    users: dict[str, str]
    """Passwords of hub, gateway and enrol."""

    def start(self) -> None:
        self.server.start()
        self.server.wait_for(lambda: answers(self.port))


def broker(folder: Path) -> RunningBroker:
    """Make the broker, not started: Mosquitto when it is installed, otherwise the embedded one."""
    folder.mkdir(parents=True, exist_ok=True)
    program = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if program is None:
        file = prepare(folder)
        server = python("iotcore", ["campushub", "broker", "--data", str(folder)], folder)
        return RunningBroker(server, "iotcore", file.port, file.passwords)
    port = free_port()
    settings = [f"listener {port} {HOST}", "allow_anonymous true", "persistence true",
                f"persistence_location {folder}/", "message_size_limit 8000000", "max_queued_messages 1000"]
    if os.geteuid() == 0:
        settings.append("user root")  # it would drop to a user who cannot write the folder
    file_path = folder / "mosquitto.conf"
    file_path.write_text("\n".join([*settings, ""]))
    server = Server("mosquitto", [program, "-c", str(file_path)], folder / "mosquitto.log")
    return RunningBroker(server, "mosquitto", port, dict.fromkeys(("hub", "gateway", "enrol"), "bench"))


@contextmanager
def running(servers: Iterable[Server]) -> Iterator[None]:
    """End these, the first first, whatever happens."""
    servers = list(servers)
    try:
        yield
    finally:
        for server in servers:
            server.stop()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
