"""Rows of tables as Python has them, where they pass from one module to another: a type for each such table.

Names, order and types are those of the schema (a test holds them together). Who asks the catalog for some columns
alone gets those alone; what the types promise of the others does not hold there.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

Side = Literal["x_min", "y_min", "x_max", "y_max"]
SIDES: tuple[Side, ...] = ("x_min", "y_min", "x_max", "y_max")


class CaptureRow(TypedDict):
    """Of `captures`."""

    capture_id: str
    session: str
    path: str
    source_uri: str
    reader: str
    sha256: str | None
    size_bytes: int
    num_frames: int
    num_signals: int
    num_labels: int
    num_problems: int
    start_ns: int | None
    end_ns: int | None
    code_version: str
    notes: str | None
    num_scans: int | None


class FrameRow(TypedDict):
    """Of `frames`."""

    frame_id: str
    capture_id: str
    session: str
    sensor: str
    kind: str
    t_ns: int | None
    sequence: int
    width_px: int
    height_px: int
    encoding: str
    depth_m_per_unit: float | None
    payload: bytes
    sha256: str
    split_hint: str | None
    source_path: str
    source_offset: int
    source_length: int | None
    source_inner_offset: int | None


class ScanRow(TypedDict):
    """Of `scans`."""

    scan_id: str
    capture_id: str
    session: str
    sensor: str
    t_ns: int | None
    sequence: int
    frame_of_reference: str | None
    num_points: int
    num_finite: int
    x_min_m: float | None
    y_min_m: float | None
    z_min_m: float | None
    x_max_m: float | None
    y_max_m: float | None
    z_max_m: float | None
    fields: str
    encoding: str
    size_bytes: int
    sha256: str
    blob_sha256: str
    source_path: str
    source_offset: int
    source_length: int | None
    source_inner_offset: int | None


class SignalRow(TypedDict):
    """Of `signals`."""

    signal_id: str
    capture_id: str
    session: str
    sensor: str
    kind: str
    t_ns: int | None
    sequence: int | None
    values: list[float]
    frame_of_reference: str | None
    child_frame: str | None
    source_path: str
    source_offset: int
    source_length: int | None
    source_inner_offset: int | None


class CalibrationRow(TypedDict):
    """Of `calibrations`."""

    calibration_id: str
    capture_id: str
    session: str
    sensor: str
    width_px: int
    height_px: int
    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float
    distortion_model: str | None
    distortion: list[float]
    rig_from_camera: list[float] | None
    source_path: str
    source_offset: int
    source_length: int | None
    source_inner_offset: int | None


class LabelRow(TypedDict):
    """Of `labels`."""

    label_id: str
    frame_id: str
    capture_id: str
    session: str
    task: str
    class_name: str
    x_min: float | None
    y_min: float | None
    x_max: float | None
    y_max: float | None
    mask_rle: str | None
    track_id: int | None
    attributes: str | None
    origin: str
    source_path: str
    source_offset: int
    source_length: int | None
    source_inner_offset: int | None


class AnnotatedFrameRow(TypedDict):
    """Of `annotated_frames`."""

    annotation_id: str
    frame_id: str
    capture_id: str
    session: str
    task: str
    num_labels: int
    num_missing: int
    num_ignored: int
    source_path: str
    source_offset: int
    source_length: int | None
    source_inner_offset: int | None


class LabelVersionRow(TypedDict):
    """Of `label_versions`."""

    version_id: str
    frame_id: str
    capture_id: str
    session: str
    task: str
    number: int
    frame_sha256: str
    author_kind: str
    author: str
    made_ns: int
    act: str
    queue_id: str | None
    guideline_id: str | None
    replaces: list[str]
    num_missing: int
    num_ignored: int
    label_ids: list[str]
    class_names: list[str]
    boxes_xyxy: list[float]
    mask_rles: list[str]
    track_ids: list[str]
    attributes: list[str]
    content_sha256: str
    rests_on: list[str] | None


class ConsentRow(TypedDict):
    """Of `consents`."""

    consent_id: str
    session: str
    path: str
    act: str
    licence: str | None
    purposes: list[str] | None
    until_day: str | None
    holder: str | None
    why: str
    stated_by: str
    origin: str
    at_ns: int


class DepartureRow(TypedDict):
    """Of `departures`."""

    departure_id: str
    kind: str
    what: str
    place: str
    sessions: list[str]
    release_id: str | None
    model_sha256: str | None
    num_frames: int | None
    sent_by: str
    at_ns: int
    is_whole: bool


class ReleaseRow(TypedDict):
    """Of `releases`."""

    release_id: str
    task: str
    class_names: list[str]
    num_frames: int
    num_labels: int
    content_sha256: str
    frames_version: int
    code_version: str
    sessions: list[str]
    choice: str | None
    weaknesses: list[str] | None
    erasure_id: str | None


class ReleaseFrameRow(TypedDict):
    """Of `release_frames`."""

    row_id: str
    release_id: str
    frame_id: str
    capture_id: str
    session: str
    sensor: str
    split: str
    sha256: str
    class_id: int | None
    boxes_xyxy: list[float]
    box_class_ids: list[int]
    mask_rles: list[str] | None
    mask_class_ids: list[int] | None
    mask_size_px: list[int] | None
    keypoints: list[str] | None


class ModelRow(TypedDict):
    """Of `models`."""

    model_sha256: str
    task: str
    recipe: str
    release_id: str
    code_version: str
    seed: int
    run_id: str
    folder: str
    facts_sha256: str | None  # the blob of its model.json; None: a row of before


class ModelRef(TypedDict):
    """What rows of `models` and of `champions` both say of a model."""

    task: str
    model_sha256: str
    release_id: str


class ScoreRow(TypedDict):
    """Of `scores`."""

    score_id: str
    model_sha256: str
    release_id: str
    split: str
    slice_by: str
    slice_value: str
    metric: str
    value: float | None
    num_samples: int
    low: float | None
    high: float | None
    num_units: int | None
    p_value: float | None
    code_version: NotRequired[str | None]


class ExaminedFrame(TypedDict):
    """What rows of `frame_scores` and of `object_scores` both say: which frame, and which exam of which model."""

    model_sha256: str
    release_id: str
    task: str
    split: str
    frame_id: str
    capture_id: str
    session: str
    sensor: str


class FrameScoreId(TypedDict):
    """The key of `frame_scores`, which stands before what names the frame."""

    frame_score_id: str


class FrameScoreRow(FrameScoreId, ExaminedFrame):
    """Of `frame_scores`."""

    group_id: str
    value: float | None
    true_class: str | None
    found_class: str | None
    confidence: float | None
    log_loss: float | None
    operating_score: float | None
    num_matched: int | None
    num_missed: int | None
    num_false: int | None
    num_confused: int | None
    object_class_ids: list[int] | None
    found_class_ids: list[int] | None
    found_scores: list[float] | None
    found_hits: list[int] | None
    class_hits_px: list[int] | None
    class_truth_px: list[int] | None
    class_found_px: list[int] | None
    boundary_hits_px: list[int] | None
    boundary_union_px: list[int] | None
    region: str | None


class ObjectScoreId(TypedDict):
    """The key of `object_scores`, which stands before what names the frame."""

    object_score_id: str


class ObjectScoreRow(ObjectScoreId, ExaminedFrame):
    """Of `object_scores`."""

    is_object: bool
    place: int
    class_name: str
    found_class: str | None
    area_px2: float
    size: str
    iou: float
    is_matched: bool
    confidence: float | None
    x_min: float | None
    y_min: float | None
    x_max: float | None
    y_max: float | None
    distance_m: float | None


class ChampionRow(TypedDict):
    """Of `champions`."""

    task: str
    model_name: str
    model_version: int
    model_sha256: str
    release_id: str
    spent: float | None
    promotion_id: str | None  # of its record in `promotions`; None: of before


class PromotionRow(TypedDict):
    """Of `promotions`."""

    promotion_id: str
    previous_id: str | None
    task: str
    act: str
    who: str
    why: str
    at_ns: int
    until_ns: int | None
    before_version: int | None
    before_sha256: str | None
    after_version: int
    after_sha256: str
    release_id: str
    spent: float | None


class EdgeFormRow(TypedDict):
    """Of `edge_forms`."""

    edge_sha256: str
    model_sha256: str
    task: str
    release_id: str
    is_accepted: bool
    verdict: str


class PredictionRow(TypedDict):
    """Of `predictions`."""

    prediction_id: str
    frame_id: str
    session: str
    sensor: str
    task: str
    model_sha256: str
    purpose: str
    boxes_xyxy: list[float]
    class_names: list[str]
    scores: list[float]
    mask_rles: list[str] | None
    code_version: NotRequired[str | None]


class TrackRow(TypedDict):
    """Of `tracks`."""

    track_box_id: str
    track_id: str
    frame_id: str
    capture_id: str
    session: str
    sensor: str
    frame_number: int
    model_sha256: str
    tracker: str
    uses_looks: bool
    class_name: str
    x_min: float
    y_min: float
    x_max: float
    y_max: float
    score: float
    is_filled: bool
    prediction_id: str | None
    box_number: int | None
    input_sha256: str
    code_version: str


class TrackedRecordingRow(TypedDict):
    """Of `tracked_recordings`."""

    tracked_id: str
    capture_id: str
    session: str
    sensor: str
    model_sha256: str
    tracker: str
    uses_looks: bool
    min_score: float
    steadiness: str
    num_frames: int
    num_answered: int
    num_tracks: int
    num_filled: int
    num_true_tracks: int | None
    num_true_boxes: int | None
    hota: float | None
    deta: float | None
    assa: float | None
    mota: float | None
    idf1: float | None
    switches: int | None
    truth_sha256: str | None
    input_sha256: str
    code_version: str


class DriftRow(TypedDict):
    """Of `drift`."""

    drift_id: str
    session: str
    sensor: str
    model_name: str
    model_version: int
    release_id: str
    statistic: str
    value: float | None
    p_value: float | None
    raw_p_value: float | None
    threshold: float
    is_drifted: bool | None
    num_frames: int
    num_reference: int
    unit: str
    reason: str
    judged_ns: int | None
    code_version: NotRequired[str | None]


class RequestDriftRow(TypedDict):
    """Of `request_drift`."""

    drift_id: str
    window: str
    subject: str
    sensor: str
    model_name: str
    model_version: int
    release_id: str
    statistic: str
    value: float | None
    p_value: float | None
    raw_p_value: float | None
    threshold: float
    is_drifted: bool | None
    num_frames: int
    num_reference: int
    unit: str
    reason: str
    judged_ns: int | None


class RequestWindowRow(TypedDict):
    """Of `request_windows`."""

    window_id: str
    window: str
    start_ns: int
    end_ns: int
    task: str
    model_name: str
    model_version: int
    release_id: str
    num_images: int
    num_judged: int
    images_drifted: bool | None
    images_p_value: float | None
    images_reason: str
    answers_drifted: bool | None
    answers_p_value: float | None
    answers_reason: str
    metric: str
    estimate: float | None
    error: float | None
    reference: float | None
    estimate_reason: str
    judged_ns: int


class FeedSightingRow(TypedDict):
    """Of `feed_sightings`."""

    sensor: str
    seen_ns: int


class EstimateRow(TypedDict):
    """A row of `estimates`."""

    estimate_id: str
    session: str
    task: str
    model_name: str
    model_version: int
    release_id: str
    metric: str
    value: float | None
    error: float | None
    reference: float | None
    num_answers: int
    num_recordings: int
    reason: str
    estimated_ns: int
    truth: float | None
    value_of_labelled: float | None
    num_labelled: int


class AlarmRow(TypedDict):
    """A row of `alarms`."""

    alarm_id: str
    kind: str
    cause: str
    task: str | None
    session: str | None
    summary: str
    remedy: str
    raised_ns: int
    is_told: bool
    num_tries: int
    told: str


class RetrainingRequestRow(TypedDict):
    """Of `retraining_requests`."""

    request_id: str
    task: str
    session: str
    reason: str
    model_version: int
    requested_ns: int


class RequestRow(TypedDict):
    """Of `requests`."""

    sample_id: str
    request_id: str
    image_index: int
    at_ns: int
    keep_until_ns: int
    sample_rate: float
    task: str
    model_name: str
    model_version: int
    model_sha256: str
    release_id: str
    role: str
    image_sha256: str
    frame_id: str | None
    width_px: int
    height_px: int
    brightness: float
    contrast: float
    sharpness: float
    crispness: float | None
    clipped_dark: float
    clipped_bright: float
    noise: float
    perceptual_hash: str
    vector: list[float] | None
    vector_version: str | None
    boxes_xyxy: list[float]
    class_names: list[str]
    scores: list[float]
    mask_rles: list[str] | None
    confidence: float | None
    latency_ms: float
    batch_size: int
    disagreement: float | None


class CanaryReturnRow(TypedDict):
    """Of `canary_returns`."""

    return_id: str
    task: str
    model_name: str
    model_version: int
    model_sha256: str
    champion_version: int
    champion_sha256: str
    cause: str
    num_images: int
    num_failed: int
    disagreement: float | None
    at_ns: int


class QuarantineRow(TypedDict):
    """Of `quarantine`."""

    problem_id: str
    capture_id: str | None
    session: str
    sensor: str | None
    reader: str
    reason: str
    remedy: str
    source_path: str
    source_offset: int
    source_length: int | None
    source_inner_offset: int | None
