"""The models of what people mean, made of examples.

Belongs here: which pieces count, fitting. Does not: what examples are, and how the models are asked.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from orchestration.agent.asking.learnt import Learnt
from orchestration.agent.asking.meanings import cut_ending
from orchestration.agent.asking.neighbours import Neighbours
from orchestration.agent.asking.pieces import list_pieces
from orchestration.agent.asking.regression import Regression, name_piece, weigh
from orchestration.agent.learning.examples import Example

_LEAST_EXAMPLES = 3  # that have a piece which counts
_INVERSE_PENALTY = 30.0  # of the squares of weights
_MOST_STEPS = 500


def fit(examples: Sequence[Example], examples_sha256: str) -> Learnt:
    """The same for the same examples, but for the last bits of a processor's sums."""
    kinds, regression = _fit_regression(examples)
    numbers = [kinds.index(example.kind) for example in examples]
    words = [example.words for example in examples]
    neighbours = Neighbours.of(words, numbers, len(kinds))
    return Learnt(kinds, regression, neighbours, examples_sha256)


def _fit_regression(examples: Sequence[Example]) -> tuple[tuple[str, ...], Regression]:
    """Its kinds in their order, and the model."""
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    found = [list_pieces(example.words) for example in examples]
    counts = Counter(
        name_piece(group, piece) for one in found for group in one for piece in one[group]
    )  # fmt: skip
    kept = sorted(name for name, count in counts.items() if count >= _LEAST_EXAMPLES)
    pieces = {name: row for row, name in enumerate(kept)}
    rarity = _find_rarity([counts[name] for name in kept], len(examples))
    rows = [weigh(one, pieces, rarity) for one in found]
    ends = np.cumsum([0, *map(len, rows)])
    data = np.array([value for row in rows for value in row.values()])
    columns = np.array([column for row in rows for column in row])
    matrix = csr_matrix((data, columns, ends), shape=(len(rows), len(kept)))
    model = LogisticRegression(C=_INVERSE_PENALTY, max_iter=_MOST_STEPS)
    model.fit(matrix, [example.kind for example in examples])
    words = {cut_ending(word) for example in examples for word in example.words}
    fitted = Regression.quantise(
        words - {""}, pieces, rarity, model.coef_.T, model.intercept_
    )
    return tuple(str(kind) for kind in model.classes_), fitted


def _find_rarity(counts: Sequence[int], num_examples: int) -> NDArray[np.float64]:
    """The smoothed inverse document frequency of pieces."""
    smooth = (1.0 + num_examples) / (1.0 + np.array(counts, dtype=np.float64))
    return np.asarray(np.log(smooth) + 1.0)
