"""Depth from two calibrated views: rectification, semi-global matching, a confidence and a standard error a pixel.

What is here knows arrays and cameras; which pictures are of one time, and what is kept of them, is not its business.
A pixel that was not matched, or not the same way from both sides, is NaN, never a number. The frame of a rectified
pair has its x axis from the first camera to the second, so a rig may be level, upright or the other way round.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.geometry.camera import Array, Camera

Gray = NDArray[np.uint8]
Image = NDArray[np.float32]

MOST_LEFT_RIGHT_PX = 1.0  # between what both sides say of a pixel
# Standard error of a disparity whose two sides agree, as on Middlebury's Motorcycle; what they differ by adds to it.
BASE_SIGMA_PX = 0.25
BAD_PX = 2.0  # what confidence is about

_STEPS = 16  # a pixel of OpenCV's disparities
_BLOCK_PX = 3
_UNIQUE_PERCENT = 5
_LEAST_ISLAND_PX = 100
_WINDOW = (5, 5)
# Log odds of an error of at most `BAD_PX`, fitted on Middlebury's Motorcycle (cones and edges of 3 m): a constant, then
# by px between both sides, log2(1 + px of spread in the window), log2(1 + grey levels left), share of window unmatched
_LOG_ODDS = (5.14, -1.941, -0.770, -0.536, -3.553)
_WIDEST_TAN = np.tan(np.radians(60))  # off the axis of a rectified pair
_LEAST_OVERLAP = 0.1
_LEAST_ACROSS = 0.5  # of a baseline that lies across what the cameras look along
_MOST_WIDE = 1.5  # a rectified image by the first camera's
_EDGE_POINTS = 64
_CHUNK = 1 << 17


@dataclass(frozen=True)
class StereoRig:
    """Two cameras; `first_from_second` (4, 4) takes points in m, second camera's frame, to the first's."""

    first: Camera
    second: Camera
    first_from_second: Array


@dataclass(frozen=True)
class Disparities:
    """(H, W) each, of the first image: x_first - x_second in px, NaN where unknown; `confidence` is 0 there."""

    px: Image
    sigma_px: Image  # standard error, NaN where unknown
    confidence: Image  # 0 to 1: the probability of an error of at most `BAD_PX`
    agreement: (
        float | None
    )  # share of pixels matched from both sides that agree; None where none is

    @property
    def is_known(self) -> NDArray[np.bool_]:
        """(H, W): where there is a disparity."""
        return np.isfinite(self.px)


# one side: disparities (H, W) of the left image in px, NaN where unknown; and a rectified pair
MatchSide = Callable[[Gray, Gray], Image]
MatchPair = Callable[[Gray, Gray], Disparities]


@dataclass(frozen=True)
class Depths:
    """(H, W) each, on the first camera's own pixels: m along its optical axis, NaN where unknown."""

    depth_m: Image
    sigma_m: Image
    confidence: Image  # 0 where unknown
    per_disparity: Array  # m px: depth = per_disparity / disparity

    @property
    def is_known(self) -> NDArray[np.bool_]:
        """(H, W): where there is a depth."""
        return np.isfinite(self.depth_m)


