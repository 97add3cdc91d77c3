"""Releases that are written by hand, of frames that are plain pictures."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from assets.kinds import find_kind
from assets.tables.catalog import Catalog
from assets.tables.releases import hash_content, summarise
from assets.tables.schemas import TABLES, content_id, to_table


def frame_id(name: str) -> str:
    return content_id("frame", name)


def draw_png(name: str) -> bytes:
    """A plain picture of 32 by 24 pixels, another for each name."""
    shade = hashlib.sha256(name.encode()).digest()[0]
    buffer = io.BytesIO()
    Image.fromarray(np.full((24, 32, 3), shade, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def write_frames(catalog: Catalog, names: str) -> int:
    """A frame a letter; the version of their table."""
    rows = [
        {
            "frame_id": frame_id(name),
            "capture_id": content_id("capture"),
            "session": "monday",
            "sensor": "left",
            "kind": "color",
            "t_ns": None,
            "sequence": 0,
            "width_px": 32,
            "height_px": 24,
            "encoding": "png",
            "depth_m_per_unit": None,
            "payload": draw_png(name),
            "sha256": hashlib.sha256(draw_png(name)).hexdigest(),
            "split_hint": None,
            "source_path": f"{name}.png",
            "source_offset": 0,
            "source_length": None,
            "source_inner_offset": None,
        }
        for name in names
    ]
    return catalog.merge("frames", to_table(TABLES["frames"], rows)).version


def box_row(name: str, split: str, boxes, session: str = "monday") -> dict:
    """A frame of a detection release; boxes are (class id, x_min, y_min, x_max, y_max)."""
    return {
        "frame_id": frame_id(name),
        "capture_id": content_id("capture"),
        "session": session,
        "sensor": "left",
        "split": split,
        "sha256": hashlib.sha256(draw_png(name)).hexdigest(),
        "class_id": None,
        "boxes_xyxy": [float(v) for box in boxes for v in box[1:]],
        "box_class_ids": [box[0] for box in boxes],
    }


def write_release(
    catalog: Catalog, task: str, names: list[str], rows, version=1
) -> str:
    """Freeze these rows; the id of the release."""
    draft = to_table(
        TABLES["release_frames"],
        [
            {**r, "row_id": content_id(i), "release_id": "0" * 32}
            for i, r in enumerate(rows)
        ],
    )
    content = hash_content(task, names, draft)
    release_id = content[:32]
    mine = [
        {
            **row,
            "row_id": content_id(release_id, row["frame_id"]),
            "release_id": release_id,
        }
        for row in rows
    ]
    catalog.merge("release_frames", to_table(TABLES["release_frames"], mine))
    release = {
        "release_id": release_id,
        "task": task,
        "class_names": names,
        "content_sha256": content,
        "frames_version": version,
        "code_version": "1",
        "choice": None,
        "weaknesses": [],
        **summarise(draft),
    }
    catalog.merge("releases", to_table(TABLES["releases"], [release]))
    return release_id


@pytest.fixture
def catalog(tmp_path) -> Catalog:
    return Catalog(str(tmp_path / "tables"))


def class_row(name: str, class_id: int, session: str = "monday") -> dict:
    """A test frame of a recognition release."""
    return box_row(name, "test", [], session) | {"class_id": class_id}


def store_model(catalog: Catalog, name: str, release_id: str, task: str) -> dict:
    """The row of a model, whose weights are the hash of its name."""
    row = {
        "model_sha256": hashlib.sha256(name.encode()).hexdigest(),
        "task": task,
        "recipe": f"tiny_{task}",
        "release_id": release_id,
        "code_version": "1",
        "seed": 0,
        "run_id": "run",
        "folder": name,
        "facts_sha256": None,
    }
    catalog.merge("models", to_table(TABLES["models"], [row]))
    return row


def sit_exam(catalog: Catalog, model: dict, release_id: str, said: dict) -> None:
    """Store a model's answers about the test part, {letter: columns of its answer}, and its scores of frames."""
    answers = [
        {
            "prediction_id": content_id(model["model_sha256"], name),
            "frame_id": frame_id(name),
            "session": "monday",
            "sensor": "left",
            "task": model["task"],
            "model_sha256": model["model_sha256"],
            "purpose": "test",
            "boxes_xyxy": [],
            "mask_rles": None,
            **columns,
        }
        for name, columns in said.items()
    ]
    catalog.merge("predictions", to_table(TABLES["predictions"], answers))
    score_frames(catalog, answers, release_id)


def score_frames(catalog: Catalog, answers: list[dict], release_id: str) -> None:
    """Store what a model's answers about the test part of a release come to, frame by frame."""
    where = f"release_id = '{release_id}' AND split = 'test'"
    frames = catalog.read_latest("release_frames", where=where).to_pylist()
    (release,) = catalog.read_latest(
        "releases", where=f"release_id = '{release_id}'"
    ).to_pylist()
    pairs = find_kind(release["task"]).pair(answers, frames, release["class_names"])
    groups = {frame["frame_id"]: frame["frame_id"] for frame in frames}
    of_frames, _ = pairs.list_frames(frames, groups)
    catalog.merge("frame_scores", to_table(TABLES["frame_scores"], of_frames))
