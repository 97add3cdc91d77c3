"""How much a model bears: its leading metric on a few test pictures, spoilt in graded ways.

The pictures are few, so that a model and the champion together cost at most a tenth of the training; after a short one
nobody asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from assets.evaluation.slices import with_interval
from assets.inference.predict import (
    PredictionFacts,
    Predictor,
    StoredImages,
    answer_images,
)
from assets.kinds import find_kind
from assets.kinds.judging.score_rows import list_rows
from assets.tables.frame_scores import collect_scores
from assets.tables.rows import PredictionRow, ReleaseFrameRow, ScoreRow
from models.corruptions import CORRUPTIONS, corrupt
from models.types import Image

if TYPE_CHECKING:
    from assets.inference.package import PackageFacts

CORRUPTION = "corruption"  # the way of slicing, in `scores`
UNSPOILT = "none"
ASKED = (1, 3, 5)  # strengths
MAX_FRAMES = 32
MIN_FRAMES = 8
_SHARE = 0.05  # of the training; the champion's battery costs as much
_STEP_COST = (
    3  # a training step against an answer: forwards, and twice as much backwards
)
_AT_ONCE = 4  # images in memory

Condition = tuple[str, int]


def count_affordable(facts: PackageFacts, num_train: int) -> int:
    """How many test frames a battery may ask about, at most MAX_FRAMES; 0 where fewer than MIN_FRAMES."""
    num_steps = len(facts.history) * num_train * _STEP_COST
    count = int(_SHARE * num_steps) // len(list_conditions())
    return 0 if count < MIN_FRAMES else min(count, MAX_FRAMES)


def list_conditions() -> list[Condition]:
    """What each picture is asked as: as it is, and with each corruption at each strength."""
    return [
        (UNSPOILT, 0),
        *((name, strength) for name in CORRUPTIONS for strength in ASKED),
    ]


def score_corrupted(
    images: StoredImages,
    release_rows: Sequence[ReleaseFrameRow],
    predict: Predictor,
    facts: PredictionFacts,
    group_of: Mapping[str, str],
) -> list[ScoreRow]:
    """A row a condition: the leading metric on these frames with its interval, the slice named as in "blur 3".

    `group_of` has what splits keep together, by frame id: that is drawn.
    """
    kind = find_kind(facts.task)
    answers: dict[Condition, list[PredictionRow]] = {
        condition: [] for condition in list_conditions()
    }
    for start in range(0, len(release_rows), _AT_ONCE):
        some = release_rows[start : start + _AT_ONCE]
        pictures = images.read(some)
        asked = images.find(some)
        for condition, rows in answers.items():
            spoilt = [_spoil(pictures[frame.frame_id], condition) for frame in asked]
            rows += answer_images(asked, spoilt, predict, facts)
    scored: list[ScoreRow] = []
    for (name, strength), rows in answers.items():
        pairs = kind.pair(rows, release_rows, facts.class_names)
        frames, _ = pairs.list_frames(release_rows, group_of)
        by_frame = collect_scores(frames, facts.class_names)
        told = [(kind.leading_metric, by_frame.figures()[kind.leading_metric])]
        what = name if name == UNSPOILT else f"{name} {strength}"
        (row,) = list_rows(pairs.subject, CORRUPTION, what, told, len(release_rows))
        scored.append(with_interval(row, by_frame.find_interval()))
    return scored


def choose_frames(
    release_rows: Sequence[ReleaseFrameRow], count: int
) -> list[ReleaseFrameRow]:
    """So many of them, the same each time and from anywhere: by their ids, which are hashes."""
    chosen = {row["frame_id"] for row in sorted(release_rows, key=_by_id)[:count]}
    return [row for row in release_rows if row["frame_id"] in chosen]


def _by_id(row: ReleaseFrameRow) -> str:
    return row["frame_id"]


def _spoil(image: Image, condition: Condition) -> Image:
    name, strength = condition
    return image if name == UNSPOILT else corrupt(image, name, strength)
