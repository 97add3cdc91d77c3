"""Every table: its columns with unit, frame of reference and privacy class, its key, its bounds, its erase rule.

One place on purpose: readers, writers, checks (Great Expectations suites are derived from this), the privacy tools and
the query command all read it. Ids are the first 32 hex digits of a sha256 over content and source position, so a rerun
writes the same rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from models.task_names import DATASET_NAMES, TASK_NAMES

EMBEDDING_DIM = 1280  # EfficientNet-Lite0, pooled features
PRIVACY = ("public", "internal", "personal", "restricted")
ENCODINGS = ("jpeg", "png", "tiff", "bmp", "webp", "gif")


@dataclass(frozen=True)
class Column:
    """One column: type, unit ("1" for none), frame of reference, privacy class, and what values it may take."""

    name: str
    type: pa.DataType
    unit: str = "1"
    frame: str = "-"
    privacy: str = "internal"
    nullable: bool = False
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()
    regex: str | None = None

    def __post_init__(self) -> None:
        assert self.privacy in PRIVACY, self


@dataclass(frozen=True)
class Table:
    """One table. `erase` says which column finds the rows of a subject: "capture_id", "frame_id", ... or "none".

    `version` rises with every change of the columns, their types, and what values they may take.
    """

    name: str
    stage: str
    key: str
    erase: str
    columns: tuple[Column, ...]
    version: int = 1

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema, with the facts above in the field metadata."""
        return pa.schema([_field(c, is_key=c.name == self.key) for c in self.columns])

    @property
    def has_session(self) -> bool:
        return any(c.name == "session" for c in self.columns)

    def column(self, name: str) -> Column:
        return next(c for c in self.columns if c.name == name)


def _field(column: Column, is_key: bool) -> pa.Field:
    facts = {"unit": column.unit, "frame": column.frame, "privacy": column.privacy}
    if is_key:  # lets Lance refuse a second row with the same key when writers race
        facts["lance-schema:unenforced-primary-key"] = "true"
    return pa.field(column.name, column.type, nullable=column.nullable and not is_key, metadata=facts)


def content_id(*parts: object) -> str:
    """An id from content: 32 hex digits of sha256 over the length-prefixed parts."""
    encoded = [part if isinstance(part, bytes) else str(part).encode() for part in parts]
    return hashlib.sha256(b"".join(len(e).to_bytes(8, "big") + e for e in encoded)).hexdigest()[:32]


_TEXT, _INT, _FLOAT, _BOOL = pa.string(), pa.int64(), pa.float64(), pa.bool_()
_FLOATS = pa.list_(pa.float64())
_ID, _SHA, _WORD = r"^[0-9a-f]{32}$", r"^[0-9a-f]{64}$", r"^[A-Za-z_][A-Za-z0-9_]*$"
SESSION_KEY = r"^[a-z0-9][a-z0-9_-]{0,63}$"


def _id(name: str, nullable: bool = False) -> Column:
    return Column(name, _TEXT, regex=_ID, nullable=nullable)


_SESSION = Column("session", _TEXT, regex=SESSION_KEY)
_SOURCE = (
    Column("source_path", _TEXT, frame="session folder"),
    Column("source_offset", _INT, "byte", "outermost file", low=0),
    Column("source_length", _INT, "byte", nullable=True, low=0),
    Column("source_inner_offset", _INT, "byte", "decompressed chunk", nullable=True, low=0),
)
_DERIVED = (Column("input_sha256", _TEXT, regex=_SHA), Column("code_version", _TEXT))
_BOX = tuple(Column(n, pa.float32(), "px", "image", nullable=True) for n in ("x_min", "y_min", "x_max", "y_max"))

CAPTURES = Table("captures", "capture", "capture_id", "capture_id", (
    _id("capture_id"), _SESSION, Column("path", _TEXT, frame="session folder"), Column("source_uri", _TEXT),
    Column("reader", _TEXT), Column("sha256", _TEXT, nullable=True, regex=_SHA),
    Column("size_bytes", _INT, "byte", low=0),
    Column("num_frames", _INT, low=0), Column("num_signals", _INT, low=0), Column("num_labels", _INT, low=0),
    Column("num_problems", _INT, low=0), Column("start_ns", _INT, "ns", "sensor clock", nullable=True),
    Column("end_ns", _INT, "ns", "sensor clock", nullable=True), Column("code_version", _TEXT),
    Column("notes", _TEXT, "JSON: what the reader left out by design, and what it counted", nullable=True),
))  # fmt: skip

