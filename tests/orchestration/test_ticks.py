"""How a run that was executed here ended, in words for a person."""

from __future__ import annotations

import dagster as dg
import pytest

from checks.as_check import as_result
from checks.verdicts import judge_share
from orchestration.ticks import first_error


def run(empty: list[str], is_blocking: bool = True) -> dg.ExecuteInProcessResult:
    """An asset, a check of its parts that stops what comes behind it, and that."""

    @dg.asset
    def parts() -> None: ...

    @dg.asset(deps=[parts])
    def behind() -> None: ...

    @dg.asset_check(asset=parts, blocking=is_blocking)
    def every_part_has_frames() -> dg.AssetCheckResult:
        verdict = judge_share(
            "every_part_has_frames",
            num_checked=3,
            offenders=empty,
            of="parts",
            fault="hold no frame",
        )
        return as_result(parts.key, verdict)

    return dg.materialize([parts, behind, every_part_has_frames], raise_on_error=False)


@pytest.mark.filterwarnings("default")  # Dagster warns of its own
def test_a_run_that_a_check_stopped_says_what_the_check_found() -> None:
    stopped = run(["val"])
    assert not stopped.success
    error = first_error(stopped)
    assert error == "every_part_has_frames: 1 of 3 parts (33.3 %) hold no frame"


@pytest.mark.filterwarnings("default")
def test_a_run_that_no_check_stopped_has_no_error() -> None:
    assert first_error(run([])) == ""
