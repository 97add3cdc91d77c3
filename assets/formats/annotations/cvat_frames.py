"""Which picture shows which frame of a CVAT task, from what the file says of its tasks and the numbers in names.

CVAT numbers frames as the video does: a task that takes every fifth frame from the tenth has the frames 10, 15, 20, and
its pictures are named so (`frame_000015.PNG`). Who cuts the video elsewhere numbers them anew, from 0. Pictures belong
to frames only where one of these ways fits all of them, and no other does that would say something else.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from assets.formats.annotations.orientation import Size
from assets.formats.layout import list_paths, name_of, stem_of
from assets.storage import SessionFile

_STEP = re.compile(r"step\s*=\s*([1-9]\d{0,8})")
_NUMBER_AT_END = re.compile(r"(\d{1,18})$")


@dataclass(frozen=True)
class Task:
    """What a file says of one task, or of one job of a task."""

    task_id: str = ""
    subset: str = ""
    folders: tuple[str, ...] = ()  # names that a folder of its pictures may have
    is_video: bool = True  # its frames are those of a video, not a list of pictures
    first: int = 0  # the number of its first frame
    step: int = 1
    num_frames: int | None = None
    num_before: int = 0  # frames of the same task before those of this job
    size_px: Size | None = None

    @property
    def frames(self) -> range | None:
        """The numbers of its frames; None where the file does not say how many there are."""
        if self.num_frames is None:
            return None
        return range(self.first, self.first + self.num_frames * self.step, self.step)

    def may_have(self, frame: int) -> bool:
        """Whether a frame of that number could be one of this task, however many it has."""
        return frame >= self.first and (frame - self.first) % self.step == 0


def read_tasks(tree: Element) -> list[Task]:
    """All tasks, or the one job, that a document is of. In a project CVAT counts frames on, within each subset."""
    tasks = list[Task]()
    counted = dict[str, int]()
    for meta in tree.findall("meta"):
        source = (stem_of(name_of(meta.findtext("source", "").strip())),)
        project = meta.findall("project/tasks/task")
        for item in [*meta.findall("task"), *meta.findall("job"), *project]:
            task = _read_task(
                item, source, _read_size(item) or _read_size(meta), counted
            )
            if item in project:
                counted[task.subset] = task.first + task.step * (task.num_frames or 0)
            tasks.append(task)
    return tasks


def _read_task(
    item: Element,
    source: tuple[str, ...],
    size_px: Size | None,
    counted: Mapping[str, int],
) -> Task:
    step = _STEP.search(item.findtext("frame_filter", ""))
    step_frames = int(step[1]) if step else 1
    start, stop, number = (
        _read_whole(item, name) for name in ("start_frame", "stop_frame", "size")
    )
    if number is None and stop is not None and stop >= (start or 0):
        number = (stop - (start or 0)) // step_frames + 1
    before = _read_whole(item, "segments/segment/start") if item.tag == "job" else 0
    own = (
        item.findtext("source", "").strip(),
        item.findtext("name", "").strip(),
        item.findtext("id", "").strip(),
    )
    subset = item.findtext("subset", "").strip()
    return Task(
        own[2],
        subset,
        tuple(name for name in (stem_of(name_of(own[0])), own[1], *source) if name),
        item.findtext("mode", "").strip() != "annotation",
        (start or 0) + counted.get(subset, 0),
        step_frames,
        number,
        before or 0,
        size_px,
    )


@dataclass
class FramePictures:
    """The pictures of the frames of one task, or of the tasks of one subset. Raises LookupError where that is open."""

    tasks: Sequence[Task]
    pictures: Iterable[SessionFile]
    _by_number: dict[int, list[SessionFile]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def __post_init__(self) -> None:
        for picture in self.pictures:
            digits = _NUMBER_AT_END.search(stem_of(picture.path))
            if digits:
                self._by_number[int(digits[1])].append(picture)
        self.tasks = self.tasks or (Task(),)

    def find_frames(self) -> dict[int, list[SessionFile]]:
        """frame -> the pictures that may show it."""
        readings = [
            {frame: self._by_number[n] for n, frame in pairs.items()}
            for pairs in self.read_numbers()
        ]
        if not readings:
            raise LookupError(
                f"{self._say_numbers()} are neither those of the frames, {self.say_frames()}, nor "
                "counted from 0 to as many as it has: which picture shows which frame?"
            )
        if any(reading != readings[0] for reading in readings):
            raise LookupError(
                f"{self._say_numbers()} may be the frames of these numbers, or numbered anew while the "
                f"task has {self.say_frames()}: which picture shows which frame?"
            )
        return readings[0]

    def find(self, frame: int) -> SessionFile:
        """The picture of one frame."""
        found = self.find_frames().get(frame, [])
        if len(found) != 1:
            raise LookupError(
                f"frame {frame} may be any of {list_paths(f.path for f in found)}"
                if found
                else f"there is no picture of frame {frame}"
            )
        return found[0]

    def read_numbers(self) -> Iterator[dict[int, int]]:
        """Every way in which the numbers of pictures can be those of frames, as number -> frame; CVAT's own first."""
        numbers = set(self._by_number)
        if self._is_list_out_of_order():
            return
        frames = self._list_frames(self.tasks)
        if frames is None:
            if all(self.tasks[0].may_have(n) for n in numbers):
                yield {n: n for n in numbers}
        elif self._cover(frames, numbers):
            yield {n: n for n in numbers & frames}
        if len(self.tasks) == 1:
            task = self.tasks[0]
            for begin in dict.fromkeys((0, task.num_before)):
                shown = (
                    None
                    if task.num_frames is None
                    else set(range(begin, begin + task.num_frames))
                )
                if (shown is None or numbers <= shown) and (
                    task.is_video or numbers == shown
                ):
                    yield {
                        n: task.first + (n - begin) * task.step
                        for n in numbers
                        if n >= begin
                    }

    def place_listed(self, listed: Collection[int]) -> dict[int, int]:
        """How tracks number frames: number that they list -> number of the frame."""
        task = self.tasks[0]
        if len(self.tasks) > 1 or all(task.may_have(frame) for frame in listed):
            return {frame: frame for frame in listed}
        if task.num_frames is not None and all(
            0 <= frame <= task.num_frames for frame in listed
        ):
            return {frame: task.first + frame * task.step for frame in listed}
        odd = min(frame for frame in listed if not task.may_have(frame))
        raise LookupError(
            f"tracks list frame {odd}, and the task has {self.say_frames()}: which frames do they mean?"
        )

    def list_shown(self, listed: Collection[int], task_id: str = "") -> Collection[int]:
        """The frames that the tool has shown: all of the task, or those from the first to the last that is listed."""
        frames = self._list_frames(
            [t for t in self.tasks if t.task_id == task_id] or self.tasks
        )
        return (
            frames
            if frames is not None
            else range(min(listed, default=0), max(listed, default=-1) + 1)
        )

    def bear_numbers_of_frames(self) -> bool:
        """Whether the pictures can have the numbers that CVAT gives to them."""
        return not self._by_number or any(
            all(n == f for n, f in pairs.items()) for pairs in self.read_numbers()
        )

    def say_frames(self) -> str:
        """The first frames of the task and its last, to show."""
        found = [task.frames for task in self.tasks if task.frames]
        texts = [
            ", ".join(map(str, frames[:3]))
            + (f" .. {frames[-1]}" if len(frames) > 3 else "")
            for frames in found
        ]
        return (
            "; ".join(texts[:3])
            or f"every {self.tasks[0].step}th frame from {self.tasks[0].first}"
        )

    def _list_frames(self, tasks: Sequence[Task]) -> set[int] | None:
        found = [task.frames for task in tasks]
        return (
            None
            if None in found
            else {frame for frames in found if frames is not None for frame in frames}
        )

    def _cover(self, frames: set[int], numbers: set[int]) -> bool:
        """Whether the numbers are all frames, or the pictures those of the whole video; a list has just its own."""
        if not all(task.is_video for task in self.tasks):
            return numbers == frames
        return numbers <= frames or frames <= numbers

    def _is_list_out_of_order(self) -> bool:
        """Frames of a list of pictures follow their names by letter, where 10 stands before 9."""
        if all(task.is_video for task in self.tasks):
            return False
        ordered = sorted(
            (picture.path, n)
            for n, pictures in self._by_number.items()
            for picture in pictures
        )
        return [n for _, n in ordered] != sorted(n for _, n in ordered)

    def _say_numbers(self) -> str:
        return f"the numbers in the names of {list_paths((p[0].path for p in self._by_number.values()), 3)}"


def narrow_pictures(
    pictures: Sequence[SessionFile], folders: Iterable[str]
) -> list[SessionFile]:
    """The pictures in a folder of one of these names, or all where there is none."""
    names = {name.casefold() for name in folders if name}
    found = [
        p
        for p in pictures
        if names & {part.casefold() for part in p.path.split("/")[:-1]}
    ]
    return found or list(pictures)


def _read_whole(item: Element, path: str) -> int | None:
    text = (item.findtext(path) or "").strip()
    return int(text) if text.isdecimal() and len(text) < 19 else None


def _read_size(item: Element) -> Size | None:
    """The size of a video's frames, where the file states it."""
    width, height = (
        _read_whole(item, f"original_size/{name}") for name in ("width", "height")
    )
    return (width, height) if width and height else None
