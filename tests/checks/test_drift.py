"""Sessions that drifted, and sessions that got no verdict."""

from __future__ import annotations

from checks.drift import session_has_not_drifted


def drift(rows_of, *answers, **columns):
    sensors = ["all"] + [f"cam{i}" for i in range(len(answers) - 1)]
    statistics = ["session"] + ["embedding"] * (len(answers) - 1)
    facts = {"sensor": sensors, "statistic": statistics, "is_drifted": list(answers)}
    facts |= {"p_value": 0.001, "threshold": 0.01, "value": 3.5}
    return rows_of("drift", len(answers), **(facts | columns))


def test_a_drifted_session_is_told_and_never_blocks(rows_of):
    verdict = session_has_not_drifted(drift(rows_of, True, True, False))
    assert not verdict.passed and not verdict.stops
    assert verdict.figures["drifted_sensors"] == "cam0"
    assert verdict.examples == (
        "cam0: embedding by 3.5 standard deviations, p 0.001, threshold 0.01",
    )


def test_the_sessions_own_row_decides_over_single_cameras(rows_of):
    assert session_has_not_drifted(drift(rows_of, False, True)).passed


def test_a_session_without_a_verdict_does_not_pass(rows_of):
    verdict = session_has_not_drifted(
        drift(rows_of, None, None, p_value=None, reason="not enough reference")
    )
    assert (
        not verdict.passed
        and not verdict.stops
        and "not enough reference" in verdict.summary
    )


def test_rows_without_a_session_verdict_block(rows_of):
    assert session_has_not_drifted(drift(rows_of, False, sensor="cam0")).stops


def test_only_the_newest_version_of_each_model_counts(rows_of):
    versions = {"model_name": ["cups", "cups", "balls"], "model_version": [1, 2, 1]}
    rows = rows_of(
        "drift", 3, sensor="all", is_drifted=[True, False, False], **versions
    )
    assert session_has_not_drifted(rows).passed
