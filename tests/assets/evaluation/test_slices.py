"""Slices as data: what SQL says of frames and objects, refused with the place, and scored with intervals."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from assets.evaluation.slices import (
    add_intervals,
    cut_frames,
    cut_objects,
    read_rules,
    score_objects,
    tell_worse,
)
from assets.kinds import find_kind
from assets.retrieval.slices import read_slices
from assets.tables.catalog import Catalog
from assets.tables.frame_scores import collect_scores
from assets.tables.schemas import TABLES, content_id, to_table
from models.metrics.resampling import MIN_UNITS
from orchestration.cli import app

Row = dict[str, Any]
Make = Callable[..., Row]
NAMES = ("cat", "dog")
BOX = [0.0, 0.0, 40.0, 40.0]
LARGE = [50.0, 50.0, 250.0, 250.0]
MODEL_SHA256 = "ab" * 32
LEVELS = (0.24, 0.25, 0.60, 0.61)


@pytest.fixture
def measured(stored: tuple[Catalog, list[Row]]) -> tuple[Catalog, list[str]]:
    """Five frames of which four were measured: at the limits of light, sharp but for the first."""
    catalog, frames = stored
    rows = [
        {
            "frame_id": frame["frame_id"],
            "session": frame["session"],
            "brightness": level,
            "contrast": 0.1,
            "sharpness": 0.02 if n else 0.0,
            "clipped_dark": 0.0,
            "clipped_bright": 0.0,
            "noise": 0.0,
            "perceptual_hash": "0" * 16,
            "input_sha256": "0" * 64,
            "code_version": "1",
        }
        for n, (frame, level) in enumerate(zip(frames, LEVELS, strict=False))
    ]
    catalog.merge("frame_quality", to_table(TABLES["frame_quality"], rows))
    return catalog, [frame["frame_id"] for frame in frames]


def test_the_slices_that_come_along_have_fixed_limits(measured, tmp_path):
    catalog, ids = measured
    slices = cut_frames(catalog, read_rules(tmp_path), ids)
    assert [slices[i]["brightness"] for i in ids] == [
        "dark",
        "medium",
        "medium",
        "bright",
        "unknown",
    ]
    assert [slices[i]["blur"] for i in ids] == [
        "blurred",
        *["sharp"] * 3,
        "unknown",
    ]
    assert {slices[i]["session"] for i in ids} == {"monday"}


def test_a_slice_of_the_home_may_ask_any_table(measured, tmp_path):
    catalog, ids = measured
    (tmp_path / "slices.toml").write_text(
        '[measured]\nof = "frames"\n'
        'value = "frame_id in (select frame_id from frame_quality where sharpness > 0)"\n'
        '[blur]\nof = "frames"\nvalue = "round(brightness, 1)"\n'
    )
    slices = cut_frames(catalog, read_rules(tmp_path), ids)
    assert [slices[i]["measured"] for i in ids] == [
        "false",
        *["true"] * 3,
        "false",
    ]
    assert slices[ids[0]]["blur"] == "0.2", "one of the home replaces its namesake"


@pytest.mark.parametrize(
    "text, told",
    [
        ('[odd]\nof = "frames"\nvalue = "no_such"\n', "slice odd: .*at character 1"),
        ('[odd]\nof = "frames"\nvalue = "1) AS a, (2"\n', "slice odd"),
        ('[odd]\nof = "frames"\nvalue = "1; drop table frames"\n', "slice odd"),
        (
            '[odd]\nof = "frames"\nvalue = "(select max(content) from read_text(\'/etc/hostname\'))"\n',
            "slice odd",
        ),
        ('[odd]\nof = "pixels"\nvalue = "1"\n', "of = 'pixels': give 'frames'"),
        ('[all]\nof = "frames"\nvalue = "1"\n', "slice 'all'"),
        ('[odd]\nof = "frames"\n', r"give \[odd\] with of"),
        ("[odd\n", "cannot be read"),
    ],
)
def test_a_slice_that_is_none_is_refused_with_its_file(measured, tmp_path, text, told):
    catalog, ids = measured
    (tmp_path / "slices.toml").write_text(text)
    with pytest.raises(ValueError, match=f"(?s)slices.toml.*{told}"):
        cut_frames(catalog, read_rules(tmp_path), ids)


@pytest.fixture
def exam(
    catalog: Catalog, release_row: Make, prediction_row: Make, tmp_path
) -> tuple[Catalog, list[Row]]:
    """Two sensors of MIN_UNITS recordings each: the left one finds every box, the right one no large one. The rows of
    scores, stored with a model that is champion."""
    frames, said = [], []
    for n in range(2 * MIN_UNITS):
        is_left = n < MIN_UNITS
        row = release_row(str(n), boxes=BOX + LARGE, ids=[0, 1])
        frames.append({**row, "sensor": "cam_left" if is_left else "cam_right"})
        boxes = BOX + LARGE if is_left else BOX
        names = ["cat", "dog"][: len(boxes) // 4]
        said.append(prediction_row(str(n), names, [0.9, 0.8][: len(names)], boxes))
    pairs = find_kind("detection").pair(said, frames, NAMES)
    of_frames, objects = pairs.list_frames(frames, {})
    slices = {f["frame_id"]: {"sensor": f["sensor"]} for f in frames}
    scores = collect_scores(of_frames, NAMES)
    rows = add_intervals(pairs.score(slices), scores, slices, "map50")
    cut = cut_objects(catalog, read_rules(tmp_path), objects)
    rows += score_objects(pairs.subject, scores, objects, cut)
    catalog.upsert("scores", to_table(TABLES["scores"], rows))
    model = {
        "model_sha256": MODEL_SHA256,
        "task": "detection",
        "recipe": "tiny_detection",
        "release_id": content_id("release"),
        "code_version": "1",
        "seed": 0,
        "run_id": "run",
        "folder": "models/a",
    }
    catalog.merge("models", to_table(TABLES["models"], [model]))
    catalog.point("scored/detection", MODEL_SHA256)
    return catalog, rows


def find(rows: list[Row], by: str, value: str, metric: str) -> Row:
    (row,) = [
        r
        for r in rows
        if (r["slice_by"], r["slice_value"], r["metric"]) == (by, value, metric)
    ]
    return row


def test_a_slice_has_its_figure_and_bounds_over_recordings(exam):
    _, rows = exam
    left = find(rows, "sensor", "cam_left", "map50")
    assert (left["value"], left["low"], left["high"]) == (1.0, 1.0, 1.0)
    assert left["num_units"] == MIN_UNITS
    # the cats all, the dogs none
    right = find(rows, "sensor", "cam_right", "map50")
    assert (right["value"], right["high"]) == (0.5, 0.5)
    whole = find(rows, "all", "all", "map50")
    assert whole["num_units"] == 2 * MIN_UNITS
    assert whole["low"] <= whole["value"] <= whole["high"]


def test_a_class_has_bounds_around_its_own_figure(exam):
    _, rows = exam
    cat = find(rows, "class", "cat", "ap50")
    assert (cat["value"], cat["low"], cat["num_units"]) == (1.0, 1.0, 2 * MIN_UNITS)
    # half of the dogs are found, and no box is wrong: 51 of 101 levels of recall
    dog = find(rows, "class", "dog", "ap50")
    assert dog["value"] == pytest.approx(51 / 101)
    assert 0 < dog["low"] < dog["value"] < dog["high"] < 1
    assert find(rows, "class", "dog", "ap")["low"] is None


def test_objects_have_a_share_that_was_found_by_size_and_class(exam):
    _, rows = exam
    small = find(rows, "object_size", "medium", "recall50")
    large = find(rows, "object_size", "large", "recall50")
    assert (small["value"], small["num_samples"]) == (1.0, 2 * MIN_UNITS)
    assert (large["value"], large["num_units"]) == (0.5, 2 * MIN_UNITS)
    assert 0 < large["low"] < 0.5 < large["high"] < 1
    assert find(rows, "class", "dog", "recall50")["value"] == 0.5


def test_slices_are_told_worst_first_and_worse_where_all_bounds_are(exam):
    catalog, _ = exam
    found = read_slices(catalog, "detection")
    gaps = [one.gap for one in found if one.gap is not None]
    assert gaps == sorted(gaps)
    worse = {(one.slice_by, one.slice_value) for one in found if one.is_worse}
    assert ("sensor", "cam_right") in worse
    assert ("sensor", "cam_left") not in worse and ("class", "cat") not in worse


def test_the_worse_slices_are_named_in_one_line(exam):
    _, rows = exam
    # over all the cats are found, and half of the dogs: 1 and 51 of 101 levels of recall
    told = tell_worse(rows, "map50")
    assert told == "sensor = cam_right: map50 0.500 (0.500 to 0.500), over all 0.752"


def test_the_verb_prints_them_and_has_one_json_value(exam, monkeypatch, tmp_path):
    catalog, _ = exam
    monkeypatch.setattr("orchestration.resources.build_catalog", lambda _: catalog)
    monkeypatch.setenv("COLUMNS", "200")
    told = CliRunner().invoke(app, ["slices"], catch_exceptions=False).stdout
    assert "sensor = cam_right" in told and "worse" in told
    said = CliRunner().invoke(
        app, ["slices", "--model", "abababab", "--json"], catch_exceptions=False
    )
    rows = json.loads(said.stdout)
    assert {row["metric"] for row in rows} == {"map50", "recall50", "ap50"}
    # the mean over classes is 0.752, so that one is as far above it as the other is below
    gaps = [row["gap"] for row in rows if row["metric"] == "ap50"]
    assert len(gaps) == 2 and sum(gaps) == pytest.approx(0) and gaps[0] < 0
    assert rows[0]["gap"] < 0 and rows[-1]["gap"] is None, "no small object"


def test_without_a_scored_model_there_are_no_slices(catalog):
    with pytest.raises(ValueError, match="daguerre train"):
        read_slices(catalog)
