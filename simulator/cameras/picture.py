"""What a simulated camera sees: a corridor with its name, a clock and people walking; drawn with OpenCV."""

import math
import zlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.world import CameraHardware

WIDTH: Final = 640
HEIGHT: Final = 360
Picture = NDArray[np.uint8]
_CAMPUS_TIME: Final = timezone(timedelta(hours=8))
_FONT: Final = cv2.FONT_HERSHEY_SIMPLEX
_COATS: Final = ((60, 60, 190), (170, 90, 40), (50, 140, 60), (30, 160, 200), (140, 60, 140), (70, 70, 70))
cv2.setNumThreads(1)


class Scene:
    """Draws one camera's pictures; the still parts are drawn once."""

    def __init__(self, camera: CameraHardware) -> None:
        self._camera = camera
        seed = zlib.crc32(camera.id.encode())
        self._usual = _corridor(seed, vanishing=(WIDTH // 2, HEIGHT // 3))
        self._turned = _corridor(seed + 1, vanishing=(WIDTH // 8, HEIGHT * 2 // 3))

    def jpeg(self, campus_ms: int, second: float) -> bytes:
        """Return the picture now: `campus_ms` goes on its clock, `second` (any steady clock) moves the people."""
        done, buffer = cv2.imencode(".jpg", self.draw(campus_ms, second), [cv2.IMWRITE_JPEG_QUALITY, 70])
        assert done
        return bytes(buffer)

    def draw(self, campus_ms: int, second: float) -> Picture:
        """Return the picture as BGR."""
        if self._camera.covered:
            picture = np.full((HEIGHT, WIDTH, 3), 6, np.uint8)
        else:
            picture = (self._turned if self._camera.moved else self._usual).copy()
            for number in range(min(self._camera.people, 12)):
                _person(picture, number, second)
        clock = datetime.fromtimestamp(campus_ms / 1000, UTC).astimezone(_CAMPUS_TIME)
        _write(picture, self._camera.id, (8, HEIGHT - 10))
        _write(picture, f"{clock:%Y-%m-%d %H:%M:%S}", (8, 18))
        return picture


def _write(picture: Picture, text: str, at: tuple[int, int]) -> None:
    cv2.rectangle(picture, (at[0] - 3, at[1] - 13), (at[0] + 9 * len(text), at[1] + 4), (0, 0, 0), -1)
    cv2.putText(picture, text, at, _FONT, 0.5, (255, 255, 255), 1)


def _corridor(seed: int, vanishing: tuple[int, int]) -> Picture:
    """Walls, floor tiles, doors and notices around a vanishing point, the same for the same seed."""
    chance = np.random.default_rng(seed)
    picture = np.full((HEIGHT, WIDTH, 3), 150, np.uint8)
    corners = [(0, 0), (WIDTH, 0), (WIDTH, HEIGHT), (0, HEIGHT)]
    shades = [int(shade) for shade in chance.integers(90, 210, 4)]
    for corner, shade in enumerate(shades):
        wall = np.array([corners[corner], corners[(corner + 1) % 4], vanishing], np.int32)
        cv2.fillPoly(picture, [wall], (shade, shade, min(255, shade + 12)))
    for step in range(1, 13):  # floor tiles and ceiling lamps, denser with distance
        share = step / 13
        y = round(vanishing[1] + (HEIGHT - vanishing[1]) * share**2)
        cv2.line(picture, (0, y), (WIDTH, y), (80, 80, 80), 1)
        cv2.line(picture, (round(WIDTH * share), HEIGHT), vanishing, (70, 75, 80), 1)
    for _ in range(20):  # doors, notices, lockers
        x, y = int(chance.integers(0, WIDTH - 60)), int(chance.integers(20, HEIGHT - 90))
        w, h = int(chance.integers(14, 60)), int(chance.integers(20, 90))
        colour = [int(part) for part in chance.integers(0, 70, 3) + chance.integers(40, 150)]
        cv2.rectangle(picture, (x, y), (x + w, y + h), colour, -1)
        cv2.rectangle(picture, (x, y), (x + w, y + h), (40, 40, 40), 1)
        cv2.line(picture, (x, y + h // 2), (x + w, y + h // 3), (220, 220, 220), 1)
    grain = chance.integers(0, 12, (HEIGHT // 2, WIDTH // 2, 1), np.uint8)
    return np.asarray(cv2.add(picture, cv2.resize(np.repeat(grain, 3, axis=2), (WIDTH, HEIGHT))), np.uint8)


def _person(picture: Picture, number: int, second: float) -> None:
    """One figure walking to and fro on its own track; the nearer, the taller and faster."""
    depth = 0.4 + 0.6 * ((number * 5) % 12) / 11
    height = round(170 * depth)
    way = (second * 70 * depth + number * 211) % (2 * WIDTH)
    x = round(way if way < WIDTH else 2 * WIDTH - way)
    foot = round(HEIGHT * (0.45 + 0.5 * depth))
    swing = round(math.sin(second * 6 + number) * height * 0.12)
    hip, neck = foot - height * 45 // 100, foot - height * 82 // 100
    for leg in (swing, -swing):
        cv2.line(picture, (x, hip), (x + leg, foot), (40, 35, 35), max(2, height // 14))
    cv2.ellipse(picture, (x, (hip + neck) // 2), (height // 9, (hip - neck) // 2), 0, 0, 360,
                _COATS[number % len(_COATS)], -1)
    cv2.circle(picture, (x, foot - height * 92 // 100), height // 13, (150, 180, 220), -1)
