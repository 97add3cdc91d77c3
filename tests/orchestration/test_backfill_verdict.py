"""How a red check could come out as green, case by case: none does. Small graphs, real instances and runs."""

import warnings
from collections.abc import Iterator

import dagster as dg
import pytest
from dagster import DagsterRunStatus

from assets.batches import LEFT_OUT
from assets.partitions import sessions
from orchestration.backfill.orders import Order
from orchestration.backfill.verdict import (
    GOOD,
    NOT_CHECKED,
    NOT_MADE,
    REFUSED,
    Verdict,
    read_verdict,
)

pytestmark = pytest.mark.filterwarnings("default")
BACKFILL = "0000beef"
FIGURES = ["stage", "figures"]
WHOLE = ["stage", "whole"]
ORDER = Order({"stage/figures": ("desk",)}, {}, "code")


@dg.asset(key=FIGURES, partitions_def=sessions)
def figures() -> None: ...


@dg.asset(key=WHOLE, deps=[FIGURES])
def whole() -> None: ...


def make_check(
    passed: bool, severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR
):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")

        @dg.asset_check(
            asset=FIGURES, name="is_bright", blocking=True, partitions_def=sessions
        )
        def check() -> dg.AssetCheckResult:
            return dg.AssetCheckResult(
                passed=passed,
                severity=severity,
                description="3 of 4",
                metadata={"num_dark": 3},
            )

    return check


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("sessions", ["desk"])
        yield instance


def run(
    instance, *parts, is_of_backfill: bool = True, partition: str | None = "desk"
) -> None:
    dg.materialize(
        parts,
        instance=instance,
        partition_key=partition,
        tags={"dagster/backfill": BACKFILL} if is_of_backfill else {},
        raise_on_error=False,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )


def judge(instance, order: Order = ORDER, check=None) -> Verdict:
    defs = dg.Definitions([figures, whole], asset_checks=[check or make_check(True)])
    return read_verdict(instance, defs.resolve_asset_graph(), order, BACKFILL)


def test_what_was_made_and_holds_is_good(instance):
    run(instance, figures, make_check(True))
    verdict = judge(instance)
    assert [o.state for o in verdict.outcomes] == [GOOD]
    assert verdict.exit_code == 0


def test_a_check_that_does_not_hold_is_refused_with_its_numbers(instance):
    run(instance, figures, make_check(False))
    verdict = judge(instance)
    (one,) = verdict.outcomes
    assert (one.state, one.session, verdict.exit_code) == (REFUSED, "desk", 1)
    assert one.refused[0].check == "is_bright"
    assert one.refused[0].figures == {"num_dark": 3}


def test_a_warning_is_told_and_is_no_refusal(instance):
    run(instance, figures, make_check(False, dg.AssetCheckSeverity.WARN))
    verdict = judge(instance)
    assert verdict.outcomes[0].warned[0].says == "3 of 4"
    assert verdict.exit_code == 0


def test_without_a_run_nothing_is_good(instance):
    verdict = judge(instance)
    assert verdict.outcomes[0].why == "no run was started"
    assert verdict.exit_code == 3


def test_an_order_of_nothing_that_was_looked_at_is_not_good(instance):
    assert judge(instance, Order({}, {}, "code")).exit_code == 3


def test_a_check_that_never_ran_is_not_good(instance):
    run(instance, figures)
    verdict = judge(instance)
    assert verdict.outcomes[0].state == NOT_CHECKED
    assert "is_bright gave no verdict" in verdict.outcomes[0].why
    assert verdict.exit_code == 3


def test_a_check_of_a_run_before_is_not_taken_for_this_one(instance):
    run(instance, figures, make_check(True), is_of_backfill=False)
    run(instance, figures)
    assert judge(instance).outcomes[0].state == NOT_CHECKED


def test_a_check_before_the_last_materialisation_is_not_taken_for_it(instance):
    run(instance, figures, make_check(True))
    run(instance, figures)
    assert judge(instance).outcomes[0].state == NOT_CHECKED


def test_a_check_after_it_in_a_second_run_is(instance):
    run(instance, figures, make_check(False))
    run(instance, figures, make_check(True))
    assert judge(instance).exit_code == 0


def test_a_session_that_is_no_partition_any_more_is_not_good(instance):
    run(instance, figures, make_check(True))
    order = Order({"stage/figures": ("desk", "gone")}, {}, "code")
    verdict = judge(instance, order)
    assert [o.state for o in verdict.outcomes] == [GOOD, NOT_MADE]
    assert "no partition" in verdict.outcomes[1].why
    assert verdict.exit_code == 3


def test_a_cancelled_run_is_not_good(instance):
    dagster_run = instance.create_run_for_job(
        dg.Definitions([figures]).resolve_implicit_global_asset_job_def(),
        status=DagsterRunStatus.NOT_STARTED,
        tags={"dagster/backfill": BACKFILL},
    )
    instance.report_run_canceled(dagster_run)
    verdict = judge(instance)
    assert verdict.outcomes[0].why == "its run was cancelled"
    assert verdict.exit_code == 3


def test_a_run_that_failed_by_itself_says_why(instance):
    @dg.asset(key=FIGURES, partitions_def=sessions)
    def broken() -> None:
        raise OSError("the disk is gone")

    run(instance, broken, make_check(True))
    verdict = judge(instance)
    assert "the disk is gone" in verdict.outcomes[0].why
    assert verdict.exit_code == 3


def test_what_comes_after_a_refusal_is_no_fault_of_its_own(instance):
    run(instance, figures, make_check(False))
    order = Order({"stage/figures": ("desk",), "stage/whole": ()}, {}, "code")
    verdict = judge(instance, order)
    assert verdict.outcomes[1].why == "comes after stage/figures, where a gate refused"
    assert verdict.exit_code == 1


def test_a_session_left_out_of_a_run_over_several_says_why(instance):
    @dg.asset(key=FIGURES, partitions_def=sessions)
    def failing(context: dg.AssetExecutionContext) -> Iterator[object]:
        yield dg.AssetObservation(
            FIGURES, partition="desk", metadata={LEFT_OUT: "OSError: no disk"}
        )
        raise OSError("at the end")

    failing_def = failing
    run(instance, failing_def)
    verdict = judge(instance)
    assert verdict.outcomes[0].why == "OSError: no disk"
    assert verdict.exit_code == 3
