"""The rows of `clock_reports`: one for each capture and sensor, made anew only where something under it changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import groupby
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.clocks.evidence import MIN_GYRO_SAMPLES, gather_evidence
from assets.clocks.offsets import Stream, report_sync
from assets.clocks.streams import CameraStream, Gray, Gyro
from assets.code_versions import version_of
from assets.foreign_text import for_markdown
from assets.formats.messages.rig import RigTransforms
from assets.formats.observations import SignalObservation, Source
from assets.images import Payload, decode_luma
from assets.tables.catalog import Catalog, is_in, repr_sql, session_is
from assets.tables.incremental import Refreshed
from assets.tables.rows import CalibrationRow, FrameRow, SignalRow
from assets.tables.schemas import TABLES, content_id, to_table
from assets.video_frames import unpack
from models.geometry.camera import Camera

_Rows = Sequence[Mapping[str, object]]

_FRAMES = [
    "frame_id",
    "capture_id",
    "sensor",
    "kind",
    "t_ns",
    "sequence",
    "width_px",
    "height_px",
    "sha256",
]
_SIGNALS = [
    "signal_id",
    "capture_id",
    "sensor",
    "kind",
    "t_ns",
    "source_path",
    "source_offset",
    "source_inner_offset",
]
_MOTION = ["sensor", "kind", "t_ns", "values", "frame_of_reference", "child_frame"]
_EVIDENCE = (
    ("imu_offset_ms", "imu_offset_sigma_ms", "imu_reason"),
    ("camera_offset_ms", "camera_offset_sigma_ms", "camera_reason"),
    ("tilt_deg", "tilt_sigma_deg", "calibration_reason"),
)
_MAX_LINES = 50
_REDUCTIONS = (8, 4, 2)
_ASPECT_PX = 2.0  # a calibration for another image size must have the same shape, to this many rows


def refresh_clock_reports(
    catalog: Catalog,
    session: str,
    on_progress: Callable[[int, int], None] | None = None,
) -> Refreshed:
    """Bring the session's rows up to date with its published frames, signals and calibrations."""
    where = session_is(session)
    frames, signals, calibrations = _read_inputs(catalog, where)
    inputs = {
        c: _hash(frames.get(c, []), signals.get(c, []), calibrations.get(c, []))
        for c in {*frames, *signals}
    }
    columns = ["report_id", "capture_id", "input_sha256", "code_version"]
    have = catalog.read_latest("clock_reports", columns, where).to_pylist()
    current = {
        r["capture_id"]
        for r in have
        if r["code_version"] == version_of("clock_reports")
        and r["input_sha256"] == inputs.get(r["capture_id"])
    }
    known = {r["report_id"] for r in have}
    made: list[dict[str, Any]] = []
    todo = sorted(inputs.keys() - current)
    for done, capture_id in enumerate(todo, start=1):
        facts = {
            "capture_id": capture_id,
            "session": session,
            "input_sha256": inputs[capture_id],
        }
        mine = (
            frames.get(capture_id, []),
            signals.get(capture_id, []),
            calibrations.get(capture_id, []),
        )
        made += [facts | row for row in _report_capture(catalog, capture_id, *mine)]
        if on_progress:
            on_progress(done, len(todo))
    ids = {row["report_id"] for row in made}
    gone = [
        r["report_id"]
        for r in have
        if r["capture_id"] not in current and r["report_id"] not in ids
    ]
    if gone:
        catalog.delete("clock_reports", is_in("report_id", gone))
    version = catalog.upsert(
        "clock_reports", to_table(TABLES["clock_reports"], made)
    ).version
    num_current = sum(r["capture_id"] in current for r in have)
    return Refreshed(
        version,
        len(ids - known),
        len(ids & known),
        len(gone),
        num_current + len(ids),
        len(ids),
    )


@dataclass(frozen=True)
class Inputs:
    """What the reports of a capture rest on. `num_streams`: sensors that have a report, one row each."""

    session: str
    sha256: str
    num_streams: int


def read_inputs(catalog: Catalog, where: str | None) -> dict[str, Inputs]:
    """capture -> what its reports would rest on now, of published frames, signals and calibrations."""
    frames, signals, calibrations = _read_inputs(catalog, where)
    return {
        c: Inputs(
            (frames.get(c) or signals[c])[0]["session"],
            _hash(frames.get(c, []), signals.get(c, []), calibrations.get(c, [])),
            len(_list_streams(frames.get(c, []), signals.get(c, []))),
        )
        for c in sorted({*frames, *signals})
    }


def describe_evidence(catalog: Catalog, session: str) -> str:
    """A Markdown table of the cameras: offsets and tilt with their standard errors, or why there are none."""
    rows = catalog.read_latest(
        "clock_reports", where=f"{session_is(session)} AND kind = 'color'"
    ).to_pylist()
    if not rows:
        return "no colour camera"
    lines = [
        "| capture | camera | late on the IMU [ms] | late on the first camera [ms] | turned [deg] |",
        "|" + "---|" * 5,
    ]
    for row in sorted(rows, key=lambda r: (r["capture_id"], r["sensor"]))[:_MAX_LINES]:
        cells = [
            row["capture_id"][:8],
            row["sensor"],
            *(_tell(row, *names) for names in _EVIDENCE),
        ]
        lines.append("| " + " | ".join(map(for_markdown, cells)) + " |")
    return "\n".join(lines)


