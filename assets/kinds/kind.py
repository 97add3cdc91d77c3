"""What a kind of label is: all that differs between a class, boxes, a map and their like, from label rows to answers.

A kind is named like the task whose releases hold it. It is stateless, and what is heavy it imports inside functions. A
new kind is a file beside this one, a task that learns from it, and its name in `models/task_names.py`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypedDict

import numpy as np
from numpy.typing import NDArray

from assets.tables.rows import SIDES, FrameRow, LabelRow, PredictionRow, ReleaseFrameRow
from models.types import Image, Prediction, StoredImage, Target

if TYPE_CHECKING:
    import pyarrow as pa

    from assets.kinds.judging.pairs import Pairs

NO_MASK = "label without a mask"
CLASSES_DIFFER = "classes differ"
BOXES_DIFFER = "boxes differ"
MASKS_DIFFER = "masks differ"
IS_EMPTY = "one side calls it empty"
Colors = Mapping[str, tuple[int, int, int]]  # RGB by class


@dataclass(frozen=True)
class Statement:
    """What is said of one frame for one dataset.

    `labels` have no fault; `faults` tell of the others why they cannot be in a release. `num_missing` counts marked
    objects that never became labels. `empty_for` are the tasks that somebody looked for, and found nothing at all.
    `version_ids` are the versions of labels that it rests on, beside label files.
    """

    labels: tuple[LabelRow, ...] = ()
    faults: tuple[str, ...] = ()
    num_missing: int = 0
    has_ignored: bool = False
    empty_for: frozenset[str] = frozenset()
    version_ids: frozenset[str] = frozenset()
    is_interpolated: bool = False  # some of it nobody saw on the frame itself

    @property
    def is_whole(self) -> bool:
        """Whether every object that somebody marked is a label without a fault."""
        return not self.faults and not self.num_missing


@dataclass(frozen=True)
class Marks:
    """What is said of all frames, without masks: to find out quickly which are good for what.

    `labels` has frame_id, task and the sides of boxes; `looked_at` frame_id, task and what was counted there.
    """

    labels: pa.Table
    looked_at: pa.Table
    # an SQL condition on labels -> ids of the frames that have such a label
    find_frames: Callable[[str], set[str]]


class Answer(TypedDict):
    """The columns of `predictions` that hold what a model says of one frame."""

    boxes_xyxy: list[float]
    class_names: list[str]
    scores: list[float]
    mask_rles: list[str] | None


@dataclass(frozen=True)
class View:
    """An image as a sample holds it, beside the stored one: the same, or shrunken."""

    image: Image | StoredImage
    stored: StoredImage

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width in px, as the sample holds it."""
        if isinstance(self.image, np.ndarray):
            return self.image.shape[0], self.image.shape[1]
        return self.image.size_hw

    @property
    def scale_xy(self) -> NDArray[np.float32]:
        """(2,) by what x and y of the stored image are multiplied here."""
        if self.image is self.stored:
            return np.ones(2, np.float32)
        height, width = self.size_hw
        stored_height, stored_width = self.stored.size_hw
        return np.array([width / stored_width, height / stored_height], np.float32)

    def require_size(self, size_hw: Sequence[int], frame_id: str) -> None:
        """Raises ValueError where a label was made for an image of another size."""
        if tuple(size_hw) != self.stored.size_hw:
            raise ValueError(
                f"frame {frame_id} has {self.stored.size_hw} pixels, its masks {list(size_hw)}: ingest its labels again"
            )


