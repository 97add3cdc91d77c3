"""Jobs: the selections of the graph that people and sensors run.

Belongs here: which assets run together. Does not: what they do.
"""

from typing import Any

import dagster as dg

from assets.stages import AssetKey, all_stages
from models.known_tasks import all_task_names, dataset_of
from orchestration.run_tags import CONCURRENCY_KEY, INTAKE, MONITORING, tag_training
from orchestration.session import session_keys

ingest_session = dg.define_asset_job(
    "ingest_session",
    dg.AssetSelection.assets(*session_keys()),
    description="One session: intake, clock reports, quality figures, embeddings, and their checks.",
    run_tags={CONCURRENCY_KEY: INTAKE},
)

monitor_session = dg.define_asset_job(
    "monitor_session",
    dg.AssetSelection.assets(["monitoring", "predictions"], ["monitoring", "drift"]),
    description="One session: what the champions predict on it, and whether it looks like their training data.",
    run_tags={CONCURRENCY_KEY: MONITORING},
)

follow_objects = dg.define_asset_job(
    "follow_objects",
    dg.AssetSelection.assets(["tracking", "tracks"]),
    description="One session: what the champion of detection found in its recordings, joined to tracks.",
    run_tags={CONCURRENCY_KEY: MONITORING},
)

watch_requests = dg.define_asset_job(
    "watch_requests",
    dg.AssetSelection.assets(["monitoring", "request_drift"]),
    description="Days of sampled requests: whether they and their answers look like what the champions know.",
    run_tags={CONCURRENCY_KEY: MONITORING},
)

check_rig = dg.define_asset_job(
    "check_rig",
    dg.AssetSelection.assets(["reconstruction", "rig_fit"]),
    description="One session: whether its cameras still sit as they were calibrated.",
    run_tags={CONCURRENCY_KEY: MONITORING},
)

maintain_home = dg.define_asset_job(
    "maintain_home",
    dg.AssetSelection.groups("maintenance"),
    description="The home as a whole: tables tidied, what nothing names removed, and a look at what is needed.",
)

ask_for_labels = dg.define_asset_job(
    "ask_for_labels",
    dg.AssetSelection.assets(["annotation", "label_queue"]),
    description="What to label next, and why, beside the frames that are asked already.",
)


def list_task_keys(task: str) -> list[AssetKey]:
    """The assets that a training of `task` runs through, as the stages declare them."""
    return [
        key
        for stage in all_stages()
        for key in stage.list_task_assets(task, dataset_of(task))
    ]


def _train(task: str) -> Any:
    return dg.define_asset_job(
        f"train_{task}",
        dg.AssetSelection.assets(*list_task_keys(task)),
        description=f"All published sessions: a {task} dataset, a model trained on it, its scores, and the gate.",
        run_tags=tag_training([task]),
    )


train_jobs = {task: _train(task) for task in all_task_names()}
jobs = [
    ingest_session,
    monitor_session,
    follow_objects,
    watch_requests,
    check_rig,
    maintain_home,
    ask_for_labels,
    *train_jobs.values(),
]
