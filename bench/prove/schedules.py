"""The schedules: which fault, where, from which seed. All of one kind are dealt out before any is dealt twice.

A schedule names its place as a share of the way (0 to 1), so that one schedule means the same to two engines that pass
different points.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from bench.prove.s3_proxy import FAULTS

KINDS = (
    "killed",
    "killed while it grows",
    "object store fails",
    "two processes",
    "eight processes",
    "notified twice",
    "notified late",
    "partial upload",
    "same key, other bytes",
    "stopped past its lease",
    "full disk",
    "database restarts",
    "clock skew",
)
CLOCK_SKEW_S = 600.0


@dataclass(frozen=True)
class Schedule:
    """One run under one fault."""

    number: int
    kind: str
    seed: int
    place: float = 0.0  # share of the way, 0 <= place < 1
    fault: str = ""  # of the object store
    amount: float = 0.0  # seconds or a share: what the kind says
    with_growth: bool = False  # the session changes meanwhile

    @property
    def title(self) -> str:
        parts = [
            self.kind,
            self.fault,
            f"at {self.place:.4f}",
            f"amount {self.amount:g}" if self.amount else "",
        ]
        return f"#{self.number} " + ", ".join(
            p for p in [*parts, "with growth" if self.with_growth else ""] if p
        )


def make_schedules(
    num: int, seed: int, num_points: Mapping[str, int]
) -> list[Schedule]:
    """`num` schedules, one of each kind in turn. `num_points`: how many places the product has, by kind."""
    decks = {
        kind: _shuffle(_cases(kind, num_points.get(kind, 1)), kind, seed)
        for kind in KINDS
    }
    schedules = []
    for number in range(num):
        kind = KINDS[number % len(KINDS)]
        turn = number // len(KINDS)
        deck = decks[kind]
        schedules.append(
            Schedule(number, kind, seed + number, **deck[turn % len(deck)])
        )
    return schedules


def count_cases(num_points: Mapping[str, int]) -> int:
    """How many different cases there are: with 13 times the largest kind's, all have been dealt."""
    return sum(len(_cases(kind, num_points.get(kind, 1))) for kind in KINDS)


def pick(place: float, points: Sequence[tuple[str, int]]) -> tuple[str, int]:
    """The (point, occurrence) at that share of the way."""
    return points[min(int(place * len(points)), len(points) - 1)]


def _cases(kind: str, num: int) -> list[dict[str, Any]]:
    places = [{"place": (n + 0.5) / num} for n in range(num)]
    match kind:
        case "object store fails":
            return [
                {**place, "fault": fault} for fault, place in product(FAULTS, places)
            ]
        case "stopped past its lease":
            return [
                {**place, "with_growth": grows}
                for grows, place in product((False, True), places)
            ]
        case "clock skew":
            return [
                {**place, "amount": skew}
                for skew, place in product((CLOCK_SKEW_S, -CLOCK_SKEW_S), places)
            ]
        case "partial upload" | "full disk":
            return [{"amount": (n + 0.5) / 20} for n in range(20)]
        case _:
            return places


def _shuffle(cases: list[dict[str, Any]], kind: str, seed: int) -> list[dict[str, Any]]:
    random.Random(f"{seed}/{kind}").shuffle(cases)
    return cases
