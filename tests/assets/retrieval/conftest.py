"""A home with one of everything: a recording, images with labels, a release, a model package and its predictions."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from assets.capture.intake import Intake
from assets.curation.release import draft_release, write_release
from assets.registry.promotion import submit
from assets.registry.tracker import Tracker
from assets.registry.verdict import GateRules
from assets.retrieval.verify import Stores
from assets.storage import Folder
from assets.tables.schemas import TABLES, content_id, to_table
from assets.tables.seals import seal_tables
from tests.assets.registry.conftest import hash_of
from tests.assets.registry.conftest import write_folder as write_model


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
def promoted(built, tmp_path_factory, open_at) -> Path:
    """The home of the world, whose model is champion in MLflow too. Not to be changed."""
    home = tmp_path_factory.mktemp("promoted") / "home"
    shutil.copytree(built[0] / "home", home, dirs_exist_ok=True)
    catalog = open_at(home).catalog
    (model,) = catalog.read_latest("models").to_pylist()
    score = {
        "score_id": content_id("score"),
        "model_sha256": model["model_sha256"],
        "release_id": model["release_id"],
        "split": "test",
        "slice_by": "all",
        "slice_value": "all",
        "metric": "mAP50",
        "value": 0.9,
        "num_samples": 20,
    }
    catalog.merge("scores", to_table(TABLES["scores"], [score]))
    rules = GateRules("mAP50", floor=0.5, max_drop=0.1, min_test_samples=1)
    tracker = open_tracker(home)
    folder = home / model["folder"]
    plots = {"curve.png": b"png"}
    assert submit(
        catalog, tracker, folder, {"a": True}, "run", plots, rules
    ).champion_row
    seal_tables(catalog)
    return home


@pytest.fixture
def open_stores(open_at):
    """open_stores(home): what is verified of a home with a registry."""

    def act(home: Path) -> Stores:
        intake = open_at(home)
        reader = open_tracker(home).reader
        return Stores(intake.catalog, intake.ledger, intake.blobs, home, reader)

    return act


def open_tracker(home: Path) -> Tracker:
    """The registry of a home, where settings put it."""
    return Tracker(
        f"sqlite:///{home / 'mlflow' / 'mlflow.db'}", str(home / "mlflow" / "artifacts")
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
    made = write_model(
        home / "made",
        task="detection",
        recipe="tiny_detection",
        class_names=["cup"],
        release_id=release_id,
    )
    model_sha256 = hash_of(made / "model.safetensors")
    folder = home / "models" / "detection" / model_sha256[:16]
    folder.parent.mkdir(parents=True)
    made.rename(folder)
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
