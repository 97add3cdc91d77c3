"""The answer to a question in plain words: the kind of question that it is most like, its tool, and what that says.

Belongs here: choosing, and saying that nothing is known. Does not: examples and tools.
"""

from dataclasses import dataclass
from functools import cache

from orchestration.agent.answer import Answer, Fact, Source, unknown
from orchestration.agent.asking.intents import INTENTS, Intent
from orchestration.agent.asking.names import Question, list_names
from orchestration.agent.asking.words import Sentences
from orchestration.agent.call_log import CallLog
from orchestration.agent.tool import call
from orchestration.agent.tools import find_tool
from orchestration.agent.world import World

_LEAST = 0.55  # likeness from which on a question is of a kind
MAX_QUESTION = 1000  # characters
# what begins with one is an order, and those are not carried out
_ORDERS = """
approve delete drop erase export forget ingest make promote put reject remove retrain roll send start stop write
"""


@dataclass(frozen=True)
class Chosen:
    """What a question was taken for: `intent` None where it is like none."""

    intent: Intent | None
    question: Question
    likeness: float
    arguments: dict[str, object]
    lacking: str = ""  # the kind of name that it does not name


def answer(world: World, text: str) -> tuple[Chosen, Answer]:
    """Raises ValueError as the tool does."""
    chosen = choose(world, text)
    if chosen.intent is None and "id" in chosen.question.names:
        wanted = Fact("id", chosen.question.first("id"), Source("home", "status"))
        words = "I don't know: nothing has an id that begins with {id}, or several things have."
        return chosen, unknown(words, wanted)
    if chosen.intent is None:
        return chosen, unknown(
            "I don't know: no tool says that. `daguerre ask --help` has examples of what may be asked."
        )
    if chosen.lacking:
        return chosen, unknown(
            f"I don't know which {chosen.lacking} is meant: name one that there is, in quotation marks."
        )
    tool = find_tool(chosen.intent.tool)
    log = CallLog(world.settings.home)
    return chosen, call(tool, world, chosen.arguments, log)


def choose(world: World, text: str) -> Chosen:
    """The kind of a question, and the arguments of its tool. Raises ValueError for one that is too long."""
    if len(text) > MAX_QUESTION:
        raise ValueError(f"the question has {len(text)} characters: ask shorter")
    sentences, vocabulary = _learn()
    question = list_names(world).read(text, vocabulary)
    if question.words[:1] and question.words[0] in _ORDERS.split():
        return Chosen(None, question, 0.0, {})
    for likeness, name in sentences.rank(question.words):
        if likeness < _LEAST:
            break
        intent = next(one for one in INTENTS if one.name == name)
        try:
            return Chosen(intent, question, likeness, dict(intent.make(question)))
        except LookupError as lacking:
            said = str(lacking.args[0])
            return Chosen(intent, question, likeness, {}, said)
    return Chosen(None, question, 0.0, {})


@cache
def _learn() -> tuple[Sentences, frozenset[str]]:
    """The examples, and all their words."""
    words = {i.name: [tuple(text.split()) for text in i.examples] for i in INTENTS}
    all_words = {w for some in words.values() for s in some for w in s}
    return Sentences.of(words), frozenset(w for w in all_words if w[0] != "<")
