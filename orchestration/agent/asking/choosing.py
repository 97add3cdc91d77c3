"""What a question is taken for: the kind that it is most like, once for each of several things that it names.

Belongs here: choosing, and what is refused. Does not: calling tools, and what is said.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from orchestration.agent.asking.answer_forms import drop_forms
from orchestration.agent.asking.closed_classes import AUXILIARIES
from orchestration.agent.asking.fitting import AnswerOf
from orchestration.agent.asking.intents import COUNTED, INTENTS, Intent
from orchestration.agent.asking.likeness import Likeness, Sentences
from orchestration.agent.asking.moments import WEEKDAYS, find_time
from orchestration.agent.asking.names import Known, Question, list_names
from orchestration.agent.asking.rewording import reword
from orchestration.agent.asking.spelling import WORDS
from orchestration.agent.asking.sql_words import say_in_words
from orchestration.agent.asking.thesaurus import SAID
from orchestration.agent.asking.trimming import name_again, trim
from orchestration.agent.asking.words import is_order, list_deciding, list_meanings
from orchestration.agent.world import World

_LEAST = 0.5  # likeness from which on a question is of a kind
_SAME = 1e-6  # likeness that rounding makes
_MOST_CLAUSES = 4
_MOST_CALLS = 8  # for one question
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


@dataclass(frozen=True)
class Chosen:
    """What one question was taken for; `intent` None: it is like none. The tool is called for each of `arguments`."""

    intent: Intent | None
    question: Question
    likeness: float = 0.0
    arguments: tuple[dict[str, object], ...] = ()
    lacking: str = ""  # the kind of name that it does not name

    @property
    def is_clear(self) -> bool:
        """Whether a tool can be called."""
        return bool(self.arguments)

    @property
    def is_of_words(self) -> bool:
        """Whether it says more than names."""
        meanings = list_meanings(self.question.words)
        return any(not meaning.startswith("<") for meaning in meanings)


def choose(world: World, text: str) -> tuple[Chosen, ...]:
    """One for each question in the text: those of its parts where these are liker to what is known than the whole is.

    Raises ValueError for one that is too long.
    """
    if len(text) > MAX_QUESTION:
        raise ValueError(f"the question has {len(text)} characters: ask shorter")
    known = list_names(world)
    usual = _learn().usual
    text = drop_forms(say_in_words(text))
    try:
        text = trim(text, lambda part: known.read(part, usual).names)
    except LookupError:
        return (Chosen(None, known.read(text, usual)),)
    whole = _choose_one(known, text)
    found = tuple(_choose_clauses(known, text))
    if not 1 <= len(found) <= _MOST_CLAUSES:
        return (whole,)
    is_better = not _is_one(found) and all(
        one.is_clear and one.is_of_words and one.likeness > whole.likeness + _SAME
        for one in found
    )
    if not is_better:
        is_half = whole.intent is not COUNTED and _leaves_out(known, text)
        return (Chosen(None, whole.question) if is_half else whole,)
    return tuple({_tell_apart(one): one for one in found}.values())


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


def _is_one(found: Sequence[Chosen]) -> bool:
    """Whether clauses are one question: a later one is a single word, a condition, or about what the first asks for."""
    is_count = found[0].intent is COUNTED
    later = [one.question.words for one in found[1:]]
    return any(
        (is_count and len(words) < 2)
        or words[0] in _CONDITIONS
        or _POINTING.intersection(words)
        for words in later
    )


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


def rank(question: Question) -> list[Likeness]:
    """The kinds of questions, the likest first."""
    return _learn().sentences.rank(question.words)


def list_nearest(question: Question) -> list[Likeness]:
    """All examples, the likest first, whatever names they take."""
    found = _learn().sentences.compare(question.words)
    return sorted(found, key=lambda one: -one.value)


def _choose_one(known: Known, text: str) -> Chosen:
    learnt = _learn()
    question = known.read(text, learnt.usual)
    if is_order(question.words):
        return Chosen(None, question)
    counted = _fill(COUNTED, question, 1.0)
    if counted.is_clear:
        return counted
    for likeness in rank(question):
        value = likeness.value
        intent = _INTENTS[likeness.sentence.stands_for]
        if intent is COUNTED or value < _LEAST:
            continue
        if not learnt.answers[intent.name].fits(question.words):
            continue
        if likeness.has_same_slots:
            return _fill(intent, question, value)
        lacking = _name_lacking(likeness.sentence.slots, question)
        if lacking:
            return Chosen(intent, question, value, lacking=lacking)
    return Chosen(None, question)


def _fill(intent: Intent, question: Question, likeness: float) -> Chosen:
    try:
        arguments = [dict(intent.make(one)) for one in _list_each(intent, question)]
    except LookupError as lacking:
        return Chosen(intent, question, likeness, lacking=str(lacking.args[0]))
    return Chosen(intent, question, likeness, tuple(arguments[:_MOST_CALLS]))


def _list_each(intent: Intent, question: Question) -> Iterator[Question]:
    repeated = intent.list_repeated(question)
    if not repeated:
        yield question
        return
    for one in question.each(repeated[0]):
        yield from _list_each(intent, one)


def _name_lacking(slots: Iterable[str], question: Question) -> str:
    """The kind of name that an example has and the question has not; "" where the question has others instead."""
    has = {f"<{kind}>" for kind in question.names}
    missing = sorted(set(slots) - has)
    return missing[0][1:-1] if has < set(slots) and missing else ""


_INTENTS = {intent.name: intent for intent in INTENTS}


@dataclass(frozen=True)
class Learnt:
    """The examples, all usual words (of them, and of the lists of words), and what answers of each kind say."""

    sentences: Sentences
    usual: frozenset[str]
    answers: Mapping[str, AnswerOf]


def _read_example(text: str, now: datetime) -> list[str]:
    return find_time(reword(text.replace(",", "").split()), now)[0]


@cache
def _learn() -> Learnt:
    now = datetime.now(UTC)  # that an example names a time counts, and not which
    words: dict[str, Sequence[Sequence[str]]] = {
        i.name: [_read_example(text, now) for text in i.examples] for i in INTENTS
    }
    usual = {w for some in words.values() for s in some for w in s}
    usual |= WORDS.difference(WEEKDAYS)  # sessions are called by them
    return Learnt(
        Sentences.of(words),
        frozenset(w for w in usual if w[0] != "<"),
        {name: AnswerOf.of(examples) for name, examples in words.items()},
    )
