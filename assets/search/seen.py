"""Frames by what stands in them and by what they look like: text that they show, and a user's CLIP-like net.

Text is looked through as it is stored, and no index of it is kept: so with a frame its text is gone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assets.inference.clip import TextNet
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
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Found:
    """Frames that one way found: `ranks` from 1, equal ones alike, and why each was found. By frame_id."""

    ranks: Mapping[str, int]
    why: Mapping[str, str]


def find_shown(catalog: Catalog, text: str) -> Found:
    """Frames that show a word of the text, or one that begins so, in a text that was read; rare words count more.

    A question of common words alone finds none.
    """
    rows = catalog.read("frame_texts", ["frame_id", "texts"])
    words = {w for w in _list_words(text) if w not in _COMMON}
    if not words or not len(rows):
        return Found({}, {})
    shown = pc.utf8_lower(
        pc.utf8_normalize(pc.binary_join(rows["texts"], "\n"), "NFKC")
    )
    scores = np.zeros(len(rows))
    for word in sorted(words):
        has = pc.match_substring_regex(shown, _begin_of(word))
        mask = np.asarray(has.to_numpy(zero_copy_only=False), bool)
        scores += mask * np.log1p(len(rows) / max(1, mask.sum()))
    return _rank(rows, scores, words)


def find_looking_like(catalog: Catalog, net: TextNet, text: str) -> Found:
    """The frames whose vectors are nearest to that of the text, all of them compared; of other nets none are."""
    rows = catalog.read("picture_vectors", ["frame_id", "vector", "code_version"])
    rows = rows.filter(pc.ends_with(rows["code_version"], f"-{net.version}"))
    if not len(rows):
        return Found({}, {})
    asked = net.embed(text)
    flat = rows["vector"].combine_chunks().flatten().to_numpy()
    cosines = flat.reshape(len(rows), len(asked)) @ asked
    best = np.argsort(-cosines, kind="stable")[:_MOST_PICTURES]
    ids = rows["frame_id"].take(pa.array(best)).to_pylist()
    why = {i: f"picture {cosines[at]:.3f}" for i, at in zip(ids, best, strict=True)}
    return Found({frame_id: n for n, frame_id in enumerate(ids, start=1)}, why)


def _begin_of(word: str) -> str:
    """Where a word begins so. Readers lose spaces: `EXIT 12` may come as `EXIT12`, in which 12 begins too."""
    before = r"\pN" if word[0].isdigit() else r"\pL"
    return f"(^|[^{before}]){re.escape(word)}"


def _rank(rows: pa.Table, scores: Floats, words: set[str]) -> Found:
    (places,) = np.nonzero(scores)
    levels = np.unique(-scores[places])
    ranks = 1 + np.searchsorted(levels, -scores[places])
    found = rows.take(pa.array(places)).to_pylist()
    why = {row["frame_id"]: _tell(row["texts"], words) for row in found}
    ids = [row["frame_id"] for row in found]
    return Found(dict(zip(ids, ranks.tolist(), strict=True)), why)


def _tell(texts: list[str], words: set[str]) -> str:
    """The texts that have a word of the question, as they were read."""
    told = [t for t in texts if any(word in _flatten(t) for word in words)]
    more = ", …" if len(told) > _MOST_SHOWN else ""
    shown = ", ".join(f'"{text}"' for text in told[:_MOST_SHOWN])
    return f"text {shown}{more}"


def _list_words(text: str) -> list[str]:
    return _WORD.findall(_flatten(text))


def _flatten(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()
