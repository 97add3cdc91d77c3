"""Whether an answer of a kind may answer a question that is like its examples: reasons to refuse.

Belongs here: what a question says and no example of the kind does. Does not: how like they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestration.agent.asking.closed_classes import DETERMINERS
from orchestration.agent.asking.words import (
    find_counted,
    list_deciding,
    list_meanings,
)

# what begins so, and says but a name, goes on from another question
_FOLLOWING = (("and",), ("also",), ("same",), ("what", "about"), ("how", "about"))
# of these a kind tells only where its examples have them: what questions are about, and what became of it
_SUBJECTS = frozenset(
    {"alarm", "approve", "champion", "cost", "difference", "drift", "export", "fail", "label", "licence", "loss"}
    | {"frame", "session", "class"}
    | {"model", "origin", "propose", "quarantine", "query", "score", "sensor", "similar", "stale", "train"}
)  # fmt: skip
# what a question may have beside the name of what it asks about
_OF_BARE = """
about anything are can contain contains could describe
detail details does done for give how i in information inside is keep kept know me
more now of ok okay on please report s say session show state table tell to us was what with you
"""


@dataclass(frozen=True)
class AnswerOf:
    """What answers of one kind say, by its examples: what decides them, what they count, what else they tell of.

    `known`: all that their words mean; `has_bare`: names alone are a question.
    """

    deciding: frozenset[str]
    counted: frozenset[str]
    told: frozenset[str]
    known: frozenset[str]
    has_bare: bool

    @classmethod
    def of(cls, examples: Sequence[Sequence[str]]) -> "AnswerOf":
        """`examples` in words."""
        counted = [(words, find_counted(words)) for words in examples]
        told = (list_meanings(words) for words, noun in counted if noun is None)
        meant = [set(list_meanings(words)) for words in examples]
        return cls(
            frozenset(kind for words in examples for kind in list_deciding(words)),
            frozenset(noun for _, noun in counted if noun is not None),
            frozenset(w for some in told for w in some if not w.startswith("<")),
            frozenset().union(*meant),
            any(w and all(m.startswith("<") for m in w) for w in meant),
        )

    def fits(self, words: Sequence[str]) -> bool:
        """Whether one may answer a question: what is counted there, and who, when or how, is among what they say."""
        noun = find_counted(words)
        is_counted = noun is None or noun in self.counted | self.told
        if noun is not None and "without" in list_deciding(words):
            return False  # only the grammar knows what is left out of a number
        is_decided = self.deciding.issuperset(list_deciding(words))
        return is_counted and is_decided and self._knows(words)

    def _knows(self, words: Sequence[str]) -> bool:
        """Whether at least half of what the words mean, names aside, is known here, and each of `_SUBJECTS`.

        Of names alone nothing is.
        """
        said = {m for m in list_meanings(words, self.known) if not m.startswith("<")}
        if not said:
            return self.has_bare and _is_bare(words)
        unknown = said - self.known
        return 2 * len(unknown) <= len(said) and not unknown & _SUBJECTS


def _is_bare(words: Sequence[str]) -> bool:
    """Whether words that mean nothing do no more than to ask for what is named, and go on from no other question."""
    is_following = any(tuple(words[: len(f)]) == f for f in _FOLLOWING)
    return not is_following and all(w in _BARE or w[0] == "<" for w in words)


_BARE = DETERMINERS.union(_OF_BARE.split())