class Kind(Protocol):
    """One kind of label. Rows are those of the tables `labels`, `release_frames` and `predictions`."""

    name: str
    label_tasks: tuple[str, ...]  # `task` of the labels that a release takes
    # of `release_frames` that hold the target, in the order in which a release hashes them
    columns: tuple[str, ...]
    needs_labels: bool = True  # a frame of which nothing is said can teach nothing
    # what has no label is learnt as absent: so nothing may lack one
    learns_absence: bool = False
    # a frame shows one class, so labels of two deny each other
    has_one_class: bool = False
    is_compared_on_intake: bool = False  # contradictions between equal pictures are looked for before a release is made
    is_judged: bool = False  # answers are stored, scored by slice and drawn; where not, the task examines itself
    # what the gate asks for, of kinds whose exams have rows of frames; "" of others
    leading_metric: str = ""
    counts_answers: bool = (
        False  # from an operating score on, which the validation part chooses
    )
    # ways of slicing scores that count objects, not frames
    slices_of_objects: tuple[str, ...] = ()
    remedy: str = ""  # what helps where no label is good enough for a release

    # ---- from labels to a release --------------------------------------------------------------------------------

    def find_frames(self, marks: Marks) -> set[str]:
        """Ids of the frames that what is said of them is good for, as far as can be told without masks."""
        return set()

    def find_fault(self, label: LabelRow, frame: FrameRow) -> str | None:
        """Why a label cannot be in a release; None where it can, or where a copy's label may complete it."""
        return None

    def find_gap(self, label: LabelRow) -> str | None:
        """What a label still lacks after those of all copies have completed it; None where nothing."""
        return None

    def identify(self, label: LabelRow) -> Hashable:
        """What labels of one object share, beside a box."""
        return label["task"], label["class_name"], None

    def sign(self, label: LabelRow) -> Hashable:
        """Equal for labels that say the same, whoever said it."""
        sides = ((label[side] is None, label[side] or 0.0) for side in SIDES)
        return label["task"], label["class_name"], *sides, label["mask_rle"] or ""

    def complete(self, label: LabelRow, other: LabelRow) -> LabelRow:
        """The label that stays of two of one object, with what only the other has; where one has a mask, it stays."""
        return label

    def find_conflict(self, one: Statement, other: Statement) -> str | None:
        """What two statements on one picture contradict each other in; None where they complete each other."""
        return None

    def list_shown(self, labels: Sequence[LabelRow]) -> frozenset[tuple[str, int]]:
        """What tells near-duplicates apart as lessons: the classes that a picture shows, and how many of each."""
        return frozenset(Counter(label["class_name"] for label in labels).items())

    @abstractmethod
    def make_target(
        self, labels: Sequence[LabelRow], class_ids: Sequence[int], frame: FrameRow
    ) -> dict[str, Any]:
        """The columns of `release_frames` that hold the target of one picture; others stay empty."""

    @abstractmethod
    def find_target_fault(self, row: ReleaseFrameRow) -> str | None:
        """Why the target of a `release_frames` row is none; None where it is one. Its class ids are known ones."""

    def find_unjudged(
        self, test: Sequence[ReleaseFrameRow], chosen: Sequence[str]
    ) -> str | None:
        """What answers about the test part no figure judges where classes were chosen; None where all are judged."""
        return None

    # ---- from a release to answers -------------------------------------------------------------------------------

    @abstractmethod
    def read_target(self, row: ReleaseFrameRow, view: View) -> Target:
        """What a training sample learns from: the target of a `release_frames` row, in pixels of the view.

        Raises ValueError for a row that does not fit its image.
        """

    def list_answer(self, answer: Prediction, class_names: Sequence[str]) -> Answer:
        """The columns of `predictions` that hold one answer of a judged kind."""
        raise ValueError(
            f"answers about {self.name} are not stored: its task examines itself"
        )

    def list_found(self, row: PredictionRow, min_score: float) -> list[str]:
        """The classes that a `predictions` row says to be there, of objects one each, of at least this score where
        answers are scored one by one."""
        raise ValueError(
            f"answers about {self.name} are not stored: its task examines itself"
        )

    def draw_answer(
        self,
        row: PredictionRow,
        image_rgb: Image,
        colors: Colors,
        min_score: float,
    ) -> Image:
        """An image with what a `predictions` row says of it, as `list_found` counts it; a colour for each class."""
        raise ValueError(
            f"answers about {self.name} are not stored: its task examines itself"
        )

    def find_answer_fault(self, row: PredictionRow) -> str | None:
        """Why a `predictions` row is no answer of the kind; None where it is one. Its scores fit its classes."""
        return None if row["scores"] else "no class"

    def pair(
        self,
        predictions: Sequence[PredictionRow],
        release_rows: Sequence[ReleaseFrameRow],
        class_names: Sequence[str],
    ) -> Pairs:
        """Stored predictions beside the `release_frames` of one split, for a judged kind; others are not looked at.

        Raises ValueError for an empty split, a frame without prediction or target, and classes of another release.
        """
        raise ValueError(
            f"answers about {self.name} are not stored: its task examines itself"
        )
