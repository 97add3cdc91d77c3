"""The part that each word has in a question that counts: what is counted, by what, most or least, without what.

Belongs here: words and their parts. Does not: what the parts come to, which is `counting`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestration.agent.asking.closed_classes import AFTER_NOTHING, BEFORE_COUNTED
from orchestration.agent.asking.count_words import (
    COMPARED,
    LONGEST,
    NUMERALS,
    PHRASES,
)
from orchestration.agent.asking.meanings import find_phrase
from orchestration.agent.asking.spelling import correct, is_known
from orchestration.agent.asking.words import COUNTING

NOUNS = frozenset(
    {"frame", "label", "session", "sensor", "class", "capture", "release", "model"}
    | {"task", "part"}
)
OTHER = "other"  # of a word whose part nobody knows
_OF_MEANINGS = {"count": "count", "each": "each", "most": "most"} | {
    meaning: "queue" for meaning in ("queue", "wait")
}
_PARTS_OF_RELEASE = frozenset(
    {"train", "training", "test", "testing", "val", "validation"}
)
_PEOPLE = frozenset({"person", "persons", "human", "humans"})
# behind "by": who labelled
_AUTHORS = _PEOPLE | {"people", "hand", "machine", "model", "annotator", "annotators"}
# what is done to all of a noun, so that to say it is no condition; "made" is said of everything
_DONE = {"train": "model", "ingest": "session", "origin": "session"}
_TELLS_NOTHING = ("", "make")
# what tells nothing of most questions, and is a condition of what is counted, or stands for what was said before
_CONDITIONS = (
    _PEOPLE
    | (_PARTS_OF_RELEASE - {"train"})
    | {"alone", "another", "it", "its", "less", "more", "one", "same", "several"}
    | {"single", "them", "they", "other", "others", "but", "share", "behind"}
    | {"he", "him", "she", "her"}
    | {"manually", "automatically"}
)


@dataclass(frozen=True)
class Part:
    """A role; of a noun or name which one, of a comparison its sign, and its number where it is a word."""

    role: str
    what: str = ""
    number: int | None = None


def list_parts(words: Sequence[str]) -> Iterator[Part]:
    """In their order, without words that tell nothing."""
    words = [_spell(word) for word in words]
    at = 0
    while at < len(words):
        length, part = _read(words, at)
        if tuple(words[max(0, at - 2) : at]) in COUNTING:
            part = _read_counted(words[at], part)
        if part is not None:
            yield part
        at += length


def _read_counted(word: str, part: Part | None) -> Part | None:
    """What stands behind "how many": nothing that is counted, or what is, if only "persons", which nobody counts."""
    if word in BEFORE_COUNTED:
        return None
    return part or (None if word in AFTER_NOTHING else Part(OTHER))


def _read(words: Sequence[str], at: int) -> tuple[int, Part | None]:
    """How many words from one on have one part, and which."""
    word, rest = words[at], words[at:]
    compared = _read_comparison(rest)
    if compared:
        return compared
    if word.startswith("<"):
        return 1, Part("name", word[1:-1])
    if word == "but" and rest[1:2] and rest[1].startswith("<"):
        return 1, Part("not")
    if word == "by" and _AUTHORS.intersection(rest[1:3]):
        return 1, Part(OTHER)  # who labelled is no column
    if word == "by" and not _is_noun(rest[1:], words):
        return 1, None  # "frames by <sensor>"
    for length in range(LONGEST, 0, -1):
        role = PHRASES.get(tuple(rest[:length]))
        if role and len(rest) >= length:
            return length, Part(role, _tell_each(word) if role == "each" else "")
    if word in _PARTS_OF_RELEASE and "<release>" in words:
        return 1, Part("noun", "part")
    length, meaning = find_phrase(rest)
    if length == 1 and word in _CONDITIONS:
        return 1, Part(OTHER)
    return length, _name(meaning, words)


def _tell_each(word: str) -> str:
    """How it is said that something is counted for each; "" for words that only say that it is."""
    if word in ("distribution", "distributed", "histogram"):
        return ""
    return "by" if word == "by" else "each"


def _read_comparison(rest: Sequence[str]) -> tuple[int, Part] | None:
    """ "More than", and the number where it is said in a word."""
    for phrase, sign in COMPARED.items():
        length = len(phrase)
        if tuple(rest[:length]) == phrase and len(rest) > length:
            if rest[length] == "<number>":
                return length, Part("than", sign)
            if rest[length] in NUMERALS:
                return length + 1, Part("than", sign, NUMERALS[rest[length]])
    return None


def _spell(word: str) -> str:
    """A mistyped word as it was meant, where that means something."""
    if (word,) in PHRASES or word.startswith("<"):
        return word
    spelled = correct(word)
    return spelled if is_known(word, spelled) else word


def _is_noun(rest: Sequence[str], words: Sequence[str]) -> bool:
    """Whether what follows is a noun of its own, and none before a name."""
    meaning = find_phrase(rest)[1] if rest else ""
    return meaning in NOUNS and f"<{meaning}>" not in words


def _name(meaning: str, words: Sequence[str]) -> Part | None:
    # "session <session>" says no more than "<session>"
    if meaning in _TELLS_NOTHING or f"<{meaning}>" in words:
        return None
    if meaning in NOUNS:
        return Part("noun", meaning)
    if meaning in _DONE:
        return Part("done", _DONE[meaning])
    return Part(_OF_MEANINGS.get(meaning, OTHER))