@dataclass(frozen=True)
class Rectification:
    """How pictures of a rig become a pair whose rows are epipolar lines."""

    camera: Camera  # a pinhole: of both rectified images
    baseline_m: float
    first_map: Image  # (H, W, 2) pixel of the first image; -1 where there is none
    second_map: Image
    back_map: Image  # (h, w, 2) rectified pixel of each of the first image
    slant: Array  # (h, w) depth in the rectified frame by that along the first camera's axis
    sizes_px: tuple[tuple[int, int], tuple[int, int]]  # of both cameras' own images

    @property
    def depth_by_disparity(self) -> float:
        """f B in m px: z = f B / d in the rectified frame."""
        return self.camera.focal_px[0] * self.baseline_m

    def warp(self, first: Gray, second: Gray) -> tuple[Gray, Gray]:
        """The rectified pair; 0 where a camera sees nothing. Raises ValueError for images of another size."""
        for name, image, size_px in zip(
            ("first", "second"), (first, second), self.sizes_px, strict=True
        ):
            if image.shape[1::-1] != size_px:
                raise ValueError(
                    f"the {name} image has {image.shape[1]} x {image.shape[0]} px, its calibration "
                    f"{size_px[0]} x {size_px[1]} px: give the pictures that were calibrated"
                )
        return _warp(first, self.first_map), _warp(second, self.second_map)

    def mask(self, disparities: Disparities) -> Disparities:
        """Without what rests on pixels that one of the cameras does not see."""
        seen, other = (m[..., 0] >= 0 for m in (self.first_map, self.second_map))
        rows, columns = np.indices(seen.shape)
        matched = columns - np.nan_to_num(disparities.px, nan=0.0)
        at = np.clip(np.round(matched), 0, seen.shape[1] - 1).astype(int)
        is_kept = disparities.is_known & seen & other[rows, at] & (matched > -0.5)
        return Disparities(
            np.where(is_kept, disparities.px, np.float32(np.nan)),
            np.where(is_kept, disparities.sigma_px, np.float32(np.nan)),
            np.where(is_kept, disparities.confidence, np.float32(0)),
            disparities.agreement,
        )

    def to_depths(self, disparities: Disparities) -> Depths:
        """On the first camera's own pixels, from the nearest rectified one: z = f B / d, error z^2 / (f B) of d's."""
        x, y = (np.round(self.back_map[..., n]).astype(int) for n in range(2))
        width, height = self.camera.size_px
        is_inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        at = np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)
        d, sigma, confidence = (
            image[at]
            for image in (disparities.px, disparities.sigma_px, disparities.confidence)
        )
        per_disparity = self.depth_by_disparity / self.slant
        is_known = is_inside & (d > 0) & np.isfinite(per_disparity)
        d = np.where(is_known, d, np.nan)
        depth = per_disparity / d
        return Depths(
            depth.astype(np.float32),
            (depth * sigma / d).astype(np.float32),
            np.where(is_known, confidence, 0).astype(np.float32),
            per_disparity,
        )


def rectify(rig: StereoRig) -> Rectification:
    """Turn both cameras to look across their baseline, as pinholes of equal numbers.

    Raises ValueError, with the reason, where two cameras are at one place, one behind the other, or see nothing both.
    """
    baseline = rig.first_from_second[:3, 3]
    length = float(np.linalg.norm(baseline))
    if not np.isfinite(rig.first_from_second).all() or length < 1e-9:
        raise ValueError(
            "both cameras are at one place: without a baseline there is no depth"
        )
    first_turn = _turn_across(baseline / length, rig.first_from_second[:3, :3])
    second_turn = first_turn @ rig.first_from_second[:3, :3]
    camera = _choose_camera(rig, first_turn)
    width, height = camera.size_px
    pixels = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1)
    maps = [
        _map_to(own, turn, camera, pixels.reshape(-1, 2).astype(np.float64)).reshape(
            height, width, 2
        )
        for own, turn in ((rig.first, first_turn), (rig.second, second_turn))
    ]
    overlap = np.mean((maps[0][..., 0] >= 0) & (maps[1][..., 0] >= 0))
    if overlap < _LEAST_OVERLAP:
        raise ValueError(
            f"the views share {100 * overlap:.0f} % of the image: take two cameras that look the same way"
        )
    back_map, slant = _map_back(rig.first, first_turn, camera)
    return Rectification(
        camera,
        length,
        maps[0],
        maps[1],
        back_map,
        slant,
        (rig.first.size_px, rig.second.size_px),
    )


def choose_num_disparities(width_px: int) -> int:
    """A quarter of the width, in sixteens: for a lens of 64 degrees all beyond 3.2 baselines."""
    return max(16, 16 * round(width_px / 64))


def match(first: Gray, second: Gray, num_disparities: int) -> Disparities:
    """Disparities of a rectified pair (H, W), by semi-global matching along three ways, from both sides.

    `num_disparities` is a multiple of 16: beyond it nothing is found. Raises ValueError for images of different size.
    """
    if num_disparities < 16 or num_disparities % 16:
        raise ValueError(
            f"{num_disparities} disparities: give a multiple of 16, such as {choose_num_disparities(first.shape[1])}"
        )
    return match_by(
        first, second, lambda left, right: _match_side(left, right, num_disparities)
    )


