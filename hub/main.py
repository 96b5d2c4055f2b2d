"""The hub's process: configuration, one event loop with the hub and its HTTP server, a clean end."""

import asyncio
import contextlib
import logging
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import structlog
import uvicorn
import uvloop

from contract.clock import Clock, ClockSettings, parse_settings
from contract.configuration import ConfigurationMistakes
from hub.api.app import create_app
from hub.auth import ADMIN, demo_accounts, ensure_users
from hub.broker import BrokerFile, BrokerRefused, prepare
from hub.historians.base import HistorianDown
from hub.link import Broker
from hub.service import Hub
from hub.settings import Configuration

MISTAKES: Final = 2
"""Exit status of a configuration that cannot be run."""
CLOCK_S: Final = 1.0
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class HubOptions:
    """How to start the hub."""

    config: Path
    data: Path
    console: Path
    clock: Path | None = None
    host: str = ""
    port: int | None = None
    """0: any free port; None: as configured."""
    influx: str = ""
    demo_password: str = ""
    """Make one account for each role with this password (a demonstration only)."""
    ready_file: Path | None = None
    """Gets {"url": ..., "token": ...} (0600) once the hub answers; the token enrols one gateway."""


def main(options: HubOptions) -> int:
    """Run the hub until SIGTERM or SIGINT; return the exit status."""
    log_to_stderr()
    try:
        configuration = Configuration(options.config, influx=options.influx)
        sock = _listen(options, configuration)
        broker, gateways = _broker(configuration, options.data)
        clock = Clock(time.time, _clock_settings(options.clock))
        hub = Hub(configuration, options.data, clock, options.console, gateway_credentials=gateways)
    except (ConfigurationMistakes, BrokerRefused, HistorianDown, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201  # the answer to whoever started it
        return MISTAKES
    uvloop.run(_run(options, hub, clock, sock, broker))
    return 0


def log_to_stderr() -> None:
    """Log events with fields, a line each."""
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso"),
                    structlog.dev.ConsoleRenderer(
                        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr))


async def _run(options: HubOptions, hub: Hub, clock: Clock, sock: socket.socket, broker: Broker) -> None:
    accounts = demo_accounts(options.demo_password) if options.demo_password else ADMIN
    created = hub.load(lambda connection: ensure_users(connection, accounts, at_ms=clock.now_ms()))
    if created and not options.demo_password:
        for username, password in created.items():
            print(f"First sign-in: {username} / {password}", flush=True)  # noqa: T201  # shown once, stored nowhere
    server = _Server(uvicorn.Config(create_app(hub), log_config=None, access_log=False, lifespan="off",
                                    timeout_graceful_shutdown=1, server_header=False))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    running = asyncio.create_task(hub.run(broker), name="hub")
    serving = asyncio.create_task(server.serve([sock]), name="http")
    following = asyncio.create_task(_follow_clock(clock, options.clock), name="clock")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    if options.ready_file is not None:
        token = await hub.new_token(by="hub")
        _tell(options.ready_file, {"url": _url(sock), "token": token.token})
    _log.info("hub_ready", url=_url(sock))
    try:
        await asyncio.wait({running, serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        hub.live.close()
        server.should_exit = True
        await serving
        for task in (following, stopping, running):
            task.cancel()
        results = await asyncio.gather(running, following, stopping, return_exceptions=True)
    failure = results[0]
    if isinstance(failure, Exception):
        raise failure


class _Server(uvicorn.Server):
    """Leaves signals to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(options: HubOptions, configuration: Configuration) -> socket.socket:
    """Take the port before anything else starts, so that a port in use is told at once."""
    http = configuration.hub.http
    host, port = options.host or http.host, http.port if options.port is None else options.port
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise OSError(f"{options.config}: http.port: {host}:{port} cannot be used ({error.strerror}); "
                      "end what listens there, or set another http.port (--port)") from error
    return sock


def _broker(configuration: Configuration, data: Path) -> tuple[Broker, tuple[str, str]]:
    """Return the hub's own way to the broker, and the credentials of approved gateways."""
    settings = configuration.hub.broker
    if settings.host:
        return (
            Broker(host=settings.host, port=settings.port or 1883, username=settings.username,
                   password=settings.password.get_secret_value()),
            (settings.gateway_username, settings.gateway_password.get_secret_value()))
    file: BrokerFile = prepare(data, port=settings.port)
    return (Broker(host=file.host, port=file.port, username="hub", password=file.passwords["hub"]),
            ("gateway", file.passwords["gateway"]))


async def _follow_clock(clock: Clock, file: Path | None) -> None:
    """Take a clock file's changes over while running."""
    while file is not None:
        await asyncio.sleep(CLOCK_S)
        try:
            clock.settings = _clock_settings(file) or clock.settings
        except (OSError, ValueError) as error:  # being written just now: what was known goes on
            _log.warning("clock_file_refused", why=str(error))


def _clock_settings(file: Path | None) -> ClockSettings | None:
    return parse_settings(file.read_bytes()) if file is not None and file.exists() else None


def _url(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _tell(file: Path, content: dict[str, str]) -> None:
    fresh = file.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_bytes(msgspec.json.encode(content))
    fresh.rename(file)
