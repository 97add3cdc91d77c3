"""A home of thousands of sessions whose rows are synthetic: written and published as the product does, never taken in.

Every session has one capture of colour frames of 8 x 8 pixels, with figures, vectors, clusters, splits and, where asked
for, a box a frame; of every tenth session the vectors are by another encoder.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

from assets.capture.versions import name_code
from assets.code_versions import version_of
from assets.tables.catalog import Catalog
from assets.tables.schemas import EMBEDDING_DIM, TABLES, content_id, to_table

SIDE = 8
_AT_ONCE = 20_000  # rows of a write
_PUBLISHED = ("captures", "frames", "frame_quality", "frame_embeddings")
LABELLED = ("labels", "annotated_frames")
_FIGURES = {
    "brightness": 0.5,
    "contrast": 0.1,
    "sharpness": 0.1,
    "crispness": 2.0,
    "clipped_dark": 0.0,
    "clipped_bright": 0.0,
    "noise": 0.0,
    "perceptual_hash": "0" * 16,
}
Rows = dict[str, list[dict[str, Any]]]


def name_sessions(number: int, first: int = 0) -> list[str]:
    """The names of so many sessions."""
    return [f"session-{n:05d}" for n in range(first, first + number)]


def fill(
    catalog: Catalog,
    sessions: Sequence[str],
    num_frames: int,
    is_labelled: bool = False,
) -> None:
    """Write the rows of these sessions, and publish them."""
    write(catalog, sessions, num_frames, is_labelled)
    publish(catalog, sessions, is_labelled)


def write(
    catalog: Catalog,
    sessions: Sequence[str],
    num_frames: int,
    is_labelled: bool = False,
) -> None:
    """Write the rows of these sessions; no reader sees them."""
    size = max(1, _AT_ONCE // num_frames)
    for at in range(0, len(sessions), size):
        rows: Rows = defaultdict(list)
        for session in sessions[at : at + size]:
            _add_session(rows, session, num_frames, is_labelled)
        for table, found in rows.items():
            catalog.merge(table, to_table(TABLES[table], found))


def publish(
    catalog: Catalog, sessions: Sequence[str], is_labelled: bool = False
) -> None:
    """Let readers see these sessions, by one commit a table."""
    for table in (*_PUBLISHED, *(LABELLED if is_labelled else ())):
        publish_table(catalog, table, sessions)


def publish_table(catalog: Catalog, table: str, sessions: Sequence[str]) -> None:
    """Let readers see the rows of these sessions in one table, by one commit."""
    admit(catalog, table, sessions, catalog.latest_version(table))


def admit(catalog: Catalog, table: str, sessions: Sequence[str], version: int) -> None:
    """One commit with decisions that let readers see these sessions, in place of what was decided before."""
    decisions = [
        {
            "publication_id": content_id(table, session),
            "table_name": table,
            "session": session,
            "version": version,
            "is_held": False,
            "reason": "",
        }
        for session in sessions
    ]
    catalog.upsert("publications", to_table(TABLES["publications"], decisions))


def _add_session(rows: Rows, session: str, num_frames: int, is_labelled: bool) -> None:
    capture = content_id("capture", session)
    encoder = "1:other" if session.endswith("0") else version_of("frame_embeddings")
    rows["captures"].append(
        plain_row(
            "captures",
            {
                "capture_id": capture,
                "session": session,
                "reader": "image_folder",
                "code_version": name_code("image_folder"),
                "num_frames": num_frames,
                "num_labels": num_frames if is_labelled else 0,
                "num_problems": 0,
                "num_signals": 0,
            },
        )
    )
    for number in range(num_frames):
        frame = content_id("frame", session, number)
        payload = _draw(frame)
        sha256 = hashlib.sha256(payload).hexdigest()
        _add_frame(rows, session, capture, frame, number, payload)
        mine = {"frame_id": frame, "session": session, "input_sha256": sha256}
        by = {"code_version": version_of("frame_quality")}
        rows["frame_quality"].append({**mine, **_FIGURES, **by})
        rows["frame_embeddings"].append(
            {**mine, "vector": _VECTOR, "code_version": encoder}
        )
        by = {"code_version": version_of("unique_frames")}
        rows["unique_frames"].append({**mine, "cluster_id": frame, **by})
        if is_labelled:
            _add_label(rows, session, capture, frame)


def _add_frame(
    rows: Rows, session: str, capture: str, frame: str, number: int, payload: bytes
) -> None:
    mine = {"frame_id": frame, "session": session, "capture_id": capture}
    facts = {
        **mine,
        "kind": "color",
        "encoding": "png",
        "width_px": SIDE,
        "height_px": SIDE,
        "payload": payload,
        "sha256": hashlib.sha256(payload).hexdigest(),
        "sequence": number,
    }
    rows["frames"].append(plain_row("frames", facts))
    rows["splits"].append(
        {**mine, "group_id": frame, "split": "train", "rule": "cluster"}
    )


def _add_label(rows: Rows, session: str, capture: str, frame: str) -> None:
    mine = {
        "frame_id": frame,
        "session": session,
        "capture_id": capture,
        "task": "detection",
    }
    label = {
        **mine,
        "label_id": content_id("label", frame),
        "class_name": "cup",
        "x_min": 1.0,
        "y_min": 1.0,
        "x_max": 5.0,
        "y_max": 5.0,
    }
    rows["labels"].append(plain_row("labels", label))
    looked = {
        **mine,
        "annotation_id": content_id("looked", frame),
        "num_labels": 1,
        "num_missing": 0,
        "num_ignored": 0,
    }
    rows["annotated_frames"].append(plain_row("annotated_frames", looked))


def _draw(frame: str) -> bytes:
    """A picture that no other frame has."""
    seed = np.frombuffer(hashlib.sha512(frame.encode()).digest(), np.uint8)
    pixels = np.resize(seed, (SIDE, SIDE, 3))
    return bytes(cv2.imencode(".png", pixels)[1])


def _first_axis() -> np.ndarray:
    vector = np.zeros(EMBEDDING_DIM, np.float32)
    vector[0] = 1.0
    return vector


_VECTOR = _first_axis()


def plain_row(table: str, given: dict[str, Any]) -> dict[str, Any]:
    """A row with a plain value in each column that must have one."""
    row: dict[str, Any] = {}
    for column in TABLES[table].columns:
        if column.nullable:
            continue
        if pa.types.is_integer(column.type):
            row[column.name] = 1
        elif pa.types.is_floating(column.type):
            row[column.name] = 1.0
        elif pa.types.is_list(column.type):
            row[column.name] = []
        elif pa.types.is_string(column.type):
            row[column.name] = column.values[0] if column.values else "0" * 32
        elif pa.types.is_boolean(column.type):
            row[column.name] = False
        else:
            row[column.name] = b"0"
    return row | given
