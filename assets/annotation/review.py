"""The calls of a review: look at what is said of a frame, and say what is wrong with it, or that nothing is.

Each call rests on what its caller has seen: the number of the last version. Whoever is second is told (`Overtaken`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from assets.annotation.labels import (
    NO_ORDER,
    Act,
    Answer,
    Author,
    Marked,
    Order,
    find_fault,
    list_marked,
    record_correction,
    tell_overtaken,
)
from assets.current_labels import Said, read_said
from assets.tables.catalog import Catalog, is_in
from assets.tables.ids import complete_id
from assets.tables.rows import FrameRow, LabelVersionRow
from models.task_names import TASK_NAMES

_COLUMNS = (
    *("frame_id", "capture_id", "session", "sensor", "sha256"),
    *("width_px", "height_px"),
)


@dataclass(frozen=True)
class Look:
    """What somebody sees of a frame for a task."""

    frame: FrameRow  # without its payload
    task: str
    said: Said

    @property
    def marked(self) -> tuple[Marked, ...]:
        """The objects that stand."""
        return list_marked(self.said.labels)


@dataclass(frozen=True)
class Change:
    """What becomes of one object: `label_id` (or a unique beginning of it) None adds one, `is_removed` takes one out,
    and what is not None takes the place of what was there."""

    label_id: str | None = None
    class_name: str | None = None
    box_xyxy: tuple[float, float, float, float] | None = None
    mask_rle: str | None = None
    is_removed: bool = False


def look(
    catalog: Catalog,
    frame_id: str,
    task: str | None = None,
    label_id: str | None = None,
) -> Look:
    """What is said of a frame now; `frame_id` may be a unique beginning.

    `task` None: the one that anything is said for, or of which `label_id` (or a beginning of it) is a label. Raises
    ValueError for a frame that is not stored, and where several tasks, or none, could be meant.
    """
    frame_id = complete_id(catalog, "frames", frame_id)
    (frame,) = catalog.read_of("frames", _COLUMNS, "frame_id", [frame_id]).to_pylist()
    said = read_said(catalog, [frame])
    if task is None:
        there = [t for t in TASK_NAMES if (frame_id, t) in said]
        named = [t for t in there if label_id and _has(said[frame_id, t], label_id)]
        there = named or there
        if len(there) != 1:
            found = f"labels for {', '.join(there)}" if there else "no labels"
            raise ValueError(
                f"frame {frame_id} has {found}: name one with --task, of {', '.join(TASK_NAMES)}"
            )
        task = there[0]
    return Look(frame, task, said.get((frame_id, task), Said()))


def _has(said: Said, label_id: str) -> bool:
    return any(
        (marked.label_id or "").startswith(label_id)
        for marked in list_marked(said.labels)
    )


def require_seen(seen: Look, number: int) -> None:
    """Raises Overtaken where what stands now is not what somebody looked at: version `number`."""
    if seen.said.head != number:
        raise tell_overtaken(
            seen.frame["frame_id"], seen.task, seen.said.versions, number
        )


def require_fit(seen: Look, answer: Answer) -> None:
    """Raises ValueError for what does not fit the frame."""
    fault = find_fault(answer, {seen.frame["frame_id"]: seen.frame})
    if fault:
        raise ValueError(fault)


def correct(seen: Look, changes: Sequence[Change]) -> Answer:
    """What would stand with these changes. Raises ValueError for an object that is not there, and for no change."""
    marked = list(seen.marked)
    for change in changes:
        marked = _apply(marked, change)
    if tuple(marked) == seen.marked:
        raise ValueError(
            f"frame {seen.frame['frame_id']}: nothing would change; where that is what you mean, confirm it"
        )
    return _say(seen, marked, "correct")


def find_new_classes(catalog: Catalog, seen: Look, answer: Answer) -> list[str]:
    """A hint for each class of an answer that nobody has used for the task, with those that come near."""
    from difflib import get_close_matches

    said = {marked.class_name for marked in answer.marked}
    new = said - {marked.class_name for marked in seen.marked}
    if not new:
        return []
    of_task = is_in("task", [seen.task])
    labels = catalog.read_latest("labels", ["class_name"], of_task)
    used = set(labels["class_name"].unique().to_pylist())
    versions = catalog.read_latest("label_versions", ["class_names"], of_task)
    for names in versions["class_names"].to_pylist():
        used.update(names)
    hints = []
    for name in sorted(new - used):
        near = get_close_matches(name, sorted(used), 3, 0.6)
        meant = f"; near it are {', '.join(near)}" if near else ""
        hints.append(
            f"nobody has used the class '{name}' for {seen.task}: from now on it is one{meant}"
        )
    return hints


def confirm(seen: Look) -> Answer:
    """That what stands is right. Where nothing does, the picture is one without an object from now on."""
    return _say(seen, seen.marked, "confirm")


def reject(seen: Look) -> Answer:
    """That what stands is wrong, and not what is right: the frame goes into no release that learns absence."""
    return replace(_say(seen, (), "reject"), num_missing=max(len(seen.marked), 1))


def write(
    catalog: Catalog,
    seen: Look,
    answer: Answer,
    author: Author,
    order: Order = NO_ORDER,
) -> LabelVersionRow:
    """Let an answer stand in the place of what was seen. Raises as `record_correction` does."""
    return record_correction(catalog, answer, author, seen.said.head, order)


def _say(seen: Look, marked: Sequence[Marked], act: Act) -> Answer:
    return Answer(
        frame_id=seen.frame["frame_id"],
        task=seen.task,
        marked=tuple(marked),
        frame_sha256=seen.frame["sha256"],
        num_ignored=0 if act == "reject" else seen.said.num_ignored,
        act=act,
    )


def _apply(marked: Sequence[Marked], change: Change) -> list[Marked]:
    new = {
        name: value
        for name in ("class_name", "box_xyxy", "mask_rle")
        if (value := getattr(change, name)) is not None
    }
    if change.label_id is None:
        if change.is_removed:
            raise ValueError("name the label that is to go, with its id")
        return [*marked, Marked(**{"class_name": "", **new})]
    place = _find(marked, change.label_id)
    rest = list(marked)
    if change.is_removed:
        del rest[place]
    else:
        rest[place] = _fit(replace(marked[place], **new), change)
    return rest


def _fit(marked: Marked, change: Change) -> Marked:
    """A mask that was drawn for another box is none of the new one's."""
    is_moved = change.box_xyxy is not None and change.mask_rle is None
    return replace(marked, mask_rle=None) if is_moved else marked


def _find(marked: Sequence[Marked], beginning: str) -> int:
    places = [
        n for n, one in enumerate(marked) if (one.label_id or "").startswith(beginning)
    ]
    if len(places) == 1:
        return places[0]
    ids = ", ".join((one.label_id or "")[:12] for one in marked) or "none"
    what = "several labels begin" if places else "no label begins"
    raise ValueError(f"{what} with {beginning!r}; those of the frame are {ids}")
