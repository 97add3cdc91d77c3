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
_WINDOW_PX = (16, 16)
_LEVELS = 4
_MAX_RETURN_PX = 0.3  # a point tracked there and back must come home
_RATIO = 0.8
_MAX_FEATURES = 700
_FAST_THRESHOLD = 7
_MATCH_WINDOW_PX = (15, 15)
_MARGIN_PX = 12  # points near the border say most about turns about the vertical
# an ORB corner of a coarse level lies no further from its place
_MAX_REFINEMENT_PX = 3.0


def track_points(before: Gray, after: Gray) -> tuple[Pixels, Pixels]:
    """The same N points in two frames of one camera (N, 2) each, by pyramidal Lucas-Kanade, there and back."""
    corners = cv2.goodFeaturesToTrack(
        before, MAX_CORNERS, _CORNER_QUALITY, _CORNER_DISTANCE_PX
    )
    if corners is None or not len(corners):
        return np.empty((0, 2)), np.empty((0, 2))
    flow = partial(cv2.calcOpticalFlowPyrLK, winSize=_WINDOW_PX)
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
    # of bits as +-1, the product is the number of equal bits less that of others
    signs_l, signs_r = (
        1.0 - 2.0 * np.unpackbits(found, axis=1).astype(np.float32)
        for found in (found_l, found_r)
    )
    num_bits = signs_l.shape[1]
    likeness = signs_l @ signs_r.T
    mine = np.arange(len(likeness))
    nearest = likeness.argmax(axis=1)
    is_mutual = likeness.argmax(axis=0)[nearest] == mine
    first = num_bits - likeness[mine, nearest]
    likeness[mine, nearest] = -np.inf
    is_clear = first < _RATIO * (num_bits - likeness.max(axis=1))
    return np.column_stack([mine, nearest])[is_mutual & is_clear]
