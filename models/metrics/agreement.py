"""How far two annotators agree beyond chance: Cohen's kappa (1960)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence


def measure_kappa(
    answers: Sequence[Hashable], others: Sequence[Hashable]
) -> float | None:
    """Cohen's kappa of N answers of one annotator and those of another on the same things: 1 for full agreement, 0 for
    that of chance, down to -1. None where there is nothing to tell it from chance: no answers, or one and the same
    class all through. Raises ValueError for sequences of unequal length."""
    if len(answers) != len(others):
        raise ValueError(
            f"{len(answers)} answers beside {len(others)}: give one of each annotator"
        )
    if not answers:
        return None
    total = len(answers)
    observed = sum(a == b for a, b in zip(answers, others, strict=True)) / total
    counts, other_counts = Counter(answers), Counter(others)
    by_chance = sum(n * other_counts[c] for c, n in counts.items()) / total**2
    return None if by_chance == 1 else (observed - by_chance) / (1 - by_chance)
