"""Share a budget out among strategies, which take frames in turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from assets.annotation.queue.ranking import Places, Ranking


@dataclass(frozen=True)
class Picks:
    """The frames to ask, in order: `places` (B,), and the rankings that each is high in with its place there."""

    places: list[int]
    reasons: list[list[tuple[Ranking, int]]]


def take_turns(
    rankings: Sequence[Ranking],
    shares: Mapping[str, float],
    cluster: Places,
    budget: int,
) -> Picks:
    """At most `budget` frames, no two of one cluster (N,): the next is the best that is left of the strategy which is
    furthest behind its share; of equals the first. A frame that several would ask counts for the one that took it.
    """
    live = [ranking for ranking in rankings if len(ranking)]
    at = dict.fromkeys(range(len(live)), 0)
    taken_by = [0] * len(live)
    taken: set[int] = set()
    places: list[int] = []
    takers: list[tuple[Ranking, int]] = []
    while len(places) < budget and at:
        n = max(
            at, key=lambda k: _lag(shares[live[k].strategy], len(places), taken_by[k])
        )
        ranking = live[n]
        k = at[n]
        while k < len(ranking) and int(cluster[ranking.places[k]]) in taken:
            k += 1
        if k == len(ranking):
            del at[n]
            continue
        at[n] = k + 1
        taken_by[n] += 1
        place = int(ranking.places[k])
        taken.add(int(cluster[place]))
        places.append(place)
        takers.append((ranking, k))
    return Picks(places, _find_reasons(live, places, takers, budget))


def _lag(share: float, num_taken: int, mine: int) -> float:
    return share * (num_taken + 1) - mine


def _find_reasons(
    rankings: Sequence[Ranking],
    places: Sequence[int],
    takers: Sequence[tuple[Ranking, int]],
    budget: int,
) -> list[list[tuple[Ranking, int]]]:
    """Of each frame the strategy that took it, and those that have it among their first, as many as the budget."""
    found = [[taker] for taker in takers]
    row_of = {place: row for row, place in enumerate(places)}
    for ranking in rankings:
        first = ranking.places[:budget]
        for k in np.flatnonzero(np.isin(first, places)).tolist():
            row = row_of[int(first[k])]
            if found[row][0][0] is not ranking:
                found[row].append((ranking, k))
    return found
