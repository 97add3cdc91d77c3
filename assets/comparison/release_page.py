"""What two releases differ in, as a page and as lines: counts, classes, and pictures of frames of each change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from assets.captions import caption_released
from assets.comparison.page import Page, Section
from assets.comparison.releases import (
    ADDED,
    MOVED,
    RELABELLED,
    REMOVED,
    FrameDiff,
    ReleaseDiff,
)
from assets.inference.predict import StoredImages
from assets.previews.drawing import color_classes
from assets.previews.gallery import Picture, spread
from assets.previews.labelled import draw_labels, tell_labels
from assets.tables.catalog import Catalog
from assets.tables.releases import Release
from assets.tables.rows import ReleaseFrameRow

NUM_PICTURES = 8  # frames of one change
_NOTES = {
    ADDED: "In the second release alone.",
    REMOVED: "In the first release alone.",
    RELABELLED: "In both, with other labels: before, and after.",
    MOVED: "In both, in another part.",
}


def tell_diff(diff: ReleaseDiff) -> list[str]:
    """For a terminal, a line each."""
    if diff.is_same:
        return [f"the same {diff.num_same} frames, labels, parts and classes"]
    lines = [
        f"frames: {len(diff.first.frames)} -> {len(diff.second.frames)}, {_count(diff)}"
    ]
    lines += [f"  {a} -> {b}: {n} frames" for (a, b), n in diff.moves.items()]
    for word, names in (
        ("classes added", diff.classes_added),
        ("classes removed", diff.classes_removed),
        ("sessions added", diff.sessions_added),
        ("sessions removed", diff.sessions_removed),
    ):
        lines += [f"{word}: {', '.join(names)}"] * bool(names)
    for one in diff.classes:
        within = [
            (one.added, "added"),
            (one.removed, "removed"),
            (one.changed, "changed"),
        ]
        told = ", ".join(f"{n} {word}" for n, word in within if n)
        if told or one.before != one.after:
            inside = f"; in frames of both {told}" if told else ""
            lines.append(f"{one.name}: {one.before} -> {one.after} labels{inside}")
    return [*lines, *(f"WARNING: {text}" for text in diff.warnings)]


def make_page(catalog: Catalog, diff: ReleaseDiff) -> Page:
    """The page, with pictures of up to NUM_PICTURES frames of each change."""
    first, second = diff.first.release_id[:12], diff.second.release_id[:12]
    return Page(
        f"Release {first} and {second}",
        f"Releases for {diff.task}. {_count(diff).capitalize()}.",
        {
            "frames before": str(len(diff.first.frames)),
            "frames after": str(len(diff.second.frames)),
            **{what: str(len(frames)) for what, frames in diff.frames.items()},
        },
        [_list_classes(diff), *_show_changes(catalog, diff)],
        diff.warnings,
    )


def _count(diff: ReleaseDiff) -> str:
    counts = [f"{len(frames)} {what}" for what, frames in diff.frames.items()]
    return ", ".join([f"{diff.num_same} the same", *counts])


def _list_classes(diff: ReleaseDiff) -> Section:
    rows = [
        [
            one.name,
            *(
                str(n)
                for n in (one.before, one.after, one.added, one.removed, one.changed)
            ),
            "added" * (one.name in diff.classes_added)
            + "removed" * (one.name in diff.classes_removed),
        ]
        for one in diff.classes
    ]
    head = ("class", "before", "after", "added", "removed", "changed", "")
    note = "Labels in all parts; added, removed and changed are those in frames of both releases."
    return Section("Classes", note, head, rows)


def _show_changes(catalog: Catalog, diff: ReleaseDiff) -> Iterator[Section]:
    for what, frames in diff.frames.items():
        if not frames:
            continue
        places = spread([frame.session for frame in frames], NUM_PICTURES)
        shown = [frames[place] for place in places]
        more = f" {len(shown)} of {len(frames)} are shown." * (len(shown) < len(frames))
        pictures = list(_draw(catalog, diff, shown))
        yield Section(f"Frames {what}", _NOTES[what] + more, pictures=pictures)


def _draw(
    catalog: Catalog, diff: ReleaseDiff, frames: Sequence[FrameDiff]
) -> Iterator[Picture]:
    """Relabelled frames as they were and as they are, others once."""
    names = dict.fromkeys((*diff.first.class_names, *diff.second.class_names))
    colors = color_classes(list(names))
    releases = (diff.first, diff.second)
    rows = [_read_rows(release, frames) for release in releases]
    images = [
        StoredImages(catalog, release.frames_version).read(list(mine.values()))
        for release, mine in zip(releases, rows, strict=True)
    ]
    for frame in frames:
        for n in _choose_sides(frame):
            row = rows[n][frame.frame_id]
            known = releases[n].class_names
            drawn = draw_labels(row, images[n][frame.frame_id], known, colors)
            word = ("before: ", "after: ")[n] if frame.labels else ""
            where = caption_released(frame.session, frame.sensor)
            detail = f"{where} · {_tell_part(frame)} · {frame.frame_id[:12]}"
            yield Picture(drawn, f"{word}{tell_labels(row, known)}", detail)


def _choose_sides(frame: FrameDiff) -> tuple[int, ...]:
    if frame.labels:
        return 0, 1
    return (0,) if frame.after is None else (1,)


def _tell_part(frame: FrameDiff) -> str:
    if frame.before and frame.after and frame.before != frame.after:
        return f"{frame.before} -> {frame.after}"
    return frame.after or frame.before or ""


def _read_rows(
    release: Release, frames: Sequence[FrameDiff]
) -> dict[str, ReleaseFrameRow]:
    ids = [frame.frame_id for frame in frames]
    is_shown = pc.is_in(
        release.frames["frame_id"], value_set=pa.array(ids, pa.string())
    )
    rows = release.frames.filter(is_shown).to_pylist()
    return {row["frame_id"]: row for row in rows}
