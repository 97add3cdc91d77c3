"""What a word or phrase means, by the lists of words and without its ending.

Belongs here: one phrase. Does not: mistyped words, and sentences.
"""

from collections.abc import Sequence

from orchestration.agent.asking.thesaurus import LONGEST, SAID

_ENDINGS = ("ing", "ed", "ly", "es", "s")
_LEAST_PLURAL = 4  # letters of "dies"
_LEAST_ADVERB = 6  # letters of a word that ends like one


def find_phrase(words: Sequence[str]) -> tuple[int, str]:
    """How many words from the first one on mean one thing, and what; "" for nothing."""
    for length in range(min(len(words), LONGEST), 0, -1):
        meaning = SAID.get(tuple(words[:length]))
        if meaning is not None:
            return length, meaning
    return 1, cut_ending(words[0])


def cut_ending(word: str) -> str:
    """A word without its ending, or what it means without."""
    if word.startswith("<"):
        return word
    if word.endswith("ies") and len(word) > _LEAST_PLURAL:
        word = f"{word[:-3]}y"
        return SAID.get((word,), word)
    for ending in _ENDINGS:
        cut = word.removesuffix(ending)
        if cut != word and len(cut) >= 3:
            cut = cut[:-1] if cut[-1] == cut[-2] else cut
            return SAID.get((cut,), SAID.get((f"{cut}e",), _tell_manner(word, cut)))
    return word


def _tell_manner(word: str, cut: str) -> str:
    """Adverbs of manner tell nothing of what is asked."""
    return "" if word.endswith("ly") and len(word) >= _LEAST_ADVERB else cut
