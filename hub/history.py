"""One point over a range in a fixed number of buckets, null where there is nothing."""

import numpy as np
from numpy.typing import NDArray

from contract.messages import Text
from hub.api import shapes
from hub.api.core import Refusal
from hub.historians.base import Historian, HistorianDown, QueryRefused
from hub.registry import Device, Point


def unanswered(error: HistorianDown | QueryRefused) -> Refusal:
    """Say that a historian does not answer now (503), or not this question (422)."""
    if isinstance(error, QueryRefused):
        return Refusal(422, "query_refused", Text(
            f"The history can't answer this: {error}", f"历史库无法回答：{error}"))
    return Refusal(503, "history_down", Text(
        f"The history does not answer just now: {error}", f"历史库暂时无法读取：{error}"), retry_after_s=5)


def history(
    historian: Historian, point: Point, device: Device, from_ms: int, to_ms: int, buckets: int,
) -> shapes.History:
    """Ask a historian. Blocking; raise `Refusal` when it does not answer."""
    width_ms = max(1, -(-(to_ms - from_ms) // buckets))
    try:
        found = historian.query(point.id, from_ms, to_ms, buckets)
    except (HistorianDown, QueryRefused) as error:
        raise unanswered(error) from error
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
