"""JSON files of one picture each, as LabelMe and Supervisely write them: shapes, and tags of the whole picture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from assets.formats.annotations.image_labels import ImageLabels, MaskBudget
from assets.formats.annotations.label_book import LabelBook
from assets.formats.annotations.orientation import Placement, Size
from assets.formats.observations import LabelObservation, Problem
from assets.formats.protocol import (
    LABELS_NOT_READ,
    MAX_LABELS,
    Opener,
    UnreadableBytes,
    read_bytes,
    whole_file,
)
from assets.formats.strict_json import MAX_JSON_BYTES, parse_json
from assets.storage import SessionFile

DETECTION = "detection"
_RECOGNITION = "recognition"


@dataclass(frozen=True)
class Form:
    """What a tool calls things, and what helps with a file of it that cannot be read."""

    reader: str
    tool: str
    items: str  # the list of the shapes, in the plural
    remedy: str
    image_remedy: str
    kinds: frozenset[str]  # of shapes that are read
    no_objects: frozenset[str]  # kinds of shapes that mark no object


@dataclass
class Habits:
    """What the files of a data set have in common."""

    has_items: bool = False
    has_tags: bool = False
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def tasks(self) -> list[str]:
        """What the pictures were looked at for."""
        is_about_tags = self.has_tags and not self.has_items
        return [_RECOGNITION] if is_about_tags else [DETECTION]


@dataclass
class PictureJson(ABC):
    """One file, of one picture. A tool's own says how its parts are read."""

    form: Form
    file: SessionFile
    images: ImageLabels
    pictures: dict[str, SessionFile]
    book: LabelBook
    habits: Habits
    _said: dict[str, Any] = field(default_factory=dict)
    _image: SessionFile | None = None

    @abstractmethod
    def _list_tags(self) -> Iterable[tuple[int, str]]:
        """Number and class of each tag of the whole picture that is read."""

    @abstractmethod
    def _has_tags(self) -> bool:
        """Whether the file has tags of the whole picture, read or not."""

    @abstractmethod
    def _find_image(self) -> SessionFile:
        """Raises LookupError, also where two pictures may be meant."""

    @abstractmethod
    def _read_size(self) -> Size | None:
        """The stated size of the picture; None where the file states none."""

    @abstractmethod
    def _name_kind(self, item: dict[str, Any]) -> str:
        """The kind of a shape, in the tool's words."""

    @abstractmethod
    def _take(
        self,
        number: int,
        kind: str,
        item: dict[str, Any],
        placement: Placement,
        budget: MaskBudget,
    ) -> None:
        """Read a shape. Raises ValueError."""

    def open(self, opener: Opener) -> Iterator[Problem]:
        """Parse the file."""
        items = self.form.items
        try:
            said = parse_json(read_bytes(self.file, opener, MAX_JSON_BYTES))
            if not isinstance(said, dict) or not are_objects(said.get(items)):
                raise ValueError(f"it has no list of objects '{items}'")
        except UnreadableBytes as error:
            yield self._refuse(error.reason, error.remedy)
            return
        except ValueError as error:
            reason = f"not a file of {self.form.tool}: {error}"
            yield self._refuse(reason, self.form.remedy)
            return
        self._said = said
        self.habits.has_items |= bool(said[items])
        self.habits.has_tags |= self._has_tags()

    def find_pictures(self) -> Iterator[Problem]:
        """Find the picture, and see which size is stated of it."""
        if not self._said:
            return
        try:
            self._image = self._find_image()
        except LookupError as error:
            yield self._refuse(str(error), self.form.image_remedy)
            return
        self.images.learn_habit(self._image, self._read_size())

    def read(self) -> Iterator[Problem]:
        """Put the labels into the book."""
        image = self._image
        if image is None:
            return
        source = whole_file(self.file)
        for task in self.habits.tasks:
            self.book.look(image.path, task, source)
        for number, name in self._list_tags():
            self.book.add(self._label(image, _RECOGNITION, name, index=number))
        items = self._said[self.form.items]
        try:
            placement = self.images.place(image, self._read_size())
        except ValueError as error:
            for _ in items:
                self.book.miss(image.path, DETECTION, source)
            remedy = "export the labels for the images as they are"
            yield self._refuse(str(error), remedy)
            return
        budget = MaskBudget(self.file.size_bytes)
        for number, item in enumerate(items):
            if number >= MAX_LABELS:
                self.book.miss(image.path, DETECTION, source)
                reason = f"more than {MAX_LABELS} {self.form.items}, not read on"
                yield self._refuse(reason, self.form.remedy)
                break
            kind = self._name_kind(item)
            if kind in self.form.no_objects:
                self.habits.counts[f"{LABELS_NOT_READ}: {kind}"] += 1
                self.book.ignore(image.path, DETECTION, source)
            elif kind not in self.form.kinds:
                self.habits.counts[f"{LABELS_NOT_READ}: {kind[:40]}"] += 1
                self.book.miss(image.path, DETECTION, source)
            else:
                try:
                    self._take(number, kind, item, placement, budget)
                except ValueError as error:
                    self.book.miss(image.path, DETECTION, source)
                    reason = f"{self.form.items.removesuffix('s')} {number}: {error}"
                    yield self._refuse(reason, self.form.remedy)

    def _label(
        self, image: SessionFile, task: str, class_name: str, **said: Any
    ) -> LabelObservation:
        """What this file says of its picture."""
        source = whole_file(self.file)
        sensor = self.images.name_sensor(image)
        return LabelObservation(image.path, task, class_name, source, sensor, **said)

    def _refuse(self, reason: str, remedy: str) -> Problem:
        return Problem(whole_file(self.file), self.form.reader, reason[:500], remedy)


def are_objects(value: Any) -> bool:
    """Whether a value of JSON is a list of objects."""
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)
