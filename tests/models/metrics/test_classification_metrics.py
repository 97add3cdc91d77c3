"""Accuracy, precision, recall and F1 against tables worked out by hand."""

import pytest

from models.metrics.classification import score_classification

#               a  a  a  b  b  c        five samples of a and b, one of c
TRUTH = [0, 0, 0, 1, 1, 2]
PREDICTED = [0, 0, 1, 1, 1, 0]  # one a called b, the c called a


def test_accuracy_counts_the_diagonal():
    assert score_classification(TRUTH, PREDICTED, 3).accuracy == pytest.approx(4 / 6)


def test_confusion_has_true_classes_in_rows():
    assert score_classification(TRUTH, PREDICTED, 3).confusion.tolist() == [
        [2, 1, 0],
        [0, 2, 0],
        [1, 0, 0],
    ]


def test_precision_recall_and_f1_of_a_class():
    a = score_classification(TRUTH, PREDICTED, 3).per_class[0]
    # 2 of 3 called a; 2 of 3 that are a
    assert (a.precision, a.recall) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert a.f1 == pytest.approx(2 * 2 / (3 + 3))


def test_a_class_that_is_never_predicted_has_no_precision_but_a_recall_of_zero():
    c = score_classification(TRUTH, PREDICTED, 3).per_class[2]
    assert (c.precision, c.recall, c.f1) == (None, 0.0, 0.0)


def test_macro_f1_is_the_mean_over_classes():
    # a: 4/6; b: 2*2/(2+3) = 4/5; c: 0
    assert score_classification(TRUTH, PREDICTED, 3).macro_f1 == pytest.approx(
        (4 / 6 + 4 / 5 + 0) / 3
    )


def test_a_class_neither_true_nor_predicted_has_no_figures_and_does_not_count():
    result = score_classification([0, 1], [0, 1], 3)
    assert (
        result.per_class[2].precision,
        result.per_class[2].recall,
        result.per_class[2].f1,
    ) == (None, None, None)
    assert result.macro_f1 == 1.0


def test_a_class_predicted_but_never_true_counts_zero():
    result = score_classification([0, 0], [0, 1], 2)
    assert result.per_class[1].recall is None
    assert result.macro_f1 == pytest.approx((2 / 3 + 0) / 2)  # a: 2*1/(2+1)


def test_no_samples_are_refused():
    with pytest.raises(ValueError, match="no samples"):
        score_classification([], [], 3)


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="2 true and 1 predicted"):
        score_classification([0, 1], [0], 3)


@pytest.mark.parametrize("ids", [[3], [-1]])
def test_class_ids_out_of_range_are_refused(ids: list[int]):
    with pytest.raises(ValueError, match=r"with 3 classes give 0\.\.2"):
        score_classification(ids, [0], 3)
