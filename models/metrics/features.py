"""How good are features that were learnt without labels?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_NUM_NEIGHBOURS = 20
_TEMPERATURE = 0.07
Vectors = NDArray[np.float32]


def share_found_again(whole: Vectors, part: Vectors) -> float:
    """Share of N images that are the nearest of all to a part of themselves: (N, D) unit vectors of both.

    Needs no label. Where all vectors are equal, as after a collapse, it is 0: a tie finds nothing.
    """
    similar = part @ whole.T
    own = similar.diagonal().copy()
    np.fill_diagonal(similar, -np.inf)
    return float(np.mean(own > similar.max(1))) if len(whole) > 1 else 0.0


def knn_accuracy(
    train: Vectors,
    train_ids: NDArray[np.int64],
    test: Vectors,
    test_ids: NDArray[np.int64],
    num_neighbours: int = _NUM_NEIGHBOURS,
) -> float:
    """Share of test vectors (M, D) whose class the nearest of the train vectors (N, D) vote for; all of unit length.

    Votes weigh exp(cosine / 0.07) (Wu et al., Unsupervised Feature Learning via Non-Parametric Instance
    Discrimination, CVPR 2018).
    """
    similar = test @ train.T
    count = min(num_neighbours, len(train))
    nearest = np.argpartition(-similar, count - 1, axis=1)[:, :count]
    weights = np.exp((np.take_along_axis(similar, nearest, 1) - 1) / _TEMPERATURE)
    votes = np.zeros((len(test), int(max(train_ids.max(), test_ids.max())) + 1))
    np.add.at(votes, (np.arange(len(test))[:, None], train_ids[nearest]), weights)
    return float(np.mean(votes.argmax(1) == test_ids))


def linear_accuracy(
    train: Vectors,
    train_ids: NDArray[np.int64],
    test: Vectors,
    test_ids: NDArray[np.int64],
) -> float:
    """Share of test vectors whose class a logistic regression on the train vectors names; values are standardised.

    Raises ValueError when train has a single class.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    return float(probe.fit(train, train_ids).score(test, test_ids))
