"""Boxes where a camera that does not turn would have them: in angles about the scene, scaled to pixels.

A camera that shakes moves all boxes at once, and a path is smooth no more. What its turns do to a picture does not
depend on how far things are, so known turns can be taken out exactly. What its steps aside do depends on that, and
stays in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.geometry.camera import Camera
from models.tracking.overlaps import assign, find_overlaps
from models.tracking.sightings import Floats, Ints, Sightings

_EDGE_PX = (
    0.5  # boxes count from the outer edge of the first pixel, cameras from its middle
)
_LEAST_LENGTH = 1e-6


@dataclass(frozen=True)
class Turns:
    """How a camera was turned in each of K frames. Raises ValueError for arrays that do not fit together."""

    camera: Camera
    frames: Ints  # (K,) growing
    world_from_camera: Floats  # (K, 3, 3) rotations

    def __post_init__(self) -> None:
        if self.world_from_camera.shape != (len(self.frames), 3, 3):
            raise ValueError(
                f"{len(self.frames)} frames, rotations of shape {self.world_from_camera.shape}: one each"
            )
        if not len(self.frames) or not np.isfinite(self.world_from_camera).all():
            raise ValueError("a rotation is not finite, or there is none")


@dataclass(frozen=True)
class Chart:
    """The way between boxes of frames and boxes in angles, in px at the camera's focal length.

    Its equator goes through where the camera looks on average, upright as its pictures are. A camera that turns all
    around goes on past half a turn, so nothing jumps. Boxes keep their sides.
    """

    turns: Turns
    chart_from_camera: Floats  # (K, 3, 3)
    ahead_rad: Floats  # (K,) of the optical axis along the equator, without jumps

    def flatten(self, frames: Ints, boxes_xyxy: Floats) -> Floats:
        """(N, 4) in the chart of boxes (N, 4) in these frames; NaN of those that no ray reaches.

        Frames are some of those of the turns.
        """
        rows = np.searchsorted(self.turns.frames, frames)
        middles = (boxes_xyxy[:, :2] + boxes_xyxy[:, 2:]) / 2 - _EDGE_PX
        rays = self.turns.camera.find_rays(middles)
        x, y, z = np.einsum("nij,nj->in", self.chart_from_camera[rows], rays)
        ahead = self.ahead_rad[rows]
        along = ahead + _wrap(np.arctan2(x, z) - ahead)
        angles = np.column_stack([along, np.arctan2(y, np.hypot(x, z))])
        return _put(angles * self._scale, boxes_xyxy)

    def unflatten(self, frames: Ints, boxes_xyxy: Floats) -> Floats:
        """And back; NaN of those whose middle the camera does not see."""
        rows = np.searchsorted(self.turns.frames, frames)
        along, down = ((boxes_xyxy[:, :2] + boxes_xyxy[:, 2:]) / 2 / self._scale).T
        rays = np.column_stack(
            [
                np.sin(along) * np.cos(down),
                np.sin(down),
                np.cos(along) * np.cos(down),
            ]
        )
        seen = np.einsum("nji,nj->ni", self.chart_from_camera[rows], rays)
        return _put(self.turns.camera.project(seen) + _EDGE_PX, boxes_xyxy)

    @property
    def _scale(self) -> float:
        return self.turns.camera.mean_focal_px


def draw_chart(turns: Turns) -> Chart:
    """The chart of a camera's turns."""
    down = turns.world_from_camera[:, :, 1].mean(axis=0)
    if np.linalg.norm(down) < _LEAST_LENGTH:  # it rolls all around: no way is down
        down = turns.world_from_camera[0, :, 1]
    down = down / np.linalg.norm(down)
    ahead = turns.world_from_camera[0, :, 2]
    ahead = ahead - (ahead @ down) * down
    if np.linalg.norm(ahead) < _LEAST_LENGTH:
        ahead = np.cross(turns.world_from_camera[0, :, 0], down)
    ahead = ahead / np.linalg.norm(ahead)
    chart_from_world = np.stack([np.cross(down, ahead), down, ahead])
    turned = chart_from_world @ turns.world_from_camera
    along = np.unwrap(np.arctan2(turned[:, 0, 2], turned[:, 2, 2]))
    return Chart(turns, turned, along)


def steady(sightings: Sightings, chart: Chart) -> Sightings | None:
    """The sightings in the chart; None where they follow each other no better there.

    A camera that goes around a thing keeps it in the middle by turning: to take that out would move it.
    """
    flat = chart.flatten(sightings.frames, sightings.boxes_xyxy)
    if not np.isfinite(flat).all():
        return None
    steadied = replace(sightings, boxes_xyxy=flat)
    return steadied if _follow(steadied) > _follow(sightings) else None


def _follow(sightings: Sightings) -> float:
    """How much boxes of frames one after another overlap, each with one, in all."""
    frames, starts = np.unique(sightings.frames, return_index=True)
    parts = np.split(sightings.boxes_xyxy, starts[1:])
    total = 0.0
    for place in np.flatnonzero(np.diff(frames) == 1).tolist():
        pairs = assign(find_overlaps(parts[place], parts[place + 1]))
        total += float(pairs.gains.sum())
    return total


def _put(middles: Floats, boxes_xyxy: Floats) -> Floats:
    """Boxes of the same sides at other places."""
    half = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]) / 2
    return np.concatenate([middles - half, middles + half], axis=1)


def _wrap(angles: Floats) -> Floats:
    return np.mod(angles + np.pi, 2 * np.pi) - np.pi
