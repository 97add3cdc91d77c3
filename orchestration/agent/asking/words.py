"""Which of some sentences a question is most like, by its words: each weighs what it tells apart.

Belongs here: words, their weights, the likeness of two sentences. Does not: what sentences mean.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_TELL_NOTHING = """
a an the is are was were be been do does did of in on at to for with by from and or it its that this these
there me my we us our you your i please can could would should tell show give list say print now currently
right just s has have had as so then than about what which who whom any all anything something need needs
stored data already yet ever altogether overall very exactly
"""
_EMPTY = frozenset(_TELL_NOTHING.split())
# words of one meaning, as people say them here: the first stands for all
_ALIKE = """
frame picture image photo photograph snapshot
capture recording
release dataset
label annotation annotate annotated mark tag
fail failure broke broken break wrong crash error refuse abort problem trouble issue bad
hold pass
held block withhold withheld
unread unreadable corrupt damaged defective reject rejected unusable
newest latest last recent recently lately
run ran job execution execute
stale outdated obsolete
remake rebuild recompute recalculate refresh redo redone anew update updated
cost price expensive costly
train retrain learnt learned learn taught
drift drifting shift diverge deviate
difference differ different change
compare versus vs better
class category categorie kind type
sensor camera device
lineage provenance origin trace
propose suggest suggestion proposal recommend recommendation
status overview state summary
many number count total amount quantity
log logs output
champion winner production best
see saw seen
column field
make made
split divide divided
pending open
use used
"""
_SAME = {
    word: words.split()[0]
    for words in _ALIKE.strip().splitlines()
    for word in words.split()
}
_LEAST_SPELLED = 5  # letters
_SPELLED_ALIKE = 0.6
_ENDINGS = ("ing", "ed", "es", "s")


def stem(word: str) -> str:
    """A word without its ending, or another of the same meaning."""
    short = [word.removesuffix(ending) for ending in ("", "s", "es", "ed", "d", "ing")]
    for one in short:
        if one in _SAME:
            return _SAME[one]
    for ending in _ENDINGS:
        cut = word.removesuffix(ending)
        if cut != word and len(cut) >= 3 and not word.endswith("ss"):
            return cut[:-1] if cut[-1:] == cut[-2:-1] else cut
    return word


def list_stems(words: Iterable[str]) -> Counter[str]:
    """What words tell, names by their kind; those that tell nothing are left out."""
    return Counter(
        word if word.startswith("<") else stem(word)
        for word in words
        if word not in _EMPTY
    )


@dataclass(frozen=True)
class Sentences:
    """Sentences by what they stand for, and how much each word weighs: rare ones more."""

    stems: Mapping[str, Sequence[Counter[str]]]
    weights: Mapping[str, float]
    unknown: float  # the weight of a word that no sentence has: it may be what matters

    @classmethod
    def of(cls, sentences: Mapping[str, Sequence[Sequence[str]]]) -> "Sentences":
        """`sentences`: what they stand for -> some, in words."""
        stems = {
            name: [list_stems(s) for s in some] for name, some in sentences.items()
        }
        counts = Counter(word for some in stems.values() for word in set().union(*some))
        weights = {
            word: 1.0 + math.log(len(stems) / count) for word, count in counts.items()
        }
        return cls(stems, weights, 2.0 * (1.0 + math.log(len(stems))))

    def rank(self, words: Iterable[str]) -> list[tuple[float, str]]:
        """(likeness in [0, 1], what a sentence stands for), the most alike first."""
        asked = Counter(map(self._spell, list_stems(words)))
        found = [
            (max(self._compare(asked, one) for one in some), name)
            for name, some in self.stems.items()
        ]
        return sorted(found, key=lambda pair: (-pair[0], pair[1]))

    def _spell(self, word: str) -> str:
        """A word that no sentence has as the one that is spelled most like it, where one is."""
        if word in self.weights or len(word) < _LEAST_SPELLED or word[0] == "<":
            return word
        alike = max((_measure_spelling(word, known), known) for known in self.weights)
        return alike[1] if alike[0] >= _SPELLED_ALIKE else word

    def _compare(self, one: Counter[str], other: Counter[str]) -> float:
        """The cosine of two sentences by their weighted words, each counted once."""
        both = sum(self._weigh(w) ** 2 for w in one.keys() & other.keys())
        norms = [math.sqrt(sum(self._weigh(w) ** 2 for w in c)) for c in (one, other)]
        return both / (norms[0] * norms[1]) if all(norms) else 0.0

    def _weigh(self, word: str) -> float:
        return self.weights.get(word, self.unknown)


def _measure_spelling(one: str, other: str) -> float:
    """The share of letters in threes that two words have in common, from 0 to 1."""
    first, second = (
        {f"^{word}$"[at : at + 3] for at in range(len(word))} for word in (one, other)
    )
    return 2 * len(first & second) / (len(first) + len(second))
