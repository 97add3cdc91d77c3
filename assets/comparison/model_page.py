"""Two models on one exam, as a page and as lines: figures, slices that moved, pictures of frames that changed sides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assets.captions import caption_released
from assets.comparison.chart import draw_differences
from assets.comparison.models import (
    RIGHT_FROM,
    ChangedFrame,
    Comparison,
    SliceDifference,
    tell_difference,
)
from assets.comparison.page import Page, Section
from assets.inference.predict import StoredImages
from assets.kinds import find_kind
from assets.previews.drawing import color_classes, fit_width
from assets.previews.gallery import Picture
from assets.previews.labelled import WIDTH_PX, draw_labels, tell_labels
from assets.tables.catalog import Catalog, is_in
from assets.tables.releases import open_release
from models.known_tasks import dataset_of

NUM_FRAMES = 8  # pictures of frames, of those won and of those lost
_MOST_LINES = 12  # for a terminal


@dataclass(frozen=True)
class Named:
    """A comparison with what its models are called, and warnings."""

    comparison: Comparison
    first: str
    second: str
    warnings: tuple[str, ...] = ()


def tell_comparison(named: Named) -> list[str]:
    """For a terminal, a line each."""
    found = named.comparison
    whole = found.whole
    lines = [
        f"{found.task} on release {found.release_id[:16]}: {found.num_frames} test frames, {whole.num_units} "
        "independent recordings or groups",
        f"first:  {named.first}",
        f"second: {named.second}",
        f"{found.metric}: {_tell(whole.first)} -> {_tell(whole.second)}, difference {tell_difference(whole)}",
    ]
    others = [
        f"{name} {_tell(one)} -> {_tell(other)}"
        for name, (one, other) in found.figures.items()
        if name != found.metric
    ]
    lines += [f"  {line}" for line in others]
    num_sure = sum(s.difference.interval is not None for s in found.slices)
    lines.append(
        f"slices that moved: {len(found.moved)} of {len(found.slices)}, of which {num_sure} have an interval"
    )
    lines += [f"  {_tell_slice(s)}" for s in found.moved[:_MOST_LINES]]
    won = sum(frame.is_won for frame in found.changed)
    lines.append(
        f"frames that changed sides: {won} won, {len(found.changed) - won} lost"
    )
    return [*lines, *(f"WARNING: {text}" for text in named.warnings)]


def make_page(catalog: Catalog, named: Named) -> Page:
    """The page, with pictures of up to NUM_FRAMES frames that were won, and as many that were lost."""
    found = named.comparison
    won = [frame for frame in found.changed if frame.is_won]
    lost = [frame for frame in found.changed if not frame.is_won]
    sections = [
        _list_figures(found),
        _list_slices(found),
        *_show_frames(catalog, named, "Frames lost", lost),
        *_show_frames(catalog, named, "Frames won", won),
    ]
    return Page(
        f"{found.task.capitalize()}: {found.metric} {tell_difference(found.whole)}",
        f"First: {named.first}. Second: {named.second}. Differences are the second less the first, on the test part of "
        f"release {found.release_id[:12]}; intervals hold 95 % of what other recordings of this kind would give.",
        {
            "test frames": str(found.num_frames),
            "independent groups": str(found.whole.num_units),
            "slices that moved": str(len(found.moved)),
            "frames won": str(len(won)),
            "frames lost": str(len(lost)),
        },
        sections,
        named.warnings,
    )


def _list_figures(found: Comparison) -> Section:
    rows = [
        [name, _tell(one), _tell(other), _subtract(one, other)]
        for name, (one, other) in found.figures.items()
    ]
    note = f"{found.metric} decides: {tell_difference(found.whole)}."
    return Section("Figures", note, ("figure", "first", "second", "difference"), rows)


def _list_slices(found: Comparison) -> Section:
    rows = [
        [
            s.name,
            str(s.num_frames),
            str(s.difference.num_units),
            _tell(s.difference.first),
            _tell(s.difference.second),
            tell_difference(s.difference),
            _tell_move(s),
        ]
        for s in found.slices
    ]
    head = ("slice", "frames", "groups", "first", "second", "difference", "")
    note = f"{found.metric} of each. Of many slices one in forty moves either way by chance alone."
    charts = {"differences by slice": draw_differences(found)}
    return Section("Slices", note, head, rows, charts)


def _tell_move(one: SliceDifference) -> str:
    if not one.difference.has_moved:
        return ""
    return "better" if (one.difference.value or 0.0) > 0 else "worse"


def _show_frames(
    catalog: Catalog, named: Named, title: str, frames: Sequence[ChangedFrame]
) -> Iterator[Section]:
    if not frames:
        return
    note = (
        f"A frame's own score crosses {RIGHT_FROM:g}; of {len(frames)} those that changed most. Labels, then the first "
        "model, then the second."
    )
    pictures = list(_draw(catalog, named.comparison, frames[:NUM_FRAMES]))
    yield Section(title, note, pictures=pictures, num_columns=3)


def _draw(
    catalog: Catalog, found: Comparison, frames: Sequence[ChangedFrame]
) -> Iterator[Picture]:
    release = open_release(catalog, found.release_id)
    ids = [frame.frame_id for frame in frames]
    mine = f"{is_in('release_id', [found.release_id])} AND {is_in('frame_id', ids)}"
    rows = {
        row["frame_id"]: row
        for row in catalog.read_latest("release_frames", where=mine).to_pylist()
    }
    shown = StoredImages(catalog, release.frames_version).read(list(rows.values()))
    answers = [_read_answers(catalog, sha, found, ids) for sha in _models(found)]
    colors = color_classes(release.class_names)
    kind = find_kind(dataset_of(found.task))
    for frame in frames:
        row, image = rows[frame.frame_id], shown[frame.frame_id]
        labels = draw_labels(row, image, release.class_names, colors)
        where = caption_released(frame.session, frame.sensor)
        told = tell_labels(row, release.class_names)
        yield Picture(labels, f"Labels: {told}", f"{where} · {frame.frame_id[:12]}")
        for (said, scores), value, word in zip(
            answers, (frame.first, frame.second), ("First", "Second"), strict=True
        ):
            if frame.frame_id not in said:
                continue
            least = scores.get(frame.frame_id) or 0.0
            answer = said[frame.frame_id]
            drawn = kind.draw_answer(answer, image, colors, least)
            names = kind.list_found(answer, least)
            caption = ", ".join(
                f"{names.count(n)} {n}" if len(names) > 1 else n
                for n in dict.fromkeys(names)
            )
            yield Picture(
                fit_width(drawn, WIDTH_PX),
                f"{word}: {caption or 'nothing'}",
                f"score {value:.2f}",
            )


def _models(found: Comparison) -> tuple[str, str]:
    return found.first_sha256, found.second_sha256


def _read_answers(
    catalog: Catalog, model_sha256: str, found: Comparison, ids: Sequence[str]
) -> tuple[dict, dict]:
    """What a model said of each frame, and the score from which on answers counted."""
    mine = f"{is_in('model_sha256', [model_sha256])} AND {is_in('frame_id', ids)}"
    rows = catalog.read_latest("predictions", where=f"{mine} AND purpose = 'test'")
    of_exam = f"{mine} AND {is_in('release_id', [found.release_id])}"
    scores = catalog.read_latest(
        "frame_scores", ["frame_id", "operating_score"], of_exam
    )
    return (
        {row["frame_id"]: row for row in rows.to_pylist()},
        {row["frame_id"]: row["operating_score"] for row in scores.to_pylist()},
    )


def _tell_slice(one: SliceDifference) -> str:
    difference = one.difference
    return (
        f"{one.name}: {_tell(difference.first)} -> {_tell(difference.second)}, {tell_difference(difference)}, "
        f"{one.num_frames} frames"
    )


def _subtract(one: float | None, other: float | None) -> str:
    return "—" if one is None or other is None else f"{other - one:+.4f}"


def _tell(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.4f}"
