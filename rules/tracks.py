"""Where each rule stands with each of its subjects. Small, and written as bytes, so that timers survive a restart."""

from enum import StrEnum
from typing import Final

import msgspec

from rules.outcomes import Cause

MAX_CAUSES: Final = 5


class Phase(StrEnum):
    """What a rule says of a subject now."""

    NORMAL = "normal"
    PENDING = "pending"
    """The condition holds, but not yet for long enough."""
    ACTIVE = "active"


class Track(msgspec.Struct, omit_defaults=True):
    """One rule and one subject."""

    holds: bool = False
    """The condition itself, whatever calendar and duration say."""
    since_ms: int = 0
    """Since when condition and calendar hold both; 0 when they do not."""
    active: bool = False
    suppressed: bool = False
    due_ms: int = 0
    """When it raises, if nothing changes. 0: no such deadline (so also below)."""
    end_ms: int = 0
    """When the condition ends by itself."""
    wake_ms: int = 0
    """When an absence is one, or what was counted is forgotten."""
    value: float | None = None
    limit: float | None = None
    times: list[int] = []
    """When what is counted, or the steps of a sequence, happened."""
    causes: list[Cause] = []

    @property
    def phase(self) -> Phase:
        if self.active:
            return Phase.ACTIVE
        return Phase.PENDING if self.holds and self.since_ms else Phase.NORMAL

    @property
    def idle(self) -> bool:
        """Nothing worth keeping."""
        return not (self.holds or self.active or self.times or self.wake_ms)

    @property
    def next_ms(self) -> int:
        """The nearest deadline; 0 when there is none."""
        return min((ms for ms in (self.due_ms, self.end_ms, self.wake_ms) if ms), default=0)

    def note(self, cause: Cause) -> None:
        """Remember what led here, the newest few."""
        self.causes = [*self.causes, cause][-MAX_CAUSES:]


encoder: Final = msgspec.msgpack.Encoder()
decoder: Final = msgspec.msgpack.Decoder(Track)
