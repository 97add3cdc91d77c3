"""Two models on one exam: how far their figures differ, over all and by slice, and which frames changed sides.

Both sat the exam of one release, so they answered about the same frames. Drawn are what splits keep together:
recordings, and pictures that resemble each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assets.tables.catalog import Catalog
from assets.tables.frame_scores import FrameScores, read_frame_scores
from models.metrics.frame_parts import BoxParts, ClassParts, MapParts
from models.metrics.paired import Difference, find_difference

RIGHT_FROM = 0.5  # of a frame's own score in [0, 1]: from here on it counts as right
UNKNOWN = "unknown"  # the slice of a frame of which nobody knows
MAX_SLICES = 200  # of one way of slicing: those with most frames
Slices = Mapping[str, Mapping[str, str]]  # frame_id -> way of slicing -> slice
Cut = Callable[[Sequence[str]], Slices]
_IN_JSON = 1000  # frames that JSON names


@dataclass(frozen=True)
class SliceDifference:
    """The leading metric of both models on some of the frames, or of one class alone."""

    slice_by: str
    slice_value: str
    num_frames: int
    difference: Difference

    @property
    def name(self) -> str:
        """ "sensor = left"."""
        return f"{self.slice_by} = {self.slice_value}"


@dataclass(frozen=True)
class ChangedFrame:
    """A frame that one of the models gets right and the other does not, by its own scores in [0, 1]."""

    frame_id: str
    session: str
    sensor: str
    first: float
    second: float

    @property
    def is_won(self) -> bool:
        """Whether the second model is the one that gets it right."""
        return self.second > self.first


@dataclass(frozen=True)
class Comparison:
    """The second model less the first, on the test part of one release."""

    task: str
    metric: str  # that slices, and what the gate asks for, are measured in
    release_id: str
    first_sha256: str
    second_sha256: str
    num_frames: int
    whole: Difference
    # every figure of the exam: name -> (first, second)
    figures: dict[str, tuple[float | None, float | None]]
    slices: tuple[SliceDifference, ...]
    # those that changed most first
    changed: tuple[ChangedFrame, ...]

    @property
    def moved(self) -> tuple[SliceDifference, ...]:
        """The slices whose interval is all on one side of 0, the worst first."""
        found = [s for s in self.slices if s.difference.has_moved]
        return tuple(sorted(found, key=lambda s: s.difference.value or 0.0))

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it; all frames that changed sides are counted, the first are named."""
        num_won = sum(frame.is_won for frame in self.changed)
        return {
            "task": self.task,
            "metric": self.metric,
            "release_id": self.release_id,
            "models": [self.first_sha256, self.second_sha256],
            "num_frames": self.num_frames,
            "difference": describe_difference(self.whole),
            "figures": {
                name: {"first": one, "second": other}
                for name, (one, other) in self.figures.items()
            },
            "slices": [
                {
                    "slice_by": s.slice_by,
                    "slice_value": s.slice_value,
                    "num_frames": s.num_frames,
                    **describe_difference(s.difference),
                }
                for s in self.slices
            ],
            "changed_sides": {
                "right_from": RIGHT_FROM,
                "won": num_won,
                "lost": len(self.changed) - num_won,
                "frames": [vars(frame) for frame in self.changed[:_IN_JSON]],
            },
        }


def compare_models(
    catalog: Catalog,
    first_sha256: str,
    second_sha256: str,
    release_id: str,
    cut: Cut | None = None,
    classes: Sequence[str] | None = None,
) -> Comparison | None:
    """From what their exams on a release stored; None where one of them sat none, or one that stores no frames.

    `cut` gives slices of frames, besides sessions, sensors and classes. `classes` are those that both are judged by;
    None: all of the release.
    """
    first, second = (
        read_frame_scores(catalog, sha256, release_id)
        for sha256 in (first_sha256, second_sha256)
    )
    if first is None or second is None:
        return None
    if classes is not None:
        first, second = (
            scores.take_classes(
                [n for n, name in enumerate(scores.class_names) if name in classes]
            )
            for scores in (first, second)
        )
    return compare_exams(first, second, cut(first.frame_ids) if cut else {})


