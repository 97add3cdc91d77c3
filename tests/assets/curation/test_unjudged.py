"""A segmentation of chosen classes is judged on their pixels alone, and its release says so."""

from __future__ import annotations

import numpy as np
import pytest

from assets.choice import Choice
from assets.curation.release import draft_release
from assets.tables.schemas import TABLES, content_id, to_table
from models.masks import encode_mask

SIDES = ["train"] * 4 + ["val", "test"]


@pytest.fixture
def maps(catalog, frame_rows, label):
    """Six pictures of 16 x 12 px: of each a quarter is cup, a quarter mug, and the lower half is table."""
    rows = frame_rows(6)
    catalog.publish("frames", "monday", catalog.merge("frames", rows).version)
    found = rows["frame_id"].to_pylist()
    sides = [
        {
            "frame_id": frame_id,
            "capture_id": content_id("capture", "monday"),
            "session": "monday",
            "group_id": frame_id,
            "split": part,
            "rule": "cluster",
        }
        for frame_id, part in zip(found, SIDES, strict=True)
    ]
    written = catalog.merge("splits", to_table(TABLES["splits"], sides))
    catalog.publish("splits", None, written.version)
    masks = {}
    for name, part in (
        ("cup", np.s_[:6, :8]),
        ("mug", np.s_[:6, 8:]),
        ("table", np.s_[6:]),
    ):
        pixels = np.zeros((12, 16), bool)
        pixels[part] = True
        masks[name] = encode_mask(pixels)
    label(
        "segmentation",
        [(i, name, None) for i in found for name in masks],
        masks=[mask for _ in found for mask in masks.values()],
    )
    return catalog


def test_pixels_of_classes_that_were_not_chosen_are_judged_by_nobody_and_it_is_said(
    maps,
):
    def tell(*classes):
        made = draft_release(maps, "segmentation", Choice(classes=classes))
        return made.facts["warnings"]

    # 48 of 192 pixels are cup, 48 mug
    assert tell("cup", "mug") == [
        "only pixels of cup, mug are judged: 50.0% of the test part's pixels are of no chosen class, and what the "
        "model calls them counts nowhere"
    ]
    assert "only pixels of cup are judged: 75.0%" in tell("cup")[0]
    assert tell("cup", "mug", "table") == tell() == []
