"""How much a picture moves, shows and still looks like itself. Pure functions: grey pictures in, shares out.

Every score is made of blocks of 20 x 20 pixels rather than single pixels, so that a camera's own caption and clock,
which stay sharp when the lens is covered and stay in place when the camera is turned, count for a few blocks only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH: Final = 320
HEIGHT: Final = 180
_BLOCKS: Final = (WIDTH // 20, HEIGHT // 20)  # OpenCV's order: across, down
Grey = NDArray[np.uint8]
"""u8[180, 320]."""
Edges = NDArray[np.float32]
"""f32[180, 320], strength of the edges, softened so that a lens shaking by a pixel or two is no difference."""
Mask = NDArray[np.bool_]
_MOVED_BY: Final = 18
"""Grey levels a pixel must differ from the background; sensor noise at night stays below."""
_TEXTURED: Final = 4.0
"""Standard deviation in grey levels from which a block shows something."""
_SOLID_EDGE: Final = 6.0
"""Mean edge strength from which a block is worth comparing."""
_SAME: Final = 0.5
"""Correlation from which two blocks show the same."""
_DIVISOR: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Scores:
    """One look at a picture; all but `changed` are shares of the picture, 0 to 1."""

    brightness: float
    detail: float
    """Blocks that show anything at all."""
    sharpness: float
    """Mean strength of edges; falls when the lens gets dirty or out of focus."""
    likeness: float
    """Of the reference's blocks with edges, those that still show the same."""
    moving: float
    changed: Mapping[str, float]
    """By zone, the share of its pixels that differ from the background."""


def shrink(picture: NDArray[np.uint8]) -> Grey:
    """Return any BGR or grey picture as grey at 320 x 180."""
    small = _smaller(picture)
    return small if small.ndim == 2 else np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)


def _smaller(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if picture.shape[:2] == (HEIGHT, WIDTH):
        return picture
    return np.asarray(cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)


def edges(grey: Grey | NDArray[np.float32]) -> Edges:
    """Return the strength of edges, clipped so that no single strong edge outweighs the rest."""
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=3)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=3)
    strength = np.minimum(cv2.magnitude(across, down), 200.0) / 4
    return np.asarray(cv2.blur(strength, (5, 5)), np.float32)


def detail(grey: Grey) -> float:
    """Return the share of blocks that show something: near 0 when the lens is covered, painted or in the dark."""
    values = grey.astype(np.float32)
    mean = _by_block(values)
    spread = np.sqrt(np.maximum(_by_block(values * values) - mean * mean, 0))
    return float((spread > _TEXTURED).mean())


def likeness(now: Edges, reference: Edges) -> float:
    """Return the share of the reference's blocks with edges that `now` shows too; 1 when it has none to compare."""
    mean_ref, mean_now = _by_block(reference), _by_block(now)
    both = _by_block(reference * now) - mean_ref * mean_now
    spread_ref = _by_block(reference * reference) - mean_ref**2
    spread_now = _by_block(now * now) - mean_now**2
    correlation = both / np.sqrt(np.maximum(spread_ref * spread_now, _DIVISOR))
    worth = mean_ref > _SOLID_EDGE
    return float((correlation[worth] > _SAME).mean()) if worth.any() else 1.0


def moving_pixels(grey: Grey, background: NDArray[np.float32]) -> Mask:
    """Tell pixel by pixel what differs from the background, single specks removed."""
    differs = cv2.absdiff(grey, cv2.convertScaleAbs(background)) > _MOVED_BY
    return np.asarray(cv2.medianBlur(differs.astype(np.uint8), 3), np.bool_)


def masks_of(zones: Mapping[str, Sequence[tuple[float, float]]]) -> dict[str, Mask]:
    """Return each zone's pixels; the whole picture, called "", when there is no zone."""
    if not zones:
        return {"": np.ones((HEIGHT, WIDTH), np.bool_)}
    found = {}
    for name, corners in zones.items():
        canvas = np.zeros((HEIGHT, WIDTH), np.uint8)
        polygon = np.array([(round(x * (WIDTH - 1)), round(y * (HEIGHT - 1))) for x, y in corners], np.int32)
        found[name] = np.asarray(cv2.fillPoly(canvas, [polygon], 1), np.bool_)
    return found


def _by_block(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean of each block: f32[9, 16]."""
    return np.asarray(cv2.resize(values, _BLOCKS, interpolation=cv2.INTER_AREA), np.float32)
