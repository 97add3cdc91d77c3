"""Trackers that know the past alone: SORT, and ByteTrack, which asks again among what was found with doubt.

Both go from frame to frame. What a frame costs grows with the boxes that overlap, not with all pairs of boxes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.tracking.motion import AREA, HEIGHT, Filters
from models.tracking.overlaps import Pairs, assign, find_overlaps
from models.tracking.sightings import Floats, Ints, Sightings, Tracks, order_tracks

_TENTATIVE, _TRACKED, _LOST = 0, 1, 2
_SAME_IOU = 0.85  # a found and a lost track that overlap by this are one


@dataclass(frozen=True)
class SortConfig:
    """As Bewley et al. 2016, "Simple online and realtime tracking", have it. `max_age` is in frames."""

    min_iou: float = 0.3
    max_age: int = 1
    min_hits: int = 3


@dataclass(frozen=True)
class ByteConfig:
    """As Zhang et al. 2022, "ByteTrack", have it: `high` and `low` part the scores, `max_age` is in frames.

    `min_iou` is of the first round, in which overlap counts by the score.
    """

    high: float = 0.6
    low: float = 0.1
    new: float = 0.7
    min_iou: float = 0.2
    min_iou_low: float = 0.5
    min_iou_tentative: float = 0.3
    max_age: int = 30

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high <= self.new <= 1:
            raise ValueError(
                f"low {self.low}, high {self.high}, new {self.new}: keep 0 <= low <= high <= new <= 1"
            )


@dataclass
class _Alive:
    """Tracks that may go on: a filter each, and what became of them."""

    filters: Filters
    labels: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    ages: Ints = field(default_factory=lambda: np.zeros(0, np.int64))  # since seen
    streaks: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    states: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    num_ever: int = 0

    def __len__(self) -> int:
        return len(self.labels)

    def step(self) -> None:
        self.filters.velocity[self.states == _LOST, 3] = 0
        self.filters.predict()
        self.streaks[self.ages > 0] = 0
        self.ages += 1

    def see(self, rows: Ints, boxes_xyxy: Floats) -> None:
        self.filters.update(rows, boxes_xyxy)
        self.ages[rows] = 0
        self.streaks[rows] += 1

    def add(self, boxes_xyxy: Floats, state: int) -> None:
        num = len(boxes_xyxy)
        self.filters.add(boxes_xyxy)
        new = np.arange(self.num_ever, self.num_ever + num)
        self.labels = np.concatenate([self.labels, new])
        self.ages = np.concatenate([self.ages, np.zeros(num, np.int64)])
        self.streaks = np.concatenate([self.streaks, np.zeros(num, np.int64)])
        self.states = np.concatenate([self.states, np.full(num, state)])
        self.num_ever += num

    def keep(self, is_kept: NDArray[np.bool_]) -> None:
        if is_kept.all():
            return
        self.filters.keep(is_kept)
        self.labels, self.ages = self.labels[is_kept], self.ages[is_kept]
        self.streaks, self.states = self.streaks[is_kept], self.states[is_kept]


def track_sort(sightings: Sightings, config: SortConfig | None = None) -> Tracks:
    """SORT: a track is told from its third box in a row on, and ends where it was not seen for `max_age` frames.

    Boxes are those of the filter. All sightings count, whatever their score.
    """
    config = config or SortConfig()
    alive = _Alive(Filters(AREA))
    told = _Told()
    for number, frame, places in _walk(sightings, alive, config.max_age):
        boxes = sightings.boxes_xyxy[places]
        overlaps = find_overlaps(alive.filters.boxes_xyxy, boxes)
        pairs = assign(overlaps.keep(overlaps.gains >= config.min_iou))
        alive.see(pairs.left, boxes[pairs.right])
        source = np.full(len(alive), -1, np.int64)
        source[pairs.left] = places[pairs.right]
        new = _others(len(boxes), pairs.right)
        alive.add(boxes[new], _TRACKED)
        source = np.concatenate([source, places[new]])
        is_told = (alive.ages == 0) & (
            (alive.streaks >= config.min_hits) | (number < config.min_hits)
        )
        told.add(frame, alive, is_told, source)
        alive.keep(alive.ages <= config.max_age)
    return told.finish(sightings)


def track_byte(sightings: Sightings, config: ByteConfig | None = None) -> Tracks:
    """ByteTrack: what was found with certainty goes to tracks first, what was found with doubt to those left over.

    A track begins with a box of `new` or above, and is told once it was seen in two frames in a row. Boxes are those of
    the filter.
    """
    config = config or ByteConfig()
    alive = _Alive(Filters(HEIGHT))
    told = _Told()
    for number, frame, places in _walk(sightings, alive, config.max_age):
        scores = sightings.scores[places]
        sure = places[scores >= config.high]
        unsure = places[(scores > config.low) & (scores < config.high)]
        source = np.full(len(alive), -1, np.int64)
        known = np.flatnonzero(alive.states != _TENTATIVE)
        left = _join(alive, source, known, sightings, sure, config.min_iou, True)
        seen = known[(source[known] < 0) & (alive.states[known] == _TRACKED)]
        _join(alive, source, seen, sightings, unsure, config.min_iou_low, False)
        tentative = np.flatnonzero(alive.states == _TENTATIVE)
        floor = config.min_iou_tentative
        left = _join(alive, source, tentative, sightings, left, floor, True)
        is_over = (alive.states == _TENTATIVE) & (source < 0)
        alive.states[:] = np.where(source >= 0, _TRACKED, _LOST)
        new = left[sightings.scores[left] >= config.new]
        alive.add(sightings.boxes_xyxy[new], _TRACKED if number == 0 else _TENTATIVE)
        source = np.concatenate([source, new])
        is_over = np.concatenate([is_over, np.zeros(len(new), bool)])
        is_told = (alive.states == _TRACKED) & (alive.ages == 0)
        told.add(frame, alive, is_told, source)
        is_over |= alive.ages > config.max_age
        alive.keep(~is_over & ~_find_doubles(alive))
    return told.finish(sightings)


def link_boxes(sightings: Sightings, min_iou: float) -> Ints:
    """(N,) the piece 0..K-1 of each sighting: boxes of frames one after another, each where the ones before it lead."""
    alive = _Alive(Filters(HEIGHT))
    labels = np.zeros(len(sightings), np.int64)
    for _, _, places in _walk(sightings, alive, 0):
        boxes = sightings.boxes_xyxy[places]
        overlaps = find_overlaps(alive.filters.boxes_xyxy, boxes)
        pairs = assign(overlaps.keep(overlaps.gains >= min_iou))
        alive.see(pairs.left, boxes[pairs.right])
        labels[places[pairs.right]] = alive.labels[pairs.left]
        new = _others(len(boxes), pairs.right)
        alive.add(boxes[new], _TRACKED)
        labels[places[new]] = alive.labels[len(alive) - len(new) :]
        alive.keep(alive.ages == 0)
    return labels


@dataclass
class _Told:
    """What is told of each frame, to be put together in the end."""

    parts: list[tuple[Ints, Ints, Floats, Ints]] = field(default_factory=list)

    def add(
        self, frame: int, alive: _Alive, is_told: NDArray[np.bool_], source: Ints
    ) -> None:
        (rows,) = np.nonzero(is_told)
        if len(rows):
            boxes = alive.filters.model.draw(alive.filters.mean[rows])
            frames = np.full(len(rows), frame)
            self.parts.append((frames, alive.labels[rows], boxes, source[rows]))

    def finish(self, sightings: Sightings) -> Tracks:
        none = (np.zeros(0, np.int64),) * 2
        parts = [(*none, np.zeros((0, 4)), none[0]), *self.parts]
        frames, labels, boxes, sources = (
            np.concatenate(column) for column in zip(*parts, strict=True)
        )
        return order_tracks(frames, labels, boxes, sightings.scores[sources], sources)


def _walk(
    sightings: Sightings, alive: _Alive, max_age: int
) -> Iterator[tuple[int, int, Ints]]:
    """(frames so far, frame, places of its sightings) of each frame from the first to the last, tracks a step on.

    Where nothing is found for so long that no track lives through it, frames are left out.
    """
    frames, starts = np.unique(sightings.frames, return_index=True)
    borders = [*starts.tolist(), len(sightings)]
    last = None
    for frame, start, end in zip(frames.tolist(), borders, borders[1:], strict=False):
        skipped = 0 if last is None else frame - last - 1
        for _ in range(min(skipped, max_age + 1)):
            alive.step()
            alive.states[alive.states == _TRACKED] = _LOST
            alive.keep((alive.ages <= max_age) & (alive.states != _TENTATIVE))
        alive.step()
        yield frame - int(frames[0]), frame, np.arange(start, end)
        last = frame


def _others(count: int, taken: Ints) -> Ints:
    is_free = np.ones(count, bool)
    is_free[taken] = False
    return np.flatnonzero(is_free)


def _join(
    alive: _Alive,
    source: Ints,
    rows: Ints,
    sightings: Sightings,
    places: Ints,
    min_gain: float,
    by_score: bool,
) -> Ints:
    """Give sightings to some of the tracks, and say which are left over."""
    boxes = sightings.boxes_xyxy[places]
    filters = alive.filters
    overlaps = find_overlaps(filters.model.draw(filters.mean[rows]), boxes)
    if by_score:
        overlaps = Pairs(
            overlaps.left,
            overlaps.right,
            overlaps.gains * sightings.scores[places][overlaps.right],
        )
    pairs = assign(overlaps.keep(overlaps.gains >= min_gain))
    alive.see(rows[pairs.left], boxes[pairs.right])
    source[rows[pairs.left]] = places[pairs.right]
    return places[_others(len(places), pairs.right)]


def _find_doubles(alive: _Alive) -> NDArray[np.bool_]:
    """Of a found and a lost track in one place, the younger."""
    found = np.flatnonzero(alive.states == _TRACKED)
    lost = np.flatnonzero(alive.states == _LOST)
    boxes = alive.filters.boxes_xyxy
    pairs = find_overlaps(boxes[found], boxes[lost])
    pairs = pairs.keep(pairs.gains > _SAME_IOU)
    ours, theirs = found[pairs.left], lost[pairs.right]
    younger = np.where(alive.labels[ours] > alive.labels[theirs], ours, theirs)
    is_double = np.zeros(len(alive), bool)
    is_double[younger] = True
    return is_double
