"""Gates as Dagster asset checks, run in process on a real catalog: what stops, what goes on, what is shown."""

import dagster as dg
import pytest

from assets.tables.catalog import Catalog
from assets.tables.schemas import content_id
from assets.workspace import Workspace
from checks.as_check import all_gates, as_result, table_gate, task_gate
from checks.gates import GATES
from checks.verdicts import Verdict

SESSIONS = dg.DynamicPartitionsDefinition(name="sessions")
FRAMES = dg.AssetKey(["capture", "frames"])
QUALITY = dg.AssetKey(["curation", "frame_quality"])
RUN_WHEN_CHECKED = (
    dg.AutomationCondition.any_deps_match(
        dg.AutomationCondition.data_version_changed()
    ).since_last_handled()
    & dg.AutomationCondition.all_deps_blocking_checks_passed()
)
BROKEN = {"width_px": 17}  # the images are 16 px wide


class World:
    """Two assets, the gate between them, and what ran."""

    def __init__(
        self, catalog: Catalog, image_rows, rows_of, instance: dg.DagsterInstance
    ) -> None:
        self.catalog = catalog
        self.image_rows = image_rows
        self.rows_of = rows_of
        self.instance = instance
        self.bent: dict[str, object] = {}
        self.seen: list[str] = []
        frames, quality = self._assets()
        job = dg.define_asset_job("capture", dg.AssetSelection.assets(FRAMES))
        gate = table_gate(FRAMES.path, "frames", partitions_def=SESSIONS)
        self.defs = dg.Definitions(
            [frames, quality],
            asset_checks=[gate],
            jobs=[job],
            resources={"catalog": catalog},
        )

    def run(
        self, session: str, job: str | None = None, **bent: object
    ) -> dg.ExecuteInProcessResult:
        self.bent = bent
        self.instance.add_dynamic_partitions("sessions", [session])
        found = (
            self.defs.resolve_job_def(job)
            if job
            else self.defs.resolve_implicit_global_asset_job_def()
        )
        return found.execute_in_process(
            partition_key=session, instance=self.instance, raise_on_error=False
        )

    def _assets(self) -> tuple[dg.AssetsDefinition, dg.AssetsDefinition]:
        @dg.asset(key=FRAMES, partitions_def=SESSIONS)
        def frames(
            context: dg.AssetExecutionContext, catalog: dg.ResourceParam[Catalog]
        ) -> dg.MaterializeResult:
            session = context.partition_key
            capture = content_id(session)
            ids = [content_id(session, i) for i in range(3)]
            catalog.merge(
                "captures",
                self.rows_of(
                    "captures", 1, capture_id=capture, session=session, num_frames=3
                ),
            )
            rows = self.image_rows(
                3,
                **(
                    {"session": session, "capture_id": capture, "frame_id": ids}
                    | self.bent
                ),
            )
            catalog.merge("frames", rows)
            return dg.MaterializeResult(data_version=dg.DataVersion(session))

        @dg.asset(
            key=QUALITY,
            deps=[FRAMES],
            partitions_def=SESSIONS,
            automation_condition=RUN_WHEN_CHECKED,
        )
        def quality(context: dg.AssetExecutionContext) -> None:
            self.seen.append(context.partition_key)

        return frames, quality


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def world(catalog, image_rows, rows_of, instance) -> World:
    return World(catalog, image_rows, rows_of, instance)


def test_a_good_session_goes_on_and_is_published(world):
    result = world.run("monday")
    assert result.success and world.seen == ["monday"]
    evaluations = {e.check_name: e for e in result.get_asset_check_evaluations()}
    assert tuple(evaluations) == GATES["frames"].names
    assert all(e.passed and e.blocking for e in evaluations.values())
    assert evaluations["frames_rows_match_schema"].metadata["num_rows"].value == 3
    assert len(world.catalog.read("frames")) == 3


