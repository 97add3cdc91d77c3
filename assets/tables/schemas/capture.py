"""Tables of capture: what arrived, what its files hold, what could not be read, and what its clocks say."""

from __future__ import annotations

import pyarrow as pa

from assets.tables.schemas.table import (
    BOX,
    DAY,
    DERIVED,
    FLOAT,
    FLOATS,
    INT,
    SESSION,
    SHA,
    SOURCE,
    TEXT,
    Column,
    Table,
    id_column,
)
from models.task_names import TASK_NAMES

AFTER: tuple[str, ...] = ()
# of "video" the payload is a `VideoPlace`: where in a stored video the frame lies
_PICTURES = ("jpeg", "png", "tiff", "bmp", "webp", "gif", "heic", "avif")
ENCODINGS = (*_PICTURES, "video")
SCAN_ENCODINGS = (
    "pcd",
    "kitti_bin",
    "nuscenes_bin",
    "pointcloud2_ros1",
    "pointcloud2_cdr",
    "laserscan_ros1",
    "laserscan_cdr",
    "foxglove_points_protobuf",
    "foxglove_points_json",
    "foxglove_points_ros1",
    "foxglove_points_cdr",
    "foxglove_laser_protobuf",
    "foxglove_laser_json",
    "foxglove_laser_ros1",
    "foxglove_laser_cdr",
)

CAPTURES = Table(
    name="captures",
    stage="capture",
    key="capture_id",
    erase="capture_id",
    version=2,
    columns=(
        id_column("capture_id"),
        SESSION,
        Column("path", TEXT, frame="session folder"),
        Column("source_uri", TEXT),
        Column("reader", TEXT),
        Column("sha256", TEXT, nullable=True, regex=SHA),
        Column("size_bytes", INT, "byte", low=0),
        Column("num_frames", INT, low=0),
        Column("num_signals", INT, low=0),
        Column("num_labels", INT, low=0),
        Column("num_problems", INT, low=0),
        Column("start_ns", INT, "ns", "sensor clock", nullable=True),
        Column("end_ns", INT, "ns", "sensor clock", nullable=True),
        Column("code_version", TEXT),
        Column(
            "notes",
            TEXT,
            "JSON: what the reader left out by design, and what it counted",
            nullable=True,
        ),
        # null: taken in before scans were read
        Column("num_scans", INT, nullable=True, low=0),
    ),
)

FRAMES = Table(
    name="frames",
    stage="capture",
    key="frame_id",
    erase="capture_id",
    counted_by="num_frames",
    version=3,
    columns=(
        id_column("frame_id"),
        id_column("capture_id"),
        SESSION,
        Column("sensor", TEXT),
        Column("kind", TEXT, values=("color", "depth")),
        Column("t_ns", INT, "ns", "sensor clock", nullable=True),
        Column("sequence", INT, low=0),
        Column("width_px", INT, "px", low=1, high=65535),
        Column("height_px", INT, "px", low=1, high=65535),
        Column("encoding", TEXT, values=ENCODINGS),
        Column("depth_m_per_unit", FLOAT, "m", nullable=True, low=1e-9),
        Column("payload", pa.large_binary(), "byte", privacy="restricted"),
        Column("sha256", TEXT, regex=SHA),
        Column("split_hint", TEXT, nullable=True, values=("train", "val", "test")),
        *SOURCE,
    ),
)

FRAME_EXIF = Table(
    name="frame_exif",
    stage="capture",
    key="frame_id",
    erase="frame_id",
    columns=(
        id_column("frame_id"),
        SESSION,
        Column("make", TEXT, nullable=True),
        Column("model", TEXT, nullable=True),
        Column(
            "orientation",
            INT,
            "1 (Exif: 1 upright, 6 and 8 a quarter turn)",
            nullable=True,
            low=1,
            high=8,
        ),
        Column(
            "taken_at",
            TEXT,
            "ISO 8601, local time of the camera",
            privacy="personal",
            nullable=True,
        ),
        Column("exposure_s", FLOAT, "s", nullable=True, low=1e-9),
        Column("f_number", FLOAT, nullable=True, low=0.1),
        Column("iso", INT, nullable=True, low=1),
        Column("focal_mm", FLOAT, "mm", nullable=True, low=0.01),
        Column(
            "latitude_deg",
            FLOAT,
            "deg",
            "WGS 84",
            "restricted",
            nullable=True,
            low=-90,
            high=90,
        ),
        Column(
            "longitude_deg",
            FLOAT,
            "deg",
            "WGS 84",
            "restricted",
            nullable=True,
            low=-180,
            high=180,
        ),
        Column(
            "altitude_m",
            FLOAT,
            "m",
            "above sea level",
            "restricted",
            nullable=True,
            low=-12_000,
            high=100_000,
        ),
        Column("body_serial", TEXT, privacy="restricted", nullable=True),
        Column("lens_serial", TEXT, privacy="restricted", nullable=True),
    ),
)

