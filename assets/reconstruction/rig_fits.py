"""Whether a rig still is as it was calibrated: the newest calibration of its cameras against what they see together.

Any capture will do that has stamps and views that overlap: no board is needed. A camera that was knocked leaves matches
off their epipolar lines, and the turn that would put them back says by how much.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import groupby
from typing import Any

from assets.clocks.evidence import CameraStream
from assets.clocks.reports import load_luma, read_cameras
from assets.tables.catalog import Catalog, is_in, session_is
from assets.tables.rows import CalibrationRow
from assets.tables.schemas import TABLES, content_id, to_table

_FRAMES = [
    "frame_id",
    "capture_id",
    "sensor",
    "kind",
    "t_ns",
    "sequence",
    "width_px",
    "height_px",
]
Row = dict[str, Any]


def fit_session(catalog: Catalog, session: str) -> list[Row]:
    """Make the session's rows of `rig_fits`: one a capture and camera but the reference, with figures or a reason."""
    where = f"{session_is(session)} AND kind = 'color'"
    frames = catalog.read("frames", _FRAMES, where).to_pylist()
    frames.sort(key=lambda f: (f["capture_id"], f["sensor"], f["sequence"]))
    rows = []
    for capture_id, group in groupby(frames, key=lambda f: f["capture_id"]):
        mine = list(group)
        calibration = find_calibration(catalog, {f["sensor"] for f in mine})
        facts = {"capture_id": capture_id, "session": session}
        rows += [
            facts
            | {"rig_fit_id": content_id("rig fit", capture_id, row["sensor"])}
            | row
            for row in _fit(catalog, mine, calibration)
        ]
    key = "rig_fit_id"
    have = catalog.read_latest("rig_fits", [key], session_is(session))[key].to_pylist()
    gone = sorted(set(have) - {row[key] for row in rows})
    if gone:
        catalog.delete("rig_fits", is_in(key, gone))
    catalog.upsert("rig_fits", to_table(TABLES["rig_fits"], rows))
    return rows


def find_calibration(
    catalog: Catalog, sensors: set[str], in_metres: bool = False
) -> list[Row]:
    """The rows of the newest published calibration that has two of these cameras, the reference first; none where
    there is none."""
    where = "reason IS NULL" + (" AND length_unit = 'm'" if in_metres else "")
    rows = catalog.read("rig_calibrations", where=where).to_pylist()
    rigs: dict[str, list[Row]] = {}
    for row in rows:
        if row["sensor"] in sensors:
            rigs.setdefault(row["session"], []).append(row)
    able = [rig for rig in rigs.values() if len(rig) > 1]
    if not able:
        return []
    newest = max(able, key=lambda rig: (rig[0]["made_ns"], rig[0]["session"]))
    return sorted(
        newest, key=lambda r: (r["sensor"] != r["reference_sensor"], r["sensor"])
    )


def to_calibration(row: Row) -> CalibrationRow:
    """As the clocks read calibrations."""
    return {
        "calibration_id": row["calibration_id"],
        "capture_id": row["calibration_id"],
        "session": row["session"],
        "sensor": row["sensor"],
        "width_px": row["width_px"],
        "height_px": row["height_px"],
        "fx_px": row["fx_px"],
        "fy_px": row["fy_px"],
        "cx_px": row["cx_px"],
        "cy_px": row["cy_px"],
        "distortion_model": row["distortion_model"],
        "distortion": row["distortion"],
        "rig_from_camera": row["rig_from_camera"],
        "source_path": "",
        "source_offset": 0,
        "source_length": None,
        "source_inner_offset": None,
    }


def _fit(
    catalog: Catalog, frames: Sequence[Any], calibration: Sequence[Row]
) -> list[Row]:
    sensors = sorted({f["sensor"] for f in frames})
    if not calibration:
        reason = "no calibration of a session has two of these cameras"
        return [{"sensor": sensor, "reason": reason} for sensor in sensors]
    from assets.clocks.comparisons import compare_views  # seconds to load

    streams = {
        s.sensor: s
        for s in read_cameras(list(frames), [to_calibration(r) for r in calibration])
    }
    first, *others = (row["sensor"] for row in calibration)
    facts = {
        "reference_sensor": first,
        "calibrated_in": calibration[0]["session"],
        "calibration_sha256": calibration[0]["input_sha256"],
    }
    load = partial(load_luma, catalog)
    rows = []
    for sensor in others:
        obstacle = _find_obstacle(streams[sensor]) or _find_obstacle(streams[first])
        if obstacle:
            found: Row = {"reason": obstacle}
        else:
            found = dict(compare_views(streams[sensor], streams[first], 0, load))
            found["reason"] = found.pop("calibration_reason", None)
        rows.append({"sensor": sensor, **facts, **found})
    return rows


def _find_obstacle(stream: CameraStream) -> str | None:
    if len(stream.t_ns) < 2:
        return "these frames carry no time"
    return stream.unknown or None
