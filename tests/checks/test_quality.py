"""Black, burnt-out and blurred frames, and frames that were left out."""

from __future__ import annotations

import pytest

from assets.tables.schemas import EMBEDDING_DIM, content_id
from checks.quality import (
    blur_is_bounded,
    embeddings_have_unit_length,
    every_frame_is_embedded,
    every_frame_is_measured,
    exposure_is_bounded,
)

IDS = [content_id("frame", i) for i in range(3)]


def figures(rows_of, count=100, **columns):
    usual = {
        "brightness": 0.4,
        "clipped_dark": 0.0,
        "clipped_bright": 0.0,
        "sharpness": 0.01,
    }
    return rows_of("frame_quality", count, **(usual | columns))


@pytest.mark.parametrize(
    "bad",
    [
        {"brightness": 0.01},
        {"brightness": 0.99},
        {"clipped_dark": 0.95},
        {"clipped_bright": 0.95},
    ],
)
def test_a_session_that_is_black_or_burnt_out_blocks(bad, rows_of):
    assert exposure_is_bounded(figures(rows_of, **bad)).stops


def test_dusk_is_not_black(rows_of):
    assert exposure_is_bounded(figures(rows_of, brightness=0.08)).passed


def test_one_dark_frame_in_ten_warns_and_in_a_hundred_passes(rows_of):
    verdict = exposure_is_bounded(figures(rows_of, brightness=[0.01] * 10 + [0.4] * 90))
    assert not verdict.passed and not verdict.stops
    assert (
        verdict.figures["brightness_min"] == 0.01
        and verdict.figures["brightness_median"] == 0.4
    )
    assert exposure_is_bounded(figures(rows_of, brightness=[0.01] + [0.4] * 99)).passed


def test_blurred_frames_among_sharp_ones_are_found(rows_of):
    # limit: 0.1 of the median 0.01
    verdict = blur_is_bounded(figures(rows_of, sharpness=[0.0009] * 10 + [0.01] * 90))
    assert not verdict.passed and not verdict.stops
    assert verdict.figures["num_offending"] == 10 and verdict.figures[
        "min_sharpness"
    ] == pytest.approx(0.001)


def test_a_session_without_any_structure_blocks(rows_of):
    assert blur_is_bounded(figures(rows_of, sharpness=1e-6)).stops


def test_a_frame_without_figures_or_embedding_blocks(rows_of):
    frames = rows_of("frames", 3, frame_id=IDS)
    two = IDS[:2]
    assert every_frame_is_measured(
        rows_of("frame_quality", 3, frame_id=IDS), frames
    ).passed
    assert every_frame_is_measured(
        rows_of("frame_quality", 2, frame_id=two), frames
    ).examples == (IDS[2],)
    assert every_frame_is_embedded(
        rows_of("frame_embeddings", 2, frame_id=two), frames
    ).stops


def test_depth_frames_need_no_figures(rows_of):
    frames = rows_of("frames", 3, frame_id=IDS, kind=["color", "color", "depth"])
    assert every_frame_is_measured(
        rows_of("frame_quality", 2, frame_id=IDS[:2]), frames
    ).passed


def test_an_embedding_that_is_not_of_unit_length_blocks(rows_of):
    half = [0.5] + [0.0] * (EMBEDDING_DIM - 1)
    unit = [0.6, 0.8] + [0.0] * (EMBEDDING_DIM - 2)  # 0.36 + 0.64 = 1
    assert embeddings_have_unit_length(
        rows_of("frame_embeddings", 2, vector=[unit, unit])
    ).passed
    verdict = embeddings_have_unit_length(
        rows_of("frame_embeddings", 2, vector=[unit, half])
    )
    assert verdict.stops and verdict.examples[0].endswith("0.5000")
