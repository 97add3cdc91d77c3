"""What a question was taken for, and the arguments that its tool is given.

Belongs here: the value, and filling it. Does not: which kind of question one is.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from orchestration.agent.asking.intents import Intent
from orchestration.agent.asking.names import Question
from orchestration.agent.asking.words import list_meanings

_MOST_CALLS = 8  # for one question


@dataclass(frozen=True)
class Chosen:
    """What one question was taken for; `intent` None: for none. The tool is called for each of `arguments`.

    `probability`: of the kind; `lacking`: the kind of name that the question does not name; `taken_for`: the question
    in plain words, where the kind is a guess.
    """

    intent: Intent | None
    question: Question
    probability: float = 0.0
    arguments: tuple[dict[str, object], ...] = ()
    lacking: str = ""
    taken_for: str = ""

    @property
    def is_clear(self) -> bool:
        """Whether a tool can be called."""
        return bool(self.arguments)

    @property
    def is_of_words(self) -> bool:
        """Whether it says more than names."""
        meanings = list_meanings(self.question.words)
        return any(not meaning.startswith("<") for meaning in meanings)


def fill(intent: Intent, question: Question, share: float) -> Chosen:
    """A question as one of a kind, so probable; not clear where a name is lacking."""
    try:
        arguments = [dict(intent.make(one)) for one in _list_each(intent, question)]
    except LookupError as lacking:
        return Chosen(intent, question, share, lacking=str(lacking.args[0]))
    return Chosen(intent, question, share, tuple(arguments[:_MOST_CALLS]))


def _list_each(intent: Intent, question: Question) -> Iterator[Question]:
    repeated = intent.list_repeated(question)
    if not repeated:
        yield question
        return
    for one in question.each(repeated[0]):
        yield from _list_each(intent, one)
