"""Frames by what stands in them and by what they look like: text that they show, and a user's CLIP-like net.

Text is looked through as it is stored, and no index of it is kept: so with a frame its text is gone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assets.inference.clip import TextNet
from assets.search.chosen import choose
from assets.tables.catalog import Catalog

_MOST_PICTURES = 200  # that count for a text, of all that are compared
_MOST_SHOWN = 3  # texts of a frame that say why it was found
_WORD = re.compile(r"\w+")
# in nearly every text, in English: Lucene's list
_COMMON = frozenset(
    _WORD.findall(
        "a an and are as at be but by for if in into is it no not of on or such that the their then there these they "
        "this to was will with"
    )
)


@dataclass(frozen=True)
class Found:
    """Frames that one way found: `ranks` from 1, equal ones alike, by frame_id. `tell` says why one of them was."""

    ranks: Mapping[str, int]
    tell: Callable[[str], str]


_NOTHING = Found({}, lambda frame_id: "")


def find_shown(catalog: Catalog, text: str) -> Found:
    """Frames that show a word of the text, or one that begins so, in a text that was read; rare words count more.

    A question of common words alone finds none.
    """
    rows = catalog.read("frame_texts", ["frame_id", "texts"])
    words = sorted({w for w in _list_words(text) if w not in _COMMON})
    if not words or not len(rows):
        return _NOTHING
    shown = _flatten(pc.binary_join(rows["texts"], "\n"))
    scores = np.zeros(len(rows))
    for word in words:
        mask = _find_word(shown, word)
        scores += mask * np.log1p(len(rows) / max(1, mask.sum()))
    (places,) = np.nonzero(scores)
    levels = np.unique(-scores[places])
    ranks = 1 + np.searchsorted(levels, -scores[places])
    place_of = _number(rows["frame_id"], places)
    return Found(
        dict(zip(place_of, ranks.tolist(), strict=True)),
        lambda frame_id: _tell(rows["texts"][place_of[frame_id]].as_py(), words),
    )


def find_looking_like(
    catalog: Catalog, net: TextNet, text: str, sessions: Sequence[str] = ()
) -> Found:
    """The frames whose vectors are nearest to that of the text, of some sessions by name or pattern where any is named,
    all of them compared; of other nets none are."""
    columns = ["frame_id", "session", "vector", "code_version"]
    rows = catalog.read("picture_vectors", columns)
    rows = rows.filter(pc.ends_with(rows["code_version"], f"-{net.version}"))
    rows = rows.filter(choose(rows["session"], sessions))
    if not len(rows):
        return _NOTHING
    asked = net.embed(text)
    flat = rows["vector"].combine_chunks().flatten().to_numpy()
    cosines = flat.reshape(len(rows), len(asked)) @ asked
    best = np.argsort(-cosines, kind="stable")[:_MOST_PICTURES]
    place_of = _number(rows["frame_id"], best)
    return Found(
        {frame_id: rank for rank, frame_id in enumerate(place_of, start=1)},
        lambda frame_id: f"picture {cosines[place_of[frame_id]]:.3f}",
    )


def _number(frame_ids: pa.ChunkedArray, places: NDArray[np.int64]) -> dict[str, int]:
    """The ids at some places, in their order, with their places."""
    ids = frame_ids.take(pa.array(places)).to_pylist()
    return dict(zip(ids, places.tolist(), strict=True))


def _find_word(shown: pa.ChunkedArray | pa.Array, word: str) -> NDArray[np.bool_]:
    """Of flattened texts (N,) whether a word begins so in each. Readers lose spaces: `EXIT 12` may come as `EXIT12`, in
    which 12 begins too."""
    before = r"\pN" if word[0].isdigit() else r"\pL"
    has = pc.match_substring_regex(shown, f"(^|[^{before}]){re.escape(word)}")
    return np.asarray(has.to_numpy(zero_copy_only=False), bool)


def _tell(texts: list[str], words: Iterable[str]) -> str:
    """The texts that have a word of the question, as they were read."""
    shown = _flatten(pa.array(texts, pa.string()))
    is_meant = np.any([_find_word(shown, word) for word in words], axis=0)
    told = [text for text, has in zip(texts, is_meant, strict=True) if has]
    more = ", …" if len(told) > _MOST_SHOWN else ""
    quoted = ", ".join(f'"{text}"' for text in told[:_MOST_SHOWN])
    return f"text {quoted}{more}"


def _list_words(text: str) -> list[str]:
    (flat,) = _flatten(pa.array([text])).to_pylist()
    return _WORD.findall(flat)


def _flatten(texts: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    return pc.utf8_lower(pc.utf8_normalize(texts, "NFKC"))