def read_cameras(
    frames: list[FrameRow], calibrations: list[CalibrationRow]
) -> list[CameraStream]:
    """The colour cameras of one capture, by name, from its rows of `frames` in order of sensor, kind and sequence."""
    return [
        read_camera(
            sensor, list(rows), [c for c in calibrations if c["sensor"] == sensor]
        )
        for (sensor, kind), rows in groupby(frames, key=_sensor_of)
        if kind == "color"
    ]


def read_camera(
    sensor: str, frames: list[FrameRow], calibrations: list[CalibrationRow]
) -> CameraStream:
    """One camera of a capture, from its rows of `frames` in order of sequence, which may not be none."""
    stamped = [f for f in frames if f["t_ns"] is not None]
    size = frames[0]["width_px"], frames[0]["height_px"]
    stamped = [f for f in stamped if (f["width_px"], f["height_px"]) == size]
    camera, pose, unknown = _read_calibration(calibrations, *size)
    t_ns = np.array([f["t_ns"] for f in stamped], np.int64)
    return CameraStream(
        sensor, tuple(f["frame_id"] for f in stamped), t_ns, camera, pose, unknown
    )


def read_gyro(catalog: Catalog, capture_id: str) -> Gyro | None:
    """The capture's first IMU, by name, with enough samples; None where there is none."""
    where = f"capture_id = {repr_sql(capture_id)} AND kind IN ('imu', 'transform')"
    rows = catalog.read("signals", _MOTION, where).to_pylist()
    rig = RigTransforms()
    for r in rows:
        if r["kind"] == "transform":
            rig.add(
                SignalObservation(
                    r["sensor"],
                    "transform",
                    r["t_ns"],
                    r["values"],
                    Source(""),
                    r["frame_of_reference"],
                    r["child_frame"],
                )
            )
    timed = [r for r in rows if r["kind"] == "imu" and r["t_ns"] is not None]
    samples = sorted(timed, key=lambda r: (r["sensor"], r["t_ns"]))
    for sensor, group in groupby(samples, key=lambda r: r["sensor"]):
        mine = list(group)
        rate = np.array([r["values"][:3] for r in mine], np.float64)
        force = np.array([r["values"][3:6] for r in mine], np.float64)
        t_ns, first = np.unique(
            np.array([r["t_ns"] for r in mine], np.int64), return_index=True
        )
        is_finite = np.isfinite(rate[first]).all(axis=1)
        if is_finite.sum() < MIN_GYRO_SAMPLES:
            continue
        frame = mine[0]["frame_of_reference"] or ""
        pose = rig.find_rig_from_camera(frame)
        own = np.eye(3) if _is_root(frame, rows) else None
        turn = own if pose is None else _to_matrix(pose[3:])
        kept = first[is_finite]
        return Gyro(sensor, t_ns[is_finite], rate[kept], turn, force[kept])
    return None


def _is_root(frame: str, signals: Sequence[Any]) -> bool:
    """Whether a frame is the rig itself, as far as anyone says: others are told in it, or no transform is known."""
    known = [r for r in signals if r["kind"] == "transform" and r["frame_of_reference"]]
    parents = {r["frame_of_reference"].strip("/") for r in known}
    children = {(r["child_frame"] or "").strip("/") for r in known}
    name = frame.strip("/")
    return not name or not parents or name in parents - children


def load_luma(catalog: Catalog, frame_ids: Sequence[str], width_px: int) -> list[Gray]:
    """Luma of published frames, in the order asked for, at most `width_px` wide."""
    rows = catalog.read(
        "frames", ["frame_id", "width_px", "payload"], is_in("frame_id", frame_ids)
    ).to_pylist()
    images = unpack(catalog, [r["payload"] for r in rows])
    found = {
        r["frame_id"]: _decode(image, r["width_px"], width_px)
        for r, image in zip(rows, images, strict=True)
    }
    return [found[frame_id] for frame_id in frame_ids]


def _tell(row: dict[str, Any], value: str, sigma: str, reason: str) -> str:
    if row[value] is None:
        return row[reason] or "-"
    return f"{row[value]:.2f} ± {row[sigma]:.2f}"


