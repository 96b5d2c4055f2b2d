"""The embedded broker (iotcore/rumqttd): on loopback only, with generated credentials.

It has no per-topic access control and forgets everything at its restart, which our own acks make harmless; asked to
listen wider it refuses and names the remedy.
"""

import ipaddress
import json
import logging
import secrets
import socket
from pathlib import Path
from typing import Final

import iotcore
import msgspec

USERS: Final = ("hub", "gateway", "enrol")
"""The hub itself, approved gateways, and gateways that ask to be one."""
_TOML: Final = """\
id = 0

[router]
id = 0
max_connections = 2000
max_outgoing_packet_count = 1000
max_segment_size = 10485760
max_segment_count = 4

[v4.1]
name = "campus"
listen = "{listen}"
next_connection_delay_ms = 1

[v4.1.connections]
connection_timeout_ms = 10000
max_payload_size = 8388608
max_inflight_count = 500
dynamic_filters = true

[v4.1.connections.auth]
{auth}
"""


class BrokerRefused(ValueError):
    """The broker would be open to more than this machine."""


class BrokerFile(msgspec.Struct, kw_only=True):
    """Where the embedded broker listens and its passwords: a file readable by the hub's user only."""

    host: str = "127.0.0.1"
    port: int
    passwords: dict[str, str]


def prepare(folder: Path, *, host: str = "127.0.0.1", port: int = 0) -> BrokerFile:
    """Return the broker's file, made at the first start: a free port unless given, and fresh passwords.

    Raise `BrokerRefused` for an address that is not loopback.
    """
    if not ipaddress.ip_address(host).is_loopback:
        raise BrokerRefused(
            f"the embedded broker listens on loopback only, not on {host}: it cannot tell one gateway's topics from "
            "another's. For gateways on other machines run Mosquitto (deploy/mosquitto.conf) and set broker.host, "
            "broker.username and broker.password")
    path = folder / "broker.json"
    if path.exists():
        known = msgspec.json.decode(path.read_bytes(), type=BrokerFile)
        if port in (0, known.port):
            return known
        file = BrokerFile(host=host, port=port or _any_port(host), passwords=known.passwords)
    else:
        file = BrokerFile(host=host, port=port or _any_port(host),
                          passwords={user: secrets.token_urlsafe(24) for user in USERS})
    _write(path, msgspec.json.encode(file))
    auth = "\n".join(f"{user} = {json.dumps(password)}" for user, password in file.passwords.items())
    _write(folder / "broker.toml", _TOML.format(listen=f"{file.host}:{file.port}", auth=auth).encode())
    return file


def serve(folder: Path) -> None:
    """Run the broker in this process until it is ended."""
    logging.getLogger("rumqttd").setLevel(logging.CRITICAL)  # it logs every connection at error level
    iotcore.Broker(config_path=str(folder / "broker.toml")).run_forever()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_bytes(content)
    fresh.rename(path)


def _any_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
