"""Jobs: the selections of the graph that people and sensors run.

Belongs here: which assets run together. Does not: what they do.
"""

from typing import Any

import dagster as dg

from models.task_names import all_task_names, dataset_of

ingest_session = dg.define_asset_job(
    "ingest_session",
    dg.AssetSelection.groups("capture")
    | dg.AssetSelection.assets(["curation", "frame_quality"], ["curation", "frame_embeddings"]),
    description="One session: intake, quality figures, embeddings, and their checks.",
)

monitor_session = dg.define_asset_job(
    "monitor_session",
    dg.AssetSelection.groups("monitoring"),
    description="One session: what the champions predict on it, and whether it looks like their training data.",
)


def _train(task: str) -> Any:
    keys = [["curation", "unique_frames"], ["curation", "splits"], ["curation", f"{dataset_of(task)}_dataset"],
            ["training", task], ["evaluation", f"{task}_scores"], ["registry", f"{task}_release"]]  # fmt: skip
    return dg.define_asset_job(
        f"train_{task}",
        dg.AssetSelection.assets(*keys),
        description=f"All published sessions: a {task} dataset, a model trained on it, its scores, and the gate.",
        run_tags={"dagster/concurrency_key": "training"},
    )


train_jobs = {task: _train(task) for task in all_task_names()}
jobs = [ingest_session, monitor_session, *train_jobs.values()]
