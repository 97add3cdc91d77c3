"""What champions were asked about and answered in a window of requests, against what they know: rows that are stored.

A window is judged as a session of one recording, by images and by answers. Requests name no camera, so they are
compared with the whole release, unless that has pictures of no named camera too. The tests take recordings to differ
by scene; requests of many scenes in a day differ less, and alarm less often.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import cast

import pyarrow as pa

from assets.formats.layout import DEFAULT_SENSOR
from assets.monitoring.denied import find_doubt
from assets.monitoring.drift import Assessment, Champion, assess_frames
from assets.monitoring.estimates import Estimated, estimate_answers
from assets.monitoring.figures import GatheredFrames, gather, gather_requests
from assets.monitoring.pending import champions
from assets.monitoring.request_windows import Window, asked_of, find_due
from assets.monitoring.watch import (
    Answered,
    assess_answers,
    read_exam,
    read_reference,
)
from assets.tables.catalog import Catalog, is_in
from assets.tables.rows import (
    ChampionRow,
    DriftRow,
    PredictionRow,
    RequestDriftRow,
    RequestWindowRow,
)
from assets.tables.schemas import TABLES, content_id, to_table
from assets.tables.schemas.monitoring import SUBJECTS

MAX_IMAGES = 5000  # of a window that are judged, of more so many at random
_ANSWER = ["class_names", "scores", "boxes_xyxy", "mask_rles"]


def judge_windows(
    catalog: Catalog, now_ns: int | None = None
) -> Iterator[RequestWindowRow]:
    """Judge and store each window that is over, of each champion, as it is asked for; a window is judged once.

    Raises ValueError where the figures of the release cannot be read.
    """
    now = time.time_ns() if now_ns is None else now_ns
    for champion in champions(catalog):
        for window in find_due(catalog, champion, now):
            yield judge_window(catalog, champion, window)


def judge_window(
    catalog: Catalog, champion: ChampionRow, window: Window
) -> RequestWindowRow:
    """Store the rows of `request_drift` and, last, that of `request_windows`, which says that the window is judged."""
    rows = _read_rows(catalog, champion, window)
    images = _assess_images(catalog, champion, window, rows)
    answered = _gather_answered(catalog, champion, window, rows)
    answers = assess_answers(champion, window.name, answered)
    doubt = find_doubt(catalog, champion, window.name)
    estimated = estimate_answers(catalog, champion, images.p_value, answered, doubt)
    found = _describe_window(champion, window, rows, images, answers, estimated)
    drift = [
        _to_row(row, subject, found["judged_ns"])
        for subject, assessment in zip(SUBJECTS, (images, answers), strict=True)
        for row in assessment.rows
    ]
    catalog.upsert("request_drift", to_table(TABLES["request_drift"], drift))
    catalog.upsert("request_windows", to_table(TABLES["request_windows"], [found]))
    return found


def _read_rows(catalog: Catalog, champion: ChampionRow, window: Window) -> pa.Table:
    """The window's rows in the order in which they came: one an image, MAX_IMAGES at most."""
    where = f"{asked_of(champion)} AND at_ns >= {window.start_ns} AND at_ns < {window.end_ns}"
    columns = ["sample_id", "image_sha256"]
    asked = catalog.read_latest("requests", columns, where).sort_by("sample_id")
    # ids are hashes: the first of them are drawn at random
    first = {
        row["image_sha256"]: row["sample_id"] for row in reversed(asked.to_pylist())
    }
    chosen = is_in("sample_id", sorted(first.values())[:MAX_IMAGES])
    return catalog.read_latest("requests", where=chosen).sort_by("at_ns")


def _assess_images(
    catalog: Catalog, champion: ChampionRow, window: Window, rows: pa.Table
) -> Assessment:
    reference = read_reference(catalog, champion)
    known = gather(reference, "the reference")
    arrived = gather_requests(rows, window.name)
    encoders = {*reference.embeddings["code_version"].to_pylist()}
    if encoders != {*rows["vector_version"].to_pylist()} or len(encoders) > 1:
        # vectors of two encoders are never compared
        known, arrived = (_without_vectors(frames) for frames in (known, arrived))
    subject = Champion(
        champion["model_name"], champion["model_version"], champion["release_id"]
    )
    return assess_frames(known, arrived, window.name, subject)


def _without_vectors(frames: GatheredFrames) -> GatheredFrames:
    return frames._replace(vectors=frames.vectors[:, :0])


def _gather_answered(
    catalog: Catalog, champion: ChampionRow, window: Window, rows: pa.Table
) -> Answered:
    """The sampled answers as if they were predictions on frames that have the names of the samples."""
    exam = read_exam(catalog, champion)
    num = len(rows)
    frames = pa.table(
        {
            "frame_id": rows["sample_id"],
            "capture_id": [window.name] * num,
            "sensor": [DEFAULT_SENSOR] * num,
            "t_ns": rows["at_ns"],
            "sequence": range(num),
        }
    )
    answers = [
        {"frame_id": row["sample_id"], **{name: row[name] for name in _ANSWER}}
        for row in rows.select(["sample_id", *_ANSWER]).to_pylist()
    ]
    return Answered(
        exam.reference,
        exam.reference_frames,
        cast(list[PredictionRow], answers),
        frames,
        exam.min_score,
    )


def _to_row(row: DriftRow, subject: str, judged_ns: int) -> RequestDriftRow:
    own = {
        "drift_id": content_id("request_drift", subject, row["drift_id"]),
        "window": row["session"],
        "subject": subject,
        "judged_ns": judged_ns,
    }
    names = TABLES["request_drift"].schema.names
    return cast(
        RequestDriftRow, {k: v for k, v in {**row, **own}.items() if k in names}
    )


def _describe_window(
    champion: ChampionRow,
    window: Window,
    rows: pa.Table,
    images: Assessment,
    answers: Assessment,
    estimated: Estimated,
) -> RequestWindowRow:
    name, version = champion["model_name"], champion["model_version"]
    return {
        "window_id": content_id("window", name, version, window.start_ns),
        "window": window.name,
        "start_ns": window.start_ns,
        "end_ns": window.end_ns,
        "task": champion["task"],
        "model_name": name,
        "model_version": version,
        "release_id": champion["release_id"],
        "num_images": window.num_images,
        "num_judged": len(rows),
        "images_drifted": images.is_drifted,
        "images_p_value": images.p_value,
        "images_reason": images.reason,
        "answers_drifted": answers.is_drifted,
        "answers_p_value": answers.p_value,
        "answers_reason": answers.reason,
        "metric": estimated.metric,
        "estimate": estimated.estimate.value,
        "error": estimated.estimate.error,
        "reference": estimated.reference,
        "estimate_reason": estimated.reason,
        "judged_ns": time.time_ns(),
    }
