"""Depth of a frame as a layer over its picture: colours from near to far, and which colour is how many metres.

Of a picture it is what stereo found (`depth_maps`), of a depth image its own. Values leave as colours alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.browsing.frame_index import FrameIndex, FrameMissing
from assets.browsing.pictures import find_upright
from assets.browsing.upright import Upright
from assets.images import decode_depth
from assets.tables.catalog import Catalog, is_in
from assets.video_frames import unpack

MOST_SIDE_PX = 1_600  # of the layer
NUM_COLORS = 9  # of the scale
_ENDS_PERCENT = (2, 98)  # of what is near and far: one wrong pixel is not the scale
_FACTS = ("depth_map_id", "sensor", "other_sensor", "coverage", "median_sigma_m")
_STORED = ("depth_m_per_unit", "payload")


@dataclass(frozen=True)
class DepthLayer:
    """`depth_m` (H, W), 0 where unknown, as the picture is shown; colours go from `near_m` to `far_m`, by their
    inverse, as the error of stereo does."""

    depth_m: NDArray[np.float32]
    near_m: float
    far_m: float

    @property
    def coverage(self) -> float:
        """Share of the pixels that have a depth."""
        return float((self.depth_m > 0).mean())

    def paint(self) -> bytes:
        """PNG, transparent where there is no depth."""
        is_known = self.depth_m > 0
        inverse = np.divide(
            1.0, self.depth_m, out=np.zeros_like(self.depth_m), where=is_known
        )
        bgr = _color(self._share(inverse))
        bgra = np.dstack([bgr, np.where(is_known, 255, 0).astype(np.uint8)])
        return cv2.imencode(".png", bgra)[1].tobytes()

    def list_scale(self) -> list[dict[str, Any]]:
        """From near to far: colours that are equally apart, and the metres of each."""
        inverse = np.linspace(1 / self.near_m, 1 / self.far_m, NUM_COLORS)
        (colors,) = _color(self._share(inverse)[None])
        return [
            {"depth_m": float(1 / one), "rgb": color[::-1].tolist()}
            for one, color in zip(inverse, colors, strict=True)
        ]

    def _share(self, inverse: NDArray[Any]) -> NDArray[Any]:
        """1 at the near end, 0 at the far one."""
        low, high = 1 / self.far_m, 1 / self.near_m
        return np.clip((inverse - low) / max(high - low, 1e-12), 0, 1)


def describe_depth(
    catalog: Catalog, index: FrameIndex, frame_id: str
) -> dict[str, Any] | None:
    """From what a frame has a depth, in words; None where it has none."""
    found = _find_map(catalog, frame_id)
    if found is not None:
        about = f"stereo of {found['sensor']} and {found['other_sensor']}"
        return {"told": about, "sigma_m": found["median_sigma_m"]}
    is_depth = _describe_frame(index, _locate(index, frame_id))["kind"] == "depth"
    return {"told": "measured by its sensor", "sigma_m": None} if is_depth else None


def open_depth(catalog: Catalog, index: FrameIndex, frame_id: str) -> DepthLayer | None:
    """None for a frame without a depth. Raises FrameMissing, and ValueError for what does not decode."""
    position = _locate(index, frame_id)
    turn = find_upright(index, position)
    found = _find_map(catalog, frame_id)
    if found is not None:
        where = is_in("depth_map_id", [found["depth_map_id"]])
        (row,) = catalog.read_latest("depth_maps", _STORED, where).to_pylist()
        image = row["payload"]
    elif _describe_frame(index, position)["kind"] == "depth":
        (row,) = index.take(np.array([position], np.int32), _STORED).to_pylist()
        (image,) = unpack(catalog, [row["payload"]])
    else:
        return None
    units = decode_depth(image)
    if row["depth_m_per_unit"] is None or not units.any():
        return None
    return _make_layer(units, row["depth_m_per_unit"], turn)


def _make_layer(
    units: NDArray[np.uint16], m_per_unit: float, turn: Upright
) -> DepthLayer:
    units = _shrink(units)
    near, far = np.percentile(units[units > 0] * m_per_unit, _ENDS_PERCENT)
    shown = turn.show_values(units).astype(np.float32) * np.float32(m_per_unit)
    return DepthLayer(shown, float(near), float(max(far, near * 1.001)))


def _shrink(units: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """No larger than is shown: pixels are left out, for a mean of near and far is a depth of nothing."""
    step = -(-max(units.shape) // MOST_SIDE_PX)
    few = units[::step, ::step]
    return few if few.any() else units


def _color(share: NDArray[Any]) -> NDArray[np.uint8]:
    """(H, W, 3) BGR, from far (blue) to near (red)."""
    return np.asarray(
        cv2.applyColorMap(np.round(255 * share).astype(np.uint8), cv2.COLORMAP_TURBO),
        np.uint8,
    )


def _find_map(catalog: Catalog, frame_id: str) -> Mapping[str, Any] | None:
    """The facts of its map, of several the one that covers most."""
    where = f"{is_in('frame_id', [frame_id])} AND reason IS NULL"
    rows = catalog.read_latest("depth_maps", _FACTS, where).to_pylist()
    return max(rows, key=lambda row: row["coverage"] or 0, default=None)


def _locate(index: FrameIndex, frame_id: str) -> int:
    (position,) = index.find([frame_id])
    if position < 0:
        raise FrameMissing(frame_id)
    return int(position)


def _describe_frame(index: FrameIndex, position: int) -> Mapping[str, Any]:
    facts: Mapping[str, Any] = index.rows.slice(position, 1).to_pylist()[0]
    return facts
