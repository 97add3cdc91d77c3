"""What depth of one stereo pair says as a row: the images, how much they cover, and how they agree with a sensor."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.reconstruction.stereo_pairs import DepthSensor, StereoPair
from models.geometry.stereo import (
    Depths,
    Gray,
    choose_num_disparities,
    match,
    measure_depths,
)

if TYPE_CHECKING:
    from assets.inference.stereo_net import StereoNet

Row = dict[str, Any]
_MOST_SENSOR_POINTS = 20_000
_MOST_UNITS = 65535


def make_row(
    pair: StereoPair,
    first: Gray,
    second: Gray,
    sensor_depth: NDArray[Any] | None,
    net: StereoNet | None = None,
) -> Row:
    """The figures of a row of `depth_maps`, without ids, by a net or by semi-global matching. `sensor_depth` (H, W) in
    m, 0 where unknown.

    Raises ValueError for pictures of another size than their calibration's.
    """
    rectification, camera = pair.cameras.rectification, pair.cameras.first
    assert rectification is not None and camera is not None
    num_disparities = choose_num_disparities(camera.size_px[0])
    by_sgm = partial(match, num_disparities=num_disparities)
    match_pair = by_sgm if net is None else net.match
    depths, disparities = measure_depths(rectification, first, second, match_pair)
    # as far as a disparity of 1 px
    m_per_unit = float(np.nanmedian(depths.per_disparity)) / _MOST_UNITS
    units = to_units(depths, m_per_unit)
    is_kept = units > 0
    row = {
        "baseline_m": rectification.baseline_m,
        "focal_px": rectification.camera.focal_px[0],
        "num_disparities": num_disparities if net is None else None,
        "net_sha256": None if net is None else net.sha256,
        "width_px": camera.size_px[0],
        "height_px": camera.size_px[1],
        "coverage": float(is_kept.mean()),
        "agreement": disparities.agreement,
        "depth_m_per_unit": m_per_unit,
        "payload": encode(units),
        "confidence_payload": encode(
            np.where(is_kept, np.round(255 * depths.confidence), 0).astype(np.uint8)
        ),
    }
    if is_kept.any():
        row["median_confidence"] = float(np.median(depths.confidence[is_kept]))
        row["median_depth_m"] = float(np.median(depths.depth_m[is_kept]))
        row["median_sigma_m"] = float(np.median(depths.sigma_m[is_kept]))
    if pair.sensor is not None and sensor_depth is not None:
        row |= compare_with_sensor(pair, pair.sensor, depths, sensor_depth)
    return row


def rectify_pair(pair: StereoPair, first: Gray, second: Gray) -> tuple[Gray, Gray]:
    """For a picture: rows are epipolar lines."""
    assert pair.cameras.rectification is not None
    return pair.cameras.rectification.warp(first, second)


def to_units(depths: Depths, m_per_unit: float) -> NDArray[np.uint16]:
    """(H, W), 0 where unknown; what lies beyond is unknown, since its error is a quarter of it."""
    units = np.round(np.nan_to_num(depths.depth_m, nan=0.0) / m_per_unit)
    return np.where(units <= _MOST_UNITS, units, 0).astype(np.uint16)


def encode(image: NDArray[Any]) -> bytes:
    """PNG."""
    return cv2.imencode(".png", image)[1].tobytes()


def compare_with_sensor(
    pair: StereoPair, sensor: DepthSensor, depths: Depths, sensor_depth: NDArray[Any]
) -> Row:
    """In px of disparity, which is the difference of depths by z^2 / (f B); no figures where nothing meets."""
    step = max(1, int(np.ceil(np.sqrt(sensor_depth.size / _MOST_SENSOR_POINTS))))
    there = sensor_depth[::step, ::step]
    rows, columns = np.nonzero(there > 0)
    pixels = np.column_stack([columns, rows]) * step
    points = sensor.camera.unproject(pixels, there[rows, columns])
    points = (
        points @ sensor.first_from_sensor[:3, :3].T + sensor.first_from_sensor[:3, 3]
    )
    assert pair.cameras.first is not None
    seen = pair.cameras.first.project(points)
    height, width = depths.depth_m.shape
    with np.errstate(invalid="ignore"):
        is_inside = (points[:, 2] > 0) & (seen > -0.5).all(axis=1)
        is_inside &= (seen[:, 0] < width - 0.5) & (seen[:, 1] < height - 0.5)
    at = np.round(seen[is_inside]).astype(int)
    by_stereo = depths.depth_m[at[:, 1], at[:, 0]]
    scale = depths.per_disparity[at[:, 1], at[:, 0]]
    off = scale / by_stereo - scale / points[is_inside, 2]
    off = off[np.isfinite(off)]
    if not len(off):
        return {"num_sensor_points": 0}
    return {
        "num_sensor_points": len(off),
        "sensor_off_px": float(np.median(np.abs(off))),
        "sensor_bias_px": float(np.median(off)),
    }
