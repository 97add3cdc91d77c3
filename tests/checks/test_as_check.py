"""Gates as Dagster asset checks, run in process on a real catalog: what stops, what goes on, what is shown."""

import dagster as dg
import pytest

from assets.tables.catalog import Catalog
from assets.tables.schemas import content_id
from assets.workspace import Workspace
from checks.as_check import all_gates, as_result, table_gate
from checks.gates import GATES
from checks.verdicts import Verdict

SESSIONS = dg.DynamicPartitionsDefinition(name="sessions")
FRAMES = dg.AssetKey(["capture", "frames"])


@pytest.fixture
def run(catalog, image_rows, rows_of, tmp_path):
    """run("monday", **columns): materialise frames, their gate and one asset downstream, for one session."""
    seen: list[str] = []

    def materialise(session: str, **columns) -> tuple[dg.ExecuteInProcessResult, list[str]]:
        @dg.asset(key=FRAMES, partitions_def=SESSIONS)
        def frames(context: dg.AssetExecutionContext, catalog: dg.ResourceParam[Catalog]) -> dg.MaterializeResult:
            capture = content_id(context.partition_key)
            catalog.merge("captures", rows_of("captures", 1, capture_id=capture, session=session, num_frames=3))
            ids = [content_id(session, i) for i in range(3)]
            catalog.merge("frames", image_rows(3, session=session, capture_id=capture, frame_id=ids, **columns))
            return dg.MaterializeResult()

        @dg.asset(key=["curation", "frame_quality"], deps=[FRAMES], partitions_def=SESSIONS)
        def downstream(context: dg.AssetExecutionContext) -> None:
            seen.append(context.partition_key)

        gate = table_gate(FRAMES.path, "frames", partitions_def=SESSIONS)
        resources = {"catalog": catalog, "workspace": Workspace(tmp_path)}
        definitions = dg.Definitions(assets=[frames, downstream], asset_checks=[gate], resources=resources)
        job = definitions.resolve_implicit_global_asset_job_def()
        with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
            instance.add_dynamic_partitions("sessions", [session])
            result = job.execute_in_process(partition_key=session, instance=instance, raise_on_error=False)
        return result, seen

    return materialise


def test_a_good_session_goes_on_and_is_published(run, catalog):
    result, seen = run("monday")
    assert result.success and seen == ["monday"]
    evaluations = {e.check_name: e for e in result.get_asset_check_evaluations()}
    assert tuple(evaluations) == GATES["frames"].names
    assert all(e.passed for e in evaluations.values())
    assert evaluations["frames_rows_match_schema"].metadata["num_rows"].value == 3
    assert len(catalog.read("frames")) == 3


def test_a_blocking_failure_stops_what_lies_downstream_and_holds_the_session(run, catalog):
    result, seen = run("tuesday", width_px=17)
    assert not result.success and seen == []
    failing = {e.check_name: e for e in result.get_asset_check_evaluations() if not e.passed}
    assert list(failing) == ["frames_decode_to_their_size"]
    check = failing["frames_decode_to_their_size"]
    assert check.severity == dg.AssetCheckSeverity.ERROR and check.blocking
    assert check.description == "3 of 3 sampled frames (100 %) do not decode to the size in their row"
    assert "its row says 17 x 12" in check.metadata["examples"].value
    assert len(catalog.read("frames")) == 0
    assert [p["session"] for p in catalog.publications("frames") if p["is_held"]] == ["tuesday"]


def test_a_warning_is_shown_and_what_lies_downstream_runs(run, catalog):
    calibration = {"capture_id": content_id("another")}
    result, seen = run("wednesday", t_ns=[0, 1_000_000, 100_000_000])  # steps of 1 and 99 ms: median 50, no gap
    assert result.success and seen == ["wednesday"], calibration


def test_one_session_held_does_not_hold_another(run, catalog):
    run("tuesday", width_px=17)
    result, seen = run("monday")
    assert result.success and seen == ["monday"]
    assert set(catalog.read("frames")["session"].to_pylist()) == {"monday"}


def test_a_check_keeps_one_status_a_session(run, tmp_path):
    run("tuesday", width_px=17)
    run("monday")
    key = dg.AssetCheckKey(FRAMES, "frames_decode_to_their_size")
    gate = table_gate(FRAMES.path, "frames", partitions_def=SESSIONS)
    assert all(spec.partitions_def == SESSIONS for spec in gate.check_specs)
    assert key in {spec.key for spec in gate.check_specs}


@pytest.mark.parametrize(("is_blocking", "severity"), [(True, "ERROR"), (False, "WARN")])
def test_the_severity_follows_the_verdict(is_blocking, severity):
    result = as_result(
        FRAMES, Verdict("frames_have_calibration", False, is_blocking, "none", 3, {"share": 0.5}, ("a", "b"))
    )
    assert result.severity.value == severity and not result.passed
    assert result.metadata["num_checked"].value == 3 and result.metadata["share"].value == 0.5
    assert result.metadata["examples"].value == "- `a`\n- `b`"
    assert result.description == "none" and result.check_name == "frames_have_calibration"


def test_all_gates_are_blocking_and_named_apart():
    gates = all_gates(SESSIONS)
    specs = [spec for gate in gates for spec in gate.check_specs]
    assert all(spec.blocking and spec.description for spec in specs)
    assert len({spec.key for spec in specs}) == len(specs)
    assert len({gate.node_def.name for gate in gates}) == len(gates)
