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
stored
"""
_EMPTY = frozenset(_TELL_NOTHING.split())
_SAME = {
    "picture": "frame",
    "image": "frame",
    "photo": "frame",
    "recording": "capture",
    "dataset": "release",
    "annotation": "label",
    "annotate": "label",
    "failure": "fail",
    "broke": "fail",
    "broken": "fail",
    "wrong": "fail",
    "crash": "fail",
    "error": "fail",
    "refuse": "fail",
    "pass": "hold",
    "held": "held",
    "unreadable": "unread",
    "unread": "unread",
    "corrupt": "unread",
    "quarantine": "quarantine",
    "latest": "newest",
    "last": "newest",
    "recent": "newest",
    "recently": "newest",
    "ran": "run",
    "outdated": "stale",
    "rebuild": "remake",
    "recompute": "remake",
    "refresh": "remake",
    "anew": "remake",
    "price": "cost",
    "expensive": "cost",
    "take": "take",
    "took": "take",
    "long": "long",
    "drifting": "drift",
    "shift": "drift",
    "differ": "difference",
    "different": "difference",
    "change": "difference",
    "versus": "compare",
    "vs": "compare",
    "better": "compare",
    "category": "class",
    "categorie": "class",
    "kind": "class",
    "camera": "sensor",
    "provenance": "lineage",
    "origin": "lineage",
    "trace": "lineage",
    "suggest": "propose",
    "suggestion": "propose",
    "proposal": "propose",
    "overview": "status",
    "state": "status",
    "number": "many",
    "count": "many",
    "total": "many",
    "amount": "many",
    "logs": "log",
    "output": "log",
    "job": "run",
    "winner": "champion",
    "production": "champion",
    "best": "champion",
    "saw": "see",
    "seen": "see",
    "learnt": "train",
    "learned": "train",
    "used": "use",
}
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
        asked = list_stems(words)
        found = [
            (max(self._compare(asked, one) for one in some), name)
            for name, some in self.stems.items()
        ]
        return sorted(found, key=lambda pair: (-pair[0], pair[1]))

    def _compare(self, one: Counter[str], other: Counter[str]) -> float:
        """The cosine of two sentences by their weighted words, each counted once."""
        both = sum(self._weigh(w) ** 2 for w in one.keys() & other.keys())
        norms = [math.sqrt(sum(self._weigh(w) ** 2 for w in c)) for c in (one, other)]
        return both / (norms[0] * norms[1]) if all(norms) else 0.0

    def _weigh(self, word: str) -> float:
        return self.weights.get(word, self.unknown)
