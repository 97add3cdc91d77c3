"""One model as a page shows it: figures, pictures, slices, its rival, the gate, where it is from, what came since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from assets.comparison.chart import draw_differences
from assets.comparison.models import Comparison, tell_difference
from assets.evaluation.drift_tables import draw_both
from assets.evaluation.score_charts import SLICES, SPOILT, draw_scores
from assets.evaluation.slice_tables import (
    METRIC_NAMES,
    METRIC_NOTES,
    describe_slices,
    format_figure,
    tell_interval,
)
from assets.kinds import find_kind
from assets.previews.gallery import Gallery, name_subject
from assets.tables.class_list import count_parts
from assets.tables.rows import PromotionRow, ScoreRow
from models.metrics.resampling import Interval

_TILES = (
    "map50",
    "map",
    "map75",
    "precision50",
    "recall50",
    "operating_score",
    "accuracy",
    "macro_f1",
    "miou",
    "image_miou",
    "boundary_miou",
    "pixel_accuracy",
    "judged_share",
    "ece",
)


@dataclass(frozen=True)
class GateLine:
    """One rule of the gate: what it asks, what was found."""

    claim: str
    found: str
    is_passed: bool


@dataclass(frozen=True)
class Rivalry:
    """A model less another on the same test part. `comparison` None: `reason` says why there is none."""

    rival: str  # as a page calls it
    comparison: Comparison | None
    reason: str = ""
    command: str = ""  # that shows the frames that changed sides


@dataclass(frozen=True)
class EdgeReport:
    """An int8 form of a model and what was said of it."""

    sha256: str
    is_accepted: bool
    rules: Sequence[GateLine]


@dataclass(frozen=True)
class SessionSince:
    """What a model met in a session after its training. None: nobody has looked, or nobody can tell.

    `estimate` is of its figure without labels, `truth` the figure by labels that came.
    """

    session: str
    images_drifted: bool | None
    answers_drifted: bool | None
    metric: str = ""
    estimate: float | None = None
    error: float | None = None
    truth: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class ModelReport:
    """One model. `release_frames` are those of all splits, `scores` rows of the `scores` table.

    `is_accepted` is the gate's verdict; None where no gate has been asked.
    """

    task: str
    name: str
    release_id: str
    class_names: tuple[str, ...]
    release_frames: pa.Table
    scores: Sequence[ScoreRow]
    gallery: Gallery
    # of the leading metric; None where nobody can tell
    interval: Interval | None = None
    version: int | None = None
    alias: str | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)  # of its training
    gate: Sequence[GateLine] = ()
    is_accepted: bool | None = None
    # what the test part cannot tell, and what of it the model never finds
    weaknesses: Sequence[str] = ()
    rivalry: Rivalry | None = None  # None: it is the first
    acts: Sequence[PromotionRow] = ()  # that made it champion, or took it back
    edge: Sequence[EdgeReport] = ()
    since: Sequence[SessionSince] = ()

    @property
    def title(self) -> str:
        """Name and registered version, where it has one."""
        return self.name if self.version is None else f"{self.name} v{self.version}"

    def list_sessions(self) -> list[str]:
        """Those that its release has frames of."""
        return sorted(self.release_frames["session"].unique().to_pylist())


def describe_model(model: ModelReport) -> dict[str, Any]:
    """What the template takes; charts are drawn."""
    # it may have met others since
    scores = [row for row in model.scores if row["release_id"] == model.release_id]
    overall = {
        row["metric"]: row["value"] for row in scores if row["slice_by"] == "all"
    }
    split = next((row["split"] for row in scores), "test")
    leading = find_kind(model.task).leading_metric
    subject = name_subject(model.title, model.release_id)
    of_scores = {
        name: draw_both(draw)
        for name, draw in draw_scores(scores, leading, subject).items()
    }
    return {
        "anchor": f"model-{model.task}",
        "model": model,
        "subject": subject,
        "split": split,
        "num_frames": count_parts(model.release_frames)[split],
        # the first stands on the card
        "tiles": [
            (
                METRIC_NAMES.get(m, m),
                overall[m],
                METRIC_NOTES.get(m, ""),
                tell_interval(model.interval) if m == leading else "",
            )
            for m in dict.fromkeys((leading, *_TILES))
            if m in overall
        ],
        "charts": [
            (name, draw_both(draw)) for name, draw in model.gallery.charts.items()
        ],
        "slices_chart": of_scores.get(SLICES),
        "spoilt_chart": of_scores.get(SPOILT),
        "slices": describe_slices(model.task, scores, overall),
        "rivalry": _describe_rivalry(model.rivalry),
        "acts": [_describe_act(row) for row in model.acts],
        "sessions": model.list_sessions(),
        "release_anchor": name_anchor(model.release_id),
        "colors": {name: f"rgb{color}" for name, color in model.gallery.colors.items()},
        "facts": {name: format_figure(value) for name, value in model.facts.items()},
        "settings": {k: format_figure(v) for k, v in model.settings.items()},
    }


def name_anchor(release_id: str) -> str:
    """Where in a page a release stands."""
    return f"release-{release_id[:12]}"


def _describe_rivalry(rivalry: Rivalry | None) -> dict[str, Any] | None:
    if rivalry is None:
        return None
    found = rivalry.comparison
    if found is None:
        return {"of": rivalry, "told": "", "chart": None, "moved": []}
    won = sum(frame.is_won for frame in found.changed)
    told = (
        f"{METRIC_NAMES.get(found.metric, found.metric)} {format_figure(found.whole.first)} → "
        f"{format_figure(found.whole.second)}: {tell_difference(found.whole)}. {won} frames won, "
        f"{len(found.changed) - won} lost of {found.num_frames}."
    )
    moved = [f"{s.name}: {tell_difference(s.difference)}" for s in found.moved]
    chart = draw_both(draw_differences(found))
    return {"of": rivalry, "told": told, "chart": chart, "moved": moved}


def _describe_act(row: PromotionRow) -> dict[str, str]:
    day = datetime.fromtimestamp(row["at_ns"] / 1e9, UTC)
    return {
        "when": f"{day:%Y-%m-%d %H:%M} UTC",
        "what": row["act"],
        "who": row["who"],
        "why": row["why"],
    }
