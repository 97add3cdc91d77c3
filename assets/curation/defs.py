"""Curation as assets: quality, embeddings, near-duplicates, splits, and one immutable dataset a task."""

import logging

import dagster as dg
from pydantic import Field

from assets.curation.clusters import update_clusters, update_splits
from assets.curation.pictures import count_lost
from assets.curation.release import draft_release, write_release
from assets.curation.session import embed_frames, measure_frames
from assets.curation.stage import STAGE
from assets.foreign_text import for_line
from assets.materialize import picture, progress_to, result, run_of
from assets.partitions import sessions
from assets.previews.stored_frames import contact_sheet_png
from assets.tables.catalog import Catalog, is_in
from assets.tables.run_pointers import point_in_run
from assets.workspace import Workspace
from models import image_quality
from models.task_names import DATASET_NAMES

_log = logging.getLogger("daguerre.curation")


@dg.asset(
    key=["curation", "frame_quality"],
    partitions_def=sessions,
    group_name="curation",
    deps=list(map(dg.AssetKey, STAGE.step_of("frame_quality").after)),
    code_version=image_quality.CODE_VERSION,
    kinds={"lance"},
)
def frame_quality(
    context: dg.AssetExecutionContext, catalog: dg.ResourceParam[Catalog]
) -> dg.MaterializeResult:
    """Exposure, contrast, sharpness, noise and perceptual hash of every colour frame of the session."""
    session = context.partition_key
    done = measure_frames(session, catalog, progress_to(context.log, "quality"))
    return result(
        catalog,
        "frame_quality",
        ["curation", "frame_quality"],
        session,
        {"rows": done.summary},
    )


@dg.asset(
    key=["curation", "frame_embeddings"],
    partitions_def=sessions,
    group_name="curation",
    deps=list(map(dg.AssetKey, STAGE.step_of("frame_embeddings").after)),
    kinds={"lance", "onnx"},
)
def frame_embeddings(
    context: dg.AssetExecutionContext,
    catalog: dg.ResourceParam[Catalog],
    workspace: dg.ResourceParam[Workspace],
) -> dg.MaterializeResult:
    """Features of every colour frame of the session, by ImageNet's EfficientNet-Lite0 or the encoder of the settings.

    Rows that another encoder made are made anew.
    """
    session = context.partition_key
    done = embed_frames(
        session, catalog, workspace, progress_to(context.log, "embeddings")
    )
    facts = {"rows": done.summary, "encoder": str(workspace.encoder or "ImageNet")}
    return result(
        catalog, "frame_embeddings", ["curation", "frame_embeddings"], session, facts
    )


@dg.asset(
    key=["curation", "unique_frames"],
    group_name="curation",
    kinds={"lance"},
    deps=[
        ["curation", "frame_embeddings"],
        ["curation", "frame_quality"],
        ["capture", "imported_labels"],
    ],
)
def unique_frames(catalog: dg.ResourceParam[Catalog]) -> dg.MaterializeResult:
    """Near-duplicate clusters over all published frames, each led by a labelled frame where it has one."""
    done = update_clusters(catalog)
    copies = len(
        catalog.read_latest("unique_frames", ["frame_id"], "duplicate_of IS NOT NULL")
    )
    facts = {"rows": done.summary, "near-duplicates": copies}
    return result(catalog, "unique_frames", ["curation", "unique_frames"], None, facts)


@dg.asset(
    key=["curation", "splits"],
    group_name="curation",
    kinds={"lance"},
    deps=[["curation", "unique_frames"], ["capture", "imported_labels"]],
)
def splits(catalog: dg.ResourceParam[Catalog]) -> dg.MaterializeResult:
    """Train, val and test by recording, by the producer's own split, or by near-duplicate cluster."""
    done = update_splits(catalog)
    counts = (
        catalog.read_latest("splits", ["split"])["split"].value_counts().to_pylist()
    )
    facts = {"rows": done.summary, **{c["values"]: c["counts"] for c in counts}}
    return result(catalog, "splits", ["curation", "splits"], None, facts)


class DatasetConfig(dg.Config):
    """Which sessions go into the release; none named means all that are published."""

    sessions: list[str] = Field(default_factory=list)


def _dataset(task: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=["curation", f"{task}_dataset"],
        group_name="curation",
        kinds={"lance"},
        deps=[["curation", "splits"], ["capture", "imported_labels"]],
    )
    def dataset(
        context: dg.AssetExecutionContext,
        config: DatasetConfig,
        catalog: dg.ResourceParam[Catalog],
    ) -> dg.MaterializeResult:
        """A release: labelled frames of published sessions, and those that somebody found empty, frozen with their
        splits; its id is the hash of them.

        What is left out, and why, stands under `excluded`; what was labelled for the task and is left out also below
        its reason.
        """
        draft = draft_release(catalog, task, config.sessions or None)
        release_id = write_release(catalog, draft)
        point_in_run(catalog, f"draft/{task}", release_id, run_of(context))
        per_split = {
            s: sum(r["split"] == s for r in draft.frame_rows)
            for s in ("train", "val", "test")
        }
        some = is_in(
            "frame_id",
            [
                r["frame_id"]
                for r in draft.frame_rows[:: max(1, len(draft.frame_rows) // 24)]
            ],
        )
        sheet = contact_sheet_png(catalog, some)
        _log.info(for_line(draft.summary))
        lost = {
            f"left out, {reason}": count
            for reason, count in count_lost(draft.excluded).items()
        }
        metadata = {
            "release_id": release_id,
            "classes": draft.row["class_names"],
            "labels": draft.row["num_labels"],
            "frames without an object": draft.num_empty,
            **lost,
            "excluded": dg.MetadataValue.json(draft.excluded),
            **per_split,
            "contact sheet": picture(sheet)
            if sheet
            else dg.MetadataValue.text("no colour frames"),
        }
        is_mine = f"release_id = '{release_id}'"
        return result(
            catalog,
            "release_frames",
            ["curation", f"{task}_dataset"],
            None,
            metadata,
            is_mine,
        )

    return dataset


defs = dg.Definitions(
    assets=[
        frame_quality,
        frame_embeddings,
        unique_frames,
        splits,
        *map(_dataset, DATASET_NAMES),
    ]
)
