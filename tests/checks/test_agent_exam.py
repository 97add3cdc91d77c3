"""What the gate of the agent's exams refuses: invented numbers, lost sources, too few questions, too many misses."""

from __future__ import annotations

import pytest

from checks.agent_exam import (
    HELD_OUT,
    every_number_is_traced,
    exams_ask_enough,
    no_number_is_invented,
    rules_know_held_out_questions,
)
from checks.gates import gate_session


def _exams(rows_of, num: int = 1, **columns):
    plain = {"rung": "rules", "question_set": HELD_OUT, "num_kinds": 30}
    counts = {"num_questions": 500, "num_numbers": 10, "num_traced": 10}
    return rows_of(
        "agent_exams", num, **{**plain, **counts, "num_invented": 0, "num_lost": 0, **columns}
    )  # fmt: skip


def test_one_invented_number_blocks(rows_of):
    assert no_number_is_invented(_exams(rows_of)).passed
    verdict = no_number_is_invented(_exams(rows_of, num_invented=1))
    assert verdict.stops and verdict.examples == (f"rules, {HELD_OUT}",)


def test_one_number_without_its_source_blocks(rows_of):
    assert every_number_is_traced(_exams(rows_of)).passed
    assert every_number_is_traced(_exams(rows_of, num_lost=1)).stops


def test_of_two_exams_of_a_set_the_newer_counts(rows_of):
    for newer, passed in ((0, True), (1, False)):
        exams = _exams(rows_of, 2, num_invented=[1 - newer, newer], examined_ns=[1, 2])
        assert no_number_is_invented(exams).passed == passed


def test_sets_of_a_rung_count_together_and_fewer_than_400_questions_warn(rows_of):
    sets = [HELD_OUT, "practice"]
    enough = _exams(rows_of, 2, question_set=sets, num_questions=[150, 250])
    few = _exams(rows_of, 2, question_set=sets, num_questions=[150, 249])
    assert exams_ask_enough(enough).passed
    assert not exams_ask_enough(few).passed and not exams_ask_enough(few).stops
    assert not exams_ask_enough(_exams(rows_of, num_kinds=19)).passed


@pytest.mark.parametrize(
    ("num_right", "passed"),
    [(90, True), (89, False)],  # 90 of 100 is the least
)
def test_more_than_a_tenth_of_held_out_questions_missed_blocks(
    rows_of, num_right, passed
):
    marks = rows_of(
        "agent_marks",
        3,
        exam_id="e" * 32,
        kind=["all", "all", "drift"],
        mark=["right_tool", "right_answer", "right_answer"],
        num_asked=100,
        num_right=[100, num_right, num_right],
        value=[1.0, num_right / 100, num_right / 100],
    )
    exams = _exams(rows_of, exam_id="e" * 32)
    verdict = rules_know_held_out_questions(marks, exams)
    assert verdict.passed == passed and verdict.stops != passed
    assert f"{100 - num_right} of 100 held-out questions" in verdict.summary
    assert set(verdict.examples) <= {"drift"}


def test_another_rung_is_not_held_to_the_rules_share(rows_of):
    exams = _exams(rows_of, rung="somebody", exam_id="e" * 32)
    verdict = rules_know_held_out_questions(rows_of("agent_marks", 1), exams)
    assert verdict.passed and "not asked held-out" in (verdict.empty_reason or "")


def test_a_home_whose_agent_nobody_examined_passes_and_says_so(catalog):
    verdicts = gate_session(catalog, "agent_exams", None)
    assert all(v.passed and "nobody has examined" in v.summary for v in verdicts[1:])
