"""Work on a backfill in this process, where no daemon does: its runs go one after the other, here.

Belongs here: an instance whose runs are executed where they are launched, and what a killed process left. Does not:
what is in a backfill.
"""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dagster as dg
from dagster import DagsterRun, DagsterRunStatus, RunsFilter
from dagster._core.definitions.selector import JobSubsetSelector
from dagster._core.execution.api import execute_run
from dagster._core.execution.backfill import (
    BULK_ACTION_TERMINAL_STATUSES,
    PartitionBackfill,
)
from dagster._core.execution.plan.resume_retry import ReexecutionStrategy
from dagster._core.instance import InstanceRef
from dagster._core.launcher import LaunchRunContext
from dagster._core.launcher.sync_in_memory_run_launcher import SyncInMemoryRunLauncher
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.storage.tags import BACKFILL_ID_TAG
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.backfill import execute_backfill_iteration_with_instigation_logger
from dagster._serdes.config_class import ConfigurableClassData
from dagster._utils.hosted_user_process import recon_job_from_origin

from orchestration.health import require_answers
from orchestration.instance import prepare_instance
from orchestration.profiles import CHECKOUT, Settings
from orchestration.ticks import tell_stages
from orchestration.ui import MODULE

Tell = Callable[[str], None]
_UNDER_WAY = [
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
]
_KILLED = "the process that worked on it has ended"
_HERE = {
    "run_launcher": {"module": "orchestration.backfill.work", "class": "RunsHere"},
    "run_coordinator": {
        "module": "dagster._core.run_coordinator.default_run_coordinator",
        "class": "DefaultRunCoordinator",
    },
    "concurrency": {},
    "run_retries": {"enabled": False},
    "run_monitoring": {"enabled": False},
}
_log = logging.getLogger("daguerre-backfill")


class RunsHere(SyncInMemoryRunLauncher):
    """Executes the runs that are launched in this process, when their turn comes."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(inst_data)
        self._launched: list[DagsterRun] = []

    def launch_run(self, context: LaunchRunContext) -> None:
        """Keep it for `execute_all`: a backfill launches runs inside a loop of events, in which assets may not run."""
        self._launched.append(context.dagster_run)

    def execute_all(self, tell: Tell) -> None:
        """Execute them one after the other, saying what each comes to."""
        while self._launched:
            self.execute(self._launched.pop(0), tell)

    def execute(self, run: DagsterRun, tell: Tell) -> None:
        """Execute a run that has not begun."""
        name = f"run {run.run_id[:8]}"
        tell(f"{name} begins")
        listener = tell_stages(lambda stage: tell(f"{name}: {stage}"))
        self._instance.add_event_listener(run.run_id, listener)
        assert run.job_code_origin is not None, run.run_id
        execute_run(recon_job_from_origin(run.job_code_origin), run, self._instance)


@contextmanager
def open_workspace(settings: Settings) -> Iterator[WorkspaceProcessContext]:
    """The graph of the home, loaded in this process, with an instance whose runs are executed in it."""
    require_answers(settings)
    home = str(prepare_instance(settings))
    ref = InstanceRef.from_dir(home, overrides=_HERE)
    target = LoadableTargetOrigin(
        executable_path=sys.executable,
        module_name=MODULE,
        working_directory=str(CHECKOUT),
    )
    origin = InProcessCodeLocationOrigin(target, location_name=MODULE)
    _log.setLevel(logging.ERROR)
    with (
        dg.DagsterInstance.from_ref(ref) as instance,
        WorkspaceProcessContext(
            instance, InProcessWorkspaceLoadTarget(origin)
        ) as found,
    ):
        yield found


def work(workspace: WorkspaceProcessContext, backfill_id: str, tell: Tell) -> None:
    """Bring the backfill to its end. What a killed process left under way goes on at the step where it was."""
    instance = workspace.instance
    launcher = instance.run_launcher
    assert isinstance(launcher, RunsHere), "of `open_workspace`"
    _go_on(workspace, backfill_id, launcher, tell)
    launcher.execute_all(tell)
    while not is_over(find(instance, backfill_id)):
        backfill = find(instance, backfill_id)
        for _ in execute_backfill_iteration_with_instigation_logger(
            backfill, _log, workspace, instance
        ):
            pass
        launcher.execute_all(tell)


def find(instance: dg.DagsterInstance, backfill_id: str) -> PartitionBackfill:
    """The backfill as it stands."""
    backfill = instance.get_backfill(backfill_id)
    assert backfill is not None, backfill_id
    return backfill


def is_over(backfill: PartitionBackfill) -> bool:
    """Whether nothing of it is to come."""
    return backfill.status in BULK_ACTION_TERMINAL_STATUSES


def _go_on(
    workspace: WorkspaceProcessContext, backfill_id: str, launcher: RunsHere, tell: Tell
) -> None:
    instance = workspace.instance
    mine = RunsFilter(tags={BACKFILL_ID_TAG: backfill_id}, statuses=_UNDER_WAY)
    for run in instance.get_runs(mine, ascending=True):
        request = workspace.create_request_context()
        if run.status == DagsterRunStatus.QUEUED:
            instance.launch_run(run.run_id, request)
        elif run.status == DagsterRunStatus.STARTING:
            launcher.execute(run, tell)
        elif run.status == DagsterRunStatus.NOT_STARTED:
            # others of this status are submitted by the backfill itself
            if run.parent_run_id:
                instance.submit_run(run.run_id, request)
        else:
            tell(f"run {run.run_id[:8]}: {_KILLED}; its steps go on where they were")
            instance.report_run_failed(run, _KILLED)
            again = _create_again(workspace, run.run_id)
            instance.submit_run(again.run_id, request)


def _create_again(workspace: WorkspaceProcessContext, run_id: str) -> DagsterRun:
    """A run of the steps that the failed one did not come to the end of."""
    run = workspace.instance.get_run_by_id(run_id)
    assert run is not None and run.remote_job_origin is not None, run_id
    request = workspace.create_request_context()
    location = request.get_code_location(MODULE)
    selector = JobSubsetSelector(
        location_name=location.name,
        repository_name=run.remote_job_origin.repository_origin.repository_name,
        job_name=run.job_name,
        op_selection=run.op_selection,
        asset_selection=sorted(run.asset_selection or ()) or None,
        asset_check_selection=None
        if run.asset_check_selection is None
        else sorted(run.asset_check_selection),
    )
    return workspace.instance.create_reexecuted_run(
        request_context=request,
        parent_run=run,
        code_location=location,
        remote_job=location.get_job(selector),
        strategy=ReexecutionStrategy.FROM_FAILURE,
        use_parent_run_tags=True,
    )
