"""What a gallery is made of: pictures with captions, charts that draw themselves, and a fair choice of frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from assets.previews import plots
from assets.previews.drawing import Color
from models.even_spread import spread_evenly
from models.metrics.calibration import CalibrationResult
from models.types import Image

NUM_THUMBNAILS = 30
NUM_OVERLAYS = 3
NUM_MISTAKES = 8
THUMBNAIL_PX = 132
OVERLAY_PX = 720
MISTAKE_PX = 640
SMALL_MISTAKE_PX = 176
Draw = Callable[[str], bytes]  # theme -> PNG


class ImageReader(Protocol):
    """Gives decoded images by frame_id."""

    def read(self, frame_rows: Sequence[Mapping[str, Any]], /) -> dict[str, Image]:
        """The picture of each frame, (H, W, 3) RGB, uint8, in the order asked for."""


@dataclass(frozen=True)
class Picture:
    """One photograph with its caption; `detail` is a second, quieter line."""

    image_rgb: Image
    caption: str
    detail: str = ""


@dataclass(frozen=True)
class Gallery:
    """Pictures and figures of one model on one split. `charts` draw themselves for a theme, by name."""

    thumbnails: tuple[Picture, ...]
    # labels and predictions in turn; empty for recognition
    overlays: tuple[Picture, ...]
    mistakes: tuple[Picture, ...]
    charts: Mapping[str, Draw]
    colors: Mapping[str, Color]
    # boxes with a lower score are not drawn and not counted in the confusion matrix
    min_score: float | None = None


def name_subject(model: str, release_id: str) -> str:
    """What stands below every chart: which model, judged by which release."""
    return f"{model} · release {release_id[:8]}"


def draw_learning(
    history: Sequence[Mapping[str, Any]], subject: str
) -> dict[str, Draw]:
    """The learning curve by its name; nothing for a model without a history."""
    return (
        {
            "learning curve": lambda theme: plots.learning_curve_plot(
                history, subject, theme
            )
        }
        if history
        else {}
    )


def draw_reliability(result: CalibrationResult, subject: str) -> Draw:
    """Confidence against accuracy, by bins."""
    return lambda theme: plots.reliability_plot(result, subject, theme)


def spread(groups: Sequence[str], limit: int) -> list[int]:
    """Places of at most `limit` items: one of each group in turn, evenly over each group's items."""
    members: dict[str, list[int]] = {}
    for place, group in enumerate(groups):
        members.setdefault(group, []).append(place)
    share = -(-limit // len(members))
    picked = [
        [members[group][i] for i in spread_evenly(len(members[group]), share)]
        for group in sorted(members)
    ]
    return [places[i] for i in range(share) for places in picked if i < len(places)][
        :limit
    ]
