"""From pictures to what a guard wants to know: motion, covered, moved, frozen. Pure; time is an argument."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.camera import analysis
from drivers.camera.analysis import Edges, Grey, Mask, Scores

_MOTION_SHARE: Final = 0.0015
"""Of a zone's pixels: a person a fifth of the picture tall is about 0.005, the digits of a clock are 0.0003."""
_LIGHT_SHARE: Final = 0.7
"""More than this at once is the light going on or off, not somebody."""
_COVERED_SHARE: Final = 0.35
"""Of the detail the view usually has; less is a covered lens."""
_UNCOVERED_SHARE: Final = 0.6
_BLANK: Final = 0.12
"""Detail below this is a covered lens whatever the view used to be: a caption and a clock alone."""
_MOVED_BELOW: Final = 0.35
_BACK_ABOVE: Final = 0.6
_CROWD: Final = 0.3
"""While more than this moves, a crowd may hide the view: nothing is said about the camera's direction."""
_FROZEN_AFTER_S: Final = 10.0
_BACKGROUND_S: Final = 1.5
_REFERENCE_S: Final = 600.0
"""The reference follows the sun and moved furniture this slowly."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something began (value 1) or ended (0)."""

    kind: str
    """motion, covered, moved, frozen."""
    name: str
    value: float
    text: str


@dataclass(slots=True)
class Debounce:
    """Believes a condition only after it held for a while."""

    on_after_s: float
    off_after_s: float
    active: bool = False
    _since_s: float | None = None

    def observe(self, wanted: bool | None, now_s: float) -> bool:  # noqa: FBT001
        """Tell whether the state changed; `wanted` None is between the thresholds and changes nothing."""
        if wanted is None or wanted == self.active:
            self._since_s = None
            return False
        if self._since_s is None:
            self._since_s = now_s
        if now_s - self._since_s < (self.off_after_s if self.active else self.on_after_s):
            return False
        self.active, self._since_s = wanted, None
        return True


@dataclass(slots=True)
class Watch:
    """Looks at one camera's pictures, one after the other."""

    masks: Mapping[str, Mask]
    scores: Scores | None = None
    motion: dict[str, Debounce] = field(default_factory=dict)
    covered: Debounce = field(default_factory=lambda: Debounce(1.5, 1.0))
    moved: Debounce = field(default_factory=lambda: Debounce(3.0, 2.0))
    frozen: Debounce = field(default_factory=lambda: Debounce(_FROZEN_AFTER_S, 0.0))
    _background: NDArray[np.float32] | None = None
    _reference: Edges | None = None
    _usual_detail: float = 0.0
    _last: Grey | None = None
    _last_s: float = 0.0

    def __post_init__(self) -> None:
        self.motion = {name: Debounce(0.3, 4.0) for name in self.masks}

    def learn(self) -> None:
        """Take what the next picture shows as the right view."""
        self._reference = self._background = None
        self._usual_detail = 0.0

    def resume(self) -> None:
        """Pictures come again after a pause: the last one is no background any more."""
        self._background = self._last = None

    def look(self, grey: Grey, now_s: float) -> list[Change]:
        """Look at the next picture; return what began or ended with it."""
        edges = analysis.edges(grey)
        passed_s = min(max(now_s - self._last_s, 0.0), 1.0)
        if self._background is None:
            self._background = grey.astype(np.float32)
        scores = self.scores = self._score(grey, edges)
        changes = [*self._judge_motion(now_s, scores), *self._judge_cover(now_s, scores),
                   *self._judge_view(now_s, scores, edges, passed_s), *self._judge_frozen(grey, now_s)]
        light = scores.moving > _LIGHT_SHARE
        cv2.accumulateWeighted(grey, self._background, 1.0 if light else passed_s / (passed_s + _BACKGROUND_S))
        self._last, self._last_s = grey, now_s
        return changes

    def _score(self, grey: Grey, edges: Edges) -> Scores:
        assert self._background is not None
        moving = analysis.moving_pixels(grey, self._background)
        likeness = 1.0 if self._reference is None else analysis.likeness(edges, self._reference)
        changed = {name: float(moving[mask].mean()) for name, mask in self.masks.items()}
        return Scores(float(grey.mean()) / 255, analysis.detail(grey), min(1.0, float(edges.mean()) / 50), likeness,
                      float(moving.mean()), changed)

    def _judge_motion(self, now_s: float, scores: Scores) -> list[Change]:
        still = self.covered.active or scores.moving > _LIGHT_SHARE
        changes = []
        for name, share in scores.changed.items():
            debounce = self.motion[name]
            if debounce.observe(not still and share > _MOTION_SHARE, now_s):
                text = f"{share:.1%} of the picture moves" if debounce.active else "nothing moves"
                changes.append(Change("motion", name, float(debounce.active), text))
        return changes

    def _judge_cover(self, now_s: float, scores: Scores) -> list[Change]:
        usual = self._usual_detail
        blank = scores.detail < max(_BLANK, _COVERED_SHARE * usual)
        clear = scores.detail > max(_BLANK * 1.5, _UNCOVERED_SHARE * usual)
        wanted = True if blank else False if clear else None
        if not blank and not self.covered.active:
            self._usual_detail = scores.detail if usual == 0 else usual + 0.01 * (scores.detail - usual)
        if not self.covered.observe(wanted, now_s):
            return []
        text = f"only {scores.detail:.0%} of the picture shows anything" if self.covered.active else "clear again"
        return [Change("covered", "", float(self.covered.active), text)]

    def _judge_view(self, now_s: float, scores: Scores, edges: Edges, passed_s: float) -> list[Change]:
        if scores.detail < _BLANK or self.covered.active:
            self.moved.observe(None, now_s)
            return []
        if self._reference is None:
            self._reference = edges
        same = scores.likeness > _BACK_ABOVE
        other = scores.likeness < _MOVED_BELOW and scores.moving < _CROWD
        changed = self.moved.observe(True if other else False if same else None, now_s)
        if same and not self.moved.active:
            cv2.accumulateWeighted(edges, self._reference, passed_s / _REFERENCE_S)
        if not changed:
            return []
        text = f"only {scores.likeness:.0%} of the view is where it was" if self.moved.active else "the view is back"
        return [Change("moved", "", float(self.moved.active), text)]

    def _judge_frozen(self, grey: Grey, now_s: float) -> list[Change]:
        same = self._last is not None and bool(np.array_equal(grey, self._last))
        if not self.frozen.observe(same, now_s):
            return []
        text = f"the picture has stood still for {_FROZEN_AFTER_S:g} s" if same else "the picture moves again"
        return [Change("frozen", "", float(self.frozen.active), text)]