def _report_capture(
    catalog: Catalog,
    capture_id: str,
    frames: list[FrameRow],
    signals: list[SignalRow],
    calibrations: list[CalibrationRow],
) -> list[dict[str, Any]]:
    """One row a sensor: what its stamps say, and for cameras what their images say about clock and calibration."""
    frames = sorted(frames, key=lambda r: (r["sensor"], r["kind"], r["sequence"]))
    signals = sorted(
        signals,
        key=lambda r: (
            r["sensor"],
            r["kind"],
            r["source_path"],
            r["source_offset"],
            r["source_inner_offset"] or 0,
        ),
    )
    streams = _list_streams(frames, signals)
    cameras = read_cameras(frames, calibrations)
    is_timed = any(len(c.t_ns) > 1 for c in cameras)
    gyro = read_gyro(catalog, capture_id) if is_timed else None
    evidence = gather_evidence(cameras, gyro, partial(load_luma, catalog))
    rows = []
    for report in report_sync(streams):
        facts = asdict(report)
        facts["reference_sensor"] = facts.pop("reference")
        facts |= evidence.get(report.sensor, {}) if report.kind == "color" else {}
        report_id = content_id("clock_report", capture_id, report.sensor, report.kind)
        rows.append(
            {
                "report_id": report_id,
                "code_version": version_of("clock_reports"),
                **facts,
            }
        )
    return rows


def _list_streams(frames: list[FrameRow], signals: list[SignalRow]) -> list[Stream]:
    """The sensors of a capture, in order: those that have a clock, which a fixed part of the rig has not."""
    streams = [
        _stream(*key, list(rows))
        for of in (frames, signals)
        for key, rows in groupby(sorted(of, key=_sensor_of), key=_sensor_of)
    ]
    return [s for s in streams if s.kind != "transform" or len(s.t_ns) > 1]


def _stream(sensor: str, kind: str, rows: list[FrameRow | SignalRow]) -> Stream:
    """The stamps of a sensor. Transforms of several parts share a topic and their stamps: each stamp counts once."""
    t_ns = np.array([r["t_ns"] for r in rows if r["t_ns"] is not None], np.int64)
    return Stream(
        sensor, kind, np.unique(t_ns) if kind == "transform" else t_ns, len(rows)
    )


def _read_calibration(
    calibrations: list[CalibrationRow], width_px: int, height_px: int
) -> tuple[Camera | None, NDArray[np.float64] | None, str]:
    """Camera for images of this size, pose on the rig (4, 4), and why one of them is unknown."""
    if not calibrations:
        return None, None, "the camera has no calibration"
    row = min(
        calibrations,
        key=lambda c: (c["source_path"], c["source_offset"], c["calibration_id"]),
    )
    scale = width_px / row["width_px"]
    if abs(row["height_px"] * scale - height_px) > _ASPECT_PX:
        found = f"{row['width_px']} x {row['height_px']} px"
        return (
            None,
            None,
            f"the calibration is for images of {found}, these have {width_px} x {height_px} px",
        )
    try:
        camera = Camera(
            (row["width_px"], row["height_px"]),
            (row["fx_px"], row["fy_px"]),
            (row["cx_px"], row["cy_px"]),
            row["distortion_model"],
            tuple(row["distortion"]),
        ).resize(scale)
    except ValueError as error:
        return None, None, str(error)
    pose = row["rig_from_camera"]
    if pose is None or len(pose) != 7:
        return camera, None, "the camera's place on the rig is not known"
    matrix = np.eye(4)
    matrix[:3, :3] = _to_matrix(pose[3:])
    matrix[:3, 3] = pose[:3]
    return camera, matrix, ""


def _to_matrix(quaternion: Sequence[float]) -> NDArray[np.float64]:
    """Rotation (3, 3) of a quaternion x, y, z, w."""
    from scipy.spatial.transform import Rotation  # seconds to load

    return np.asarray(Rotation.from_quat(quaternion).as_matrix(), np.float64)


def _decode(payload: Payload, width_px: int, wanted_px: int) -> Gray:
    """Luma of the wanted width, by area."""
    luma = decode_luma(
        payload, next((r for r in _REDUCTIONS if width_px >= r * wanted_px), 1)
    )
    if luma.shape[1] <= wanted_px:
        return luma
    height_px = round(luma.shape[0] * wanted_px / luma.shape[1])
    return np.asarray(
        cv2.resize(luma, (wanted_px, height_px), interpolation=cv2.INTER_AREA), np.uint8
    )


def _hash(frames: _Rows, signals: _Rows, calibrations: _Rows) -> str:
    """sha256 over everything that a capture's reports rest on."""
    digest = hashlib.sha256()
    for rows, columns in (
        (frames, _FRAMES),
        (signals, ["signal_id", "sensor", "kind", "t_ns"]),
        (calibrations, None),
    ):
        for line in sorted(
            repr(r if columns is None else [r[c] for c in columns]) for r in rows
        ):
            digest.update(line.encode())
    return digest.hexdigest()


def _read_inputs(
    catalog: Catalog, where: str | None
) -> tuple[dict[str, list[Any]], ...]:
    """Published frames, signals and calibrations, each by capture."""
    return (
        _group(catalog.read("frames", [*_FRAMES, "session"], where)),
        _group(catalog.read("signals", [*_SIGNALS, "session"], where)),
        _group(catalog.read("calibrations", where=where)),
    )


def _group(rows: pa.Table) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for row in rows.to_pylist():
        groups.setdefault(row["capture_id"], []).append(row)
    return groups


def _sensor_of(row: FrameRow | SignalRow) -> tuple[str, str]:
    return row["sensor"], row["kind"]
