"""Models that did not learn, hold numbers that are none, or are not the ones named."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from checks.training import loss_decreased, package_is_the_one_named, read_weights, weights_are_finite


def losses(*values: float | None) -> pa.Table:
    return pa.table({"train_loss": pa.array(values, pa.float64())})


def test_a_loss_that_went_down_passes():
    verdict = loss_decreased(losses(2.0, 2.5, 1.0))
    assert verdict.passed and verdict.summary == "the loss went from 2 to 1 in 3 epochs"


@pytest.mark.parametrize(("values", "stops"), [((1.0, 1.0), False), ((1.0, 1.4), False), ((1.0, 1.6), True)])
def test_a_loss_that_did_not_go_down_fails_and_blocks_when_it_diverged(values, stops):
    verdict = loss_decreased(losses(*values))
    assert not verdict.passed and verdict.stops is stops


def test_one_epoch_says_nothing():
    verdict = loss_decreased(losses(1.0))
    assert not verdict.passed and not verdict.stops


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), None])
def test_a_loss_that_is_no_number_blocks(bad):
    assert loss_decreased(losses(1.0, bad)).stops


def test_weights_are_read_from_the_package_and_judged(tmp_path):
    from safetensors.numpy import save_file

    tensors = {"stem": np.ones((2, 3), np.float32), "head": np.array([1.0, np.nan, np.inf], np.float32)}
    save_file(tensors, tmp_path / "model.safetensors")
    verdict = weights_are_finite(read_weights(tmp_path))
    assert verdict.stops and verdict.examples == ("head: 2 of 3 values are not finite",)
    assert verdict.figures["num_weights"] == 9
    save_file({"stem": tensors["stem"]}, tmp_path / "model.safetensors")
    assert weights_are_finite(read_weights(tmp_path)).passed


def test_a_package_of_another_model_blocks(rows_of):
    models = rows_of("models", 1, seed=3)
    package = models.select(["model_sha256", "task", "recipe", "release_id", "code_version", "seed"])
    assert package_is_the_one_named(models, package).passed
    verdict = package_is_the_one_named(rows_of("models", 1, seed=4), package)
    assert verdict.stops and verdict.examples == ("seed: 4 in the table, 3 in the package",)
