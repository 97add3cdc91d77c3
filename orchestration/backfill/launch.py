"""From an order to a verdict: one backfill that the UI shows, worked on by the daemon that runs, or else here.

Belongs here: which backfill an order is, who works on it, waiting. Does not: what an order may be, what a verdict says.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg
from dagster import RunsFilter
from dagster._core.definitions.assets.graph.asset_graph_subset import AssetGraphSubset
from dagster._core.definitions.events import AssetKeyPartitionKey
from dagster._core.execution.backfill import PartitionBackfill
from dagster._core.storage.tags import BACKFILL_ID_TAG
from dagster._core.workspace.context import WorkspaceProcessContext

from assets.locks import find_holder, take_named
from assets.run_config import GIVE_UP_TAG, write_config
from assets.training.turn import find_turn
from orchestration.backfill.orders import Order
from orchestration.backfill.verdict import GOOD, Outcome, Target, Verdict, read_verdict
from orchestration.backfill.work import Tell, find, is_over, open_workspace, work
from orchestration.profiles import Settings
from orchestration.run_tags import tag_training

ORDER_TAG = "daguerre/order"
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_LOOK_S = 1.0
_ALIVE_S = 90.0  # a daemon says every 30 s that it is there
_TELL_S = 30.0
_MOST_ATTEMPTS = 1000


class Busy(Exception):
    """Something else is at it, and who asked does not want to wait."""


def backfill(settings: Settings, order: Order, gives_up: bool, tell: Tell) -> Verdict:
    """Make what is ordered, and wait for its verdict.

    An order that is under way is taken up again, and one of a plan that has ended well is not made twice: its verdict
    is told again. `gives_up`: where another backfill or a training of the same task goes on, raise Busy.
    """
    with open_workspace(settings) as workspace:
        instance = workspace.instance
        if gives_up:
            _refuse_others(settings, order)
        graph = _load_graph(workspace)
        backfill_id, before = _find_or_add(workspace, graph, order, gives_up, tell)
        if not backfill_id:
            return Verdict("", tuple(before.values()), 0)
        tell(f"backfill {backfill_id}")
        _bring_to_end(settings, workspace, backfill_id, tell)
        return read_verdict(instance, graph, order, backfill_id, before)


def _bring_to_end(
    settings: Settings,
    workspace: WorkspaceProcessContext,
    backfill_id: str,
    tell: Tell,
) -> None:
    instance = workspace.instance
    watch = _Watch(instance, backfill_id, tell)
    while not is_over(find(instance, backfill_id)):
        if is_daemon_there(settings, instance):
            watch.look()
            time.sleep(_LOOK_S)
            continue
        with _own_work(settings) as is_ours:
            if is_ours:
                work(workspace, backfill_id, tell)
                continue
        watch.look()
        time.sleep(_LOOK_S)
    watch.look()


def is_daemon_there(settings: Settings, instance: dg.DagsterInstance) -> bool:
    """Whether a daemon works on backfills: that of this home's UI, or, where machines share Dagster's storage, any."""
    if settings.dagster_url is not None:
        beat = instance.get_daemon_heartbeats().get("BACKFILL")
        return beat is not None and time.time() - beat.timestamp < _ALIVE_S
    return bool(find_holder(settings.ui_lock))


@contextmanager
def _own_work(settings: Settings) -> Iterator[bool]:
    """Whether this process alone works on backfills of the home, from here on."""
    with settings.backfill_lock.open("a+") as file:
        yield take_named(file)


def _load_graph(workspace: WorkspaceProcessContext) -> Any:
    return workspace.create_request_context().asset_graph


def _find_or_add(
    workspace: WorkspaceProcessContext,
    graph: Any,
    order: Order,
    gives_up: bool,
    tell: Tell,
) -> tuple[str, dict[Target, Outcome]]:
    """The backfill of the order that is under way, or the next: of all, or of what an ended one has not made well.

    "" with all outcomes where nothing is left.
    """
    instance = workspace.instance
    before: dict[Target, Outcome] = {}
    for attempt in range(_MOST_ATTEMPTS):
        backfill_id = order.key + f"-{attempt + 1}" * bool(attempt)
        known = instance.get_backfill(backfill_id)
        if known is None:
            left = _leave(order, before)
            if not left:
                tell("all of it was made before, and its checks held")
                return "", before
            _add(workspace, graph, order, left, backfill_id, gives_up)
            return backfill_id, before
        if not is_over(known):
            tell(f"backfill {backfill_id} is under way: taking it up again")
            return backfill_id, before
        if order.is_plan:
            found = read_verdict(instance, graph, order, backfill_id, before).outcomes
            before = {(o.asset, o.session): o for o in found if o.state == GOOD}
    raise ValueError(
        f"order {order.key} was tried {_MOST_ATTEMPTS} times: make a plan anew"
    )


def _leave(order: Order, before: Mapping[Target, Outcome]) -> set[Target]:
    return {
        (asset, session)
        for asset, sessions in order.targets.items()
        for session in sessions or ("",)
        if (asset, session) not in before
    }


def _add(
    workspace: WorkspaceProcessContext,
    graph: Any,
    order: Order,
    left: set[Target],
    backfill_id: str,
    gives_up: bool,
) -> None:
    instance = workspace.instance
    sessions = sorted({session for _, session in left if session})
    instance.add_dynamic_partitions("sessions", sessions)
    wanted = {
        AssetKeyPartitionKey(dg.AssetKey(asset.split("/")), session or None)
        for asset, session in left
    }
    tags = {ORDER_TAG: order.key, **write_config(order.config)}
    if order.tasks:
        tags |= tag_training(order.tasks)
    if order.tasks and gives_up:
        tags[GIVE_UP_TAG] = "true"
    backfill = PartitionBackfill.from_asset_graph_subset(
        backfill_id,
        time.time(),
        tags,
        instance,
        AssetGraphSubset.from_asset_partition_set(wanted, graph),
        title=f"{len(order.targets)} assets of {len(sessions)} sessions",
        description=None,
        run_config=_QUIET,
    )
    instance.add_backfill(backfill)


def _refuse_others(settings: Settings, order: Order) -> None:
    worker = find_holder(settings.backfill_lock)
    if worker:
        raise Busy(f"process {worker} works on a backfill of this home")
    for task in order.tasks:
        process = find_turn(settings.home, task)
        if process:
            raise Busy(f"process {process} trains {task} in this home")


class _Watch:
    """What others make of the backfill, told as it happens."""

    def __init__(
        self,
        instance: dg.DagsterInstance,
        backfill_id: str,
        tell: Callable[[str], None],
    ) -> None:
        self._instance = instance
        self._filter = RunsFilter(tags={BACKFILL_ID_TAG: backfill_id})
        self._tell = tell
        self._known: dict[str, str] = {}
        self._told_s = time.monotonic()

    def look(self) -> None:
        """Tell what has changed since the last time, and that it goes on where nothing has for long."""
        for run in self._instance.get_runs(self._filter, ascending=True):
            status = run.status.value.lower().replace("_", " ")
            if self._known.get(run.run_id) != status:
                self._known[run.run_id] = status
                self._say(f"run {run.run_id[:8]}: {status}")
        if time.monotonic() - self._told_s > _TELL_S:
            self._say("the daemon of the UI is at it")

    def _say(self, text: str) -> None:
        self._told_s = time.monotonic()
        self._tell(text)
