"""One point over a range in a fixed number of buckets, null where there is nothing."""

import numpy as np
from numpy.typing import NDArray

from contract.messages import Text
from hub.api import shapes
from hub.historians.base import Historian
from hub.registry import Device, Point


def history(
    historian: Historian, point: Point, device: Device, from_ms: int, to_ms: int, buckets: int,
) -> shapes.History:
    """Ask a historian. Blocking; raises what `Historian.query` raises."""
    width_ms = max(1, -(-(to_ms - from_ms) // buckets))
    found = historian.query(point.id, from_ms, to_ms, buckets)
    position = ((found.times_ms - from_ms) // width_ms).astype(np.intp)
    bad = np.zeros(buckets, np.int64)
    bad[position] = found.bad
    birth = point.birth

    def spread(column: NDArray[np.float64]) -> list[float | None]:
        wide = np.full(buckets, np.nan)
        wide[position] = column
        return [None if np.isnan(value) else value for value in wide.tolist()]

    return shapes.History(
        point=point.id, device=device.id, name=birth.name, label=birth.label or Text(birth.name, birth.name),
        unit=birth.unit, start_ms=[from_ms + number * width_ms for number in range(buckets)],
        minimum=spread(found.minimum), maximum=spread(found.maximum), mean=spread(found.mean),
        last=spread(found.last), bad=bad.tolist())
