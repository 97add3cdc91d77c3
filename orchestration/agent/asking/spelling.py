"""Mistyped words as they were meant: a letter more, less, other, or two in turn.

Belongs here: which word of the lists one may be. Does not: what words mean.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from functools import cache

from orchestration.agent.asking.meanings import cut_ending
from orchestration.agent.asking.thesaurus import AUXILIARIES, DECIDING, SAID

_LEAST_SPELLED = 4  # letters of a word that may be a mistyped one
_LEAST_INFLECTED = 3  # letters of one whose plural may be mistyped
_LEAST_CONJUGATED = 4  # and of one whose other forms may be
_LEAST_OTHER = 5  # letters of one that may have the letter of a key beside, or another vowel
_LEAST_ANY = 6  # letters of one that may have any other letter
_IN_TURN = 0.9  # slips that two letters in turn are: the commonest of them


def mend(word: str, usual: Collection[str]) -> str:
    """A mistyped word as it was meant: where that means something, or has the same letters in another order."""
    if word in usual or word.startswith("<"):
        return word
    spelled = correct(word)
    return spelled if is_known(word, spelled) or _has_all(word, spelled) else word


def is_known(word: str, spelled: str) -> bool:
    """Whether a word is of the lists, or a slip away from one that means something."""
    if word != spelled:
        return bool(SAID.get((spelled,), cut_ending(spelled)))
    return word.startswith("<") or bool({word, cut_ending(word)} & {"", *WORDS})


def spell(word: str, known: frozenset[str]) -> str:
    """The word, or one of the lists that a slip of the fingers away is: a letter more, less, other, or two in turn."""
    is_usual = word in known or cut_ending(word) in known
    if len(word) < _LEAST_SPELLED or word[0] == "<" or is_usual:
        return word
    return correct(word)


@cache
def correct(word: str) -> str:
    """The word of the lists that one is, or may be a mistyped form of; itself where there is none."""
    cut = cut_ending(word)  # "" of a form of a word that tells nothing
    if not cut or word in WORDS or cut in WORDS:
        return word
    if len(word) == 3:
        turned = word[0] + word[2] + word[1]
        return turned if turned in WORDS else word
    near = sorted((_count_slips(word, other), other) for other in _near(word))
    fits = near and near[0][0] <= (1 if len(word) < 8 else 2)
    return near[0][1] if fits else word


def _has_all(one: str, other: str) -> bool:
    """Whether two words have the same letters; one that asks may have one more or less."""
    both = Counter(one) & Counter(other)
    num_more = 1 if len(one) != len(other) and other in _ASKING else 0
    return both.total() >= max(len(one), len(other)) - num_more


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
    is_slip = is_near and length >= _LEAST_OTHER
    return 1 if is_slip or length >= _LEAST_ANY else 2


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


# words of which a question is made, whatever it is about
_ASKING = frozenset(word for phrase in DECIDING for word in phrase) | AUXILIARIES
_ASKING |= {"and", "each", "every", "many", "much", "often", "what", "which"}
_ASKING |= {"altogether", "overall", "together"}
_BESIDE = _list_keys_beside()
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


WORDS = frozenset(_list_words())  # of the lists, in their regular forms
