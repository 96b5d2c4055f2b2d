"""Topic names of contract version 1 (MQTT 3.1.1). One function a topic, one parser back."""

import re
from enum import StrEnum
from typing import NamedTuple

ROOT = "campus/v1"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")


class Lane(StrEnum):
    """The three ordered streams a gateway sends; each numbers its batches 1, 2, 3 ... in an epoch."""

    EVENT = "event"
    LIVE = "live"
    BACKFILL = "backfill"


class Uplink(NamedTuple):
    """Where a message from a gateway came from."""

    site: str
    gateway: str
    channel: str
    """A lane's name, or "state"."""


def valid_name(name: str) -> bool:
    """Tell whether a site, gateway or device may be called so (it becomes a topic level and a tag)."""
    return bool(_NAME.match(name))


def up(site: str, gateway: str, lane: Lane) -> str:
    return f"{ROOT}/{site}/{gateway}/up/{lane}"


def ack(site: str, gateway: str) -> str:
    return f"{ROOT}/{site}/{gateway}/ack"


def state(site: str, gateway: str) -> str:
    return f"{ROOT}/{site}/{gateway}/state"


def desired(site: str, gateway: str) -> str:
    return f"{ROOT}/{site}/{gateway}/desired"


def cmd(site: str, gateway: str) -> str:
    return f"{ROOT}/{site}/{gateway}/cmd"


def enrol_request(site: str, gateway: str) -> str:
    return f"{ROOT}/enrol/{site}/{gateway}/request"


def enrol_reply(site: str, gateway: str) -> str:
    return f"{ROOT}/enrol/{site}/{gateway}/reply"


def hub_filters(site: str) -> list[str]:
    """What a hub subscribes to: every gateway of its site, known or not, and the enrolment requests."""
    return [f"{ROOT}/{site}/+/up/+", f"{ROOT}/{site}/+/state", f"{ROOT}/enrol/{site}/+/request"]


def parse_uplink(topic: str) -> Uplink | None:
    """Split a topic a gateway publishes on; None when it is none (enrolment included)."""
    parts = topic.split("/")
    if parts[:2] != ["campus", "v1"] or parts[2:3] == ["enrol"]:
        return None
    match parts[2:]:
        case [site, gateway, "up", channel] if channel in Lane._value2member_map_:
            return Uplink(site, gateway, channel)
        case [site, gateway, "state"]:
            return Uplink(site, gateway, "state")
        case _:
            return None


def parse_enrolment(topic: str) -> tuple[str, str] | None:
    """Return (site, gateway) of an enrolment request's topic, None for any other."""
    match topic.split("/"):
        case ["campus", "v1", "enrol", site, gateway, "request"]:
            return site, gateway
        case _:
            return None
