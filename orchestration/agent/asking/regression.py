"""How probable it is that a question is of a kind, by a multinomial logistic regression over the pieces of its words.

Belongs here: the model and its tensors. Does not: fitting it, and choosing by it.
"""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestration.agent.asking.meanings import cut_ending
from orchestration.agent.asking.pieces import GROUPS, list_pieces

Tensors = dict[str, NDArray[Any]]
_MOST_INT8 = 127
_OF_NEW_WORD = math.exp(-2.0)  # of the odds of all kinds: it may be what matters
_TINY = 1e-9


@dataclass(frozen=True)
class Regression:
    """Over P pieces, for K kinds.

    `words`: all that examples have, without endings; `pieces`: row of each piece; `rarity`: (P,), their inverse
    document frequency; `weights`: (P, K) in units of `steps` (K,); `bias`: (K,).
    """

    words: frozenset[str]
    pieces: Mapping[str, int]
    rarity: NDArray[np.float32]
    weights: NDArray[np.int8]
    steps: NDArray[np.float32]
    bias: NDArray[np.float32]

    @classmethod
    def quantise(
        cls,
        words: Collection[str],
        pieces: Mapping[str, int],
        rarity: NDArray[np.float64],
        weights: NDArray[np.float64],
        bias: NDArray[np.float64],
    ) -> "Regression":
        """With weights of eight bits, a step for each kind."""
        steps = np.abs(weights).max(axis=0) / _MOST_INT8
        whole = np.rint(weights / steps).astype(np.int8)
        rest = (each.astype(np.float32) for each in (steps, bias))
        return cls(frozenset(words), pieces, rarity.astype(np.float32), whole, *rest)

    def find_shares(self, words: Sequence[str]) -> NDArray[np.float64]:
        """(K,): the probability of each kind, 1 together but for what words take away that no example has."""
        weighed = weigh(list_pieces(words), self.pieces, self.rarity)
        rows = np.fromiter(weighed, dtype=np.int64, count=len(weighed))
        values = np.fromiter(weighed.values(), dtype=np.float64, count=len(weighed))
        scores = (values @ self.weights[rows]) * self.steps + self.bias
        shares = np.exp(scores - scores.max())
        shares /= shares.sum()
        odds = shares / (1.0 - shares + _TINY) * _OF_NEW_WORD ** self._count_new(words)
        return np.asarray(odds / (1.0 + odds), dtype=np.float64)

    def _count_new(self, words: Sequence[str]) -> int:
        cut = (cut_ending(word) for word in words)
        return sum(bool(word) and word not in self.words for word in cut)

    def to_tensors(self) -> Tensors:
        """As a file holds it."""
        by_row = sorted(self.pieces, key=lambda piece: self.pieces[piece])
        return {
            "words": join_lines(sorted(self.words)),
            "pieces": join_lines(by_row),
            "rarity": self.rarity,
            # safetensors 0.8 saves other values of what is not contiguous
            "weights": np.ascontiguousarray(self.weights),
            "steps": self.steps,
            "bias": self.bias,
        }

    @classmethod
    def of_tensors(cls, read: Mapping[str, NDArray[Any]]) -> "Regression":
        """That of a file."""
        pieces = {p: row for row, p in enumerate(split_lines(read["pieces"]))}
        rest = (read[name] for name in ("rarity", "weights", "steps", "bias"))
        return cls(frozenset(split_lines(read["words"])), pieces, *rest)


def weigh(
    found: Mapping[str, Counter[str]],
    pieces: Mapping[str, int],
    rarity: NDArray[np.floating[Any]],
) -> dict[int, float]:
    """How much each known piece of a question weighs, by its row: the pieces of a group are a vector of length 1."""
    weighed: dict[int, float] = {}
    for group in GROUPS:
        mine = {
            pieces[name]: (1.0 + math.log(count)) * float(rarity[pieces[name]])
            for piece, count in found[group].items()
            if (name := name_piece(group, piece)) in pieces
        }
        length = math.hypot(*mine.values())
        weighed.update({row: value / length for row, value in mine.items()})
    return weighed


def name_piece(group: str, piece: str) -> str:
    """A piece among those of all groups."""
    return f"{group[0]}:{piece}"


def join_lines(texts: Sequence[str]) -> NDArray[np.uint8]:
    """Texts as bytes, a line each."""
    return np.frombuffer("\n".join(texts).encode(), np.uint8)


def split_lines(told: NDArray[np.uint8]) -> list[str]:
    """The texts again."""
    return bytes(told).decode().split("\n")
