"""A diagnosis as a value: the kind of cause, evidence with its sources, commands that help, what was stopped besides.

Belongs here: the value, as an answer and as JSON. Does not: finding it.
"""

from dataclasses import dataclass, replace
from typing import Any

from orchestration.agent.acts import Words
from orchestration.agent.answer import Answer, Fact, Sentence, Source, say, take
from orchestration.triage.kinds import Kind

MOST = 40  # rows of each kind in an answer


class NothingWrongError(Exception):
    """There is nothing to diagnose; says why."""


@dataclass(frozen=True)
class Evidence:
    """One thing that shows the cause: an error, a check with its numbers, a file, a line of a log."""

    what: str
    name: str
    says: str
    numbers: str = ""
    at: str = ""  # a path or a place in the code

    def beside(self, cause: str) -> "Evidence":
        """What it adds to the cause: its words are left out where the cause has them."""
        is_said = self.says.rstrip(".") in cause
        return replace(self, says="") if is_said else self

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing but what it is of."""
        return not (self.says or self.numbers or self.at)

    def to_row(self) -> dict[str, str]:
        """As a row of facts."""
        return dict(vars(self))


@dataclass(frozen=True)
class Diagnosis:
    """Of a run or a session. `proposal`: the words of the command that helps, where a program may propose it."""

    of: Source
    job: str  # of a run; "" of a session
    kind: Kind
    cause: str
    evidence: tuple[Evidence, ...] = ()
    remedies: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    proposal: Words = ()
    also: tuple[Kind, ...] = ()  # kinds of other things that are the matter

    @property
    def more_evidence(self) -> tuple[Evidence, ...]:
        """What there is besides the cause."""
        found = (one.beside(self.cause) for one in self.evidence)
        return tuple(one for one in found if not one.is_empty)

    def to_answer(self) -> Answer:
        """Sentences, and rows of evidence, remedies and what was stopped."""
        rows = [
            take(
                "evidence",
                [one.beside(self.cause).to_row() for one in self.evidence],
                MOST,
                self.of,
            ),
            take("remedies", [{"remedy": r} for r in self.remedies], MOST, self.of),
            take("stopped", [{"stopped": s} for s in self.stopped], MOST, self.of),
        ]
        return Answer(tuple(self._list_sentences()), tuple(r for r in rows if r.rows))

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "of": self.of.to_dict(),
            "job": self.job,
            "kind": str(self.kind),
            "also": [str(kind) for kind in self.also],
            "cause": self.cause,
            "evidence": [one.to_row() for one in self.evidence],
            "remedies": list(self.remedies),
            "stopped": list(self.stopped),
        }

    def _list_sentences(self) -> list[Sentence]:
        facts = [
            Fact("id", self.of.id, self.of),
            Fact("kind", str(self.kind), self.of),
            Fact("cause", self.cause, self.of),
        ]
        who = "Session {id}"
        if self.job:
            who = "Run {id} of {job}"
            facts.append(Fact("job", self.job, self.of))
        told = [say(f"{who}: {{kind}}. {{cause}}.", *facts)]
        if self.also:
            kinds = ", ".join(map(str, self.also))
            told.append(say("Besides: {also}.", Fact("also", kinds, self.of)))
        if self.stopped:
            count = Fact("stopped", len(self.stopped), self.of)
            told.append(say("It stopped {stopped} other things.", count))
        if self.remedies:
            told.append(
                say("What helps: {remedy}.", Fact("remedy", self.remedies[0], self.of))
            )
        return told
