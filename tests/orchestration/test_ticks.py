"""How a run that was executed here ended, in words for a person."""

from __future__ import annotations

import signal
from pathlib import Path

import dagster as dg
import pytest

from checks.as_check import as_result
from checks.verdicts import judge_share
from orchestration.profiles import load_settings
from orchestration.stopping import (
    INTERRUPTED,
    choose_exit_code,
    find_stop,
    hear_signals,
)
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


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_told_to_stop_ends_the_command_by_the_code_of_that_signal(
    tmp_path: Path, signum: signal.Signals
) -> None:
    @dg.op
    def step() -> None:
        signal.raise_signal(signum)
        pytest.fail("the step went on")

    @dg.job
    def waiting() -> None:
        step()

    settings = load_settings({"DAGUERRE_HOME": str(tmp_path)})
    with hear_signals(), LocalEngine(settings) as engine:
        engine.defs = dg.Definitions(jobs=[waiting])
        with pytest.raises(KeyboardInterrupt):
            engine.execute("waiting")
        (run,) = engine.instance.get_runs()
        assert run.status == dg.DagsterRunStatus.FAILURE
        assert choose_exit_code(INTERRUPTED) == 128 + signum
    assert find_stop() is None  # the next command was told nothing
    assert choose_exit_code(1) == 1 and choose_exit_code(None) == 0


@pytest.mark.filterwarnings("default")
def test_a_run_that_no_check_stopped_has_no_error() -> None:
    assert first_error(run([])) == ""
