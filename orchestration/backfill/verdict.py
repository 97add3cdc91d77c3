"""What came of a backfill: of each asset and session that was ordered, whether it was made and whether its checks hold.

Belongs here: reading that from the runs of the backfill, and from nothing else. Does not: what Dagster's own status of
a backfill says: it counts an asset as done once it is materialised, whatever its checks say.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from dagster import DagsterEventType, DagsterRunStatus, RunsFilter
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph
from dagster._core.storage.tags import BACKFILL_ID_TAG

from assets.addresses import hide
from assets.batches import LEFT_OUT
from assets.foreign_text import from_markdown
from orchestration.backfill.orders import Order
from orchestration.sensors.standing import describe_failure

GOOD = "good"
REFUSED = "refused"
NOT_CHECKED = "not checked"
NOT_MADE = "not made"
_GATE_OF_MODELS = "challenger_meets_the_gate"
_FIGURES = 3
_EVENTS = {
    DagsterEventType.ASSET_MATERIALIZATION,
    DagsterEventType.ASSET_CHECK_EVALUATION,
    DagsterEventType.ASSET_OBSERVATION,
}
Graph = BaseAssetGraph[Any]
Target = tuple[str, str]  # asset, and session or ""


@dataclass(frozen=True)
class Claim:
    """A check that does not hold: what it says, and the numbers it rests on."""

    check: str
    says: str
    figures: Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """Of one asset, and one session where it has any ("" else). `why`: what kept it from being made or checked."""

    asset: str
    session: str
    state: str
    why: str = ""
    refused: tuple[Claim, ...] = ()
    warned: tuple[Claim, ...] = ()
    is_of_gate: bool = False  # not made, because a gate refused what it comes after


@dataclass(frozen=True)
class Verdict:
    """Of all that was ordered. `exit_code`: 0 all good, 1 a check or a gate refused, 3 something did not come to its
    end."""

    backfill_id: str
    outcomes: tuple[Outcome, ...]
    num_runs: int
    status: str = ""  # as Dagster has it
    errors: tuple[str, ...] = field(default=())

    @property
    def exit_code(self) -> int:
        """What did not come to its end outweighs a refusal: the refusal stays, the rest is not known yet."""
        if any(_is_lacking(one) for one in self.outcomes) or not self.outcomes:
            return 3
        return int(any(one.state != GOOD for one in self.outcomes))


def read_verdict(
    instance: dg.DagsterInstance,
    graph: Graph,
    order: Order,
    backfill_id: str,
    before: Mapping[Target, Outcome] | None = None,
) -> Verdict:
    """The verdict from the events of the backfill's runs. `before`: what an earlier backfill of the order made well."""
    runs = list(
        instance.get_runs(
            RunsFilter(tags={BACKFILL_ID_TAG: backfill_id}), ascending=True
        )
    )
    seen = _Seen()
    for run in runs:
        seen.read(instance, run.run_id)
    backfill = instance.get_backfill(backfill_id)
    failures = [f for f in (describe_failure(instance, run) for run in runs) if f]
    error = backfill.error if backfill else None
    if error is not None:
        failures.append(hide(error.message.strip().splitlines()[-1]))
    cause = _find_cause(runs, failures)
    held = seen.left_out
    outcomes = []
    for asset, sessions in order.targets.items():
        names = _list_checks(graph, asset)
        for session in sessions or ("",):
            one = (before or {}).get((asset, session))
            outcomes.append(
                one or _judge(seen, names, (asset, session), cause, held.get(session))
            )
    outcomes = _explain_followers(graph, outcomes)
    return Verdict(
        backfill_id,
        tuple(outcomes),
        len(runs),
        backfill.status.value if backfill else "UNKNOWN",
        tuple(dict.fromkeys(failures)),
    )


