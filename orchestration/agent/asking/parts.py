"""The part that each word has in a question that counts: what is counted, by what, most or least, without what.

Belongs here: words and their parts. Does not: what the parts come to, which is `counting`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestration.agent.asking.closed_classes import AFTER_NOTHING, BEFORE_COUNTED
from orchestration.agent.asking.meanings import find_phrase
from orchestration.agent.asking.spelling import correct, is_known
from orchestration.agent.asking.words import COUNTING

NOUNS = frozenset(
    {"frame", "label", "session", "sensor", "class", "capture", "release", "model"}
    | {"task", "part"}
)
OTHER = "other"  # of a word whose part nobody knows
# by word; quantities stand before what is counted, sizes before what is large
_ROLES: Mapping[str, str] = {
    word: role
    for role, words in {
        "count": "altogether overall together",
        "each": "each every per pr by apiece distribution distributed",
        "not": "no not never without except excluding",
        "unlabelled": "unlabelled unlabeled unannotated",
        "most": "most highest max maximum",
        "least": "fewest least lowest min minimum",
        "largest": "largest biggest greatest commonest top",
        "smallest": "smallest rarest tiniest",
        "common": "common frequent frequently often",
        "asked": "which what list show name names enumerate",
        "and": "and",
    }.items()
    for word in words.split()
}
_COMPARED: Mapping[tuple[str, ...], str] = {
    tuple(phrase.split()): sign
    for sign, phrases in {
        ">": ("more than", "over", "above"),
        "<": ("less than", "fewer than", "under", "below"),
        ">=": ("at least",),
        "<=": ("at most",),
        "=": ("exactly",),
    }.items()
    for phrase in phrases
}
_OF_MEANINGS = {"count": "count", "each": "each", "most": "most"} | {
    meaning: "queue" for meaning in ("queue", "wait")
}
_PARTS_OF_RELEASE = frozenset(
    {"train", "training", "test", "testing", "val", "validation"}
)
# what is done to all of a noun, so that to say it is no condition; "made" is said of everything
_DONE = {"train": "model", "ingest": "session", "origin": "session"}
_TELLS_NOTHING = ("", "make")
# what tells nothing of most questions, and is a condition of what is counted, or stands for what was said before
_CONDITIONS = frozenset(
    {"alone", "another", "both", "it", "its", "less", "more", "one", "only", "same"}
    | {"several", "them", "they"}
)


@dataclass(frozen=True)
class Part:
    """A role; of a noun or name which one, of a comparison its sign."""

    role: str
    what: str = ""


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
    for phrase, sign in _COMPARED.items():
        if (*phrase, "<number>") == tuple(rest[: len(phrase) + 1]):
            return len(phrase), Part("than", sign)
    if word.startswith("<"):
        return 1, Part("name", word[1:-1])
    if word == "by" and not _is_noun(rest[1:], words):
        return 1, None  # "frames by <sensor>"
    if word in _ROLES:
        return 1, Part(_ROLES[word])
    if word in _PARTS_OF_RELEASE and "<release>" in words:
        return 1, Part("noun", "part")
    length, meaning = find_phrase(rest)
    if length == 1 and word in _CONDITIONS:
        return 1, Part(OTHER)
    return length, _name(meaning, words)


def _spell(word: str) -> str:
    """A mistyped word as it was meant, where that means something."""
    if word in _ROLES or word.startswith("<"):
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
