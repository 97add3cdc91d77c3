"""Which of some sentences a question is most like, by what its words mean: each weighs what it tells apart.

Belongs here: meanings, their weights, the likeness of two sentences. Does not: which words mean the same, and what
sentences mean.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from orchestration.agent.asking.thesaurus import (
    AFTER_NOTHING,
    AUXILIARIES,
    BEFORE_COUNTED,
    COURTESIES,
    DECIDING,
    DETERMINERS,
    LONGEST,
    MAYBE_ORDERS,
    ORDERS,
    SAID,
    TOGETHER,
)

_ENDINGS = ("ing", "ed", "ly", "es", "s")
_NEGATED = AUXILIARIES - {"am", "may", "will"}  # by an ending
COUNTING = (("how", "many"), ("number", "of"))
_LEAST_SPELLED = 4  # letters of a word that may be a mistyped one
_LEAST_INFLECTED = 4  # letters of one whose forms may be mistyped
_LEAST_ADVERB = 6  # letters of a word that ends like one
_LEAST_ANY = 6  # letters of one that may have any other letter
_IN_TURN = 0.9  # slips that two letters in turn are: the commonest of them
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


def list_meanings(words: Sequence[str], known: Iterable[str] = ()) -> Iterator[str]:
    """What words mean, the longest phrases first, names by their kind; those that tell nothing are left out.

    A word that nobody knows is taken for the one that it may be a mistyped form of: of the lists, and of `known`.
    """
    at = 0
    spelled = [_spell(word, frozenset(known)) for word in words]
    yield from (m for both, m in TOGETHER.items() if set(both) <= set(spelled))
    while at < len(spelled):
        length, meaning = find_phrase(spelled[at : at + LONGEST])
        # "session <session>" says no more than "<session>"
        if meaning and f"<{meaning}>" not in words:
            yield meaning
        at += length


def spell_out(words: Sequence[str]) -> list[str]:
    """With "do not" for "don't", which is two words here, and for "dont"."""
    found: list[str] = []
    for word in words:
        before = found[-1] if found else ""
        verb = before if before == "can" else before.removesuffix("n")
        if word == "t" and verb in _NEGATED:
            found[-1:] = [verb, "not"]
        elif word.endswith("nt") and word[:-2] in _NEGATED:
            found += [word[:-2], "not"]
        else:
            found.append(word)
    return found


def find_meaning(word: str) -> str:
    """What one word means, where it is alone."""
    return find_phrase([correct(word)])[1]


def list_deciding(words: Sequence[str]) -> Iterator[str]:
    """What kind of answer is asked for, as far as words say so; those of a phrase with a meaning of its own do not."""
    at = 0
    while at < len(words):
        length, meaning = find_phrase(words[at : at + LONGEST])
        if length == 1 or not meaning:
            found = (DECIDING.get(tuple(words[at : at + n])) for n in (3, 2, 1))
            yield from (kind for kind in found if kind and _asks(words, at))
        at += length


def _asks(words: Sequence[str], at: int) -> bool:
    """Whether a word asks, and does not begin a clause: "sessions where checks failed" asks for no place."""
    is_maybe_clause = at > 0 and words[at] in ("where", "when")
    return not is_maybe_clause or set(words[at + 1 : at + 2]) <= AUXILIARIES


def find_counted(words: Sequence[str]) -> str | None:
    """What "how many" or "number of" counts, by its meaning: "" for something that nobody knows, None for no count."""
    words = tuple(words)
    for at, pair in enumerate(pairwise(words), 2):
        if pair not in COUNTING or words[at : at + 1] == ("times",):
            continue
        rest = list(words[at:])
        while rest and rest[0] in BEFORE_COUNTED:
            rest.pop(0)
        if not rest or rest[0] in AFTER_NOTHING:
            return None
        spelled = [correct(word) for word in rest]
        return find_phrase(spelled)[1] if is_known(rest[0], spelled[0]) else ""
    return None


def is_order(words: Sequence[str]) -> bool:
    """Whether it tells somebody to do something, maybe politely."""
    rest = list(words)
    while rest and rest[0] in COURTESIES:
        rest.pop(0)
    if not rest:
        return False
    is_told_of_what = rest[0] in MAYBE_ORDERS and rest[1:2] and rest[1] in DETERMINERS
    return rest[0] in ORDERS or bool(is_told_of_what)


def mend(word: str, usual: Collection[str]) -> str:
    """A mistyped word as it was meant: where that means something, or has the same letters in another order."""
    if word in usual or word.startswith("<"):
        return word
    spelled = correct(word)
    is_meant = is_known(word, spelled) or sorted(word) == sorted(spelled)
    return spelled if is_meant else word


def is_known(word: str, spelled: str) -> bool:
    """Whether a word is of the lists, or a slip away from one that means something."""
    if word != spelled:
        return bool(SAID.get((spelled,), _cut(spelled)))
    return word.startswith("<") or bool({word, _cut(word)} & {"", *WORDS})


def find_phrase(words: Sequence[str]) -> tuple[int, str]:
    """How many words from the first one on mean one thing, and what; "" for nothing."""
    for length in range(min(len(words), LONGEST), 0, -1):
        meaning = SAID.get(tuple(words[:length]))
        if meaning is not None:
            return length, meaning
    return 1, _cut(words[0])


def _cut(word: str) -> str:
    """A word without its ending, or what it means without."""
    if word.startswith("<"):
        return word
    for ending in _ENDINGS:
        cut = word.removesuffix(ending)
        if cut != word and len(cut) >= 3:
            cut = cut[:-1] if cut[-1] == cut[-2] else cut
            return SAID.get((cut,), SAID.get((f"{cut}e",), _tell_manner(word, cut)))
    return word


def _tell_manner(word: str, cut: str) -> str:
    """Adverbs of manner tell nothing of what is asked."""
    return "" if word.endswith("ly") and len(word) >= _LEAST_ADVERB else cut


def _list_slots(words: Iterable[str]) -> Counter[str]:
    return Counter(word for word in words if word.startswith("<"))


def _spell(word: str, known: frozenset[str]) -> str:
    """The word, or one of the lists that a slip of the fingers away is: a letter more, less, other, or two in turn."""
    is_usual = word in known or _cut(word) in known
    if len(word) < _LEAST_SPELLED or word[0] == "<" or is_usual:
        return word
    return correct(word)


@cache
def correct(word: str) -> str:
    """The word of the lists that one is, or may be a mistyped form of; itself where there is none."""
    cut = _cut(word)  # "" of a form of a word that tells nothing
    if not cut or word in WORDS or cut in WORDS:
        return word
    near = sorted((_count_slips(word, other), other) for other in _near(word))
    fits = near and near[0][0] <= (1 if len(word) < 8 else 2)
    return near[0][1] if fits else word


def _near(word: str) -> Iterator[str]:
    return (
        w
        for w in WORDS
        if w[:1] == word[:1]
        and abs(len(w) - len(word)) <= 2
        and len(w) >= _LEAST_SPELLED
    )


def _count_slips(one: str, other: str) -> float:
    """The distance of optimal string alignment (Damerau and Levenshtein)."""
    before: list[float] = []
    row: list[float] = [float(n) for n in range(len(other) + 1)]
    for i, letter in enumerate(one, 1):
        older, before, row = before, row, [float(i)]
        for j, wanted in enumerate(other, 1):
            other_letter = before[j - 1] + _compare(letter, wanted, len(one))
            costs = [before[j] + 1, row[-1] + 1, other_letter]
            if i > 1 and j > 1 and letter == other[j - 2] and wanted == one[i - 2]:
                costs.append(older[j - 2] + _IN_TURN)
            row.append(min(costs))
    return row[-1]


def _compare(letter: str, wanted: str, length: int) -> int:
    """Slips that one letter for another is: two of a short word, unless it is the next key, or a vowel for a vowel."""
    if letter == wanted:
        return 0
    is_near = wanted in _BESIDE.get(letter, "") or {letter, wanted} <= _VOWELS
    return 1 if is_near or length >= _LEAST_ANY else 2


def _list_keys_beside() -> dict[str, str]:
    """Letter -> those of the keys around it, on the keyboards of QWERTY: rows are half a key apart."""
    rows = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
    places = {k: (n, 2 * at + n) for n, row in enumerate(rows) for at, k in enumerate(row)}  # fmt: skip
    return {
        k: "".join(
            other
            for other, (m, there) in places.items()
            if abs(m - n) + abs(there - at) == 2 and abs(m - n) < 2
        )
        for k, (n, at) in places.items()
    }


_BESIDE = _list_keys_beside()
_VOWELS = frozenset("aeiou")


def _list_words() -> Iterator[str]:
    """All words of the lists, and the regular forms of those that mean something."""
    for phrase, meaning in SAID.items():
        yield from phrase
        if meaning and len(phrase) == 1 and len(phrase[0]) >= _LEAST_INFLECTED:
            stem = phrase[0].removesuffix("e")
            yield from (f"{phrase[0]}s", f"{stem}ed", f"{stem}ing")


WORDS = frozenset(_list_words())  # of the lists, in their regular forms