SIGNALS = Table(
    name="signals",
    stage="capture",
    key="signal_id",
    erase="capture_id",
    counted_by="num_signals",
    columns=(
        id_column("signal_id"),
        id_column("capture_id"),
        SESSION,
        Column("sensor", TEXT),
        Column(
            "kind",
            TEXT,
            values=(
                "imu",
                "pose",
                "odometry",
                "transform",
                "gnss",
                "position",
                "acceleration",
            ),
        ),
        Column("t_ns", INT, "ns", "sensor clock", nullable=True),
        Column("sequence", INT, nullable=True, low=0),
        Column(
            "values",
            FLOATS,
            "imu: rad/s, m/s^2; gnss: deg, deg, m; acceleration: m/s^2; other: m, xyzw",
            privacy="restricted",
        ),
        Column("frame_of_reference", TEXT, nullable=True),
        Column("child_frame", TEXT, nullable=True),
        *SOURCE,
    ),
)

SCANS = Table(
    name="scans",
    version=2,
    stage="capture",
    key="scan_id",
    erase="capture_id",
    counted_by="num_scans",
    columns=(
        id_column("scan_id"),
        id_column("capture_id"),
        SESSION,
        Column("sensor", TEXT),
        Column("t_ns", INT, "ns", "sensor clock", nullable=True),
        Column("sequence", INT, low=0),
        Column("frame_of_reference", TEXT, nullable=True),
        Column("num_points", INT, low=0),
        Column("num_finite", INT, "1 (points of which x, y, z are finite)", low=0),
        *(
            Column(f"{axis}_{end}_m", FLOAT, "m", "sensor", "restricted", nullable=True)
            for end in ("min", "max")
            for axis in ("x", "y", "z")
        ),
        Column("fields", TEXT, "JSON: [name, type, count] of each"),
        Column("encoding", TEXT, values=SCAN_ENCODINGS),
        Column("size_bytes", INT, "byte", low=0),
        Column("sha256", TEXT, "1 (of the scan's own bytes)", regex=SHA),
        Column("blob_sha256", TEXT, "1 (of the blob that holds them)", regex=SHA),
        *SOURCE,
    ),
)

CALIBRATIONS = Table(
    name="calibrations",
    stage="capture",
    key="calibration_id",
    erase="capture_id",
    columns=(
        id_column("calibration_id"),
        id_column("capture_id"),
        SESSION,
        Column("sensor", TEXT),
        Column("width_px", INT, "px", low=1),
        Column("height_px", INT, "px", low=1),
        Column("fx_px", FLOAT, "px", "camera", low=1e-3),
        Column("fy_px", FLOAT, "px", "camera", low=1e-3),
        Column("cx_px", FLOAT, "px", "image"),
        Column("cy_px", FLOAT, "px", "image"),
        Column("distortion_model", TEXT, nullable=True),
        Column("distortion", FLOATS),
        Column("rig_from_camera", FLOATS, "m, quaternion xyzw", "rig", nullable=True),
        *SOURCE,
    ),
)

LABELS = Table(
    name="labels",
    stage="capture",
    key="label_id",
    erase="capture_id",
    counted_by="num_labels",
    columns=(
        id_column("label_id"),
        id_column("frame_id"),
        id_column("capture_id"),
        SESSION,
        Column("task", TEXT, values=TASK_NAMES),
        Column("class_name", TEXT),
        *BOX,
        Column("mask_rle", TEXT, unit="COCO RLE", nullable=True),
        Column("track_id", INT, nullable=True),
        Column("attributes", TEXT, "JSON: [name, value] pairs", nullable=True),
        Column("origin", TEXT, values=("imported", "simulated", "interpolated")),
        *SOURCE,
    ),
    version=2,
)

ANNOTATED_FRAMES = Table(
    name="annotated_frames",
    stage="capture",
    key="annotation_id",
    erase="capture_id",
    columns=(
        id_column("annotation_id"),
        id_column("frame_id"),
        id_column("capture_id"),
        SESSION,
        Column("task", TEXT, values=TASK_NAMES),
        Column(
            "num_labels",
            INT,
            "1 (marked objects that are labels; 0 of all three: a negative)",
            low=0,
        ),
        Column(
            "num_missing",
            INT,
            "1 (marked objects that are no labels: faulty, or of a kind not read)",
            low=0,
        ),
        Column(
            "num_ignored",
            INT,
            "1 (regions that stand for no single object: crowds, points, lines)",
            low=0,
        ),
        *SOURCE,
    ),
)

