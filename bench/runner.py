"""Runs a benchmark by name: human lines on stderr, with --json one JSON object as the last line on stdout."""

import argparse
import json
import sys
from importlib import import_module
from typing import Final

BENCHES: Final = {
    "ingest": "readings from a real broker to the one commit, rules and DuckDB",
    "modbus": "poll devices flat out through the outbox to a real broker, beside a bare pymodbus + paho loop",
    "door": "credential's last byte on the wire to strike command on the wire, without a hub",
    "screen": "device change to the DOM of the console in Chromium, under load",
    "outage": "kill -9 of hub, broker and agent at random under load: what is lost or doubled",
}


def run(name: str, arguments: list[str]) -> int:
    """Run one benchmark; return the exit status (2: no such benchmark or wrong options)."""
    if name not in BENCHES:
        print(f"no benchmark {name}; there are " + ", ".join(BENCHES), file=sys.stderr)
        return 2
    module = import_module(f"bench.{name}")
    parser = argparse.ArgumentParser(prog=f"campushub bench {name}", description=BENCHES[name])
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    module.add_options(parser)
    options = parser.parse_args(arguments)
    result: dict[str, object] = module.measure(options)
    for key, value in result.items():
        print(f"  {key:32} {value}", file=sys.stderr)
    if options.json:
        print(json.dumps({"bench": name} | result))
    return 0
