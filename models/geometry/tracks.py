"""Sparse points seen in two images: tracked from frame to frame, or matched between two cameras."""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]  # (H, W) luma
Pixels = NDArray[np.float64]  # (N, 2) px, pixel centres

MAX_CORNERS = 120
_CORNER_QUALITY = 0.01
_CORNER_DISTANCE_PX = 10
# a row of 16 fills whole registers: 15 take almost twice as long
WINDOW_PX = 16
_LEVELS = 4
_MAX_RETURN_PX = 0.3  # a point tracked there and back must come home
_RATIO = 0.8
_MAX_FEATURES = 700
_FAST_THRESHOLD = 7
_MATCH_WINDOW_PX = (15, 15)
_ROWS = 24  # descriptors that are compared with all others at once, within the processor's cache
_MARGIN_PX = 12  # points near the border say most about turns about the vertical
# an ORB corner of a coarse level lies no further from its place
_MAX_REFINEMENT_PX = 3.0


def track_points(
    before: Gray, after: Gray, window_px: int = WINDOW_PX
) -> tuple[Pixels, Pixels]:
    """The same N points in two frames of one camera (N, 2) each, by pyramidal Lucas-Kanade, there and back.

    What lies within a window of `window_px` is taken to move alike.
    """
    corners = cv2.goodFeaturesToTrack(
        before, MAX_CORNERS, _CORNER_QUALITY, _CORNER_DISTANCE_PX
    )
    if corners is None or not len(corners):
        return np.empty((0, 2)), np.empty((0, 2))
    flow = partial(cv2.calcOpticalFlowPyrLK, winSize=(window_px, window_px))
    there, is_found, _ = flow(before, after, corners, None, maxLevel=_LEVELS)
    # a right track is home already, and stays
    home, is_back, _ = flow(
        after,
        before,
        there,
        corners.copy(),
        maxLevel=0,
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )
    miss_px = np.linalg.norm((home - corners).reshape(-1, 2), axis=1)
    kept = (is_found.ravel() == 1) & (is_back.ravel() == 1) & (miss_px < _MAX_RETURN_PX)
    return corners.reshape(-1, 2)[kept].astype(np.float64), there.reshape(-1, 2)[
        kept
    ].astype(np.float64)


def match_points(left: Gray, right: Gray) -> tuple[Pixels, Pixels]:
    """The same N points seen by two cameras (N, 2) each: ORB, clearly nearest both ways, refined by Lucas-Kanade."""
    orb = cv2.ORB.create(
        _MAX_FEATURES, fastThreshold=_FAST_THRESHOLD, edgeThreshold=_MARGIN_PX
    )
    points_l, found_l = orb.detectAndCompute(left, None)
    points_r, found_r = orb.detectAndCompute(right, None)
    if found_l is None or found_r is None or min(len(found_l), len(found_r)) < 2:
        return np.empty((0, 2)), np.empty((0, 2))
    pairs = match_clearly(np.asarray(found_l, np.uint8), np.asarray(found_r, np.uint8))
    if not len(pairs):
        return np.empty((0, 2)), np.empty((0, 2))
    pixels_l, pixels_r = (
        np.array(cv2.KeyPoint.convert(points, indices.tolist())).reshape(-1, 1, 2)
        for points, indices in zip((points_l, points_r), pairs.T, strict=True)
    )
    refined, is_found, _ = cv2.calcOpticalFlowPyrLK(
        left,
        right,
        pixels_l,
        pixels_r.copy(),
        winSize=_MATCH_WINDOW_PX,
        maxLevel=0,
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )
    moved_px = np.linalg.norm((refined - pixels_r).reshape(-1, 2), axis=1)
    kept = (is_found.ravel() == 1) & (moved_px < _MAX_REFINEMENT_PX)
    return pixels_l.reshape(-1, 2)[kept].astype(np.float64), refined.reshape(-1, 2)[
        kept
    ].astype(np.float64)


def match_clearly(
    found_l: NDArray[np.uint8], found_r: NDArray[np.uint8]
) -> NDArray[np.int64]:
    """Indices (M, 2) of descriptors (N, 32) that are nearest to each other, and clearly nearer than the next."""
    distance = count_other_bits(found_l, found_r)
    mine = np.arange(len(distance))
    nearest = distance.argmin(axis=1)
    is_mutual = distance.argmin(axis=0)[nearest] == mine
    first = distance[mine, nearest]
    distance[mine, nearest] = np.iinfo(distance.dtype).max
    is_clear = first < _RATIO * distance.min(axis=1)
    return np.column_stack([mine, nearest])[is_mutual & is_clear]


def count_other_bits(
    found_l: NDArray[np.uint8], found_r: NDArray[np.uint8]
) -> NDArray[np.uint16]:
    """Bits (N, M) in which descriptors (N, 32) differ from others (M, 32)."""
    words_l = np.ascontiguousarray(found_l).view(np.uint64)
    words_r = np.ascontiguousarray(np.ascontiguousarray(found_r).view(np.uint64).T)
    counts = np.empty((len(found_l), len(found_r)), np.uint16)
    for start in range(0, len(counts), _ROWS):
        rows = slice(start, start + _ROWS)
        in_words = np.bitwise_count(words_l[rows, :, None] ^ words_r)
        in_words.sum(axis=1, dtype=np.uint16, out=counts[rows])
    return counts