QUARANTINE = Table(
    name="quarantine",
    stage="capture",
    key="problem_id",
    erase="session",
    counted_by="num_problems",
    columns=(
        id_column("problem_id"),
        id_column("capture_id", nullable=True),
        SESSION,
        Column("sensor", TEXT, nullable=True),
        Column("reader", TEXT),
        Column("reason", TEXT),
        Column("remedy", TEXT),
        *SOURCE,
    ),
)

GONE = Table(
    name="gone",
    stage="capture",
    key="gone_id",
    erase="session",
    columns=(
        id_column("gone_id"),
        SESSION,
        Column("path", TEXT, frame="session folder"),
        Column("version", TEXT, "1 (as listed: time of change, or ETag)"),
        id_column("capture_id", nullable=True),
        Column("sha256", TEXT, nullable=True, regex=SHA),
        Column("cause", TEXT, values=("deleted", "replaced", "forgotten")),
        Column("num_frames", INT, "1 (rows that went)", low=0),
        Column("num_labels", INT, "1 (rows that went)", low=0),
        Column(
            "frames_version",
            INT,
            "1 (a version of frames that has them)",
            nullable=True,
            low=1,
        ),
        Column(
            "captures_version",
            INT,
            "1 (a version of captures that has theirs)",
            nullable=True,
            low=1,
        ),
        Column("gone_ns", INT, "ns", "UTC since 1970", low=0),
    ),
)

CLOCK_REPORTS = Table(
    name="clock_reports",
    stage="capture",
    key="report_id",
    erase="capture_id",
    columns=(
        id_column("report_id"),
        id_column("capture_id"),
        SESSION,
        Column("sensor", TEXT),
        Column("kind", TEXT),
        Column("num_samples", INT, low=0),
        Column("num_stamped", INT, low=0),
        Column("start_ns", INT, "ns", "sensor clock", nullable=True),
        Column("end_ns", INT, "ns", "sensor clock", nullable=True),
        Column("rate_hz", FLOAT, "Hz", "sensor clock", nullable=True, low=0),
        Column(
            "jitter_ms",
            FLOAT,
            "ms (robust standard deviation)",
            "sensor clock",
            nullable=True,
            low=0,
        ),
        Column("num_backward", INT, nullable=True, low=0),
        Column("num_dropped", INT, nullable=True, low=0),
        Column("num_gaps", INT, nullable=True, low=0),
        Column("longest_gap_ms", FLOAT, "ms", "sensor clock", nullable=True, low=0),
        Column("reference_sensor", TEXT, nullable=True),
        Column(
            "stamp_offset_ms",
            FLOAT,
            "ms, late is positive",
            "stamps of the reference sensor",
            nullable=True,
        ),
        Column("imu_sensor", TEXT, nullable=True),
        Column(
            "imu_offset_ms",
            FLOAT,
            "ms, late is positive",
            "clock of the IMU",
            nullable=True,
        ),
        Column(
            "imu_offset_sigma_ms", FLOAT, "ms (standard error)", nullable=True, low=0
        ),
        Column("imu_reason", TEXT, "1; why there is no offset", nullable=True),
        Column(
            "camera_offset_ms",
            FLOAT,
            "ms, late is positive",
            "clock of the reference camera",
            nullable=True,
        ),
        Column(
            "camera_offset_sigma_ms", FLOAT, "ms (standard error)", nullable=True, low=0
        ),
        Column("camera_reason", TEXT, "1; why there is no offset", nullable=True),
        Column("epipolar_px", FLOAT, "px (median)", "image", nullable=True, low=0),
        Column("focal_px", FLOAT, "px", "image", nullable=True, low=1e-3),
        Column(
            "tilt_deg", FLOAT, "deg", "reference camera", nullable=True, low=0, high=180
        ),
        Column("tilt_sigma_deg", FLOAT, "deg (standard error)", nullable=True, low=0),
        Column("num_matches", INT, nullable=True, low=0),
        Column("calibration_reason", TEXT, "1; why there is no figure", nullable=True),
        *DERIVED,
    ),
)

GIVEN = "given"
ENDED = "ended"

# never changed: a later statement of the same session and path takes the place of an earlier one
CONSENTS = Table(
    name="consents",
    stage="capture",
    key="consent_id",
    erase="session",
    columns=(
        id_column("consent_id"),
        SESSION,
        Column("path", TEXT, "1; of captures; empty: the whole session", "session"),
        Column("act", TEXT, values=(GIVEN, ENDED)),
        Column("licence", TEXT, "1; SPDX expression; null: ended", nullable=True),
        Column("purposes", pa.list_(TEXT), "1; null: ended", nullable=True),
        Column("until_day", TEXT, "the last day", "UTC", nullable=True, regex=DAY),
        Column("holder", TEXT, privacy="personal", nullable=True),
        Column("why", TEXT, "1; may name persons", privacy="personal"),
        Column("stated_by", TEXT, "1; an account, or a file", privacy="personal"),
        Column("origin", TEXT, values=("file", "command")),
        Column("at_ns", INT, "ns", "UTC"),
    ),
)

