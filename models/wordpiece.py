"""Text as the numbers of BERT's uncased vocabularies: words in lower case without accents, cut into known pieces.

As published with BERT (Devlin et al., 2018): punctuation and Chinese characters are words of their own, and a word is
cut from its front into the longest pieces that the vocabulary has.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_MOST_CHARACTERS = 100  # of a word: longer ones are unknown
_CHINESE = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


class WordPieces:
    """A vocabulary: one piece a line, in the order of its numbers; pieces within a word begin with ##."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        """Raises KeyError where it lacks [UNK], [CLS] or [SEP]."""
        self._number = {piece: number for number, piece in enumerate(vocabulary)}
        self._unknown, self._begin, self._end = (
            self._number[name] for name in ("[UNK]", "[CLS]", "[SEP]")
        )

    def number(self, text: str, most: int) -> list[int]:
        """The numbers of a text between those that begin and end one: at most `most` of them, the rest is cut off."""
        numbers = [self._begin]
        for word in split_words(text):
            numbers += self._cut(word)
            if len(numbers) >= most:
                break
        return [*numbers[: most - 1], self._end]

    def _cut(self, word: str) -> list[int]:
        if len(word) > _MOST_CHARACTERS:
            return [self._unknown]
        numbers = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            ends = range(len(word), start, -1)
            end = next((e for e in ends if prefix + word[start:e] in self._number), 0)
            if not end:
                return [self._unknown]
            numbers.append(self._number[prefix + word[start:end]])
            start = end
        return numbers


def split_words(text: str) -> list[str]:
    """Words and marks, in lower case and without accents."""
    spaced = "".join(_space(c) for c in text)
    plain = "".join(
        c
        for c in unicodedata.normalize("NFD", spaced.lower())
        if unicodedata.category(c) != "Mn"
    )
    return "".join(f" {c} " if _is_mark(c) else c for c in plain).split()


def _space(character: str) -> str:
    if character in "\t\n\r":
        return " "
    code = ord(character)
    if code in (0, 0xFFFD) or unicodedata.category(character)[0] == "C":
        return ""
    if any(low <= code <= high for low, high in _CHINESE):
        return f" {character} "
    return character


def _is_mark(character: str) -> bool:
    """Punctuation, and every sign of ASCII that is neither letter nor digit."""
    code = ord(character)
    is_ascii_sign = 33 <= code <= 126 and not character.isalnum()
    return is_ascii_sign or unicodedata.category(character)[0] == "P"
