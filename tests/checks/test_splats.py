"""Rules of splats: each claim, where it warns and where it blocks."""

from __future__ import annotations

import pytest

from checks import splats as rules

SOUND = {
    "psnr_db": 27.0,
    "learned_psnr_db": 29.0,
    "nearest_psnr_db": 14.0,
    "mean_colour_psnr_db": 12.0,
    "num_held_out": 3,
}


@pytest.mark.parametrize(
    ("rule", "change", "passed", "stops"),
    [
        (rules.sessions_have_splats, {}, True, False),
        (rules.sessions_have_splats, {"reason": "no GPU is here"}, False, True),
        (rules.held_out_views_agree_with_splats, {}, True, False),
        (rules.held_out_views_agree_with_splats, {"psnr_db": 21.9}, False, False),
        (rules.held_out_views_agree_with_splats, {"psnr_db": 14.9}, False, True),
        (rules.splats_are_better_than_a_guess, {}, True, False),
        (rules.splats_are_better_than_a_guess, {"nearest_psnr_db": 27.0}, False, True),
        (
            rules.splats_are_better_than_a_guess,
            {"mean_colour_psnr_db": 27.5},
            False,
            True,
        ),
        (rules.splats_hold_where_they_did_not_learn, {}, True, False),
        (
            rules.splats_hold_where_they_did_not_learn,
            {"learned_psnr_db": 33.5},
            False,
            False,
        ),
    ],
)
def test_splats_are_judged_by_views_that_were_held_out(
    rule, change, passed, stops, rows_of
):
    verdict = rule(rows_of("splats", 1, **{**SOUND, "reason": None, **change}))
    assert (verdict.passed, verdict.stops) == (passed, stops), verdict


def test_where_there_are_none_one_claim_alone_says_why(rows_of):
    nothing = dict.fromkeys(SOUND) | {"num_held_out": 0, "reason": "no GPU is here"}
    rows = rows_of("splats", 1, **nothing)
    verdicts = [rule({"splats": rows}) for rule in rules.SPLAT_RULES]
    assert [v.name for v in verdicts if not v.passed] == ["sessions_have_splats"]


def test_a_view_far_below_the_others_is_shown(rows_of):
    rows = rows_of("splat_views", 4, psnr_db=[30.0, 30.0, 18.0, None])
    verdict = rules.no_held_out_view_is_far_below_the_others(rows)
    # the mean is 26
    assert not verdict.passed and not verdict.stops and verdict.num_checked == 3
    assert "18.0 dB, the mean is 26.0" in verdict.examples[0]
    none = rows_of("splat_views", 2, psnr_db=[None, None])
    assert rules.no_held_out_view_is_far_below_the_others(none).passed
