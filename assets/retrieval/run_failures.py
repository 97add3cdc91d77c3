"""Why a run of Dagster did not end well, as its events have it: errors with their causes, checks, what was not made."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.addresses import hide
from assets.foreign_text import from_markdown
from assets.retrieval.dagster_checks import list_figures
from assets.retrieval.dagster_storage import open_storage

_MOST_EVENTS = 5000  # of a run that are looked at, the first
_LONGEST = 600  # characters of a message
_WANTED = (
    "STEP_FAILURE",
    "PIPELINE_FAILURE",
    "PIPELINE_CANCELED",
    "ASSET_CHECK_EVALUATION",
    "ASSET_MATERIALIZATION_PLANNED",
    "ASSET_MATERIALIZATION",
)
_EVENTS = (
    "SELECT dagster_event_type, event FROM event_logs WHERE run_id = ? "
    f"AND dagster_event_type IN ({', '.join(repr(name) for name in _WANTED)}) ORDER BY id LIMIT ?"
)
_LAST = "SELECT event FROM event_logs WHERE run_id = ? ORDER BY id DESC LIMIT 1"
_WRAPPER = "DagsterExecutionStepExecutionError"
_AT = re.compile(r'File "([^"]+)", line (\d+), in (\S+)')
# folders of this code, wherever it is installed
_OURS = re.compile(r"/((?:assets|checks|models|orchestration|daguerre)/[\w/]+\.py)$")


@dataclass(frozen=True)
class ErrorLink:
    """One exception of a chain. `at`: the last place of this code that it went through, "" where it did not."""

    cls: str
    says: str
    at: str


@dataclass(frozen=True)
class StepError:
    """What failed one step: what was raised, then what that came from; `step` is "" where the run failed as a whole.

    Dagster's own word that a step failed is not among them where there is another.
    """

    step: str
    links: tuple[ErrorLink, ...]


@dataclass(frozen=True)
class RefusedCheck:
    """A claim that a run looked at and found not to hold."""

    asset: str
    session: str
    check: str
    blocks: bool
    says: str
    figures: Mapping[str, int | float]


@dataclass(frozen=True)
class RunFailure:
    """All that the events of one run tell of its end. `last_at_s`: when it said something last, None: nothing."""

    errors: tuple[StepError, ...]
    checks: tuple[RefusedCheck, ...]
    not_made: tuple[str, ...]  # assets that were planned
    is_canceled: bool
    last_at_s: float | None  # since 1970


def read_failure(dagster_home: Path, url: str | None, run_id: str) -> RunFailure | None:
    """None where the events of the run are gone."""
    with open_storage(dagster_home, url, "events", run_id) as connection:
        if connection is None:
            return None
        rows = connection.execute(_EVENTS, (run_id, _MOST_EVENTS)).fetchall()
        last = connection.execute(_LAST, (run_id,)).fetchone()
    events = [(kind, json.loads(event)) for kind, event in rows]
    of_steps = tuple(_list_errors(events, "STEP_FAILURE"))
    planned = _list_assets(events, "ASSET_MATERIALIZATION_PLANNED")
    made = set(_list_assets(events, "ASSET_MATERIALIZATION"))
    return RunFailure(
        of_steps or tuple(_list_errors(events, "PIPELINE_FAILURE")),
        tuple(_list_checks(events)),
        tuple(asset for asset in planned if asset not in made),
        any(kind == "PIPELINE_CANCELED" for kind, _ in events),
        float(json.loads(last[0])["timestamp"]) if last else None,
    )


def _read(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an event says of its own kind."""
    found = entry["dagster_event"].get("event_specific_data") or {}
    return found if isinstance(found, Mapping) else {}


def _list_errors(events: list[tuple[str, Any]], kind: str) -> Iterator[StepError]:
    for name, entry in events:
        error = _read(entry).get("error") if name == kind else None
        if error:
            links = tuple(_unwind(error))
            own = tuple(link for link in links if link.cls != _WRAPPER)
            yield StepError(entry.get("step_key") or "", own or links)


def _unwind(error: Mapping[str, Any] | None) -> Iterator[ErrorLink]:
    while error:
        says = " ".join((error.get("message") or "").split())
        cls = error.get("cls_name") or ""
        yield ErrorLink(cls, _shorten(_drop_class(says, cls)), _find_place(error))
        error = error.get("cause") or error.get("context")


def _drop_class(says: str, cls: str) -> str:
    """ "ValueError: no frame" -> "no frame"."""
    head, colon, rest = says.partition(": ")
    return rest if colon and head.rpartition(".")[2] == cls else says


def _find_place(error: Mapping[str, Any]) -> str:
    for text in reversed(error.get("stack") or []):
        found = _AT.search(text)
        ours = _OURS.search(found[1]) if found else None
        if found and ours and "/site-packages/dagster" not in found[1]:
            return f"{ours[1]}:{found[2]} in {found[3]}"
    return ""


def _list_checks(events: list[tuple[str, Any]]) -> Iterator[RefusedCheck]:
    for name, entry in events:
        said = _read(entry)
        if name == "ASSET_CHECK_EVALUATION" and not said.get("success"):
            yield RefusedCheck(
                "/".join(said["asset_key"]["path"]),
                said.get("partition") or "",
                said["check_name"],
                "ERROR" in str(said.get("severity")),
                from_markdown(said.get("description") or ""),
                dict(list_figures(said.get("metadata") or {})),
            )


def _list_assets(events: list[tuple[str, Any]], kind: str) -> list[str]:
    """Of events of one kind, in their order."""
    found = [
        key
        for name, entry in events
        if name == kind and (key := _name_asset(_read(entry)))
    ]
    return list(dict.fromkeys(found))


def _name_asset(said: Mapping[str, Any]) -> str:
    key = (said.get("materialization") or said).get("asset_key") or {}
    return "/".join(key.get("path") or ())


def _shorten(text: str) -> str:
    shown = hide(text[: 4 * _LONGEST])
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"
