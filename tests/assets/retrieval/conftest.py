"""A home with one of everything: a recording, images with labels, a release, a model package and its predictions."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from assets.capture.intake import Intake
from assets.curation.release import draft_release, write_release
from assets.inference import package
from assets.inference.checkpoint import hash_bytes, write_folder
from assets.retrieval.verify import Stores
from assets.storage import Folder
from assets.tables.schemas import TABLES, content_id, to_table


@dataclass(frozen=True)
class World:
    """The home, and the ids of what is in it."""

    stores: Stores
    intake: Intake
    landed: Path
    release_id: str
    model_sha256: str
    prediction_id: str
    frame_id: str  # of a loose image in the release, which the model predicted on

    @property
    def catalog(self):
        return self.stores.catalog


@pytest.fixture
def world(built, home, tmp_path, open_at) -> World:
    """A copy of the world, to be damaged."""
    folder, (release_id, model_sha256, prediction_id, frame_id) = built
    shutil.copytree(folder / "home", home, dirs_exist_ok=True)
    shutil.copytree(folder / "landed", tmp_path / "landed")
    intake = open_at(home)
    stores = Stores(intake.catalog, intake.ledger, intake.blobs, home)
    return World(
        stores,
        intake,
        tmp_path / "landed",
        release_id,
        model_sha256,
        prediction_id,
        frame_id,
    )


@pytest.fixture(scope="session")
def built(
    tmp_path_factory, open_at, make_png, recording
) -> tuple[Path, tuple[str, str, str, str]]:
    """The folder of the world, and the ids of its release, model, prediction and frame."""
    folder = tmp_path_factory.mktemp("world")
    home = folder / "home"
    landed = folder / "landed"
    (landed / "images").mkdir(parents=True)
    home.mkdir()
    intake = open_at(home)
    boxes = [
        {
            "id": n,
            "image_id": n,
            "category_id": 1,
            "bbox": [2, 3, 4, 5],
            "area": 20,
            "iscrowd": 0,
        }
        for n in range(4)
    ]
    coco = {
        "images": [
            {"id": n, "file_name": f"{n}.png", "width": 16, "height": 12}
            for n in range(4)
        ],
        "annotations": boxes,
        "categories": [{"id": 1, "name": "cup"}],
    }
    files = {f"images/{n}.png": make_png(n) for n in range(4)}
    files |= {
        "images/instances.json": json.dumps(coco).encode(),
        "drive.mcap": recording,
        "README.md": b"about",
    }
    for path, data in files.items():
        (landed / path).write_bytes(data)
    intake.ingest(Folder(str(landed)), "monday")
    catalog = intake.catalog
    frames = (
        catalog.read_latest("frames", where="source_path LIKE '%.png'")
        .sort_by("source_path")
        .to_pylist()
    )
    catalog.merge(
        "splits",
        to_table(
            TABLES["splits"],
            [
                {
                    "frame_id": f["frame_id"],
                    "capture_id": f["capture_id"],
                    "session": "monday",
                    "group_id": f["frame_id"],
                    "split": s,
                    "rule": "cluster",
                }
                for f, s in zip(frames, ("train", "train", "val", "test"), strict=True)
            ],
        ),
    )
    for name in ("frames", "labels", "splits"):
        catalog.publish(name, "monday", catalog.latest_version(name))
    release_id = write_release(catalog, draft_release(catalog, "detection"))
    catalog.point("release/detection", release_id)
    model_sha256 = _store_model(intake, home, release_id)
    frame_id = frames[3]["frame_id"]
    prediction_id = content_id("prediction", frame_id)
    catalog.merge(
        "predictions",
        to_table(
            TABLES["predictions"],
            [
                {
                    "prediction_id": prediction_id,
                    "frame_id": frame_id,
                    "session": "monday",
                    "sensor": frames[3]["sensor"],
                    "task": "detection",
                    "model_sha256": model_sha256,
                    "purpose": "test",
                    "boxes_xyxy": [],
                    "class_names": [],
                    "scores": [],
                }
            ],
        ),
    )
    intake.ledger.engine.dispose()  # so that the ledger is one file
    return folder, (release_id, model_sha256, prediction_id, frame_id)


def _store_model(intake: Intake, home: Path, release_id: str) -> str:
    weights = save({"weight": np.zeros(2, np.float32)})
    files = {"model.safetensors": weights, "model.onnx": b"graph"}
    hashes = {name: hash_bytes(content) for name, content in files.items()}
    facts = package.PackageFacts(
        "detection",
        "tiny_detection",
        {},
        ("cup",),
        release_id,
        64,
        7,
        "1",
        [{"epoch": 1, "loss": 0.5}],
        hashes,
    )
    model_sha256 = hashes["model.safetensors"]
    folder = home / "models" / "detection" / model_sha256[:16]
    write_folder(folder, {**files, "model.json": package._dump(asdict(facts))})
    intake.catalog.merge(
        "models",
        to_table(
            TABLES["models"],
            [
                {
                    "model_sha256": model_sha256,
                    "task": "detection",
                    "recipe": "tiny_detection",
                    "release_id": release_id,
                    "code_version": "1",
                    "seed": 7,
                    "run_id": "run",
                    "folder": f"models/detection/{model_sha256[:16]}",
                }
            ],
        ),
    )
    return model_sha256
