"""How far the objects of an exam are, where their camera has a depth image of the moment.

A depth image is of the same camera where it has the same calibration, place on the rig included; it is of the same
moment where their times differ by at most MAX_LAG_NS. Where there is none, nobody knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from assets.images import decode_depth
from assets.tables.catalog import Catalog, is_in
from assets.tables.rows import ObjectScoreRow
from assets.video_frames import unpack
from models.object_distance import measure_distance

MAX_LAG_NS = 20_000_000
_SAME = ("width_px", "height_px", "fx_px", "fy_px", "cx_px", "cy_px")
_AT_ONCE = 32  # depth images in memory
Sensor = tuple[str, str]  # capture_id and sensor


def add_distances(
    catalog: Catalog, objects: Sequence[ObjectScoreRow]
) -> list[ObjectScoreRow]:
    """The rows, those with a box and a depth image with their distance."""
    boxed = [row for row in objects if row["x_min"] is not None]
    depth_of = _find_depth(catalog, boxed)
    distance_of: dict[str, float | None] = {}
    ids = sorted(set(depth_of.values()))
    for start in range(0, len(ids), _AT_ONCE):
        some = _read_depth(catalog, ids[start : start + _AT_ONCE])
        for row in boxed:
            depth_m = some.get(depth_of.get(row["frame_id"], ""))
            if depth_m is not None:
                box = [row["x_min"], row["y_min"], row["x_max"], row["y_max"]]
                distance_of[row["object_score_id"]] = measure_distance(
                    depth_m, np.array(box, np.float64)
                )
    return [
        {**row, "distance_m": distance_of.get(row["object_score_id"])}
        for row in objects
    ]


def _find_depth(catalog: Catalog, rows: Sequence[ObjectScoreRow]) -> dict[str, str]:
    """The depth frame of each colour frame that has one, by ids."""
    if not rows:
        return {}
    captures = sorted({row["capture_id"] for row in rows})
    columns = ["frame_id", "capture_id", "sensor", "t_ns"]
    depth = catalog.read_latest(
        "frames", columns, f"kind = 'depth' AND {is_in('capture_id', captures)}"
    ).to_pylist()
    if not depth:
        return {}
    asked = catalog.read_of(
        "frames", columns, "frame_id", sorted({row["frame_id"] for row in rows})
    ).to_pylist()
    cameras = _read_cameras(catalog, captures)
    of_camera: dict[tuple[Any, ...], list[tuple[int, str]]] = {}
    for row in depth:
        camera = cameras.get((row["capture_id"], row["sensor"]))
        if camera is not None and row["t_ns"] is not None:
            of_camera.setdefault(camera, []).append((row["t_ns"], row["frame_id"]))
    found = {}
    for row in asked:
        near = of_camera.get(cameras.get((row["capture_id"], row["sensor"]), ()))
        if near and row["t_ns"] is not None:
            lag, frame_id = min((abs(t - row["t_ns"]), i) for t, i in near)
            if lag <= MAX_LAG_NS:
                found[row["frame_id"]] = frame_id
    return found


def _read_cameras(
    catalog: Catalog, captures: Sequence[str]
) -> dict[Sensor, tuple[Any, ...]]:
    """Capture and optics of each sensor whose place on the rig is known: equal for images of one camera."""
    columns = ["capture_id", "sensor", *_SAME, "rig_from_camera"]
    where = f"rig_from_camera IS NOT NULL AND {is_in('capture_id', captures)}"
    return {
        (row["capture_id"], row["sensor"]): (
            row["capture_id"],
            *(row[name] for name in _SAME),
            *row["rig_from_camera"],
        )
        for row in catalog.read_latest("calibrations", columns, where).to_pylist()
    }


def _read_depth(catalog: Catalog, frame_ids: list[str]) -> dict[str, np.ndarray]:
    """(H, W) metres of each whose unit is known, by id."""
    rows = [
        row
        for row in catalog.read_of(
            "frames", ["frame_id", "depth_m_per_unit", "payload"], "frame_id", frame_ids
        ).to_pylist()
        if row["depth_m_per_unit"] is not None
    ]
    images = unpack(catalog, [row["payload"] for row in rows])
    return {
        row["frame_id"]: decode_depth(image).astype(np.float32)
        * np.float32(row["depth_m_per_unit"])
        for row, image in zip(rows, images, strict=True)
    }