def test_a_blocking_failure_stops_what_lies_downstream_and_holds_the_session(world):
    result = world.run("tuesday", **BROKEN)
    assert not result.success and world.seen == []
    (check,) = [e for e in result.get_asset_check_evaluations() if not e.passed]
    assert (
        check.check_name == "frames_decode_to_their_size"
        and check.severity == dg.AssetCheckSeverity.ERROR
    )
    assert (
        check.description
        == "3 of 3 sampled frames (100 %) do not decode to the size in their row"
    )
    assert "its row says 17 x 12" in check.metadata["examples"].value
    assert len(world.catalog.read("frames")) == 0
    assert [
        p["session"] for p in world.catalog.publications("frames") if p["is_held"]
    ] == ["tuesday"]


def test_a_warning_is_shown_and_what_lies_downstream_runs(world):
    # steps of 1 and 8 ms, median 4.5: one was skipped
    result = world.run("monday", t_ns=[0, 1_000_000, 9_000_000])
    assert result.success and world.seen == ["monday"]
    (check,) = [e for e in result.get_asset_check_evaluations() if not e.passed]
    assert (
        check.check_name == "sensors_skip_no_frames"
        and check.severity == dg.AssetCheckSeverity.WARN
    )


# Dagster's own call inside of its evaluation
@pytest.mark.filterwarnings("ignore:Parameter `include_sources`")
@pytest.mark.parametrize("order", [("monday", "tuesday"), ("tuesday", "monday")])
def test_a_held_session_neither_holds_nor_frees_another(order, world):
    """Checks have partitions for this: without, the newest status of any session decides for all."""
    world.instance.add_dynamic_partitions("sessions", list(order))
    before = dg.evaluate_automation_conditions(world.defs, instance=world.instance)
    for session in order:
        assert world.run(
            session, "capture", **(BROKEN if session == "tuesday" else {})
        ).success == (session == "monday")
    after = dg.evaluate_automation_conditions(
        world.defs, instance=world.instance, cursor=before.cursor
    )
    assert after.get_requested_partitions(QUALITY) == {"monday"}
    assert set(world.catalog.read("frames")["session"].to_pylist()) == {"monday"}


RELEASE_GATE = task_gate(("curation", "{task}_dataset"), "detection")


@pytest.mark.parametrize(
    "gate", [RELEASE_GATE, table_gate(["curation", "splits"], "splits")]
)
def test_gates_of_whole_tables_need_no_partition_and_fail_on_nothing(
    gate, catalog, home, instance
):
    (key,) = {spec.asset_key for spec in gate.check_specs}

    @dg.asset(key=key)
    def asset() -> None: ...

    resources = {"catalog": catalog, "workspace": Workspace(home)}
    definitions = dg.Definitions([asset], asset_checks=[gate], resources=resources)
    job = definitions.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(instance=instance, raise_on_error=False)
    evaluations = result.get_asset_check_evaluations()
    assert evaluations and not any(e.passed for e in evaluations)


@pytest.mark.parametrize(
    ("is_blocking", "severity"), [(True, "ERROR"), (False, "WARN")]
)
def test_the_severity_follows_the_verdict(is_blocking, severity):
    verdict = Verdict(
        "frames_have_calibration",
        False,
        is_blocking,
        "none",
        3,
        {"share": 0.5},
        ("a", "b"),
    )
    result = as_result(FRAMES, verdict)
    assert result.severity.value == severity and not result.passed
    assert (
        result.metadata["num_checked"].value == 3
        and result.metadata["share"].value == 0.5
    )
    assert result.metadata["examples"].value == "- a\n- b"
    assert (
        result.description == "none" and result.check_name == "frames_have_calibration"
    )


def test_all_gates_are_blocking_and_named_apart():
    gates = all_gates(SESSIONS)
    specs = [spec for gate in gates for spec in gate.check_specs]
    assert all(spec.blocking and spec.description for spec in specs)
    assert len({spec.key for spec in specs}) == len(specs)
    assert len({gate.node_def.name for gate in gates}) == len(gates)
    training = task_gate(("training", "{task}"), "detection")
    assert training.required_resource_keys >= {"catalog", "workspace"}
