"""Join the rows of two readers, and explain what differs by allowances that have a name and a reason."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from bench.prove.readers.rows import Row


@dataclass(frozen=True)
class Difference:
    """Two rows of one thing that are not equal, or a row that one side lacks."""

    ours: Row | None
    theirs: Row | None
    is_repeat: bool = False  # of a row of its own side that has its like on the other


@dataclass(frozen=True)
class Allowance:
    """A difference that is meant."""

    name: str
    reason: str
    explains: Callable[[Difference], bool]


@dataclass
class Comparison:
    """How many rows of two readers are equal, and what the others are."""

    equal: int = 0
    allowed: Counter[str] = field(default_factory=Counter)  # by name of the allowance
    unexplained: list[Difference] = field(default_factory=list)

    @property
    def differing(self) -> int:
        return sum(bool(d.ours and d.theirs) for d in self.unexplained)

    @property
    def only_ours(self) -> int:
        return sum(d.theirs is None for d in self.unexplained)

    @property
    def only_theirs(self) -> int:
        return sum(d.ours is None for d in self.unexplained)


def compare(
    ours: Iterable[Row], theirs: Iterable[Row], allowances: Sequence[Allowance] = ()
) -> Comparison:
    """Equal rows first, then pairs that an allowance explains, then what is left, by place and name."""
    made = Comparison()
    ours = list(ours)
    theirs = list(theirs)
    common = Counter(ours) & Counter(theirs)
    made.equal = common.total()
    groups: dict[tuple[str, str], tuple[list[Row], list[Row]]] = defaultdict(
        lambda: ([], [])
    )
    for side, rows in enumerate((ours, theirs)):
        for row in sorted((Counter(rows) - common).elements()):
            groups[row.place, row.name][side].append(row)
    for left, right in groups.values():
        pairs = _pair(left, right, allowances)
        matched_ours = {*common, *(pair.ours for pair in pairs)}
        matched_theirs = {*common, *(pair.theirs for pair in pairs)}
        for difference in [
            *pairs,
            *(Difference(row, None, row in matched_ours) for row in left),
            *(Difference(None, row, row in matched_theirs) for row in right),
        ]:
            _judge(difference, allowances, made)
    _pair_leftovers(made)
    return made


def _pair(
    left: list[Row], right: list[Row], allowances: Sequence[Allowance]
) -> list[Difference]:
    """Pairs that an allowance explains, taken out of both lists."""
    pairs = []
    for mine in list(left):
        for other in right:
            pair = Difference(mine, other)
            if any(allowance.explains(pair) for allowance in allowances):
                pairs.append(pair)
                left.remove(mine)
                right.remove(other)
                break
    return pairs


def _judge(
    difference: Difference, allowances: Sequence[Allowance], made: Comparison
) -> None:
    for allowance in allowances:
        if allowance.explains(difference):
            made.allowed[allowance.name] += 1
            return
    made.unexplained.append(difference)


def _pair_leftovers(made: Comparison) -> None:
    """Lone rows of one place and name stand side by side, in their order."""
    lone: dict[tuple[str, str], tuple[list[Row], list[Row]]] = defaultdict(
        lambda: ([], [])
    )
    for difference in made.unexplained:
        if difference.ours:
            lone[difference.ours.place, difference.ours.name][0].append(difference.ours)
        if difference.theirs:
            theirs = difference.theirs
            lone[theirs.place, theirs.name][1].append(theirs)
    made.unexplained = []
    for left, right in lone.values():
        shared = min(len(left), len(right))
        made.unexplained += [
            Difference(a, b) for a, b in zip(left, right, strict=False)
        ]
        made.unexplained += [Difference(row, None) for row in left[shared:]]
        made.unexplained += [Difference(None, row) for row in right[shared:]]
