"""Two models on one exam: what a person can count, as lines, as JSON and as a page."""

import json

import numpy as np
import pytest

from assets.comparison.model_page import Named, make_page, tell_comparison
from assets.comparison.models import compare_exams, compare_models
from assets.comparison.page import render_page
from assets.comparison.pair import find_known_frames, find_model, pair_models
from assets.tables.frame_scores import FrameScores
from models.metrics.frame_parts import BoxParts, MapParts
from tests.assets.comparison.conftest import (
    box_row,
    class_row,
    frame_id,
    sit_exam,
    store_model,
    write_frames,
    write_release,
)

NAMES = ["cup", "<key>"]
LETTERS = "abcdefghij"
SURE = 0.75


def no_version(task, version):
    raise LookupError(f"{task} has no version {version}")


def call(name: str) -> dict:
    """An answer that a frame shows the class of this name."""
    other = next(n for n in NAMES if n != name)
    return {"class_names": [name, other], "scores": [SURE, 1 - SURE]}


@pytest.fixture
def exam(catalog):
    """Ten frames, two of them keys; the first model calls everything a cup, the second gets both keys, and no a."""
    version = write_frames(catalog, LETTERS)
    rows = [class_row(letter, int(letter in "ij")) for letter in LETTERS]
    release_id = write_release(catalog, "recognition", NAMES, rows, version)
    models = [store_model(catalog, n, release_id, "recognition") for n in ("1", "2")]
    said = [dict.fromkeys(LETTERS, call("cup")) for _ in models]
    said[1] |= {"i": call("<key>"), "j": call("<key>"), "a": call("<key>")}
    for model, answers in zip(models, said, strict=True):
        sit_exam(catalog, model, release_id, answers)
    return release_id, models


def compare(catalog, exam):
    release_id, models = exam
    return compare_models(catalog, *(m["model_sha256"] for m in models), release_id)


def test_figures_slices_and_frames_that_changed_sides_are_those_of_the_answers(
    catalog, exam
):
    found = compare(catalog, exam)
    # 8 of 10 and 9 of 10
    assert (found.whole.first, found.whole.second) == (0.8, 0.9)
    assert found.whole.num_units == 10 and found.whole.interval.low < 0
    assert not found.whole.has_moved, "two won and one lost are chance"
    slices = {s.name: (s.num_frames, s.difference.value) for s in found.slices}
    assert slices["class = cup"] == (8, -0.125)
    assert slices["class = <key>"] == (2, 1.0)
    assert slices["session = monday"][0] == 10
    changed = {f.frame_id: f.is_won for f in found.changed}
    assert changed == {
        frame_id("a"): False,
        frame_id("i"): True,
        frame_id("j"): True,
    }
    told = json.loads(json.dumps(found.to_dict()))
    assert (told["changed_sides"]["won"], told["changed_sides"]["lost"]) == (2, 1)
    assert told["figures"]["accuracy"] == {"first": 0.8, "second": 0.9}


def test_the_page_shows_frames_with_labels_and_both_answers_and_escapes_names(
    catalog, exam
):
    named = Named(compare(catalog, exam), "one", "two", ("mind <this>",))
    assert "accuracy: 0.8000 -> 0.9000, difference +0.1000" in tell_comparison(named)[3]
    assert "frames that changed sides: 2 won, 1 lost" in tell_comparison(named)
    page = render_page(make_page(catalog, named))
    assert page.count("data:image/jpeg") == 9, "three frames, three pictures each"
    assert "First: cup" in page and "Labels: &lt;key&gt;" in page
    assert "mind &lt;this&gt;" in page and "<key>" not in page


def test_models_are_found_by_id_and_put_on_the_exam_that_both_sat(catalog, exam):
    release_id, models = exam
    first = find_model(catalog, models[0]["model_sha256"][:8], no_version)
    second = find_model(
        catalog, "recognition/2", lambda task, n: models[n - 1]["model_sha256"]
    )
    pair = pair_models(catalog, first, second)
    assert (pair.release_id, pair.lacking) == (release_id, ())
    with pytest.raises(ValueError, match="recognition has no champion"):
        find_model(catalog, "recognition", no_version)
    with pytest.raises(ValueError, match="no version 7, or it was deleted"):
        find_model(catalog, "recognition/7", no_version)
    with pytest.raises(ValueError, match="both are model"):
        pair_models(catalog, first, first)


