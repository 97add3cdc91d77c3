"""Maps from masks and back."""

from __future__ import annotations

import numpy as np
import pytest

from models.masks import encode_mask
from models.semantic_maps import compose_map, resize_map, split_map
from models.types import IGNORE, SemanticMap


def _masks(*rows):
    return [encode_mask(np.array([row], bool)) for row in rows]


def test_pixels_of_no_mask_and_of_two_classes_are_ignored():
    masks = _masks([1, 1, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 1, 1, 0])
    composed = compose_map(masks, [4, 2, 2], (1, 5))
    np.testing.assert_array_equal(composed.class_ids, [[4, IGNORE, 2, 2, IGNORE]])


def test_a_pixel_in_three_classes_is_ignored_too():
    composed = compose_map(_masks([1, 1], [1, 0], [1, 0]), [0, 1, 0], (1, 2))
    np.testing.assert_array_equal(composed.class_ids, [[IGNORE, 0]])


@pytest.mark.parametrize("seed", range(5))
def test_split_and_composed_again_a_map_is_itself(seed):
    ids = (
        np.random.default_rng(seed)
        .choice([0, 3, 254, IGNORE], (13, 17))
        .astype(np.uint8)
    )
    masks, class_ids = split_map(SemanticMap(ids))
    assert class_ids == [0, 3, 254]
    np.testing.assert_array_equal(
        compose_map(masks, class_ids, (13, 17)).class_ids, ids
    )


def test_no_mask_is_a_map_of_nothing():
    assert (compose_map([], [], (2, 3)).class_ids == IGNORE).all()
    assert split_map(compose_map([], [], (2, 3))) == ([], [])


def test_masks_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="cover 5 of 6 px"):
        compose_map(_masks([1, 1, 0, 0, 0]), [0], (2, 3))
    with pytest.raises(ValueError, match="class id 255"):
        compose_map(_masks([1]), [255], (1, 1))


def test_halved_and_doubled():
    ids = np.arange(16, dtype=np.uint8).reshape(4, 4)
    np.testing.assert_array_equal(
        resize_map(SemanticMap(ids), (8, 8)).class_ids, ids.repeat(2, 0).repeat(2, 1)
    )
    np.testing.assert_array_equal(
        resize_map(SemanticMap(ids.repeat(2, 0).repeat(2, 1)), (4, 4)).class_ids, ids
    )
