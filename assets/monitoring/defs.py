"""Monitoring as assets: what the champions say about a session, and whether it looks like what they learned from."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets.batches import Event, make_each
from assets.materialize import progress_to, result
from assets.monitoring.pending import champions
from assets.partitions import sessions
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, to_table
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
    """Image statistics and embeddings of the session, by sensor, against each champion's training frames."""

    def make(session: str) -> Iterator[dg.MaterializeResult]:
        yield _judge(context, catalog, session)

    yield from make_each(context, make)


def _judge(
    context: dg.AssetExecutionContext, catalog: Catalog, session: str
) -> dg.MaterializeResult:
    from assets.materialize import picture
    from assets.monitoring.watch import assess
    from assets.previews.drift import drift_plot
    from assets.previews.gallery import name_subject

    rows = []
    verdicts: dict[str, Any] = {}
    pictures = {}
    tell = progress_to(context.log, "champions")
    found = champions(catalog)
    for n, champion in enumerate(found, start=1):
        assessment = assess(catalog, champion, session)
        rows += assessment.rows
        name = champion["model_name"]
        verdicts[name] = assessment.reason
        title = f"{name} v{champion['model_version']}"
        subject = name_subject(title, champion["release_id"])
        pictures[f"distances, {name}"] = picture(drift_plot(assessment.rows, subject))
        tell(n, len(found))
    catalog.upsert("drift", to_table(TABLES["drift"], rows))
    shown = verdicts | pictures
    return result(catalog, "drift", ["monitoring", "drift"], session, shown)


defs = dg.Definitions(assets=[predictions, drift])
