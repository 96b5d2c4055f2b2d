"""Pushed batches of swipes, taken apart by a vendor's mapping. Pure: bytes in, swipes out."""

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import msgspec

from drivers.class_sign.vendor import Push

MAX_RECORDS: Final = 1_000
_MAX_TEXT: Final = 128
_ZONES: Final = {"UTC": UTC, "Asia/Shanghai": timezone(timedelta(hours=8))}  # no summer time since 1991
_DECIMAL: Final = re.compile(r"[0-9]{1,40}\Z")
_HEX: Final = re.compile(r"[0-9A-Fa-f]{1,40}\Z")


class BadPush(ValueError):
    """A push that makes no sense; the text says how, for whoever set the sign up."""


@dataclass(frozen=True, slots=True)
class Swipe:
    """One card held to one sign."""

    device: str
    credential: str
    """"card:HEX"."""
    device_ms: int
    key: tuple[str, str, int]
    """(sequence, card, time): the same again is the same swipe pushed twice."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One push."""

    swipes: list[Swipe]
    devices: dict[str, str]
    """Who pushed, and where it can be polled (or nothing); also signs with no swipe to tell."""


def parse(body: bytes, push: Push) -> Batch:
    """Take a push apart; raises `BadPush`."""
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadPush("the body is not JSON") from error
    records = look_up(content, push.records)
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise BadPush(f"{push.records} must be a list of records")
    if len(records) > MAX_RECORDS:
        raise BadPush(f"{push.records} holds {len(records)} records; at most {MAX_RECORDS} are taken")
    devices: dict[str, str] = {}
    swipes = []
    for number, record in enumerate(records or [{}]):
        def value(path: str | None, record: dict[str, Any] = record) -> object:
            found = look_up(record, path) if path else None
            return found if found is not None or not path else look_up(content, path)
        try:
            device = _text(value(push.device), push.device)
            devices[device] = _address(value(push.address))
            if records:
                swipes.append(_swipe(device, value, push))
        except BadPush as error:
            raise BadPush(f"record {number}: {error}" if records else str(error)) from error
    return Batch(swipes, devices)


def signed(body: bytes, password: str, given: str) -> bool:
    """Tell whether `given` is the hex HMAC-SHA-256 of the body by this password."""
    wanted = hmac.new(password.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(given.lower().encode(), wanted.encode())


def look_up(content: object, path: str) -> object:
    """Return what stands at a dotted path in decoded JSON; None when there is nothing."""
    for step in path.split("."):
        if not isinstance(content, dict):
            return None
        content = content.get(step)
    return content


def _swipe(device: str, value: Callable[[str | None], object], push: Push) -> Swipe:
    card = _card(_text(value(push.card), push.card), push)
    device_ms = _moment(value(push.time), push)
    sequence = value(push.sequence)
    return Swipe(device, card, device_ms, (str(sequence), card, device_ms))


def _card(text: str, push: Push) -> str:
    """Return the canonical credential: upper-case hex without leading zeros."""
    pattern = _DECIMAL if push.card_as == "decimal" else _HEX
    if not pattern.match(text):
        raise BadPush(f"{push.card} is no {push.card_as} number")
    if push.card_as == "decimal":
        number = int(text)
    else:
        raw = bytes.fromhex(text.zfill(len(text) + len(text) % 2))
        number = int.from_bytes(raw, "little" if push.card_as == "hex reversed" else "big")
    if number == 0:
        raise BadPush(f"{push.card} is 0, which is no card")
    return f"card:{number:X}"


def _moment(value: object, push: Push) -> int:
    """Return UTC ms."""
    text = _text(value, push.time)
    try:
        if push.time_as in ("ms", "s"):
            number = float(text) * (1 if push.time_as == "ms" else 1000)
            return round(datetime.fromtimestamp(number / 1000, UTC).timestamp() * 1000)
        local = datetime.strptime(text, push.time_as)  # noqa: DTZ007 - the zone is the mapping's, put in next
        return round(local.replace(tzinfo=_ZONES[push.time_zone]).timestamp() * 1000)
    except (ValueError, OverflowError, OSError) as error:
        raise BadPush(f"{push.time} is not a time written as {push.time_as}") from error


def _text(value: object, path: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or not 0 < len(str(value)) <= _MAX_TEXT:
        raise BadPush(f"{path} is missing or no text")
    return str(value)


def _address(value: object) -> str:
    usable = isinstance(value, str) and value.startswith(("http://", "https://")) and len(value) <= _MAX_TEXT
    return str(value) if usable else ""
