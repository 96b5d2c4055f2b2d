"""Campus time: the wall clock, or a faster one for a demonstration. Pure arithmetic; callers bring the wall time."""

import msgspec


class ClockSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Campus time passes `speed` times as fast as the wall's since both stood at their anchors."""

    anchor_wall_ms: int = 0
    anchor_campus_ms: int = 0
    speed: float = 1.0
    offset_ms: int = 0
    """Error of this clock, for trying what a wrong clock does."""

    def campus_ms(self, wall_ms: float) -> int:
        """Return campus time (UTC ms) at this wall time (UTC ms)."""
        return int(self.anchor_campus_ms + (wall_ms - self.anchor_wall_ms) * self.speed) + self.offset_ms

    def wall_s(self, campus_s: float) -> float:
        """Return how many seconds of wall time this many campus seconds take."""
        return campus_s / self.speed
