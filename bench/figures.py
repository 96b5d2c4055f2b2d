"""What a measurement says: percentiles, and the CPU and memory of a process."""

from collections.abc import Sequence
from dataclasses import dataclass

import psutil


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below or at which this share of the values lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process has used up to now."""

    cpu_s: float
    rss_mb: float


def cost(pid: int) -> Cost:
    """Return CPU seconds (user and system, all threads) and resident memory of a running process."""
    process = psutil.Process(pid)
    times = process.cpu_times()
    return Cost(times.user + times.system, process.memory_info().rss / 1e6)
