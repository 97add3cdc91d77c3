"""Judge maps of pixels: figures, maps over photographs, and where they are wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.captions import caption_released
from assets.kinds.judging.frame_rows import (
    Examined,
    list_map_frames,
    list_map_objects,
)
from assets.kinds.judging.pairs import Slices, Subject, find_classes, join_rows
from assets.kinds.judging.score_rows import Figures, group_places, list_rows
from assets.kinds.masks import (
    read_mask_size,
    read_masks,
    read_semantic_map,
    share_judged,
)
from assets.previews import plots
from assets.previews.drawing import (
    Color,
    color_classes,
    fit_width,
    make_thumbnail,
    paint_map,
)
from assets.previews.gallery import (
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
    draw_reliability,
    spread,
)
from assets.tables.rows import (
    FrameScoreRow,
    ObjectScoreRow,
    PredictionRow,
    ReleaseFrameRow,
    ScoreRow,
)
from models.metrics.frame_parts import MapParts, stack_parts
from models.metrics.segmentation import (
    PixelCounts,
    SegmentationResult,
    count_confusion,
    count_pixels,
    mean_iou,
    score_segmentation,
)
from models.semantic_maps import compose_map
from models.task_names import SEGMENTATION
from models.types import IGNORE, Image, SemanticMap


@dataclass(frozen=True)
class MapPairs:
    """N frames: their `release_frames` and `predictions` rows. Maps are made when asked for: all at once are large."""

    subject: Subject
    frame_ids: tuple[str, ...]
    rows: tuple[tuple[ReleaseFrameRow, PredictionRow], ...]

    def truth(self, place: int) -> SemanticMap:
        """What was labelled at this place, IGNORE where nothing was."""
        return read_semantic_map(self.rows[place][0])

    def predicted(self, place: int) -> SemanticMap:
        """What was predicted at this place. Raises ValueError when it is for an image of another size."""
        frame, prediction = self.rows[place]
        class_ids = find_classes(prediction, self.subject.class_names).tolist()
        return compose_map(read_masks(prediction), class_ids, read_mask_size(frame))

    @cached_property
    def counts(self) -> list[PixelCounts]:
        """The pixels of each frame, and those of boundaries, by class."""
        num_classes = len(self.subject.class_names)
        return [
            count_pixels(self.truth(place), self.predicted(place), num_classes)
            for place in range(len(self.frame_ids))
        ]

    def score(self, slices: Slices) -> list[ScoreRow]:
        """Rows with miou, image_miou, boundary_miou, pixel_accuracy and ece over all and per slice; classes have iou
        and boundary_iou; over all also judged_share, the share of pixels that have a class. num_samples counts frames,
        of a class those that show it.
        """
        names = self.subject.class_names
        counts = self.counts
        whole = score_segmentation(counts)
        judged = [("judged_share", share_judged([frame for frame, _ in self.rows]))]
        parts = self.describe()
        figures = (*_figure(whole), ("ece", parts.figures()["ece"]), *judged)
        rows = list_rows(self.subject, "all", "all", figures, len(counts))
        for slice_by, value, chosen in group_places(self.frame_ids, slices):
            part = score_segmentation([counts[place] for place in chosen])
            ece = parts.take(chosen).figures()["ece"]
            told = (*_figure(part), ("ece", ece))
            rows += list_rows(self.subject, slice_by, value, told, len(chosen))
        for c in whole.per_class:
            of_class = (("iou", c.iou), ("boundary_iou", c.boundary_iou))
            rows += list_rows(
                self.subject, "class", names[c.class_id], of_class, c.num_images
            )
        return rows

    def choose_operating_score(self) -> float | None:
        return None

    def at(self, operating_score: float | None) -> MapPairs:
        return self

    def list_frames(
        self, release_rows: Sequence[ReleaseFrameRow], group_of: Mapping[str, str]
    ) -> tuple[list[FrameScoreRow], list[ObjectScoreRow]]:
        examined = Examined(SEGMENTATION, self.subject, release_rows, group_of)
        parts = self.describe()
        return list_map_frames(examined, parts), list_map_objects(examined, parts)

    def describe(self) -> MapParts:
        """What totals are made of."""
        names = self.subject.class_names
        confidences = np.zeros((len(self.rows), len(names)))
        for of_frame, (_, answer) in zip(confidences, self.rows, strict=True):
            of_frame[find_classes(answer, names)] = answer["scores"]
        return stack_parts(self.counts, confidences)

    def _count_confusions(self) -> list[NDArray[np.int64]]:
        """(C, C) pixel counts of each frame."""
        num_classes = len(self.subject.class_names)
        return [
            count_confusion(self.truth(p), self.predicted(p), num_classes)
            for p in range(len(self.frame_ids))
        ]

    def draw(
        self,
        row_of: Mapping[str, ReleaseFrameRow],
        images: ImageReader,
        history: Sequence[Mapping[str, Any]],
        subject: str,
    ) -> Gallery:
        """Labels and predictions painted over frames of most classes, the frames with the lowest IoU, the charts.

        Cells of the confusion matrix are per cent of the true class's pixels.
        """
        names = self.subject.class_names
        by_name = color_classes(names)
        colors = list(by_name.values())
        counts = self._count_confusions()
        calibration = self.describe().calibration
        total = np.sum(counts, axis=0)
        shares = np.rint(
            100 * total / np.maximum(total.sum(1, keepdims=True), 1)
        ).astype(np.int64)
        places = spread([row_of[i]["session"] for i in self.frame_ids], NUM_THUMBNAILS)
        looked_at = _choose_rich(self, counts, NUM_OVERLAYS)
        wrong = find_worst_maps(self, counts, NUM_MISTAKES)
        shown = images.read(
            [
                row_of[self.frame_ids[p]]
                for p in dict.fromkeys([*places, *looked_at, *wrong])
            ]
        )
        return Gallery(
            thumbnails=tuple(
                _picture_thumbnail(row_of[self.frame_ids[p]], shown) for p in places
            ),
            overlays=tuple(
                o for p in looked_at for o in _picture_pair(self, p, shown, colors)
            ),
            mistakes=tuple(
                _picture_wrong(self, p, counts[p], shown, colors) for p in wrong
            ),
            charts={
                "confusion matrix": lambda theme: plots.confusion_matrix_plot(
                    shares, names, f"{subject} · % of the true class's pixels", theme
                ),
                **(
                    {"reliability": draw_reliability(calibration, subject)}
                    if calibration
                    else {}
                ),
                **draw_learning(history, subject),
            },
            colors=by_name,
        )


def pair_maps(
    prediction_rows: Sequence[PredictionRow],
    release_rows: Sequence[ReleaseFrameRow],
    class_names: Sequence[str],
) -> MapPairs:
    """Join `predictions` with `release_frames` (one split) by frame. Predictions of other frames are not looked at.

    Raises ValueError for an empty split, a frame without prediction or masks, and a predicted class that the release
    lacks.
    """
    subject, joined = join_rows(prediction_rows, release_rows, class_names)
    unlabelled = [frame["frame_id"] for frame, _ in joined if not frame["mask_rles"]]
    if unlabelled:
        raise ValueError(
            f"{len(unlabelled)} release frames have no mask, the first is {unlabelled[0]}: release again"
        )
    for _, prediction in joined:
        find_classes(prediction, subject.class_names)
    return MapPairs(
        subject, tuple(frame["frame_id"] for frame, _ in joined), tuple(joined)
    )


def find_worst_maps(
    pairs: MapPairs, counts: Sequence[NDArray[np.int64]], limit: int
) -> list[int]:
    """Places of at most `limit` frames with a pixel wrong, the lowest mean IoU first; equals by frame id.

    `counts` are the (C, C) pixel counts of each frame.
    """
    ious = {
        p: value
        for p, c in enumerate(counts)
        if (value := mean_iou(c)) is not None and value < 1
    }
    return sorted(ious, key=lambda p: (ious[p], pairs.frame_ids[p]))[:limit]


def _figure(result: SegmentationResult) -> Figures:
    names = ("miou", "image_miou", "boundary_miou", "pixel_accuracy")
    return [(name, getattr(result, name)) for name in names]


def _choose_rich(
    pairs: MapPairs, counts: Sequence[NDArray[np.int64]], limit: int
) -> list[int]:
    """Places of frames that show most classes; equals by frame id."""
    num_classes = [int((c.sum(1) > 0).sum()) for c in counts]
    return sorted(
        range(len(counts)), key=lambda p: (-num_classes[p], pairs.frame_ids[p])
    )[:limit]


def _picture_thumbnail(row: ReleaseFrameRow, shown: Mapping[str, Image]) -> Picture:
    count = len(row["mask_class_ids"] or ())
    return Picture(
        make_thumbnail(shown[row["frame_id"]], THUMBNAIL_PX),
        f"{count} class{'es' * (count != 1)}",
        caption_released(row["session"], row["sensor"]),
    )


def _picture_pair(
    pairs: MapPairs, place: int, shown: Mapping[str, Image], colors: Sequence[Color]
) -> tuple[Picture, Picture]:
    frame_id = pairs.frame_ids[place]
    truth = pairs.truth(place)
    found = pairs.predicted(place)
    labelled, predicted = (
        fit_width(paint_map(shown[frame_id], m, colors), OVERLAY_PX)
        for m in (truth, found)
    )
    share = float((truth.class_ids != IGNORE).mean())
    return (
        Picture(
            labelled,
            f"Labelled: {_count_classes(truth)} classes",
            f"{share:.0%} of frame {frame_id[:12]}",
        ),
        Picture(predicted, f"Predicted: {_count_classes(found)} classes"),
    )


def _picture_wrong(
    pairs: MapPairs,
    place: int,
    confusion: NDArray[np.int64],
    shown: Mapping[str, Image],
    colors: Sequence[Color],
) -> Picture:
    """The wrong pixels alone, in the colour of the class that they were given."""
    truth = pairs.truth(place)
    found = pairs.predicted(place)
    frame_id = pairs.frame_ids[place]
    is_wrong = (truth.class_ids != IGNORE) & (truth.class_ids != found.class_ids)
    wrong = SemanticMap(np.where(is_wrong, found.class_ids, IGNORE).astype(np.uint8))
    picture = fit_width(
        paint_map(shown[frame_id], wrong, colors, opacity=0.9), MISTAKE_PX
    )
    caption = f"mIoU {mean_iou(confusion):.3f}: {_name_worst(confusion, pairs.subject.class_names)}"
    return Picture(
        picture,
        caption,
        f"{is_wrong.mean():.0%} of the pixels wrong · frame {frame_id[:12]}",
    )


def _name_worst(confusion: NDArray[np.int64], names: Sequence[str]) -> str:
    """The commonest mistake in words."""
    wrong = confusion - np.diag(np.diag(confusion))
    true_id, found_id = np.unravel_index(int(wrong.argmax()), wrong.shape)
    return f"{names[int(true_id)]}, called {names[int(found_id)]}"


def _count_classes(semantic: SemanticMap) -> int:
    return int((np.unique(semantic.class_ids) != IGNORE).sum())
