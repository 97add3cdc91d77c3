"""Find regions of the space of features that score worse than chance explains, and say what their frames share.

Regions are k-means clusters of the frames' vectors. Frames of one recording resemble each other in features and in
scores, so what is shuffled is not frames: it is the mean score of each recording in each region. A region has at most
one of those of a recording, so that what it holds was drawn independently. Of the regions that have enough of them,
those are reported that pass the step-up rule of Benjamini and Hochberg (1995): of what is reported, at most the share
`FALSE_SHARE` is chance, on average.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FALSE_SHARE = 0.1  # false discovery rate
MIN_FRAMES = 40  # fewer have no regions
MIN_RECORDINGS = 4  # of a region that is judged
_FRAMES_A_REGION = 30
_MAX_REGIONS = 16
_NUM_DIMENSIONS = 16
_NUM_SHUFFLES = 4000
_AT_ONCE = 500  # shuffles in memory
_MIN_SHARE = 0.6  # of a region's frames share what describes it
_MIN_LEAD = 0.2  # over the share of the other frames
_MAX_TOLD = 3


@dataclass(frozen=True)
class Region:
    """Frames that lie together and score worse. `p_value` is adjusted over all regions that were judged."""

    places: NDArray[np.int64]  # of its frames
    p_value: float
    mean: float
    num_recordings: int


def find_regions(
    vectors: NDArray[np.float32],
    values: NDArray[np.float64],
    recordings: Sequence[Hashable],
    seed: int = 0,
) -> list[Region]:
    """The regions that score worse, worst first, of N frames: vectors (N, D) and scores (N,), and what each is of.

    None for fewer than MIN_FRAMES. The same seed gives the same regions. Raises ValueError for unequal lengths and for
    what is not finite.
    """
    if not len(vectors) == len(values) == len(recordings):
        raise ValueError(
            f"{len(vectors)} vectors, {len(values)} scores and {len(recordings)} recordings: give one of each a frame"
        )
    if not np.isfinite(values).all() or not np.isfinite(vectors).all():
        raise ValueError("a score or vector is not finite: leave its frame out")
    if len(vectors) < MIN_FRAMES:
        return []
    labels = _cluster(vectors, seed)
    cells = _average_cells(labels, values, recordings)
    judged = [
        region
        for region, count in Counter(cells.regions.tolist()).items()
        if count >= MIN_RECORDINGS
    ]
    if not judged:
        return []
    from scipy.stats import false_discovery_control

    rng = np.random.default_rng(seed)
    p_values = false_discovery_control([_judge(cells, r, rng) for r in judged])
    found = [
        Region(
            np.flatnonzero(labels == region),
            float(p_value),
            float(values[labels == region].mean()),
            int((cells.regions == region).sum()),
        )
        for region, p_value in zip(judged, p_values, strict=True)
        if p_value <= FALSE_SHARE
    ]
    return sorted(found, key=lambda one: (one.mean, one.p_value))


def describe_region(
    places: NDArray[np.int64], traits: Sequence[Collection[str]]
) -> list[str]:
    """What most frames of a region share and most others do not, the clearest first; `traits` are of all frames."""
    is_in = np.zeros(len(traits), bool)
    is_in[places] = True
    inside: Counter[str] = Counter()
    outside: Counter[str] = Counter()
    for trait, belongs in zip(traits, is_in, strict=True):
        (inside if belongs else outside).update(trait)
    num_outside = max(int((~is_in).sum()), 1)
    leads = {
        one: count / len(places) - outside[one] / num_outside
        for one, count in inside.items()
        if count >= _MIN_SHARE * len(places)
    }
    clear = [one for one, lead in leads.items() if lead >= _MIN_LEAD]
    return sorted(clear, key=lambda one: (-leads[one], one))[:_MAX_TOLD]


@dataclass(frozen=True)
class _Cells:
    """The mean score of each recording in each region."""

    regions: NDArray[np.int64]  # (M,)
    means: NDArray[np.float64]  # (M,)


def _cluster(vectors: NDArray[np.float32], seed: int) -> NDArray[np.int64]:
    """(N,) the region of each frame."""
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA

    count = len(vectors)
    dimensions = min(_NUM_DIMENSIONS, vectors.shape[1])
    reduced = PCA(dimensions, svd_solver="randomized", random_state=seed).fit_transform(
        vectors.astype(np.float64)
    )
    num_regions = int(np.clip(count // _FRAMES_A_REGION, 2, _MAX_REGIONS))
    found = KMeans(num_regions, n_init=4, random_state=seed).fit_predict(reduced)
    return np.asarray(found, np.int64)


def _average_cells(
    labels: NDArray[np.int64],
    values: NDArray[np.float64],
    recordings: Sequence[Hashable],
) -> _Cells:
    number = {name: n for n, name in enumerate(dict.fromkeys(recordings))}
    numbers = np.array([number[name] for name in recordings])
    keys, place_of = np.unique(
        numbers * (int(labels.max()) + 1) + labels, return_inverse=True
    )
    sums = np.bincount(place_of, values)
    counts = np.bincount(place_of)
    return _Cells(keys % (int(labels.max()) + 1), sums / counts)


def _judge(cells: _Cells, region: int, rng: np.random.Generator) -> float:
    """How often means that are drawn from all cells are as low as those of the region."""
    is_mine = cells.regions == region
    count = int(is_mine.sum())
    observed = cells.means[is_mine].mean()
    num_as_low = 0
    for _ in range(_NUM_SHUFFLES // _AT_ONCE):
        keys = rng.random((_AT_ONCE, len(cells.means)))
        drawn = np.argpartition(keys, min(count, len(cells.means) - 1), axis=1)
        means = cells.means[drawn[:, :count]].mean(1)
        num_as_low += int((means <= observed + 1e-12).sum())
    return (1 + num_as_low) / (1 + _NUM_SHUFFLES)