def test_who_has_no_exam_there_is_named_and_frames_that_it_learnt_from_are_told(
    catalog, exam
):
    release_id, models = exam
    rows = [class_row(letter, 0) for letter in "ab"]
    rows[0]["split"] = "train"
    own = write_release(catalog, "recognition", NAMES, rows, 1)
    late = store_model(catalog, "late", own, "recognition")
    pair = pair_models(catalog, models[0], late, release_id)
    assert pair.lacking == (late,)
    (warning,) = find_known_frames(catalog, pair)
    assert "learnt from 1 of the 10 frames" in warning
    assert pair_models(catalog, models[0], late).release_id == own
    assert (
        compare_models(catalog, models[0]["model_sha256"], late["model_sha256"], own)
        is None
    )


def test_models_of_other_classes_or_another_task_do_not_compare(catalog, exam):
    _, models = exam
    other = write_release(catalog, "recognition", ["cup"], [class_row("a", 0)])
    stranger = store_model(catalog, "stranger", other, "recognition")
    with pytest.raises(ValueError, match="knows other classes than release"):
        pair_models(catalog, models[0], stranger)
    boxed = write_release(catalog, "detection", NAMES, [box_row("a", "test", [])])
    with pytest.raises(
        ValueError, match="is for detection, and the models are for rec"
    ):
        pair_models(catalog, *models, boxed)
    detector = store_model(catalog, "detector", boxed, "detection")
    with pytest.raises(ValueError, match="for recognition, the other for detection"):
        pair_models(catalog, models[0], detector)


def make_exam(parts, model: str, count: int, task: str) -> FrameScores:
    names = tuple(str(n) for n in range(count))
    return FrameScores(
        task, model, "r", "test", ("cup", "key"), *(names,) * 5, np.ones(count), parts
    )


def test_a_class_of_detection_has_its_own_objects_and_answers():
    """Eight frames with a cup and a key each; the second model misses every key."""
    places = np.repeat(np.arange(8), 2)
    ids = np.tile([0, 1], 8)
    whole = BoxParts(2, 8, places, ids, places, ids, np.ones(16), np.ones(16, int))
    cups = np.arange(8)
    half = BoxParts(2, 8, places, ids, cups, cups * 0, np.ones(8), np.ones(8, int))
    found = compare_exams(
        make_exam(whole, "a", 8, "detection"), make_exam(half, "b", 8, "detection")
    )
    values = {s.name: s.difference.value for s in found.slices if s.slice_by == "class"}
    assert values == pytest.approx({"class = cup": 0.0, "class = key": -1.0})
    assert next(s.name for s in found.moved) == "class = key"


def test_a_class_of_segmentation_has_its_own_pixels():
    """Each frame has 10 px of both classes; the second model finds half of the keys and nothing else."""
    full, sure = np.full((8, 2), 10), np.ones((8, 2))
    halved = np.tile([10, 5], (8, 1))
    parts = [MapParts(2, hits, full, hits, hits, full, sure) for hits in (full, halved)]
    one, other = (
        make_exam(p, m, 8, "segmentation") for p, m in zip(parts, "ab", strict=True)
    )
    found = compare_exams(one, other)
    values = {s.name: s.difference.value for s in found.slices if s.slice_by == "class"}
    assert values == pytest.approx({"class = cup": 0.0, "class = key": -0.5})


def test_declared_slices_stand_beside_sessions_and_sensors():
    """The second model loses the keys of the four dark frames alone."""
    full, sure = np.full((8, 2), 10), np.ones((8, 2))
    dark = full.copy()
    dark[:4, 1] = 0
    parts = [MapParts(2, hits, full, hits, hits, full, sure) for hits in (full, dark)]
    one, other = (
        make_exam(p, m, 8, "segmentation") for p, m in zip(parts, "ab", strict=True)
    )
    cut = {str(n): {"light": "dark" if n < 4 else "bright"} for n in range(7)}
    found = compare_exams(one, other, cut)
    values = {
        s.slice_value: s.difference.value for s in found.slices if s.slice_by == "light"
    }
    assert values == {"dark": -0.5, "bright": 0.0, "unknown": 0.0}


def test_exams_about_other_frames_are_refused():
    parts = MapParts(2, *(np.ones((8, 2), int),) * 5, np.ones((8, 2)))
    one = make_exam(parts, "a", 8, "segmentation")
    with pytest.raises(ValueError, match="score both models again"):
        compare_exams(one, one.take(range(7)))