FRAMES = Table("frames", "capture", "frame_id", "capture_id", (
    _id("frame_id"), _id("capture_id"), _SESSION, Column("sensor", _TEXT),
    Column("kind", _TEXT, values=("color", "depth")), Column("t_ns", _INT, "ns", "sensor clock", nullable=True),
    Column("sequence", _INT, low=0), Column("width_px", _INT, "px", low=1, high=65535),
    Column("height_px", _INT, "px", low=1, high=65535), Column("encoding", _TEXT, values=ENCODINGS),
    Column("depth_m_per_unit", _FLOAT, "m", nullable=True, low=1e-9),
    Column("payload", pa.large_binary(), "byte", privacy="restricted"), Column("sha256", _TEXT, regex=_SHA),
    Column("split_hint", _TEXT, nullable=True, values=("train", "val", "test")), *_SOURCE,
))  # fmt: skip

FRAME_EXIF = Table("frame_exif", "capture", "frame_id", "frame_id", (
    _id("frame_id"), _SESSION, Column("make", _TEXT, nullable=True), Column("model", _TEXT, nullable=True),
    Column("orientation", _INT, "1 (Exif: 1 upright, 6 and 8 a quarter turn)", nullable=True, low=1, high=8),
    Column("taken_at", _TEXT, "ISO 8601, local time of the camera", privacy="personal", nullable=True),
    Column("exposure_s", _FLOAT, "s", nullable=True, low=1e-9), Column("f_number", _FLOAT, nullable=True, low=0.1),
    Column("iso", _INT, nullable=True, low=1), Column("focal_mm", _FLOAT, "mm", nullable=True, low=0.01),
    Column("latitude_deg", _FLOAT, "deg", "WGS 84", "restricted", nullable=True, low=-90, high=90),
    Column("longitude_deg", _FLOAT, "deg", "WGS 84", "restricted", nullable=True, low=-180, high=180),
    Column("altitude_m", _FLOAT, "m", "above sea level", "restricted", nullable=True, low=-12_000, high=100_000),
    Column("body_serial", _TEXT, privacy="restricted", nullable=True),
    Column("lens_serial", _TEXT, privacy="restricted", nullable=True),
))  # fmt: skip

SIGNALS = Table("signals", "capture", "signal_id", "capture_id", (
    _id("signal_id"), _id("capture_id"), _SESSION, Column("sensor", _TEXT),
    Column("kind", _TEXT, values=("imu", "pose", "odometry", "transform", "gnss", "position", "acceleration")),
    Column("t_ns", _INT, "ns", "sensor clock", nullable=True), Column("sequence", _INT, nullable=True, low=0),
    Column("values", _FLOATS, "imu: rad/s, m/s^2; gnss: deg, deg, m; acceleration: m/s^2; other: m, xyzw",
           privacy="restricted"),
    Column("frame_of_reference", _TEXT, nullable=True), Column("child_frame", _TEXT, nullable=True), *_SOURCE,
))  # fmt: skip

CALIBRATIONS = Table("calibrations", "capture", "calibration_id", "capture_id", (
    _id("calibration_id"), _id("capture_id"), _SESSION, Column("sensor", _TEXT),
    Column("width_px", _INT, "px", low=1), Column("height_px", _INT, "px", low=1),
    Column("fx_px", _FLOAT, "px", "camera", low=1e-3), Column("fy_px", _FLOAT, "px", "camera", low=1e-3),
    Column("cx_px", _FLOAT, "px", "image"), Column("cy_px", _FLOAT, "px", "image"),
    Column("distortion_model", _TEXT, nullable=True), Column("distortion", _FLOATS),
    Column("rig_from_camera", _FLOATS, "m, quaternion xyzw", "rig", nullable=True), *_SOURCE,
))  # fmt: skip

