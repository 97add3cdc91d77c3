"""Small model folders, and the rows that give them a lineage, for the registry's tests."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from assets.inference.package import ModelPackage, _dump, read_package
from assets.registry.lineage import Lineage
from assets.registry.tracker import Tracker
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table

CONTENT = hashlib.sha256(b"release").hexdigest()
RELEASE = {
    "release_id": CONTENT[:32],
    "task": "recognition",
    "class_names": ["ball", "box"],
    "num_frames": 40,
    "num_labels": 40,
    "content_sha256": CONTENT,
    "frames_version": 3,
    "code_version": "1",
    "sessions": ["s1", "s2"],
}
HISTORY = [{"epoch": 0, "loss": 0.75}, {"epoch": 1, "loss": 0.5}]


def write_folder(folder: Path, weight: float = 1.0, **changes: object) -> Path:
    """A whole package: a linear classifier of four inputs and two classes. `changes` replace facts, None removes."""
    folder.mkdir(parents=True)
    save_file({"w": np.full((4, 2), weight, np.float32)}, folder / "model.safetensors")
    _write_onnx(folder / "model.onnx", weight)
    files = {
        name: hash_of(folder / name) for name in ("model.safetensors", "model.onnx")
    }
    facts: dict[str, Any] = {
        "task": "recognition",
        "recipe": "tiny_recognition",
        "config": {"optim": {"lr": 0.01}, "epochs": 2},
        "class_names": ["ball", "box"],
        "release_id": RELEASE["release_id"],
        "image_size_px": 32,
        "seed": 7,
        "code_version": "1",
        "history": HISTORY,
        "files": files,
        "starts_from": {"origin": "Lite0 (Apache-2.0)", "sha256": "f" * 64},
    }
    facts = {k: v for k, v in {**facts, **changes}.items() if v is not None}
    (folder / "model.json").write_bytes(_dump(facts))
    return folder


def model_row(folder: Path) -> dict[str, object]:
    """The row that training wrote for the folder's model."""
    return {
        "model_sha256": hash_of(folder / "model.safetensors"),
        "task": "recognition",
        "recipe": "tiny_recognition",
        "release_id": RELEASE["release_id"],
        "code_version": "1",
        "seed": 7,
        "run_id": "train-run",
        "folder": "models/x",
    }


def hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write_onnx(path: Path, weight: float) -> None:
    import onnx
    from onnx import TensorProto, helper

    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])]
    weights = helper.make_tensor("w", TensorProto.FLOAT, [4, 2], [weight] * 8)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "linear",
        inputs,
        outputs,
        [weights],
    )
    onnx.save(
        helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10
        ),
        path,
    )


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """make_folder(name="model", weight=1.0, **facts) -> a complete model folder."""
    return lambda name="model", weight=1.0, **facts: write_folder(
        tmp_path / name, weight, **facts
    )


@pytest.fixture
def release() -> dict[str, Any]:
    return dict(RELEASE)


@pytest.fixture
def row_of() -> Callable[[Path], dict[str, object]]:
    """The row of `models` that training wrote for a folder."""
    return model_row


@pytest.fixture
def read_with_lineage() -> Callable[[Path], tuple[ModelPackage, Lineage]]:
    return lambda folder: (read_package(folder), Lineage(RELEASE, model_row(folder)))


@pytest.fixture
def tracker(tmp_path: Path, empty_store: Path) -> Tracker:
    shutil.copyfile(empty_store, tmp_path / "mlflow.db")
    return Tracker(f"sqlite:///{tmp_path / 'mlflow.db'}", str(tmp_path / "artifacts"))


def store_scores(catalog: Catalog, model_sha256: str, accuracy: float) -> None:
    """What evaluation wrote of a model's exam on RELEASE."""
    figures = (("all", "all", accuracy, 40), ("sensor", "left", 0.5, 20))
    rows = [
        {
            "score_id": content_id(model_sha256, slice_by),
            "model_sha256": model_sha256,
            "release_id": RELEASE["release_id"],
            "split": "test",
            "slice_by": slice_by,
            "slice_value": value,
            "metric": "accuracy",
            "value": figure,
            "num_samples": num_samples,
        }
        for slice_by, value, figure, num_samples in figures
    ]
    catalog.merge("scores", to_table(TABLES["scores"], rows))


def open_catalog(folder: Path) -> Catalog:
    """Tables that know RELEASE."""
    catalog = Catalog(str(folder / "tables"))
    catalog.merge("releases", to_table(TABLES["releases"], [RELEASE]))
    return catalog


def store_model(catalog: Catalog, folder: Path, accuracy: float) -> None:
    """What training and evaluation wrote of a package."""
    row = model_row(folder) | {"folder": folder.name}
    catalog.merge("models", to_table(TABLES["models"], [row]))
    store_scores(catalog, row["model_sha256"], accuracy)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return open_catalog(tmp_path)


@pytest.fixture
def train(catalog: Catalog, make_folder: Callable[..., Path]) -> Callable[..., Path]:
    """train(name, weight, accuracy) -> the folder of a model that was trained and scored."""

    def act(name: str, weight: float, accuracy: float) -> Path:
        folder = make_folder(name, weight)
        store_model(catalog, folder, accuracy)
        return folder

    return act
