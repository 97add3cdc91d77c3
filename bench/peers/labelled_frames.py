"""Make the tables of a home whose frames are compared and labelled, and not yet split: small pictures, many boxes.

Of the frames 40 % are of recordings of 1,000 frames by cameras that move, near-duplicates in runs of eight. 30 % are of
cameras that stand still: clusters of 1,000. 30 % are single pictures, one in 32 a copy of the picture before. A frame
of a camera that moves and a single picture has one to five boxes, one in 16 none; nobody labelled what stands still.
Sessions of moving cameras and those of single pictures share no class, so they are two data sets.
"""

from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id

RECORDING = 1_000
SESSION = 10_000  # frames, of ten recordings or of one folder
_TABLES = ("captures", "frames", "labels", "annotated_frames", "unique_frames")
_SIZE_HW = (48, 64)
_CLUSTER_OF = {"drive": 8, "yard": 1_000, "pictures": 1}
_MOST_BOXES = 5


def write_home(home: Path, num_frames: int, num_classes: int, seed: int = 0) -> None:
    """Publish so many frames, whole sessions of them, in the tables below `home`, and store their recordings."""
    catalog = Catalog(str(home / "tables"))
    rng = np.random.default_rng(seed)
    sessions = []
    for kind, share in (("drive", 0.4), ("yard", 0.3), ("pictures", 0.3)):
        left = round(num_frames * share)
        for number in range(-(-left // SESSION)):
            session = f"{kind}-{number:04d}"
            sessions.append(session)
            count = min(SESSION, left - number * SESSION)
            for name, table in _make(session, kind, count, num_classes, rng).items():
                catalog.merge(name, table)
    for recording in catalog.read_latest(
        "captures", ["capture_id", "sha256"]
    ).to_pylist():
        if recording["sha256"]:
            catalog.blobs.put(BytesIO(_write_recording(recording["capture_id"])))
    for name in _TABLES:
        scopes = [None] if name == "unique_frames" else sessions
        for scope in scopes:
            catalog.publish(name, scope, catalog.latest_version(name))


def _make(
    session: str, kind: str, count: int, num_classes: int, rng: np.random.Generator
) -> dict[str, pa.Table]:
    is_recording = kind != "pictures"
    sequence = np.arange(count)
    capture = sequence // RECORDING if is_recording else np.zeros(count, np.int64)
    numbers = np.unique(capture)
    captures = [content_id("capture", session, n) for n in numbers]
    payloads, hashes = _draw_pictures(session, count)
    is_copy = (sequence % 32 == 31) & (kind == "pictures")
    for n in np.flatnonzero(is_copy):
        payloads[n] = payloads[n - 1]
        hashes[n] = hashes[n - 1]
    ids = np.array([content_id("frame", session, n) for n in sequence], object)
    capture_ids = np.array(captures, object)[capture]
    leader = sequence // _CLUSTER_OF[kind] * _CLUSTER_OF[kind] - is_copy
    num_boxes = rng.integers(1, _MOST_BOXES + 1, count)
    num_boxes[(sequence % 16 == 15) | (kind == "yard")] = 0
    said = np.flatnonzero(np.full(count, kind != "yard"))
    frame_columns = {
        "frame_id": ids,
        "capture_id": capture_ids,
        "session": session,
        "sensor": "camera",
        "kind": "color",
        "t_ns": sequence * 10**8 if is_recording else None,
        "sequence": sequence,
        "width_px": _SIZE_HW[1],
        "height_px": _SIZE_HW[0],
        "encoding": "jpeg",
        "payload": payloads,
        "sha256": hashes,
        "source_path": "0.mcap",
        "source_offset": sequence,
    }
    capture_columns = {
        "capture_id": captures,
        "session": session,
        "path": [f"{n}.mcap" for n in numbers],
        "source_uri": [f"/{session}/{n}.mcap" for n in numbers],
        "reader": "mcap" if is_recording else "image_folder",
        "sha256": [
            hashlib.sha256(_write_recording(c)).hexdigest() if is_recording else None
            for c in captures
        ],
        "code_version": "1",
        "size_bytes": 1,
        "num_frames": np.bincount(capture),
        "num_signals": 0,
        "num_labels": 0,
        "num_problems": 0,
    }
    cluster_columns = {
        "frame_id": ids,
        "session": session,
        "duplicate_of": np.where(leader == sequence, None, ids[leader]),
        "cluster_id": ids[leader],
        "similarity": np.where(leader == sequence, None, 0.99),
        "input_sha256": hashes,
        "code_version": "1",
    }
    of = np.repeat(sequence, num_boxes)
    label_columns = {
        "label_id": [content_id("label", session, n) for n in range(len(of))],
        "frame_id": ids[of],
        "capture_id": capture_ids[of],
        "session": session,
        "task": "detection",
        "class_name": _draw_names(kind, len(of), num_classes, rng),
        **_draw_boxes(len(of), rng),
        "origin": "imported",
        "source_path": "labels.json",
        "source_offset": np.arange(len(of)),
    }
    said_columns = {
        "annotation_id": [content_id("said", session, n) for n in said],
        "frame_id": ids[said],
        "capture_id": capture_ids[said],
        "session": session,
        "task": "detection",
        "num_labels": num_boxes[said],
        "num_missing": 0,
        "num_ignored": 0,
        "source_path": "labels.json",
        "source_offset": said,
    }
    return {
        "captures": _to_table("captures", capture_columns, len(captures)),
        "frames": _to_table("frames", frame_columns, count),
        "unique_frames": _to_table("unique_frames", cluster_columns, count),
        "labels": _to_table("labels", label_columns, len(of)),
        "annotated_frames": _to_table("annotated_frames", said_columns, len(said)),
    }


def _write_recording(capture_id: str) -> bytes:
    """In place of a recording's bytes; nothing here reads them but `verify`."""
    return f"recording {capture_id}".encode()


def _draw_names(
    kind: str, count: int, num_classes: int, rng: np.random.Generator
) -> list[str]:
    """Every session shows the first class, so that those of a kind are one data set."""
    drawn = rng.integers(0, num_classes, count)
    drawn[:1] = 0
    return [f"{kind}-{n:04d}" for n in drawn]


def _draw_boxes(count: int, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    height, width = _SIZE_HW
    at_least_one_px = np.array([0, 1])
    x = np.sort(rng.uniform(0, width, (count, 2)), axis=1) + at_least_one_px
    y = np.sort(rng.uniform(0, height, (count, 2)), axis=1) + at_least_one_px
    sides = {"x_min": x[:, 0], "y_min": y[:, 0], "x_max": x[:, 1], "y_max": y[:, 1]}
    return {name: values.astype(np.float32) for name, values in sides.items()}


def _draw_pictures(session: str, count: int) -> tuple[list[bytes], list[str]]:
    """A grey JPEG each, told apart by a comment in it; and their sha256."""
    grey = np.full((*_SIZE_HW, 3), 128, np.uint8)
    jpeg = cv2.imencode(".jpg", grey)[1].tobytes()
    payloads = []
    for n in range(count):
        comment = f"{session} {n}".encode()
        segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
        payloads.append(jpeg[:2] + segment + jpeg[2:])
    return payloads, [hashlib.sha256(payload).hexdigest() for payload in payloads]


def _to_table(name: str, columns: dict[str, object], count: int) -> pa.Table:
    arrays = []
    for field in TABLES[name].schema:
        values = columns.get(field.name)
        if values is None or isinstance(values, str | int | float):
            arrays.append(pa.repeat(pa.scalar(values, field.type), count))
        else:
            arrays.append(pa.array(values, from_pandas=False).cast(field.type))
    return pa.table(arrays, schema=TABLES[name].schema)
