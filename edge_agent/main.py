"""The gateway as a process."""

import argparse
import asyncio
import logging
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import structlog
import uvloop

from contract.clock import Clock, ClockSettings, parse_settings
from contract.configuration import ConfigurationMistakes
from edge_agent import agent
from edge_agent.config import AgentSettings, read

_log = structlog.get_logger()


def main(config: Path, values: Path | None, data: Path, clock_file: Path | None) -> int:
    """Run a gateway until SIGTERM or SIGINT; 2 when its configuration can't be used, with every mistake on stderr."""
    set_up_log()
    try:
        settings = read(config, values)
        clock = Clock(time.time, parse_settings(clock_file.read_bytes()) if clock_file else ClockSettings())
    except ConfigurationMistakes as mistakes:
        sys.stderr.write(f"{mistakes}\n")
        return 2
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    uvloop.run(_serve(settings, data, clock, clock_file))
    return 0


def set_up_log() -> None:
    """One line an event on stderr, times in UTC; libraries only when something is wrong."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s [%(levelname)s] %(name)s: %(message)s")
    for chatty in ("pymodbus", "mqtt", "aiohttp.access", "zeep"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso"),
                    structlog.dev.ConsoleRenderer(colors=False, pad_event_to=24)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr))


def command(arguments: Sequence[str] | None = None) -> int:
    """`python -m edge_agent`."""
    parser = argparse.ArgumentParser(prog="edge_agent", description="The gateway of a campus")
    parser.add_argument("--config", type=Path, required=True, help="the gateway's configuration (YAML)")
    parser.add_argument("--values", type=Path, help="JSON file with the values of ${NAME}")
    parser.add_argument("--data", type=Path, required=True, help="folder of its own, for what must survive")
    parser.add_argument("--clock", type=Path, help="clock.json: campus time instead of the wall clock")
    given = parser.parse_args(arguments)
    return main(given.config, given.values, given.data, given.clock)


async def _serve(settings: AgentSettings, data: Path, clock: Clock, clock_file: Path | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    _log.info("gateway_starts", gateway=settings.gateway.id, devices=len(settings.devices), doors=len(settings.doors))
    await agent.run(settings, data, clock, stop, clock_file)
    _log.info("gateway_stopped", gateway=settings.gateway.id)
