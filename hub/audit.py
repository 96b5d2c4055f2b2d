"""The audit log: who changed what, when. Each line seals the one before it, so that a changed or removed line shows."""

import hashlib
import json
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, func, insert, select

from hub.tables import audit

FIRST_SEAL: Final = "0" * 64
"""What the first line seals."""


def write(
    connection: Connection, *, at_ms: int, actor: str, action: str, subject: str,
    detail: Mapping[str, object] | None = None,
) -> None:
    """Add a line inside the running transaction, so that a change and its line are stored together or not at all.

    action: a verb with its object, such as "alarm.acknowledge"; subject: the id of what was changed. Never put a
    password, a token or a card number into the detail.
    """
    text = json.dumps(dict(detail or {}), ensure_ascii=False, sort_keys=True)
    previous = newest_seal(connection)
    connection.execute(insert(audit).values(
        at_ms=at_ms, actor=actor, action=action, subject=subject, detail=text,
        seal=_seal(previous, at_ms, actor, action, subject, text)))


def verify(connection: Connection) -> int | None:
    """Return the id of the first line whose seal does not fit the line before it; None when all fit.

    The newest lines can be cut off without a trace in the chain itself; whoever needs proof against that keeps
    `newest_seal` elsewhere from time to time.
    """
    seal = FIRST_SEAL
    rows = connection.execute(select(audit).order_by(audit.c.id)).yield_per(1000)
    for row in rows:
        seal = _seal(seal, row.at_ms, row.actor, row.action, row.subject, row.detail)
        if seal != row.seal:
            broken: int = row.id
            rows.close()
            return broken
    return None


def lines(connection: Connection) -> int:
    """Return how many lines the log has."""
    return connection.scalar(select(func.count()).select_from(audit)) or 0


def newest_seal(connection: Connection) -> str:
    """Return the seal that stands for the whole log so far."""
    return connection.scalar(select(audit.c.seal).order_by(audit.c.id.desc()).limit(1)) or FIRST_SEAL


def _seal(previous: str, at_ms: int, *said: str) -> str:
    line = json.dumps([at_ms, *said], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(f"{previous}{line}".encode()).hexdigest()
