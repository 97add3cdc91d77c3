"""What may be told of a home, as values: sessions, gates, drift, trainings, queues, alarms, proposals, runs.

Belongs here: reading each from what is stored. Does not: what of it is new. A thing has a mark: it is told again where
that is another.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from assets.registry.person import tell_time
from assets.retrieval.results import read_results
from assets.retrieval.run_history import Run, list_runs
from assets.retrieval.status import Home, read_status
from assets.tables.catalog import Catalog, repr_sql
from assets.tables.champions import GATE
from assets.tables.schemas.monitoring import WHOLE_SESSION
from assets.tables.schemas.registry import APPROVED, PROMOTED, ROLLED_BACK
from assets.wording import name_many
from orchestration.agent.answer import Fact, Sentence, Source, say
from orchestration.agent.proposing import may_know_of, open_book, tell_command
from orchestration.agent.world import World
from orchestration.roles.rights import Right

Row: TypeAlias = dict[str, Any]
SECTIONS = ("sessions", "gates", "drift", "trainings", "labels", "runs")
_MOST_RUNS = 500  # newest, that are looked at
_OF_BAD_RUNS = {"FAILURE": "failed", "CANCELED": "was stopped"}
_LEFT_ALONE = ("forgotten", "copy")
# what people say of the state of a session, a title, a proposal
_OF_SESSIONS = {
    "ingested": "is taken in",
    "held": "is held back from readers",
    "partial": "is taken in but for files that could not be read",
    "quarantined": "has no file that could be read",
    "waiting": "has files that are not taken in yet",
    "gone": "does not lie in the landing zone any more",
    "unreachable": "cannot be listed",
    "copy": "is a copy of another",
    "forgotten": "is forgotten",
    "empty": "has no files",
}
_OF_TITLES = {
    PROMOTED: "Version {version} of {task} was promoted",
    APPROVED: "Version {version} of {task} was approved",
    ROLLED_BACK: "{task} was rolled back to version {version}",
}
_OF_PROPOSALS = {
    "open": "waits for a decision",
    "begun": "was begun, and its end is not known",
    "done": "is done",
    "failed": "has failed",
    "rejected": "was rejected",
}


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
    trained = {row["model_sha256"]: row for row in read_results(world.catalog)}
    gates = [*_list_titles(world, trained), *_list_waiting(world, status, trained)]  # fmt: skip
    of_gates = {fact.source.id for gate in gates for fact in gate.sentence.facts}
    found = [
        *sessions,
        *gates,
        *_list_drift(world.catalog),
        *_list_alarms(world.catalog),
        *_list_requests(status),
        *(
            _tell_training(row)
            for sha256, row in trained.items()
            if sha256 not in of_gates
        ),
        *_list_queues(world.catalog),
        *_list_proposals(world),
        *_list_failed_runs(world, told),
    ]
    return sorted(found, key=lambda t: (SECTIONS.index(t.section), t.id))


def list_ended_runs(world: World) -> list[Run]:
    """The newest runs that have come to an end."""
    settings = world.settings
    runs = list_runs(settings.dagster_home, settings.dagster_url, _MOST_RUNS)
    return [run for run in runs if run.status in ("SUCCESS", *_OF_BAD_RUNS)]


def _list_sessions(status: dict[str, Any]) -> Iterator[Thing]:
    for row in status["sessions"]:
        name, state = row["session"], row["state"]
        own = Source("session", name)
        facts = [Fact(n, row[n], own) for n in ("session", "files", "frames")]
        files = f"{{files}} {name_many(row['files'], 'file')}"
        frames = f"{{frames}} stored {name_many(row['frames'], 'frame')}"
        words = f"Session {{session}} {_OF_SESSIONS[state]}: {files}, {frames}"
        held = "; ".join(sorted({h["reason"] for h in row["held"]}))
        unread = row["quarantined"]
        for fact, more in (
            (Fact("unread", unread, own), "{unread} not read"),
            (Fact("held", held, own), "held because {held}"),
        ):
            if fact.value:
                facts.append(fact)
                words += f", {more}"
        mark = f"{state} {row['files']} {row['frames']} {row['quarantined']} {held}"
        needs = held or row["fault"] or row["quarantined"]
        command = (
            f"daguerre triage {name}" if needs and state not in _LEFT_ALONE else ""
        )
        yield Thing("sessions", name, mark, say(f"{words}.", *facts), command)


def _list_titles(world: World, trained: Mapping[str, Row]) -> Iterator[Thing]:
    """Who became champion, with how the model was trained: a model is told of in one place."""
    for row in world.catalog.read_latest("promotions").to_pylist():
        is_known = row["who"] == GATE or world.may_know(row["who"], Right.APPROVE)
        told = _add_training(_say_title(row, is_known), trained.get(row["after_sha256"]))  # fmt: skip
        yield Thing("gates", row["promotion_id"], "", told)


def _say_title(row: Row, is_known: bool) -> Sentence:
    own = Source("model", row["after_sha256"])
    facts = (
        Fact("version", row["after_version"], own),
        Fact("task", row["task"], own),
        Fact("at", tell_time(row["at_ns"]), own),
    )
    act = _OF_TITLES[row["act"]]
    if not is_known:
        return say(f"{act} by a person at {{at}}.", *facts)
    persons = (Fact(name, row[name], own) for name in ("who", "why"))
    return say(f"{act} by {{who}} at {{at}}: {{why}}.", *facts, *persons)


def _list_waiting(
    world: World, status: dict[str, Any], trained: Mapping[str, Row]
) -> Iterator[Thing]:
    if not status["waiting"]:
        return
    weights = world.tracker.reader.weights()
    for name in status["waiting"]:
        task, _, version = name.partition("/")
        sha256 = weights.get((task, int(version)), "")
        own = Source("model", sha256) if sha256 else Source("home", "status")
        words = "{model} passed the gate and waits for a person."
        said = _add_training(say(words, Fact("model", name, own)), trained.get(sha256))
        command = f"daguerre approve {name} --because ..."
        yield Thing("gates", f"waiting {name}", "", said, command)


def _add_training(said: Sentence, row: Row | None) -> Sentence:
    if row is None:
        return said
    facts = [fact for fact in _list_training_facts(row) if fact.name not in {f.name for f in said.facts}]  # fmt: skip
    words = f"{said.words} It was trained by {{recipe}}: {{metric}} {{value}}."
    return say(words, *said.facts, *(f for f in facts if f"{{{f.name}}}" in words))


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


def _tell_training(row: Row) -> Thing:
    facts = _list_training_facts(row)
    words = "Model {model} of {task} was trained by {recipe}: {metric} {value}."
    return Thing("trainings", row["model_sha256"], str(facts[-1].value), say(words, *facts))  # fmt: skip


def _list_training_facts(row: Row) -> tuple[Fact, ...]:
    """Of a model: the last one is its score by the metric of the gate."""
    from assets.registry.release import rules_of

    own = Source("model", row["model_sha256"])
    metric = rules_of(row["task"]).metric
    return (
        Fact("model", row["model_sha256"][:16], own),
        *(Fact(name, row[name], own) for name in ("task", "recipe")),
        Fact("metric", metric, own),
        Fact("value", row["scores"].get(metric), own),
    )


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
        is_known = may_know_of(world, one)
        facts = [
            Fact("proposal", proposal.proposal_id, own),
            Fact("command", tell_command(proposal.words, is_known), own),
        ]
        told = f"Proposal {{proposal}} {_OF_PROPOSALS[one.state]}: {{command}}"
        if is_known:
            facts.append(Fact("because", proposal.because, own))
            told += ", because {because}"
        words = say(f"{told}.", *facts)
        waits = one.state in ("open", "begun")
        command = f"daguerre proposals {proposal.proposal_id}" if waits else ""
        yield Thing("gates", proposal.proposal_id, one.state, words, command)


def _list_failed_runs(world: World, told: Collection[str]) -> Iterator[Thing]:
    """Without those of sessions that are told of themselves."""
    for run in list_ended_runs(world):
        if run.status in _OF_BAD_RUNS and run.session not in told:
            own = Source("run", run.run_id)
            facts = [Fact("run", run.run_id[:8], own), Fact("job", run.job, own)]
            words = f"Run {{run}} of {{job}} {_OF_BAD_RUNS[run.status]}"
            if run.session:
                facts.append(Fact("session", run.session, own))
                words += " for session {session}"
            said = say(f"{words}.", *facts)
            command = f"daguerre triage {run.run_id[:8]}"
            yield Thing("runs", run.run_id, run.status, said, command, stays=False)
