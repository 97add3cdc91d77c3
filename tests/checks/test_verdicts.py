"""Verdicts: shares, severities, and that nothing looked at is no pass."""

from __future__ import annotations

import pyarrow as pa
import pytest

from checks.verdicts import (
    MAX_EXAMPLES,
    NEVER_BLOCKS,
    Rule,
    Tolerance,
    Verdict,
    judge_share,
    nothing_checked,
    passed_over,
    state_reason,
    stops_flow,
)

TOLERANT = Tolerance(warn_above=0.05, block_above=0.5)


def boxes(
    num_bad: int, num_checked: int, tolerance: Tolerance = TOLERANT, **more
) -> Verdict:
    bad = [f"box {i}" for i in range(num_bad)]
    return judge_share(
        "boxes_have_area",
        num_checked=num_checked,
        offenders=bad,
        of="boxes",
        fault="have no area",
        tolerance=tolerance,
        **more,
    )


def test_the_summary_is_a_sentence_with_the_numbers():
    assert (
        boxes(2, 4888, Tolerance(0, 0.05)).summary
        == "2 of 4888 boxes (0.0409 %) have no area"
    )


def test_a_share_at_the_limit_passes_and_one_above_warns():
    assert boxes(5, 100).passed  # 5/100 = 0.05
    over = boxes(6, 100)
    assert not over.passed and not over.is_blocking and not over.stops
    assert over.summary.endswith("at most 5 % may")


def test_a_share_above_the_second_limit_blocks():
    assert not boxes(50, 100).stops  # 0.5 is the limit itself
    assert boxes(51, 100).stops


def test_without_tolerance_one_offender_blocks():
    assert boxes(1, 1000, Tolerance()).stops


def test_never_blocks_does_not_block_when_everything_offends():
    verdict = boxes(10, 10, NEVER_BLOCKS)
    assert not verdict.passed and not verdict.stops


def test_nothing_checked_fails_and_blocks_also_where_failing_would_only_warn():
    assert boxes(0, 0, NEVER_BLOCKS).stops


def test_nothing_checked_passes_only_with_a_reason():
    verdict = boxes(0, 0, empty_reason="no label has a box")
    assert (
        verdict.passed
        and verdict.num_checked == 0
        and verdict.empty_reason == "no label has a box"
    )
    with pytest.raises(AssertionError, match="checked nothing"):
        Verdict("boxes_have_area", True, True, "", 0)


def test_examples_are_cut_and_counts_are_not():
    verdict = boxes(30, 100)
    assert len(verdict.examples) == MAX_EXAMPLES == 20
    assert verdict.figures == {"num_offending": 30, "share_offending": 0.3}


@pytest.mark.parametrize("limits", [(0.5, 0.1), (-0.1, 0.5), (0.5, 1.1)])
def test_limits_that_contradict_are_refused(limits):
    with pytest.raises(ValueError, match="warn_above"):
        Tolerance(*limits)


def test_a_rule_that_raises_fails_and_blocks():
    def rows_are_fine(rows: pa.Table) -> Verdict:
        raise KeyError("sensor")

    verdict = Rule(rows_are_fine, {"frames": ()})({"frames": pa.table({})})
    assert verdict.name == "rows_are_fine" and verdict.stops
    assert verdict.summary == "could not be evaluated: KeyError: 'sensor'"


def test_a_rule_is_named_and_described_by_its_judge():
    def rows_are_fine(rows: pa.Table) -> Verdict:
        """Rows are fine.

        More.
        """
        return passed_over("rows_are_fine", "none")

    rule = Rule(rows_are_fine, {"frames": ()})
    assert (rule.name, rule.claim) == ("rows_are_fine", "Rows are fine")


def test_the_flow_stops_for_a_blocking_failure_and_for_no_verdict():
    fine = boxes(0, 10)
    warned = boxes(1, 10)
    stopped = nothing_checked("frames_have_calibration", "cameras")
    assert not stops_flow([fine, warned])
    assert stops_flow([fine, stopped])
    assert stops_flow([])
    assert state_reason([fine, warned, stopped]).startswith(
        "frames_have_calibration: there are no cameras to check"
    )
    assert state_reason([]) == "no check gave a verdict"
