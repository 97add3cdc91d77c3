"""A champion of recognition and the test part of its release, as stored rows; frames and answers that may differ."""

from __future__ import annotations

import numpy as np

from assets.tables.catalog import Catalog
from assets.tables.schemas import EMBEDDING_DIM, TABLES, content_id, to_table
from bench.synthetic_home import plain_row

RELEASE = "b" * 32
SHA = "c" * 64
RECORDINGS = 6
FRAMES = 40
CLASSES = ["cup", "ball"]
VECTOR = [1.0] + [0.0] * (EMBEDDING_DIM - 1)


def store(catalog: Catalog, table: str, rows: list[dict]) -> None:
    whole = [plain_row(table, row) for row in rows]
    catalog.merge(table, to_table(TABLES[table], whole))


def add_frames(catalog, rng, session, recordings, gain=1.0) -> list[dict]:
    """Frames with their figures; brightness is the one that scatters between recordings."""
    frames = [
        {
            "frame_id": content_id(session, r, k),
            "capture_id": content_id(session, r),
            "session": session,
            "sensor": "left",
            "kind": "color",
            "t_ns": k,
            "sequence": k,
        }
        for r in range(recordings)
        for k in range(FRAMES)
    ]
    light = np.repeat(np.exp(0.1 * rng.normal(size=recordings)), FRAMES)
    quality = [
        {"frame_id": f["frame_id"], "session": session, "brightness": 0.4 * gain * v}
        | {"contrast": 0.2, "sharpness": 0.02, "crispness": 1.8, "noise": 0.004}
        for f, v in zip(frames, light, strict=True)
    ]
    embeddings = [
        {"frame_id": f["frame_id"], "session": session, "vector": VECTOR}
        for f in frames
    ]
    store(catalog, "frames", frames)
    store(catalog, "frame_quality", quality)
    store(catalog, "frame_embeddings", embeddings)
    for table in ("frames", "frame_quality", "frame_embeddings"):
        catalog.publish(table, session, catalog.latest_version(table))
    return frames


def add_answers(catalog, rng, frames, purpose, share_of_cups=0.8) -> list[str]:
    """Answers that are as sure as they are right, and the true class of each frame."""
    sure = rng.uniform(0.95, 1.0, len(frames))
    is_right = rng.random(len(frames)) < sure
    truths = np.where(rng.random(len(frames)) < share_of_cups, 0, 1)
    answers = np.where(is_right, truths, 1 - truths)
    rows = [
        {
            "prediction_id": content_id(purpose, f["frame_id"]),
            "frame_id": f["frame_id"],
            "session": f["session"],
            "sensor": "left",
            "task": "recognition",
            "model_sha256": SHA,
            "purpose": purpose,
            "class_names": [CLASSES[a], CLASSES[1 - a]],
            "scores": [float(s), float(1 - s)],
        }
        for f, a, s in zip(frames, answers, sure, strict=True)
    ]
    store(catalog, "predictions", rows)
    return [CLASSES[t] for t in truths]


def add_champion(catalog: Catalog, rng: np.random.Generator) -> None:
    """Version 1, which learnt from the session "known"."""
    known = add_frames(catalog, rng, "known", RECORDINGS)
    truths = add_answers(catalog, rng, known, "test")
    of_release = [
        {k: f[k] for k in ("frame_id", "capture_id", "session", "sensor")}
        | {"row_id": content_id("r", f["frame_id"]), "release_id": RELEASE}
        | {"split": "test", "class_id": CLASSES.index(t)}
        for f, t in zip(known, truths, strict=True)
    ]
    store(catalog, "release_frames", of_release)
    release = {"release_id": RELEASE, "task": "recognition", "class_names": CLASSES}
    store(catalog, "releases", [release])
    champion = {"task": "recognition", "model_name": "daguerre-recognition"}
    champion |= {"model_version": 1, "model_sha256": SHA, "release_id": RELEASE}
    store(catalog, "champions", [champion])
