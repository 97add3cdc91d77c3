"""Foresee what an intake makes of a folder: who reads what, which labels and classes it gives, what cannot be read.

For a dry run. What has pictures and labels is read by its own reader, with no more of large pictures than their header;
of everything else the first bytes tell whether they are data at all.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any, BinaryIO

from assets.capture.contents import WHOLE_READERS
from assets.capture.lending import (
    Lent,
    explain_absent,
    lend_pictures,
    plan_lending,
    tell_stored_frames,
)
from assets.capture.members import Members
from assets.capture.partial import REMEDY, find_missing_end
from assets.capture.source_settings import inherit_video
from assets.formats import Opener, find_reader, foresee, read_capture
from assets.formats.archives.archive import ArchiveReader
from assets.formats.images.image_headers import read_header
from assets.formats.layout import (
    IMAGE_SUFFIXES,
    is_hidden,
    is_mask_path,
    suffix_of,
)
from assets.formats.leftovers import FRAME_LABELLERS
from assets.formats.observations import FrameObservation, LabelObservation, Problem
from assets.formats.protocol import (
    MAX_FILE_BYTES,
    CapturePlan,
    Leftover,
    UnreadableBytes,
    explain_pointer,
    read_head,
    whole_file,
)
from assets.storage import Folder, SessionFile
from assets.tables.catalog import Catalog

# of a picture; headers that end behind it are read with the whole file
HEAD_BYTES = 256 << 10
# of a bucket, where each costs a request
MAX_REMOTE_FILES = 2_000
# whose header lies at the beginning, and that no reader of labels decodes
_SHORTENED = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif"})
_READ = FRAME_LABELLERS | {"class_folder", "image_folder"}

Refusal = tuple[str, str]  # reason, remedy


@dataclass
class Outlook:
    """What one capture is going to be. `labels`: task -> class -> how many."""

    reader: str
    root: str
    num_files: int
    notes: dict[str, str]
    num_pictures: int = 0
    labels: dict[str, Counter[str]] = field(default_factory=dict)
    classes_from: str = ""
    refused: dict[Refusal, list[str]] = field(default_factory=dict)
    # what the checks of an intake would count
    num_images: int = 0
    sensors: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    @property
    def facts(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "reader": self.reader,
            "root": self.root,
            "files": self.num_files,
            "pictures": self.num_pictures,
            "classes_from": self.classes_from,
            "labels": {task: dict(n.most_common()) for task, n in self.labels.items()},
            "refused": [
                {"path": path, "reason": reason, "remedy": remedy}
                for (reason, remedy), paths in self.refused.items()
                for path in paths
            ],
            "notes": self.notes,
        }


@dataclass(frozen=True)
class Losses:
    """What an intake would find unreadable, as far as beginnings and ends of files tell, besides what a person has
    acknowledged. `silent` names sensors and recordings of which nothing could be read, as an intake does."""

    num_images: int
    problems: list[Problem]
    silent: list[str]


@dataclass(frozen=True)
class FolderPlan:
    """Who would read which files of a folder, with the stored frames that its label files name."""

    folder: Folder
    plans: list[CapturePlan]
    leftovers: list[Leftover]
    lent: Lent

    @property
    def opener(self) -> Opener:
        """Opens the files, and pictures that are lent."""
        return self.lent.open_beside(self.folder.open)

    def explain_nothing(self) -> str | None:
        """Why there would be no session: nobody reads any of the files. None where somebody does."""
        if self.plans:
            return None
        data = [left for left in self.leftovers if not left.is_document]
        if not data:
            has_documents = bool(self.leftovers)
            what = "documents alone" if has_documents else "no file"
            return f"{self.folder.uri} holds {what}: give the folder with the data"
        first = data[0]
        more = f", and {len(data) - 1} more files" * (len(data) > 1)
        return (
            f"nothing in {self.folder.uri} can be read, so no session is made: {first.file.path}: "
            f"{first.reason}{more}. {first.remedy}"
        )

    def list_outlooks(
        self, catalog: Catalog, on_progress: Callable[[int, int], None]
    ) -> Iterator[Outlook]:
        """One a capture. `on_progress` takes files done, and all."""
        total = sum(len(plan.files) for plan in self.plans)
        is_costly = not self.folder.is_local and total > MAX_REMOTE_FILES
        done = 0
        for plan in self.plans:
            found = self._foresee(plan, catalog, is_costly)
            stored = tell_stored_frames(catalog, plan, self.lent)
            if stored:
                found.notes["labels of stored frames"] = stored
            yield found
            done += len(plan.files)
            on_progress(done, total)

    def find_losses(
        self, outlooks: Sequence[Outlook], settled: Collection[str]
    ) -> Losses:
        """Of the outlooks, and of what nobody reads; `settled` are the paths that a person has acknowledged."""
        unread = [
            Problem(whole_file(left.file), left.reader, left.reason, left.remedy)
            for left in self.leftovers
            if not left.is_document
        ]
        found = [problem for one in outlooks for problem in one.problems]
        problems = [p for p in (*found, *unread) if p.source.path not in settled]
        read = {sensor for one in outlooks for sensor in one.sensors}
        lost = {p.sensor for p in problems if p.sensor} - read
        recordings = {p.source.path for p in problems if p.reader in WHOLE_READERS}
        silent = [*(f"sensor {sensor}" for sensor in sorted(lost)), *sorted(recordings)]
        return Losses(sum(one.num_images for one in outlooks), problems, silent)

    def _foresee(self, plan: CapturePlan, catalog: Catalog, is_costly: bool) -> Outlook:
        here = self.lent.leave_out(plan)
        if plan.reader == ArchiveReader.name:
            here = replace(here, home=Members(catalog, here, catalog.blobs))
        found = Outlook(plan.reader, plan.root, len(here.files), dict(plan.notes))
        found.notes |= foresee(here, self.folder.open)
        if is_costly:
            found.notes["not looked into"] = (
                f"a bucket of more than {MAX_REMOTE_FILES} files: classes and what cannot be read come with the intake"
            )
        elif plan.reader in _READ and not plan.is_container:
            _read_ahead(plan, self.opener, self.lent, found)
        else:
            _look_at_heads(here, self.folder.open, found)
        return found


def plan_folder(catalog: Catalog, folder: Folder) -> FolderPlan:
    """Share the files of a folder out among the readers; nothing is written.

    Raises OSError where the place cannot be listed, ValueError where the settings of its source are none.
    """
    files = folder.files()
    lent = lend_pictures(catalog, files, folder.open)
    video = inherit_video(folder)
    plans = plan_lending(files, folder.open, lent, video=video)
    return FolderPlan(folder, *plans, lent)


def find_nothing(catalog: Catalog, folder: Folder) -> str | None:
    """Why a folder that was never taken in makes no session; None where any of its files is read by somebody.

    A picture tells so by its name: only where there is none, the readers are asked.
    """
    if any(
        suffix_of(file.path) in IMAGE_SUFFIXES and not is_mask_path(file.path)
        for file in folder.files()
        if not is_hidden(file.path)
    ):
        return None
    return plan_folder(catalog, folder).explain_nothing()


def _read_ahead(plan: CapturePlan, opener: Opener, lent: Lent, found: Outlook) -> None:
    """Let the reader of the capture read it, and count what it says."""
    short, open_short = _shorten(plan, opener)
    labels = defaultdict[str, Counter[str]](Counter)
    for seen in read_capture(short, open_short):
        if isinstance(seen, FrameObservation):
            found.num_pictures += seen.source.path not in lent.frame_ids
            found.num_images += 1
            found.sensors.add(seen.sensor)
        elif isinstance(seen, LabelObservation):
            labels[seen.task][seen.class_name] += 1
        elif isinstance(seen, Problem):
            told = explain_absent(seen)
            found.problems.append(told)
            paths = found.refused.setdefault((told.reason, told.remedy), [])
            if told.source.path not in paths[-1:]:
                paths.append(told.source.path)
    found.labels = dict(sorted(labels.items()))
    found.notes |= plan.notes
    reader = find_reader(plan.reader)
    if labels:
        found.classes_from = getattr(reader, "classes_from", "")


def _look_at_heads(plan: CapturePlan, opener: Opener, found: Outlook) -> None:
    """Find what stands for data and is none: pointers, files without a byte, and containers without their end."""
    for file in plan.files:
        try:
            refusal = explain_pointer(read_head(file, opener))
            if plan.is_container and not refusal:
                with opener(file) as stream:
                    missing = find_missing_end(file.path, stream)
                refusal = (missing, REMEDY) if missing else None
        except UnreadableBytes as error:
            refusal = error.reason, error.remedy
        if refusal:
            found.refused.setdefault(refusal, []).append(file.path)
            found.problems.append(Problem(whole_file(file), plan.reader, *refusal))
        elif suffix_of(file.path) in IMAGE_SUFFIXES:
            found.num_images += 1


def _shorten(plan: CapturePlan, opener: Opener) -> tuple[CapturePlan, Opener]:
    """The capture with the beginnings of its large pictures alone, as far as these have the header."""
    whole: dict[str, SessionFile] = {}
    files = []
    for file in plan.files:
        if _can_be_short(file, opener):
            whole[file.path] = file
            file = replace(file, size_bytes=HEAD_BYTES)
        files.append(file)

    def open_short(file: SessionFile) -> BinaryIO:
        if file.path not in whole:
            return opener(file)
        with opener(whole[file.path]) as stream:
            return BytesIO(stream.read(HEAD_BYTES))

    return replace(plan, files=tuple(files)), open_short


def _can_be_short(file: SessionFile, opener: Opener) -> bool:
    is_large = HEAD_BYTES < file.size_bytes <= MAX_FILE_BYTES
    if not is_large or suffix_of(file.path) not in _SHORTENED:
        return False
    try:
        with opener(file) as stream:
            return read_header(stream.read(HEAD_BYTES)) is not None
    except OSError:
        return False  # the reader says what is wrong with it
