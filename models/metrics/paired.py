"""How far two models differ on the same frames: the bootstrap over what was drawn independently, for both at once.

Each draw counts each frame equally often for both, so what makes frames easy or hard for both drops out, and the
interval of the difference is narrower than that of either figure (Efron and Tibshirani 1993, chapter 13).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from models.metrics.resampling import Figure, Interval, find_interval


@dataclass(frozen=True)
class Difference:
    """One figure of two models on the same frames; None where nothing of it shows.

    `interval` is that of `value`; None for too few units to tell.
    """

    first: float | None
    second: float | None
    num_units: int
    interval: Interval | None

    @property
    def value(self) -> float | None:
        """The second less the first."""
        if self.first is None or self.second is None:
            return None
        return self.second - self.first

    @property
    def has_moved(self) -> bool:
        """Whether the interval is all on one side of 0."""
        return self.interval is not None and (
            self.interval.low > 0 or self.interval.high < 0
        )


def find_difference(
    first: Figure, second: Figure, units: Sequence[Hashable], seed: int = 0
) -> Difference:
    """Of figures over N frames each; `units` names what each frame belongs to. The same seed, the same bounds."""
    once = np.ones((1, len(units)), np.int64)
    one, other = (_known(float(figure(once)[0])) for figure in (first, second))
    interval = find_interval(lambda drawn: second(drawn) - first(drawn), units, seed)
    return Difference(one, other, len(set(units)), interval)


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
