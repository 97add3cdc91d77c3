"""Points in a Rerun recording: scans as their sensor measured them, and depth of stereo pairs where their camera is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from assets.clocks.reports import read_camera
from assets.formats.points.clouds import positions_of
from assets.images import decode_depth, decode_luma
from assets.point_clouds import points_of
from assets.reconstruction.rig_fits import to_calibration
from assets.retrieval.rerun_cameras import place_camera
from assets.retrieval.rerun_motion import Bodies, move
from assets.retrieval.rerun_recording import Recording, join
from assets.tables.catalog import Catalog, repr_sql, session_is
from assets.tables.rows import CalibrationRow
from models.geometry.camera import Camera

Row = Mapping[str, Any]
_MOST_POINTS = 10_000  # of a depth map: a grid of its pixels


def write_scans(
    catalog: Catalog, recording: Recording, bodies: Bodies, where: str
) -> None:
    """The finite points of each scan, below what carries it where a pose moves its frame or its sensor."""
    import rerun as rr

    rows = catalog.read_latest("scans", where=where).to_pylist()
    for row in sorted(rows, key=lambda r: (r["sensor"], r["sequence"])):
        sensor = row["sensor"]
        positions = positions_of(points_of(catalog.blobs, row))
        frame = row["frame_of_reference"] or ""
        body = bodies.paths.get(frame) or bodies.paths.get(sensor)
        scanner = join(body, sensor) if body else bodies.find(None, sensor)
        finite = positions[np.isfinite(positions).all(axis=1)]
        recording.log(scanner, rr.Points3D(finite), row)
        recording.counts["scans"] += 1


def write_depth_clouds(
    catalog: Catalog,
    recording: Recording,
    bodies: Bodies,
    where: str,
    calibrations: Mapping[str, CalibrationRow],
) -> None:
    """Depth of the pairs of a capture, beside the camera that it was measured for; brighter where it is surer.

    Points are not below the camera's own entity, which is flat: its images are there.
    """
    import rerun as rr

    rows = catalog.read_latest("depth_maps", where=f"{where} AND reason IS NULL")
    places: dict[tuple[str, str], str] = {}
    cameras: dict[tuple[str, str, int, int], Camera | None] = {}
    ordered = sorted(rows.to_pylist(), key=lambda r: (r["t_ns"] or 0, r["frame_id"]))
    for number, row in enumerate(ordered):
        sensor, other = row["sensor"], row["other_sensor"]
        key = (row["calibrated_in"], sensor, row["width_px"], row["height_px"])
        if key not in cameras:
            cameras[key] = _read_camera(catalog, row, calibrations.get(sensor))
        camera = cameras[key]
        if camera is None:
            continue
        if (sensor, other) not in places:
            place = _place(recording, bodies, sensor, calibrations.get(sensor))
            places[sensor, other] = join(place, other)
        points, sure = _unproject(row, camera)
        what = rr.Points3D(points, colors=np.repeat(sure[:, None], 3, axis=1))
        at = {"t_ns": row["t_ns"], "sequence": number}
        recording.log(places[sensor, other], what, at)
        recording.counts["depth_clouds"] += 1


def _place(
    recording: Recording,
    bodies: Bodies,
    sensor: str,
    calibration: CalibrationRow | None,
) -> str:
    """An entity that stands or moves as the camera does."""
    name = f"{sensor}_depth"
    if calibration is not None and calibration["rig_from_camera"] is not None:
        return place_camera(recording, bodies, name, calibration)
    if sensor not in bodies.paths:
        return bodies.find(None, name)
    parent, _, _ = bodies.paths[sensor].rpartition("/")
    path = join(parent, name)
    for poses in bodies.poses[sensor]:
        move(recording, path, poses)
    return path


def _read_camera(
    catalog: Catalog, row: Row, stated: CalibrationRow | None
) -> Camera | None:
    """By the calibration that the depth was measured by: of a board, else as it was recorded; None where it is gone."""
    where = f"{session_is(row['calibrated_in'])} AND reason IS NULL"
    where += f" AND sensor = {repr_sql(row['sensor'])}"
    board = catalog.read_latest("rig_calibrations", where=where).to_pylist()
    by_board = [to_calibration(one) for one in board]
    rows = by_board or ([stated] if stated is not None else [])
    frame: Any = {
        "frame_id": "",
        "t_ns": None,
        "width_px": row["width_px"],
        "height_px": row["height_px"],
    }
    return read_camera(row["sensor"], [frame], list[Any](rows)).camera


def _unproject(row: Row, camera: Camera) -> tuple[Any, Any]:
    """Points (N, 3) in m, camera frame, of a grid of pixels that have a depth, and how sure they are (N,), to 255."""
    depth_m = decode_depth(row["payload"]) * row["depth_m_per_unit"]
    sure = decode_luma(row["confidence_payload"])
    step = max(1, int(np.ceil(np.sqrt(depth_m.size / _MOST_POINTS))))
    rows, columns = np.nonzero(depth_m[::step, ::step])
    y, x = rows * step, columns * step
    points = camera.unproject(np.column_stack([x, y]).astype(float), depth_m[y, x])
    is_known = np.isfinite(points).all(axis=1)
    return points[is_known], sure[y, x][is_known]
