"""Campus time: the wall clock, or a faster one for a demonstration. Pure arithmetic; callers bring the wall time."""

from collections.abc import Callable

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


class Clock:
    """Campus time for one process. Settings may be changed while it runs (a clock that somebody set)."""

    def __init__(self, wall_s: Callable[[], float], settings: ClockSettings | None = None) -> None:
        """wall_s: the wall clock, `time.time` outside tests."""
        self.settings = settings or ClockSettings()
        self._wall_s = wall_s

    def now_ms(self) -> int:
        """Return campus time, UTC ms."""
        return self.settings.campus_ms(self._wall_s() * 1000)

    def wall_s(self, campus_ms: float) -> float:
        """Return how many seconds of wall time so many campus milliseconds take."""
        return self.settings.wall_s(campus_ms / 1000)


def parse_settings(text: bytes) -> ClockSettings:
    """Read a clock file (JSON of `ClockSettings`); raise `ValueError` when it is none."""
    settings: ClockSettings = msgspec.json.decode(text, type=ClockSettings)
    return settings
