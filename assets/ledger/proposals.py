"""Proposals: verbs that a program would have run, and what people decided about each. Steps are added, none is changed.

A proposal has a step 0, "proposed"; perhaps a step 1, "rejected" or "begun"; after "begun" perhaps a step 2, "ended".
The number of a step is part of its key, so that of two who decide at once one is told that the other has.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from assets.ledger.database import Database
from assets.ledger.seals import list_values, with_seal

if TYPE_CHECKING:
    from sqlalchemy import Connection

State = Literal["open", "rejected", "begun", "done", "failed"]
MAX_OPEN = 100
_PROPOSED, _DECIDED, _ENDED = 0, 1, 2
_REJECTED, _BEGUN = "rejected", "begun"


@dataclass(frozen=True)
class Proposal:
    """A verb with its words, why it is proposed, and what was seen when it was: the plan, its price, their fingerprint.

    `words` begin with the verb. `fingerprint` is of all that the plan rests on.
    """

    proposal_id: str
    tool: str
    words: tuple[str, ...]
    because: str
    by: str
    at: str  # UTC
    fingerprint: str
    plan: tuple[str, ...]  # lines for people
    price: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Standing:
    """A proposal, and what became of it: who decided, when, why, and how its verb ended."""

    proposal: Proposal
    state: State = "open"
    decided_by: str = ""
    decided_at: str = ""
    why: str = ""
    exit_code: int | None = None
    told: str = ""


class Proposals(Database):
    """The proposals in a ledger."""

    def propose(self, proposal: Proposal) -> Proposal:
        """Keep it; or return the open one that says the same of the same world.

        Raises ValueError where so many are open that nobody reads them.
        """
        open_ones = [one.proposal for one in self.list_all() if one.state == "open"]
        for known in open_ones:
            if (known.words, known.fingerprint) == (
                proposal.words,
                proposal.fingerprint,
            ):
                return known
        if len(open_ones) >= MAX_OPEN:
            raise ValueError(
                f"{len(open_ones)} proposals are open: decide about some first, `daguerre proposals` lists them"
            )
        facts = asdict(proposal)
        key = {name: facts.pop(name) for name in ("proposal_id", "by", "at")}
        if not self._add(key, _PROPOSED, "proposed", facts):
            raise ValueError(f"there is a proposal {proposal.proposal_id} already")
        return proposal

    def reject(self, proposal_id: str, by: str, at: str, why: str) -> None:
        """Nobody carries it out then. Raises ValueError where it was decided."""
        self._decide(proposal_id, by, at, _REJECTED, {"why": why})

    def begin(self, proposal_id: str, by: str, at: str, why: str) -> None:
        """It is carried out by who calls, and by nobody else or again. Raises ValueError where it was decided."""
        self._decide(proposal_id, by, at, _BEGUN, {"why": why})

    def end(
        self, proposal_id: str, by: str, at: str, exit_code: int, told: str
    ) -> None:
        """How its verb ended."""
        key = {"proposal_id": proposal_id, "by": by, "at": at}
        self._add(key, _ENDED, "ended", {"exit_code": exit_code, "told": told})

    def list_all(self) -> list[Standing]:
        """The newest first."""
        table = self._proposal_steps
        query = self._sa.select(*list_values(table)).order_by(
            table.c.proposal_id, table.c.number
        )
        steps: dict[str, list[dict[str, Any]]] = {}
        for row in self._fetch(query):
            steps.setdefault(row["proposal_id"], []).append(row)
        found = [_describe(rows) for rows in steps.values()]
        return sorted(found, key=lambda s: s.proposal.at, reverse=True)

    def find(self, beginning: str) -> Standing:
        """The one whose id begins so. Raises ValueError for none, and for several."""
        found = [
            one
            for one in self.list_all()
            if one.proposal.proposal_id.startswith(beginning)
        ]
        if len(found) != 1:
            what = f"{len(found)} proposals begin" if found else "no proposal begins"
            raise ValueError(
                f"{what} with {beginning!r}: `daguerre proposals` lists them"
            )
        return found[0]

    def _decide(
        self, proposal_id: str, by: str, at: str, step: str, body: dict[str, Any]
    ) -> None:
        key = {"proposal_id": proposal_id, "by": by, "at": at}
        if not self._add(key, _DECIDED, step, body):
            raise ValueError(tell_decided(self.find(proposal_id)))

    def _add(
        self, key: Mapping[str, str], number: int, step: str, body: dict[str, Any]
    ) -> bool:
        """Whether the step is new."""
        row = {
            "proposal_id": key["proposal_id"],
            "number": number,
            "step": step,
            "at": key["at"],
            "by": key["by"],
            "body": json.dumps(body),
        }
        insert = self._insert(self._proposal_steps).on_conflict_do_nothing()

        def add(connection: Connection) -> bool:
            return bool(connection.execute(insert, with_seal(row)).rowcount)

        return self._run(add)


def tell_decided(standing: Standing) -> str:
    """Why it is not to be decided again."""
    what = "rejected" if standing.state == "rejected" else "approved"
    end = ""
    if standing.state == "begun":
        end = ", and how it ended is not known: it runs still, or was killed and may be done by half"
    return (
        f"proposal {standing.proposal.proposal_id} was {what} by {standing.decided_by} at {standing.decided_at}{end}: "
        "what is still wanted is proposed again"
    )


def _describe(rows: list[dict[str, Any]]) -> Standing:
    by_number = {row["number"]: row for row in rows}
    first = by_number[_PROPOSED]
    body = json.loads(first["body"])
    body |= {"words": tuple(body["words"]), "plan": tuple(body["plan"])}
    known = {name: first[name] for name in ("proposal_id", "by", "at")}
    proposal = Proposal(**known, **body)
    decided = by_number.get(_DECIDED)
    if decided is None:
        return Standing(proposal)
    said = (decided["by"], decided["at"], json.loads(decided["body"])["why"])
    if decided["step"] == _REJECTED:
        return Standing(proposal, "rejected", *said)
    ended = by_number.get(_ENDED)
    if ended is None:
        return Standing(proposal, "begun", *said)
    end = json.loads(ended["body"])
    state: State = "failed" if end["exit_code"] else "done"
    return Standing(proposal, state, *said, end["exit_code"], end["told"])
