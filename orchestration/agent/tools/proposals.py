"""Tools that would change a home: each keeps a proposal, which a person approves or rejects, and does nothing else."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator

from assets.ledger.proposals import Standing
from models.known_tasks import all_task_names
from models.task_names import TASK_NAMES
from orchestration.agent.acts import Words
from orchestration.agent.answer import (
    Answer,
    Fact,
    Rows,
    Source,
    say,
    say_masked,
    take,
)
from orchestration.agent.proposing import may_know_of, open_book, propose, tell_command
from orchestration.agent.tool import Arguments, Listing, Tool
from orchestration.agent.tools.planning import say_cost
from orchestration.agent.world import World

_SESSION = r"^[a-z0-9][a-z0-9_-]{0,63}$"
_PATTERN = r"^[a-z0-9*?][a-z0-9_*?-]{0,63}$"
_ASSET = r"^[a-z][a-z0-9_]*(/[a-z][a-z0-9_]*)?$"
Session = Annotated[str, StringConstraints(pattern=_SESSION)]
Pattern = Annotated[str, StringConstraints(pattern=_PATTERN)]
Asset = Annotated[str, StringConstraints(pattern=_ASSET, max_length=100)]
Setting = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*=[\w.+-]{1,40}$", max_length=80)
]
Because = Annotated[
    str, StringConstraints(min_length=3, max_length=300, pattern=r"^[^\x00-\x1f]*$")
]


class Proposed(Arguments):
    """What every proposal says."""

    because: Because = Field(description="Why, for the person who decides.")


def _require_task(task: str) -> str:
    if task not in (known := all_task_names()):
        raise ValueError(f"there is no task '{task}': choose one of {', '.join(known)}")
    return task


class Queue(Proposed):
    """Frames to be labelled."""

    task: Literal["recognition", "detection", "segmentation"]
    strategy: Literal[
        "mixture",
        "uncertainty",
        "disagreement",
        "coverage",
        "drift",
        "label_errors",
        "random",
    ] = "mixture"
    budget: int = Field(100, ge=1, le=2000, description="Frames open at once at most.")
    seed: int = Field(0, ge=0)

    @property
    def words(self) -> Words:
        """The verb."""
        assert set(TASK_NAMES) == {"recognition", "detection", "segmentation"}
        options = {
            "task": self.task,
            "strategy": self.strategy,
            "budget": self.budget,
            "seed": self.seed,
        }
        return ("queue", *(f"--{name}={value}" for name, value in options.items()))


class Retry(Proposed):
    """Quarantined files to be taken again."""

    session: Session
    paths: tuple[
        Annotated[str, StringConstraints(min_length=1, max_length=200)], ...
    ] = Field((), max_length=20, description="Only files like this; patterns too.")

    @property
    def words(self) -> Words:
        """The verb."""
        return (
            *("quarantine", "retry", self.session),
            *(f"--path={p}" for p in self.paths),
        )


class Backfill(Proposed):
    """What is to be made anew."""

    select: tuple[Asset, ...] = Field(
        (), max_length=20, description="These assets; none: what is stale."
    )
    sessions: tuple[Pattern, ...] = Field((), max_length=50)

    @property
    def words(self) -> Words:
        """The verb."""
        select = [f"--select={','.join(self.select)}"] * bool(self.select)
        sessions = [f"--sessions={','.join(self.sessions)}"] * bool(self.sessions)
        return ("backfill", *select, *sessions)


class Training(Proposed):
    """A model to be trained."""

    task: str = Field(max_length=64)
    recipe: str | None = Field(None, pattern=r"^[a-z][a-z0-9_]*$", max_length=64)
    sessions: tuple[Pattern, ...] = Field((), max_length=50)
    settings: tuple[Setting, ...] = Field(
        (), max_length=20, description="In place of the recipe's, such as epochs=5."
    )
    seed: int = Field(0, ge=0)
    _known = field_validator("task")(_require_task)

    @property
    def words(self) -> Words:
        """The verb."""
        recipe = [f"--recipe={self.recipe}"] * bool(self.recipe)
        sessions = [f"--sessions={','.join(self.sessions)}"] * bool(self.sessions)
        changes = [f"--set={text}" for text in self.settings]
        return ("train", self.task, *recipe, *sessions, *changes, f"--seed={self.seed}")


class Approval(Proposed):
    """A version that waits for a person."""

    task: str = Field(max_length=64)
    version: int | None = Field(None, ge=1, description="None: the version that waits.")
    _known = field_validator("task")(_require_task)

    @property
    def words(self) -> Words:
        """The verb."""
        version = "" if self.version is None else f"/{self.version}"
        return ("approve", f"{self.task}{version}", f"--because={self.because}")


class Rollback(Proposed):
    """A champion to be taken back."""

    task: str = Field(max_length=64)
    to: int | None = Field(None, ge=1, description="None: the champion before.")
    _known = field_validator("task")(_require_task)

    @property
    def words(self) -> Words:
        """The verb."""
        to = [] if self.to is None else [f"--to={self.to}"]
        return ("rollback", self.task, *to, f"--because={self.because}")


def make_proposal(world: World, asked: "Wanted") -> Answer:
    """Keep it, and say what it would do and cost. Nothing else is done."""
    proposal, outlook = propose(world, asked.words, asked.because)
    source = Source("proposal", proposal.proposal_id)
    facts = (
        Fact("proposal", proposal.proposal_id, source),
        Fact("command", tell_command(proposal.words), source),
    )
    words = "Nothing was done. Proposal {proposal} is kept for a person to approve or reject: {command}."
    sentences = [say(words, *facts)]
    if outlook.cost is not None:
        sentences.append(say_cost("By recorded runs it takes ", outlook.cost, source))
    plan = tuple({"line": line} for line in outlook.plan)
    return Answer(tuple(sentences), (Rows("plan", plan, source),) if plan else ())


Wanted = Queue | Retry | Backfill | Training | Approval | Rollback


class Proposals(Listing):
    """Which proposals."""

    is_open: bool = Field(True, description="Only those that nobody decided yet.")


def tell_proposals(world: World, asked: Proposals) -> Answer:
    """What was proposed, and what became of it."""
    found = [
        one
        for one in open_book(world).list_all()
        if one.state == "open" or not asked.is_open
    ]
    known = [may_know_of(world, one) for one in found]
    rows = [_show(one, known[number]) for number, one in enumerate(found)]
    source = Source("home", "proposals")
    count = Fact("proposals", len(rows), source)
    words = (
        "{proposals} proposals are open." if asked.is_open else "{proposals} proposals."
    )
    listed = take(
        "proposals", rows, asked.limit, source, key="proposal", key_kind="proposal"
    )
    masked = say_masked(known.count(False), source)
    return Answer((say(words, count), *masked), (listed,) if rows else ())


def _show(one: Standing, is_known: bool) -> dict[str, Any]:
    proposal = one.proposal
    return {
        "proposal": proposal.proposal_id,
        "state": one.state,
        "command": tell_command(proposal.words, is_known),
        "because": proposal.because if is_known else None,
        "by": proposal.by if is_known else None,
        "at": proposal.at,
        "decided_by": one.decided_by if is_known else None,
    }


def _tool(name: str, what: str, arguments: type[Proposed]) -> Tool[Proposed]:
    run: Callable[[World, Proposed], Answer] = make_proposal  # type: ignore[assignment]
    summary = f"Propose {what}. A person decides; nothing is done by this."
    return Tool(name, summary, arguments, run, is_proposal=True)


LIST_PROPOSALS = Tool(
    "proposals",
    "What was proposed, by whom and why, and what people decided.",
    Proposals,
    tell_proposals,
)
PROPOSING = (
    _tool("propose_queue", "to ask people for labels of frames", Queue),
    _tool("propose_retry", "to take quarantined files of a session again", Retry),
    _tool("propose_backfill", "to make stale or chosen assets anew", Backfill),
    _tool("propose_training", "to train a model", Training),
    _tool("propose_approval", "to make a waiting version champion", Approval),
    _tool("propose_rollback", "to take a champion back", Rollback),
)
