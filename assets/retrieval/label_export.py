"""Write what is said of stored frames by now, with their pictures, for other programs: final labels of one task.

Written are the frames that somebody looked at for the task, those where nothing was found too. What the form loses is
found by reading what was written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from assets.current_labels import Said, read_said
from assets.frame_names import MANIFEST
from assets.retrieval.frame_export import (
    OnPicture,
    Sampling,
    Written,
    sample_frames,
    write_manifest,
    write_pictures,
)
from assets.retrieval.label_files import choose_form
from assets.retrieval.labelled import Album, Labelled
from assets.retrieval.read_back import write_checked
from assets.tables.catalog import Catalog
from assets.tables.rows import FrameRow, LabelRow
from assets.whole_output import writing_folder
from models.task_names import DETECTION, TASK_NAMES


@dataclass(frozen=True)
class Spoken:
    """Frames that somebody looked at for a task, and what was said of them."""

    task: str
    frames: tuple[FrameRow, ...]
    labels: Labelled
    # what no form has a place for, by what it is
    unheld: Counter[str]

    @property
    def classes(self) -> list[str]:
        """The names of the classes, by the alphabet."""
        rows = self.labels.by_frame.values()
        return sorted({label["class_name"] for of_frame in rows for label in of_frame})


def read_spoken(catalog: Catalog, sampling: Sampling, task: str | None) -> Spoken:
    """What is said of the chosen frames for a task; None: the one that has labels.

    Raises ValueError as `sample_frames` does, for a task that does not exist, where nobody looked at any of the frames,
    and where labels are of several tasks and none is named.
    """
    if task is not None and task not in TASK_NAMES:
        raise ValueError(
            f"there is no task '{task}': choose one of {', '.join(TASK_NAMES)}"
        )
    frames = sample_frames(catalog, sampling).frames
    said = read_said(catalog, frames)
    task = task or _find_task(said)
    found = {
        i: one for (i, name), one in said.items() if name == task and _is_looked_at(one)
    }
    if not found:
        raise ValueError(
            f"nobody has looked at any of {len(frames)} frames for {task}: choose another --task or other --sessions"
        )
    labels = {i: [x for x in one.labels if _has_place(x)] for i, one in found.items()}
    num_bare = sum(len(found[i].labels) - len(labels[i]) for i in found)
    unheld = Counter(
        {
            "labels without a box": num_bare,
            "objects that were seen and are no labels": sum(
                one.num_missing for one in found.values()
            ),
            "regions that stand for no single object": sum(
                one.num_ignored for one in found.values()
            ),
        }
    )
    chosen = tuple(frame for frame in frames if frame["frame_id"] in found)
    return Spoken(task, chosen, Labelled(labels, is_final=True), +unheld)


def export_labels(
    catalog: Catalog,
    spoken: Spoken,
    out: Path,
    form: str,
    is_strict: bool = False,
    on_picture: OnPicture | None = None,
) -> Written:
    """Write pictures and label files into folder `out`, all of it or nothing.

    Raises ValueError as `write_pictures` and `writing_folder` do, for a form that does not hold labels of the task, and
    for a loss where none is allowed.
    """
    choose_form(form, spoken.task)
    with writing_folder(out) as folder:
        pictures, num_bytes = write_pictures(catalog, spoken.frames, folder, on_picture)
        album = Album(pictures, spoken.classes, spoken.labels, spoken.task)
        losses = write_checked(folder, form, album, is_strict)
        # without the label files: they are to count where they are taken in
        write_manifest(folder / MANIFEST, pictures)
    counts = Counter(images=len(pictures), labels=spoken.labels.count([spoken.task]))
    return Written(num_bytes, counts, losses + spoken.unheld)


def _find_task(said: Mapping[tuple[str, str], Said]) -> str:
    counts = Counter({task: 0 for task in TASK_NAMES})
    for (_, task), one in said.items():
        counts[task] += len(one.labels)
    named = [task for task, count in counts.items() if count]
    if len(named) > 1:
        told = ", ".join(f"{counts[task]} of {task}" for task in named)
        raise ValueError(f"there are labels {told}: choose one with --task")
    return named[0] if named else DETECTION


def _is_looked_at(said: Said) -> bool:
    return bool(said.looked_at or said.labels)


def _has_place(label: LabelRow) -> bool:
    return label["task"] != DETECTION or label["x_min"] is not None
