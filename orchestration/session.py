"""Everything that a session needs: one list, as the stages declare it, for the job, `daguerre ingest` and training.

Belongs here: the list, running it by plain functions, finding what sessions lack of it. Does not: what a step makes.
"""

import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from assets.ledger import COMMAND_LINE
from assets.stages import AssetKey, SessionStep, list_session_steps
from assets.storage import Folder
from assets.tracing import span
from assets.under_way import working_on
from checks.gates import SESSION_ASSETS, gate_session
from checks.verdicts import Verdict, stops_flow
from orchestration.profiles import Settings
from orchestration.resources import RESOURCE_FACTORIES, build_catalog

Show = Callable[[SessionStep], AbstractContextManager[Callable[..., None]]]


@dataclass
class SessionOutcome:
    """What came of one session: `made` holds what each step's function returned, by the first key of the step."""

    made: dict[AssetKey, Any] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)
    # not published, or not made because of what they come after
    held: set[AssetKey] = field(default_factory=set)


def session_keys() -> list[AssetKey]:
    """The assets that every session needs, in order."""
    return [key for step in list_session_steps() for key in step.keys]


def run_session(
    settings: Settings, session: str, folder: Folder, show: Show
) -> SessionOutcome:
    """Make everything that the session in `folder` needs, and let the gates judge it.

    As in the graph, a step is left out when a gate holds the session back from what the step comes after. `show` opens
    what takes the progress of a step.
    """
    outcome = SessionOutcome()
    # a ledger is opened once for all steps
    resource = cache(partial(_make, settings))
    catalog = resource("catalog")
    with working_on(session=session), span("session", session=session):
        for step in list_session_steps():
            if outcome.held.intersection(step.after):
                outcome.held.update(step.keys)
                continue
            with span("/".join(step.keys[0])), show(step) as on_progress:
                given = {
                    "session": session,
                    "folder": folder,
                    "on_progress": on_progress,
                }
                outcome.made[step.keys[0]] = _call(step.load(), resource, given)
            for key in step.keys:
                found = [
                    verdict
                    for table in SESSION_ASSETS[key]
                    for verdict in gate_session(catalog, table, session)
                ]
                outcome.verdicts += found
                if stops_flow(found):
                    outcome.held.add(key)
    resource("intake").ledger.end_intake(session, COMMAND_LINE)
    return outcome


def judge_again(settings: Settings, session: str) -> list[Verdict]:
    """Let the gates judge the session's rows as they are, in the tables that they were judged in before."""
    catalog = build_catalog(settings)
    return [
        verdict
        for tables in SESSION_ASSETS.values()
        for table in tables
        if catalog.is_judged(table, session)
        for verdict in gate_session(catalog, table, session)
    ]


def find_due(settings: Settings) -> dict[str, list[SessionStep]]:
    """session -> the steps, in order, whose rows are missing or stale; only of what stored rows can tell."""
    due: dict[str, list[SessionStep]] = {}
    resource = cache(partial(_make, settings))
    for step in list_session_steps():
        find = step.load_find_due()
        for session in sorted(_call(find, resource, {})) if find else ():
            due.setdefault(session, []).append(step)
    return dict(sorted(due.items()))


def _make(settings: Settings, name: str) -> Any:
    return RESOURCE_FACTORIES[name](settings)


def _call(
    function: Callable[..., Any],
    resource: Callable[[str], Any],
    given: Mapping[str, object],
) -> Any:
    """Call with what it asks for by name: of `given`, or a resource, as Dagster hands them to assets."""
    wanted = inspect.signature(function).parameters
    mine = {name: value for name, value in given.items() if name in wanted}
    resources = {name: resource(name) for name in RESOURCE_FACTORIES if name in wanted}
    return function(**mine, **resources)
