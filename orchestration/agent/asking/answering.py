"""The answer to a question in plain words: what the tools of its kind say, or what could be asked instead.

Belongs here: calling, joining answers, and saying that nothing is known. Does not: choosing, examples and tools.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from orchestration.agent.answer import (
    Answer,
    Fact,
    Sentence,
    Source,
    say,
    unknown,
)
from orchestration.agent.asking.choosing import choose
from orchestration.agent.asking.chosen import Chosen
from orchestration.agent.asking.guessing import list_nearest
from orchestration.agent.asking.names import Known, Question, list_names
from orchestration.agent.call_log import CallLog
from orchestration.agent.tool import call
from orchestration.agent.tools import find_tool
from orchestration.agent.world import World

_NUM_NEAREST = 3


def answer(world: World, text: str) -> tuple[tuple[Chosen, ...], Answer]:
    """What was chosen, and what the tools say. Raises ValueError as a tool does."""
    chosen = choose(world, text)
    if not all(one.is_clear for one in chosen):
        return chosen, _refuse(world, chosen[0])
    log = CallLog(world.settings.home)
    said = []
    for one in chosen:
        assert one.intent is not None
        tool = find_tool(one.intent.tool)
        said += [
            _say_of(one, number, call(tool, world, arguments, log))
            for number, arguments in enumerate(one.arguments)
        ]
    return chosen, _tell_guess(join(said), chosen)


def _tell_guess(said: Answer, chosen: Sequence[Chosen]) -> Answer:
    """With what the question was taken for in front, where that was a guess."""
    guessed = [one.taken_for for one in chosen if one.taken_for]
    if not guessed:
        return said
    sources = [f.source for f in said.facts] + [rows.source for rows in said.rows]
    source = next(iter(sources), Source("home", "status"))
    facts = tuple(
        Fact(f"taken_for_{n}", f"{text}?", source) for n, text in enumerate(guessed)
    )
    words = " and ".join(f"{{{fact.name}}}" for fact in facts)
    return replace(said, sentences=(say(f"Taken for {words}", *facts), *said.sentences))


def join(answers: Sequence[Answer]) -> Answer:
    """One answer of several; it is known where one of them is."""
    if len(answers) == 1:
        return answers[0]
    return Answer(
        tuple(sentence for one in answers for sentence in one.sentences),
        tuple(rows for one in answers for rows in one.rows),
        tuple(fact for one in answers for fact in one.more),
        any(one.is_known for one in answers),
    )


def _say_of(chosen: Chosen, number: int, said: Answer) -> Answer:
    """An answer of several, with what it is about in front."""
    assert chosen.intent is not None
    repeated = chosen.intent.list_repeated(chosen.question)
    if not repeated or not said.sentences:
        return said
    # the last kind that is repeated changes first
    kind = repeated[-1]
    names = chosen.question.names[kind]
    name = names[number % len(names)]
    first = said.sentences[0]
    about = Fact(f"about_{kind}", name, _source_of(kind, name))
    words = f"{{{about.name}}}: {first.words}"
    return replace(
        said, sentences=(Sentence(words, (about, *first.facts)), *said.sentences[1:])
    )


def _source_of(kind: str, name: str) -> Source:
    return (
        Source(kind, name)
        if kind in ("session", "task", "asset", "release", "model", "frame")
        else Source("home", "status")
    )


def _refuse(world: World, chosen: Chosen) -> Answer:
    """What is not known, or lacks, and the nearest questions that could be answered."""
    question = chosen.question
    known = list_names(world)
    nearest = _list_nearest(known, question)
    if chosen.lacking:
        words = f"I don't know which {chosen.lacking} is meant: name one that there is, in quotation marks."
        said = unknown(words)
    elif "id" in question.names:
        wanted = Fact("id", question.first("id"), Source("home", "status"))
        words = "I don't know: nothing has an id that begins with {id}, or several things have."
        said = unknown(words, wanted)
    else:
        said = unknown("I don't know: no tool says that.")
    return replace(said, sentences=(*said.sentences, *nearest))


def _list_nearest(known: Known, question: Question) -> Iterator[Sentence]:
    found = _fill_examples(known, question)
    facts = tuple(
        Fact(f"nearest_{n}", text, Source("home", "status"))
        for n, text in enumerate(found)
    )
    words = ", ".join(f"{{{fact.name}}}" for fact in facts)
    yield say(f"What can be asked, the nearest first: {words}.", *facts)


def _fill_examples(known: Known, question: Question) -> list[str]:
    """Ways to ask the kinds that are nearest, about names of the question or else of the home."""
    filled = (known.fill(way, question) for way in list_nearest(question))
    return [f"{text}?" for text in islice(filter(None, filled), _NUM_NEAREST)]
