"""A small stored release: squares and discs on grey, with exact labels; and the spans that this process sends."""

from __future__ import annotations

import hashlib
import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest

from assets import tracing
from assets.tables.catalog import Catalog
from assets.tables.releases import hash_content, summarise
from assets.tables.schemas import TABLES, content_id, to_table
from models.semantic_maps import split_map
from models.types import SemanticMap

SIZE_PX = 64


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None:
    """For all tests of this folder."""


@pytest.fixture
def store_release(tmp_path: Path) -> Callable[..., tuple[Catalog, str]]:
    """Store frames and a release over them. `splits` names the split of each frame, in turn; `payloads` are other
    images than those that are drawn."""

    def store(
        task: str,
        splits: list[str],
        class_names: tuple[str, ...] = ("disc", "square"),
        is_labelled: bool = True,
        payloads: Sequence[bytes] | None = None,
    ) -> tuple[Catalog, str]:
        catalog = Catalog(str(tmp_path / "tables"))
        drawn = [_draw(n) for n in range(len(splits))]
        stored = payloads or [payload for payload, _, _ in drawn]
        frames = [_frame_row(n, payload) for n, payload in enumerate(stored)]
        version = catalog.merge("frames", to_table(TABLES["frames"], frames)).version
        rows: list[dict] = []
        for n, (_, class_id, box) in enumerate(drawn):
            is_box = task in ("detection", "instances", "keypoints")
            rows.append(
                {
                    "row_id": content_id("row", task, *splits, n),
                    "split": splits[n],
                    **{
                        k: frames[n][k]
                        for k in (
                            "frame_id",
                            "capture_id",
                            "session",
                            "sensor",
                            "sha256",
                        )
                    },
                    "class_id": None if is_box else class_id,
                    "boxes_xyxy": box if is_box and is_labelled else [],
                    "box_class_ids": [class_id] if is_box and is_labelled else [],
                }
            )
            if task == "multilabel":
                rows[-1] |= {"class_id": None, "box_class_ids": [class_id]}
            if task == "segmentation":
                rows[-1] |= {"class_id": None, **_mask(box, class_id)}
            if task == "instances":
                mask = _mask(box, class_id)
                rows[-1] |= {
                    "mask_rles": mask["mask_rles"][:1],
                    "mask_size_px": mask["mask_size_px"],
                }
            if task == "keypoints":
                rows[-1] |= {"keypoints": [_corners(box)]}
        schema = TABLES["release_frames"].schema
        content = hash_content(task, class_names, pa.Table.from_pylist(rows, schema))
        release_id = content[:32]
        rows = [{**row, "release_id": release_id} for row in rows]
        catalog.merge("release_frames", to_table(TABLES["release_frames"], rows))
        catalog.merge(
            "releases",
            to_table(
                TABLES["releases"],
                [
                    {
                        "release_id": release_id,
                        "task": task,
                        "class_names": list(class_names),
                        "content_sha256": content,
                        "frames_version": version,
                        "code_version": "1",
                        **summarise(pa.Table.from_pylist(rows, schema)),
                    }
                ],
            ),
        )
        return catalog, release_id

    return store


def _draw(number: int) -> tuple[bytes, int, list[float]]:
    """PNG, class id (0 disc, 1 square) and box of one object; the box is exact."""
    rng = np.random.default_rng(number)
    image = np.full((SIZE_PX, SIZE_PX, 3), 90, np.uint8)
    class_id = number % 2
    side = int(rng.integers(16, 25)) * 2
    x, y = (int(v) for v in rng.integers(0, SIZE_PX - side, 2))
    if class_id:
        image[y : y + side, x : x + side] = (220, 60, 40)
    else:
        cv2.circle(image, (x + side // 2, y + side // 2), side // 2, (40, 90, 230), -1)
    _, png = cv2.imencode(".png", image)
    return (
        png.tobytes(),
        class_id,
        [float(x), float(y), float(x + side), float(y + side)],
    )


def _corners(box: list[float]) -> str:
    """Two points of an object: the corners of its box."""
    x_min, y_min, x_max, y_max = box
    return f"{x_min:g} {y_min:g} 2 {x_max:g} {y_max:g} 2"


def _mask(box: list[float], class_id: int) -> dict[str, object]:
    """The box as a region of its class; the grey around it is class 2."""
    class_ids = np.full((SIZE_PX, SIZE_PX), 2, np.uint8)
    x_min, y_min, x_max, y_max = map(int, box)
    class_ids[y_min:y_max, x_min:x_max] = class_id
    masks, mask_class_ids = split_map(SemanticMap(class_ids))
    return {
        "mask_rles": masks,
        "mask_class_ids": mask_class_ids,
        "mask_size_px": [SIZE_PX, SIZE_PX],
    }


def _frame_row(number: int, payload: bytes) -> dict[str, object]:
    height, width = cv2.imdecode(np.frombuffer(payload, np.uint8), 1).shape[:2]
    return {
        "frame_id": content_id("frame", number),
        "capture_id": content_id("capture"),
        "session": "s",
        "sensor": "cam",
        "kind": "color",
        "t_ns": number,
        "sequence": number,
        "width_px": width,
        "height_px": height,
        "encoding": "jpeg" if payload[:2] == b"\xff\xd8" else "png",
        "payload": payload,
        "sha256": hashlib.sha256(payload).hexdigest(),
        "split_hint": None,
        "source_path": f"{number}.png",
        "source_offset": 0,
        "source_length": len(payload),
        "source_inner_offset": None,
    }


@pytest.fixture
def read_spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[dict]]]:
    """The spans that this process has sent, as the SDK writes them."""
    written = io.StringIO()
    with monkeypatch.context() as patched:
        patched.setenv("OTEL_TRACES_EXPORTER", "console")
        tracing._provider.cache_clear()
        tracing._find_provider.cache_clear()
        patched.setattr(sys, "stderr", written)
        provider = tracing._provider()
        patched.undo()
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")

    def read() -> list[dict]:
        provider.force_flush()
        return [json.loads(line) for line in written.getvalue().splitlines()]

    yield read
    provider.shutdown()
    tracing._provider.cache_clear()
    tracing._find_provider.cache_clear()
