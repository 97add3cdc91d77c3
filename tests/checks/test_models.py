"""Models that did not learn, hold numbers that are none, or are not the ones named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from checks.models import (
    loss_decreased,
    package_is_the_one_named,
    read_weights,
    weights_are_finite,
)


def losses(*values: float | None) -> pa.Table:
    return pa.table({"train_loss": pa.array(values, pa.float64())})


def test_a_loss_that_went_down_passes():
    verdict = loss_decreased(losses(2.0, 2.5, 1.0))
    assert verdict.passed and verdict.summary == "the loss went from 2 to 1 in 3 epochs"


@pytest.mark.parametrize(
    ("values", "stops"), [((1.0, 1.0), False), ((1.0, 1.4), False), ((1.0, 1.6), True)]
)
def test_a_loss_that_did_not_go_down_fails_and_blocks_when_it_diverged(values, stops):
    verdict = loss_decreased(losses(*values))
    assert not verdict.passed and verdict.stops is stops


def test_one_epoch_alone_fails_nothing_unless_its_loss_is_no_number():
    verdict = loss_decreased(losses(1.0))
    assert verdict.passed and "none to compare it with" in verdict.summary
    assert loss_decreased(losses(float("nan"))).stops


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), None])
def test_a_loss_that_is_no_number_blocks(bad):
    assert loss_decreased(losses(1.0, bad)).stops


def test_weights_are_read_from_the_package_and_judged(tmp_path):
    from safetensors.numpy import save_file

    tensors = {
        "stem": np.ones((2, 3), np.float32),
        "head": np.array([1.0, np.nan, np.inf], np.float32),
    }
    save_file(tensors, tmp_path / "model.safetensors")
    verdict = weights_are_finite(read_weights(tmp_path))
    assert verdict.stops and verdict.examples == ("head: 2 of 3 values are not finite",)
    assert verdict.figures["num_weights"] == 9
    save_file({"stem": tensors["stem"]}, tmp_path / "model.safetensors")
    assert weights_are_finite(read_weights(tmp_path)).passed


def test_a_package_of_another_model_blocks(rows_of):
    models = rows_of("models", 1, seed=3)
    package = models.select(
        ["model_sha256", "task", "recipe", "release_id", "code_version", "seed"]
    )
    assert package_is_the_one_named(models, package).passed
    verdict = package_is_the_one_named(rows_of("models", 1, seed=4), package)
    assert verdict.stops and verdict.examples == (
        "seed: 4 in the table, 3 in the package",
    )


def test_a_model_whose_package_is_whole_is_published_and_a_changed_one_is_held(
    catalog, rows_of, tmp_path
):
    from assets.inference.package import describe, write_package
    from checks.gates import gate_task
    from models.recipes import get_recipe
    from models.tasks import TASKS

    config = replace(
        get_recipe("tiny_recognition"),
        image_size_px=64,
        weights="none",
        frozen_stages=0,
    )
    history = [{"epoch": 0, "train_loss": 2.0}, {"epoch": 1, "train_loss": 1.0}]
    facts = describe(config, ("cup", "ball"), "0" * 32, 1, "v1", history)
    package = write_package(
        tmp_path / "models",
        TASKS["recognition"].build(config, 2, None),
        "recognition",
        facts,
    )
    row = {
        "model_sha256": package.model_sha256,
        "recipe": config.name,
        "release_id": "0" * 32,
        "code_version": "v1",
        "seed": 1,
        "folder": str(package.folder.relative_to(tmp_path)),
    }
    catalog.merge("models", rows_of("models", 1, **row))
    catalog.point("model/recognition", package.model_sha256)

    def judge():
        return [
            v
            for v in gate_task(catalog, ("training", "{task}"), "recognition", tmp_path)
            if not v.passed
        ]

    assert [v.summary for v in judge()] == []
    assert len(catalog.read("models")) == 1
    with (package.folder / "model.onnx").open("r+b") as file:
        file.write(b"?")
    failing = judge()
    assert (
        failing[0].name == "package_is_the_one_named"
        and "model.onnx" in failing[0].summary
    )