LABELS = Table("labels", "capture", "label_id", "capture_id", (
    _id("label_id"), _id("frame_id"), _id("capture_id"), _SESSION,
    Column("task", _TEXT, values=TASK_NAMES), Column("class_name", _TEXT), *_BOX,
    Column("mask_rle", _TEXT, unit="COCO RLE", nullable=True), Column("track_id", _INT, nullable=True),
    Column("attributes", _TEXT, "JSON: [name, value] pairs", nullable=True),
    Column("origin", _TEXT, values=("imported", "simulated")), *_SOURCE,
))  # fmt: skip

ANNOTATED_FRAMES = Table("annotated_frames", "capture", "annotation_id", "capture_id", (
    _id("annotation_id"), _id("frame_id"), _id("capture_id"), _SESSION, Column("task", _TEXT, values=TASK_NAMES),
    Column("num_labels", _INT, "1 (marked objects that are labels; 0 of all three: a negative)", low=0),
    Column("num_missing", _INT, "1 (marked objects that are no labels: faulty, or of a kind not read)", low=0),
    Column("num_ignored", _INT, "1 (regions that stand for no single object: crowds, points, lines)", low=0), *_SOURCE,
))  # fmt: skip

QUARANTINE = Table("quarantine", "capture", "problem_id", "session", (
    _id("problem_id"), _id("capture_id", nullable=True), _SESSION, Column("sensor", _TEXT, nullable=True),
    Column("reader", _TEXT), Column("reason", _TEXT), Column("remedy", _TEXT), *_SOURCE,
))  # fmt: skip

CLOCK_REPORTS = Table("clock_reports", "capture", "report_id", "capture_id", (
    _id("report_id"), _id("capture_id"), _SESSION, Column("sensor", _TEXT), Column("kind", _TEXT),
    Column("num_samples", _INT, low=0), Column("num_stamped", _INT, low=0),
    Column("start_ns", _INT, "ns", "sensor clock", nullable=True),
    Column("end_ns", _INT, "ns", "sensor clock", nullable=True),
    Column("rate_hz", _FLOAT, "Hz", "sensor clock", nullable=True, low=0),
    Column("jitter_ms", _FLOAT, "ms (robust standard deviation)", "sensor clock", nullable=True, low=0),
    Column("num_backward", _INT, nullable=True, low=0), Column("num_dropped", _INT, nullable=True, low=0),
    Column("num_gaps", _INT, nullable=True, low=0),
    Column("longest_gap_ms", _FLOAT, "ms", "sensor clock", nullable=True, low=0),
    Column("reference_sensor", _TEXT, nullable=True),
    Column("stamp_offset_ms", _FLOAT, "ms, late is positive", "stamps of the reference sensor", nullable=True),
    Column("imu_sensor", _TEXT, nullable=True),
    Column("imu_offset_ms", _FLOAT, "ms, late is positive", "clock of the IMU", nullable=True),
    Column("imu_offset_sigma_ms", _FLOAT, "ms (standard error)", nullable=True, low=0),
    Column("imu_reason", _TEXT, "1; why there is no offset", nullable=True),
    Column("camera_offset_ms", _FLOAT, "ms, late is positive", "clock of the reference camera", nullable=True),
    Column("camera_offset_sigma_ms", _FLOAT, "ms (standard error)", nullable=True, low=0),
    Column("camera_reason", _TEXT, "1; why there is no offset", nullable=True),
    Column("epipolar_px", _FLOAT, "px (median)", "image", nullable=True, low=0),
    Column("focal_px", _FLOAT, "px", "image", nullable=True, low=1e-3),
    Column("tilt_deg", _FLOAT, "deg", "reference camera", nullable=True, low=0, high=180),
    Column("tilt_sigma_deg", _FLOAT, "deg (standard error)", nullable=True, low=0),
    Column("num_matches", _INT, nullable=True, low=0),
    Column("calibration_reason", _TEXT, "1; why there is no figure", nullable=True), *_DERIVED,
))  # fmt: skip

FRAME_QUALITY = Table("frame_quality", "curation", "frame_id", "frame_id", (
    _id("frame_id"), _SESSION, Column("brightness", _FLOAT, "1 (0 black, 1 white)", low=0, high=1),
    Column("contrast", _FLOAT, "1 (standard deviation of luma)", low=0, high=1),
    Column("sharpness", _FLOAT, "1 (variance of the Laplacian of luma)", low=0),
    Column("clipped_dark", _FLOAT, "share of pixels", low=0, high=1),
    Column("clipped_bright", _FLOAT, "share of pixels", low=0, high=1),
    Column("noise", _FLOAT, "1 (robust deviation of the luma's second difference)", low=0),
    Column("perceptual_hash", _TEXT, "64-bit hex", regex=r"^[0-9a-f]{16}$"), *_DERIVED,
))  # fmt: skip