# recall of the probe set: null where the policy names none, or it was not measured yet
PRIVACY_POLICIES = Table(
    name="privacy_policies",
    stage="capture",
    key="session",
    erase="session",
    columns=(
        SESSION,
        Column("policy", TEXT, "JSON, as `PrivacyPolicy.text`"),
        Column("measured_by", TEXT, "1 (detectors and probe set)", nullable=True),
        Column("num_probed", INT, "1 (faces)", nullable=True, low=0),
        Column("found", FLOAT, "share at an IoU of 0.5", nullable=True, low=0, high=1),
        Column("covered", FLOAT, "share, wholly", nullable=True, low=0, high=1),
        Column(
            "covered_low",
            FLOAT,
            "share (lower end of the interval of 95 % over pictures)",
            nullable=True,
            low=0,
            high=1,
        ),
        Column("by_size", TEXT, "JSON: figures by size of the face", nullable=True),
        Column("why_not", TEXT, "1; why there is no figure", nullable=True),
    ),
)

_KEY_ID = Column(
    "key_id", TEXT, "1 (of the home's or team's key)", regex=r"^[0-9a-f]{16}$"
)

SEALED_FRAMES = Table(
    name="sealed_frames",
    stage="capture",
    key="frame_id",
    erase="frame_id",
    columns=(
        id_column("frame_id"),
        id_column("capture_id"),
        SESSION,
        Column("original_sha256", TEXT, "1 (of the bytes as they came)", regex=SHA),
        Column("encoding", TEXT, values=ENCODINGS),
        _KEY_ID,
        Column("wrapped_key", pa.large_binary(), "byte", privacy="restricted"),
        Column("payload", pa.large_binary(), "byte (sealed)", privacy="restricted"),
    ),
)

# a recording's bytes lie among the blobs, sealed; those of a video in an archive by themselves
SEALED_RECORDINGS = Table(
    name="sealed_recordings",
    stage="capture",
    key="recording_id",
    erase="capture_id",
    columns=(
        id_column("recording_id"),
        id_column("capture_id"),
        SESSION,
        Column("original_sha256", TEXT, "1 (of the bytes as they came)", regex=SHA),
        Column("size_bytes", INT, "byte (as they came)", low=0),
        Column("sealed_sha256", TEXT, "1 (of the blob)", regex=SHA),
        _KEY_ID,
        Column("wrapped_key", pa.large_binary(), "byte", privacy="restricted"),
    ),
)

ANONYMISED_FRAMES = Table(
    name="anonymised_frames",
    stage="capture",
    key="frame_id",
    erase="frame_id",
    columns=(
        id_column("frame_id"),
        id_column("capture_id"),
        SESSION,
        Column("sensor", TEXT),
        Column("num_found", INT, "1 (boxes of detectors; a face may have two)", low=0),
        Column("num_followed", INT, "1 (boxes between two sightings)", low=0),
        Column("num_regions", INT, low=0),
        Column("num_labelled", INT, low=0),
        Column("boxes_xyxy", FLOATS, "px, four a box, as covered", "image"),
        Column("covered_share", FLOAT, "share of pixels", low=0, high=1),
        Column("sha256", TEXT, "1 (of what the frame holds now)", regex=SHA),
        *DERIVED,
    ),
)

# of one frame, or of the recording that a capture is
UNSEALINGS = Table(
    name="unsealings",
    stage="capture",
    version=3,
    key="unsealing_id",
    erase="frame_id",
    columns=(
        id_column("unsealing_id"),
        id_column("frame_id", nullable=True),
        SESSION,
        Column("who", TEXT, privacy="personal"),
        Column("reason", TEXT, "1; may name persons", privacy="personal"),
        Column("unsealed_ns", INT, "ns", "UTC since 1970", low=0),
        id_column("capture_id", nullable=True),
    ),
)

TABLES = (
    CAPTURES,
    FRAMES,
    FRAME_EXIF,
    SIGNALS,
    SCANS,
    CALIBRATIONS,
    LABELS,
    ANNOTATED_FRAMES,
    QUARANTINE,
    GONE,
    CLOCK_REPORTS,
    CONSENTS,
    PRIVACY_POLICIES,
    SEALED_FRAMES,
    SEALED_RECORDINGS,
    ANONYMISED_FRAMES,
    UNSEALINGS,
)
