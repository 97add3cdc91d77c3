"""What a question is made of, for the model that learnt forms of questions: letters, words and meanings in a row.

Belongs here: listing pieces, one question. Does not: how much one weighs.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from orchestration.agent.asking.words import list_meanings

GROUPS = ("letters", "words", "meanings")
_LETTERS = (2, 3, 4, 5)
_WORDS = (1, 2, 3)
_MEANINGS = (1, 2)


def list_pieces(words: Sequence[str]) -> dict[str, Counter[str]]:
    """By group: how often each piece is in the words of a question, `<kind>` standing for names."""
    meanings = [meaning.replace(" ", "_") for meaning in list_meanings(words)]
    return {
        "letters": Counter(p for word in words for p in _cut(word)),
        "words": Counter(_join(words, _WORDS)),
        "meanings": Counter(_join(meanings, _MEANINGS)),
    }


def _cut(word: str) -> Iterator[str]:
    """Letters in a row, with a space where a word begins and ends; a name is one piece."""
    if word.startswith("<"):
        yield word
        return
    padded = f" {word} "
    for length in _LETTERS:
        last = len(padded) - length
        yield from (padded[at : at + length] for at in range(last + 1))


def _join(words: Sequence[str], lengths: Sequence[int]) -> Iterator[str]:
    for length in lengths:
        last = len(words) - length
        yield from (" ".join(words[at : at + length]) for at in range(last + 1))
