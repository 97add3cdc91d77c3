"""A question in the words that kinds are told by: names and times by what they are, without what does not ask.

Belongs here: the whole way from a text to words, and which words are usual. Does not: choosing by them.
"""

from datetime import UTC, datetime
from functools import cache

from orchestration.agent.asking.answer_forms import drop_forms
from orchestration.agent.asking.intents import INTENTS
from orchestration.agent.asking.moments import WEEKDAYS, find_time
from orchestration.agent.asking.names import Known, Question, list_quoted
from orchestration.agent.asking.rewording import reword
from orchestration.agent.asking.spelling import WORDS
from orchestration.agent.asking.sql_words import say_in_words
from orchestration.agent.asking.trimming import trim

_UNKNOWN, _TEXT = "<unknown>", "<text>"


def trim_text(known: Known, text: str) -> str:
    """What of a text asks. Raises LookupError for a pronoun that may stand for several names."""
    said = drop_forms(say_in_words(text))
    return trim(said, lambda part: known.read(part, list_usual()).names)


def read_trimmed(known: Known, text: str) -> Question:
    """A question in words; the one thing in quotation marks that is no name is a text to search for."""
    question = known.read(text, list_usual())
    quoted = list_quoted(text)
    if question.words.count(_UNKNOWN) != 1 or len(quoted) != 1:
        return question
    words = tuple(_TEXT if word == _UNKNOWN else word for word in question.words)
    names = {k: v for k, v in question.names.items() if k != "table"}  # "documents"
    return Question(words, {**names, "text": quoted})


def read_question(known: Known, text: str) -> Question:
    """A question in words, without what does not ask, where that is clear."""
    try:
        text = trim_text(known, text)
    except LookupError:
        text = drop_forms(say_in_words(text))
    return read_trimmed(known, text)


def read_example(text: str) -> tuple[str, ...]:
    """An example of a kind in the words that are learnt from."""
    now = datetime.now(UTC)  # that an example names a time counts, and not which
    return tuple(find_time(reword(text.replace(",", "").split()), now)[0])


@cache
def list_usual() -> frozenset[str]:
    """Words that are no names unless they stand in quotation marks: of examples, and of the lists of words."""
    of_examples = {
        w for i in INTENTS for text in i.examples for w in read_example(text)
    }
    usual = of_examples | WORDS.difference(WEEKDAYS)  # sessions are called by them
    return frozenset(word for word in usual if word[0] != "<")
