"""Terms of a release: what is refused, what was never looked at, and what is unknown and let through."""

from __future__ import annotations

from checks.release_terms import released_sessions_may_be_used


def test_what_is_unknown_is_counted_and_passes(rows_of):
    terms = rows_of("release_terms", 1, is_refused=False)
    frames = rows_of("release_frames", 3, release_id=terms["release_id"][0].as_py())
    verdict = released_sessions_may_be_used(terms, frames)
    assert verdict.passed and verdict.figures["num_unknown"] == 1


def test_what_is_refused_stops_with_its_reason_and_its_frames(rows_of):
    terms = rows_of(
        *("release_terms", 1),
        **dict(
            is_refused=True, objection="its consent has ended", num_frames=7, path=""
        ),
    )
    frames = rows_of("release_frames", 3, release_id=terms["release_id"][0].as_py())
    verdict = released_sessions_may_be_used(terms, frames)
    assert verdict.stops and verdict.examples == ("monday: its consent has ended",)
    assert verdict.figures["num_refused_frames"] == 7


def test_a_session_whose_terms_nobody_looked_at_stops(rows_of):
    terms = rows_of("release_terms", 1, is_refused=False)
    frames = rows_of("release_frames", 1, release_id="f" * 32)
    verdict = released_sessions_may_be_used(terms, frames)
    assert verdict.stops
    assert verdict.examples == ("monday: its terms were not looked at",)
