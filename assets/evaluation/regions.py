"""Regions of the space of features where a model scores worse than chance explains, as slices of its exam."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from assets.evaluation.region_names import list_traits, name_regions
from assets.evaluation.slices import with_interval
from assets.kinds.judging.pairs import Slices, Subject
from assets.kinds.judging.score_rows import list_rows
from assets.tables.catalog import Catalog
from assets.tables.frame_scores import FrameScores
from assets.tables.rows import FrameScoreRow, ObjectScoreRow, ScoreRow
from models.metrics.regions import find_regions

DISCOVERED = "discovered"  # the way of slicing, in `scores`
MAX_FRAMES = (
    20_000  # whose vectors are in memory; of more the first by id, which is a hash
)


def discover(
    catalog: Catalog,
    subject: Subject,
    scores: FrameScores,
    slices: Slices,
    objects: Sequence[ObjectScoreRow],
    metric: str,
) -> tuple[list[ScoreRow], dict[str, str]]:
    """Rows of the regions that score worse, with their adjusted p-values; and the region of each frame in one, by id.

    Of frames that have no vector, or no score of their own, nothing is looked for.
    """
    places, vectors = _read_vectors(catalog, scores)
    recordings = [scores.group_ids[place] for place in places]
    found = find_regions(vectors, scores.values[places], recordings)
    names = name_regions(found, list_traits(scores, slices, objects, places))
    rows: list[ScoreRow] = []
    region_of: dict[str, str] = {}
    for name, region in zip(names, found, strict=True):
        mine = scores.take([places[place] for place in region.places])
        told = [(metric, mine.figures()[metric])]
        (row,) = list_rows(subject, DISCOVERED, name, told, len(mine))
        rows.append(
            {**with_interval(row, mine.find_interval()), "p_value": region.p_value}
        )
        region_of.update(dict.fromkeys(mine.frame_ids, name))
    return rows, region_of


def mark_regions(
    frames: Sequence[FrameScoreRow], region_of: Mapping[str, str]
) -> list[FrameScoreRow]:
    """The rows of an exam, each with the region that its frame lies in."""
    return [{**row, "region": region_of.get(row["frame_id"])} for row in frames]


def _read_vectors(
    catalog: Catalog, scores: FrameScores
) -> tuple[list[int], np.ndarray]:
    """Places of the frames that have a score and a vector, in order, and the vectors (N, D)."""
    known = np.flatnonzero(np.isfinite(scores.values)).tolist()
    wanted = sorted(known, key=lambda place: scores.frame_ids[place])[:MAX_FRAMES]
    rows = catalog.read_of(
        "frame_embeddings",
        ["frame_id", "vector"],
        "frame_id",
        [scores.frame_ids[place] for place in wanted],
    )
    vector_of = dict(
        zip(
            rows["frame_id"].to_pylist(),
            np.asarray(rows["vector"].to_pylist(), np.float32),
            strict=True,
        )
    )
    places = [place for place in wanted if scores.frame_ids[place] in vector_of]
    vectors = [vector_of[scores.frame_ids[place]] for place in places]
    return places, np.stack(vectors) if vectors else np.zeros((0, 1), np.float32)
