"""What of a home is new since it was told last: the difference of marks, the runs that ended, what they took.

Belongs here: the difference, and the file that keeps what was told. Does not: where things come from, or pages.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assets.retrieval.run_history import Run
from assets.wall_clock import tell_second
from assets.whole_output import writing_file
from orchestration.agent.answer import Answer, Fact, Sentence, Source, say, take
from orchestration.agent.world import World
from orchestration.morning.things import Thing, list_ended_runs, list_things

_FILE = "morning.json"
_HOUR_S = 3600.0


@dataclass(frozen=True)
class Told:
    """What was told last: when (UTC), the mark of each thing by its key, and the runs that had ended."""

    at: str = ""
    marks: Mapping[str, str] = field(default_factory=dict)
    runs: Collection[str] = ()


@dataclass(frozen=True)
class Morning:
    """What is told now. `new` waits for nobody; of `waiting` the keys in `news` were not told before."""

    since: str  # "": never before
    until: str
    new: tuple[Thing, ...]
    waiting: tuple[Thing, ...]
    news: frozenset[str]
    runs: tuple[Run, ...]
    price: float | None  # of an hour of a device

    @property
    def is_empty(self) -> bool:
        """Whether nothing happened and nobody is waited for."""
        return not (self.new or self.waiting or self.runs)

    @property
    def hours(self) -> float:
        """Of the runs that ended."""
        return sum(run.seconds or 0.0 for run in self.runs) / _HOUR_S

    @property
    def cost(self) -> Sentence | None:
        """What the runs that ended came to; None where none did."""
        if not self.runs:
            return None
        source = Source("runs", "ended")
        bad = sum(run.status != "SUCCESS" for run in self.runs)
        facts = [
            Fact("runs", len(self.runs), source),
            Fact("failed", bad, source),
            Fact("hours", round(self.hours, 4), source, "h"),
        ]
        words = "{runs} runs ended, {failed} of them badly; they took {hours}"
        if self.price is not None:
            facts.append(Fact("money", round(self.hours * self.price, 2), source))
            words += ", at a price of {money}"
        return say(f"{words}.", *facts)

    @property
    def head(self) -> Sentence:
        """Since when, and how much."""
        source = Source("home", "morning")
        new = Fact("new", len(self.new), source)
        waiting = Fact("waiting", len(self.waiting), source)
        if not self.since:
            if self.is_empty:
                return say("Nothing happened yet, and nothing waits.")
            words = "Told for the first time: {new} things happened; {waiting} wait for a person."
            return say(words, new, waiting)
        since = Fact("since", self.since, source)
        if self.is_empty:
            return say("Nothing happened since {since}, and nothing waits.", since)
        words = "Since {since}: {new} things happened; {waiting} wait for a person."
        return say(words, since, new, waiting)

    def to_answer(self, limit: int) -> Answer:
        """As a tool says it: rows of what happened and of what waits."""
        own = Source("home", "morning")
        rows = (
            take("happened", [_tell_row(t) for t in self.new], limit, own),
            take("waits", [self.tell_waiting(t) for t in self.waiting], limit, own),
        )
        sentences = (self.head, *([self.cost] if self.cost else []))
        return Answer(sentences, tuple(r for r in rows if r.rows))

    def tell_waiting(self, thing: Thing) -> dict[str, Any]:
        """A row of what waits for a person."""
        return {
            **_tell_row(thing),
            "command": thing.command,
            "is_new": thing.key in self.news,
        }

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it; every number is a fact with its source."""
        return {
            "since": self.since or None,
            "until": self.until,
            "is_empty": self.is_empty,
            "text": str(self.head),
            "happened": [
                {**_tell_row(t), "facts": _list_facts(t.sentence)} for t in self.new
            ],
            "waits": [
                {**self.tell_waiting(t), "facts": _list_facts(t.sentence)}
                for t in self.waiting
            ],
            "cost": _list_facts(self.cost) if self.cost else [],
        }


def look(world: World) -> tuple[Morning, Told]:
    """What is to be told now, and what is to be kept once it was."""
    last = read_told(world.settings.home)
    until = tell_second()
    things, ended = list_things(world), list_ended_runs(world)
    changed = {t.key for t in things if last.marks.get(t.key) != t.mark}
    morning = Morning(
        last.at,
        until,
        tuple(t for t in things if not t.command and t.key in changed),
        tuple(t for t in things if t.command and (t.stays or t.key in changed)),
        frozenset(changed),
        tuple(run for run in ended if run.run_id not in last.runs),
        world.settings.workspace.device_hour_price,
    )
    kept = Told(until, {t.key: t.mark for t in things}, [run.run_id for run in ended])
    return morning, kept


def read_told(home: Path) -> Told:
    """What was told last. Raises ValueError, with the remedy, for a file that is none of ours."""
    path = home / _FILE
    if not path.exists():
        return Told()
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return Told(said["at"], dict(said["marks"]), frozenset(said["runs"]))
    except (ValueError, LookupError, TypeError) as error:
        raise ValueError(
            f"{path} does not say what was told last ({error}): remove it, and all is told again"
        ) from error


def keep_told(home: Path, told: Told) -> None:
    """Keep it, whole or not at all."""
    facts = {"at": told.at, "marks": dict(told.marks), "runs": list(told.runs)}
    with writing_file(home / _FILE) as partial:
        partial.write_text(json.dumps(facts), encoding="utf-8")


def _tell_row(thing: Thing) -> dict[str, Any]:
    return {"section": thing.section, "id": thing.id, "says": str(thing.sentence)}


def _list_facts(sentence: Sentence) -> list[dict[str, Any]]:
    return [fact.to_dict() for fact in sentence.facts]
