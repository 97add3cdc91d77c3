"""Evaluation as assets: the test split predicted by the model trained last, its scores, and the pictures of both."""

from typing import Any

import dagster as dg

from assets.foreign_text import for_markdown
from assets.materialize import picture, result, run_of
from assets.tables.catalog import Catalog, is_in
from assets.tables.missed_classes import list_missed
from assets.workspace import Workspace
from models.known_tasks import all_task_names
from models.task_names import TASK_NAMES


def _scores(task: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=["evaluation", f"{task}_scores"],
        group_name="evaluation",
        deps=[["training", task]],
        kinds={"lance"},
    )
    def scores(
        context: dg.AssetExecutionContext,
        catalog: dg.ResourceParam[Catalog],
        workspace: dg.ResourceParam[Workspace],
    ) -> dg.MaterializeResult:
        """What the model of this run, and the champion, say about the test split, and how right they are by slice."""
        from assets.evaluation.exam import examine, examine_champion
        from assets.evaluation.gallery import draw_exam
        from assets.evaluation.slices import tell_worse
        from assets.kinds import find_kind

        exam = examine(catalog, workspace, task, run_of(context))
        for sat in (exam, examine_champion(catalog, workspace, exam)):
            if sat is not None:
                sat.write(catalog)
        headline: dict[str, Any] = {
            row["metric"]: row["value"]
            for row in exam.scores
            if row["slice_by"] == "all" and row["value"] is not None
        }
        missed = list_missed(exam.scores, exam.model_sha256, exam.release.release_id)
        if missed:
            headline["never found"] = for_markdown(", ".join(missed))
        worse = tell_worse(exam.scores, find_kind(task).leading_metric)
        if worse:
            headline["worse than over all"] = for_markdown(worse)
        drawn = draw_exam(exam)
        charts = {
            name: content
            for name, content in drawn.items()
            if content.startswith(b"\x89PNG")
        }
        plots = workspace.keep_plots(exam.model_sha256, charts)
        workspace.trim_copies(catalog.blobs)
        pictures = {name: picture(content) for name, content in drawn.items()}
        metadata = {
            "model_sha256": exam.model_sha256,
            "test frames": len(exam.predictions),
            "plots": plots,
            **headline,
            **pictures,
        }
        is_mine = is_in("model_sha256", [exam.model_sha256])
        return result(
            catalog, "scores", ["evaluation", f"{task}_scores"], None, metadata, is_mine
        )

    return scores


def _open_scores(task: str) -> dg.AssetsDefinition:
    """Scores of a task that examines itself: its own figures, without predictions or pictures."""

    @dg.asset(
        key=["evaluation", f"{task}_scores"],
        group_name="evaluation",
        deps=[["training", task]],
        kinds={"lance"},
    )
    def scores(
        context: dg.AssetExecutionContext,
        catalog: dg.ResourceParam[Catalog],
        workspace: dg.ResourceParam[Workspace],
    ) -> dg.MaterializeResult:
        """Figures of the task's own exam on the test split, of the model of this run and of the champion; of objects
        also by slice, frame and object."""
        from assets.evaluation.exam import examine_open
        from assets.evaluation.slices import tell_worse
        from assets.kinds import find_kind
        from models.known_tasks import dataset_of

        found = examine_open(catalog, workspace, task, run_of(context))
        for rows in found:
            rows.write(catalog)
        scores = found[0].scores
        whole = [row for row in scores if row["slice_by"] == "all"]
        worse = tell_worse(scores, find_kind(dataset_of(task)).leading_metric)
        metadata = {
            "model_sha256": found[0].model_sha256,
            "test frames": whole[0]["num_samples"],
            **{
                row["metric"]: row["value"] for row in whole if row["value"] is not None
            },
            **({"worse than over all": for_markdown(worse)} if worse else {}),
        }
        is_mine = is_in("model_sha256", [found[0].model_sha256])
        return result(
            catalog, "scores", ["evaluation", f"{task}_scores"], None, metadata, is_mine
        )

    return scores


_open_tasks = [task for task in all_task_names() if task not in TASK_NAMES]
defs = dg.Definitions(
    assets=[*map(_scores, TASK_NAMES), *map(_open_scores, _open_tasks)]
)
