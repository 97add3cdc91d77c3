"""Run the graph in this process: evaluate a sensor once, and execute what it asks for.

Belongs here: what the daemon does, without the daemon, for the demo, the tests and CI. Does not: schedules of its own.
"""

import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster._core.errors import DagsterAssetCheckFailedError

from orchestration.collector import spare_collector
from orchestration.followed import follow_run, tag_trace
from orchestration.graph import build_defs
from orchestration.health import require_answers
from orchestration.instance import prepare_instance
from orchestration.kept_engines import keep_connections, keep_engines
from orchestration.kept_postgres import keep_postgres
from orchestration.profiles import Settings, choose_spill, keep_private
from orchestration.resources import RESOURCE_FACTORIES
from orchestration.stopping import find_stop

_GATE = "_gate"  # what the step of an asset's checks ends with
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class RunOutcome:
    """One run that was executed here."""

    job: str
    partition: str | None
    run_id: str
    success: bool
    failed_checks: tuple[str, ...]
    error: str = ""


class LocalEngine:
    """Definitions of one home beside its Dagster instance, which the UI reads too. Use as a context manager."""

    def __init__(self, settings: Settings) -> None:
        keep_private()
        choose_spill()
        spare_collector()
        keep_engines()
        require_answers(settings)
        self.settings = settings
        self.defs = build_defs(settings)
        self.instance = dg.DagsterInstance.from_config(str(prepare_instance(settings)))
        self._cursors: dict[str, str | None] = {}

    def __enter__(self) -> "LocalEngine":
        return self

    def __exit__(self, *_: object) -> None:
        self.instance.dispose()

    def tick(self, sensor: dg.SensorDefinition) -> list[dg.RunRequest]:
        """Evaluate the sensor once, as the daemon would; add the partitions it asks for; return its run requests."""
        names = sensor.required_resource_keys
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self._cursors.get(sensor.name),
            resources={
                name: make(self.settings)
                for name, make in RESOURCE_FACTORIES.items()
                if name in names
            },
        )
        # what people are to see goes through the logger of who says it; this is for the page of the sensor
        context.log.setLevel(logging.CRITICAL)
        found = sensor(context)
        assert isinstance(found, dg.SensorResult), sensor.name
        self._cursors[sensor.name] = found.cursor
        for request in found.dynamic_partitions_requests or ():
            self.instance.add_dynamic_partitions(
                request.partitions_def_name, list(request.partition_keys)
            )
        for event in found.asset_events:
            self.instance.report_runless_asset_event(event)
        return list(found.run_requests or ())

    def execute(
        self,
        job: str,
        partition: str | None = None,
        ops: dict[str, Any] | None = None,
        tags: dict[str, str] | None = None,
        only: Sequence[Sequence[str]] | None = None,
        on_stage: Callable[[str], None] | None = None,
    ) -> RunOutcome:
        """Run a job, or `only` these assets of it, to its end. A failure is an outcome, not an exception; a run that is
        told to stop raises KeyboardInterrupt once Dagster has noted that.

        `on_stage` gets "curation/splits" when the run begins to make it, "checks of curation/splits" before they run.
        """
        config = {**_QUIET, "ops": ops or {}}
        run_id = str(uuid.uuid4())
        if on_stage is not None:
            self.instance.add_event_listener(run_id, tell_stages(on_stage))
        chosen = None if only is None else [dg.AssetKey(list(key)) for key in only]
        with (
            keep_connections(),
            keep_postgres(self.instance),
            follow_run(self.instance, run_id, job, partition),
        ):
            result = self.defs.resolve_job_def(job).execute_in_process(
                instance=self.instance,
                run_id=run_id,
                partition_key=partition,
                run_config=config,
                tags={**(tags or {}), **tag_trace(run_id)},
                raise_on_error=False,
                asset_selection=chosen,
            )
        if not result.success and find_stop() is not None:
            raise KeyboardInterrupt
        checks = tuple(
            f"{e.asset_key.to_user_string()}: {e.check_name}"
            for e in _failed_checks(result)
        )
        return RunOutcome(
            job, partition, result.run_id, result.success, checks, first_error(result)
        )


def tell_stages(
    on_stage: Callable[[str], None],
) -> Callable[[dg.EventLogEntry], None]:
    """What hands on the names of the stages that a run enters, from its events."""

    def tell(entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        if (
            event is not None
            and event.event_type_value == "STEP_START"
            and event.step_key
        ):
            on_stage(_name_stage(event.step_key))

    return tell


def _name_stage(step_key: str) -> str:
    """ "curation/splits" of its step `curation__splits`, and whose checks a step `curation_splits_gate` runs."""
    if step_key.endswith(_GATE):
        stage, _, noun = step_key.removesuffix(_GATE).partition("_")
        return f"checks of {stage}/{noun}"
    return step_key.replace("__", "/", 1)


def _failed_checks(result: dg.ExecuteInProcessResult) -> Sequence[Any]:
    return [e for e in result.get_asset_check_evaluations() if not e.passed]


def _tell_blocking(result: dg.ExecuteInProcessResult) -> str:
    """What the blocking checks that failed found; Dagster's own words name them over several lines, without that."""
    found = [
        f"{e.check_name}: {e.description}"
        for e in _failed_checks(result)
        if e.blocking and e.severity == dg.AssetCheckSeverity.ERROR
    ]
    return "; ".join(found)


def first_error(result: dg.ExecuteInProcessResult) -> str:
    """What the first step that failed said, in one line; "" where none did."""
    for event in result.all_events:
        if event.is_step_failure and event.step_failure_data.error:
            error = event.step_failure_data.error
            while error.cause:
                error = error.cause
            if error.cls_name == DagsterAssetCheckFailedError.__name__:
                return _tell_blocking(result)
            return str(error.message).strip().splitlines()[0]
    return ""
