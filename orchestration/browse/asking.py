"""Questions that people ask in the browser, and what programs propose, as `daguerre ask` and `proposals` tell them.

Belongs here: what a request may say, and the answer as JSON. Does not: answering, and deciding about a proposal
(`orchestration.browse.deciding`).
"""

import re
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from assets.ledger.proposals import Standing
from assets.locks import find_holder
from orchestration.agent.acts import find_act
from orchestration.agent.answer import Answer, Rows, Sentence
from orchestration.agent.ladder.answering import Reply, reply
from orchestration.agent.ladder.disclosure import PEOPLE, leave_out
from orchestration.agent.proposing import (
    list_plan,
    may_know_of,
    open_book,
    tell_command,
)
from orchestration.agent.world import RunVerb, World
from orchestration.browse.writing import WriteRefused, parse_body
from orchestration.profiles import Settings
from orchestration.roles.rights import Person, Right

MOST_ROWS = 50  # of one table of an answer
_MOST_PROPOSALS = 50
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


class Asked(BaseModel):
    """A question. `rung`: who alone may answer; `propose`: whether a language model may keep proposals."""

    model_config = ConfigDict(extra="forbid", strict=True)
    question: str = Field(min_length=1, max_length=1000)
    rung: Literal["rules", "model"] | None = None
    propose: bool = False


@dataclass(frozen=True)
class Asking:
    """Questions in the name of who asks, one after the other."""

    settings: Settings
    run_verb: RunVerb
    _busy: Lock = field(default_factory=Lock, compare=False)

    def tell(self, person: Person) -> dict[str, Any]:
        """What may be asked, and the newest proposals."""
        world = self._open_world(person)
        found = open_book(world).list_all()[:_MOST_PROPOSALS]
        source = self.settings.asked_model
        return {
            "model": source.told if source else None,
            "is_local": source.is_local,
            "dagster": self._find_dagster(),
            "proposals": [_show_proposal(one, person, world) for one in found],
        }

    def ask(self, person: Person, body: bytes) -> dict[str, Any]:
        """The answer. Raises WriteRefused for a body that is no question, and while another is answered; RightMissing;
        ValueError."""
        asked = parse_body(Asked, body)
        if asked.propose:
            person.require(Right.PROPOSE)
        if not self._busy.acquire(blocking=False):
            raise WriteRefused("another question is being answered: wait for its end")
        try:
            world = self._open_world(person)
            found = reply(world, asked.question, asked.rung, asked.propose)
        finally:
            self._busy.release()
        return _show(found) | {"dagster": self._find_dagster()}

    def _open_world(self, person: Person) -> World:
        return World(self.settings, person.name, self.run_verb, person.rights)

    def _find_dagster(self) -> str | None:
        """Where the UI of this home has Dagster, while it runs."""
        found = _ADDRESS.search(find_holder(self.settings.ui_lock))
        return found[0] if found else None


def _show(found: Reply) -> dict[str, Any]:
    """Without names of people, as a language model gets it."""
    answer = leave_out(found.answer, PEOPLE)
    return {
        "is_known": answer.is_known,
        "rung": found.rung,
        "model": found.model or None,
        "tokens": found.tokens,
        "proposals": list(found.proposals),
        "sentences": [_show_sentence(one) for one in answer.sentences],
        "sources": _list_sources(answer),
        "rows": [_show_rows(rows) for rows in answer.rows],
    }


def _show_sentence(sentence: Sentence) -> dict[str, Any]:
    sources = dict.fromkeys(fact.source for fact in sentence.facts)
    return {"text": str(sentence), "sources": [one.to_dict() for one in sources]}


def _list_sources(answer: Answer) -> list[dict[str, str]]:
    sources = [fact.source for fact in answer.facts]
    sources += [rows.source for rows in answer.rows]
    return [one.to_dict() for one in dict.fromkeys(sources)]


def _show_rows(rows: Rows) -> dict[str, Any]:
    told = rows.to_dict()
    sources = [rows.source_of(row).to_dict() for row in rows.rows[:MOST_ROWS]]
    more = max(0, len(rows.rows) - MOST_ROWS)
    is_cut = told["is_cut"] or more > 0
    return told | {"rows": told["rows"][:MOST_ROWS], "sources": sources, "is_cut": is_cut}  # fmt: skip


def _show_proposal(one: Standing, person: Person, world: World) -> dict[str, Any]:
    """Without names of people, which no page shows; why is for who decides."""
    proposal = one.proposal
    is_known = may_know_of(world, one)
    return {
        "proposal": proposal.proposal_id,
        "state": one.state,
        "may_decide": find_act(proposal.words).right in person.rights,
        "command": tell_command(proposal.words, is_known),
        "because": proposal.because if is_known else None,
        "at": proposal.at,
        "plan": list_plan(proposal, is_known),
        "price": dict(proposal.price),
        "approve": f"daguerre approve {proposal.proposal_id}",
        "reject": f'daguerre reject {proposal.proposal_id} --because "..."',
    }
