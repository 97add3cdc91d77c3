"""Clock reports beside a slow reference: points tracked both ways on all levels, descriptors matched one by one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from assets.capture.simulate import SimulationSpec
from assets.clocks import comparisons
from assets.clocks.evidence import gather_evidence
from assets.clocks.streams import Figures, Gray
from bench.clocks import FAULTS, Fault, Taken, judge, take_capture
from models.geometry import clock_offset

SECONDS = 2.0  # 20 frames a camera
CHANGES = [
    fault
    for fault in FAULTS
    if fault.shift is None  # what is done to the stamps and the pose of a sound capture
]
MAX_OFFSET_MS = 5.0  # half of what a check tells
MAX_TILT_DEG = 1e-6


def track_slowly(
    before: Gray, after: Gray, _window_px: int
) -> tuple[np.ndarray, np.ndarray]:
    """As many corners as there are, there and back in windows of 15 px, each time from the coarsest level."""
    corners = cv2.goodFeaturesToTrack(before, 250, 0.01, 5)
    there, is_found, _ = cv2.calcOpticalFlowPyrLK(
        before, after, corners, None, winSize=(15, 15), maxLevel=4
    )
    home, is_back, _ = cv2.calcOpticalFlowPyrLK(
        after, before, there, None, winSize=(15, 15), maxLevel=4
    )
    miss_px = np.linalg.norm((home - corners).reshape(-1, 2), axis=1)
    kept = (is_found.ravel() == 1) & (is_back.ravel() == 1) & (miss_px < 0.3)
    return (
        corners.reshape(-1, 2)[kept].astype(np.float64),
        there.reshape(-1, 2)[kept].astype(np.float64),
    )


def match_slowly(left: Gray, right: Gray) -> tuple[np.ndarray, np.ndarray]:
    """ORB by OpenCV's own matcher, a match at a time; refined as one."""
    orb = cv2.ORB.create(700, fastThreshold=7, edgeThreshold=12)
    points_l, found_l = orb.detectAndCompute(left, None)
    points_r, found_r = orb.detectAndCompute(right, None)
    matcher = cv2.BFMatcher(cv2.NORM_HAMMING)
    home = {m.queryIdx: m.trainIdx for m in matcher.match(found_r, found_l)}
    clear = [
        first
        for first, second in matcher.knnMatch(found_l, found_r, k=2)
        if first.distance < 0.8 * second.distance
        and home[first.trainIdx] == first.queryIdx
    ]
    pixels_l = np.array([points_l[m.queryIdx].pt for m in clear], np.float32)
    pixels_r = np.array([points_r[m.trainIdx].pt for m in clear], np.float32)
    refined, is_found, _ = cv2.calcOpticalFlowPyrLK(
        left,
        right,
        pixels_l[:, None],
        pixels_r[:, None].copy(),
        winSize=(15, 15),
        maxLevel=0,
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )
    moved_px = np.linalg.norm(refined[:, 0] - pixels_r, axis=1)
    kept = (is_found.ravel() == 1) & (moved_px < 3.0)
    return pixels_l[kept].astype(np.float64), refined[:, 0][kept].astype(np.float64)


@pytest.fixture(scope="module", params=[1, 4])
def capture(request: pytest.FixtureRequest, tmp_path_factory) -> Taken:
    folder: Path = tmp_path_factory.mktemp("clocks") / "capture"
    return take_capture(folder, SimulationSpec(1, SECONDS, seed=request.param))


def tell(figures: dict[str, Figures]) -> dict[str, tuple[bool, bool, int]]:
    return {
        name: (verdict.passed, verdict.stops, verdict.num_checked)
        for name, verdict in judge(figures).items()
    }


@pytest.mark.parametrize("fault", CHANGES, ids=lambda fault: fault.name)
def test_reports_are_those_of_the_slow_reference(
    capture: Taken, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    cameras = fault.change(capture.cameras, np.random.default_rng(0))
    found = gather_evidence(cameras, capture.gyro, capture.load)
    monkeypatch.setattr(clock_offset, "track_points", track_slowly)
    monkeypatch.setattr(comparisons, "match_points", match_slowly)
    wanted = gather_evidence(cameras, capture.gyro, capture.load)
    assert tell(found) == tell(wanted)
    for sensor, figures in wanted.items():
        mine = found[sensor]
        assert mine.keys() == figures.keys()
        for name, value in figures.items():
            if name.endswith("offset_ms"):
                assert mine[name] == pytest.approx(value, abs=MAX_OFFSET_MS), name
        if "tilt_deg" in figures:
            assert mine["tilt_deg"] == pytest.approx(
                figures["tilt_deg"], abs=MAX_TILT_DEG
            )
            assert mine["num_matches"] == figures["num_matches"]


def test_images_that_two_cameras_share_are_loaded_at_once(capture: Taken) -> None:
    asked: list[int] = []

    def load(frame_ids: Sequence[str], width_px: int) -> list[Gray]:
        asked.append(len(frame_ids))
        return capture.load(frame_ids, width_px)

    gather_evidence(capture.cameras, capture.gyro, load)
    assert asked == [20, 20, 12, 12]
