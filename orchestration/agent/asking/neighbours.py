"""How probable it is that a question is of a kind, by the examples that mean most nearly the same.

Belongs here: examples as what their words mean, the nearest of them. Does not: what words mean, and choosing.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestration.agent.asking.regression import Tensors, join_lines, split_lines
from orchestration.agent.asking.words import list_meanings

_NUM_NEAREST = 10
_STEEPNESS = 10.0  # how quickly an example counts less, by the cosine
_DOUBT = 0.15  # of the weight of an example that means the same: what none of them says
_UNKNOWN = 1.4  # weight of a meaning that no example has, in those of the rarest


@dataclass(frozen=True)
class Neighbours:
    """N examples of K kinds, whose words have M meanings.

    `meanings`: column of each; `weights`: (M,), more for rare ones; `found`: the columns of all examples in turn;
    `begins`: (N,), where each begins in it; `kinds`: (N,).
    """

    meanings: Mapping[str, int]
    weights: NDArray[np.float32]
    found: NDArray[np.int32]
    begins: NDArray[np.int32]
    kinds: NDArray[np.int32]
    num_kinds: int

    @classmethod
    def of(
        cls, examples: Sequence[Sequence[str]], kinds: Sequence[int], num_kinds: int
    ) -> "Neighbours":
        """`examples`: in words; those that mean nothing are left out. `kinds`: the number of each."""
        told = [sorted(set(list_meanings(words))) for words in examples]
        kept = [n for n, some in enumerate(told) if some]
        counts = Counter(meaning for some in told for meaning in some)
        columns = {meaning: n for n, meaning in enumerate(sorted(counts))}
        weights = [1.0 + math.log((1 + len(told)) / (1 + counts[m])) for m in columns]
        return cls(
            columns,
            np.array(weights, np.float32),
            np.array([columns[m] for n in kept for m in told[n]], np.int32),
            np.cumsum([0, *(len(told[n]) for n in kept[:-1])], dtype=np.int32),
            np.array([kinds[n] for n in kept], np.int32),
            num_kinds,
        )

    def find_shares(self, words: Sequence[str]) -> NDArray[np.float64]:
        """(K,): the share of each kind in the nearest examples, which is less where none is near."""
        likeness = self._compare(set(list_meanings(words)))
        nearest = np.argsort(-likeness, kind="stable")[:_NUM_NEAREST]
        near = np.exp(_STEEPNESS * (likeness[nearest] - 1.0))
        shares = np.bincount(self.kinds[nearest], near, self.num_kinds)
        return np.asarray(shares / (near.sum() + _DOUBT), dtype=np.float64)

    def _compare(self, meanings: set[str]) -> NDArray[np.float64]:
        """(N,): the cosine to each example by weighted meanings, each counted once."""
        squares = self._squares
        known = [self.meanings[m] for m in meanings if m in self.meanings]
        num_unknown = len(meanings) - len(known)
        length = squares[known].sum() + num_unknown * (_UNKNOWN**2) * squares.max()
        is_asked = np.zeros(len(squares), bool)
        is_asked[known] = True
        both = self._sum_over_examples(np.where(is_asked, squares, 0.0))
        return np.asarray(both / np.sqrt(self._lengths * max(length, _UNKNOWN)))

    @cached_property
    def _squares(self) -> NDArray[np.float64]:
        """(M,): of the weights."""
        return self.weights.astype(np.float64) ** 2

    @cached_property
    def _lengths(self) -> NDArray[np.float64]:
        """(N,): the square of the length of each example."""
        return self._sum_over_examples(self._squares)

    def _sum_over_examples(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N,): the sum over the meanings of each example, of values (M,)."""
        return np.asarray(np.add.reduceat(values[self.found], self.begins))

    def to_tensors(self) -> Tensors:
        """As a file holds it."""
        return {
            "meanings": join_lines(list(self.meanings)),
            "meaning_weights": self.weights,
            "example_meanings": self.found,
            "example_begins": self.begins,
            "example_kinds": self.kinds,
        }

    @classmethod
    def of_tensors(
        cls, read: Mapping[str, NDArray[Any]], num_kinds: int
    ) -> "Neighbours":
        """That of a file."""
        return cls(
            {m: n for n, m in enumerate(split_lines(read["meanings"]))},
            read["meaning_weights"],
            read["example_meanings"],
            read["example_begins"],
            read["example_kinds"],
            num_kinds,
        )
