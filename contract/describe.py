"""The contract as documents: JSON Schemas and an AsyncAPI 3 description, generated from the code."""

from typing import Any, Final

import msgspec

from contract import topics
from contract.kinds import HUB_KINDS, KINDS
from contract.messages import (
    VERSION,
    Ack,
    Birth,
    Command,
    Death,
    Desired,
    EnrolReply,
    EnrolRequest,
    EventBatch,
    Welcome,
)
from contract.quality import WORDS
from contract.readings import ReadingsBatch
from contract.topics import Lane

Json = dict[str, Any]
JSON: Final = "application/json"
MSGPACK: Final = "application/msgpack"
_SITE, _GATEWAY = "{site}", "{gateway}"
_MESSAGES: Final[dict[str, tuple[Any, str]]] = {
    "ReadingsBatch": (ReadingsBatch, MSGPACK), "EventBatch": (EventBatch, JSON), "Ack": (Ack, JSON),
    "Birth": (Birth, JSON), "Death": (Death, JSON), "Desired": (Desired, JSON), "Command": (Command, JSON),
    "EnrolRequest": (EnrolRequest, JSON), "EnrolReply": (EnrolReply, JSON),
}
_CHANNELS: Final[dict[str, tuple[str, str, tuple[str, ...], bool]]] = {
    "event": (topics.up(_SITE, _GATEWAY, Lane.EVENT), "receive", ("EventBatch",), False),
    "live": (topics.up(_SITE, _GATEWAY, Lane.LIVE), "receive", ("ReadingsBatch",), False),
    "backfill": (topics.up(_SITE, _GATEWAY, Lane.BACKFILL), "receive", ("ReadingsBatch",), False),
    "state": (topics.state(_SITE, _GATEWAY), "receive", ("Birth", "Death"), True),
    "ack": (topics.ack(_SITE, _GATEWAY), "send", ("Ack",), False),
    "desired": (topics.desired(_SITE, _GATEWAY), "send", ("Desired",), True),
    "cmd": (topics.cmd(_SITE, _GATEWAY), "send", ("Command",), False),
    "enrolRequest": (topics.enrol_request(_SITE, _GATEWAY), "receive", ("EnrolRequest",), False),
    "enrolReply": (topics.enrol_reply(_SITE, _GATEWAY), "send", ("EnrolReply",), False),
}
"""Topic, what the hub does on it, its messages, whether they are retained. All QoS 1."""


def schemas() -> Json:
    """Return one JSON Schema document with a definition for each message (and `Welcome`, which is sent sealed)."""
    types = [kind for kind, _ in _MESSAGES.values()] + [Welcome]
    _, definitions = msgspec.json.schema_components(types, ref_template="#/$defs/{name}")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Campus Hub contract",
            "version": VERSION, "$defs": definitions}


def asyncapi() -> Json:
    """Return the AsyncAPI 3.0 description, from the hub's side."""
    _, definitions = msgspec.json.schema_components(
        [kind for kind, _ in _MESSAGES.values()], ref_template="#/components/schemas/{name}")
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Campus Hub", "version": str(VERSION), "description": _description()},
        "channels": {name: _channel(*entry) for name, entry in _CHANNELS.items()},
        "operations": {name: {"action": action, "channel": {"$ref": f"#/channels/{name}"},
                              "bindings": {"mqtt": {"qos": 1, "retain": retained}}}
                       for name, (_, action, _, retained) in _CHANNELS.items()},
        "components": {
            "messages": {name: {"contentType": content, "payload": {"$ref": f"#/components/schemas/{name}"}}
                         for name, (_, content) in _MESSAGES.items()},
            "schemas": definitions,
        },
    }


def _channel(address: str, _action: str, messages: tuple[str, ...], _retained: bool) -> Json:  # noqa: FBT001
    return {
        "address": address,
        "parameters": {"site": {"description": "The site's id."}, "gateway": {"description": "The gateway's id."}},
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
    }


def _description() -> str:
    kinds = "\n".join(f"- `{kind}`: {fields}" for kind, fields in (KINDS | HUB_KINDS).items())
    qualities = "\n".join(f"- {int(quality)} {quality.name}: {words[0]}" for quality, words in WORDS.items())
    return (
        "MQTT 3.1.1, QoS 1. Each lane (event, live, backfill) numbers its batches 1, 2, 3 ... within an epoch; the hub "
        "acknowledges a watermark once it is stored, and asks for what it misses. Columns of a ReadingsBatch are "
        "little-endian byte strings: points u32, offsets i32 (ms after base_ms), values f64, quality u8 (empty: all "
        f"good).\n\nEvent kinds:\n{kinds}\n\nQualities:\n{qualities}\n"
    )
