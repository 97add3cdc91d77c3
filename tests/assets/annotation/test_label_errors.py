"""Wrong labels stand at the top of the ranking: 5 % of them, by answers of a model that errs too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from assets.annotation.errors.boxes import BoxColumns, suspect_boxes
from assets.annotation.errors.classes import suspect_classes
from assets.annotation.errors.masks import MapPair, suspect_regions
from assets.annotation.errors.neighbours import suspect_presence, vote
from assets.annotation.errors.suspects import (
    EXTRA,
    FAULTS,
    MISSING,
    MOVED,
    NO_LABEL,
    WRONG_CLASS,
)
from tests.assets.annotation.noisy_model import (
    NUM_CLASSES,
    answer_boxes,
    answer_classes,
    draw_labels,
    draw_maps,
    mark_errors,
    mark_map_errors,
    share_found,
    spoil_boxes,
)

SHARE = 0.05
FOUND = 0.8  # of the errors, in the first tenth


def find_worst(suspects) -> tuple[str, int, int]:
    """Fault, label and class of the first of the ranking."""
    first = suspects.rank()[0]
    return (
        FAULTS[suspects.fault[first]],
        int(suspects.label[first]),
        int(suspects.class_id[first]),
    )


@pytest.mark.parametrize("seed", range(2))
def test_wrong_classes_are_found(seed):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, NUM_CLASSES, 2000)
    answers = answer_classes(rng, truth)
    assert (
        0.85 < (answers.argmax(1) == truth).mean() < 0.95
    )  # the model errs more often than people
    bad = rng.choice(2000, 100, replace=False)
    given = truth.copy()
    given[bad] = (given[bad] + rng.integers(1, NUM_CLASSES, 100)) % NUM_CLASSES
    suspects = suspect_classes(np.arange(2000), given, answers)
    is_error = np.isin(np.arange(2000), bad)
    assert share_found(suspects, is_error, 2000, 100) >= FOUND
    by_chance = rng.permutation(2000)[:200]
    assert is_error[by_chance].sum() < 25


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("seed", range(2))
def test_wrong_boxes_are_found(fault, seed):
    rng = np.random.default_rng(seed)
    truth = draw_labels(rng, 400)
    answers = answer_boxes(rng, truth)
    labels, bad = spoil_boxes(rng, truth, fault, SHARE)
    suspects = suspect_boxes(labels, answers, NUM_CLASSES)
    is_error = mark_errors(suspects, len(labels), bad, fault)
    assert share_found(suspects, is_error, len(labels), len(bad)) >= FOUND


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("seed", range(2))
def test_wrong_masks_are_found(fault, seed):
    drawn = draw_maps(np.random.default_rng(seed), 80, fault, SHARE)
    suspects = suspect_regions(drawn.pairs, NUM_CLASSES)
    num_errors = int(drawn.is_error.sum()) + len(drawn.lacking)
    is_error = mark_map_errors(suspects, drawn)
    assert num_errors > 10
    assert share_found(suspects, is_error, len(drawn.is_error), num_errors) >= FOUND


@pytest.mark.parametrize("fault", [EXTRA, MISSING])
def test_patches_of_a_confused_class_within_labels_push_no_error_down(fault):
    """Over two drawings of 80 frames."""
    shares = []
    for seed in (5, 6):
        rng = np.random.default_rng(seed)
        drawn = draw_maps(rng, 80, fault, SHARE)
        pairs = [add_patches(rng, pair) for pair in drawn.pairs]
        suspects = suspect_regions(pairs, NUM_CLASSES)
        num_errors = int(drawn.is_error.sum()) + len(drawn.lacking)
        is_error = mark_map_errors(suspects, drawn)
        found = share_found(suspects, is_error, len(drawn.is_error), num_errors)
        shares.append(found)
    assert np.mean(shares) >= FOUND, shares


def add_patches(rng: np.random.Generator, pair: MapPair) -> MapPair:
    """One of seven objects, which are not of class 0, gets a spot of 5 x 5 px of the next class in the answer."""
    answer = pair.answer.copy()
    for label in np.unique(pair.labels[pair.labels >= 0]):
        class_id = pair.classes[label]
        if class_id == 0 or rng.random() < 0.85:
            continue
        ys, xs = np.nonzero(pair.labels == label)
        y, x = int(ys.mean()), int(xs.mean())
        answer[y - 2 : y + 3, x - 2 : x + 3] = class_id % (NUM_CLASSES - 1) + 1
    return replace(pair, answer=answer)


def test_most_errors_are_called_what_they_are():
    rng = np.random.default_rng(7)
    truth = draw_labels(rng, 400)
    answers = answer_boxes(rng, truth)
    named = []
    for fault in (WRONG_CLASS, MOVED, EXTRA):
        labels, bad = spoil_boxes(rng, truth, fault, SHARE)
        suspects = suspect_boxes(labels, answers, NUM_CLASSES)
        is_error = mark_errors(suspects, len(labels), bad, fault)
        told = suspects.fault[is_error]
        named.append((told == FAULTS.index(fault)).mean())
    assert min(named) > 0.6, named  # what is moved far enough looks extra


def make_columns(rows: list[tuple[int, list[float], int, float]]) -> BoxColumns:
    frame, boxes, classes, scores = zip(*rows, strict=True)
    return BoxColumns(
        np.array(frame),
        np.array(boxes, np.float64).reshape(-1, 4),
        np.array(classes),
        np.array(scores, np.float64),
    )


def test_each_fault_of_a_box_is_told_from_the_others():
    good = [(n, [10.0, 10.0, 30.0, 30.0], 0, 1.0) for n in range(20)]
    seen = [(n, [10.0, 10.0, 30.0, 30.0], 0, 0.9) for n in range(20)]
    cases = {
        WRONG_CLASS: ([(20, [0.0, 0.0, 20.0, 20.0], 0, 1.0)], [(20, [0.0, 0.0, 20.0, 20.0], 1, 0.9)]),
        MOVED: ([(20, [0.0, 0.0, 20.0, 20.0], 0, 1.0)], [(20, [12.0, 0.0, 32.0, 20.0], 0, 0.9)]),
        EXTRA: ([(20, [0.0, 0.0, 20.0, 20.0], 0, 1.0)], [(20, [80.0, 80.0, 99.0, 99.0], 0, 0.01)]),
        MISSING: ([], [(20, [50.0, 50.0, 70.0, 70.0], 1, 0.9)]),
    }  # fmt: skip
    for fault, (label, answer) in cases.items():
        suspects = suspect_boxes(
            make_columns(good + label), make_columns(seen + answer), 2
        )
        says = 1 if fault in (WRONG_CLASS, MISSING) else 0
        place = NO_LABEL if fault == MISSING else 20
        assert find_worst(suspects) == (fault, place, says)


def test_an_answer_speaks_of_one_label_only():
    """Two labels on one object: the answer lies on the first, so the second is extra."""
    labels = make_columns(
        [(0, [0.0, 0.0, 20.0, 20.0], 0, 1.0), (0, [4.0, 4.0, 26.0, 26.0], 0, 1.0)]
    )
    answers = make_columns([(0, [0.0, 0.0, 20.0, 20.0], 0, 0.9)])
    assert find_worst(suspect_boxes(labels, answers, 1)) == (EXTRA, 1, 0)


def test_a_repeated_answer_is_no_missing_label():
    labels = make_columns([(0, [0.0, 0.0, 20.0, 20.0], 0, 1.0)])
    answers = make_columns(
        [(0, [0.0, 0.0, 20.0, 20.0], 0, 0.9), (0, [1.0, 0.0, 21.0, 20.0], 0, 0.8)]
    )
    suspects = suspect_boxes(labels, answers, 1)
    assert suspects.label.tolist() == [0]
    assert suspects.suspicion[0] < 0.05


def test_no_labels_and_no_answers_make_no_suspect():
    none = BoxColumns(
        *(np.zeros(s, t) for s, t in ((0, int), ((0, 4), float), (0, int), (0, float)))
    )
    assert len(suspect_boxes(none, none, 3)) == 0
    assert (
        len(suspect_classes(np.zeros(0, int), np.zeros(0, int), np.zeros((0, 3)))) == 0
    )
    assert len(suspect_regions([], 3)) == 0


def test_a_class_that_is_often_confused_is_not_suspicious_as_a_whole():
    """The model gives class 1 half of the time 0.6, half 0.4: what it is usually sure of; class 0 always 0.95."""
    given = np.array([0] * 20 + [1] * 20)
    mine = np.array([0.95] * 20 + [0.6, 0.4] * 10)
    probabilities = np.stack(
        [np.where(given == 0, mine, 1 - mine), np.where(given == 1, mine, 1 - mine)],
        axis=1,
    )
    wrong = np.append(given, 0)
    probabilities = np.vstack([probabilities, [0.3, 0.7]])
    suspects = suspect_classes(np.arange(41), wrong, probabilities)
    assert find_worst(suspects) == (WRONG_CLASS, 40, 1)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="3 answers for 2 labels"):
        suspect_classes(np.arange(2), np.arange(2), np.zeros((3, 2)))
    with pytest.raises(
        ValueError, match="a label is of class 5, and answers tell 2 classes"
    ):
        suspect_classes(np.arange(1), np.array([5]), np.zeros((1, 2)))
    pair = MapPair(
        3,
        np.zeros((4, 4), int),
        np.zeros(1, int),
        np.zeros((4, 5), np.uint8),
        np.ones(1),
    )
    with pytest.raises(
        ValueError,
        match=r"frame 3 has labels of \(4, 4\) pixels and an answer of \(4, 5\)",
    ):
        suspect_regions([pair], 1)


# ---- by neighbours ---------------------------------------------------------------------------------------------------


def make_groups(rng: np.random.Generator, num_groups: int, each: int) -> np.ndarray:
    """Vectors of unit length around one for each group."""
    centres = rng.normal(size=(num_groups, 64))
    vectors = np.repeat(centres, each, axis=0) + 0.6 * rng.normal(
        size=(num_groups * each, 64)
    )
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_neighbours_find_wrong_classes_where_no_model_has_answered():
    rng = np.random.default_rng(1)
    vectors = make_groups(rng, NUM_CLASSES, 100)
    truth = np.repeat(np.arange(NUM_CLASSES), 100)
    bad = rng.choice(600, 30, replace=False)
    given = truth.copy()
    given[bad] = (given[bad] + rng.integers(1, NUM_CLASSES, 30)) % NUM_CLASSES
    votes = vote(vectors, given[:, None] == np.arange(NUM_CLASSES))
    suspects = suspect_classes(np.arange(600), given, votes)
    assert share_found(suspects, given != truth, 600, 30) >= FOUND


def test_neighbours_tell_classes_that_are_missing_and_extra():
    rng = np.random.default_rng(2)
    vectors = make_groups(rng, 2, 30)
    shows = np.zeros((60, 3), bool)
    shows[:30, 0] = shows[30:, 1] = True
    shows[4, 0] = False  # nobody marked what its neighbours show
    shows[40, 2] = True  # and here what none of them shows
    frame, class_ids = np.nonzero(shows)
    suspects = suspect_presence(frame, class_ids, vote(vectors, shows))
    first = suspects.rank()[:2]
    found = {
        (FAULTS[suspects.fault[k]], int(suspects.frame[k]), int(suspects.class_id[k]))
        for k in first
    }
    assert (MISSING, 4, 0) in found
    extra = suspects.frame[suspects.fault == FAULTS.index(EXTRA)]
    strongest = suspects.suspicion[suspects.fault == FAULTS.index(EXTRA)].argmax()
    assert extra[strongest] == 40


def test_a_frame_alone_has_no_neighbour_to_vote():
    assert vote(np.ones((1, 4), np.float32), np.ones((1, 2), bool)).tolist() == [
        [0.0, 0.0]
    ]
