"""The answer to a question from the lowest rung that has one: rules, then a language model where the settings name one.

Belongs here: which rung answers, what of a model's words is shown, the line in the log. Does not: rules, and models.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from assets.addresses import hide
from orchestration.agent.answer import Answer, Fact, Rows, Sentence, Source, unknown
from orchestration.agent.answer import say as tell
from orchestration.agent.asking.answering import answer
from orchestration.agent.asking.choosing import MAX_QUESTION
from orchestration.agent.asking.chosen import Chosen
from orchestration.agent.bounded_log import BoundedLog
from orchestration.agent.call_log import shorten, tell_now
from orchestration.agent.ladder.conversation import Conversation, converse
from orchestration.agent.ladder.day_budget import DayBudget
from orchestration.agent.ladder.said import Made
from orchestration.agent.ladder.supported import Checked, check
from orchestration.agent.world import World

Rung: TypeAlias = Literal["rules", "model"]
RUNGS: tuple[Rung, ...] = ("rules", "model")
_MOST_NAMED = 5  # reasons


@dataclass(frozen=True)
class Reply:
    """An answer, the rung that gave it, and the calls that it rests on.

    `refused`: why sentences of a model are not shown, a reason each. `proposals`: ids of what was proposed.
    """

    answer: Answer
    rung: Rung
    kind: str | None = None
    calls: tuple[Made, ...] = ()
    model: str = ""
    refused: tuple[str, ...] = ()
    proposals: tuple[str, ...] = ()
    tokens: int = 0
    outcome: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it. `tool` and `arguments` are of the first call."""
        first = self.calls[0] if self.calls else None
        return {
            "kind": self.kind,
            "tool": first.tool if first else None,
            "arguments": dict(first.arguments) if first else {},
            "rung": self.rung,
            "model": self.model or None,
            "calls": [
                {"tool": c.tool, "arguments": dict(c.arguments), "error": c.error}
                for c in self.calls
            ],
            "refused": list(self.refused),
            "proposals": list(self.proposals),
            "tokens": self.tokens,
            **self.answer.to_dict(),
        }


def reply(
    world: World, question: str, rung: Rung | None = None, may_propose: bool = False
) -> Reply:
    """`rung`: only this one; None: rules first. Raises ValueError as tools do, and where no model is named or a day's
    tokens are used up; that a question came to nothing is an answer."""
    began = time.monotonic()
    given, found = "", None
    try:
        found = _climb(world, question, rung, may_propose)
        return found
    except ValueError as error:
        given = str(error)
        raise
    finally:
        _note(world, question, found, time.monotonic() - began, given)


def _climb(world: World, question: str, rung: Rung | None, may_propose: bool) -> Reply:
    source = world.settings.asked_model
    if rung == "model" and not source:
        raise ValueError(
            "the settings name no language model: set DAGUERRE_ASK_ADDRESS or DAGUERRE_ASK_GGUF, or let rules answer"
        )
    if rung != "model":
        chosen, said = answer(world, question)
        is_found = all(one.is_clear for one in chosen)
        if is_found or not source or rung == "rules":
            return _tell_rules(chosen, said)
    return _ask_model(world, question, may_propose)


def _tell_rules(chosen: Sequence[Chosen], said: Answer) -> Reply:
    kinds = [one.intent.name for one in chosen if one.intent]
    calls = tuple(
        Made(one.intent.tool, arguments, said)
        for one in chosen
        if one.intent
        for arguments in one.arguments
    )
    outcome = "answered" if said.is_known else "not known"
    return Reply(said, "rules", " and ".join(kinds) or None, calls, outcome=outcome)


def _ask_model(world: World, question: str, may_propose: bool) -> Reply:
    source = world.settings.asked_model
    if len(question) > MAX_QUESTION:
        raise ValueError(f"the question has {len(question)} characters: ask shorter")
    budget = DayBudget(world.settings.home, source.limits)
    tokens = budget.take()
    spent = tokens
    # a model may stand elsewhere: it is told what everybody is
    by = f"{world.who} by {source.told}"
    asked_by = replace(world, who=by, rights=frozenset())
    try:
        talk = converse(asked_by, source, question, tokens, may_propose)
        spent = talk.tokens
    finally:
        budget.give_back(tokens - spent)
    return _judge(talk, source.told)


def _judge(talk: Conversation, model: str) -> Reply:
    checked = check(talk.text, talk.made)
    proposals = tuple(_list_proposals(talk.made))
    said = _tell_model(talk, checked)
    outcome = talk.ended or ("answered" if said.is_known else "not known")
    return Reply(
        replace(said, sentences=(*said.sentences, *_tell_refused(checked))),
        "model",
        None,
        tuple(talk.made),
        model,
        checked.refused,
        proposals,
        talk.tokens,
        outcome,
    )


def _tell_model(talk: Conversation, checked: Checked) -> Answer:
    source = Source("home", "settings")
    if talk.ended:
        why = Fact("why", talk.ended, source)
        return unknown("I don't know: the language model gave no answer: {why}.", why)
    if not checked.num_quoted:
        return unknown(
            "I don't know: the language model said nothing that a tool's answer says."
        )
    return Answer(checked.sentences, tuple(_list_rows(talk.made)))


def _list_rows(made: Sequence[Made]) -> Iterator[Rows]:
    for one in made:
        yield from one.answer.rows if one.answer else ()


def _tell_refused(checked: Checked) -> Iterator[Sentence]:
    if not checked.refused:
        return
    source = Source("home", "settings")
    reasons = ", ".join(list(dict.fromkeys(checked.refused))[:_MOST_NAMED])
    facts = (Fact("refused", len(checked.refused), source), Fact("for", reasons, source))  # fmt: skip
    yield tell("Not supported, and not shown: {refused} sentences, for {for}.", *facts)


def _list_proposals(made: Sequence[Made]) -> Iterator[str]:
    for one in made:
        for fact in one.answer.facts if one.answer else ():
            if fact.name == "proposal":
                yield str(fact.value)


def _note(
    world: World, question: str, found: Reply | None, took_s: float, given: str
) -> None:
    """A line of `logs/questions.jsonl`. Answers are not kept."""
    calls = found.calls if found else ()
    facts = {
        "at": tell_now(),
        "who": world.who,
        "question": hide(question)[:MAX_QUESTION],
        "rung": found.rung if found else None,
        "model": found.model if found else "",
        "tools": [
            {"tool": c.tool, "arguments": shorten(c.arguments), "error": c.error[:200]}
            for c in calls
        ],
        "tokens": found.tokens if found else 0,
        "took_s": round(took_s, 4),
        "num_refused": len(found.refused) if found else 0,
        "proposals": found.proposals if found else (),
        "outcome": found.outcome if found else hide(given)[:300],
    }
    BoundedLog(world.settings.home, "questions").try_to_add(facts)
