"""Annotation as assets: labels as people and others gave them, version by version, and what they are asked next."""

import time
from collections import Counter
from dataclasses import replace
from typing import Any

import dagster as dg
from pydantic import Field

from assets.annotation.agreement import update_agreements
from assets.annotation.queue.build import Question, describe, draft_queue, write_queue
from assets.annotation.queue.explaining import find_budget, read_explained
from assets.annotation.queue.ranking import MIXTURE, STRATEGIES
from assets.annotation.queue.stored import close_answered, read_queue
from assets.foreign_text import for_markdown
from assets.label_versions import read_counting
from assets.materialize import picture, result
from assets.run_config import read_config
from assets.tables.catalog import Catalog
from models.task_names import TASK_NAMES


@dg.asset(
    key=["annotation", "labels"],
    group_name="annotation",
    kinds={"lance"},
    deps=[["capture", "imported_labels"]],
)
def labels(catalog: dg.ResourceParam[Catalog]) -> dg.MaterializeResult:
    """Versions of labels: who said what of which frame, when, from which queue and under which guideline.

    Commands and the calls of a review page add them; here they are judged as a whole, and compared where two people
    answered the same frame. What people say takes the place of what label files do.
    """
    compared = update_agreements(catalog)
    counting = read_counting(catalog)
    by_kind = Counter(f"counting, by {v['author_kind']}" for v in counting)
    facts = {
        **by_kind,
        "pairs of annotators": compared.total,
        "agreement": dg.MetadataValue.md(_draw_agreements(catalog)),
    }
    key = ["annotation", "labels"]
    return result(catalog, "label_versions", key, None, facts)


def _draw_agreements(catalog: Catalog) -> str:
    """A table in Markdown."""
    rows = catalog.read_latest("label_agreements").to_pylist()
    if not rows:
        return "no two people answered one frame"
    lines = [
        "| task | annotators | frames | kappa | box IoU | mask IoU |",
        "|" + "---|" * 6,
    ]
    for row in rows:
        people = f"{for_markdown(row['author'])}, {for_markdown(row['other_author'])}"
        figures = [
            "" if row[name] is None else f"{row[name]:.2f}"
            for name in ("kappa", "box_iou", "mask_iou")
        ]
        cells = [row["task"], people, str(row["num_frames"]), *figures]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


class QueueConfig(dg.Config):
    """What is asked for."""

    task: str = Field(
        "", description="By default every task that has a champion, one by one."
    )
    strategy: str = Field(MIXTURE, description=f"One of {', '.join(STRATEGIES)}.")
    budget: int = Field(100, description="Frames that may be open at once, a task.")
    seed: int = Field(0, description="Of what goes by chance.")
    guideline: str = Field("", description="Id of the guideline to label by.")
    alarm: str = Field(
        "",
        description="Id of an alarm: frames that explain it are asked, no more than the budget within a day.",
    )

    def list_questions(self, catalog: Catalog) -> list[Question]:
        """One a task; none for an alarm where a day's labels are asked already.

        Raises ValueError where no task is named and none has a champion, and as `Question` and `read_explained` do.
        """
        explained = read_explained(catalog, self.alarm) if self.alarm else None
        task = self.task or (explained and explained.task) or ""
        champions = catalog.read_latest("champions", ["task"])["task"].to_pylist()
        tasks = [task] if task else sorted({*champions} & {*TASK_NAMES})
        if not tasks:
            raise ValueError(
                f"no task has a champion yet: name one of {', '.join(TASK_NAMES)}"
            )
        questions = []
        for task in tasks:
            budget = self.budget
            if explained:
                budget = find_budget(catalog, task, self.budget, time.time_ns())
            if budget or not explained:
                question = Question(
                    task, self.strategy, budget, self.seed, self.guideline or None
                )
                questions.append(question)
        if not explained:
            return questions
        own = {"sessions": explained.sessions, "alarm_id": explained.alarm_id}
        return [replace(question, **own) for question in questions]


@dg.asset(
    key=["annotation", "label_queue"],
    group_name="annotation",
    kinds={"lance"},
    deps=[
        ["curation", "unique_frames"],
        ["curation", "frame_embeddings"],
        ["monitoring", "predictions"],
        ["monitoring", "drift"],
    ],
)
def label_queue(
    context: dg.AssetExecutionContext,
    config: QueueConfig,
    catalog: dg.ResourceParam[Catalog],
) -> dg.MaterializeResult:
    """What to label next, and why: as many frames as the budget has room for beside those that are open."""
    from assets.previews.queue import draw_queue

    questions = read_config(context, config).list_questions(catalog)
    closed = close_answered(catalog)
    shown: dict[str, Any] = {"answered since": closed}
    for question in questions:
        draft = draft_queue(catalog, question)
        write_queue(catalog, draft)
        for name, value in describe(draft).items():
            if isinstance(value, int | str):
                shown[f"{name}, {question.task}"] = value
        if draft.notes:
            notes = "\n".join(f"- {for_markdown(note)}" for note in draft.notes)
            shown[f"notes, {question.task}"] = dg.MetadataValue.md(notes)
        rows = read_queue(catalog, task=question.task)
        sheet = draw_queue(catalog, rows)
        if sheet:
            shown[f"first frames, {question.task}"] = picture(sheet)
    key = ["annotation", "label_queue"]
    return result(catalog, "label_queue", key, None, shown)


defs = dg.Definitions(assets=[labels, label_queue])
