"""Frames that a text is about: by their session, and by classes and attributes that labels and a champion say of them.

The text finds documents of sessions, classes and attributes (`asking.py`). A frame's score is the sum of theirs, each
document once. Of frames with equal scores one of each session comes first, then the next of each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assets.search.asking import BOTH, Documents
from assets.search.chosen import choose
from assets.search.labelled_words import list_attributes, read_labelled
from assets.search.stored import read_stored
from assets.tables.catalog import Catalog

_KINDS = ("session", "class", "attribute")
_MOST_WORDS = 20  # documents that count for a text


@dataclass(frozen=True)
class FrameHit:
    """A frame, its score, and the documents that it was found by: `class cup`, `session desk-monday`."""

    frame_id: str
    session: str
    score: float
    why: tuple[str, ...]


@dataclass(frozen=True)
class _Scored:
    """Of the published colour frames (N,): scores, and which documents each was found by."""

    frames: pa.Table
    scores: NDArray[np.float64]
    found_by: Mapping[str, NDArray[np.bool_]]


def find_frames_by_text(
    catalog: Catalog,
    documents: Documents,
    text: str,
    limit: int,
    sessions: Sequence[str] = (),
    way: str = BOTH,
) -> list[FrameHit]:
    """The frames that fit best, best first. Raises ValueError as `Documents.ask` does."""
    scored = _score(catalog, documents, text, way)
    scores = scored.scores * choose(scored.frames["session"], sessions)
    order = _spread(scores, scored.frames["session"])
    found = order[scores[order] > 0][:limit]
    rows = scored.frames.take(pa.array(found)).to_pylist()
    return [
        FrameHit(
            row["frame_id"],
            row["session"],
            float(scores[at]),
            tuple(name for name, has in scored.found_by.items() if has[at]),
        )
        for at, row in zip(found, rows, strict=True)
    ]


def score_frames(catalog: Catalog, documents: Documents, text: str) -> pa.Table:
    """frame_id and score of every published colour frame that the text is about, to sort by, in no order."""
    scored = _score(catalog, documents, text, BOTH)
    table = scored.frames.select(["frame_id"])
    table = table.append_column("score", pa.array(scored.scores))
    return table.filter(pc.greater(table["score"], 0))


def _score(catalog: Catalog, documents: Documents, text: str, way: str) -> _Scored:
    frames = catalog.read("frames", ["frame_id", "session"], "kind = 'color'")
    hits = documents.ask(text, _MOST_WORDS, _KINDS, way=way)
    labelled = _read_said(catalog) if hits else None
    scores = np.zeros(len(frames))
    found_by = {}
    for hit in hits:
        if hit.kind == "session":
            has = pc.equal(frames["session"], hit.id)
        else:
            assert labelled is not None
            ids = labelled[hit.kind].get(hit.id, pa.array([], pa.string()))
            has = pc.is_in(frames["frame_id"], value_set=ids)
        mask = np.asarray(has.to_numpy(zero_copy_only=False), bool)
        scores += hit.score * mask
        found_by[f"{hit.kind} {hit.id}"] = mask
    return _Scored(frames, scores, found_by)


def _read_said(catalog: Catalog) -> dict[str, dict[str, pa.Array]]:
    """Kind -> class or attribute -> ids of frames of which it is said."""
    labelled = read_labelled(catalog).select(["frame_id", "class_name", "attributes"])
    predicted = read_stored(catalog, "predictions", ["frame_id", "class_names"])
    names = predicted["class_names"]
    ids = predicted["frame_id"].take(pc.list_parent_indices(names))
    said = labelled.select(["frame_id", "class_name"])
    more = pa.table([ids, pc.list_flatten(names)], names=said.schema.names)
    both = pa.concat_tables([said.cast(more.schema), more])
    classes = _group(both, "class_name")
    attributes: dict[str, list[str]] = {}
    for text, frame_ids in _group(labelled, "attributes").items():
        for attribute in list_attributes(text):
            attributes.setdefault(attribute, []).extend(frame_ids.to_pylist())
    listed = {name: pa.array(found, pa.string()) for name, found in attributes.items()}
    return {"class": classes, "attribute": listed}


def _group(rows: pa.Table, column: str) -> dict[str, pa.Array]:
    grouped = rows.group_by([column]).aggregate([("frame_id", "distinct")])
    return {
        name: found.values
        for name, found in zip(
            grouped[column].to_pylist(), grouped["frame_id_distinct"], strict=True
        )
        if name is not None
    }


def _spread(
    scores: NDArray[np.float64], sessions: pa.ChunkedArray
) -> NDArray[np.int64]:
    """Places by score; among equal scores the first of each session, then the second of each."""
    codes = sessions.combine_chunks().dictionary_encode().indices.to_numpy()
    order = np.lexsort((codes, -scores))
    is_first = np.diff(codes[order], prepend=-1) != 0
    is_first |= np.diff(scores[order], prepend=-1) != 0
    begins = np.maximum.accumulate(np.where(is_first, np.arange(len(order)), 0))
    turn = np.empty(len(order), np.int64)
    turn[order] = np.arange(len(order)) - begins
    return np.lexsort((codes, turn, -scores))
