"""Make a queue: the frames to label next for a task, each with its reasons, within a budget.

The budget is how many frames may be open at once: what earlier queues of the task still ask counts. So a queue that is
asked for again asks nothing new until somebody has answered.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from assets.annotation.queue.candidates import read_candidates
from assets.annotation.queue.ranking import (
    LABEL_ERRORS,
    MIXTURE,
    RANDOM,
    SHARES,
    STRATEGIES,
    Ranking,
)
from assets.annotation.queue.stored import OPEN, count_open
from assets.annotation.queue.strategies import RANKERS, NothingToSay, Sources
from assets.annotation.queue.turns import Picks, take_turns
from assets.tables.catalog import Catalog, repr_sql
from assets.tables.champions import read_champion
from assets.tables.schemas import TABLES, content_id
from models.task_names import TASK_NAMES

MOST_BUDGET = 100_000


@dataclass(frozen=True)
class Question:
    """What is asked for. Raises ValueError for an unknown task or strategy, and a budget that is none."""

    task: str
    strategy: str = MIXTURE
    budget: int = 100  # frames that may be open at once
    seed: int = 0  # of what goes by chance
    guideline_id: str | None = None
    sessions: tuple[str, ...] = ()  # whose frames alone are asked; () for all
    alarm_id: str | None = None  # that it answers

    def __post_init__(self) -> None:
        if self.task not in TASK_NAMES:
            raise ValueError(
                f"task {self.task!r}: labels are asked for {', '.join(TASK_NAMES)}"
            )
        if self.strategy not in STRATEGIES:
            raise ValueError(
                f"strategy {self.strategy!r}: choose one of {', '.join(STRATEGIES)}"
            )
        if not 1 <= self.budget <= MOST_BUDGET:
            raise ValueError(f"budget {self.budget}: give 1 to {MOST_BUDGET:,} frames")
        if self.seed < 0:
            raise ValueError(f"seed {self.seed}: give 0 or more")


@dataclass(frozen=True)
class Draft:
    """A queue that is not written yet: rows of `label_queue` in order, none where the budget is open already.

    `notes` say which strategies had nothing to say, and the remedy.
    """

    question: Question
    queue_id: str | None
    rows: pa.Table
    num_open: int  # of earlier queues of the task
    num_candidates: int
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)


def draft_queue(
    catalog: Catalog, question: Question, clusters: pa.Table | None = None
) -> Draft:
    """What to label next. Near-duplicates of what is labelled or was asked before are not asked, nor two of each other.

    `clusters` as `read_candidates` takes them. Writes nothing. Raises ValueError, with the remedy, where no frame is
    published, the one strategy that was chosen has nothing to go by, or no frame is left to ask.
    """
    _require_guideline(catalog, question.guideline_id)
    num_open = count_open(catalog, question.task)
    none = TABLES["label_queue"].schema.empty_table()
    if num_open >= question.budget:
        return Draft(question, None, none, num_open, 0)
    left = question.budget - num_open
    frames = read_candidates(catalog, question.task, clusters, question.sessions)
    sources = Sources(catalog, frames, question.task, left, question.seed)
    rankings, notes = _rank(sources, question.strategy)
    shares = SHARES if question.strategy == MIXTURE else {question.strategy: 1.0}
    picks = take_turns(rankings, shares | {RANDOM: 1.0}, frames.cluster, left)
    if not picks.places:
        raise ValueError(_explain_empty(sources, notes))
    ids = frames.rows["frame_id"].take(pa.array(picks.places)).to_pylist()
    queue_id = content_id(
        *("queue", question.task, question.strategy, question.budget, question.seed),
        *(question.guideline_id or "", *ids),
    )
    champion = read_champion(catalog, question.task)
    rows = _to_rows(
        sources,
        question,
        queue_id,
        picks,
        champion["model_sha256"] if champion else None,
    )
    num_candidates = int((frames.is_open | frames.is_reviewable).sum())
    return Draft(question, queue_id, rows, num_open, num_candidates, tuple(notes))


def write_queue(catalog: Catalog, draft: Draft) -> int:
    """Store a drafted queue; how many of its rows were new."""
    return catalog.merge("label_queue", draft.rows).inserted


def _require_guideline(catalog: Catalog, guideline_id: str | None) -> None:
    if guideline_id is None:
        return
    where = f"guideline_id = {repr_sql(guideline_id)}"
    if not len(catalog.read_latest("guidelines", ["guideline_id"], where)):
        raise ValueError(
            f'there is no guideline {guideline_id}: `daguerre query "select guideline_id, title from guidelines"` '
            "lists them"
        )


def _rank(sources: Sources, strategy: str) -> tuple[list[Ranking], list[str]]:
    """What each strategy says, and why some say nothing. Of the mixture chance fills what nobody else asks."""
    names = [*SHARES] if strategy == MIXTURE else [strategy]
    rankings: list[Ranking] = []
    notes: list[str] = []
    for name in names:
        try:
            found = RANKERS[name](sources)
        except NothingToSay as reason:
            if strategy != MIXTURE:
                raise
            notes.append(f"{name}: {reason}")
            continue
        if len(found):
            rankings.append(found)
        else:
            notes.append(f"{name}: it asks for no frame")
    return rankings, notes


def _explain_empty(sources: Sources, notes: list[str]) -> str:
    frames = sources.frames
    counts = (
        f"of {len(frames)} published colour frames {int(frames.is_covered.sum())} are labelled for {sources.task} or "
        f"near-duplicates of such, and {int(frames.is_asked.sum())} were asked before"
    )
    return (
        f"no frame is left to ask: {counts}; {LABEL_ERRORS} looks at labels again, `daguerre ingest PLACE` takes new "
        f"frames in{''.join(f'; {note}' for note in notes)}"
    )


def _to_rows(
    sources: Sources,
    question: Question,
    queue_id: str,
    picks: Picks,
    model_sha256: str | None,
) -> pa.Table:
    count = len(picks.places)
    frames = sources.frames.rows.take(pa.array(picks.places))
    ids = frames["frame_id"].to_pylist()
    said = list(_say(picks))
    columns = {
        "row_id": [content_id("queue row", queue_id, frame_id) for frame_id in ids],
        "queue_id": [queue_id] * count,
        "task": [question.task] * count,
        "rank": np.arange(1, count + 1),
        "reasons": [names for names, _, _, _ in said],
        "values": [values for _, values, _, _ in said],
        "told": [told for _, _, told, _ in said],
        "label_ids": [labels for _, _, _, labels in said],
        "strategy": [question.strategy] * count,
        "budget": [question.budget] * count,
        "seed": [question.seed] * count,
        "guideline_id": [question.guideline_id] * count,
        "model_sha256": [model_sha256] * count,
        "state": [OPEN] * count,
        "alarm_id": [question.alarm_id] * count,
        "made_ns": [time.time_ns()] * count,
    }
    schema = TABLES["label_queue"].schema
    stored = {
        "frame_id": frames["frame_id"],
        "frame_sha256": frames["sha256"],
        **{name: frames[name] for name in ("session", "sensor")},
    }
    return pa.table(
        {
            name: stored[name]
            if name in stored
            else pa.array(columns[name], schema.field(name).type)
            for name in schema.names
        },
        schema=schema,
    )


def _say(
    picks: Picks,
) -> Iterator[tuple[list[str], list[float], str, list[str]]]:
    """Of each frame the strategies that ask for it, their numbers, both in words, and the labels they are about."""
    for reasons in picks.reasons:
        names = [ranking.strategy for ranking, _ in reasons]
        values = [float(ranking.values[k]) for ranking, k in reasons]
        told = "; ".join(ranking.tell(k) for ranking, k in reasons)
        labels = [label for ranking, k in reasons for label in ranking.list_labels(k)]
        yield names, values, told, labels


def describe(draft: Draft) -> dict[str, object]:
    """The draft without its rows, for people and for JSON."""
    asked: dict[str, int] = {}
    for names in draft.rows["reasons"].to_pylist():
        asked[names[0]] = asked.get(names[0], 0) + 1
    question = draft.question
    return {
        "queue_id": draft.queue_id,
        "task": question.task,
        "strategy": question.strategy,
        "sessions": list(question.sessions),
        "alarm_id": question.alarm_id,
        "budget": question.budget,
        "asked": len(draft),
        "open_before": draft.num_open,
        "candidates": draft.num_candidates,
        "by": asked,
        "notes": list(draft.notes),
    }
