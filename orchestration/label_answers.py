"""Label files that answer a queue: read as any label file is, and put down as what a person says of stored frames.

Belongs here: from files to answers. Does not: the formats (`assets/formats`), and what is done with answers
(`assets/annotation/labels.py`).
"""

import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assets.annotation.labels import Answer, Marked
from assets.capture.lending import Lent, lend_pictures, plan_lending
from assets.formats import read_capture
from assets.formats.layout import IMAGE_SUFFIXES, folder_of, name_of, suffix_of
from assets.formats.observations import (
    AnnotationObservation,
    LabelObservation,
    Problem,
)
from assets.formats.strict_json import MAX_JSON_BYTES, parse_json
from assets.storage import Folder, SessionFile
from assets.tables.catalog import Catalog

_ARCHIVES = frozenset({".zip", ".tar", ".gz", ".tgz"})


@dataclass
class Read:
    """What files say of stored frames, and what of them could not be read, as "what: remedy"."""

    answers: list[Answer] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def num_labels(self) -> int:
        """Objects, and classes of pictures."""
        return sum(len(answer.marked) for answer in self.answers)


def read_answers(
    catalog: Catalog, place: Path, sha256_of: Mapping[str, str] | None = None
) -> Read:
    """What a label file, or a folder of them, says of stored frames, which it names as an export does.

    `sha256_of` are the bytes of frames as they were when somebody was given them. Pictures that lie beside are not
    looked at. Raises ValueError for an archive, and for a place where no label file is.
    """
    files, folder = _list_files(place)
    lent = lend_pictures(catalog, files, folder.open)
    plans, leftovers = plan_lending(files, folder.open, lent)
    if not plans:
        told = [f"{left.file.path}: {left.reason}: {left.remedy}" for left in leftovers]
        found = "; ".join(told[:3]) or "no label file is there"
        raise ValueError(f"{place}: {found}")
    gathered = _Gathered(lent)
    for plan in plans:
        for seen in read_capture(plan, lent.open_beside(folder.open)):
            gathered.add(seen)
    return Read(gathered.list_answers(sha256_of or {}), gathered.problems)


def read_tasks(
    catalog: Catalog,
    tasks: Sequence[Mapping[str, Any]],
    sha256_of: Mapping[str, str] | None = None,
) -> Read:
    """The same of one person's tasks of Label Studio."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "tasks.json"
        path.write_text(json.dumps(list(tasks)), encoding="utf-8")
        return read_answers(catalog, path, sha256_of)


def part_by_person(
    tasks: Sequence[Mapping[str, Any]], names: Mapping[int, str]
) -> dict[str, list[dict[str, Any]]]:
    """The tasks of Label Studio as each annotator answered them, by the annotator's name: of each frame, which may be
    in several projects, that one's newest annotation; those that were cancelled are left out. Tasks that only a model
    answered are nobody's."""
    newest: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for number, task in enumerate(tasks):
        frame = frame_of(task) or f"task {number}"
        for said in task.get("annotations") or ():
            if said.get("was_cancelled"):
                continue
            theirs = newest[_name_annotator(said.get("completed_by"), names)]
            if frame not in theirs or _age_of(said) > _age_of(_said_in(theirs[frame])):
                # no prediction: what a model says is nobody's answer
                theirs[frame] = {**task, "annotations": [said], "predictions": []}
    return {name: list(of.values()) for name, of in newest.items()}


def frame_of(task: Mapping[str, Any]) -> str | None:
    """The id of the frame that a task of Label Studio was made of; None of a task that names none."""
    data = task.get("data")
    found = data.get("frame_id") if isinstance(data, dict) else None
    return found if isinstance(found, str) else None


def load_tasks(path: Path) -> list[dict[str, Any]] | None:
    """The tasks of an export of Label Studio in the format JSON; None for another file."""
    if not path.is_file() or suffix_of(path.name) != ".json":
        return None
    if path.stat().st_size > MAX_JSON_BYTES:
        return None
    try:
        document = parse_json(path.read_bytes())
    except ValueError:
        return None
    is_export = isinstance(document, list) and all(
        isinstance(entry, dict) and _has_annotations(entry) for entry in document
    )
    return document if is_export and document else None


def _has_annotations(entry: Mapping[str, Any]) -> bool:
    said = entry.get("annotations")
    return isinstance(said, list) and all(isinstance(one, dict) for one in said)


class _Gathered:
    """Observations, by frame and task."""

    def __init__(self, lent: Lent) -> None:
        self._lent = lent
        self._marked: dict[tuple[str, str], list[Marked]] = defaultdict(list)
        self._missing: Counter[tuple[str, str]] = Counter()
        self._ignored: Counter[tuple[str, str]] = Counter()
        self.problems: list[str] = []

    def add(self, seen: object) -> None:
        if isinstance(seen, Problem):
            self.problems.append(f"{seen.source.path}: {seen.reason}: {seen.remedy}")
        elif isinstance(seen, LabelObservation | AnnotationObservation):
            frame_id = self._lent.frame_ids.get(seen.frame_path or "")
            if frame_id is None:
                return
            key = frame_id, seen.task
            self._marked[key]  # somebody has looked
            if isinstance(seen, LabelObservation):
                self._marked[key].append(_mark(seen))
            else:
                self._missing[key] += seen.num_missing
                self._ignored[key] += seen.num_ignored

    def list_answers(self, sha256_of: Mapping[str, str]) -> list[Answer]:
        return [
            Answer(
                frame_id,
                task,
                tuple(marked),
                sha256_of.get(frame_id),
                self._missing[frame_id, task],
                self._ignored[frame_id, task],
            )
            for (frame_id, task), marked in sorted(self._marked.items())
        ]


def _mark(label: LabelObservation) -> Marked:
    said = json.dumps(label.attributes) if label.attributes else None
    return Marked(
        label.class_name, label.box_xyxy, label.mask_rle, label.track_id, said
    )


def _list_files(place: Path) -> tuple[list[SessionFile], Folder]:
    """The files at a place but pictures, of which label images alone are labels."""
    if suffix_of(place.name) in _ARCHIVES:
        raise ValueError(f"{place} is an archive: unpack it, and give the folder")
    if not place.exists():
        raise ValueError(
            f"{place} is not there: give a label file, or a folder of some"
        )
    folder = Folder(str(place.parent if place.is_file() else place))
    files = [
        file
        for file in folder.files()
        if (place.is_dir() or file.path == place.name) and _may_label(file)
    ]
    return files, folder


def _may_label(file: SessionFile) -> bool:
    is_picture = suffix_of(file.path) in IMAGE_SUFFIXES
    return not is_picture or name_of(folder_of(file.path)) == "masks"


def _name_annotator(said: Any, names: Mapping[int, str]) -> str:
    if isinstance(said, dict):
        return str(said.get("email") or said.get("username") or said.get("id"))
    if isinstance(said, int) and said in names:
        return names[said]
    return f"annotator {said}"


def _said_in(task: Mapping[str, Any]) -> dict[str, Any]:
    """The annotation of a task that is one person's."""
    (said,) = task["annotations"]
    return dict(said)


def _age_of(said: Mapping[str, Any]) -> tuple[str, int]:
    number = said.get("id")
    at = str(said.get("updated_at") or said.get("created_at") or "")
    return at, number if isinstance(number, int) else 0
