"""What may be told of a home, as values: sessions, gates, drift, trainings, queues, alarms, proposals, runs.

Belongs here: reading each from what is stored. Does not: what of it is new. A thing has a mark: it is told again where
that is another.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from assets.retrieval.results import read_results
from assets.retrieval.run_history import Run, list_runs
from assets.retrieval.status import Home, read_status
from assets.tables.catalog import Catalog, repr_sql
from assets.tables.schemas.monitoring import WHOLE_SESSION
from orchestration.agent.answer import Fact, Sentence, Source, say
from orchestration.agent.proposing import open_book, tell_command
from orchestration.agent.world import World

SECTIONS = ("sessions", "gates", "drift", "trainings", "labels", "runs")
_MOST_RUNS = 500  # newest, that are looked at
_BAD_RUNS = ("FAILURE", "CANCELED")
_LEFT_ALONE = ("forgotten", "copy")


@dataclass(frozen=True)
class Thing:
    """One thing: `mark` is what of it matters, `sentence` says it. `command`: what a person does about it, "" where
    nothing waits for one. What `stays` is told until it is done; else once."""

    section: str
    id: str
    mark: str
    sentence: Sentence
    command: str = ""
    stays: bool = True

    @property
    def key(self) -> str:
        """Of all things."""
        return f"{self.section} {self.id}"


def list_things(world: World) -> list[Thing]:
    """All, by section, in a fixed order."""
    home = Home(
        world.catalog,
        world.zone,
        world.settings.home,
        world.settings.dagster_url,
        world.tracker.reader,
    )
    status = read_status(home)
    sessions = list(_list_sessions(status))
    told = {thing.id for thing in sessions if thing.command}
    found = [
        *sessions,
        *_list_gates(world.catalog, status),
        *_list_drift(world.catalog),
        *_list_alarms(world.catalog),
        *_list_requests(status),
        *_list_trainings(world.catalog),
        *_list_queues(world.catalog),
        *_list_proposals(world),
        *_list_failed_runs(world, told),
    ]
    return sorted(found, key=lambda t: (SECTIONS.index(t.section), t.id))


def list_ended_runs(world: World) -> list[Run]:
    """The newest runs that have come to an end."""
    settings = world.settings
    runs = list_runs(settings.dagster_home, settings.dagster_url, _MOST_RUNS)
    return [run for run in runs if run.status in ("SUCCESS", *_BAD_RUNS)]


def _list_sessions(status: dict[str, Any]) -> Iterator[Thing]:
    for row in status["sessions"]:
        name, state = row["session"], row["state"]
        own = Source("session", name)
        facts = [Fact(n, row[n], own) for n in ("session", "state", "files", "frames")]
        words = "Session {session}: {state}, {files} files, {frames} frames"
        held = "; ".join(sorted({h["reason"] for h in row["held"]}))
        for label, value in (("held", held), ("unread", row["quarantined"])):
            if value:
                facts.append(Fact(label, value, own))
                words += f", {label} {{{label}}}"
        mark = f"{state} {row['files']} {row['frames']} {row['quarantined']} {held}"
        needs = held or row["fault"] or row["quarantined"]
        command = (
            f"daguerre triage {name}" if needs and state not in _LEFT_ALONE else ""
        )
        yield Thing("sessions", name, mark, say(f"{words}.", *facts), command)


def _list_gates(catalog: Catalog, status: dict[str, Any]) -> Iterator[Thing]:
    from assets.registry.person import tell_act

    for row in catalog.read_latest("promotions").to_pylist():
        own = Source("model", row["after_sha256"])
        facts = (Fact("task", row["task"], own), Fact("act", tell_act(row), own))
        yield Thing("gates", row["promotion_id"], "", say("{task}: {act}.", *facts))
    for name in status["waiting"]:
        fact = Fact("model", name, Source("home", "status"))
        words = say("{model} passed the gate and waits for a person.", fact)
        command = f"daguerre approve {name} --because ..."
        yield Thing("gates", f"waiting {name}", "", words, command)


def _list_drift(catalog: Catalog) -> Iterator[Thing]:
    where = f"statistic = {repr_sql(WHOLE_SESSION)}"
    for row in catalog.read_latest("drift", where=where).to_pylist():
        if row["is_drifted"]:
            own = Source("drift", row["session"])
            facts = (
                Fact("session", row["session"], own),
                Fact("model", f"{row['model_name']}/{row['model_version']}", own),
                Fact("reason", row["reason"], own),
            )
            words = "Session {session} has drifted from what {model} learnt: {reason}."
            yield Thing("drift", row["drift_id"], "", say(words, *facts))


def _list_alarms(catalog: Catalog) -> Iterator[Thing]:
    for row in catalog.read_latest("alarms").to_pylist():
        if row["is_told"]:
            own = Source("alarm", row["alarm_id"])
            facts = [Fact(name, row[name], own) for name in ("summary", "remedy")]
            words = say("Alarm: {summary}; {remedy}.", *facts)
            yield Thing("drift", row["alarm_id"], "", words)


def _list_requests(status: dict[str, Any]) -> Iterator[Thing]:
    for row in status["retraining_requests"]:
        own = Source("task", row["task"])
        facts = (
            *(Fact(n, row[n], own) for n in ("task", "reason", "answer")),
            Fact("session", row["session"], Source("drift", row["session"])),
        )
        words = "Retraining of {task} is asked for, for {session}: {reason}; {answer}."
        key = f"request {row['task']} {row['session']} {row['model_version']}"
        command = f"daguerre train {row['task']}"
        yield Thing("drift", key, row["reason"], say(words, *facts), command)


def _list_trainings(catalog: Catalog) -> Iterator[Thing]:
    from assets.registry.release import rules_of

    for row in read_results(catalog):
        own = Source("model", row["model_sha256"])
        metric = rules_of(row["task"]).metric
        facts = (
            Fact("model", row["model_sha256"][:16], own),
            *(Fact(name, row[name], own) for name in ("task", "recipe")),
            Fact("metric", metric, own),
            Fact("value", row["scores"].get(metric), own),
        )
        words = "Model {model} of {task} was trained by {recipe}: {metric} {value}."
        mark = str(row["scores"].get(metric))
        yield Thing("trainings", row["model_sha256"], mark, say(words, *facts))


def _list_queues(catalog: Catalog) -> Iterator[Thing]:
    columns = ["queue_id", "task", "state"]
    rows = catalog.read_latest("label_queue", columns).to_pylist()
    counts = Counter((r["queue_id"], r["task"], r["state"]) for r in rows)
    for queue_id, task in sorted({(r["queue_id"], r["task"]) for r in rows}):
        mine = {
            state: n
            for (q, t, state), n in counts.items()
            if (q, t) == (queue_id, task)
        }
        own = Source("queue", queue_id)
        num_open = mine.get("open", 0)
        facts = (
            Fact("queue", queue_id[:16], own),
            Fact("task", task, own),
            Fact("open", num_open, own),
            Fact("frames", sum(mine.values()), own),
        )
        words = say(
            "Queue {queue} for {task}: {open} of {frames} frames are open.", *facts
        )
        command = f"daguerre queue show {queue_id[:16]}" if num_open else ""
        yield Thing("labels", queue_id, str(sorted(mine.items())), words, command)


def _list_proposals(world: World) -> Iterator[Thing]:
    for one in open_book(world).list_all():
        proposal = one.proposal
        own = Source("proposal", proposal.proposal_id)
        facts = (
            Fact("proposal", proposal.proposal_id, own),
            Fact("state", one.state, own),
            Fact("command", tell_command(proposal.words), own),
            Fact("because", proposal.because, own),
        )
        words = say(
            "Proposal {proposal}: {state}: {command}, because {because}.", *facts
        )
        waits = one.state in ("open", "begun")
        command = f"daguerre proposals {proposal.proposal_id}" if waits else ""
        yield Thing("gates", proposal.proposal_id, one.state, words, command)


def _list_failed_runs(world: World, told: Collection[str]) -> Iterator[Thing]:
    """Without those of sessions that are told of themselves."""
    for run in list_ended_runs(world):
        if run.status in _BAD_RUNS and run.session not in told:
            own = Source("run", run.run_id)
            facts = [Fact("run", run.run_id[:8], own), Fact("job", run.job, own)]
            words = "Run {run} of {job} failed"
            if run.session:
                facts.append(Fact("session", run.session, own))
                words += " for session {session}"
            said = say(f"{words}.", *facts)
            command = f"daguerre triage {run.run_id[:8]}"
            yield Thing("runs", run.run_id, run.status, said, command, stays=False)
