"""Monitoring as assets: what the champions say about a session, and whether it, and what they are asked about, looks
like what they learned from."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets.batches import Event, make_each
from assets.materialize import progress_to, result
from assets.monitoring.pending import champions
from assets.partitions import sessions
from assets.tables.catalog import Catalog
from assets.workspace import Workspace
from models.task_names import TASK_NAMES


@dg.asset(
    key=["monitoring", "predictions"],
    partitions_def=sessions,
    group_name="monitoring",
    kinds={"lance"},
    deps=[
        ["capture", "frames"],
        *(["registry", f"{task}_release"] for task in TASK_NAMES),
    ],
)
def predictions(
    context: dg.AssetExecutionContext,
    catalog: dg.ResourceParam[Catalog],
    workspace: dg.ResourceParam[Workspace],
) -> Iterator[Event]:
    """Each champion's predictions on the session's colour frames, of the cameras it was trained on."""
    from assets.monitoring.watch import predict_session

    found = champions(catalog)

    def make(session: str) -> Iterator[dg.MaterializeResult]:
        done = {
            f"rows of {champion['model_name']}": predict_session(
                catalog, workspace, champion, session
            ).summary
            for champion in found
        }
        key = ["monitoring", "predictions"]
        yield result(catalog, "predictions", key, session, done)

    yield from make_each(context, make)
    workspace.trim_copies(catalog.blobs)


@dg.asset(
    key=["monitoring", "drift"],
    partitions_def=sessions,
    group_name="monitoring",
    kinds={"lance"},
    deps=[
        ["curation", "frame_embeddings"],
        ["curation", "frame_quality"],
        ["monitoring", "predictions"],
    ],
)
def drift(
    context: dg.AssetExecutionContext, catalog: dg.ResourceParam[Catalog]
) -> Iterator[Event]:
    """Image statistics and embeddings of the session against each champion's training frames, by sensor, and its
    answers against those on the test part; how good they are, as far as can be told without labels."""

    def make(session: str) -> Iterator[dg.MaterializeResult]:
        yield _judge(context, catalog, session)

    yield from make_each(context, make)


def _judge(
    context: dg.AssetExecutionContext, catalog: Catalog, session: str
) -> dg.MaterializeResult:
    from assets.materialize import picture
    from assets.monitoring.judged import judge_session
    from assets.previews.drift import drift_plot
    from assets.previews.gallery import name_subject

    shown: dict[str, Any] = {}
    tell = progress_to(context.log, "champions")
    found = champions(catalog)
    for n, champion in enumerate(found, start=1):
        judged = judge_session(catalog, champion, session)
        name = champion["model_name"]
        shown[name] = judged.images.reason
        shown[f"answers of {name}"] = judged.answers.reason
        shown[f"estimate for {name}"] = judged.estimate["reason"]
        title = f"{name} v{champion['model_version']}"
        subject = name_subject(title, champion["release_id"])
        plot = drift_plot(judged.images.rows, subject)
        shown[f"distances, {name}"] = picture(plot)
        tell(n, len(found))
    return result(catalog, "drift", ["monitoring", "drift"], session, shown)


@dg.asset(
    key=["monitoring", "request_drift"],
    group_name="monitoring",
    kinds={"lance"},
    deps=[
        ["serving", "requests"],
        *(["registry", f"{task}_release"] for task in TASK_NAMES),
    ],
)
def request_drift(
    context: dg.AssetExecutionContext, catalog: dg.ResourceParam[Catalog]
) -> dg.MaterializeResult:
    """Days of sampled requests against each champion's release: images and answers, and how good these are estimated
    to be. Each day is judged once, when it is over."""
    from assets.monitoring.request_watch import judge_windows

    shown: dict[str, Any] = {}
    for row in judge_windows(catalog):
        name = f"{row['model_name']} v{row['model_version']}, {row['window']}"
        context.log.info(f"{name}: {row['images_reason']}")
        shown[f"images of {name}"] = row["images_reason"]
        shown[f"answers of {name}"] = row["answers_reason"]
        shown[f"estimate for {name}"] = row["estimate_reason"]
    return result(
        catalog, "request_windows", ["monitoring", "request_drift"], metadata=shown
    )


defs = dg.Definitions(assets=[predictions, drift, request_drift])
