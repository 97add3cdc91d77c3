"""Which of some sentences a question is most like, by what its words mean: each weighs what it tells apart.

Belongs here: weights of meanings, the likeness of two sentences. Does not: what words mean.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestration.agent.asking.words import list_meanings

_OTHER_NUMBER = (
    0.85  # of the likeness, where a question has more or fewer names than an example
)
_UNKNOWN = 1.4  # weight of a word that no sentence has, in those of the rarest that some have: it may be what matters


@dataclass(frozen=True)
class Sentence:
    """One way to ask: what its words mean, and the kinds of names in it."""

    stands_for: str
    meanings: frozenset[str]
    slots: Mapping[str, int]
    text: str


@dataclass(frozen=True)
class Likeness:
    """How like a question one sentence is, from 0 to 1, and whether it has the same kinds of names."""

    value: float
    sentence: Sentence
    has_same_slots: bool

    @property
    def order(self) -> tuple[bool, float, str]:
        """The likest first, behind those with the same kinds of names."""
        return not self.has_same_slots, -self.value, self.sentence.stands_for


@dataclass(frozen=True)
class Sentences:
    """Sentences, and how much each meaning weighs: rare ones more."""

    all: tuple[Sentence, ...]
    weights: Mapping[str, float]
    unknown: float

    @classmethod
    def of(cls, examples: Mapping[str, Sequence[Sequence[str]]]) -> "Sentences":
        """`examples`: what they stand for -> some, in words."""
        known = frozenset(
            w for some in examples.values() for words in some for w in words
        )
        found = tuple(
            Sentence(
                name,
                frozenset(list_meanings(words, known)),
                _list_slots(words),
                " ".join(words),
            )
            for name, some in examples.items()
            for words in some
        )
        of_each = {
            name: frozenset().union(
                *(s.meanings for s in found if s.stands_for == name)
            )
            for name in examples
        }
        counts = Counter(word for meanings in of_each.values() for word in meanings)
        weights = {w: 1.0 + math.log(len(examples) / n) for w, n in counts.items()}
        rarest = 1.0 + math.log(len(examples))
        return cls(found, weights, _UNKNOWN * rarest)

    def rank(self, words: Sequence[str]) -> list[Likeness]:
        """The likest sentence of each that they stand for, the likest first, those with other kinds of names last."""
        found: dict[str, Likeness] = {}
        for one in self.compare(words):
            best = found.setdefault(one.sentence.stands_for, one)
            if one.order < best.order:
                found[one.sentence.stands_for] = one
        return sorted(found.values(), key=lambda one: one.order)

    def compare(self, words: Sequence[str]) -> Iterator[Likeness]:
        """All sentences, in their order."""
        asked = frozenset(list_meanings(words, self.weights))
        slots = _list_slots(words)
        for sentence in self.all:
            value = self._compare(asked, sentence.meanings)
            value *= 1.0 if sentence.slots == slots else _OTHER_NUMBER
            yield Likeness(value, sentence, sentence.slots.keys() == slots.keys())

    def _compare(self, one: frozenset[str], other: frozenset[str]) -> float:
        """The cosine of two sentences by their weighted meanings, each counted once."""
        both = sum(self._weigh(w) ** 2 for w in one & other)
        norms = [
            math.sqrt(sum(self._weigh(w) ** 2 for w in some)) for some in (one, other)
        ]
        return both / (norms[0] * norms[1]) if all(norms) else 0.0

    def _weigh(self, word: str) -> float:
        return self.weights.get(word, self.unknown)


def _list_slots(words: Iterable[str]) -> Counter[str]:
    return Counter(word for word in words if word.startswith("<"))