def match_by(first: Gray, second: Gray, match_side: MatchSide) -> Disparities:
    """Disparities of a rectified pair (H, W), by what matches one side to the other, from both sides.

    Confidence is that of semi-global matching, on whose errors it was fitted. Raises ValueError for images of different
    size.
    """
    if first.shape != second.shape or first.ndim != 2:
        raise ValueError(
            f"a rectified pair has two grey images of one size, not {first.shape} and {second.shape}"
        )
    px = match_side(first, second)
    other = match_side(second[:, ::-1], first[:, ::-1])[:, ::-1]
    difference = _compare_sides(px, other)
    is_alike = difference <= MOST_LEFT_RIGHT_PX  # NaN is not
    confidence = _find_confidence(first, second, px, difference, is_alike)
    is_kept = _drop_islands(px, is_alike)
    num_matched = int(np.isfinite(difference).sum())
    nan = np.float32(np.nan)
    return Disparities(
        np.where(is_kept, px, nan),
        np.where(is_kept, np.hypot(BASE_SIGMA_PX, difference), nan).astype(np.float32),
        np.where(is_kept, confidence, 0).astype(np.float32),
        float(is_alike.sum() / num_matched) if num_matched else None,
    )


def measure_depths(
    rectification: Rectification, first: Gray, second: Gray, match_pair: MatchPair
) -> tuple[Depths, Disparities]:
    """Depth on the first image's pixels, and the disparities of the rectified pair that it comes from."""
    pair = rectification.warp(first, second)
    disparities = rectification.mask(match_pair(*pair))
    return rectification.to_depths(disparities), disparities


# ---- rectification -----------------------------------------------------------------------------------------------


def _turn_across(across: Array, first_from_second: Array) -> Array:
    """rectified_from_first (3, 3): x along the baseline, z as near as can be to where both cameras look."""
    ahead = first_from_second[:, 2] + [0.0, 0.0, 1.0]
    size = np.linalg.norm(ahead)
    z = ahead - (ahead @ across) * across
    if size < _LEAST_ACROSS or np.linalg.norm(z) < _LEAST_ACROSS * size:
        raise ValueError(
            "one camera is behind the other, or they look apart: take two that stand side by side"
        )
    z = z / np.linalg.norm(z)
    return np.stack([across, np.cross(z, across), z])


def _choose_camera(rig: StereoRig, turn: Array) -> Camera:
    """A pinhole that shows what the first camera sees, at most 60 degrees off the axis."""
    width, height = rig.first.size_px
    x, y = (np.linspace(0, side - 1, _EDGE_POINTS) for side in (width, height))
    pixels = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    rays = rig.first.find_rays(pixels) @ turn.T
    is_ahead = np.nan_to_num(rays[:, 2], nan=-1.0) > 0.05
    rays = rays[is_ahead]
    if not len(rays):
        raise ValueError("the first camera does not look across the baseline")
    flat = np.clip(rays[:, :2] / rays[:, 2:], -_WIDEST_TAN, _WIDEST_TAN)
    low, high = flat.min(axis=0), flat.max(axis=0)
    longest = _MOST_WIDE * max(width, height)
    focal = min(
        0.5 * (rig.first.mean_focal_px + rig.second.mean_focal_px),
        longest / float(max(high - low)),
    )
    size_px = tuple(int(np.ceil(side * focal)) + 1 for side in high - low)
    centre = -low * focal
    return Camera(
        (size_px[0], size_px[1]), (focal, focal), (float(centre[0]), float(centre[1]))
    )


def _map_to(own: Camera, turn: Array, camera: Camera, pixels: Array) -> Image:
    """Pixels (N, 2) of a camera that `turn` takes into the rectified frame; -1 where it sees nothing."""
    found = np.empty((len(pixels), 2), np.float32)
    last = np.array(own.size_px) - 1
    for start in range(0, len(pixels), _CHUNK):
        some = slice(start, start + _CHUNK)
        seen = own.project(camera.unproject(pixels[some]) @ turn)
        is_inside = np.all((seen >= 0) & (seen <= last), axis=1, keepdims=True)
        found[some] = np.where(is_inside, seen, -1)
    return found


