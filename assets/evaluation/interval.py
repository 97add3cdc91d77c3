"""How sure the main score of a model is: an interval from the stored answers about the test part of its exam."""

from __future__ import annotations

from assets.kinds import KINDS
from assets.tables.catalog import Catalog, is_in
from models.metrics.resampling import Interval, find_interval


def measure_interval(
    catalog: Catalog, task: str, model_sha256: str, release_id: str
) -> Interval | None:
    """Of the metric that the gate asks for, on the test split of a release whose exam the model sat.

    Drawn are the groups that splits keep together: recordings, and pictures that resemble each other. None for a task
    that examines itself, where an answer is not stored, and where there are too few groups to tell.
    """
    kind = next((kind for kind in KINDS if kind.name == task), None)
    if kind is None or not kind.is_judged:
        return None
    where = f"{is_in('release_id', [release_id])} AND split = 'test'"
    frames = catalog.read_latest("release_frames", where=where).to_pylist()
    ids = [frame["frame_id"] for frame in frames]
    mine = f"{is_in('model_sha256', [model_sha256])} AND purpose = 'test'"
    answers = catalog.read_latest("predictions", where=mine).to_pylist()
    if not frames or set(ids) - {answer["frame_id"] for answer in answers}:
        return None
    releases = is_in("release_id", [release_id])
    (release,) = catalog.read_latest("releases", where=releases).to_pylist()
    pairs = kind.pair(answers, frames, release["class_names"])
    splits = catalog.read_latest(
        "splits", ["frame_id", "group_id"], is_in("frame_id", ids)
    )
    group_of = {row["frame_id"]: row["group_id"] for row in splits.to_pylist()}
    units = [group_of.get(frame_id, frame_id) for frame_id in pairs.frame_ids]
    return find_interval(pairs.weigh, units)
