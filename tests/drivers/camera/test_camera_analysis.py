"""Scores and judgements on synthetic pictures; no camera, no clock."""

import cv2
import numpy as np
import pytest

from drivers.camera import analysis
from drivers.camera.watch import Debounce, Watch

FPS = 5


def view(seed=1, *, shift=(0, 0), light=0, noise=0, people=(), frame=0):
    """A yard of boxes and lines with a caption; `shift` turns the camera."""
    chance = np.random.default_rng(seed)
    wide = np.full((300, 480), 120, np.uint8)
    for _ in range(60):
        x, y, w, h = (int(chance.integers(*limits)) for limits in ((0, 440), (0, 260), (10, 50), (10, 50)))
        cv2.rectangle(wide, (x, y), (x + w, y + h), int(chance.integers(30, 220)), -1)
    picture = wide[60 + shift[1]:240 + shift[1], 80 + shift[0]:400 + shift[0]].copy()
    for x, y in people:
        cv2.rectangle(picture, (x, y), (x + 14, y + 45), 20, -1)
    cv2.putText(picture, "GATE 1", (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 255, 1)
    noisy = picture.astype(np.int16) + light + np.random.default_rng(frame).integers(-noise, noise + 1, picture.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def covered(frame=0):
    return analysis.shrink(cv2.putText(np.full((180, 320), 8, np.uint8), f"GATE 1 {frame}", (4, 14),
                                       cv2.FONT_HERSHEY_SIMPLEX, 0.4, 255, 1))


class Run:
    """Feeds a watch and collects (second, kind, value)."""

    def __init__(self, **zones):
        self.watch = Watch(analysis.masks_of(zones))
        self.frame = 0
        self.changes = []

    def show(self, seconds, picture_at):
        began = len(self.changes)
        start = self.frame
        for _ in range(round(seconds * FPS)):
            for change in self.watch.look(picture_at(self.frame), self.frame / FPS):
                name = f"{change.kind}/{change.name}" if change.name else change.kind
                self.changes.append((round((self.frame - start) / FPS, 1), name, change.value))
            self.frame += 1
        return self.changes[began:]


def kinds(changes):
    return [(kind, value) for _, kind, value in changes]


@pytest.fixture
def run():
    run = Run()
    assert run.show(3, lambda frame: view(noise=4, frame=frame)) == []
    return run


def test_shrink_takes_colour_and_grey_of_any_size():
    assert analysis.shrink(np.full((1080, 1920, 3), 77, np.uint8)).shape == (180, 320)
    assert analysis.shrink(np.full((480, 640), 77, np.uint8)).max() == 77


def test_scores_of_a_view_a_cover_and_another_view():
    own = analysis.edges(view())
    assert analysis.detail(view()) > 0.5
    assert analysis.detail(covered()) < 0.1
    assert analysis.likeness(own, own) == 1.0
    assert analysis.likeness(analysis.edges(view(light=60)), own) > 0.7
    assert analysis.likeness(analysis.edges(view(shift=(1, 1))), own) > 0.7
    assert analysis.likeness(analysis.edges(view(shift=(60, 30))), own) < 0.3
    assert analysis.likeness(own, analysis.edges(np.full((180, 320), 9, np.uint8))) == 1.0


def test_zone_masks_cover_their_polygon():
    masks = analysis.masks_of({"left": [(0, 0), (0.5, 0), (0.5, 1), (0, 1)]})
    assert list(masks) == ["left"]
    assert masks["left"].mean() == pytest.approx(0.5, abs=0.02)
    assert masks["left"][:, :150].all()
    assert analysis.masks_of({})[""].all()


def test_an_empty_yard_with_noise_says_nothing(run):
    assert run.show(60, lambda frame: view(noise=6, frame=frame)) == []


def test_somebody_walking_is_motion_and_nothing_else(run):
    walking = run.show(8, lambda frame: view(noise=4, frame=frame, people=[(frame % 40 * 7, 90)]))
    assert kinds(walking) == [("motion", 1)]
    assert kinds(run.show(8, lambda frame: view(noise=4, frame=frame))) == [("motion", 0)]


def test_somebody_far_away_is_motion_too(run):
    def far(frame):
        picture = view(noise=4, frame=frame)
        cv2.rectangle(picture, (20 + frame * 3 % 200, 100), (26 + frame * 3 % 200, 125), 20, -1)
        return picture
    assert kinds(run.show(3, far)) == [("motion", 1)]


def test_a_clock_that_ticks_is_no_motion(run):
    def ticking(frame):
        return cv2.putText(view(noise=4, frame=frame), f"08:00:{frame // FPS:02}", (200, 14),
                           cv2.FONT_HERSHEY_SIMPLEX, 0.3, 255, 1)
    run.show(8, ticking)  # a clock that appears is one motion
    assert run.show(20, ticking) == []


def test_motion_is_told_for_the_zone_it_is_in():
    run = Run(left=[(0, 0), (0.5, 0), (0.5, 1), (0, 1)], right=[(0.5, 0), (1, 0), (1, 1), (0.5, 1)])
    run.show(3, lambda _: view())
    assert kinds(run.show(3, lambda frame: view(people=[(200 + frame % 15 * 6, 90)]))) == [("motion/right", 1)]


def test_a_cover_is_told_within_two_seconds_and_taken_back(run):
    assert run.show(4, covered) == [(1.6, "covered", 1)]
    assert kinds(run.show(4, lambda frame: view(noise=4, frame=frame))) == [("covered", 0)]


def test_spray_that_leaves_only_a_blur_is_a_cover(run):
    def sprayed(frame):
        return cv2.GaussianBlur(view(noise=0, frame=frame), (0, 0), 25) // 4 + 120
    assert ("covered", 1) in kinds(run.show(5, sprayed))


def test_a_turned_camera_is_told_and_its_return_too(run):
    changes = run.show(10, lambda frame: view(shift=(70, 30), noise=4, frame=frame))
    assert ("moved", 1) in kinds(changes)
    assert next(at for at, kind, _ in changes if kind == "moved") < 7
    assert ("moved", 0) in kinds(run.show(8, lambda frame: view(noise=4, frame=frame)))


def test_a_camera_pushed_for_a_second_is_not_moved(run):
    run.show(1, lambda frame: view(shift=(70, 30), noise=4, frame=frame))
    assert ("moved", 1) not in kinds(run.show(10, lambda frame: view(noise=4, frame=frame)))


def test_a_crowd_before_the_camera_is_not_moved(run):
    def crowd(frame):
        chance = np.random.default_rng(frame)
        return view(people=[(int(chance.integers(0, 300)), int(chance.integers(0, 130))) for _ in range(60)])
    assert kinds(run.show(30, crowd)) == [("motion", 1)]


def test_light_switched_on_is_no_motion_and_no_move(run):
    assert run.show(10, lambda frame: view(light=50, noise=4, frame=frame)) == []


def test_a_learnt_view_is_the_right_one(run):
    def other(frame):
        return view(shift=(70, 30), noise=4, frame=frame)
    run.show(10, other)
    run.watch.learn()
    run.show(5, other)
    assert not run.watch.moved.active
    assert ("moved", 1) in kinds(run.show(10, lambda frame: view(noise=4, frame=frame)))


def test_a_picture_that_stands_still_is_frozen(run):
    assert run.show(12, lambda _: view()) == [(10.2, "frozen", 1)]
    assert kinds(run.show(1, lambda frame: view(noise=4, frame=frame))) == [("frozen", 0)]


@pytest.mark.parametrize(("seen", "active"), [
    ([(0, True), (0.9, True)], False),
    ([(0, True), (1.0, True)], True),
    ([(0, True), (0.5, False), (1.0, True), (1.9, True)], False),
    ([(0, True), (0.5, None), (1.1, True)], False),
])
def test_debounce_believes_what_holds(seen, active):
    debounce = Debounce(1.0, 2.0)
    changes = [debounce.observe(wanted, at) for at, wanted in seen]
    assert debounce.active is active
    assert any(changes) is active
