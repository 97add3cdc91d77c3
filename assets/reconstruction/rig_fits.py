"""Whether a rig still is as it was calibrated: the newest calibration of its cameras against what they see together.

Any capture will do that has stamps and views that overlap: no board is needed. A camera that was knocked leaves matches
off their epipolar lines, and the turn that would put them back says by how much.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from functools import cache, partial
from itertools import groupby
from typing import Any

from assets.calibration_order import order_calibrations
from assets.clocks.reports import load_luma, read_cameras
from assets.clocks.streams import CameraStream
from assets.dated import FIRST_DATE_NS
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


def list_unfitted(catalog: Catalog) -> dict[str, str]:
    """Sessions that were never held against the newest calibration of their cameras, and were recorded after it: with
    that calibration's sha256.

    Where a clock tells no date nobody knows what came first, and a session is left to who asks for it.
    """
    if not len(catalog.read("rig_calibrations", ["sensor"], "reason IS NULL")):
        return {}
    sensors_of, end_of = _read_recordings(catalog)
    fits = catalog.read_latest("rig_fits", ["session", "calibration_sha256"])
    fitted = {(r["session"], r["calibration_sha256"]) for r in fits.to_pylist()}
    find = cache(partial(find_calibration, catalog))
    found = {}
    for session, sensors in sorted(sensors_of.items()):
        rig = find(frozenset(sensors))
        if not rig:
            continue
        calibrated, sha256 = rig[0]["session"], rig[0]["input_sha256"]
        is_dated = session in end_of and calibrated in end_of
        is_after = is_dated and end_of[session] > end_of[calibrated]
        if session != calibrated and is_after and (session, sha256) not in fitted:
            found[session] = sha256
    return found


def _read_recordings(catalog: Catalog) -> tuple[dict[str, set[str]], dict[str, int]]:
    """The cameras of each session, and when its last recording ended, where clocks tell dates."""
    columns = ["session", "sensor", "end_ns"]
    rows = catalog.read_latest("clock_reports", columns, "kind = 'color'").to_pylist()
    sensors: dict[str, set[str]] = {}
    ends: dict[str, int] = {}
    for row in rows:
        session, end_ns = row["session"], row["end_ns"]
        sensors.setdefault(session, set()).add(row["sensor"])
        if end_ns is not None and end_ns >= FIRST_DATE_NS:
            ends[session] = max(end_ns, ends.get(session, 0))
    return sensors, ends


def find_calibration(
    catalog: Catalog, sensors: Set[str], in_metres: bool = False
) -> list[Row]:
    """The rows of the published calibration that counts, of those that have two of these cameras, the reference first;
    none where there is none."""
    where = "reason IS NULL" + (" AND length_unit = 'm'" if in_metres else "")
    rows = catalog.read("rig_calibrations", where=where).to_pylist()
    rigs: dict[str, list[Row]] = {}
    for row in rows:
        if row["sensor"] in sensors:
            rigs.setdefault(row["session"], []).append(row)
    able = [rig for rig in rigs.values() if len(rig) > 1]
    if not able:
        return []
    newest = order_calibrations(catalog, [rig[0] for rig in able])[-1]
    return sorted(
        rigs[newest["session"]],
        key=lambda r: (r["sensor"] != r["reference_sensor"], r["sensor"]),
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