def compare_exams(
    first: FrameScores, second: FrameScores, slices: Slices | None = None
) -> Comparison:
    """Raises ValueError for exams about different frames."""
    from assets.kinds import find_kind
    from models.known_tasks import dataset_of

    if first.frame_ids != second.frame_ids:
        raise ValueError(
            f"the two exams on release {first.release_id[:12]} are about different frames: score both models again"
        )
    figures, others = first.figures(), second.figures()
    return Comparison(
        first.task,
        find_kind(dataset_of(first.task)).leading_metric,
        first.release_id,
        first.model_sha256,
        second.model_sha256,
        len(first),
        _differ(first, second),
        {name: (value, others.get(name)) for name, value in figures.items()},
        tuple(_slice_both(first, second, slices or {})),
        tuple(_find_changed(first, second)),
    )


def describe_difference(difference: Difference) -> dict[str, Any]:
    """As JSON has it."""
    interval = difference.interval
    return {
        "first": difference.first,
        "second": difference.second,
        "difference": difference.value,
        "interval": [interval.low, interval.high] if interval else None,
        "num_units": difference.num_units,
        "has_moved": difference.has_moved,
    }


def tell_difference(difference: Difference) -> str:
    """ "+0.012 [-0.004, +0.027]"; the reason where there is no interval."""
    if difference.value is None:
        return "not measured"
    if difference.interval is None:
        return f"{difference.value:+.4f}, no interval over {difference.num_units} recordings or groups"
    low, high = difference.interval.low, difference.interval.high
    return f"{difference.value:+.4f} [{low:+.4f}, {high:+.4f}]"


def _differ(first: FrameScores, second: FrameScores) -> Difference:
    return find_difference(first.weigh, second.weigh, first.group_ids)


def _slice_both(
    first: FrameScores, second: FrameScores, slices: Slices
) -> Iterator[SliceDifference]:
    ways = {way: None for of_frame in slices.values() for way in of_frame}
    names_of: dict[str, Sequence[str]] = {
        "session": first.sessions,
        "sensor": first.sensors,
        **{
            way: [slices.get(i, {}).get(way, UNKNOWN) for i in first.frame_ids]
            for way in ways
        },
    }
    for by, names in names_of.items():
        for value, places in _group(names):
            yield SliceDifference(
                by,
                value,
                len(places),
                _differ(first.take(places), second.take(places)),
            )
    for class_id, name in enumerate(first.class_names[:MAX_SLICES]):
        one, other = (scores.take_classes([class_id]) for scores in (first, second))
        shown = _count_showing(first, class_id)
        if shown:
            yield SliceDifference("class", name, shown, _differ(one, other))


def _group(names: Sequence[str]) -> list[tuple[str, list[int]]]:
    """Places by name; of many names those with most places."""
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        places.setdefault(name, []).append(place)
    largest = sorted(places, key=lambda name: (-len(places[name]), name))[:MAX_SLICES]
    return [(name, places[name]) for name in sorted(largest)]


def _count_showing(scores: FrameScores, class_id: int) -> int:
    """How many frames show a class."""
    parts = scores.parts
    if isinstance(parts, ClassParts):
        return int((parts.true_ids == class_id).sum())
    if isinstance(parts, BoxParts):
        return len(np.unique(parts.object_frames[parts.object_class_ids == class_id]))
    assert isinstance(parts, MapParts), type(parts)
    return int((parts.truth_px[:, class_id] > 0).sum())


def _find_changed(first: FrameScores, second: FrameScores) -> list[ChangedFrame]:
    is_right, is_right_too = first.values >= RIGHT_FROM, second.values >= RIGHT_FROM
    is_known = np.isfinite(first.values) & np.isfinite(second.values)
    found = [
        ChangedFrame(
            first.frame_ids[place],
            first.sessions[place],
            first.sensors[place],
            float(first.values[place]),
            float(second.values[place]),
        )
        for place in np.flatnonzero((is_right != is_right_too) & is_known)
    ]
    return sorted(found, key=lambda f: (-abs(f.second - f.first), f.frame_id))
