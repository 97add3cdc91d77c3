"""The row of each observation: a key, which comes of content and position, and the columns that the observation fills.

A reader that says the same again makes the same rows. Which frame a label is of is found elsewhere (`named_frames`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from assets.formats.observations import (
    AnnotationObservation,
    CalibrationObservation,
    FrameObservation,
    LabelObservation,
    Problem,
    ScanObservation,
    SignalObservation,
    Source,
)
from assets.sandbox.guard import ImageFacts
from assets.tables.schemas import content_id

_BOUNDS = ("x_min_m", "y_min_m", "z_min_m", "x_max_m", "y_max_m", "z_max_m")
_SIDES = ("x_min", "y_min", "x_max", "y_max")


class Row(NamedTuple):
    """One row but for its session: the value of the table's key, and the other columns."""

    key: str
    columns: dict[str, Any]


def name_frame(frame: FrameObservation, capture_id: str | None, sha256: str) -> str:
    """The id of a frame with these bytes."""
    return content_id(
        "frame",
        capture_id,
        frame.sensor,
        *_place(frame.source),
        sha256,
    )


def frame_row(
    frame: FrameObservation,
    frame_id: str,
    capture_id: str | None,
    sha256: str,
    facts: ImageFacts,
) -> Row:
    """A row of `frames`, with what the guard found in the image."""
    columns = {
        "capture_id": capture_id,
        "sensor": frame.sensor,
        "kind": frame.kind,
        "t_ns": frame.t_ns,
        "sequence": frame.sequence,
        "width_px": facts.width_px,
        "height_px": facts.height_px,
        "encoding": facts.encoding,
        "depth_m_per_unit": frame.depth_m_per_unit,
        "payload": frame.payload,
        "sha256": sha256,
        "split_hint": frame.split_hint,
        **_source_columns(frame.source),
    }
    return Row(frame_id, columns)


def signal_row(signal: SignalObservation, capture_id: str | None) -> Row:
    """A row of `signals`. Its id comes of sensor, time, values and place in the file."""
    values = [float(v) for v in signal.values]
    key = content_id(
        "signal",
        capture_id,
        signal.sensor,
        signal.t_ns,
        *_place(signal.source),
        signal.child_frame,
        values,
    )
    columns = {
        "capture_id": capture_id,
        "sensor": signal.sensor,
        "kind": signal.kind,
        "t_ns": signal.t_ns,
        "sequence": signal.sequence,
        "values": values,
        "frame_of_reference": signal.frame_of_reference,
        "child_frame": signal.child_frame,
        **_source_columns(signal.source),
    }
    return Row(key, columns)


def scan_row(scan: ScanObservation, capture_id: str | None, blob_sha256: str) -> Row:
    """A row of `scans`, whose bytes lie in that blob. Its id comes of sensor, bytes and place in the file."""
    key = content_id("scan", capture_id, scan.sensor, *_place(scan.source), scan.sha256)
    columns = {
        "capture_id": capture_id,
        "sensor": scan.sensor,
        "t_ns": scan.t_ns,
        "sequence": scan.sequence,
        "frame_of_reference": scan.frame_of_reference,
        "num_points": scan.facts.num_points,
        "num_finite": scan.facts.num_finite,
        **dict(zip(_BOUNDS, scan.facts.bounds or [None] * 6, strict=True)),
        "fields": json.dumps(scan.facts.fields),
        "encoding": scan.encoding,
        "size_bytes": scan.size_bytes,
        "sha256": scan.sha256,
        "blob_sha256": blob_sha256,
        **_source_columns(scan.source),
    }
    return Row(key, columns)


def calibration_row(c: CalibrationObservation, capture_id: str | None) -> Row:
    """A row of `calibrations`: one sensor's intrinsics, px, and `rig_from_camera`, where they are known."""
    intrinsics = {
        "width_px": c.width_px,
        "height_px": c.height_px,
        "fx_px": c.fx_px,
        "fy_px": c.fy_px,
        "cx_px": c.cx_px,
        "cy_px": c.cy_px,
    }
    rig_from_camera = (
        None if c.rig_from_camera is None else [float(v) for v in c.rig_from_camera]
    )
    distortion = [float(v) for v in c.distortion]
    key = content_id(
        "calibration",
        capture_id,
        c.sensor,
        *intrinsics.values(),
        distortion,
        rig_from_camera,
    )
    columns = {
        "capture_id": capture_id,
        "sensor": c.sensor,
        **intrinsics,
        "distortion_model": c.distortion_model,
        "distortion": distortion,
        "rig_from_camera": rig_from_camera,
        **_source_columns(c.source),
    }
    return Row(key, columns)


def label_row(
    label: LabelObservation,
    frame_id: str,
    capture_id: str | None,
    speaker: Iterable[str | None],
) -> Row:
    """A row of `labels`, of that frame. `speaker` says who speaks of it, where that is not its own capture."""
    box = [None] * 4 if label.box_xyxy is None else [float(v) for v in label.box_xyxy]
    key = content_id(
        "label",
        frame_id,
        label.task,
        label.class_name,
        box,
        label.track_id,
        label.origin,
        label.source.path,
        label.index,
        *speaker,
    )
    columns = {
        "frame_id": frame_id,
        "capture_id": capture_id,
        "task": label.task,
        "class_name": label.class_name,
        **dict(zip(_SIDES, box, strict=True)),
        "mask_rle": label.mask_rle,
        "track_id": label.track_id,
        "attributes": json.dumps(label.attributes) if label.attributes else None,
        "origin": label.origin,
        **_source_columns(label.source),
    }
    return Row(key, columns)


def annotation_row(
    annotation: AnnotationObservation,
    frame_id: str,
    capture_id: str | None,
    speaker: Iterable[str | None],
) -> Row:
    """A row of `annotated_frames`, of that frame; `speaker` as of a label."""
    key = content_id(
        "annotation",
        frame_id,
        annotation.task,
        *_place(annotation.source),
        annotation.num_labels,
        annotation.num_missing,
        annotation.num_ignored,
        *speaker,
    )
    columns = {
        "frame_id": frame_id,
        "capture_id": capture_id,
        "task": annotation.task,
        "num_labels": annotation.num_labels,
        "num_missing": annotation.num_missing,
        "num_ignored": annotation.num_ignored,
        **_source_columns(annotation.source),
    }
    return Row(key, columns)


def problem_row(problem: Problem, session: str, capture_id: str | None) -> Row:
    """A row of `quarantine`: what could not be read, why, and what helps."""
    key = content_id(
        "problem",
        session,
        capture_id,
        *_place(problem.source),
        problem.sensor,
        problem.reason,
    )
    columns = {
        "capture_id": capture_id,
        "sensor": problem.sensor,
        "reader": problem.reader,
        "reason": problem.reason,
        "remedy": problem.remedy,
        **_source_columns(problem.source),
    }
    return Row(key, columns)


def _place(source: Source) -> tuple[str, int, int | None]:
    return source.path, source.offset, source.inner_offset


def _source_columns(source: Source) -> dict[str, Any]:
    return {
        "source_path": source.path,
        "source_offset": source.offset,
        "source_length": source.length,
        "source_inner_offset": source.inner_offset,
    }