FRAME_EMBEDDINGS = Table("frame_embeddings", "curation", "frame_id", "frame_id", (
    _id("frame_id"), _SESSION,
    Column("vector", pa.list_(pa.float32(), EMBEDDING_DIM), "1 (unit length)", privacy="personal"), *_DERIVED,
))  # fmt: skip

UNIQUE_FRAMES = Table("unique_frames", "curation", "frame_id", "frame_id", (
    _id("frame_id"), _SESSION, _id("duplicate_of", nullable=True), _id("cluster_id"),
    Column("similarity", _FLOAT, "cosine", nullable=True, low=-1.001, high=1.001), *_DERIVED,
))  # fmt: skip

SPLITS = Table("splits", "curation", "frame_id", "frame_id", (
    _id("frame_id"), _id("capture_id"), _SESSION, _id("group_id"),
    Column("split", _TEXT, values=("train", "val", "test")),
    Column("rule", _TEXT, values=("producer", "recording", "cluster")),
))  # fmt: skip

RELEASES = Table("releases", "curation", "release_id", "none", (
    _id("release_id"), Column("task", _TEXT, values=DATASET_NAMES),
    Column("class_names", pa.list_(_TEXT)), Column("num_frames", _INT, low=1), Column("num_labels", _INT, low=0),
    Column("content_sha256", _TEXT, regex=_SHA), Column("frames_version", _INT, low=1), Column("code_version", _TEXT),
    Column("sessions", pa.list_(_TEXT)),
))  # fmt: skip

RELEASE_FRAMES = Table("release_frames", "curation", "row_id", "frame_id", (
    _id("row_id"), _id("release_id"), _id("frame_id"), _id("capture_id"), _SESSION, Column("sensor", _TEXT),
    Column("split", _TEXT, values=("train", "val", "test")), Column("sha256", _TEXT, regex=_SHA),
    Column("class_id", _INT, "index into class_names; null but for recognition and, where known, pretraining",
           nullable=True, low=0),
    Column("boxes_xyxy", _FLOATS, "px, four a box", "image"),
    Column("box_class_ids", pa.list_(_INT), "one a box; multilabel: one a class that shows, without boxes"),
    Column("mask_rles", pa.list_(_TEXT), "COCO RLE; segmentation: one a class, pixels in none are unlabelled; "
           "instances: one a box", "image", nullable=True),
    Column("mask_class_ids", pa.list_(_INT), "one a mask; segmentation only", nullable=True),
    Column("mask_size_px", pa.list_(_INT), "px, height and width", "image", nullable=True),
))  # fmt: skip

MODELS = Table("models", "training", "model_sha256", "none", (
    Column("model_sha256", _TEXT, regex=_SHA), Column("task", _TEXT, regex=_WORD),
    Column("recipe", _TEXT), _id("release_id"), Column("code_version", _TEXT), Column("seed", _INT, low=0),
    Column("run_id", _TEXT, unit="Dagster run id"), Column("folder", _TEXT),
))  # fmt: skip

SCORES = Table("scores", "evaluation", "score_id", "none", (
    _id("score_id"), Column("model_sha256", _TEXT, regex=_SHA), _id("release_id"),
    Column("split", _TEXT, values=("train", "val", "test")), Column("slice_by", _TEXT), Column("slice_value", _TEXT),
    Column("metric", _TEXT), Column("value", _FLOAT, nullable=True), Column("num_samples", _INT, low=0),
))  # fmt: skip

CHAMPIONS = Table("champions", "registry", "task", "none", (
    Column("task", _TEXT, regex=_WORD), Column("model_name", _TEXT),
    Column("model_version", _INT, low=1), Column("model_sha256", _TEXT, regex=_SHA), _id("release_id"),
))  # fmt: skip

