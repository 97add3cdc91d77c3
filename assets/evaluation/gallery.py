"""Gather what a person wants to see of one model: frames, labels beside predictions, worst mistakes, curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assets.evaluation.score_charts import draw_scores
from assets.kinds import find_kind
from assets.kinds.judging.pairs import Pairs
from assets.previews.drawing import contact_sheet, encode_jpeg
from assets.previews.gallery import Gallery, ImageReader, name_subject
from assets.tables.rows import ReleaseFrameRow

if TYPE_CHECKING:
    from assets.evaluation.exam import Exam


def draw_exam(exam: Exam) -> dict[str, bytes]:
    """Name -> PNG or JPEG of one exam, for the orchestrator's metadata."""
    subject = name_subject(
        f"{exam.task} model {exam.model_sha256[:8]}", exam.release.release_id
    )
    answered = find_kind(exam.task).pair(
        exam.predictions, exam.release_rows, exam.release.class_names
    )
    pairs = answered.at(exam.operating_score)
    gallery = gather_gallery(
        pairs,
        exam.release_rows,
        exam.images,
        exam.package.facts.history,
        subject,
    )
    thumbnails = gallery.thumbnails
    pictures = {
        "contact sheet": contact_sheet(
            [p.image_rgb for p in thumbnails], [p.caption for p in thumbnails]
        ),
        **{
            f"{'labels' if n % 2 == 0 else 'predictions'} {n // 2 + 1}": encode_jpeg(
                p.image_rgb
            )
            for n, p in enumerate(gallery.overlays[:2])
        },
        **{name: draw("light") for name, draw in gallery.charts.items()},
        **{
            name: draw("light")
            for name, draw in draw_scores(
                exam.scores, find_kind(exam.task).leading_metric, subject
            ).items()
        },
    }
    for n, mistake in enumerate(gallery.mistakes[:3], start=1):
        pictures[f"worst mistake {n}"] = encode_jpeg(mistake.image_rgb)
    return pictures


def gather_gallery(
    pairs: Pairs,
    release_rows: Sequence[ReleaseFrameRow],
    images: ImageReader,
    history: Sequence[Mapping[str, Any]],
    subject: str,
) -> Gallery:
    """Pictures and charts of one model. `release_rows` are the split's `release_frames`; a few images are read."""
    row_of = {row["frame_id"]: row for row in release_rows}
    return pairs.draw(row_of, images, history, subject)
