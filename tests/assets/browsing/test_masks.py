"""Masks as runs along rows: there and back, and what is none."""

from __future__ import annotations

import numpy as np
import pytest

from assets.browsing.masks import from_runs, to_runs


def test_runs_begin_with_what_is_not_of_the_mask():
    mask = np.array([[0, 1, 1], [1, 0, 0]], bool)
    assert to_runs(mask) == [1, 3, 2]
    assert to_runs(~mask) == [0, 1, 3, 2]
    for one in (mask, ~mask):
        assert (from_runs(to_runs(one), (3, 2)) == one).all()


@pytest.mark.parametrize(
    ("runs", "told"),
    [
        ([], "each 0 or more"),
        ([1, 3], "these are 4"),
        ([-1, 7], "each 0 or more"),
        ([6], "no pixel"),
        ([6, 0], "no pixel"),
    ],
)
def test_what_is_no_mask_of_the_picture_is_told(runs, told):
    with pytest.raises(ValueError, match=told):
        from_runs(runs, (3, 2))
