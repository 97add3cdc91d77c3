"""The history of operations that workers write down, and the one checker of what they left behind.

The checker knows no fault: it compares the outcome with that of runs that nothing befell, and the history with the
promises. What was acknowledged is there; nothing is there twice; nobody commits after a younger claim was given out.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.prove.export import LEDGER_FILES, Export

Event = dict[str, Any]


class History:
    """Operations of all workers of a schedule in one file, one JSON line each, in the order in which they were seen."""

    def __init__(self, path: Path, worker: str) -> None:
        self.path = path
        self.worker = worker

    def add(self, operation: str, **facts: Any) -> None:
        """Append one line; the system keeps lines of racing processes whole."""
        line = (
            json.dumps(
                {
                    "t_s": time.monotonic(),
                    "worker": self.worker,
                    "op": operation,
                    **facts,
                }
            )
            + "\n"
        )
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)


def read_history(path: Path) -> list[Event]:
    """The events; a last line that a kill cut short is left out."""
    if not path.exists():
        return []
    lines = path.read_text().split("\n")
    return [json.loads(line) for line in lines[:-1]]


@dataclass(frozen=True)
class Verdict:
    """What is wrong, in rows; all zero when the run is as good as one that nothing befell."""

    lost: int = 0  # rows that should be there, or that were acknowledged
    duplicated: int = 0  # rows beyond those that should be there
    altered: int = 0  # rows with the right key and other content
    # commits that succeeded under a claim that was no longer the youngest
    late_commits: int = 0
    examples: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.duplicated or self.altered or self.late_commits)


def check(
    events: Iterable[Event], expected: Sequence[Export], found: Export
) -> Verdict:
    """The verdict against the nearest of the exports that runs without a fault may leave behind.

    There are several where the fault decides about order: a worker that slept while its session changed may count as
    having come first, or not at all.
    """
    events = list(events)
    verdicts = [_compare(one, found) for one in expected]
    best = min(verdicts, key=lambda v: v.lost + v.duplicated + v.altered)
    missing = _find_lost_acknowledgements(events, found)
    late = _find_late_commits(events)
    examples = (
        *best.examples,
        *(f"acknowledged, gone: {m}" for m in missing),
        *(f"late commit: {c}" for c in late),
    )
    return Verdict(
        best.lost + len(missing), best.duplicated, best.altered, len(late), examples[:8]
    )


def _compare(expected: Export, found: Export) -> Verdict:
    lost = duplicated = altered = 0
    examples: list[str] = []
    for name in sorted({*expected.sections, *found.sections}):
        should = Counter(expected.sections.get(name, []))
        has = Counter(found.sections.get(name, []))
        if should == has:
            continue
        missing = should - has
        extra = has - should
        missing_keys, extra_keys = (_count_keys(rows) for rows in (missing, extra))
        changed = missing_keys & extra_keys
        lost += (missing_keys - changed).total()
        duplicated += (extra_keys - changed).total()
        altered += changed.total()
        examples += [f"{name}: missing {row}" for _, row in list(missing)[:2]]
        examples += [f"{name}: extra {row}" for _, row in list(extra)[:2]]
    return Verdict(lost, duplicated, altered, 0, tuple(examples[:8]))


def _count_keys(rows: Counter[tuple[str, str]]) -> Counter[str]:
    keys = Counter[str]()
    for (key, _), number in rows.items():
        keys[key] += number
    return keys


def _find_lost_acknowledgements(events: Iterable[Event], found: Export) -> list[str]:
    keys = {key for key, _ in found.sections.get(LEDGER_FILES, [])}
    acknowledged = {
        key
        for event in events
        if event["op"] == "acknowledged"
        for key in event["files"]
    }
    return sorted(acknowledged - keys)


def _find_late_commits(events: Iterable[Event]) -> list[str]:
    """Commits that began after a younger claim on their capture had been given out, and yet succeeded."""
    youngest: dict[str, int] = {}
    begun: dict[tuple[str, str, int], bool] = {}
    late = []
    for event in events:
        if event["op"] == "claimed":
            youngest[event["capture_id"]] = max(
                event["epoch"], youngest.get(event["capture_id"], 0)
            )
        elif event["op"] in ("commit begins", "committed"):
            commit = (event["worker"], event["capture_id"], event["epoch"])
            if event["op"] == "commit begins":
                begun[commit] = youngest.get(event["capture_id"], 0) > event["epoch"]
            elif begun.get(commit):
                late.append(
                    f"{commit[0]} committed {commit[1]} under epoch {commit[2]}"
                )
    return late
