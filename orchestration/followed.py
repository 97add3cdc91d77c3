"""A run of Dagster as logs and traces know it: whose id lines carry, a trace with a span a step.

Belongs here: following a run that is executed in this process. Does not: what its steps do, where spans go.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Optional
from uuid import UUID

import dagster as dg
from dagster._core.executor.in_process import InProcessExecutor

from assets import tracing
from assets.under_way import working_on
from orchestration.kept_engines import keep_connections
from orchestration.kept_postgres import keep_postgres

TRACE_TAG = "daguerre/trace_id"
_BEGINS = ("STEP_START", "STEP_RESTARTED")
_SCHEMA: Any = dg.in_process_executor.config_schema
_ENDS = ("STEP_SUCCESS", "STEP_FAILURE", "STEP_UP_FOR_RETRY")


@contextmanager
def follow_run(
    instance: dg.DagsterInstance, run_id: str, job: str, session: Optional[str]
) -> Iterator[None]:
    """Within the context the run is executed here, by this thread."""
    with (
        working_on(run_id=run_id, session=session or ""),
        tracing.run_span(run_id, job, session=session or "") as whole,
        ExitStack() as step,
    ):
        if tracing.is_on():
            instance.add_event_listener(run_id, _Steps(whole, step))
        yield


def tag_trace(run_id: str) -> dict[str, str]:
    """The tags by which a run names its trace; none where there is no trace."""
    return {TRACE_TAG: UUID(run_id).hex} if tracing.is_on() else {}


class _Steps:
    """Opens a span when a step begins, in the thread that is about to execute it, and closes it when it ends."""

    def __init__(self, whole: tracing.Span, step: ExitStack) -> None:
        self._whole = whole
        self._step = step
        self._span = tracing.Span()

    def __call__(self, entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        if event is None or event.step_key is None:
            return
        kind = event.event_type_value
        if kind in _BEGINS:
            self._step.close()
            self._span = self._step.enter_context(tracing.span(event.step_key))
        elif kind in _ENDS:
            if kind != "STEP_SUCCESS":
                reason = f"{event.step_key}: {_read_reason(event)}"
                self._span.fail(reason)
                self._whole.fail(reason)
            self._step.close()


def _read_reason(event: dg.DagsterEvent) -> str:
    error = getattr(event.event_specific_data, "error", None)
    while error is not None and error.cause is not None:
        error = error.cause
    return str(error.message).strip().splitlines()[0] if error else "failed"


class _FollowedExecutor(InProcessExecutor):
    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[Any]:
        run = plan_context.dagster_run
        tags = tag_trace(run.run_id)
        if tags:
            plan_context.instance.add_run_tags(run.run_id, tags)
        session = run.tags.get("dagster/partition")
        with (
            keep_connections(),
            keep_postgres(plan_context.instance),
            follow_run(plan_context.instance, run.run_id, run.job_name, session),
        ):
            yield from super().execute(plan_context, execution_plan)


@dg.executor(name="in_process", config_schema=_SCHEMA)
def followed_in_process(init_context: dg.InitExecutorContext) -> InProcessExecutor:
    """Dagster's executor of steps in one process, each run followed."""
    make = dg.in_process_executor.executor_creation_fn
    assert make is not None
    made = make(init_context)
    assert isinstance(made, InProcessExecutor)
    return _FollowedExecutor(
        made.retries, made.step_dependency_config, made.marker_to_close
    )
