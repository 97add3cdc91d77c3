"""The most probable kind of a question, by what was learnt of how people put each.

Belongs here: which kinds come into account, and what is nearest. Does not: the models, and the grammar of counts.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from orchestration.agent.asking.chosen import Chosen, fill
from orchestration.agent.asking.intents import COUNTED, INTENTS
from orchestration.agent.asking.learnt import UNANSWERED, load_learnt, read_forms
from orchestration.agent.asking.names import Known, Question
from orchestration.agent.asking.words import find_counted

_LEAST = 0.25  # probability from which on a question is of a kind
_TIMES_UNANSWERED = 1.5  # as probable as that nothing answers it: a wrong answer costs more than a refusal
SURE = 0.8  # from which on nobody is told what it was taken for
_SLOT = re.compile(r"<(\w+)>")
_INTENTS = {intent.name: intent for intent in INTENTS if intent is not COUNTED}


def guess(known: Known, question: Question, least: float = _LEAST) -> Chosen:
    """A question as one of the most probable kind that has its names; none where it rather has no answer."""
    lacking = None
    shares = load_learnt().find_shares(question.words)
    for kind, share in list_probable(shares, least):
        for way in list_ways(kind):
            chosen = _take(kind, way, question, share)
            if chosen and chosen.is_clear:
                told = "" if share >= SURE else known.tell(way, question)
                return replace(chosen, taken_for=told)
            lacking = lacking or chosen
    return lacking or Chosen(None, question)


def list_probable(
    shares: Mapping[str, float], least: float = _LEAST
) -> list[tuple[str, float]]:
    """(kind, probability) of those that a question may be taken for, the most probable first."""
    least = max(least, _TIMES_UNANSWERED * shares[UNANSWERED])
    return [(kind, share) for kind, share in _sort(shares) if share >= least]


def list_nearest(question: Question) -> Iterator[str]:
    """A way to ask each kind, the most probable kind first, with `<session>` for a session and so on."""
    for kind, _ in _sort(load_learnt().find_shares(question.words)):
        yield list_ways(kind)[0]


def list_ways(kind: str) -> tuple[str, ...]:
    """How a kind is asked in plain words: by one form where it is counted, or else by its examples."""
    intent = _INTENTS.get(kind)
    return intent.examples if intent else read_forms()[kind]


def _sort(shares: Mapping[str, float]) -> list[tuple[str, float]]:
    answered = [pair for pair in shares.items() if pair[0] != UNANSWERED]
    return sorted(answered, key=lambda pair: -pair[1])


def _take(kind: str, way: str, question: Question, share: float) -> Chosen | None:
    """A question as one of a kind that is asked in this way; None where it has other names, or counts otherwise."""
    has = {kind: len(set(names)) for kind, names in question.names.items()}
    wanted = Counter(_SLOT.findall(way))
    if has.keys() < wanted.keys():
        lacking = min(wanted.keys() - has.keys())
        return Chosen(_INTENTS.get(kind, COUNTED), question, share, lacking=lacking)
    intent = _INTENTS.get(kind)
    if intent:
        return fill(intent, question, share) if has.keys() == wanted.keys() else None
    form = tuple(way.split())
    if has != wanted or _counts_other(question.words, form):
        return None
    chosen = fill(COUNTED, Question(form, question.names), share)
    return replace(chosen, question=question)


def _counts_other(words: Sequence[str], form: Sequence[str]) -> bool:
    """Whether both say what they count, and that is not the same."""
    counted = find_counted(words), find_counted(form)
    return all(counted) and counted[0] != counted[1]
