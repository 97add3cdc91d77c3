"""Curation as assets: quality, embeddings, near-duplicates, splits, and one immutable dataset a task."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
from pydantic import Field

from assets.batches import Event, make_each
from assets.choice import Choice
from assets.curation.clusters import update_clusters, update_splits
from assets.curation.pictures import count_lost
from assets.curation.release import Draft, draft_release, write_release
from assets.curation.session import embed_frames, measure_frames
from assets.curation.stage import STAGE
from assets.foreign_text import for_line, for_markdown
from assets.materialize import picture, progress_to, result, run_of
from assets.partitions import sessions
from assets.previews.stored_frames import draw_contact_sheet
from assets.run_config import read_config
from assets.tables.catalog import Catalog, is_in
from assets.tables.champions import read_champions_choice
from assets.tables.class_list import draw_class_list
from assets.tables.run_pointers import point_in_run
from assets.terms.judging import Part, find_purposes, judge_terms, warn_of
from assets.workspace import Workspace
from models.task_names import DATASET_NAMES

_log = logging.getLogger("daguerre.curation")
_SAID = (["capture", "imported_labels"], ["annotation", "labels"])  # of frames
_MOST_CLASSES = 100  # in a log and in metadata; `daguerre train --dry-run` lists all


@dg.asset(
    key=["curation", "frame_quality"],
    partitions_def=sessions,
    group_name="curation",
    deps=list(map(dg.AssetKey, STAGE.step_of("frame_quality").after)),
    kinds={"lance"},
)
def frame_quality(
    context: dg.AssetExecutionContext, catalog: dg.ResourceParam[Catalog]
) -> Iterator[Event]:
    """Exposure, contrast, sharpness, noise and perceptual hash of every colour frame of the session."""

    def make(session: str) -> Iterator[dg.MaterializeResult]:
        progress = progress_to(context.log, f"quality of {session}")
        done = measure_frames(session, catalog, progress)
        key = ["curation", "frame_quality"]
        facts = {"rows": done.summary}
        yield result(catalog, "frame_quality", key, session, facts)

    yield from make_each(context, make)


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
) -> Iterator[Event]:
    """Features of every colour frame of the session, by ImageNet's EfficientNet-Lite0 or the encoder of the settings.

    Rows that another encoder made are made anew.
    """

    def make(session: str) -> Iterator[dg.MaterializeResult]:
        progress = progress_to(context.log, f"embeddings of {session}")
        done = embed_frames(session, catalog, workspace, progress)
        key = ["curation", "frame_embeddings"]
        encoder = str(workspace.encoder or "ImageNet")
        facts = {"rows": done.summary, "encoder": encoder}
        yield result(catalog, "frame_embeddings", key, session, facts)

    yield from make_each(context, make)


@dg.asset(
    key=["curation", "unique_frames"],
    group_name="curation",
    kinds={"lance"},
    deps=[
        ["curation", "frame_embeddings"],
        ["curation", "frame_quality"],
        *_SAID,
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
    deps=[["curation", "unique_frames"], *_SAID],
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
    """What the release is made of. Where nothing is said, what that of the task's champion was chosen by."""

    sessions: list[str] = Field(
        default_factory=list, description="Names, or patterns: desk-*."
    )
    where: str = Field("", description="A DuckDB expression over columns of `frames`.")
    classes: list[str] = Field(
        default_factory=list, description="Objects of others are left out."
    )
    everything: bool = Field(False, description="All published data.")
    task: str = Field("", description="Whose champion; by default the dataset's name.")

    def choose(self, catalog: Catalog, dataset: str) -> Choice:
        """The choice. Raises ValueError for one beside `everything`."""
        choice = Choice(tuple(self.sessions), self.where, tuple(self.classes))
        if self.everything and not choice.is_everything:
            raise ValueError(f"everything, and {choice.summary}: give one of the two")
        if self.everything or not choice.is_everything:
            return choice
        return read_champions_choice(catalog, self.task or dataset)


def _dataset(task: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=["curation", f"{task}_dataset"],
        group_name="curation",
        kinds={"lance"},
        deps=[["curation", "splits"], *_SAID],
    )
    def dataset(
        context: dg.AssetExecutionContext,
        config: DatasetConfig,
        catalog: dg.ResourceParam[Catalog],
        workspace: dg.ResourceParam[Workspace],
    ) -> dg.MaterializeResult:
        """A release: labelled frames of published sessions, and those that somebody found empty, frozen with their
        splits; its id is the hash of them, and of what they were chosen by.

        What is left out, and why, stands under `excluded`; what was labelled for the task and is left out also below
        its reason.
        """
        chosen = read_config(context, config).choose(catalog, task)
        draft = draft_release(catalog, task, chosen)
        policy = workspace.policy
        release_id = write_release(catalog, draft, policy)
        point_in_run(catalog, f"draft/{task}", release_id, run_of(context))
        every = max(1, len(draft.frames) // 24)
        some = is_in("frame_id", draft.frames["frame_id"].to_pylist()[::every])
        sheet = draw_contact_sheet(catalog, some)
        parts = judge_terms(catalog, draft.frames, policy)
        warnings = [*draft.facts["warnings"], *warn_of(parts)]
        _tell(draft, warnings)
        lost = {
            f"left out, {reason}": count
            for reason, count in count_lost(draft.excluded).items()
        }
        metadata = {
            "release_id": release_id,
            **_warn(warnings),
            "terms": _draw_terms(parts),
            "chosen": draft.facts["chosen"],
            "classes": draft.row["class_names"],
            "class list": dg.MetadataValue.md(_draw_classes(draft)),
            "labels": draft.row["num_labels"],
            "versions of labels": len(draft.labels),
            "frames without an object": draft.num_empty,
            **lost,
            "excluded": dg.MetadataValue.json(draft.excluded),
            **draft.facts["parts"],
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


def _tell(draft: Draft, warnings: Sequence[str]) -> None:
    """Before a training starts on it: what it learns, and what its test part cannot tell."""
    for line in draft.list_lines(_MOST_CLASSES):
        _log.info(for_line(line))
    for warning in warnings:
        _log.warning(for_line(warning))


def _warn(warnings: Sequence[str]) -> dict[str, Any]:
    """Nothing where there is nothing to warn of."""
    found = [f"- {for_markdown(text)}" for text in warnings]
    return {"WARNING": dg.MetadataValue.md("\n".join(found))} if found else {}


def _draw_terms(parts: Sequence[Part]) -> dg.MetadataValue:
    """Under which terms its frames are, a line a session or capture, and what all of it may be used for."""
    purposes = ", ".join(find_purposes(parts)) or "nothing that all allow"
    lines = [f"- {for_markdown(part.line)}" for part in parts[:_MOST_CLASSES]]
    return dg.MetadataValue.md("\n".join([f"For {purposes}.\n", *lines]))


def _draw_classes(draft: Draft) -> str:
    lines = draw_class_list(draft.class_list, _MOST_CLASSES)
    return "\n".join(f"    {line}" for line in lines)


defs = dg.Definitions(
    assets=[
        frame_quality,
        frame_embeddings,
        unique_frames,
        splits,
        *map(_dataset, DATASET_NAMES),
    ]
)
