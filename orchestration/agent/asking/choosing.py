"""What a question is taken for, once for each of several things that it names: a count by its grammar, or else the kind
that is most probable by what was learnt.

Belongs here: choosing, and what is refused. Does not: calling tools, and what is said.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache

from orchestration.agent.asking.answer_forms import drop_forms
from orchestration.agent.asking.closed_classes import AUXILIARIES
from orchestration.agent.asking.intents import COUNTED, INTENTS, Intent
from orchestration.agent.asking.learnt import UNANSWERED, load_learnt, read_forms
from orchestration.agent.asking.moments import WEEKDAYS, find_time
from orchestration.agent.asking.names import (
    Known,
    Question,
    list_names,
    list_quoted,
)
from orchestration.agent.asking.rewording import reword
from orchestration.agent.asking.spelling import WORDS
from orchestration.agent.asking.sql_words import say_in_words
from orchestration.agent.asking.thesaurus import SAID
from orchestration.agent.asking.trimming import name_again, trim
from orchestration.agent.asking.words import (
    find_counted,
    is_order,
    list_deciding,
    list_meanings,
)
from orchestration.agent.world import World

_LEAST = 0.25  # probability from which on a question is of a kind
_TIMES_UNANSWERED = 3.0  # as probable as that nothing answers it: wrong answers cost more than refusals
_SURE = 0.8  # from which on nobody is told what it was taken for
_SLOT = re.compile(r"<(\w+)>")
_MOST_CLAUSES = 4
_UNKNOWN, _TEXT = "<unknown>", "<text>"
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


def choose(world: World, text: str) -> tuple[Chosen, ...]:
    """One for each question in the text: those of its parts where these are more probable than the whole is.

    Raises ValueError for one that is too long.
    """
    if len(text) > MAX_QUESTION:
        raise ValueError(f"the question has {len(text)} characters: ask shorter")
    known = list_names(world)
    try:
        text = _trim(known, text)
    except LookupError:
        return (Chosen(None, known.read(text, list_usual())),)
    whole = _choose_one(known, text)
    found = tuple(_choose_clauses(known, text))
    if not 1 <= len(found) <= _MOST_CLAUSES:
        return (whole,)
    is_better = not _is_one(found, whole) and all(
        one.is_clear and one.is_of_words and one.probability > whole.probability
        for one in found
    )
    if not is_better:
        is_half = whole.intent is not COUNTED and _leaves_out(known, text)
        return (Chosen(None, whole.question) if is_half else whole,)
    return tuple({_tell_apart(one): one for one in found}.values())


def read_question(known: Known, text: str) -> Question:
    """A question in the words that kinds are learnt from, without what does not ask."""
    try:
        text = _trim(known, text)
    except LookupError:  # a pronoun that may stand for several names
        text = drop_forms(say_in_words(text))
    return _read(known, text)


def _trim(known: Known, text: str) -> str:
    said = drop_forms(say_in_words(text))
    return trim(said, lambda part: known.read(part, list_usual()).names)


def _read(known: Known, text: str) -> Question:
    """A question in words; the one thing in quotation marks that is no name is a text to search for."""
    question = known.read(text, list_usual())
    quoted = list_quoted(text)
    if question.words.count(_UNKNOWN) != 1 or len(quoted) != 1:
        return question
    words = tuple(_TEXT if word == _UNKNOWN else word for word in question.words)
    names = {k: v for k, v in question.names.items() if k != "table"}  # "documents"
    return Question(words, {**names, "text": quoted})


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


def _is_one(found: Sequence[Chosen], whole: Chosen) -> bool:
    """Whether clauses are one question: a later one is a single word, a condition, about what the first asks for, or
    asks the same of no name."""
    is_count = found[0].intent is COUNTED
    later = [one.question.words for one in found[1:]]
    is_same = whole.is_clear and all(
        one.intent and whole.intent and one.intent.tool == whole.intent.tool
        for one in found
    )
    names_less = any(len(one.question.names) < len(whole.question.names) for one in found)
    return (is_same and not is_count and names_less) or any(
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


def list_nearest(question: Question) -> Iterator[str]:
    """A way to ask each kind, the most probable kind first, with `<session>` for a session and so on."""
    shares = load_learnt().find_shares(question.words)
    for kind in sorted(shares, key=lambda kind: -shares[kind]):
        if kind != UNANSWERED:
            yield from _list_ways(kind)[:1]


def _choose_one(known: Known, text: str) -> Chosen:
    question = _read(known, text)
    if is_order(question.words):
        return Chosen(None, question)
    counted = _fill(COUNTED, question, 1.0)
    return counted if counted.is_clear else _choose_learnt(known, question)


def _choose_learnt(known: Known, question: Question) -> Chosen:
    """By the most probable kind that has the names of the question; none where it rather has no answer."""
    shares = load_learnt().find_shares(question.words)
    least = max(_LEAST, _TIMES_UNANSWERED * shares.pop(UNANSWERED))
    lacking = None
    for kind in sorted(shares, key=lambda kind: -shares[kind]):
        if shares[kind] < least:
            break
        for way in _list_ways(kind):
            chosen = _take(kind, way, question, shares[kind])
            if chosen and chosen.is_clear:
                is_sure = shares[kind] >= _SURE
                told = "" if is_sure else known.tell(way, question)
                return replace(chosen, taken_for=told)
            lacking = lacking or chosen
    return lacking or Chosen(None, question)


def _take(kind: str, way: str, question: Question, share: float) -> Chosen | None:
    """A question as one of a kind that is asked in this way; None where it has other names, or counts something else."""
    has = {kind: len(set(names)) for kind, names in question.names.items()}
    wanted = Counter(_SLOT.findall(way))
    if has.keys() < wanted.keys():
        lacking = min(wanted.keys() - has.keys())
        return Chosen(_INTENTS.get(kind, COUNTED), question, share, lacking=lacking)
    intent = _INTENTS.get(kind)
    if intent:
        return _fill(intent, question, share) if has.keys() == wanted.keys() else None
    form = tuple(way.split())
    counted = find_counted(question.words), find_counted(form)
    is_other = None not in counted and counted[0] != counted[1]
    if has != wanted or is_other:
        return None
    chosen = _fill(COUNTED, Question(form, question.names), share)
    return replace(chosen, question=question)


def _list_ways(kind: str) -> tuple[str, ...]:
    """How a kind is asked in plain words: by one form where it is counted, or else by its examples."""
    intent = _INTENTS.get(kind)
    return intent.examples if intent else read_forms()[kind]


def _fill(intent: Intent, question: Question, share: float) -> Chosen:
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


_INTENTS = {intent.name: intent for intent in INTENTS if intent is not COUNTED}


def read_example(text: str) -> tuple[str, ...]:
    """An example of a kind in the words that are learnt from."""
    now = datetime.now(UTC)  # that an example names a time counts, and not which
    return tuple(find_time(reword(text.replace(",", "").split()), now)[0])


@cache
def list_usual() -> frozenset[str]:
    """Words that are no names unless they stand in quotation marks: of examples, and of the lists of words."""
    of_examples = {w for i in INTENTS for text in i.examples for w in read_example(text)}
    usual = of_examples | WORDS.difference(WEEKDAYS)  # sessions are called by them
    return frozenset(word for word in usual if word[0] != "<")
