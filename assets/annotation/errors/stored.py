"""Suspected errors in stored labels of a task: by answers of models that did not learn from the frame, else by frames
that look like it.

A model's answer on what it learnt from agrees with the label, right or wrong, and is not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assets.annotation.errors.boxes import BoxColumns, suspect_boxes
from assets.annotation.errors.classes import suspect_classes
from assets.annotation.errors.masks import MapPair, suspect_regions
from assets.annotation.errors.neighbours import suspect_presence, vote
from assets.annotation.errors.suspects import (
    FAULTS,
    NO_LABEL,
    WRONG_CLASS,
    Suspects,
    join_suspects,
)
from assets.annotation.queue.answers import Answers, read_answer_masks, read_answers
from assets.annotation.vectors import open_vectors
from assets.tables.catalog import Catalog, is_in, repr_sql
from assets.tables.positions import open_placed
from assets.tables.rows import SIDES
from models.masks import decode_mask
from models.task_names import RECOGNITION, SEGMENTATION
from models.types import IGNORE

BY_NEIGHBOURS = "neighbours"
_MOST_NEIGHBOURS = 20_000  # frames that are compared with each other
_LEARNT = ("train", "val")
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class LabelColumns:
    """Published labels of a task on frames (N,): `rows` (L,) with label_id, class_name and sides; `frame` (L,)."""

    rows: pa.Table
    frame: NDArray[np.int64]
    class_ids: NDArray[np.int64]
    class_names: tuple[str, ...]
    # places (K,) -> their masks
    read_masks: Callable[[NDArray[np.int64]], list[str | None]]

    def __len__(self) -> int:
        return len(self.frame)


@dataclass(frozen=True)
class LabelSuspects:
    """Suspects among stored labels, and what spoke against each: `spoken_by` (S,) places in `speakers`."""

    labels: LabelColumns
    suspects: Suspects
    class_names: tuple[str, ...]
    speakers: tuple[str, ...]  # models by id, or BY_NEIGHBOURS
    spoken_by: NDArray[np.int64]

    def tell(self, place: int) -> str:
        """`wrong class: ball, cup by the model, 0.93`."""
        found = self.suspects
        fault = FAULTS[found.fault[place]]
        said = self.class_names[found.class_id[place]]
        given = found.label[place]
        named = said if given == NO_LABEL else self.name_label(int(given))
        what = f"{named}, {said}" if fault == WRONG_CLASS else named
        speaker = self.speakers[self.spoken_by[place]]
        who = speaker if speaker == BY_NEIGHBOURS else f"model {speaker[:8]}"
        return f"{fault}: {what} by {who}, {found.suspicion[place]:.2f}"

    def name_label(self, place: int) -> str:
        """The class of a label."""
        return self.labels.class_names[self.labels.class_ids[place]]

    def list_labels(self, place: int) -> list[str]:
        """The id of the label that is suspected; none where one is missing."""
        given = int(self.suspects.label[place])
        return (
            [] if given == NO_LABEL else [self.labels.rows["label_id"][given].as_py()]
        )


def suspect_labels(
    catalog: Catalog,
    task: str,
    frames: pa.Table,
    wanted: Mask,
    models: Sequence[str],
) -> LabelSuspects:
    """Suspects among the published labels on the wanted of the frames (N,). `models` are asked in order: the first that
    has answered a frame and did not learn from it speaks; where none has, its neighbours do.
    """
    labels = read_labels(catalog, task, frames["frame_id"], wanted)
    has_label = np.zeros(len(frames), bool)
    has_label[labels.frame] = True
    left = wanted.copy()
    parts: list[Suspects] = []
    speakers: list[str] = []
    names = list(labels.class_names)
    for model in models:
        fresh = left & ~find_learnt(catalog, model, frames["frame_id"])
        if not fresh.any():
            continue
        found, judged = _ask_model(catalog, model, frames, labels, fresh, names)
        parts.append(found)
        speakers.append(model)
        left &= ~judged
    alone = left & has_label
    found = _ask_neighbours(catalog, task, frames, labels, alone)
    parts.append(found)
    speakers.append(BY_NEIGHBOURS)
    spoken_by = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return LabelSuspects(
        labels, join_suspects(parts), tuple(names), tuple(speakers), spoken_by
    )


def read_labels(
    catalog: Catalog, task: str, frame_ids: pa.ChunkedArray, wanted: Mask
) -> LabelColumns:
    """The published labels of a task on the wanted of the frames (N,), without their masks."""
    columns = ["label_id", "frame_id", "class_name", *SIDES]
    placed = open_placed(catalog, "labels", columns, f"task = {repr_sql(task)}")
    rows = placed.rows
    place = pc.fill_null(
        pc.index_in(rows["frame_id"], value_set=frame_ids.combine_chunks()), -1
    )
    frame = place.to_numpy().astype(np.int64)
    is_mine = (frame >= 0) & np.append(wanted, False)[frame]
    rows = rows.filter(pa.array(is_mine)).combine_chunks()
    encoded = rows["class_name"].combine_chunks().dictionary_encode()
    names = encoded.dictionary.to_pylist()
    ids = encoded.indices.to_numpy().astype(np.int64)
    position = rows["position"].to_numpy()

    def read_masks(places: NDArray[np.int64]) -> list[str | None]:
        found = placed.take(position[places], ["mask_rle"])["mask_rle"].to_pylist()
        return cast("list[str | None]", found)

    return LabelColumns(rows, frame[is_mine], ids, tuple(names), read_masks)


def find_learnt(
    catalog: Catalog, model_sha256: str, frame_ids: pa.ChunkedArray
) -> Mask:
    """(N,) which frames a model learnt from, or was chosen by."""
    models = catalog.read_latest(
        "models", ["release_id"], f"model_sha256 = {repr_sql(model_sha256)}"
    )
    where = f"{is_in('release_id', models['release_id'].to_pylist())} AND {is_in('split', _LEARNT)}"
    learnt = catalog.read_latest("release_frames", ["frame_id"], where)
    known = learnt["frame_id"].combine_chunks()
    return np.asarray(pc.is_in(frame_ids, value_set=known).to_numpy())


# ---- by a model ------------------------------------------------------------------------------------------------------


def _ask_model(
    catalog: Catalog,
    model: str,
    frames: pa.Table,
    labels: LabelColumns,
    wanted: Mask,
    names: list[str],
) -> tuple[Suspects, Mask]:
    """Suspects on the wanted frames that the model has answered, and which these are. `names` grows by its classes."""
    task = _task_of(catalog, model)
    if task == SEGMENTATION:
        return _compare_maps(catalog, model, frames, labels, wanted, names)
    answers = read_answers(catalog, model, frames["frame_id"], wanted)
    names += [name for name in answers.class_names if name not in names]
    codes = np.array([names.index(n) for n in answers.class_names], np.int64)
    mine = np.flatnonzero(answers.is_answered[labels.frame])
    if task == RECOGNITION:
        found = _compare_classes(answers, codes, labels, mine, len(names))
    else:
        found = _compare_boxes(answers, codes, labels, mine, len(names))
    return _place_labels(found, mine), answers.is_answered


def _task_of(catalog: Catalog, model_sha256: str) -> str:
    where = f"model_sha256 = {repr_sql(model_sha256)}"
    task: str = catalog.read_latest("models", ["task"], where)["task"][0].as_py()
    return task


def _compare_classes(
    answers: Answers,
    codes: NDArray[np.int64],
    labels: LabelColumns,
    mine: NDArray[np.int64],
    num_classes: int,
) -> Suspects:
    frames, row = np.unique(labels.frame[mine], return_inverse=True)
    probabilities = np.zeros((len(frames), num_classes))
    is_mine = np.isin(answers.frame, frames)
    at = np.searchsorted(frames, answers.frame[is_mine])
    probabilities[at, codes[answers.class_ids[is_mine]]] = answers.scores[is_mine]
    return suspect_classes(
        labels.frame[mine], labels.class_ids[mine], probabilities[row]
    )


def _compare_boxes(
    answers: Answers,
    codes: NDArray[np.int64],
    labels: LabelColumns,
    mine: NDArray[np.int64],
    num_classes: int,
) -> Suspects:
    rows = labels.rows.take(pa.array(mine))
    boxes = np.column_stack(
        [pc.fill_null(rows[side], 0.0).to_numpy() for side in SIDES]
    ).astype(np.float64)
    given = BoxColumns(
        labels.frame[mine], boxes, labels.class_ids[mine], np.ones(len(mine))
    )
    said = BoxColumns(
        answers.frame, answers.boxes_xyxy, codes[answers.class_ids], answers.scores
    )
    return suspect_boxes(given, said, num_classes)


def _compare_maps(
    catalog: Catalog,
    model: str,
    frames: pa.Table,
    labels: LabelColumns,
    wanted: Mask,
    names: list[str],
) -> tuple[Suspects, Mask]:
    judged = np.zeros(len(frames), bool)
    order = np.argsort(labels.frame, kind="stable")
    ordered = labels.frame[order]

    def pair() -> Iterator[MapPair]:
        for place, answer in read_answer_masks(
            catalog, model, frames["frame_id"], wanted
        ):
            low, high = np.searchsorted(ordered, [place, place + 1])
            mine = order[low:high]
            if not len(mine):
                continue
            names.extend(n for n in answer.class_names if n not in names)
            judged[place] = True
            size_hw = (
                frames["height_px"][place].as_py(),
                frames["width_px"][place].as_py(),
            )
            painted = _paint_labels(labels, np.sort(mine), size_hw)
            said = np.full(size_hw, IGNORE, np.uint8)
            sure = np.zeros(IGNORE)
            for rle, name, score in zip(
                answer.mask_rles, answer.class_names, answer.scores, strict=True
            ):
                said[decode_mask(rle, *size_hw)] = names.index(name)
                sure[names.index(name)] = score
            yield MapPair(place, painted, labels.class_ids, said, sure)

    # as many as a map can hold: the names are known when all answers are read
    return suspect_regions(pair(), IGNORE), judged


def _paint_labels(
    labels: LabelColumns, mine: NDArray[np.int64], size_hw: tuple[int, int]
) -> NDArray[np.int64]:
    """(H, W) the place of the label that each pixel belongs to; -1 for none, and where two of different class meet."""
    painted = np.full(size_hw, -1, np.int64)
    is_disputed = np.zeros(size_hw, bool)
    for place, rle in zip(mine.tolist(), labels.read_masks(mine), strict=True):
        if not rle:
            continue
        mask = decode_mask(rle, *size_hw)
        below = painted[mask]
        other = labels.class_ids[below] != labels.class_ids[place]
        is_disputed[mask] |= (below >= 0) & other
        painted[mask] = place
    painted[is_disputed] = -1
    return painted


# ---- by neighbours ---------------------------------------------------------------------------------------------------


def _ask_neighbours(
    catalog: Catalog, task: str, frames: pa.Table, labels: LabelColumns, wanted: Mask
) -> Suspects:
    """Suspects on the wanted frames by what they look like; where there are very many, on some, evenly spread."""
    vectors = open_vectors(catalog, frames["frame_id"])
    some = np.flatnonzero(wanted & vectors.is_there)
    if len(some) > _MOST_NEIGHBOURS:
        some = some[np.arange(_MOST_NEIGHBOURS) * len(some) // _MOST_NEIGHBOURS]
    if not len(some):
        return join_suspects([])
    mine = np.flatnonzero(np.isin(labels.frame, some))
    at = np.searchsorted(some, labels.frame[mine])
    shows = np.zeros((len(some), len(labels.class_names)), bool)
    shows[at, labels.class_ids[mine]] = True
    votes = vote(vectors.read(some), shows)
    if task == RECOGNITION:
        found = suspect_classes(at, labels.class_ids[mine], votes[at])
    else:
        found = suspect_presence(at, labels.class_ids[mine], votes)
    placed = Suspects(
        some[found.frame],
        found.label,
        found.fault,
        found.class_id,
        found.boxes_xyxy,
        found.suspicion,
    )
    return _place_labels(placed, mine)


def _place_labels(found: Suspects, mine: NDArray[np.int64]) -> Suspects:
    """Suspects among some labels (K,), `mine` their places among all."""
    label = np.where(found.label == NO_LABEL, NO_LABEL, np.append(mine, 0)[found.label])
    return Suspects(
        found.frame,
        label,
        found.fault,
        found.class_id,
        found.boxes_xyxy,
        found.suspicion,
    )