def _map_back(own: Camera, turn: Array, camera: Camera) -> tuple[Image, Array]:
    """The rectified pixel (h, w, 2) of each pixel, -1 for none, and the slant (h, w), NaN for none."""
    width, height = own.size_px
    pixels = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1)
    rays = own.unproject(pixels.reshape(-1, 2)) @ turn.T
    slant = np.where(rays[:, 2] > 0.05, rays[:, 2], np.nan)
    seen = rays[:, :2] / slant[:, None] * camera.focal_px + camera.centre_px
    found = np.where(np.isfinite(seen), seen, -1).astype(np.float32)
    return found.reshape(height, width, 2), slant.reshape(height, width)


def _warp(image: Gray, at: Image) -> Gray:
    """The image at places (H, W, 2) in px; 0 outside of it."""
    x, y = np.ascontiguousarray(at[..., 0]), np.ascontiguousarray(at[..., 1])
    return np.asarray(cv2.remap(image, x, y, cv2.INTER_LINEAR), np.uint8)


# ---- matching ----------------------------------------------------------------------------------------------------


def _match_side(left: Gray, right: Gray, num_disparities: int) -> Image:
    """(H, W) px, NaN where unknown. Both are widened, since nothing is sought left of the last disparity."""
    wide = [
        cv2.copyMakeBorder(
            np.ascontiguousarray(side), 0, 0, num_disparities, 0, cv2.BORDER_REPLICATE
        )
        for side in (left, right)
    ]
    area = _BLOCK_PX**2
    matcher = cv2.StereoSGBM.create(
        minDisparity=0,
        numDisparities=num_disparities,
        blockSize=_BLOCK_PX,
        P1=8 * area,
        P2=32 * area,
        disp12MaxDiff=-1,  # from both sides in full, below
        preFilterCap=31,
        uniquenessRatio=_UNIQUE_PERCENT,
        mode=cv2.STEREO_SGBM_MODE_SGBM_3WAY,
    )
    steps = matcher.compute(*wide)[:, num_disparities:]
    return np.where(steps > 0, steps / np.float32(_STEPS), np.float32(np.nan))


def _compare_sides(px: Image, other: Image) -> Image:
    """What both sides differ by, in px: NaN where one of them has nothing."""
    rows, columns = np.indices(px.shape)
    at = np.round(columns - np.nan_to_num(px, nan=0.0)).astype(int)
    theirs = other[rows, np.clip(at, 0, px.shape[1] - 1)]
    return np.where(at >= 0, np.abs(px - theirs), np.float32(np.nan))


def _drop_islands(px: Image, is_alike: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Without patches of fewer than 100 px that lie 2 px off all around."""
    steps = np.where(is_alike, np.nan_to_num(px) * _STEPS, 0).astype(np.int16)
    cv2.filterSpeckles(steps, 0, _LEAST_ISLAND_PX, 2 * _STEPS)
    return np.asarray(steps > 0)


def _find_confidence(
    first: Gray,
    second: Gray,
    px: Image,
    difference: Image,
    is_alike: NDArray[np.bool_],
) -> Image:
    """(H, W) probability of an error of at most `BAD_PX`."""
    known = is_alike.astype(np.float32)
    value = np.where(is_alike, px, 0).astype(np.float32)
    share = cv2.blur(known, _WINDOW)
    weight = np.maximum(share, 1e-3)
    mean = cv2.blur(value, _WINDOW) / weight
    square = cv2.blur(value * value, _WINDOW) / weight
    spread = np.sqrt(np.maximum(square - mean * mean, 0))
    rows, columns = np.indices(px.shape, np.float32)
    there = _warp(second, np.stack([columns - value, rows], -1))
    left = cv2.blur(cv2.absdiff(first, there).astype(np.float32), _WINDOW)
    signs = (
        np.nan_to_num(difference, nan=MOST_LEFT_RIGHT_PX),
        np.log2(1 + spread),
        np.log2(1 + left),
        1 - share,
    )
    odds = _LOG_ODDS[0] + sum(w * s for w, s in zip(_LOG_ODDS[1:], signs, strict=True))
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -20, 20))), np.float32)
