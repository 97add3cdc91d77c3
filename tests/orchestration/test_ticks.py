"""How a run that was executed here ended, in words for a person."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from checks.as_check import as_result
from checks.verdicts import judge_share
from orchestration.profiles import load_settings
from orchestration.ticks import LocalEngine, first_error


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


@dg.sensor(job_name="none")
def warning_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Says what it says elsewhere too, for its page."""
    context.log.warning("it is dusk")
    return dg.SensorResult(cursor="seen")


def test_a_sensor_that_looks_here_says_nothing_beside_the_console(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = load_settings({"DAGUERRE_HOME": str(tmp_path)})
    with LocalEngine(settings) as engine:
        assert engine.tick(warning_sensor) == []
    assert "it is dusk" not in "".join(capfd.readouterr())


@pytest.mark.filterwarnings("default")
def test_a_run_that_no_check_stopped_has_no_error() -> None:
    assert first_error(run([])) == ""
