"""Agreement of two people: Cohen's kappa and IoU, computed by hand, of answers that each gave by themselves."""

from __future__ import annotations

import numpy as np
import pytest

from assets.annotation.agreement import (
    measure_agreements,
    measure_mask_iou,
    update_agreements,
)
from assets.annotation.labels import Answer, Author, Marked, Order, record_answers
from assets.tables.schemas import TABLES, to_table
from checks.annotation import AGREEMENT_RULES
from checks.gates import gate_session
from models.masks import encode_mask
from models.metrics.agreement import measure_kappa

ANNA, BEN = Author("person", "Anna"), Author("person", "Ben")


def test_kappa_is_agreement_beyond_that_of_chance():
    # 3 of 4 agree; by chance (3/4 * 2/4) + (1/4 * 2/4) = 1/2; (3/4 - 1/2) / (1 - 1/2) = 1/2
    assert measure_kappa(list("aaab"), list("aabb")) == pytest.approx(0.5)
    assert measure_kappa(list("ab"), list("ab")) == 1
    assert measure_kappa(list("ab"), list("ba")) == -1


def test_kappa_tells_nothing_of_one_class_or_of_no_answer():
    assert measure_kappa(list("aa"), list("aa")) is None
    assert measure_kappa([], []) is None
    with pytest.raises(ValueError, match="2 answers beside 1"):
        measure_kappa(list("aa"), list("a"))


def test_masks_overlap_by_what_both_cover_of_what_any_covers():
    mask, other = np.zeros((4, 6), bool), np.zeros((4, 6), bool)
    mask[:2], other[1:3] = True, True  # 6 of 18 px
    assert measure_mask_iou(encode_mask(mask), encode_mask(other)) == pytest.approx(
        1 / 3
    )
    with pytest.raises(ValueError, match="masks of 24 and 12 px"):
        measure_mask_iou(encode_mask(mask), encode_mask(mask[:2]))


def test_two_people_are_compared_object_by_object(stored):
    catalog, rows = stored
    one, two, three = (row["frame_id"] for row in rows[:3])
    box, shifted, far = (0, 0, 10, 10), (0, 0, 10, 8), (40, 30, 60, 44)
    for author, said in (
        (
            ANNA,
            [(one, [("cup", box)]), (two, [("cup", box), ("mug", far)]), (three, [])],
        ),
        (BEN, [(one, [("cup", shifted)]), (two, [("mug", box)]), (three, [])]),
    ):
        answers = [
            Answer(frame_id, "detection", tuple(Marked(*m) for m in marked))
            for frame_id, marked in said
        ]
        record_answers(catalog, answers, author, Order(guideline_id="a" * 32))
    assert update_agreements(catalog).total == 1
    (row,) = catalog.read_latest("label_agreements").to_pylist()
    assert (row["author"], row["other_author"], row["num_frames"]) == ("Anna", "Ben", 3)
    # cup-cup and cup-mug are paired, Anna's mug is alone
    assert (row["num_paired"], row["num_alone"]) == (2, 1)
    assert row["box_iou"] == pytest.approx((0.8 + 1.0) / 2)
    # 1 of 3 agree; by chance cup 2/3 * 1/3 + mug 1/3 * 1/3 = 1/3
    assert row["kappa"] == pytest.approx(0)
    assert update_agreements(catalog).computed == 1
    verdicts = {v.name: v for v in gate_session(catalog, "label_agreements", None)}
    assert verdicts["label_agreements_rows_match_schema"].passed
    told = verdicts["annotators_agree"]
    assert not told.passed and not told.is_blocking
    assert told.examples == ("Anna and Ben, detection, 3 frames: kappa 0.00",)


def version(author, number=1, act="answer", name="cup", **more):
    return {
        "version_id": f"{author}{number}",
        "frame_id": "f",
        "frame_sha256": "s",
        "session": "monday",
        "task": "recognition",
        "number": number,
        "author": author,
        "act": act,
        "guideline_id": None,
        "label_ids": ["l"],
        "class_names": [name],
        "boxes_xyxy": [],
        "mask_rles": [""],
        "track_ids": [""],
        "attributes": [""],
        "num_missing": 0,
        "num_ignored": 0,
        "author_kind": "person",
        **more,
    }


@pytest.mark.parametrize(
    "other",
    [
        version("Ben", 2, "correct"),
        version("Ben", 2, guideline_id="g"),
        version("Ben", 2, frame_sha256="t"),
        version("Anna", 2),
    ],
    ids=["a correction", "another guideline", "other bytes", "the same person"],
)
def test_no_second_opinion_is(other):
    assert measure_agreements([version("Anna"), other]) == []


def test_the_last_answer_of_each_is_compared():
    rows = measure_agreements(
        [version("Anna", name="mug"), version("Ben", 2), version("Anna", 3)]
    )
    assert [(r["num_frames"], r["num_paired"]) for r in rows] == [(1, 1)]


def test_people_who_agree_pass():
    (rule,) = AGREEMENT_RULES
    rows = measure_agreements([version("Anna"), version("Ben", 2)])
    verdict = rule({"label_agreements": to_table(TABLES["label_agreements"], rows)})
    assert (verdict.passed, verdict.num_checked) == (True, 1)
