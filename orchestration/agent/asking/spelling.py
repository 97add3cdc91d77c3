"""Mistyped words as they were meant: a letter more, less, other, or two in turn.

Belongs here: which word of the lists one may be. Does not: what words mean.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from functools import cache

from orchestration.agent.asking.closed_classes import AUXILIARIES, DECIDING
from orchestration.agent.asking.count_words import COMPARED, PHRASES
from orchestration.agent.asking.english import count_often, is_english
from orchestration.agent.asking.meanings import cut_ending
from orchestration.agent.asking.moments import TIME_WORDS
from orchestration.agent.asking.thesaurus import SAID

_LEAST_SPELLED = 3  # letters of a word that may be a mistyped one
_LEAST_INFLECTED = 3  # letters of one whose plural may be mistyped
_LEAST_CONJUGATED = 4  # and of one whose other forms may be
_LEAST_OTHER = 5  # letters of one that may have any other letter
_LEAST_TWICE = 6  # letters of one that may have two slips
_OTHER_BEGINNING = 0.5  # slips more, where the first letter is wrong: it seldom is
_IN_TURN = 0.9  # slips that two letters in turn are: the commonest of them

_OFTEN_HERE = frozenset({"stored", "store"})  # oftener than films say


def mend(word: str, usual: Collection[str]) -> str:
    """A mistyped word as it was meant."""
    return word if word in usual or word.startswith("<") else correct(word)


def is_known(word: str, spelled: str) -> bool:
    """Whether a word is of the lists, or a slip away from one that means something."""
    if word != spelled:
        return bool(SAID.get((spelled,), cut_ending(spelled)))
    return word.startswith("<") or bool({word, cut_ending(word)} & {"", *WORDS})


@cache
def correct(word: str) -> str:
    """The word of the lists that one is, or may be a mistyped form of; itself where there is none, or it is English."""
    cut = cut_ending(word)  # "" of a form of a word that tells nothing
    if not cut or word in WORDS or cut in WORDS or len(word) < _LEAST_SPELLED:
        return word
    if not word.isalpha() or is_english(word):
        return word
    most = 2 if len(word) >= _LEAST_TWICE else 1
    near = min((_rank(word, other) for other in _near(word, most)), default=None)
    if near and near[0] <= most + _OTHER_BEGINNING:
        return near[-1]
    singular = word.removesuffix("s")  # "hodls" of "hold"
    return correct(singular) if singular != word else word


def _rank(word: str, other: str) -> tuple[float, bool, bool, int, str]:
    """The likest first; of those as like one that gives its group of words the name, and the commonest."""
    is_begun = word[0] == other[0] or word[1::-1] == other[:2]
    num_slips = _count_slips(word, other) + (0.0 if is_begun else _OTHER_BEGINNING)
    is_name = SAID.get((cut_ending(other),)) == cut_ending(other)
    return num_slips, other not in _OFTEN_HERE, not is_name, -count_often(other), other


def _near(word: str, most: int) -> Iterator[str]:
    """Words that may be so few slips away, by their lengths and letters."""
    letters = Counter(word)
    for other in WORDS:
        if abs(len(other) - len(word)) <= most and len(other) >= _LEAST_SPELLED:
            num_same = (letters & Counter(other)).total()
            if max(len(word), len(other)) - num_same <= most:
                yield other


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
    is_near = wanted in KEYS_BESIDE.get(letter, "") or {letter, wanted} <= _VOWELS
    return 1 if is_near or length >= _LEAST_OTHER else 2


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


KEYS_BESIDE = _list_keys_beside()
_VOWELS = frozenset("aeiou")


def _list_words() -> Iterator[str]:
    """All words of the lists, and the regular forms of those that mean something."""
    for phrase, meaning in SAID.items():
        yield from phrase
        if meaning and len(phrase) == 1 and len(phrase[0]) >= _LEAST_INFLECTED:
            yield f"{phrase[0]}s"
        if meaning and len(phrase) == 1 and len(phrase[0]) >= _LEAST_CONJUGATED:
            stem = phrase[0].removesuffix("e")
            yield from (f"{stem}ed", f"{stem}ing")


NEGATED = frozenset(f"{word}nt" for word in AUXILIARIES)  # "isnt" for "isn't"
# of the lists, in their regular forms
WORDS = frozenset(_list_words()).union(
    TIME_WORDS, AUXILIARIES, NEGATED, *DECIDING, *PHRASES, *COMPARED
)
