"""What benchmarks measure against: a real broker, and processes of their own with their cost."""

import contextlib
import logging
import multiprocessing
import multiprocessing.connection
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from edge_agent.uplink import BrokerAddress
from hub.broker import prepare

START_S: Final = 15.0
_MOSQUITTO: Final = """listener {port} 127.0.0.1
allow_anonymous true
max_inflight_messages 1000
max_queued_messages 100000
persistence false
log_type error
"""
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
_spawn = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class RunningBroker:
    """A broker and how to reach it."""

    name: str
    address: BrokerAddress
    pid: int


@contextlib.contextmanager
def broker(folder: Path) -> Iterator[RunningBroker]:
    """Run Mosquitto where it is installed, the embedded broker otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program:
        port = free_port()
        (folder / "mosquitto.conf").write_text(_MOSQUITTO.format(port=port))
        command = [program, "-c", str(folder / "mosquitto.conf")]
        address = BrokerAddress(host="127.0.0.1", port=port)
    else:
        file = prepare(folder)
        command = [sys.executable, "-m", "campushub", "broker", "--data", str(folder)]
        address = BrokerAddress(host=file.host, port=file.port, username="gateway", password=file.passwords["gateway"])
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603  # our own
    try:
        wait_for_port(address.port)
        yield RunningBroker("mosquitto" if program else "iotcore", address, process.pid)
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def child(target: Callable[..., None], *arguments: Any) -> Iterator[multiprocessing.connection.Connection]:
    """Run a function in a process of its own; it gets its end of a pipe first, this yields the other."""
    ours, theirs = _spawn.Pipe()
    process = _spawn.Process(target=target, args=(theirs, *arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours
    finally:
        with contextlib.suppress(BrokenPipeError):
            ours.send("stop")
        process.join(3)
        if process.is_alive():
            process.kill()
            process.join()


def receive(pipe: multiprocessing.connection.Connection, timeout_s: float = START_S) -> Any:
    """Wait for what a child sends."""
    if not pipe.poll(timeout_s):
        raise TimeoutError("a process of the benchmark does not answer")
    return pipe.recv()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def say(text: str) -> None:
    """Tell how far the benchmark is."""
    print(f"  {text}", file=sys.stderr, flush=True)
