"""What may be asked in plain words: example questions of each kind, and the tool and arguments that answer it.

Belongs here: one value a kind. In an example `<session>` stands for any session, and so on. Does not: finding names.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from orchestration.agent.asking.count_sql import write_count
from orchestration.agent.asking.counting import read_count
from orchestration.agent.asking.names import Question

Make: TypeAlias = Callable[[Question], Mapping[str, Any]]


@dataclass(frozen=True)
class Intent:
    """One kind of question. `make` raises LookupError where a name is lacking.

    A question that names several things of a kind where examples have one is asked about each, unless `is_at_once`. One
    of which the grammar decides is never chosen by its examples: they tell what can be asked.
    """

    name: str
    tool: str
    examples: tuple[str, ...]
    make: Make = lambda question: {}
    is_at_once: bool = False

    def list_repeated(self, question: Question) -> list[str]:
        """Kinds of which the question names more than any example does."""
        if self.is_at_once:
            return []
        most = {
            kind: max(text.count(f"<{kind}>") for text in self.examples)
            for kind in question.names
        }
        return [k for k, names in question.names.items() if 0 < most[k] < len(names)]


def _named(**arguments: str) -> Make:
    """Arguments by the kind of name that they are."""

    def make(question: Question) -> dict[str, str]:
        return {name: question.first(kind) for name, kind in arguments.items()}

    return make


def _two(kind: str) -> Make:
    def make(question: Question) -> dict[str, str]:
        found = [*question.names.get(kind, ()), *question.names.get("task", ())][:2]
        if len(found) < 2:
            raise LookupError(f"a second {kind}")
        return {"first": found[0], "second": found[1]}

    return make


def _traced(question: Question) -> dict[str, str]:
    for kind in ("prediction", "track", "frame", "capture", "release", "model"):
        if kind in question.names:
            return {"kind": kind, "id": question.first(kind)}
    raise LookupError("id")


def _about(question: Question) -> dict[str, str]:
    for kind in ("release", "model", "session", "task"):
        if kind in question.names:
            return {"of": question.first(kind)}
    raise LookupError("session")


def _in_time(question: Question) -> dict[str, str]:
    since, _, before = question.first("time").partition("/")
    return {"since": since, "before": before} if since else {"before": before}


_THINGS = ("frame", "capture", "release", "model", "prediction", "track")


def _of_things(*forms: str) -> tuple[str, ...]:
    return tuple(form.format(f"<{kind}>") for form in forms for kind in _THINGS)


def _count(question: Question) -> dict[str, str]:
    count = read_count(question)
    statement = write_count(count, question.names) if count else None
    if statement is None:
        raise LookupError("count")
    return {"sql": statement}


# what is stored, counted or listed: read by its grammar, so that of these examples any mixture is
COUNTED = Intent(
    "count",
    "sql",
    (
        "how many frames are there",
        "how many frames has <session>",
        "how many frames has <sensor> in <session>",
        "how many frames has each session",
        "which session has most frames",
        "how many frames of <session> have no label",
        "how many <class> labels are there",
        "how many <class> labels has <session>",
        "how many labels has each class",
        "which classes are labelled in <session>",
        "which class has fewest labels",
        "which sessions have more than <number> labels",
        "how many sessions are there",
        "which sensors has <session>",
        "how many frames has release <release>",
        "how many frames has each part of <release>",
        "which releases are there",
        "which releases of <task> are there",
        "how many models of <task> are there",
        "which models were trained on <release>",
        "how many frames wait for labels",
    ),
    _count,
    is_at_once=True,
)

INTENTS = (
    COUNTED,
    Intent(
        "status",
        "sessions",
        (
            "which sessions are there",
            "status",
            "status of the home",
            "overview of all sessions",
            "what was taken in",
            "what is going on",
            "how does the home look",
        ),
    ),
    Intent(
        "status_of_session",
        "sessions",
        (
            "what is the state of session <session>",
            "status of <session>",
            "how is <session> doing",
            "<session>",
            "was <session> ingested",
            "how far is <session>",
        ),
        _named(session="session"),
    ),
    Intent(
        "failed_checks",
        "failed_checks",
        (
            "which checks failed",
            "which checks do not hold",
            "why did the gate fail",
            "which gates did not pass",
            "which gates are closed",
            "which sessions are held back and why",
            "what is wrong",
        ),
    ),
    Intent(
        "failed_checks_of_session",
        "failed_checks",
        (
            "which checks of session <session> failed",
            "why did the gate of <session> fail",
            "why is session <session> held back",
            "what is wrong with <session>",
        ),
        _named(session="session"),
    ),
    Intent(
        "quarantine",
        "quarantine",
        (
            "what is in quarantine",
            "what was put in quarantine",
            "which files were rejected at intake",
            "which files could not be read",
            "which files are corrupt",
            "which files are bad",
        ),
    ),
    Intent(
        "quarantine_of_session",
        "quarantine",
        (
            "what of session <session> is in quarantine",
            "which files of <session> could not be read",
            "which files in <session> are corrupt",
            "which files of <session> are bad",
        ),
        _named(session="session"),
    ),
    Intent(
        "models",
        "models",
        (
            "which models are there",
            "which models were trained",
            "scores of all models",
            "list all models with scores",
            "who is champion",
            "which model is best",
        ),
    ),
    Intent(
        "models_of_task",
        "models",
        (
            "which models of <task> are there",
            "scores of <task>",
            "how good is the <task> model",
        ),
        _named(task="task"),
    ),
    Intent(
        "champion_of_task",
        "models",
        ("who is champion of <task>", "which model is best for <task>"),
        lambda question: {"task": question.first("task"), "only_champions": True},
    ),
    Intent(
        "compare_models",
        "compare_models",
        (
            "compare model <model> with <model>",
            "is <model> better than <model>",
            "difference between the models <model> and <model>",
            "compare the champion of <task> with <model>",
        ),
        _two("model"),
    ),
    Intent(
        "compare_releases",
        "compare_releases",
        (
            "what changed between release <release> and <release>",
            "compare the datasets <release> and <release>",
            "difference of release <release> to <release>",
        ),
        _two("release"),
    ),
    Intent(
        "lineage",
        "lineage",
        (
            *_of_things(
                "where does {} come from",
                "lineage of {}",
                "which models saw {}",
                "what rests on {}",
                "what was made from {}",
            ),
            "which data was <model> trained on",
        ),
        _traced,
    ),
    Intent(
        "terms",
        "terms",
        (
            "under which licence is <session>",
            "what is the licence of <session>",
            "licence of session <session>",
            "under which licences is <release>",
            "what may <model> be used for",
            "may we use <session>",
            "may <release> be used",
            "what would be lost without <session>",
            "which models learnt from <session>",
            "which models have seen <session>",
            "which licences does <model> rest on",
            "licence of the <task> model",
            "may we use the <task> model",
            "what may <task> be used for",
            "on which data does <task> rest",
            "is there a consent for <session>",
            "terms of <release>",
        ),
        _about,
    ),
    Intent(
        "terms_of_all",
        "terms",
        (
            "which sessions have no licence",
            "sessions without a licence",
            "licences of all sessions",
            "whose consents end soon",
        ),
    ),
    Intent(
        "departures",
        "departures",
        (
            "what left the house",
            "what was exported",
            "what was handed on",
            "list the departures",
        ),
    ),
    Intent(
        "departures_of",
        "departures",
        (
            "what left of <session>",
            "was <session> exported",
            "was <release> exported",
            "who got <release>",
        ),
        _about,
    ),
    Intent(
        "similar_frames",
        "similar_frames",
        (
            "which frames look like <frame>",
            "frames similar to <frame>",
            "what resembles <frame>",
        ),
        _named(frame="frame"),
    ),
    Intent(
        "stale",
        "stale",
        (
            "what is stale",
            "which assets are stale",
            "what is to be made anew",
            "what is out of date",
            "which rows were made by old code",
            "what would be recomputed and what does that cost",
            "plan",
        ),
    ),
    Intent(
        "stale_of_session",
        "stale",
        ("what of session <session> is stale", "what is to be made anew of <session>"),
        lambda question: {"sessions": [question.first("session")]},
    ),
    Intent(
        "cost_of_asset",
        "cost",
        (
            "how long does <asset> take",
            "what does <asset> cost",
            "how expensive is it to make <asset>",
        ),
        _named(asset="asset"),
    ),
    Intent(
        "cost_of_training",
        "cost",
        (
            "how long does training <task> take",
            "how long does training a <task> model take",
            "what does it cost to train <task>",
            "how long did the <task> training take",
        ),
        lambda question: {"asset": f"training/{question.first('task')}"},
    ),
    Intent(
        "costs",
        "cost",
        (
            "what does everything cost",
            "how long do assets take",
            "costs of the runs",
            "costs of all assets",
            "where does the time go",
            "which step is most expensive",
        ),
    ),
    Intent(
        "drift",
        "drift",
        (
            "which sessions have drifted",
            "is there drift",
            "which alarms were raised",
            "why was the alarm raised",
            "do sessions differ from what the champion learnt",
            "do new sessions differ from what models learnt",
            "has the data changed since models were trained",
        ),
    ),
    Intent(
        "drift_of_session",
        "drift",
        (
            "has session <session> drifted",
            "why did <session> drift",
            "what moved in <session>",
            "is <session> like what the champion learnt",
            "how does <session> differ from the training data",
        ),
        _named(session="session"),
    ),
    Intent(
        "runs",
        "runs",
        (
            "which runs were there",
            "the newest runs",
            "list the newest runs",
            "what ran last",
            "when was the last run",
        ),
    ),
    Intent(
        "failed_runs",
        "runs",
        (
            "which runs failed",
            "failed runs",
            "which runs ended badly",
            "did any run fail",
        ),
        lambda question: {"status": "FAILURE"},
    ),
    Intent(
        "runs_of_time",
        "runs",
        ("which runs were there <time>", "what was done <time>"),
        _in_time,
    ),
    Intent(
        "failed_runs_of_time",
        "runs",
        ("which runs failed <time>",),
        lambda question: {"status": "FAILURE", **_in_time(question)},
    ),
    Intent(
        "newest_runs",
        "runs",
        ("the newest <number> runs",),
        lambda question: {"limit": int(question.first("number"))},
    ),
    Intent(
        "why_run_failed",
        "run_log",
        (
            "why did the last run fail",
            "what is the error of the newest run",
            "why did the newest run not end well",
            "what was the reason that a run failed",
            "log of the run that failed",
        ),
    ),
    Intent(
        "log_of_run",
        "run_log",
        ("log of run <run>", "why did run <run> fail", "what did run <run> say"),
        _named(run="run"),
    ),
    Intent(
        "triage",
        "triage",
        (
            "triage",
            "triage of the last run",
            "what stopped the last run and what helps",
            "what helps against the last failure",
        ),
    ),
    Intent(
        "triage_of_run",
        "triage",
        ("triage of run <run>", "what stopped run <run> and what helps"),
        _named(what="run"),
    ),
    Intent(
        "triage_of_session",
        "triage",
        (
            "triage of session <session>",
            "triage of <session>",
            "what blocks <session> and what helps",
        ),
        _named(what="session"),
    ),
    Intent(
        "morning",
        "morning",
        (
            "good morning",
            "morning report",
            "what happened since the last time",
            "what happened over night",
            "what is new since yesterday",
            "what waits for me",
        ),
    ),
    Intent(
        "tables",
        "tables",
        ("which tables are there", "what can be queried"),
    ),
    Intent(
        "columns_of_table",
        "tables",
        (
            "which columns has table <table>",
            "what is in the table <table>",
            "describe <table>",
            "which fields are in <table>",
        ),
        _named(table="table"),
    ),
    Intent(
        "proposals",
        "proposals",
        (
            "what is proposed",
            "which proposals are open",
            "what waits for approval",
        ),
    ),
    Intent(
        "calls_of_time",
        "calls",
        ("what was asked <time>", "log of calls <time>"),
        _in_time,
    ),
    Intent(
        "calls",
        "calls",
        (
            "what was asked",
            "who asked what",
            "who used the tools",
            "log of all calls",
            "the newest calls",
            "which questions were asked",
        ),
    ),
)
