"""Tracking as assets: what the champion of detection found, joined to tracks, and objects in space."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from pydantic import Field

from assets.batches import Event, make_each
from assets.materialize import picture, progress_to, result
from assets.partitions import sessions
from assets.run_config import read_config
from assets.tables.catalog import Catalog
from assets.workspace import Workspace
from models.tracking.names import TRACKER_NAMES

_KEY = ["tracking", "tracks"]


class TrackerConfig(dg.Config):
    """How boxes are joined."""

    tracker: str = Field(
        TRACKER_NAMES[0],
        description="offline knows the frames that follow; bytetrack and sort do not.",
    )
    looks: bool = Field(
        False, description="How boxes look counts too: each is embedded."
    )


@dg.asset(
    key=_KEY,
    partitions_def=sessions,
    group_name="tracking",
    kinds={"lance"},
    deps=[
        ["capture", "frames"],
        ["capture", "signals"],
        ["capture", "calibrations"],
        ["annotation", "labels"],
        ["monitoring", "predictions"],
    ],
)
def tracks(
    context: dg.AssetExecutionContext,
    config: TrackerConfig,
    catalog: dg.ResourceParam[Catalog],
    workspace: dg.ResourceParam[Workspace],
) -> Iterator[Event]:
    """Boxes of the session's recordings, those of one object under one id, by what the champion of detection found.

    Gaps of a track are filled by the tracker that knows the frames that follow; such boxes say so.
    """
    from assets.tracking.rows import Method

    asked = read_config(context, config)
    method = Method(asked.tracker, uses_looks=asked.looks)

    def make(session: str) -> Iterator[dg.MaterializeResult]:
        yield _track(context, catalog, workspace, session, method)

    yield from make_each(context, make)


def _track(
    context: dg.AssetExecutionContext,
    catalog: Catalog,
    workspace: Workspace,
    session: str,
    method: Any,
) -> dg.MaterializeResult:
    from assets.previews.tracks import draw_tracks
    from assets.tracking.method_of_asset import choose_score, read_detector
    from assets.tracking.session import track_session
    from assets.tracking.told import describe, list_figures

    model = read_detector(catalog)
    if model is None:
        reason = "there is no champion of detection: `daguerre train detection`"
        return result(catalog, "tracks", _KEY, session, {"tracks": reason})
    chosen = choose_score(catalog, model, method)
    progress = progress_to(context.log, f"tracks of {session}")
    done = track_session(catalog, workspace, model, session, chosen, progress)
    facts: dict[str, Any] = {**describe(done), "model": model["model_sha256"]}
    if table := list_figures(done.recordings):
        facts["beside the labels"] = dg.MetadataValue.md(table)
    drawn = draw_tracks(catalog, done.rows)
    if drawn is not None:
        facts["tracks over frames"] = picture(drawn)
    return result(catalog, "tracks", _KEY, session, facts)


@dg.asset(
    key=["tracking", "object_boxes"],
    partitions_def=sessions,
    group_name="tracking",
    kinds={"lance"},
    deps=[
        ["capture", "frames"],
        ["capture", "calibrations"],
        ["annotation", "labels"],
        ["tracking", "tracks"],
        ["reconstruction", "depth"],
    ],
)
def object_boxes(
    context: dg.AssetExecutionContext, catalog: dg.ResourceParam[Catalog]
) -> Iterator[Event]:
    """Objects of the session in space, with standard errors, and where every camera and frame sees them.

    From boxes in images that share an id and the depth of their pictures; views from several sides are joined.
    """
    from assets.previews.object_boxes import draw_objects, list_objects
    from assets.tracking.object_boxes import place_objects

    def make(session: str) -> Iterator[dg.MaterializeResult]:
        progress = progress_to(context.log, f"objects of {session}")
        done = place_objects(catalog, session, progress)
        facts: dict[str, Any] = {
            "captures made anew": done.num_made,
            "objects with a box": done.num_known,
            "views": len(done.views),
            "objects": dg.MetadataValue.md(list_objects(done.list_objects())),
        }
        drawn = draw_objects(catalog, done.boxes, done.views)
        if drawn is not None:
            facts["projected boxes"] = picture(drawn)
        key = ["tracking", "object_boxes"]
        yield result(catalog, "object_boxes", key, session, facts)

    yield from make_each(context, make)


defs = dg.Definitions(assets=[tracks, object_boxes])