class _Seen:
    """Events of a backfill's runs, by asset and session; a later run of a target counts, and so does a later check."""

    def __init__(self) -> None:
        self.made: set[Target] = set()
        self.checks: dict[Target, dict[str, dg.AssetCheckEvaluation]] = {}
        self.left_out: dict[str, tuple[str, str, bool]] = {}

    def read(self, instance: dg.DagsterInstance, run_id: str) -> None:
        """The events of one run, in their order."""
        for entry in instance.all_logs(run_id, of_type=_EVENTS):
            event = entry.dagster_event
            if event is None:
                continue
            if event.event_type == DagsterEventType.ASSET_CHECK_EVALUATION:
                self._note_check(event.asset_check_evaluation_data)
            elif event.event_type == DagsterEventType.ASSET_MATERIALIZATION:
                made = event.step_materialization_data.materialization
                target = (made.asset_key.to_user_string(), made.partition or "")
                self.made.add(target)
                # a check counts for what it looked at: what comes before it
                self.checks[target] = {}
            else:
                self._note_left_out(event.asset_observation_data.asset_observation)

    def _note_check(self, found: dg.AssetCheckEvaluation) -> None:
        target = (found.asset_key.to_user_string(), found.partition or "")
        self.checks.setdefault(target, {})[found.check_name] = found

    def _note_left_out(self, seen: dg.AssetObservation) -> None:
        if seen.partition and LEFT_OUT in seen.metadata:
            asset = seen.asset_key.to_user_string()
            is_held = (asset, seen.partition) in self.made
            reason = str(seen.metadata[LEFT_OUT].value)
            self.left_out.setdefault(seen.partition, (asset, reason, is_held))


def _judge(
    seen: _Seen,
    names: Iterable[str],
    target: Target,
    cause: str,
    left_out: tuple[str, str, bool] | None,
) -> Outcome:
    asset, session = target
    if target not in seen.made:
        if left_out is None:
            return Outcome(asset, session, NOT_MADE, cause)
        where, reason, is_held = left_out
        why = reason if where == asset else f"left out: {where}: {reason}"
        return Outcome(asset, session, NOT_MADE, why, is_of_gate=is_held)
    found = seen.checks.get(target, {})
    failed = [one for one in found.values() if not one.passed]
    refused = tuple(_tell(one) for one in failed if _refuses(one))
    warned = tuple(_tell(one) for one in failed if not _refuses(one))
    if refused:
        return Outcome(asset, session, REFUSED, "", refused, warned)
    absent = sorted(set(names) - set(found))
    if absent:
        why = f"{', '.join(absent)} gave no verdict; {cause}"
        return Outcome(asset, session, NOT_CHECKED, why, (), warned)
    return Outcome(asset, session, GOOD, "", (), warned)


def _refuses(found: dg.AssetCheckEvaluation) -> bool:
    is_error = found.severity == dg.AssetCheckSeverity.ERROR
    return is_error or found.check_name == _GATE_OF_MODELS


def _tell(found: dg.AssetCheckEvaluation) -> Claim:
    figures = {
        name: value.value
        for name, value in found.metadata.items()
        if isinstance(value.value, int | float) and not isinstance(value.value, bool)
    }
    return Claim(found.check_name, from_markdown(found.description or ""), figures)


def _list_checks(graph: Graph, asset: str) -> list[str]:
    keys = graph.get_check_keys_for_assets({dg.AssetKey(asset.split("/"))})
    return sorted(key.name for key in keys)


def _find_cause(runs: list[dg.DagsterRun], failures: list[str]) -> str:
    """Why something was not made, where nothing says so of it itself."""
    if not runs:
        return failures[0] if failures else "no run was started"
    if any(run.status == DagsterRunStatus.CANCELED for run in runs):
        return "its run was cancelled"
    if any(not run.is_finished for run in runs):
        return "its run has not ended"
    return (
        failures[0]
        if failures
        else "no run made it: the session may be no partition any more"
    )


def _explain_followers(graph: Graph, outcomes: list[Outcome]) -> list[Outcome]:
    """Of what was not made because something before it was refused, that is the cause."""
    bad = {one.asset for one in outcomes if one.state == REFUSED or one.is_of_gate}
    explained = []
    for one in outcomes:
        is_open = one.state == NOT_MADE and not one.is_of_gate and not one.session
        before = (
            graph.get_ancestor_asset_keys(dg.AssetKey(one.asset.split("/")))
            if is_open
            else ()
        )
        causes = sorted(bad & {key.to_user_string() for key in before})
        if causes:
            why = f"comes after {causes[0]}, where a gate refused"
            one = Outcome(one.asset, "", NOT_MADE, why, is_of_gate=True)
        explained.append(one)
    return explained


def _is_lacking(one: Outcome) -> bool:
    return one.state == NOT_CHECKED or (one.state == NOT_MADE and not one.is_of_gate)
