"""Points that are followed through a picture which moves by a known number of pixels."""

from __future__ import annotations

import cv2
import numpy as np

from models.geometry.camera import Camera
from models.geometry.clock_offset import measure_steps
from models.geometry.tracks import match_clearly, match_points, track_points


def paint(seed: int = 0) -> np.ndarray:
    """(280, 380) blobs: sharp enough for corners, smooth enough to shift by parts of a pixel."""
    noise = np.random.default_rng(seed).uniform(0, 255, (280, 380)).astype(np.float32)
    return cv2.normalize(
        cv2.GaussianBlur(noise, (0, 0), 2.5), None, 0, 255, cv2.NORM_MINMAX
    )


def crop(picture: np.ndarray, x_px: float, y_px: float) -> np.ndarray:
    """(240, 320) uint8 of the picture, its top-left pixel at (x, y): what is in it moves by minus that."""
    move = np.array([[1, 0, -x_px], [0, 1, -y_px]], np.float32)
    return np.asarray(
        cv2.warpAffine(picture, move, (320, 240), flags=cv2.INTER_CUBIC), np.uint8
    )


def test_tracked_points_move_as_the_picture_does():
    picture = paint()
    before, after = track_points(crop(picture, 20, 20), crop(picture, 32.5, 15.25))
    assert len(before) > 100
    np.testing.assert_allclose(
        np.median(after - before, axis=0), [-12.5, 4.75], atol=0.05
    )


def test_matched_points_lie_where_the_other_camera_sees_them():
    picture = paint(1)
    left, right = match_points(crop(picture, 10, 20), crop(picture, 50, 20))
    assert len(left) > 50
    assert np.mean(np.abs(right - left - [-40, 0]).max(axis=1) < 0.5) > 0.9


def test_matches_are_those_of_the_matcher_of_opencv():
    picture = paint(3)
    orb = cv2.ORB.create(300)
    found_l, found_r = (
        orb.detectAndCompute(crop(picture, x, 20), None)[1] for x in (10, 30)
    )
    matcher = cv2.BFMatcher(cv2.NORM_HAMMING)
    home = {m.queryIdx: m.trainIdx for m in matcher.match(found_r, found_l)}
    wanted = [
        [first.queryIdx, first.trainIdx]
        for first, second in matcher.knnMatch(found_l, found_r, k=2)
        if first.distance < 0.8 * second.distance
        and home[first.trainIdx] == first.queryIdx
    ]
    assert len(wanted) > 50
    assert match_clearly(found_l, found_r).tolist() == wanted


def test_a_picture_of_nothing_has_no_points():
    flat = np.full((120, 160), 90, np.uint8)
    assert [len(p) for p in (*track_points(flat, flat), *match_points(flat, flat))] == [
        0,
        0,
        0,
        0,
    ]
    assert (
        measure_steps(
            [flat] * 3,
            np.array([0.0, 0.1, 0.2]),
            Camera((160, 120), (200.0, 200.0), (80.0, 60.0)),
        )
        == []
    )


def test_steps_back_and_over_gaps_are_left_out():
    picture = paint(2)
    images = [crop(picture, 20 + 2 * k, 20) for k in range(8)]
    # back after 0.2, then 0.25 and 0.3 s; the median is 0.1
    t_s = np.array([0.0, 0.1, 0.2, 0.15, 0.4, 0.5, 0.6, 0.9])
    steps = measure_steps(
        images, t_s, Camera((320, 240), (240.0, 240.0), (159.5, 119.5))
    )
    assert [s.start_s for s in steps] == [0.0, 0.1, 0.4, 0.5]
