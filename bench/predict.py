"""Measure `daguerre predict` on a folder and on a release beside the pool that answers about many stored frames.

All ask the same recogniser of 224 px, whose weights are random, about the same JPEGs of 320x240: once as files of a
folder, which go through the image guard, once as the frames of a release, and once as stored frames in a pool of two
workers of Ray. Each rate is that after the first batch, so that nobody's start counts. They take turns.

Run: `python -m bench.predict --json`.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

from assets.cluster.connection import open_ray
from assets.cluster.pool import run_pool
from assets.inference.loose_images import answer_files, answer_release, list_images
from assets.inference.model_store import open_copy
from assets.inference.onnx_model import OnnxModel
from assets.inference.predict import (
    BATCH_SIZE,
    PredictFrames,
    PredictionFacts,
    StoredImages,
    StoredModel,
)
from assets.storage import Folder
from assets.tables.catalog import Catalog
from assets.tables.releases import hash_content, summarise
from assets.tables.schemas import TABLES, content_id, to_table
from bench.printing import make_parser, print_figures
from bench.serving import CLASSES, make_home, paint

WORKERS = 2
COPIES = 6  # of the pictures that `bench.serving` paints
Turn = Callable[[], Iterable[int]]  # numbers of images, as they are answered


def main() -> None:
    """Print the figures."""
    parser = make_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="daguerre-predict-") as folder:
        figures = measure(Path(folder), options.rounds)
    print_figures(figures, options.json)


def measure(folder: Path, rounds: int) -> dict[str, object]:
    """Rates of all, and ratios to the pool's within each round."""
    make_home(folder / "home")
    catalog = Catalog(str(folder / "home" / "tables"))
    payloads = paint(folder / "painted") * COPIES
    frames = store(catalog, payloads)
    release = freeze(catalog, frames)
    files = folder / "files"
    files.mkdir()
    for number, payload in enumerate(payloads):
        (files / f"{number:04d}.jpg").write_bytes(payload)
    (row,) = catalog.read_latest("models").to_pylist()
    model = OnnxModel(open_copy(catalog.blobs, folder / "home", row))
    turns: dict[str, Turn] = {
        "path": lambda: ask_path(model, files),
        "release": lambda: (1 for _ in answer_release(model, catalog, release)),
        "pool": lambda: ask_pool(catalog, frames, row, folder / "home"),
    }
    with open_ray(WORKERS):
        found = [{n: rate(turn()) for n, turn in turns.items()} for _ in range(rounds)]
    rates = {f"{n}_per_s": round(median(one[n] for one in found), 1) for n in turns}
    return rates | {
        f"ratio_{name}": round(median(one[name] / one["pool"] for one in found), 3)
        for name in ("path", "release")
    }


def rate(answered: Iterable[int]) -> float:
    """Images a second, from the first answers on."""
    began_s, count = 0.0, 0
    for number in answered:
        if not began_s:
            began_s = time.perf_counter()
        else:
            count += number
    return count / (time.perf_counter() - began_s)


def ask_path(model: OnnxModel, files: Path) -> Iterable[int]:
    """As `daguerre predict PATH`."""
    folder = Folder(str(files))
    return (1 for _ in answer_files(model, folder, list_images(folder)))


def ask_pool(
    catalog: Catalog, frames: list[dict[str, Any]], row: Any, home: Path
) -> Iterable[int]:
    """As `daguerre predict SESSION` with many frames and a cluster."""
    images = StoredImages(catalog)
    facts = PredictionFacts("recognition", row["model_sha256"], CLASSES, "monitoring")
    load = StoredModel(catalog, row["model_sha256"])
    work = PredictFrames(catalog, images.version, load, facts)
    asked = images.find(frames)
    batches = [asked[at : at + BATCH_SIZE] for at in range(0, len(asked), BATCH_SIZE)]
    with closing(run_pool(work, batches, (WORKERS, WORKERS), home)) as made:
        for rows in made:
            yield len(rows)


def store(catalog: Catalog, payloads: list[bytes]) -> list[dict[str, Any]]:
    """A published session of frames; their rows without the pictures."""
    rows = [
        {
            "frame_id": content_id("frame", number),
            "capture_id": content_id("capture"),
            "session": "bench",
            "sensor": "camera",
            "t_ns": number,
            "sequence": number,
            "source_path": f"{number:04d}.jpg",
            "source_offset": 0,
            "source_length": len(payload),
            "sha256": hashlib.sha256(payload).hexdigest(),
            "payload": payload,
            "encoding": "jpeg",
            "kind": "color",
            "width_px": 320,
            "height_px": 240,
        }
        for number, payload in enumerate(payloads)
    ]
    written = catalog.merge("frames", to_table(TABLES["frames"], rows))
    catalog.publish("frames", "bench", written.version)
    return [{k: v for k, v in row.items() if k != "payload"} for row in rows]


def freeze(catalog: Catalog, frames: list[dict[str, Any]]) -> str:
    """A release of all frames, none of which is labelled; its id."""
    kept = ("frame_id", "capture_id", "session", "sensor", "sha256")
    rows = [
        {
            **{name: frame[name] for name in kept},
            "row_id": content_id("row", frame["frame_id"]),
            "release_id": "0" * 32,
            "split": "test",
            "class_id": None,
            "boxes_xyxy": [],
            "box_class_ids": [],
        }
        for frame in frames
    ]
    draft = to_table(TABLES["release_frames"], rows)
    content = hash_content("recognition", CLASSES, draft)
    named = [{**row, "release_id": content[:32]} for row in rows]
    catalog.merge("release_frames", to_table(TABLES["release_frames"], named))
    release = {
        "release_id": content[:32],
        "task": "recognition",
        "class_names": list(CLASSES),
        "content_sha256": content,
        "frames_version": catalog.latest_version("frames"),
        "code_version": "1",
        "choice": None,
        "weaknesses": [],
        **summarise(draft),
    }
    catalog.merge("releases", to_table(TABLES["releases"], [release]))
    return content[:32]


if __name__ == "__main__":
    main()