PREDICTIONS = Table("predictions", "evaluation", "prediction_id", "frame_id", (
    _id("prediction_id"), _id("frame_id"), _SESSION, Column("sensor", _TEXT),
    Column("task", _TEXT, values=TASK_NAMES), Column("model_sha256", _TEXT, regex=_SHA),
    Column("purpose", _TEXT, values=("test", "monitoring")),
    Column("boxes_xyxy", _FLOATS, "px, four a box", "image"), Column("class_names", pa.list_(_TEXT)),
    Column("scores", _FLOATS),
    Column("mask_rles", pa.list_(_TEXT), "COCO RLE, one a class, together every pixel; segmentation only", "image",
           nullable=True),
))  # fmt: skip

DRIFT = Table("drift", "monitoring", "drift_id", "session", (
    _id("drift_id"), _SESSION, Column("sensor", _TEXT), Column("model_name", _TEXT),
    Column("model_version", _INT, low=1),
    Column("release_id", _TEXT, regex=_ID), Column("statistic", _TEXT),
    Column("value", _FLOAT, "standard deviations of the prediction", nullable=True),
    Column("p_value", _FLOAT, "probability, adjusted over the session", nullable=True, low=0, high=1),
    Column("raw_p_value", _FLOAT, "probability, of this test alone", nullable=True, low=0, high=1),
    Column("threshold", _FLOAT, "probability", low=0, high=1),
    Column("is_drifted", _BOOL, unit="1; null: no verdict", nullable=True),
    Column("num_frames", _INT, low=1), Column("num_reference", _INT, "units", low=0),
    Column("unit", _TEXT, values=("recording", "block of pictures", "none")), Column("reason", _TEXT),
))  # fmt: skip

RETRAINING_REQUESTS = Table("retraining_requests", "monitoring", "request_id", "none", (
    _id("request_id"), Column("task", _TEXT, values=TASK_NAMES), _SESSION, Column("reason", _TEXT),
    Column("model_version", _INT, low=1), Column("requested_ns", _INT, "ns", "UTC"),
))  # fmt: skip

PUBLICATIONS = Table("publications", "tables", "publication_id", "session", (
    _id("publication_id"), Column("table_name", _TEXT), Column("session", _TEXT), Column("version", _INT, low=1),
    Column("is_held", _BOOL), Column("reason", _TEXT),
))  # fmt: skip

POINTERS = Table("pointers", "tables", "pointer", "none", (
    Column("pointer", _TEXT, regex=r"^[a-z_]+/[a-z_]+$"), Column("target", _TEXT),
))  # fmt: skip

TABLES: dict[str, Table] = {
    t.name: t
    for t in (
        CAPTURES, FRAMES, FRAME_EXIF, SIGNALS, CALIBRATIONS, LABELS, ANNOTATED_FRAMES, QUARANTINE, CLOCK_REPORTS,
        FRAME_QUALITY, FRAME_EMBEDDINGS, UNIQUE_FRAMES, SPLITS, RELEASES, RELEASE_FRAMES, MODELS, SCORES,
        CHAMPIONS, PREDICTIONS, DRIFT, RETRAINING_REQUESTS, PUBLICATIONS, POINTERS,
    )
}  # fmt: skip


def to_table(table: Table, rows: Sequence[dict[str, object]]) -> pa.Table:
    """Rows as Arrow in the table's schema.

    Raises ValueError when a row lacks a column that must not be null, or has one that the table does not know.
    """
    names = {c.name for c in table.columns}
    if unknown := set().union(*(row.keys() for row in rows)) - names:
        raise ValueError(f"{table.name} has no column {sorted(unknown)}: declare it in assets/tables/schemas.py")
    columns = {c.name: _to_array([row.get(c.name) for row in rows], c.type) for c in table.columns}
    missing = [c.name for c in table.columns if not c.nullable and columns[c.name].null_count]
    if missing:
        raise ValueError(f"a row of {table.name} lacks {missing}: these columns may not be null")
    return pa.table(columns, schema=table.schema)


def _to_array(values: list[Any], kind: pa.DataType) -> pa.Array:
    if kind != pa.large_binary() or None in values:
        return pa.array(values, kind)
    ends = np.cumsum([0, *map(len, values)], dtype=np.int64)  # payloads: joined at once, a growing buffer copies them
    return pa.LargeBinaryArray.from_buffers(
        kind, len(values), [None, pa.py_buffer(ends), pa.py_buffer(b"".join(values))]
    )
