"""From which score on a detector's answers count: chosen on the validation part, which no figure is about."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow.compute as pc

from assets.cluster.pool import Seat
from assets.inference.predict import (
    PredictionFacts,
    Predictor,
    StoredImages,
    predict_frames,
)
from assets.kinds import find_kind
from assets.tables.releases import Release
from assets.workspace import Workspace
from models.metrics.matching import DEFAULT_OPERATING_SCORE


def choose_operating_score(
    release: Release,
    images: StoredImages,
    load: Callable[[Seat], Predictor],
    facts: PredictionFacts,
    workspace: Workspace,
) -> float | None:
    """The score of the best F1 on the validation part of a release; its answers are not stored.

    None for kinds whose answers are not counted one by one; DEFAULT_OPERATING_SCORE for a release without such a part:
    the test part is not asked.
    """
    kind = find_kind(facts.task)
    if not kind.counts_answers:
        return None
    rows = release.frames.filter(pc.equal(release.frames["split"], "val")).to_pylist()
    if not rows:
        return DEFAULT_OPERATING_SCORE
    answers = [
        row
        for batch in predict_frames(images, rows, load, facts, workspace)
        for row in batch
    ]
    pairs = kind.pair(answers, rows, release.class_names)
    return pairs.choose_operating_score()
