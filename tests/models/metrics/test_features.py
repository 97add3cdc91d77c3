"""Figures of unlabelled features: equal to scikit-learn's neighbours, and never flattered by a collapse."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from models.metrics.features import knn_accuracy, linear_accuracy, share_found_again


def _unit(values: np.ndarray) -> np.ndarray:
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("seed", range(5))
def test_neighbours_vote_as_those_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    train_ids = rng.integers(0, 4, 90)
    test_ids = rng.integers(0, 4, 40)
    centres = rng.normal(size=(4, 16))
    train, test = (
        _unit(centres[ids] + 2 * rng.normal(size=(len(ids), 16)))
        for ids in (train_ids, test_ids)
    )
    wanted = KNeighborsClassifier(
        20, metric="cosine", weights=lambda gap: np.exp(-gap / 0.07)
    ).fit(train, train_ids)
    assert knn_accuracy(train, train_ids, test, test_ids) == pytest.approx(
        wanted.score(test, test_ids)
    )


def test_fewer_vectors_than_neighbours_and_a_class_that_train_lacks():
    train = np.eye(3, dtype=np.float32)
    test = np.eye(3, dtype=np.float32)
    assert knn_accuracy(
        train, np.array([0, 1, 2]), test, np.array([0, 1, 5])
    ) == pytest.approx(2 / 3)


def test_a_part_is_found_again_by_its_own_image():
    whole = _unit(np.random.default_rng(0).normal(size=(30, 64)))
    assert share_found_again(whole, whole) == 1.0
    assert share_found_again(whole, np.roll(whole, 1, axis=0)) == 0.0


def test_collapsed_features_find_nothing():
    same = np.tile(_unit(np.ones((1, 8))), (20, 1))
    assert share_found_again(same, same) == 0.0
    assert share_found_again(same[:1], same[:1]) == 0.0


def test_a_linear_probe_separates_what_is_separable():
    rng = np.random.default_rng(1)
    ids = np.arange(60) % 3
    vectors = _unit(np.eye(3)[ids] + 0.1 * rng.normal(size=(60, 3)))
    assert linear_accuracy(vectors[:45], ids[:45], vectors[45:], ids[45:]) == 1.0
    with pytest.raises(ValueError, match="class"):
        linear_accuracy(vectors[:3] * 0 + 1, np.zeros(3, int), vectors, ids)
