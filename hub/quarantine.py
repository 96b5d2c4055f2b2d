"""Messages that break the contract: counted, the first bytes kept with the reason, at most a few hundred of them."""

from collections.abc import Callable
from typing import Final

import structlog
from sqlalchemy import Connection, select

from hub import tables
from hub.commit import Committer

KEPT: Final = 200
HEAD_BYTES: Final = 256
TOTAL: Final = "quarantined"
"""The counter of all there ever were: lines give way, their number does not."""
_log = structlog.get_logger()


class Quarantine:
    """Like reasons on like topics share a line; the oldest lines give way."""

    def __init__(self, committer: Committer, now_ms: Callable[[], int]) -> None:
        self.total = 0
        self._commit = committer
        self._now_ms = now_ms
        self._lines: dict[tuple[str, str], dict[str, object]] = {}
        self._next = 1

    def load(self, connection: Connection) -> None:
        counters = tables.counters
        self.total = connection.scalar(select(counters.c.value).where(counters.c.name == TOTAL)) or 0
        for row in connection.execute(select(tables.quarantine).order_by(tables.quarantine.c.at_ms)).mappings():
            self._lines[row["topic"], row["reason"]] = dict(row)
            self._next = max(self._next, row["id"] + 1)

    def add(self, topic: str, reason: str, payload: bytes) -> None:
        """Put a message away."""
        self.total += 1
        line = self._lines.pop((topic, reason), None)
        if line is None:
            _log.warning("message_refused", topic=topic, reason=reason, size=len(payload))
            line = {"id": self._number(), "topic": topic, "reason": reason, "count": 0}
        line |= {"at_ms": self._now_ms(), "size": len(payload), "head": bytes(payload[:HEAD_BYTES]),
                 "count": int(str(line["count"])) + 1}
        self._lines[topic, reason] = line
        self._commit.stage.put(tables.quarantine, dict(line))
        self._commit.stage.put(tables.counters, {"name": TOTAL, "value": self.total})
        self._commit.wake()

    def _number(self) -> int:
        """Give a new line its id; when all are taken, that of the line that was quiet for longest."""
        if len(self._lines) < KEPT:
            number, self._next = self._next, self._next + 1
            return number
        oldest = next(iter(self._lines))
        return int(str(self._lines.pop(oldest)["id"]))
