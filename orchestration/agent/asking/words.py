"""What the words of a question mean, and what kind of answer they ask for.

Belongs here: meanings in their order, what is counted, what decides, orders. Does not: which words mean the same.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from orchestration.agent.asking.closed_classes import (
    AFTER_NOTHING,
    AUXILIARIES,
    BEFORE_COUNTED,
    COURTESIES,
    DECIDING,
    DETERMINERS,
    MAYBE_ORDERS,
    ORDERS,
)
from orchestration.agent.asking.meanings import find_phrase
from orchestration.agent.asking.spelling import correct, is_known
from orchestration.agent.asking.thesaurus import LONGEST, TOGETHER

_NEGATED = AUXILIARIES - {"am", "may", "will"}  # by an ending
COUNTING = (("how", "many"), ("number", "of"))


def list_meanings(words: Sequence[str]) -> Iterator[str]:
    """What words mean, the longest phrases first, names by their kind; those that tell nothing are left out.

    A word that nobody knows is taken for the one of the lists that it may be a mistyped form of.
    """
    at = 0
    spelled = [correct(word) for word in words]
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
        if rest[0] == "<class>" and find_phrase(spelled[1:] or [""])[1] == "label":
            return "label"
        return find_phrase(spelled)[1] if is_known(rest[0], spelled[0]) else ""
    return None


def is_order(words: Sequence[str]) -> bool:
    """Whether it tells somebody to do something, maybe politely."""
    rest = list(words)
    while rest and rest[0] in COURTESIES:
        rest.pop(0)
    if not rest:
        return False
    behind = rest[1] if rest[1:] else ""
    is_polite_name = len(rest) < len(words) and behind.startswith("<")
    is_told_of_what = behind in DETERMINERS or is_polite_name
    return rest[0] in ORDERS or (rest[0] in MAYBE_ORDERS and is_told_of_what)
