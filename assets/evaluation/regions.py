"""Gather what a person wants to see of a segmentation model: maps over photographs, and where they are wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from assets.evaluation.gallery_parts import (
    MISTAKE_PX,
    NUM_MISTAKES,
    NUM_OVERLAYS,
    NUM_THUMBNAILS,
    OVERLAY_PX,
    THUMBNAIL_PX,
    Gallery,
    ImageReader,
    Picture,
    draw_learning,
    spread,
)
from assets.evaluation.pairs import Row, SegmentationPairs
from assets.previews import plots
from assets.previews.drawing import Color, color_classes, fit_width, make_thumbnail, paint_map
from models.metrics.segmentation import count_confusion, mean_iou
from models.types import IGNORE, Image, SemanticMap


def gather_regions(
    pairs: SegmentationPairs, row_of: Mapping[str, Row], images: ImageReader, history: Sequence[Row], subject: str
) -> Gallery:
    """Labels and predictions painted over frames that show most classes, the frames with the lowest IoU, the charts.

    Cells of the confusion matrix are per cent of the true class's pixels.
    """
    names = pairs.subject.class_names
    by_name = color_classes(names)
    colors = list(by_name.values())
    counts = [count_confusion(pairs.truth(p), pairs.predicted(p), len(names)) for p in range(len(pairs.frame_ids))]
    total = np.sum(counts, axis=0)
    shares = np.rint(100 * total / np.maximum(total.sum(1, keepdims=True), 1)).astype(np.int64)
    places = spread([row_of[i]["session"] for i in pairs.frame_ids], NUM_THUMBNAILS)
    looked_at, wrong = _choose_rich(pairs, counts, NUM_OVERLAYS), find_worst_maps(pairs, counts, NUM_MISTAKES)
    shown = images.read([row_of[pairs.frame_ids[p]] for p in dict.fromkeys([*places, *looked_at, *wrong])])
    return Gallery(
        thumbnails=tuple(_picture_thumbnail(row_of[pairs.frame_ids[p]], shown) for p in places),
        overlays=tuple(o for p in looked_at for o in _picture_pair(pairs, p, shown, colors)),
        mistakes=tuple(_picture_wrong(pairs, p, counts[p], shown, colors) for p in wrong),
        charts={
            "confusion matrix": lambda theme: plots.confusion_matrix_plot(
                shares, names, f"{subject} · % of the true class's pixels", theme
            ),
            **draw_learning(history, subject),
        },
        colors=by_name,
    )


def find_worst_maps(pairs: SegmentationPairs, counts: Sequence[NDArray[np.int64]], limit: int) -> list[int]:
    """Places of at most `limit` frames with a pixel wrong, the lowest mean IoU first; equals by frame id.

    `counts` are the (C, C) pixel counts of each frame.
    """
    ious = {p: value for p, c in enumerate(counts) if (value := mean_iou(c)) is not None and value < 1}
    return sorted(ious, key=lambda p: (ious[p], pairs.frame_ids[p]))[:limit]


def _choose_rich(pairs: SegmentationPairs, counts: Sequence[NDArray[np.int64]], limit: int) -> list[int]:
    """Places of frames that show most classes; equals by frame id."""
    num_classes = [int((c.sum(1) > 0).sum()) for c in counts]
    return sorted(range(len(counts)), key=lambda p: (-num_classes[p], pairs.frame_ids[p]))[:limit]


def _picture_thumbnail(row: Row, shown: Mapping[str, Image]) -> Picture:
    count = len(row["mask_class_ids"])
    detail = f"{row['session']} · {row['sensor']}"
    return Picture(make_thumbnail(shown[row["frame_id"]], THUMBNAIL_PX), f"{count} class{'es' * (count != 1)}", detail)


def _picture_pair(
    pairs: SegmentationPairs, place: int, shown: Mapping[str, Image], colors: Sequence[Color]
) -> tuple[Picture, Picture]:
    frame_id, truth, found = pairs.frame_ids[place], pairs.truth(place), pairs.predicted(place)
    labelled, predicted = (fit_width(paint_map(shown[frame_id], m, colors), OVERLAY_PX) for m in (truth, found))
    share = float((truth.class_ids != IGNORE).mean())
    return (
        Picture(labelled, f"Labelled: {_count_classes(truth)} classes", f"{share:.0%} of frame {frame_id[:12]}"),
        Picture(predicted, f"Predicted: {_count_classes(found)} classes"),
    )


def _picture_wrong(
    pairs: SegmentationPairs,
    place: int,
    confusion: NDArray[np.int64],
    shown: Mapping[str, Image],
    colors: Sequence[Color],
) -> Picture:
    """The wrong pixels alone, in the colour of the class that they were given."""
    truth, found, frame_id = pairs.truth(place), pairs.predicted(place), pairs.frame_ids[place]
    is_wrong = (truth.class_ids != IGNORE) & (truth.class_ids != found.class_ids)
    wrong = SemanticMap(np.where(is_wrong, found.class_ids, IGNORE).astype(np.uint8))
    picture = fit_width(paint_map(shown[frame_id], wrong, colors, opacity=0.9), MISTAKE_PX)
    caption = f"mIoU {mean_iou(confusion):.3f}: {_name_worst(confusion, pairs.subject.class_names)}"
    return Picture(picture, caption, f"{is_wrong.mean():.0%} of the pixels wrong · frame {frame_id[:12]}")


def _name_worst(confusion: NDArray[np.int64], names: Sequence[str]) -> str:
    """The commonest mistake in words."""
    wrong = confusion - np.diag(np.diag(confusion))
    true_id, found_id = np.unravel_index(int(wrong.argmax()), wrong.shape)
    return f"{names[int(true_id)]}, called {names[int(found_id)]}"


def _count_classes(semantic: SemanticMap) -> int:
    return int((np.unique(semantic.class_ids) != IGNORE).sum())
