"""What a question is taken for, once for each of several things that it names: a count by its grammar, or else the kind
that is most probable by what was learnt.

Belongs here: choosing, and what is refused. Does not: calling tools, and what is said.
"""

import re
from collections.abc import Iterator, Sequence

from orchestration.agent.asking.chosen import Chosen, fill
from orchestration.agent.asking.closed_classes import AUXILIARIES
from orchestration.agent.asking.guessing import guess
from orchestration.agent.asking.intents import COUNTED
from orchestration.agent.asking.names import Known, Question, list_names
from orchestration.agent.asking.reading import list_usual, read_trimmed, trim_text
from orchestration.agent.asking.thesaurus import SAID
from orchestration.agent.asking.trimming import name_again
from orchestration.agent.asking.words import is_order, list_deciding, list_meanings
from orchestration.agent.world import World

_MOST_CLAUSES = 4
_OF_ORDER = 0.8  # probability of a kind from which on an order asks: "put frames of A and B side by side"
MAX_QUESTION = 1000  # characters
_NEXT_CLAUSE = re.compile(r"[?;.!]\s+|,?\s+and\s+(?:also\s+)?|,\s+", re.IGNORECASE)
_NEXT_SENTENCE = re.compile(r"[?;.!]\s+")
_BEGINS_QUESTION = re.compile(
    rf"(?:and |or |also |but )*(?:how|which|what|who|whom|whose|where|when|why|{'|'.join(sorted(AUXILIARIES))})\b",
    re.IGNORECASE,
)
_MEANINGS = frozenset(SAID.values()) - {""}
# how a clause begins that is a condition of an earlier one, and what is about what an earlier one asks for
_CONDITIONS = frozenset(
    {"without", "except", "excluding", "only", "not", "but", "minus", "leaving"}
)
_POINTING = frozenset({"it", "they", "them", "those", "these"})
# how a clause begins that says why somebody asks
_ASIDE = re.compile(
    r"(?:(?:for|because|since|as|so|so that|if|when|before|after|with) )?(?:i|we|my|our|you|your)\b"
    r"|(?:dear|hello|thank|sorry)"
)


def choose(world: World, text: str) -> tuple[Chosen, ...]:
    """One for each question in the text: those of its parts where these are more probable than the whole is.

    Raises ValueError for one that is too long.
    """
    if len(text) > MAX_QUESTION:
        raise ValueError(f"the question has {len(text)} characters: ask shorter")
    known = list_names(world)
    try:
        text = trim_text(known, text)
    except LookupError:
        return (Chosen(None, known.read(text, list_usual())),)
    whole = _choose_one(known, text)
    clauses = tuple(_choose_clauses(known, text))
    if _are_several(clauses, whole):
        return tuple({_tell_apart(one): one for one in clauses}.values())
    is_half = whole.intent is not COUNTED and _leaves_out(known, text)
    return (Chosen(None, whole.question) if is_half else whole,)


def _choose_clauses(known: Known, text: str) -> Iterator[Chosen]:
    """One for each part of the text that asks something, or may do so."""
    before: Question | None = None
    for part in _NEXT_CLAUSE.split(text):
        if before is not None:
            part = name_again(part, before.names)
        chosen = _choose_one(known, part)
        before = chosen.question
        words = chosen.question.words
        is_said = any(list_meanings(words)) or any(list_deciding(words))
        if is_said and (chosen.is_clear or not _is_aside(words)):
            yield chosen


def _are_several(clauses: Sequence[Chosen], whole: Chosen) -> bool:
    """Whether clauses are questions of their own, each of them more probable than that all are one."""
    return (
        1 <= len(clauses) <= _MOST_CLAUSES
        and all(one.is_clear and one.is_of_words for one in clauses)
        and all(one.probability > whole.probability for one in clauses)
        and not any(_adds_to(clauses[0], later) for later in clauses[1:])
        and not _splits_names(clauses, whole)
    )


def _adds_to(first: Chosen, later: Chosen) -> bool:
    """Whether a later clause is a part of the first question: a single word, a condition, about what that asks for."""
    words = later.question.words
    return (
        (first.intent is COUNTED and len(words) < 2)
        or words[0] in _CONDITIONS
        or bool(_POINTING.intersection(words))
    )


def _splits_names(clauses: Sequence[Chosen], whole: Chosen) -> bool:
    """Whether all ask the same, and one of fewer names than are meant together."""
    if not whole.is_clear or clauses[0].intent is COUNTED:
        return False
    tools = {one.intent and one.intent.tool for one in (whole, *clauses)}
    num_names = len(whole.question.names)
    return len(tools) == 1 and any(len(c.question.names) < num_names for c in clauses)


def _leaves_out(known: Known, text: str) -> bool:
    """Whether one of several questions in the text is none that is known, so that the rest would be answered alone."""
    parts = [part for part in _NEXT_SENTENCE.split(text) if part]
    asking = [part for part in parts if _BEGINS_QUESTION.match(part)]
    return len(asking) > 1 and not all(
        _choose_one(known, part).is_clear for part in asking
    )


def _is_aside(words: Sequence[str]) -> bool:
    """Whether a clause speaks of who asks alone: "because I have to tell my boss", "for our talk"."""
    is_of_home = any(m.startswith("<") or m in _MEANINGS for m in list_meanings(words))
    return not is_of_home and bool(_ASIDE.match(" ".join(words)))


def _tell_apart(chosen: Chosen) -> str:
    return f"{chosen.intent and chosen.intent.name} {chosen.arguments}"


def _choose_one(known: Known, text: str) -> Chosen:
    question = read_trimmed(known, text)
    if is_order(question.words):
        return guess(known, question, _OF_ORDER)
    counted = fill(COUNTED, question, 1.0)
    return counted if counted.is_clear else guess(known, question)
