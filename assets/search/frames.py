"""Frames that a text is about: by their session, by what labels and a champion say of them, and by what they show.

The text finds documents of sessions, classes and attributes (`asking.py`), texts that frames show, and frames that look
like it (`seen.py`). A frame's score is the sum of what it was found by: of each document its score, of the others
1 / (60 + rank). Of frames with equal scores one of each session comes first, then the next of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assets.inference.clip import NoClip, TextNet
from assets.search.asking import BOTH, FUSED_RANK, WAYS, Documents, require_word
from assets.search.chosen import choose
from assets.search.labelled_words import list_attributes, read_labelled
from assets.search.seen import Found, find_looking_like, find_shown
from assets.search.stored import read_stored
from assets.tables.catalog import Catalog

TEXTS, PICTURES = "texts", "pictures"
FRAME_WAYS = (*WAYS, TEXTS, PICTURES)
_KINDS = ("session", "class", "attribute")
_MOST_WORDS = 20  # documents that count for a text


@dataclass(frozen=True)
class FrameHit:
    """A frame, its score, and what it was found by: `class cup`, `session desk-monday`, `text "EXIT"`, `picture 0.31`.

    What stands in quotation marks was read in a picture: it is a stranger's text.
    """

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
    net: TextNet | None = None,
) -> list[FrameHit]:
    """The frames that fit best, best first: by everything that is known (`both`), by documents alone (`words`,
    `meaning`), by texts that they show, or by what they look like, for which `net` is needed.

    Raises ValueError as `Documents.ask` does, and NoClip for `pictures` without a net.
    """
    require_word(text)
    if way not in FRAME_WAYS:
        raise ValueError(
            f"'{way}' is no way to search frames: it is one of {', '.join(FRAME_WAYS)}"
        )
    if way == PICTURES and net is None:
        raise NoClip("there is no net that compares texts with pictures")
    scored = _score(catalog, documents, text, way)
    seen = list(_see(catalog, text, sessions, way, net))
    scores = scored.scores + sum(_score_seen(found, scored.frames) for found in seen)
    scores = scores * choose(scored.frames["session"], sessions)
    order = _spread(scores, scored.frames["session"])
    hits = order[scores[order] > 0][:limit]
    rows = scored.frames.take(pa.array(hits)).to_pylist()
    return [
        FrameHit(
            row["frame_id"],
            row["session"],
            float(scores[at]),
            (
                *(name for name, has in scored.found_by.items() if has[at]),
                *_tell_seen(seen, row["frame_id"]),
            ),
        )
        for at, row in zip(hits, rows, strict=True)
    ]


def score_frames(catalog: Catalog, documents: Documents, text: str) -> pa.Table:
    """frame_id and score of every published colour frame that the text is about, to sort by, in no order.

    By documents alone: text that frames show is not for everybody who looks.
    """
    scored = _score(catalog, documents, text, BOTH)
    table = scored.frames.select(["frame_id"])
    table = table.append_column("score", pa.array(scored.scores))
    return table.filter(pc.greater(table["score"], 0))


def _see(
    catalog: Catalog,
    text: str,
    sessions: Sequence[str],
    way: str,
    net: TextNet | None,
) -> Iterator[Found]:
    if way in (BOTH, TEXTS):
        yield find_shown(catalog, text)
    if way in (BOTH, PICTURES) and net is not None:
        yield find_looking_like(catalog, net, text, sessions)


def _tell_seen(seen: Sequence[Found], frame_id: str) -> Iterator[str]:
    return (found.tell(frame_id) for found in seen if frame_id in found.ranks)


def _score_seen(found: Found, frames: pa.Table) -> NDArray[np.float64]:
    """(N,) by rank, 0 where a frame was not found."""
    ids = pa.array(found.ranks.keys(), pa.string())
    shares = pa.array([1 / (FUSED_RANK + rank) for rank in found.ranks.values()])
    scores = shares.cast(pa.float64()).take(pc.index_in(frames["frame_id"], ids))
    return np.asarray(pc.fill_null(scores, 0.0).to_numpy(), np.float64)


def _score(catalog: Catalog, documents: Documents, text: str, way: str) -> _Scored:
    frames = catalog.read("frames", ["frame_id", "session"], "kind = 'color'")
    hits = documents.ask(text, _MOST_WORDS, _KINDS, way=way) if way in WAYS else []
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
